//! The lab's exact form.

use super::case::Case;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use crate::paxos::event::MessageType;
use crate::trace::counts::plural;
use crate::trace::findings::Certainty;

impl Hypothesis {
    /// One `sent` line for each receiver, not one for all.
    pub(super) fn sent_per_receiver(&mut self, known: &Known, case: Case<'_>) {
        let Case { number, proposal, owner, .. } = case;
        let journal = known.is_journal(owner);
        let others = || proposal.answers.iter().filter(|answer| journal || answer.peer != owner);
        let prepared = others().filter(|answer| answer.prepares > 0).count();
        let asked = others().filter(|answer| answer.accepts > 0).count();
        // A killed proposer may have lost the last of them.
        let goes_on = !known.has_gaps
            && self.streams.iter().any(|((_, of), stream)| {
                let last = stream.prepared.as_ref().map(|(last, ..)| *last);
                *of == owner && (last > Some(number) || proposal.owner_chose)
            });
        for (kind, sent, receivers) in [
            (MessageType::Prepare, proposal.prepares_sent, prepared),
            (MessageType::Accept, proposal.accepts_sent, asked),
        ] {
            if sent == 0 || receivers <= sent || !goes_on {
                continue;
            }
            self.findings.add(PaxosRule::SentPerReceiver, Certainty::Certain, || {
                let line = proposal.asked(kind).find_map(|asked| asked.sent.clone());
                let sent = plural(sent as u64, "sent line");
                let words = format!(
                    "peer{owner} prints {sent} for a message of {number} that {receivers} peers \
                     received"
                );
                (line.into_iter().collect(), words)
            });
        }
    }
}
