//! The table of rules for a group.

use super::dialect::MemberFault as Fault;
use crate::trace::findings::{Rule, RuleRow, Severity, form, row};

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

use MemberRule as M;
use Severity::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
const TABLE: &[RuleRow<MemberRule>] = &[
    row(M::IdsGrow, "ids-grow", Safety, "the view ids of a peer grow"),
    row(M::OneList, "one-list", Safety, "a view id has one list of members, whoever prints it"),
    row(M::LowestLeads, "lowest-leads", Safety, "the lowest live member of a view is its leader"),
    row(M::SelfInView, "self-in-view", Safety, "whoever installs a view is in it"),
    row(M::UnreachableFirst, "unreachable-first", Safety, {
        "who is removed was called unreachable before, or left on request"
    }),
    row(M::RemovedIsOut, "removed-is-out", Safety, {
        "who was removed installs views only after joining again"
    }),
    row(M::CrashEnds, "crash-ends", Safety, "nothing comes after crashing"),
    row(M::EveryView, "every-view", Safety, "a member installs each view that it belongs to"),
    row(M::LastView, "last-view", Safety, "all who live end with the last view they belong to"),
    row(M::Expected, "expected-members", Safety, "the living end as one group, as expected"),
    form(M::Form(Fault::Blanks), "blanks", "the blanks are the lab's", {
        "there is a blank too many or too few"
    }),
    form(M::Form(Fault::Quotes), "bare-keys", "keys have no quotation marks", {
        "keys are in quotation marks"
    }),
    form(M::Form(Fault::KeyOrder), "key-order", "the keys are in order", {
        "the keys are in another order"
    }),
    form(M::Form(Fault::KeyNames), "key-names", "the keys have the lab's names", {
        "a key has another name"
    }),
    form(M::Form(Fault::ExtraKeys), "four-keys", "there is no fifth key", {
        "there are more than the four keys"
    }),
    form(M::Form(Fault::NoLeader), "all-keys", "the leader is not missing", {
        "the leader is missing"
    }),
    form(M::Form(Fault::ListOrder), "sorted-list", "members ascend, each once", {
        "the members are not in order, each once"
    }),
    form(M::Form(Fault::Numbers), "plain-numbers", "numbers are plain", {
        "a number is written differently"
    }),
    form(M::Form(Fault::Words), "words", "messages are the lab's words", {
        "the message is worded differently"
    }),
    form(M::Form(Fault::Punctuation), "punctuation", "the punctuation is the lab's", {
        "the punctuation between the parts differs"
    }),
    form(M::Form(Fault::TextAround), "nothing-around", "nothing else on the line", {
        "there is other text on the line"
    }),
    form(M::Form(Fault::NotUtf8), "utf-8", "lines are UTF-8", "these bytes are not UTF-8"),
    form(M::Form(Fault::Unreadable), "readable", "each line can be read", {
        "this begins like a line of a member, but cannot be read"
    }),
    form(M::Form(Fault::TooLong), "line-length", "no line is longer than 64 KiB", {
        "this line is longer than 64 KiB and was skipped"
    }),
    row(M::OwnLines, "own-lines", Form, "a peer prints its own lines only"),
    row(M::OwnView, "own-view", Form, "a message names the view that its peer has"),
    row(M::OtherText, "other-text", Progress, "text that is not a line of a member"),
];

impl Rule for MemberRule {
    type Fault = Fault;
    const TABLE: &'static [RuleRow<Self>] = TABLE;
    const MOST_UNDECIDED: u64 = 3;
    const MOST_NOTES: usize = 1;

    fn must_be_decided(self) -> bool {
        self == Self::EveryView
    }

    fn of_form(fault: Fault) -> Self {
        Self::Form(fault)
    }
}
