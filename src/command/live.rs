//! A run that is judged while it goes on: by `synod local`, which starts the peers itself, and by
//! `synod judge`, which reads the log of peers in containers.
//!
//! Both know a protocol as a [`LiveProtocol`]: it reads the protocol's own flags, says how each
//! peer is started, and makes the [`LiveRun`] that hears what the peers print.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;

use super::args::{self, Argument};
use crate::error::Result;
use crate::hosts::Hosts;
use crate::process::PeerId;
use crate::visible::visible;

/// The hostsfile that `local` runs when none is named.
const DEFAULT_HOSTS: &str = include_str!("../../hostsfiles/hostsfile-testcase2.txt");
/// In the list of a protocol's files: it has no hostsfile.
pub const NO_HOSTS: &str = "no hostsfile";
/// How many reasons are kept: a program gone wrong gives the same one many times.
const MOST_REASONS: usize = 20;

/// What `local` and `judge` know of a protocol.
pub struct LiveProtocol {
    /// Its part of the help of `synod local`.
    pub local_help: &'static str,
    /// Its part of the help of `synod judge`.
    pub judge_help: &'static str,
    /// Reads the arguments of either.
    pub prepare: fn(Caller, Parser) -> Result<Prepared>,
}

/// Who runs the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `synod local`: each peer is a child process.
    Local,
    /// `synod judge`: they run elsewhere, and there is one log of all.
    Judge,
}

/// How a peer is started that reads no hostsfile.
pub type PeerLine = Box<dyn Fn(&Hosts, PeerId) -> Vec<OsString>>;

/// A run before it starts.
pub struct Prepared {
    /// The peers.
    pub hosts: Hosts,
    /// The flags that all protocols share.
    pub flags: RunFlags,
    /// Each peer's own arguments; `local` adds who it is and where its files are.
    pub args: BTreeMap<PeerId, Vec<OsString>>,
    /// Instead, where the peers read no hostsfile: all arguments of one, given where all are.
    pub line: Option<PeerLine>,
    /// How long after the first each peer is started; those that are not named are at once.
    pub starts: BTreeMap<PeerId, Duration>,
    /// How `local` reads a child's two streams.
    pub pipes: Pipes,
    /// What every peer says alike, and what is said once in its place.
    pub alike: Option<(&'static str, &'static str)>,
    /// Flags for the picture.
    pub draw: Vec<OsString>,
    /// `local` reads commands from its standard input, and [`LiveRun::typed`] hears them.
    pub has_prompt: bool,
    /// Hears the peers.
    pub run: Box<dyn LiveRun>,
}

/// Over what a child's two streams come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipes {
    /// One pipe, so that the lines come in their order.
    One,
    /// A pipe each.
    Two,
}

/// On which stream a line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Either: a log of containers mixes them. Prose begins with the peer's own name.
    Mixed,
}

/// How a peer's process ended.
pub struct Exit {
    /// Its exit code; none if it was killed, or nobody knows.
    pub code: Option<i32>,
    /// The same for people.
    pub text: String,
}

impl Exit {
    /// With this code.
    pub fn of_code(code: Option<i32>) -> Self {
        let text = code.map_or_else(|| "unknown".into(), |code| format!("exit code {code}"));
        Self { code, text }
    }

    /// With exit code 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// With exit code 2: a flag, a file or the machine was at fault.
    pub fn is_machine_fault(&self) -> bool {
        self.code == Some(2)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a scenario does to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// It is about to be killed, so its end is no fault of its own.
    Killed(PeerId),
    /// It is about to be started again.
    Started(PeerId),
    /// It is about to be told to leave.
    Quits(PeerId),
    /// It has been cut off from a majority.
    CutOff(PeerId),
    /// It has been frozen.
    Frozen(PeerId),
    /// It has been disconnected.
    Disconnected(PeerId),
    /// That is about to end, whichever it was.
    Back(PeerId),
}

/// What a run wants done with its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAction {
    /// This line goes to the peer's standard input.
    Type(PeerId, String),
    /// It is killed.
    Kill(PeerId),
    /// This text is for the person at the prompt.
    Say(String),
}

/// Hears a run, and judges it as it goes on.
pub trait LiveRun {
    /// This peer has been started; `local` says it of each.
    fn started(&mut self, _peer: PeerId) {}

    /// A line that the peer printed, `after` the start of the run.
    fn line(&mut self, peer: PeerId, stream: Stream, after: Duration, text: &str);

    /// Something is done to a peer; `judge` says so where its scenario does.
    fn fault(&mut self, _fault: PeerEvent) {}

    /// The scenario ends before its time.
    fn broken_off(&mut self, why: &str) {
        self.object(format!("the scenario was broken off: {why}"));
    }

    /// Somebody has typed a line at the prompt; none: there will be no more.
    fn typed(&mut self, _line: Option<&str>) {}

    /// What is to be done now, as long as there is something.
    fn action(&mut self) -> Option<PeerAction> {
        None
    }

    /// The peer's process has ended.
    fn ended(&mut self, peer: PeerId, exit: &Exit);

