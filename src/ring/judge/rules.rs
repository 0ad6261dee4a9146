//! What must hold in a run of the ring.

use crate::trace::findings::{Rule, RuleRow, Severity, form, row};
use crate::trace::journal::JournalFault;

/// Whose lines these are: the input, and the peer that is named in front.
pub(super) type Source = (u16, Option<u16>);

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RingRule {
    /// Requests go towards their key.
    Forward,
    /// Whoever has the file should.
    Holder,
    /// Retransmissions wait.
    TimeOut,
    /// What was sent comes.
    Acknowledged,
    /// Nothing is missing.
    Payload,
    /// The dead stay dead.
    Gone,
    /// Who leaves says so.
    Farewell,
    /// Who is alone is so.
    Alone,
    /// Both sides know what has arrived.
    Agreed,
    /// The lines' form.
    Form,
    /// All have the right successors.
    Circle,
}

impl Rule for RingRule {
    type Fault = JournalFault;
    const TABLE: &'static [RuleRow<Self>] = &[
        row(
            Self::Forward,
            "forward",
            Severity::Safety,
            "a request visits successors in order: only peers between its asker and its key pass \
             it on",
        ),
        row(
            Self::Holder,
            "holder",
            Severity::Safety,
            "the peer that answers stands at the key or behind it, before the asker comes round",
        ),
        row(
            Self::TimeOut,
            "time-out",
            Severity::Safety,
            "a segment is sent again no sooner than a second after an attempt that it mends",
        ),
        row(
            Self::Acknowledged,
            "acknowledged",
            Severity::Safety,
            "an acknowledgement is for a segment that was there: each rcv has its snd",
        ),
        row(
            Self::Payload,
            "bytes",
            Severity::Safety,
            "the segments of files that were received add up to all of their bytes",
        ),
        row(
            Self::Gone,
            "gone",
            Severity::Safety,
            "a peer that has died or left is nobody's successor any more",
        ),
        row(
            Self::Farewell,
            "farewell",
            Severity::Safety,
            "a peer that leaves tells its predecessors: none of them finds it dead",
        ),
        row(
            Self::Alone,
            "alone",
            Severity::Safety,
            "a peer is its own successor only if its predecessor is gone too, or three have died",
        ),
        row(
            Self::Agreed,
            "agreed",
            Severity::Safety,
            "no sender says that a file was not sent which its asker has",
        ),
        form(Self::Form, "form", "a line is one of the assignment's", "it is not only that"),
        row(
            Self::Circle,
            "circle",
            Severity::Progress,
            "in the end each peer has the next two that are there as its successors",
        ),
    ];
    const MOST_UNDECIDED: u64 = 10;
    const MOST_NOTES: usize = 10;
    const SUSPECTS: bool = true;

    fn of_form(_: JournalFault) -> Self {
        Self::Form
    }
}
