//! Whose line is this, and who sent what it tells of? Guesses for logs that do not say.
//!
//! The lab's five keys name one end of a message. Where a log mixes the lines of several peers,
//! or a program names the printer instead of the sender, the other end follows from what Paxos
//! does: a number belongs to one proposer, and who answers a question has received it. Where
//! several receipts look the same it does not matter which is whose.

use std::collections::{BTreeMap, BTreeSet};

use super::kept::Kept;
use crate::paxos::event::{Action, MessageType};
use crate::paxos::judge::dialect::Number;

/// Fills in what can be found out; says how many lines remain nobody's.
pub(super) fn place(kept: &mut Vec<Kept>) -> usize {
    let owners = owners(kept);
    for line in kept.iter_mut().filter(|line| line.entry.action == Action::Received) {
        let owner = line.entry.number.and_then(|number| owners.get(&number).copied());
        let kind = line.entry.message_type;
        if question(kind) && line.entry.sender.is_none() {
            line.entry.sender = owner;
        } else if answer(kind).is_some() && line.at.is_none() {
            line.at = owner;
        }
    }
    answers(kept);
    senders(kept);
    let before = kept.len();
    kept.retain(|line| line.at.is_some());
    before - kept.len()
}

fn question(kind: Option<MessageType>) -> bool {
    matches!(kind, Some(MessageType::Prepare | MessageType::Accept))
}

/// The question that an ack is the answer to.
fn answer(kind: Option<MessageType>) -> Option<MessageType> {
    match kind? {
        MessageType::PrepareAck => Some(MessageType::Prepare),
        MessageType::AcceptAck => Some(MessageType::Accept),
        _ => None,
    }
}

/// The proposer of each number.
fn owners(kept: &[Kept]) -> BTreeMap<Number, u16> {
    let asks = |line: &&Kept| question(line.entry.message_type);
    let owner = |line: &Kept| {
        let sent = line.entry.action == Action::Sent;
        Some((line.entry.number?, if sent { line.at } else { line.entry.sender }?))
    };
    kept.iter().filter(asks).filter_map(owner).collect()
}

/// Who answers has received the question, on a line before; the answer goes to who asked.
fn answers(kept: &mut [Kept]) {
    let mut homeless: Vec<usize> = Vec::new();
    for index in 0..kept.len() {
        let line = &kept[index];
        let entry = &line.entry;
        if entry.action == Action::Received && question(entry.message_type) && line.at.is_none() {
            homeless.push(index);
        }
        let (Action::Sent, Some(asked), Some(at)) =
            (entry.action, answer(entry.message_type), line.at)
        else {
            continue;
        };
        let number = entry.answers.or(entry.number);
        let of_kind = |&&place: &&usize| kept[place].entry.message_type == Some(asked);
        // An answer above the question is a refusal of it.
        let found = homeless
            .iter()
            .rev()
            .filter(of_kind)
            .filter(|place| kept[**place].entry.number <= number)
            .max_by_key(|place| (kept[**place].entry.number == number, **place))
            .copied();
        let Some(found) = found else { continue };
        homeless.retain(|place| *place != found);
        kept[found].at = Some(at);
        let from = kept[found].entry.sender;
        kept[index].entry.receiver = kept[index].entry.receiver.or(from);
    }
    // Refusals carry another's number; they went to whoever was refused.
    let mut used = BTreeSet::new();
    for index in 0..kept.len() {
        let line = &kept[index];
        if line.at.is_some() || answer(line.entry.message_type).is_none() {
            continue;
        }
        let sent = kept.iter().enumerate().find(|(place, other)| {
            other.entry.action == Action::Sent
                && other.at == line.entry.sender
                && other.entry.message_type == line.entry.message_type
                && other.entry.number == line.entry.number
                && other.entry.receiver.is_some()
                && !used.contains(place)
        });
        if let Some((place, to)) = sent.map(|(place, other)| (place, other.entry.receiver)) {
            used.insert(place);
            kept[index].at = to;
        }
    }
}

/// Of received acks that do not say whose: the next such ack that went this way.
fn senders(kept: &mut [Kept]) {
    let mut pool: BTreeMap<(Option<MessageType>, Option<Number>), Vec<usize>> = BTreeMap::new();
    for (index, line) in kept.iter().enumerate().rev() {
        if line.entry.action == Action::Sent {
            pool.entry((line.entry.message_type, line.entry.number)).or_default().push(index);
        }
    }
    for index in 0..kept.len() {
        let entry = &kept[index].entry;
        if entry.action != Action::Received || entry.sender.is_some() {
            continue;
        }
        let Some(sends) = pool.get_mut(&(entry.message_type, entry.number)) else { continue };
        let at = kept[index].at;
        let fits = |place: &usize| {
            let receiver = kept[*place].entry.receiver;
            kept[*place].at != at && (receiver.is_none() || receiver == at)
        };
        if let Some(found) = sends.iter().rposition(fits) {
            let found = sends.remove(found);
            kept[index].entry.sender = kept[found].at;
        }
    }
}
