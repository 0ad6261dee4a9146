//! The lab's exact form.

use super::hypothesis::Hypothesis;
use super::intake::Known;
use super::rules::PaxosRule;
use super::settle::Case;
use crate::paxos::event::MessageType;
use crate::trace::findings::Certainty;

impl Hypothesis {
    /// One `sent` line for each receiver, not one for all.
    pub(super) fn sent_per_receiver(&mut self, known: &Known, case: Case<'_>) {
        let Case { number, proposal, owner, .. } = case;
        let journal = known.is_journal(owner);
        let others = || proposal.answers.iter().filter(|answer| journal || answer.peer != owner);
        let prepared = others().filter(|answer| answer.prepares > 0).count();
        let asked = others().filter(|answer| answer.accepts > 0).count();
        for (kind, sent, receivers) in [
            (MessageType::Prepare, proposal.prepares_sent, prepared),
            (MessageType::Accept, proposal.accepts_sent, asked),
        ] {
            // A killed proposer may have lost the last of them.
            if sent == 0 || receivers <= sent || !self.tells_all(known, owner, kind, number, None) {
                continue;
            }
            self.findings.add(PaxosRule::SentPerReceiver, Certainty::Certain, || {
                let line = proposal.asked(kind).find_map(|asked| asked.sent.clone());
                let words = format!(
                    "peer{owner} prints {sent} sent line(s) for a message of {number} that \
                     {receivers} peers received"
                );
                (line.into_iter().collect(), words)
            });
        }
    }
}