    /// The run has failed for a reason that no line shows.
    fn object(&mut self, reason: String);

    /// The time was up, or without one the log ended, before anything was decided.
    fn unfinished(&mut self, timeout: Option<Duration>) {
        self.object(match timeout {
            Some(timeout) => format!("not reached within {} s", timeout.as_secs_f64()),
            None => "the log ended before the goal was reached".into(),
        });
    }

    /// True if all is as it must be, as things stand.
    fn reached(&self) -> bool;

    /// True if it can no more be reached.
    fn failed(&self) -> bool;

    /// The verdict on what was heard so far.
    fn verdict(&self) -> RunVerdict;
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct RunVerdict {
    /// What each peer reached: lines of text.
    pub table: String,
    /// Why the run failed; empty if it did not.
    pub reasons: Vec<String>,
    /// What a run that did not fail has shown.
    pub shown: String,
}

impl RunVerdict {
    /// Table and outcome, for people.
    pub fn for_people(&self) -> String {
        let outcome = if self.passed() {
            format!("passed: {}\n", self.shown)
        } else {
            let reasons: Vec<String> = self.reasons.iter().map(|reason| visible(reason)).collect();
            format!("FAILED: {}\n", reasons.join("\nFAILED: "))
        };
        format!("\n{}{outcome}", self.table)
    }

    /// True if nothing was wrong.
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Why a run failed: each reason once, and a bounded number of them.
#[derive(Clone, Debug, Default)]
pub struct Reasons(Vec<String>);

impl Reasons {
    /// One more.
    pub fn add(&mut self, reason: String) {
        if self.0.len() < MOST_REASONS && !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    /// All, in the order in which they came.
    pub fn list(&self) -> &[String] {
        &self.0
    }
}

/// The flags of `local` and `judge` that all protocols share.
pub struct RunFlags {
    /// Who is asked.
    pub caller: Caller,
    /// The hostsfile, if it is named.
    pub hosts: Option<PathBuf>,
    /// Where the peers keep their state.
    pub data: Option<PathBuf>,
    /// Where the journals go.
    pub trace: Option<PathBuf>,
    /// Where the picture goes.
    pub draw: Option<PathBuf>,
    /// When the run is given up.
    pub timeout: Duration,
    files: &'static [&'static str],
}

impl RunFlags {
    /// Reads all arguments. `files` are those of `--data`, `--trace` and `--draw` that the
    /// protocol has for `local`; `own` takes a flag of its own, or says that it has no such.
    ///
    /// # Errors
    /// A flag that nobody takes, or a value that is none.
    pub fn parse(
        caller: Caller,
        files: &'static [&'static str],
        timeout_secs: u64,
        parser: Parser,
        mut own: impl FnMut(&str, &mut Parser) -> Result<bool>,
    ) -> Result<Self> {
        let timeout = Duration::from_secs(timeout_secs);
        let (hosts, data, trace, draw) = (None, None, None, None);
        let mut flags = Self { caller, hosts, data, trace, draw, timeout, files };
        args::read(parser, |argument, parser| match argument {
            Argument::Flag(name) => Ok(flags.take(name, parser)? || own(name, parser)?),
            Argument::Operand(path)
                if caller == Caller::Local
                    && flags.hosts.is_none()
                    && !files.contains(&NO_HOSTS) =>
            {
                flags.hosts = Some(path.into());
                Ok(true)
            }
            Argument::Operand(_) => Ok(false),
        })?;
        Ok(flags)
    }

    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool> {
        let has = |name| self.caller == Caller::Local && self.files.contains(&name);
        match name {
            "-h" if self.hosts.is_none() && !self.files.contains(&NO_HOSTS) => {
                self.hosts = Some(parser.value()?.into());
            }
            "--timeout" => self.timeout = args::seconds(name, parser.value()?)?,
            "--data" if has(name) => self.data = Some(args::directory(name, parser.value()?)?),
            "--trace" if has(name) => self.trace = Some(parser.value()?.into()),
            "--draw" if has(name) => self.draw = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The peers of the hostsfile that is named; for `local`, test case 2 where none is.
    ///
    /// # Errors
    /// None is named where one must be, or it cannot be read.
    pub fn read_hosts(&self) -> Result<Hosts> {
        match &self.hosts {
            None if self.caller == Caller::Local => {
                Hosts::parse(DEFAULT_HOSTS, "hostsfile-testcase2.txt")
            }
            path => super::hosts(&args::hostsfile(path.clone())?),
        }
    }

    /// True if the peers keep a journal for this run: it is asked for, or drawn.
    pub fn has_journal(&self) -> bool {
        self.trace.is_some() || self.draw.is_some() && self.files.contains(&"--trace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_once_and_their_number_is_bounded() {
        let mut reasons = Reasons::default();
        for number in 0..2 * MOST_REASONS {
            for _ in 0..2 {
                reasons.add(number.to_string());
            }
        }
        let want: Vec<String> = (0..MOST_REASONS).map(|number| number.to_string()).collect();
        assert_eq!(reasons.list(), want);
    }
}
