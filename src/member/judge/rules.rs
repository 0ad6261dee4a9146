//! The table of rules for a group.

use super::lenient::Fault;
use crate::trace::findings::{self, Level, RuleRow, row};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the table below says what each one claims
pub enum MemberRule {
    IdsGrow,
    OneList,
    LowestLeads,
    SelfInView,
    UnreachableFirst,
    RemovedIsOut,
    CrashEnds,
    EveryView,
    LastView,
    Expected,
    Form(Fault),
    OwnLines,
    OwnView,
    OtherText,
}

use Level::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
const TABLE: &[RuleRow<MemberRule>] = &[
    row(MemberRule::IdsGrow, "ids-grow", Safety, "the view ids of a peer grow"),
    row(
        MemberRule::OneList,
        "one-list",
        Safety,
        "a view id has one list of members, whoever prints it",
    ),
    row(
        MemberRule::LowestLeads,
        "lowest-leads",
        Safety,
        "the lowest live member of a view is its leader",
    ),
    row(MemberRule::SelfInView, "self-in-view", Safety, "whoever installs a view is in it"),
    row(
        MemberRule::UnreachableFirst,
        "unreachable-first",
        Safety,
        "who is removed was called unreachable before, or left on request",
    ),
    row(
        MemberRule::RemovedIsOut,
        "removed-is-out",
        Safety,
        "who was removed installs views only after joining again",
    ),
    row(MemberRule::CrashEnds, "crash-ends", Safety, "nothing comes after crashing"),
    row(
        MemberRule::EveryView,
        "every-view",
        Safety,
        "a member installs each view that it belongs to",
    ),
    row(
        MemberRule::LastView,
        "last-view",
        Safety,
        "all who live end with the last view they belong to",
    ),
    row(
        MemberRule::Expected,
        "expected-members",
        Safety,
        "the living end as one group, as expected",
    ),
    row(MemberRule::Form(Fault::Blanks), "blanks", Form, "the blanks are the lab's"),
    row(MemberRule::Form(Fault::Quotes), "bare-keys", Form, "keys have no quotation marks"),
    row(MemberRule::Form(Fault::KeyOrder), "key-order", Form, "the keys stand in order"),
    row(MemberRule::Form(Fault::KeyNames), "key-names", Form, "the keys have the lab's names"),
    row(MemberRule::Form(Fault::ExtraKeys), "four-keys", Form, "there is no fifth key"),
    row(MemberRule::Form(Fault::NoLeader), "all-keys", Form, "the leader is not missing"),
    row(MemberRule::Form(Fault::ListOrder), "sorted-list", Form, "members ascend, each once"),
    row(MemberRule::Form(Fault::Numbers), "plain-numbers", Form, "numbers are plain"),
    row(MemberRule::Form(Fault::Words), "words", Form, "messages are the lab's words"),
    row(MemberRule::Form(Fault::Punctuation), "punctuation", Form, "the signs are the lab's"),
    row(MemberRule::Form(Fault::TextAround), "nothing-around", Form, "nothing beside the line"),
    row(MemberRule::Form(Fault::NotUtf8), "utf-8", Form, "lines are UTF-8"),
    row(MemberRule::Form(Fault::Unreadable), "readable", Form, "each line can be read"),
    row(MemberRule::Form(Fault::TooLong), "line-length", Form, "no line is longer than 64 KiB"),
    row(MemberRule::OwnLines, "own-lines", Form, "a peer prints its own lines only"),
    row(MemberRule::OwnView, "own-view", Form, "a message names the view that its peer has"),
    row(MemberRule::OtherText, "other-text", Progress, "text that is no line of a group"),
];

impl findings::Rule for MemberRule {
    const TABLE: &'static [RuleRow<Self>] = TABLE;
    const MOST_UNDECIDED: u64 = 3;
    const MOST_NOTES: usize = 1;

    fn must_be_decided(self) -> bool {
        self == Self::EveryView
    }
}

/// In what a line differs, in words.
pub(super) fn fault_words(fault: Fault) -> &'static str {
    match fault {
        Fault::Blanks => "there is a blank too many or too few",
        Fault::Quotes => "keys stand in quotation marks",
        Fault::KeyOrder => "the keys stand in another order",
        Fault::KeyNames => "a key has another name",
        Fault::ExtraKeys => "there are more than the four keys",
        Fault::NoLeader => "the leader is missing",
        Fault::ListOrder => "the members do not stand in order, each once",
        Fault::Numbers => "a number is written in another way",
        Fault::Words => "the message is in other words",
        Fault::Punctuation => "there are other signs between the parts",
        Fault::TextAround => "there is other text beside the line",
        Fault::NotUtf8 => "these bytes are no UTF-8",
        Fault::Unreadable => "this begins as a line of a group does, and cannot be read",
        Fault::TooLong => "this line is longer than 64 KiB and was skipped",
    }
}
