//! The shortest known failures, as `synod sim --find-shortest` prints them.

use super::claims::Claim;

/// A failure as a row of a table.
pub(super) struct Row {
    pub(super) bug: &'static str,
    pub(super) claim: Claim,
    pub(super) peers: u16,
    pub(super) proposers: u16,
    pub(super) preset: &'static str,
    /// The kinds of faults that it takes, with commas between.
    pub(super) only: &'static str,
    pub(super) seed: u64,
}

/// Mutant, claim, peers and proposers, preset, which kinds of it, seed.
const fn row(
    bug: &'static str,
    claim: Claim,
    (peers, proposers): (u16, u16),
    preset: &'static str,
    only: &'static str,
    seed: u64,
) -> Row {
    Row { bug, claim, peers, proposers, preset, only, seed }
}

/// One for every mutant.
pub(super) const TABLE: &[Row] = &[
    row("promise-for-an-older-number", Claim::OneChoice, (3, 2), "heavy", "slow", 1516),
    row("acceptance-for-an-older-number", Claim::TruthTold, (2, 1), "heavy", "crash", 5523),
    row("ack-that-names-no-question", Claim::TruthTold, (2, 2), "heavy", "reordering", 2069),
    row("one-acceptor-counted-twice", Claim::OneChoice, (3, 2), "heavy", "pause,crash,flush", 378),
    row("half-is-a-quorum", Claim::OneChoice, (2, 2), "heavy", "", 12),
    row("promise-quorum-of-one", Claim::OneChoice, (3, 2), "none", "", 2430),
    row("waits-for-all", Claim::Decides, (3, 1), "heavy", "", 48),
    row("accepted-is-chosen", Claim::OneChoice, (3, 2), "none", "", 4641),
    row("counts-values-not-numbers", Claim::TruthTold, (2, 1), "heavy", "crash", 2360),
    row("refusal-read-as-acceptance", Claim::OneChoice, (2, 2), "heavy", "reordering", 2691),
    row("refusal-read-as-promise", Claim::OneChoice, (3, 2), "heavy", "one-way,crash,drift", 910),
    row("accept-below-promise", Claim::OneChoice, (2, 2), "heavy", "reordering", 4429),
    row(
        "accept-without-raising-the-promise",
        Claim::OneChoice,
        (3, 3),
        "heavy",
        "partition,one-way,pause,crash,flush,drift,slow",
        2034,
    ),
    row("relabels-its-vote", Claim::OneChoice, (3, 2), "heavy", "slow", 1142),
    row("never-accepts-its-own-promise", Claim::Decides, (2, 1), "none", "", 0),
    row("promises-only-the-first", Claim::Decides, (2, 2), "none", "", 0),
    row("compares-numbers-as-text", Claim::PromiseKept, (3, 2), "heavy", "loss,crash,flush", 1139),
    row("checks-then-acts", Claim::OneChoice, (2, 2), "none", "", 436),
    row("answers-before-it-is-durable", Claim::OneChoice, (3, 2), "heavy", "crash", 4187),
    row("promise-not-kept", Claim::OneChoice, (3, 2), "heavy", "crash", 5586),
    row("vote-not-kept", Claim::OneChoice, (2, 2), "heavy", "crash", 817),
    row("fresh-start", Claim::OneChoice, (2, 2), "heavy", "crash", 3482),
    row("last-record-lost", Claim::OneChoice, (2, 2), "heavy", "crash", 4132),
    row("old-votes-expire", Claim::OneChoice, (2, 2), "heavy", "crash", 2966),
    row("ignores-accepted-values", Claim::OneChoice, (2, 2), "none", "", 1),
    row(
        "takes-the-last-reported-value",
        Claim::OneChoice,
        (3, 2),
        "heavy",
        "one-way,flush,drift",
        18,
    ),
    row("takes-the-lowest-number", Claim::OneChoice, (3, 2), "heavy", "", 5718),
    row("takes-the-largest-value", Claim::OneChoice, (3, 2), "heavy", "slow", 1142),
    row("keeps-its-value-below-a-quorum", Claim::OneChoice, (3, 2), "none", "", 2188),
    row("takes-over-the-number", Claim::NumberOnce, (2, 2), "none", "", 7),
    row("number-not-kept", Claim::NumberOnce, (2, 1), "heavy", "crash", 191),
    row("proposers-share-numbers", Claim::OneChoice, (2, 2), "heavy", "", 20),
    row("skips-the-first-phase", Claim::OneChoice, (2, 2), "none", "", 113),
    row("asks-for-a-blank", Claim::OneChoice, (2, 1), "heavy", "", 2149),
    row("asks-again-for-its-own-value", Claim::OneChoice, (2, 2), "heavy", "crash", 3773),
    row("duels-without-backing-off", Claim::Decides, (2, 2), "none", "", 237),
    // Of the slow world, which is not searched.
    row("fixed-time-out", Claim::Decides, (2, 1), "slow", "", 0),
    row("refuses-in-silence", Claim::Decides, (2, 2), "none", "", 0),
    row("different-hostsfiles", Claim::OneChoice, (2, 2), "none", "", 129),
    row("starts-by-sleeping", Claim::Decides, (2, 1), "none", "", 0),
    row("believes-what-is-asked", Claim::OneChoice, (2, 2), "heavy", "crash", 5789),
    // Beyond the budget of the search; within it, only weaker claims break.
    row(
        "restart-trusts-cache",
        Claim::OneChoice,
        (3, 2),
        "heavy",
        "duplication,crash,power-loss,flush",
        7618,
    ),
    row("flush-skipped", Claim::OneChoice, (3, 2), "heavy", "crash,power-loss", 5856),
];
