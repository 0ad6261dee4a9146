//! Every peer, letter and step that was ever met, once.
//!
//! A state of the whole then is a handful of small numbers, and a step that was taken before is
//! looked up: peers see far fewer different situations than all of them together.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use synod::process::PeerId;

use super::Subject;
use super::local::{Event, Letter, Local, Rules};
use super::symmetry::{Permutations, Swap};

/// A peer's place in the table.
pub(crate) type LocalId = u32;
/// A letter's place in the table.
pub(crate) type LetterId = u32;

/// A map whose keys are spread well enough by a few multiplications.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// See [`Map`]. For keys of this program, not for those of a stranger.
#[derive(Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(5) ^ word);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_usize(word.cast_unsigned());
    }
}

/// Spreads every bit over all (the finalizer of `SplitMix64`).
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A hash that is the same in every run.
pub(crate) fn print_of(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// An event of one peer, in numbers; `crash_after` cuts it short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cause {
    /// What happens.
    pub(crate) what: What,
    /// The peer crashes after this many effects.
    pub(crate) crash_after: Option<u8>,
}

/// An [`Event`], with the letter by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// See [`Event::Deliver`].
    Deliver(LetterId),
    /// Any other event.
    Else(Event),
}

impl From<What> for Cause {
    fn from(what: What) -> Self {
        Self { what, crash_after: None }
    }
}

/// Where a step leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The peer afterwards.
    pub(crate) next: LocalId,
    /// What it sent to others, in order.
    pub(crate) sent: Vec<LetterId>,
    /// How many effects.
    pub(crate) effects: usize,
}

/// Things met, each with its hash, its places under every permutation, and `O`, its origin.
pub(crate) struct Met<T, O> {
    pub(crate) things: Vec<Arc<T>>,
    pub(crate) prints: Vec<u64>,
    pub(crate) origins: Vec<O>,
    /// By thing and permutation; `UNKNOWN` until asked for.
    pub(crate) swapped: Vec<Vec<u32>>,
    index: HashMap<Arc<T>, u32>,
}

/// No place in the table.
pub(crate) const UNKNOWN: u32 = u32::MAX;

impl<T: Hash + Eq, O> Met<T, O> {
    fn new() -> Self {
        Self {
            things: Vec::new(),
            prints: Vec::new(),
            origins: Vec::new(),
            swapped: Vec::new(),
            index: HashMap::new(),
        }
    }

    fn place(&mut self, thing: T, origin: O) -> u32 {
        if let Some(&id) = self.index.get(&thing) {
            return id;
        }
        let id = u32::try_from(self.things.len()).expect("fewer than four thousand million");
        let thing = Arc::new(thing);
        self.prints.push(print_of(&*thing));
        self.index.insert(Arc::clone(&thing), id);
        self.things.push(thing);
        self.origins.push(origin);
        self.swapped.push(Vec::new());
        id
    }
}

/// How a peer came to be as it is, for the first time.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// It was born.
    Birth,
    /// It is finished for good.
    Finish,
    /// This happened to that one.
    Step(LocalId, Cause),
}

/// The table.
///
/// Every newborn has a twin that is switched off: what is left of a peer that is finished for good.
pub(crate) struct Table<P> {
    rules: Rules,
    born: Vec<LocalId>,
    born_saying: Vec<LetterId>,
    finished: Vec<[LocalId; 2]>,
    pub(crate) locals: Met<Local<P>, Origin>,
    pub(crate) letters: Met<Letter, ()>,
    pub(crate) permutations: Permutations,
    steps: Map<(LocalId, Cause), Arc<Step>>,
}

impl<P: Subject> Table<P> {
    /// A table that knows the newborn peers, 1, 2, 3 and so on.
    pub(crate) fn new(newborn: Vec<P>, rules: Rules, permutations: Permutations) -> Self {
        let mut table = Self {
            rules,
            born: Vec::new(),
            born_saying: Vec::new(),
            finished: Vec::new(),
            locals: Met::new(),
            letters: Met::new(),
            permutations,
            steps: Map::default(),
        };
        for (me, process) in (1..).zip(newborn) {
            let (local, sent) = Local::born(PeerId(me), process, &table.rules);
            let sent = sent.into_iter().map(|letter| table.letters.place(letter, ()));
            table.born_saying.extend(sent);
            let id = table.locals.place(local, Origin::Birth);
            table.born.push(id);
            let finished = [false, true].map(|restarted| {
                let off = Local { off: true, restarted, ..Local::clone(table.local(id)) };
                table.locals.place(off, Origin::Finish)
            });
            table.finished.push(finished);
        }
        table
    }

