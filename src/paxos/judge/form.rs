//! The lab's exact form.

use super::dialect::{Fault, Faults, Number};
use super::intake::PaxosJudge;
use super::rules::PaxosRule;
use super::state::Proposal;
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Spot};

impl PaxosJudge {
    /// Notes in what a line differs from the form.
    pub(super) fn note_faults(&mut self, spot: Spot<'_>, faults: Faults) {
        for fault in faults.iter() {
            self.findings.add(PaxosRule::Form(fault), Certainty::Certain, || {
                (vec![spot.witness()], fault_words(fault).into())
            });
        }
    }

    /// One `sent` line for each receiver, not one for all.
    pub(super) fn sent_per_receiver(&mut self, number: Number, proposal: &Proposal, owner: u16) {
        let journal = self.is_journal(owner);
        let others = || proposal.answers.iter().filter(|answer| journal || answer.peer != owner);
        let prepared = others().filter(|answer| answer.got_prepare).count();
        let asked = others().filter(|answer| answer.got_accept).count();
        for (kind, sent, receivers) in [
            (MessageType::Prepare, proposal.prepares_sent, prepared),
            (MessageType::Accept, proposal.accepts_sent, asked),
        ] {
            // A killed proposer may have lost the last of them.
            if sent == 0 || receivers <= sent || !self.tells_all(owner, kind, number) {
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

fn fault_words(fault: Fault) -> &'static str {
    match fault {
        Fault::KeyOrder => "the keys stand in another order",
        Fault::Blanks => "there are blanks between the parts",
        Fault::KeyNames => "a key has another name",
        Fault::ExtraKeys => "there are more than the five keys",
        Fault::MissingKeys => "a key is missing",
        Fault::Words => "an action or a message type is another word",
        Fault::NumberKind => "peer_id or proposal_num is no integer",
        Fault::ValueKind => "message_value is blank or no text",
        Fault::Mended => "this is no valid JSON; it was read as what is clearly meant",
        Fault::Spelling => "the same could be written without escapes",
        Fault::TextAround => "there is other text beside the object",
        Fault::SeveralLines => "the object is spread over lines",
        Fault::NotUtf8 => "these bytes are no UTF-8",
        Fault::PeerIdIsPrinter => "peer_id is the receiver, where it should be the sender",
        Fault::Prose => "this is no line of a run",
        Fault::Unreadable => "this object is no event of Paxos, or cannot be read",
        Fault::TooLong => "this line is longer than 64 KiB and was skipped",
    }
}
