//! The rules of the judge.

use crate::trace::findings::{Rule, RuleRow, Severity, form, row};
use crate::trace::journal::JournalFault;

/// What must hold of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreRule {
    /// One order of all changes.
    Distinct,
    /// It agrees with the order of calls and returns.
    Order,
    /// A version is one value.
    Value,
    /// No value is no accident.
    Absence,
    /// Conditions are conditions.
    Compared,
    /// The lines' form.
    Form,
    /// Somebody is answered.
    Answered,
}

impl Rule for StoreRule {
    type Fault = JournalFault;
    const TABLE: &'static [RuleRow<Self>] = &[
        row(
            Self::Distinct,
            "distinct-versions",
            Severity::Safety,
            "no two changes of a key have the same version",
        ),
        row(
            Self::Order,
            "no-lower-version",
            Severity::Safety,
            "who is called after another has returned sees no lower version, makes a higher one",
        ),
        row(
            Self::Value,
            "value-of-version",
            Severity::Safety,
            "the value that is read is the one that its version was given by a call",
        ),
        row(
            Self::Absence,
            "nothing-lost",
            Severity::Safety,
            "a value that was there and is not any more was deleted by a call, or has expired",
        ),
        row(
            Self::Compared,
            "compared",
            Severity::Safety,
            "a change is made if its condition holds, and otherwise not",
        ),
        form(Self::Form, "form", "a line is a JSON object and nothing else", "it is not only that"),
        row(Self::Answered, "answered", Severity::Progress, "a call is answered"),
    ];
    const MOST_UNDECIDED: u64 = 10;
    const MOST_NOTES: usize = 10;

    fn of_form(_: JournalFault) -> Self {
        Self::Form
    }
}
