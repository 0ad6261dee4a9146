//! The acceptors: one for every key, and what counts for keys of which nothing is held.
//!
//! # Promises without a flush
//!
//! A promise must survive a crash. Instead of recording each one, an acceptor records that it has
//! promised *at most* `W`, the watermark, in large steps, and takes every key for promised up to
//! `W` after a restart. So a promise below `W` costs no flush.
//!
//! # Dropping what was deleted
//!
//! A deleted register is held like any other, without a value. Once *all* acceptors hold it under
//! the same ballot, each may drop it. Safety: before that, an acceptor that was away could bring
//! the value before the deletion back. And each raises its *floor*: for keys of which nothing is
//! held, nothing is accepted up to the term of the ballot (or a higher one that was promised), so a
//! delayed request from before the deletion finds no empty register to begin with. The floor also
//! keeps the highest version that was dropped: a new register's version begins above it, so the
//! versions of a key never go back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::bytes::Bytes;
use super::message::Record;
use super::register::{Ballot, Floor, Held, Shared};
use crate::paxos::ProposalNumber;
use crate::paxos::acceptor::Acceptor;
use crate::paxos::message::Accepted;

/// How far the watermark rises at once.
const WATERMARK_STEP: u64 = 1 << 20;
/// How many keys may have a promise and nothing that is held. Beyond it their promises become the
/// floor of all unknown keys.
const MOST_BARE: usize = 4096;

/// What was accepted under a term: the rest of the ballot, and the register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    seq: u64,
    register: Shared,
}

/// Paxos' acceptor, about slots. The option is for its `asked`, which nobody reads here.
type Entry = Acceptor<Option<Slot>>;

/// An answer to a request to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vote {
    /// Accepted; the record, unless it was accepted before.
    Accepted(Option<Record>),
    /// Something newer of the same owner was accepted before: a request that is late.
    Late,
    /// Refused: this term was promised.
    Refused(ProposalNumber),
}

/// The acceptors of all keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Registers {
    entries: BTreeMap<Bytes, Entry>,
    floor: Floor,
    watermark: Option<ProposalNumber>,
    /// Those with a promise only.
    bare: BTreeSet<Bytes>,
    /// Those without a value.
    deleted: BTreeSet<Bytes>,
}

fn held(entry: &Entry) -> Option<Held> {
    let Accepted { number: term, value } = entry.accepted.clone()?;
    let Slot { seq, register } = value?;
    Some(Held { ballot: Ballot { term, seq }, register })
}

impl Registers {
    /// What is held of this key.
    pub fn held(&self, key: &Bytes) -> Option<Held> {
        held(self.entries.get(key)?)
    }

    /// What is promised for this key.
    pub fn promised(&self, key: &Bytes) -> Option<ProposalNumber> {
        self.entries.get(key).map_or(self.floor.term, |entry| entry.min_proposal)
    }

    /// What counts for keys of which nothing is held.
    pub fn floor(&self) -> Floor {
        self.floor
    }

    /// No promise above this was given.
    pub fn watermark(&self) -> Option<ProposalNumber> {
        self.watermark
    }

    /// The keys without a value that are still held.
    pub fn deleted(&self) -> &BTreeSet<Bytes> {
        &self.deleted
    }