    /// The newborn peers.
    pub(crate) fn born(&self) -> &[LocalId] {
        &self.born
    }

    /// What the newborn peers say.
    pub(crate) fn born_saying(&self) -> &[LetterId] {
        &self.born_saying
    }

    /// What is left of a peer that is finished for good.
    pub(crate) fn finished(&self, peer: PeerId, restarted: bool) -> LocalId {
        self.finished[usize::from(peer.0 - 1)][usize::from(restarted)]
    }

    /// The rules of a step.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// That peer.
    pub(crate) fn local(&self, id: LocalId) -> &Local<P> {
        &self.locals.things[id as usize]
    }

    /// That letter.
    pub(crate) fn letter(&self, id: LetterId) -> Letter {
        *self.letters.things[id as usize]
    }

    /// What happens to that peer.
    pub(crate) fn step(&mut self, at: LocalId, cause: Cause) -> Arc<Step> {
        if let Some(step) = self.steps.get(&(at, cause)) {
            return Arc::clone(step);
        }
        let event = match cause.what {
            What::Deliver(letter) => Event::Deliver(self.letter(letter)),
            What::Else(event) => event,
        };
        let before = Arc::clone(&self.locals.things[at as usize]);
        let outcome = before.step(event, cause.crash_after.map(usize::from), &self.rules);
        let next = self.locals.place(outcome.next, Origin::Step(at, cause));
        let sent = outcome.sent.into_iter().map(|letter| self.letters.place(letter, ())).collect();
        let step = Arc::new(Step { next, sent, effects: outcome.effects });
        self.steps.insert((at, cause), Arc::clone(&step));
        self.check_symmetry(at, cause, &step);
        step
    }

    /// The same letter with the acceptors exchanged.
    pub(crate) fn swapped_letter(&mut self, id: LetterId, swap: Swap) -> LetterId {
        if let Some(&known) = self.letters.swapped[id as usize].get(swap)
            && known != UNKNOWN
        {
            return known;
        }
        let letter = self.letter(id);
        let (from, to) =
            (self.permutations.of(swap, letter.from), self.permutations.of(swap, letter.to));
        let place = self.letters.place(Letter { from, to, ..letter }, ());
        self.permutations.note(&mut self.letters.swapped[id as usize], swap, place);
        place
    }

    /// The same peer with the acceptors exchanged: its whole history, lived again under the other
    /// names. So no part of a process need be open to be renamed.
    pub(crate) fn swapped_local(&mut self, id: LocalId, swap: Swap) -> LocalId {
        if let Some(&known) = self.locals.swapped[id as usize].get(swap)
            && known != UNKNOWN
        {
            return known;
        }
        let place = match self.locals.origins[id as usize] {
            Origin::Birth => {
                let me = self.permutations.of(swap, self.local(id).me);
                self.born[usize::from(me.0 - 1)]
            }
            Origin::Finish => {
                let Local { me, restarted, .. } = *self.local(id);
                self.finished(self.permutations.of(swap, me), restarted)
            }
            Origin::Step(before, cause) => {
                let before = self.swapped_local(before, swap);
                let cause = self.swapped_cause(cause, swap);
                self.step(before, cause).next
            }
        };
        self.permutations.note(&mut self.locals.swapped[id as usize], swap, place);
        place
    }

    fn swapped_cause(&mut self, cause: Cause, swap: Swap) -> Cause {
        let what = match cause.what {
            What::Deliver(letter) => What::Deliver(self.swapped_letter(letter, swap)),
            What::Else(Event::Connect(peer)) => {
                What::Else(Event::Connect(self.permutations.of(swap, peer)))
            }
            what @ What::Else(_) => what,
        };
        Cause { what, ..cause }
    }

    /// Peers may be treated alike only if they are alike: whatever a step does, it does with the
    /// names exchanged. Two exchanges generate all others.
    fn check_symmetry(&mut self, at: LocalId, cause: Cause, step: &Step) {
        for swap in self.permutations.generators() {
            let other_at = self.swapped_local(at, swap);
            let other_cause = self.swapped_cause(cause, swap);
            let other = self.step(other_at, other_cause);
            let mut sent: Vec<_> =
                step.sent.iter().map(|&letter| self.swapped_letter(letter, swap)).collect();
            let mut other_sent = other.sent.clone();
            sent.sort_unstable();
            other_sent.sort_unstable();
            let same = self.swapped_local(step.next, swap) == other.next && sent == other_sent;
            assert!(same, "acceptors differ by more than their names: {:?}", cause.what);
        }
    }
}
