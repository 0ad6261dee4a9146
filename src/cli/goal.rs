//! What the peers of a run must reach, beside a chosen value: the barrier, or one group.
//!
//! A goal hears what the peers print on standard error, from children or from a log of containers.
//! Words for people begin with the peer's own name; everything else must be a line of the
//! protocol, so a panic or a refused flag fails the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::member::judge::MemberJudge;
use crate::process::PeerId;
use crate::visible::visible;

/// What is to be reached, and what was heard so far.
pub(crate) enum Goal {
    /// Everybody is ready, and nobody was before everybody was there.
    Ready {
        all: BTreeSet<u16>,
        started: BTreeSet<u16>,
        ready: BTreeMap<u16, Duration>,
        rules: MemberJudge,
    },
    /// The survivors are one group.
    Group { expected: BTreeSet<u16>, crashing: BTreeSet<u16>, rules: MemberJudge },
}

impl Goal {
    /// The barrier for so many peers.
    pub(crate) fn ready(count: u16) -> Self {
        let all = (1..=count).collect();
        let (started, ready) = (BTreeSet::new(), BTreeMap::new());
        Self::Ready { all, started, ready, rules: MemberJudge::default() }
    }

    /// A group of so many peers, of which some will crash. With `leader_crashes` the first one
    /// does, and the highest is removed on request before.
    pub(crate) fn group(count: u16, crashes: &BTreeSet<u16>, leader_crashes: bool) -> Result<Self> {
        if let Some(stray) = crashes.iter().find(|peer| **peer > count) {
            return Err(Error::Usage(format!("-c {stray}: there are only {count} peers")));
        }
        let mut crashing = crashes.clone();
        let mut on_request = BTreeSet::new();
        if leader_crashes {
            crashing.insert(1);
            on_request.insert(count);
        }
        let gone = &crashing | &on_request;
        let expected: BTreeSet<u16> = (1..=count).filter(|peer| !gone.contains(peer)).collect();
        if expected.is_empty() {
            return Err(Error::Usage("nobody would be left: let somebody live".into()));
        }
        Ok(Self::Group { expected, crashing, rules: MemberJudge::new(on_request) })
    }

    fn rules(&self) -> &MemberJudge {
        match self {
            Self::Ready { rules, .. } | Self::Group { rules, .. } => rules,
        }
    }

    /// The run failed for a reason that no line shows.
    pub(crate) fn object(&mut self, reason: String) {
        match self {
            Self::Ready { rules, .. } | Self::Group { rules, .. } => rules.object(reason),
        }
    }

    /// This peer has been started.
    pub(crate) fn started(&mut self, peer: PeerId) {
        if let Self::Ready { started, .. } = self {
            started.insert(peer.0);
        }
    }

    /// A line of the peer's standard error, so long after the start of the run.
    pub(crate) fn said(&mut self, peer: PeerId, after: Duration, line: &str) {
        if line.starts_with(&format!("{peer}: ")) {
            return;
        }
        match self {
            Self::Group { rules, .. } => rules.line(peer.0, line),
            Self::Ready { all, started, ready, rules } => {
                if line != "READY" {
                    // With -d: a time stamp, then the peer's name.
                    let told = line.get(16..).is_some_and(|l| l.starts_with(&peer.to_string()));
                    if !told {
                        rules.object(format!("{peer} printed a line of another form: {line}"));
                    }
                } else if started != all {
                    rules.object(format!("{peer} is ready before all have been started"));
                } else if ready.insert(peer.0, after).is_some() {
                    rules.object(format!("{peer} says READY twice"));
                }
            }
        }
    }

    /// The peer's process has ended; `well` with exit code 0.
    pub(crate) fn ended(&mut self, peer: PeerId, well: bool, how: &str) {
        let allowed = match self {
            Self::Ready { ready, .. } => well && ready.contains_key(&peer.0),
            Self::Group { rules, .. } => well && rules.has_crashed(peer.0),
        };
        if !allowed {
            self.object(format!("{peer} ended too early: {how}"));
        }
    }

    /// True if all is as it should be, as things stand.
    pub(crate) fn is_reached(&self) -> bool {
        match self {
            Self::Ready { all, ready, .. } => all.len() == ready.len(),
            Self::Group { expected, crashing, rules } => {
                crashing.iter().all(|peer| rules.has_crashed(*peer)) && rules.agree(expected)
            }
        }
    }

    /// True if it can never be reached.
    pub(crate) fn has_failed(&self) -> bool {
        !self.rules().reasons().is_empty()
    }

    /// The verdict as text, and whether it is a good one.
    pub(crate) fn verdict(&self) -> (String, bool) {
        let mut text = match self {
            Self::Group { rules, .. } => rules.table(),
            Self::Ready { all, ready, .. } => {
                let mut table = String::from("peer    ready after\n");
                for peer in all {
                    let name = format!("peer{peer}");
                    let after = ready
                        .get(peer)
                        .map_or("-".into(), |after| format!("{:.3} s", after.as_secs_f64()));
                    let _ = writeln!(table, "{name:<7} {after}"); // a String takes all
                }
                table
            }
        };
        let passed = self.is_reached() && !self.has_failed();
        let list =
            |peers: &BTreeSet<u16>| peers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        for reason in self.rules().reasons() {
            let _ = writeln!(text, "FAILED: {}", visible(reason));
        }
        match self {
            Self::Ready { all, .. } if passed => {
                let _ = writeln!(text, "passed: {} peers, and all are ready", all.len());
            }
            Self::Group { expected, .. } if passed => {
                let _ = writeln!(text, "passed: [{}] are one group", list(expected));
            }
            Self::Group { expected, .. } if !self.is_reached() => {
                let _ = writeln!(text, "FAILED: [{}] are not one group", list(expected));
            }
            Self::Ready { .. } | Self::Group { .. } => {}
        }
        (text, passed)
    }
}
