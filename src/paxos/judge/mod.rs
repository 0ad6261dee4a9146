//! The judge of a finished run: which rule of Paxos was broken, and by which lines?
//!
//! It is fed the lines that [`dialect`] yields and recomputes promises, votes and the choice
//! from them. It shares no code with the protocol that it judges: a mistake in the one must not
//! hide itself in the other.
//!
//! # What a log can prove
//! A log is a set of accounts, one for each peer. Only the order of *one peer's own lines in one
//! input* is trusted, but that a question may be logged behind its answer. How the accounts of two
//! peers are shuffled says nothing. First and last lines may be missing, and whole peers. So a rule
//! is broken only where lines that are here contradict it; else it is *not decidable*.
//!
//! * What one acceptor says of itself is judged while its lines go by (`word`): a promise and a
//!   vote are kept, an ack follows its question (`acks`).
//! * Rules about a number are judged when all lines about it are known (`settle`, `value`).
//!
//! # Readings
//! The five keys do not say what the number of an ack is ([`AckNumber`]). A finding is a
//! *violation* only if the run is wrong under every reading. What holds under the likeliest reading
//! and is excused by another is a *suspicion*. So one reading that finds nothing wrong is enough,
//! and of a long log only one is followed (`intake`): the others are tried where it objects, on the
//! last lines (`tail`), as on a log whose beginning is lost. Whom `peer_id` means is found from the
//! head of each input; where readings of it are left that differ, the ends of a message are not
//! known.
//!
//! | mistake | printed lines prove it, unless |
//! |---|---|
//! | two values announced, one number with two values, a number used again | never |
//! | accept without a majority of promises | first lines are missing; refusals are not printed |
//! | another value than the highest accepted | a promise shows the proposer's own candidate |
//! | promise broken, not raised | acks may show the question's number or the promise before |
//! | vote forgotten | acks show neither values nor the proposal accepted |
//! | ack without a question | it is the first ack of its peer; it may be a learner's copy |
//! | announced without a majority | somebody else counts votes, who may have told |
//! | received but never sent | it is not between other acks of its sender |
//! | value never proposed | always a suspicion: a proposer's lines may be missing |
//!
//! A journal (`--trace`) closes these gaps: it names the question of each ack and where it begins.
//! It is written before anything is sent, unless it goes to a pipe, which its first line says
//! (`queued`): a kill costs its end. A `lost` line stands for others, and no rule is broken by what
//! may have stood there.
//!
//! # Memory
//! What is kept grows with numbers times acceptors, never with lines, and is bounded by
//! [`MOST_RECORDS`]: beyond that the lowest numbers are judged by what is known and forgotten.
//!
//! Left out: one log with several decisions (each would need a name in its lines), and messages
//! that were altered between two peers whose values are both plausible.

mod acks;
mod asked;
mod case;
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
mod tail;
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
