//! What a peer has to say to people.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use super::message::Accepted;
use super::proposal::{ProposalNumber, Value};
use super::quorum::Acceptors;
use crate::process::PeerId;

/// Something worth knowing. [`Display`] gives it in words, from the view of the peer that says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// A proposer lacks links and cannot begin.
    Waiting {
        /// How much longer it waits for all peers; none once a majority of its acceptors is enough.
        left: Option<Duration>,
        /// Its acceptors that are connected both ways.
        connected: Acceptors,
        /// Whose links it waits for: of all peers, or of its acceptors if `left` is none.
        missing: BTreeSet<PeerId>,
        /// How many acceptors are needed.
        needed: usize,
    },
    /// An attempt begins.
    Proposing {
        /// Its number.
        number: ProposalNumber,
        /// The candidate.
        value: Value,
    },
    /// The promises carried an accepted proposal, so its value replaces the candidate.
    Adopted {
        /// The attempt.
        number: ProposalNumber,
        /// What was adopted.
        adopted: Accepted,
        /// What was given up.
        instead_of: Value,
    },
    /// An acceptor refused: the attempt is over, a later one follows.
    Refused {
        /// The attempt.
        number: ProposalNumber,
        /// The acceptor.
        by: PeerId,
        /// The higher number that was promised.
        promised: ProposalNumber,
    },
    /// Too few answers in time: the attempt is over, a later one follows.
    TimedOut {
        /// The attempt.
        number: ProposalNumber,
        /// What was asked: `prepare` or `accept`.
        asked: &'static str,
        /// Who answered.
        answered: Acceptors,
        /// Who did not.
        missing: Acceptors,
        /// How many are needed.
        needed: usize,
        /// How long the next attempt waits, if that is longer.
        longer: Option<Duration>,
    },
    /// A number is too far above all those seen to be believed. Reported for the first, the second,
    /// the fourth and so on.
    Disbelieved {
        /// The number.
        number: ProposalNumber,
        /// Who has asked under it, or says to have promised it.
        from: PeerId,
        /// How many there were.
        count: u64,
    },
    /// This peer knows the choice. Reported once in a peer's incarnation.
    Chose {
        /// The number under which it knows.
        number: ProposalNumber,
        /// The choice.
        value: Value,
    },
    /// Two values are reported as chosen. Safety is lost; some peer broke the rules. Reported once
    /// in a peer's incarnation.
    Contradiction {
        /// What this peer knew.
        known: Accepted,
        /// What it hears now.
        heard: Accepted,
    },
    /// There is no number left above those seen: this proposer ends.
    Exhausted,
}

/// A list of peers in words.
fn list(peers: &BTreeSet<PeerId>) -> String {
    let names: Vec<String> = peers.iter().map(PeerId::to_string).collect();
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { left: Some(left), missing, .. } => write!(
                f,
                "cannot propose yet: waits for {}; after {} s more it begins with a majority of \
                 its acceptors",
                list(missing),
                left.as_secs_f64()
            ),
            Self::Waiting { left: None, connected, missing, needed } => write!(
                f,
                "cannot propose yet: needs links with {needed} acceptors, has {}, waits for {}",
                list(connected),
                list(missing)
            ),
            Self::Proposing { number, value } => write!(f, "proposes {value} as number {number}"),
            Self::Adopted { number, adopted, instead_of } => write!(
                f,
                "finds {} accepted under {}, so number {number} proposes it instead of \
                 {instead_of}",
                adopted.value, adopted.number
            ),
            Self::Refused { number, by, promised } => {
                write!(f, "number {number} is refused: {by} has promised {promised}; tries again")
            }
            Self::TimedOut { number, asked, answered, missing, needed, longer } => {
                let (answered, missing) = (list(answered), list(missing));
                write!(
                    f,
                    "number {number}: too few answers to {asked} in time: needs {needed}, \
                     has {answered}, misses {missing}; tries again"
                )?;
                longer.map_or(Ok(()), |longer| write!(f, " and waits {} s", longer.as_secs()))
            }
            Self::Disbelieved { number, from, count } => {
                write!(f, "ignores number {number} of {from}: it is far above all others")?;
                if *count > 1 { write!(f, " ({count} of such numbers so far)") } else { Ok(()) }
            }
            Self::Chose { number, value } => write!(f, "{value} is chosen, number {number}"),
            Self::Contradiction { known, heard } => write!(
                f,
                "SAFETY IS LOST: {} was chosen under {}, and now {} under {}; \
                 a peer has forgotten a promise or a number",
                known.value, known.number, heard.value, heard.number
            ),
            Self::Exhausted => write!(f, "no proposal number is left above those seen; ends"),
        }
    }
}
