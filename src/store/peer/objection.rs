//! What no honest peer can have sent.

use super::super::message::Message;
use super::super::operation::{MAX_BYTES, MAX_KEY, MAX_VALUE, Request};
use super::super::register::{Ballot, LINEAGE, Register};
use super::Peer;
use crate::paxos::ProposalNumber;
use crate::paxos::reach::within_reach;
use crate::process::PeerId;

impl Peer {
    /// Why this peer cannot have sent this, if that is so.
    pub(super) fn objects(&self, from: PeerId, message: &Message) -> Option<String> {
        objection(self.setup.peers, from, message)
    }
}

fn objection(peers: u16, from: PeerId, message: &Message) -> Option<String> {
    if !(1..=peers).contains(&from.0) {
        return Some(format!("{from} is none of {peers} peers"));
    }
    if message.key().is_some_and(|key| key.len() > MAX_KEY) {
        return Some(format!("a key of more than {MAX_KEY} bytes"));
    }
    let is_own = |term: ProposalNumber| term.owner(peers) == from;
    match message {
        Message::Prepare { term, .. } if !is_own(*term) => {
            Some(format!("{from} prepares under {term}, which is not its own"))
        }
        Message::Accept { ballot: Ballot { term, .. }, .. } if !is_own(*term) => {
            Some(format!("{from} asks for acceptance under {term}, which is not its own"))
        }
        Message::Accept { ballot, register, .. } => of_register(*ballot, register),
        Message::Promise { term, held: Some(held), .. } if held.ballot.term > *term => {
            Some(format!("a promise for {term} after a vote under {}", held.ballot))
        }
        Message::Promise { held: Some(held), .. } => of_register(held.ballot, &held.register),
        Message::State { ballot: Some(ballot), register: Some(register), .. } => {
            of_register(*ballot, register)
        }
        Message::Pulled { floor, page, .. } => page.iter().find_map(|(_, held)| {
            let is_far = within_reach(Some(*floor), held.ballot.term) < held.ballot.term;
            let far = || format!("term {} far above all in use", held.ballot.term);
            is_far.then(far).or_else(|| of_register(held.ballot, &held.register))
        }),
        Message::Forward { operation, .. } => of_operation(operation, true),
        _ => None,
    }
}

fn of_register(ballot: Ballot, register: &Register) -> Option<String> {
    let length = register.length();
    if length > MAX_VALUE {
        return Some(format!("a value of {length} bytes"));
    }
    // JSON keeps no higher integers exactly.
    let numbers = [ballot.seq, register.version, register.rounds];
    if numbers.iter().any(|number| *number > ProposalNumber::MAX) {
        return Some("a number above 2^53 - 1".into());
    }
    (ballot.seq == 0 || register.recent.len() > LINEAGE).then(|| "a register of no owner".into())
}

fn of_operation(operation: &Request, is_outer: bool) -> Option<String> {
    match operation {
        Request::Set { value, .. } | Request::Append(value) if value.len() > MAX_VALUE => {
            Some(format!("a value of {} bytes", value.len()))
        }
        _ if is_outer && operation.carried() > MAX_BYTES => {
            Some(format!("an operation of {} bytes", operation.carried()))
        }
        Request::All(_, all) if is_outer => all.iter().find_map(|one| of_operation(one, false)),
        Request::Confirm if is_outer => None,
        Request::All(..) | Request::Lapse(_) | Request::Confirm => {
            Some("an operation that no client asks for".into())
        }
        _ => None,
    }
}
