//! The judge of a finished run: which rule of Paxos was broken, and by which lines?
//!
//! It is fed the lines that [`dialect`] yields and recomputes promises, votes and the choice
//! from them. It shares no code with the protocol that it judges: a mistake in the one must not
//! hide itself in the other.
//!
//! # What a log can prove
//! A log is a set of accounts, one for each peer. Only the order of *one peer's own lines in one
//! input* is trusted. How the accounts of two peers are shuffled says nothing: a receipt may stand
//! before its send. So the rules are of two kinds.
//!
//! * Rules about one peer's conduct are judged while its lines go by (`conduct`): a promise is
//!   kept, an ack follows its question, numbers grow.
//! * Rules about a number are judged when all lines about it are known (`settle`): was there a
//!   majority of promises before the accept, of votes for what was chosen, was each message that
//!   was received also sent?
//!
//! A rule that the log cannot decide is *not decidable*, which is neither broken nor kept. The
//! five printed keys leave much open: an ack does not say which question it answers, nor under
//! which number its value was accepted. A vote therefore counts as *possible* where a missing one
//! would be a violation, and only as *certain* where its presence would be one. The journal
//! (`--trace`) closes these gaps.
//!
//! A peer that was killed may have lost the end of its printed lines: what it sent last may be
//! received though no line says that it was sent. That is held against a peer only if its own
//! lines go on behind the gap, or are a journal's, which is written before anything is sent.
//!
//! A journal that goes to a pipe says so in its first line (`queued`): a kill costs its end, so it
//! is taken like printed lines there. Where nobody read it in time, it has a `lost` line in place
//! of others. Whatever is missing may have stood there, so no rule is broken by what is missing
//! anywhere in that log: only lines that are here can still contradict each other.
//!
//! # Memory
//! What is kept grows with numbers times acceptors, never with lines, and is bounded by
//! [`MOST_RECORDS`]: beyond that the lowest numbers are judged by what is known and forgotten.
//!
//! Left out: one log with several decisions (each would need a name in its lines), and messages
//! that were altered between two peers whose values are both plausible.

mod acks;
mod asked;
mod conduct;
pub mod dialect;
mod filing;
mod finish;
mod form;
mod hypothesis;
mod intake;
mod known;
pub mod live;
mod progress;
mod questions;
mod reading;
mod received;
mod report;
mod rules;
mod settle;
mod state;
mod support;
mod value;
mod verdict;
mod word;

pub use dialect::PeerIdMeans;
pub use intake::PaxosJudge;
pub use known::{KnownRoles, PaxosOptions};
pub use reading::AckNumber;
pub use report::{Choices, Report};
pub use rules::PaxosRule;
pub use state::{MOST_EXCHANGES, MOST_RECORDS, MOST_VALUES};

use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::process::PeerId;
use crate::trace::inputs::{Inputs, has_event};
use crate::trace::judge::{JudgeFlag, JudgeOptions, Judgement, LogJudge};
use dialect::PaxosDialect;

/// The judge of logs of Paxos.
pub struct PaxosLog;

impl LogJudge for PaxosLog {
    fn flags(&self) -> &'static [JudgeFlag] {
        &[JudgeFlag { name: "acks", has_value: true }, JudgeFlag { name: "ids", has_value: true }]
    }

    fn help(&self) -> &'static str {
        "\
  --acks NUMBER      what proposal_num is in an ack: promise (after the question), before (the
                     promise before the question), accepted (the proposal accepted: slide 45) or
                     asked (the number of the question). Otherwise every reading counts that the
                     lines allow, and nobody is accused of what one of them excuses: that is
                     reported as suspicious, and with --strict as violated
  --ids PEER         whom peer_id names in a line about a message: sender, printer or other (the
                     other end). Otherwise inferred
"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<PaxosDialect>(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let known = PaxosOptions::of(options)?;
        let ids = known.ids;
        let mut judge = PaxosJudge::new(known);
        let names = inputs.names.clone();
        let inferred = inputs.read_as(
            || PaxosDialect::with(ids),
            &options.names(),
            |_| None::<()>,
            |input, line| {
                if let Some(line) = line {
                    judge.line(input, line);
                }
            },
        )?;
        let mut report = judge.finish();
        report.inferred.splice(0..0, inferred);
        report.judgement(&names, options)
    }
}

impl PaxosOptions {
    /// What the command line says.
    ///
    /// # Errors
    /// The hostsfile names no roles, or a flag has another value than one of its words.
    pub fn of(options: &JudgeOptions<'_>) -> Result<Self> {
        let wrong = |flag: &str, word: &str, words: &str| {
            Error::Usage(format!("--{flag} {word}: this is not one of {words}"))
        };
        let acks = options.flags.get("acks").map(|word| match word.as_str() {
            "promise" => Ok(AckNumber::Promise),
            "before" => Ok(AckNumber::Before),
            "accepted" => Ok(AckNumber::Accepted),
            "asked" => Ok(AckNumber::Asked),
            word => Err(wrong("acks", word, "promise, before, accepted, asked")),
        });
        let ids = options.flags.get("ids").map(|word| match word.as_str() {
            "sender" => Ok(PeerIdMeans::Sender),
            "printer" => Ok(PeerIdMeans::Printer),
            "other" => Ok(PeerIdMeans::Other),
            word => Err(wrong("ids", word, "sender, printer, other")),
        });
        Ok(Self {
            roles: options.hosts.map(KnownRoles::of).transpose()?,
            expect: options.expect.clone(),
            acks: acks.transpose()?,
            ids: ids.transpose()?,
        })
    }
}

impl KnownRoles {
    /// The roles of a hostsfile.
    ///
    /// # Errors
    /// The hostsfile names no roles.
    pub fn of(hosts: &Hosts) -> Result<Self> {
        hosts.require_roles()?;
        let ids = |peers: std::collections::BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
        let proposers = hosts.proposers();
        Ok(Self {
            peers: u16::try_from(hosts.peers.len()).unwrap_or(u16::MAX),
            acceptors: proposers.iter().map(|&id| (id.0, ids(hosts.acceptors_of(id)))).collect(),
            learners: proposers.iter().map(|&id| (id.0, ids(hosts.learners_of(id)))).collect(),
        })
    }
}
