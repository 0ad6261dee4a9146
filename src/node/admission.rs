//! Clients that have not said hello: how many may be connected, for how long, and what is said
//! about them.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::log::LogLimiter;
use super::sync::UNPOISONED;
use crate::process::PeerId;

/// How long a connection may take to say hello. The hello is on its way when the connection is
/// accepted, however long that way is.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections may be without a hello, if the system gives that many file descriptors.
/// Peers that have said it do not count.
pub(super) const MAX_UNKNOWN: usize = 1024;
/// How many file descriptors are kept for everything else.
const RESERVED_FILES: usize = 128;
/// How long a connection beyond [`MAX_UNKNOWN`] has for its hello, so that a known peer still
/// gets in: its hello is on the way when it is accepted.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// How many connections may have that grace at once; more are closed at once.
pub(super) const MAX_GRACED: usize = 64;
/// How many lines about unknown clients are said at once; one more follows every
/// [`LINE_EVERY`], and the rest is counted.
const LINES_AT_ONCE: u32 = 20;
/// How soon one more line may be said.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// How soon the same line may be said again.
const SAME_LINE_AGAIN: Duration = Duration::from_secs(60);

/// True of an address from which connections are accepted.
pub type Allow = Box<dyn Fn(IpAddr) -> bool + Send>;

/// Counts the clients that have not said hello, and limits what is said about them.
pub(super) struct Admission {
    unknown: AtomicUsize,
    /// [`MAX_UNKNOWN`], or fewer where file descriptors are few.
    most: usize,
    pub(super) lines: LogLimiter,
    /// Peers whose unexpected address was reported.
    reported: Mutex<BTreeSet<PeerId>>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            unknown: AtomicUsize::new(0),
            most: most(open_files()),
            lines: LogLimiter::new(LINES_AT_ONCE, LINE_EVERY, SAME_LINE_AGAIN),
            reported: Mutex::default(),
        }
    }
}

/// How many clients may be without a hello, if so many files may be open.
fn most(open_files: Option<usize>) -> usize {
    open_files.map_or(MAX_UNKNOWN, |files| MAX_UNKNOWN.min(files.saturating_sub(RESERVED_FILES)))
}

/// How many files this process may have open, where the system says so.
fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Admission {
    /// Counts one more client; how long it has for its hello, `None` if there is no room for it.
    pub(super) fn enter(&self) -> Option<Duration> {
        match self.unknown.fetch_add(1, Ordering::Relaxed) {
            n if n < self.most => Some(HELLO_TIMEOUT),
            n if n < self.most + MAX_GRACED => Some(GRACE),
            _ => None,
        }
    }

    /// A client that [entered](Self::enter) has said hello, or is gone.
    pub(super) fn leave(&self) {
        self.unknown.fetch_sub(1, Ordering::Relaxed);
    }

    /// True the first time that this peer comes from an address that its name does not give.
    /// Honest peers do: loopback aliases, several networks and published ports bring that about.
    pub(super) fn is_first_report(&self, peer: PeerId) -> bool {
        self.reported.lock().expect(UNPOISONED).insert(peer)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn beyond_the_bound_some_have_a_moment_for_their_hello_and_the_rest_none() {
        const MOST: usize = 2;
        let admission = Admission { most: MOST, ..Admission::default() };
        let times: Vec<_> = (0..=MOST + MAX_GRACED).map(|_| admission.enter()).collect();
        assert_eq!(times[..MOST], [Some(HELLO_TIMEOUT); MOST]);
        assert_eq!(times[MOST..MOST + MAX_GRACED], [Some(GRACE); MAX_GRACED]);
        assert_eq!(times[MOST + MAX_GRACED], None);
        for _ in times {
            admission.leave();
        }
        assert_eq!(admission.enter(), Some(HELLO_TIMEOUT), "all others are gone");
    }

    #[test]
    fn clients_leave_files_for_everything_else() {
        let ample = MAX_UNKNOWN + RESERVED_FILES;
        for (files, expected) in [
            (None, MAX_UNKNOWN),
            (Some(usize::MAX), MAX_UNKNOWN),
            (Some(ample), MAX_UNKNOWN),
            (Some(ample - 1), MAX_UNKNOWN - 1),
            (Some(RESERVED_FILES + 1), 1),
            (Some(RESERVED_FILES - 1), 0),
        ] {
            assert_eq!(most(files), expected, "{files:?}");
        }
    }

    #[test]
    fn the_limit_of_files_is_the_one_that_the_shell_tells() {
        let shell = Command::new("sh").args(["-c", "ulimit -n"]).output().unwrap();
        let told = String::from_utf8_lossy(&shell.stdout);
        assert_eq!(open_files(), told.trim().parse().ok(), "{told}");
    }

    #[test]
    fn an_unexpected_address_is_reported_once_for_each_peer() {
        let admission = Admission::default();
        let reports = [1, 1, 2, 1].map(|peer| admission.is_first_report(PeerId(peer)));
        assert_eq!(reports, [true, false, true, false]);
    }
}
