//! Rules about one proposer's numbers, judged in the order of its own lines.

use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use super::state::Message;
use crate::trace::findings::{Certainty, Spot, Witness};

impl Hypothesis {
    /// A proposer's numbers grow; the same one again is the same question to another acceptor.
    pub(super) fn numbers_grow(&mut self, spot: Spot<'_>, number: Number, printer: u16) {
        let stream = self.stream(spot, printer);
        let incarnation = stream.incarnation;
        let last = stream.prepared.clone();
        // Also after a finding, so that the other receivers of the same question are no further
        // ones.
        stream.prepared = Some((number, incarnation, spot.witness()));
        match last {
            Some((last, before, _)) if number == last && incarnation == before => {}
            Some((last, _, witness)) if number <= last => {
                let rule = PaxosRule::OwnGrowingNumbers;
                self.findings.add_of(rule, printer, Certainty::Certain, || {
                    let how = if incarnation > 0 { "after a restart " } else { "" };
                    let words = format!(
                        "peer{printer} proposes {how}under {number} after {last}; it should have \
                         taken a higher number than ever before"
                    );
                    (vec![witness, spot.witness()], words)
                });
            }
            _ => self.findings.kept(PaxosRule::OwnGrowingNumbers),
        }
    }

    /// The agreement `n = (round - 1) * peers + id` is this program's: only its journals show it.
    pub(super) fn numbered_as_agreed(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        message: &Message,
        number: Number,
        printer: u16,
    ) {
        let Some(roles) = known.options.roles.as_ref().filter(|_| message.is_journal) else {
            return;
        };
        let Number { round, id: None } = number else { return };
        let peers = u64::from(roles.peers.max(1));
        let owner = round.checked_sub(1).map(|before| before % peers + 1);
        if owner != Some(u64::from(printer)) {
            self.findings.add_of(PaxosRule::OwnGrowingNumbers, printer, Certainty::Certain, || {
                let owner = owner.map_or("nobody".into(), |owner| format!("peer{owner}"));
                let words = format!(
                    "peer{printer} proposes under {number}, which among {peers} peers is {owner}'s"
                );
                (vec![spot.witness()], words)
            });
        }
    }
}

/// Two lines in one list.
pub(super) fn both(one: &Witness, other: &Witness) -> Vec<Witness> {
    vec![one.clone(), other.clone()]
}