    /// What is held, in the order of keys, behind this one.
    pub fn behind<'a>(
        &'a self,
        after: Option<&Bytes>,
    ) -> impl Iterator<Item = (&'a Bytes, Held)> + use<'a> {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let entries = self.entries.range((from, Bound::Unbounded));
        entries.filter_map(|(key, entry)| Some((key, held(entry)?)))
    }

    /// How many keys have a value.
    pub fn count(&self) -> usize {
        self.entries.len() - self.bare.len() - self.deleted.len()
    }

    /// `Prepare`: the promise, or the term in its way. A record must be durable before the answer
    /// leaves.
    pub fn prepare(
        &mut self,
        key: &Bytes,
        term: ProposalNumber,
    ) -> (Option<Record>, Result<Option<Held>, ProposalNumber>) {
        let Some(entry) = self.entries.get_mut(key) else {
            // Not `<`: what was dropped may have been accepted under the floor's own term.
            if let Some(floor) = self.floor.term.filter(|floor| term <= *floor) {
                return (None, Err(floor));
            }
            let mut entry = Entry::default();
            entry.prepare(term, None);
            self.entries.insert(key.clone(), entry);
            self.bare.insert(key.clone());
            let record = self.watch(term);
            self.forget_bare(key);
            return (record, Ok(None));
        };
        let ack = entry.prepare(term, None);
        if !ack.granted() {
            return (None, Err(ack.min_proposal));
        }
        let held = held(entry);
        (self.watch(term), Ok(held))
    }

    /// Raises the watermark, where this promise is above it.
    fn watch(&mut self, term: ProposalNumber) -> Option<Record> {
        if Some(term) <= self.watermark {
            return None;
        }
        let above = (term.get() + WATERMARK_STEP).min(ProposalNumber::MAX);
        let watermark = ProposalNumber::new(above).unwrap_or(term);
        self.watermark = Some(watermark);
        Some(Record::Watermark(watermark))
    }

    /// Promises of keys with nothing to hold become the floor, if there are too many. Memory is
    /// enough for that: after a crash the watermark is the floor.
    fn forget_bare(&mut self, but: &Bytes) {
        if self.bare.len() <= MOST_BARE {
            return;
        }
        for key in std::mem::take(&mut self.bare) {
            if key == *but {
                self.bare.insert(key);
            } else if let Some(entry) = self.entries.remove(&key) {
                self.floor.term = self.floor.term.max(entry.min_proposal);
            }
        }
    }

    /// `Accept`: the vote. A record must be durable before the answer leaves.
    pub fn accept(&mut self, key: &Bytes, ballot: Ballot, register: &Shared) -> Vote {
        let Ballot { term, seq } = ballot;
        if !self.entries.contains_key(key)
            && let Some(floor) = self.floor.term.filter(|floor| term <= *floor)
        {
            return Vote::Refused(floor);
        }
        let entry = self.entries.entry(key.clone()).or_default();
        if let Some(now) = held(entry).filter(|now| now.ballot.term == term) {
            // Paxos' acceptor knows terms only. Within one, requests can overtake each other.
            if now.ballot.seq > seq {
                return Vote::Late;
            }
            if now.ballot.seq == seq && entry.min_proposal == Some(term) {
                return Vote::Accepted(None);
            }
        }
        let slot = Slot { seq, register: register.clone() };
        let ack = entry.accept(term, Some(slot));
        if !ack.accepts() {
            return Vote::Refused(ack.min_proposal);
        }
        self.note(key, register);
        let held = Held { ballot, register: register.clone() };
        Vote::Accepted(Some(Record::Accepted(key.clone(), held)))
    }

    fn note(&mut self, key: &Bytes, register: &Shared) {
        self.bare.remove(key);
        if register.value.is_none() {
            self.deleted.insert(key.clone());
        } else {
            self.deleted.remove(key);
        }
    }

    /// `Drop`: forgets a deleted register that is held under exactly this ballot.
    pub fn drop(&mut self, key: &Bytes, ballot: Ballot) -> Option<Record> {
        let entry = self.entries.get(key)?;
        let now = held(entry).filter(|now| now.ballot == ballot)?;
        if now.register.value.is_some() {
            return None;
        }
        let promised = entry.min_proposal;
        assert!(promised >= Some(ballot.term), "what is accepted is promised");
        self.floor.term = self.floor.term.max(promised);
        self.floor.version = self.floor.version.max(now.register.version);
        self.forget(key);
        Some(Record::Dropped(key.clone(), ballot, self.floor))
    }

    fn forget(&mut self, key: &Bytes) {
        self.entries.remove(key);
        self.deleted.remove(key);
        self.bare.remove(key);
    }

    /// Promises to accept nothing up to `floor`, whatever the key.
    pub fn promise_all(&mut self, floor: ProposalNumber) -> Vec<Record> {
        let mut records = Vec::new();
        if self.watermark < Some(floor) {
            self.watermark = Some(floor);
            records.push(Record::Watermark(floor));
        }
        if self.floor.term < Some(floor) {
            self.floor.term = Some(floor);
            records.push(Record::Floor(self.floor));
        }
        for entry in self.entries.values_mut() {
            entry.min_proposal = entry.min_proposal.max(Some(floor));
        }
        records
    }

    /// Takes what another acceptor holds, unless something newer is here: for a peer that does not
    /// vote yet.
    pub fn adopt(&mut self, key: &Bytes, held: Held) -> Option<Record> {
        if self.held(key).is_some_and(|now| now.ballot >= held.ballot) {
            return None;
        }
        let record = Record::Accepted(key.clone(), held);
        self.restore(record.clone());
        Some(record)
    }

    /// No register that others have dropped had a higher version than this.
    pub fn raise_version(&mut self, version: u64) -> Option<Record> {
        (version > self.floor.version).then(|| {
            self.floor.version = version;
            Record::Floor(self.floor)
        })
    }

    /// Takes back what was durable.
    pub fn restore(&mut self, record: Record) {
        match record {
            Record::Watermark(watermark) => self.watermark = Some(watermark),
            Record::Floor(floor) => self.floor = floor,
            Record::Accepted(key, Held { ballot, register }) => {
                self.note(&key, &register);
                let value = Some(Slot { seq: ballot.seq, register });
                let accepted = Some(Accepted { number: ballot.term, value });
                let promised = self.entries.get(&key).and_then(|entry| entry.min_proposal);
                let min_proposal = promised.max(Some(ballot.term));
                self.entries.insert(key, Entry { min_proposal, accepted });
            }
            Record::Dropped(key, _, floor) => {
                self.forget(&key);
                self.floor = floor;
            }
            Record::Reserved(_) | Record::Rejoining | Record::Rejoined => {}
        }
    }

    /// All is restored. Which promises were given is not known any more, only that none was above
    /// the watermark.
    pub fn begin(&mut self) {
        self.floor.term = self.floor.term.max(self.watermark);
        for entry in self.entries.values_mut() {
            entry.min_proposal = entry.min_proposal.max(self.watermark);
        }
    }

    /// The records that bring all of this back.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let floor = (self.floor != Floor::default()).then_some(Record::Floor(self.floor));
        let head = self.watermark.map(Record::Watermark).into_iter().chain(floor);
        head.chain(self.behind(None).map(|(key, held)| Record::Accepted(key.clone(), held)))
    }

    /// Why this record cannot follow those restored so far.
    pub fn disbelieves(&self, record: &Record) -> Option<String> {
        match record {
            Record::Watermark(next) => (Some(*next) <= self.watermark)
                .then(|| format!("watermark {next} is not above the one before")),
            Record::Floor(next) => {
                (*next < self.floor).then(|| "a floor is below the one before".into())
            }
            Record::Accepted(key, next) => {
                let now = self.held(key)?;
                (now.ballot >= next.ballot)
                    .then(|| format!("{key}: {} is accepted after {}", next.ballot, now.ballot))
            }
            Record::Dropped(key, ballot, _) => {
                let now = self.held(key).map(|held| held.ballot);
                (now != Some(*ballot)).then(|| format!("{key}: {ballot} is dropped and not held"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::Register;
    use super::*;

    fn term(number: u64) -> ProposalNumber {
        ProposalNumber::new(number).unwrap()
    }

    fn ballot(number: u64, seq: u64) -> Ballot {
        Ballot { term: term(number), seq }
    }

    fn register(value: &str, version: u64) -> Shared {
        let value = (!value.is_empty()).then(|| value.into());
        Register { value, ..Register::above(version) }.into()
    }

    fn key() -> Bytes {
        "k".into()
    }

    fn accepts(registers: &mut Registers, number: u64, seq: u64) -> bool {
        let vote = registers.accept(&key(), ballot(number, seq), &register("v", 1));
        matches!(vote, Vote::Accepted(_))
    }

    #[test]
    fn within_a_term_a_late_request_is_not_accepted_and_no_refusal() {
        let mut registers = Registers::default();
        assert!(accepts(&mut registers, 4, 2));
        let vote = registers.accept(&key(), ballot(4, 1), &register("old", 1));
        assert_eq!(vote, Vote::Late);
        let again = registers.accept(&key(), ballot(4, 2), &register("v", 1));
        assert_eq!(again, Vote::Accepted(None), "asked twice, answered twice, recorded once");
        assert!(accepts(&mut registers, 4, 3));
        assert_eq!(registers.prepare(&key(), term(5)).1.unwrap().unwrap().ballot, ballot(4, 3));
        assert_eq!(
            registers.accept(&key(), ballot(4, 3), &register("v", 1)),
            Vote::Refused(term(5)),
            "what is accepted already is no vote after another promise"
        );
    }

    /// Writes down what a crash leaves.
    fn restart(registers: &Registers) -> Registers {
        let mut fresh = Registers::default();
        for record in registers.snapshot() {
            assert_eq!(fresh.disbelieves(&record), None);
            fresh.restore(record);
        }
        fresh.begin();
        fresh
    }

    #[test]
    fn a_promise_below_the_watermark_needs_no_record_and_survives_a_crash() {
        let mut registers = Registers::default();
        let other = Bytes::from("other");
        let (record, _) = registers.prepare(&key(), term(7));
        assert_eq!(record, Some(Record::Watermark(term(7 + WATERMARK_STEP))));
        assert_eq!(registers.prepare(&key(), term(9)), (None, Ok(None)));
        let mut after = restart(&registers);
        assert!(!accepts(&mut after, 8, 1), "9 was promised");
        assert!(after.prepare(&other, term(WATERMARK_STEP)).1.is_err(), "whatever the key");
        assert!(after.prepare(&key(), term(8 + WATERMARK_STEP)).1.is_ok());
    }

    #[test]
    fn what_was_deleted_is_dropped_under_exactly_its_ballot_and_leaves_a_floor() {
        let mut registers = Registers::default();
        assert!(accepts(&mut registers, 5, 1));
        assert_eq!(registers.drop(&key(), ballot(5, 1)), None, "it has a value");
        registers.accept(&key(), ballot(5, 2), &register("", 9));
        assert_eq!(registers.drop(&key(), ballot(5, 1)), None, "an older ballot");
        assert_eq!(registers.deleted().len(), 1);
        assert!(registers.prepare(&key(), term(6)).1.is_ok());
        assert!(registers.drop(&key(), ballot(5, 2)).is_some());
        for mut registers in [registers.clone(), restart(&registers)] {
            assert_eq!(registers.floor().version, 9);
            assert!(!accepts(&mut registers, 5, 1), "a delayed request from before");
            assert!(!accepts(&mut registers, 6, 1), "6 was promised, with the tombstone shown");
            assert!(registers.prepare(&key(), term(6)).1.is_err());
        }
        assert!(registers.prepare(&key(), term(7)).1.is_ok());
        assert!(accepts(&mut registers, 7, 1));
        assert_eq!((registers.count(), registers.deleted().len()), (1, 0));
    }

    #[test]
    fn promises_without_anything_held_become_the_floor() {
        let mut registers = Registers::default();
        for number in 0..=MOST_BARE as u64 {
            let key = Bytes::from(number.to_string().as_str());
            assert!(registers.prepare(&key, term(number + 1)).1.is_ok());
        }
        assert_eq!(registers.entries.len(), 1);
        assert_eq!(registers.floor().term, Some(term(MOST_BARE as u64)));
    }

    #[test]
    fn records_that_contradict_each_other_are_not_believed() {
        let mut registers = Registers::default();
        let held = |number, seq| Held { ballot: ballot(number, seq), register: register("v", 1) };
        registers.restore(Record::Accepted(key(), held(5, 2)));
        registers.restore(Record::Watermark(term(9)));
        for (record, believed) in [
            (Record::Accepted(key(), held(5, 3)), true),
            (Record::Accepted(key(), held(5, 2)), false),
            (Record::Accepted(key(), held(4, 9)), false),
            (Record::Watermark(term(9)), false),
            (Record::Watermark(term(10)), true),
            (Record::Dropped(key(), ballot(5, 1), Floor::default()), false),
            (Record::Dropped(key(), ballot(5, 2), Floor::default()), true),
        ] {
            assert_eq!(registers.disbelieves(&record).is_none(), believed, "{record:?}");
        }
    }
}
