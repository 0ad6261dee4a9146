//! Incarnations that end anywhere: what one of them said is true in all later ones.

use std::thread;

use proptest::prelude::{Strategy, any};
use proptest::sample::Index;
use proptest::test_runner::Config as Cases;
use proptest::{collection, option, proptest};

use super::*;

/// Promises, attempts, acceptances, a choice; each question twice, because the second answer comes
/// from memory. Long enough for a log that is shortened on the way.
fn first_incarnation() -> Vec<Event> {
    vec![
        Event::Start,
        prepare(2),
        prepare(2),
        Event::Connected,
        Event::Timeout(Timer::Waiting),
        accept(2, 'Y'),
        Event::Timeout(Timer::Answer),
        Event::Timeout(Timer::Attempt),
        ack(7, false, Message::PrepareAck),
        prepare(5),
        ack(7, true, Message::AcceptAck),
        prepare(8),
        prepare(8),
        accept(8, 'X'),
        accept(8, 'X'),
        prepare(11),
        prepare(14),
        accept(14, 'X'),
        prepare(2),
    ]
}

/// Whatever it remembers, this one proposes, promises and accepts; all numbers are above `base`.
fn next_incarnation(base: u64) -> Vec<Event> {
    vec![
        // Asked first what it has answered already: the answer comes from what was restored.
        prepare(2),
        accept(14, 'X'),
        Event::Start,
        prepare(base + 2),
        prepare(base + 2),
        Event::Connected,
        Event::Timeout(Timer::Waiting),
        prepare(base + 11),
        accept(base + 11, 'X'),
        accept(base + 11, 'X'),
    ]
}

/// Plays events; behind some of them the records are flushed. What may leave is let out always.
/// A flush that fails ends a process, but not at once.
fn play(node: &Node<Loud>, events: &[Event], flushes: impl Fn(usize) -> bool) {
    for (at, event) in events.iter().enumerate() {
        let needs = {
            let mut core = node.lock();
            node.step_locked(&mut core, |process, out| event.happen(process, out));
            core.appended
        };
        node.release();
        if flushes(at) {
            node.commit(needs);
            node.release();
        }
    }
}

/// The trace of one incarnation on what is found at `root`.
fn live(
    root: &Path,
    events: &[Event],
    flushes: impl Fn(usize) -> bool,
    until_failure: Option<usize>,
) -> Trace<Word> {
    let trace = Trace::new(root, until_failure);
    match node(&trace, root) {
        Ok(node) => play(&node, events, flushes),
        Err(error) => assert!(until_failure.is_some(), "a start is refused: {error}"),
    }
    trace
}

/// Flushes in it, those that failed too.
fn flushes(trace: &Trace<Word>) -> usize {
    let is_flush = |note: &&Note<Word>| matches!(note, Note::Sync(_) | Note::SyncNames(_));
    trace.notes().iter().filter(is_flush).count()
}

/// How often a log was put in another one's place.
fn replacements(trace: &Trace<Word>) -> usize {
    trace.notes().iter().filter(|note| matches!(note, Note::Rename(..))).count()
}

/// That a peer with these words behind it still stands by them.
fn assert_kept(peer: &Peer, words: &[Word], at: &str) {
    let held = peer.acceptor();
    for word in words {
        match word {
            Word::Message(Message::PrepareAck(ack) | Message::AcceptAck(ack)) => {
                let promise = held.min_proposal >= Some(ack.min_proposal);
                assert!(promise, "{at}: it said {ack:?} and holds {held:?}");
                let Some(told) = ack.accepted else { continue };
                let kept =
                    held.accepted.is_some_and(|kept| kept.number > told.number || kept == told);
                assert!(kept, "{at}: it said {ack:?} and holds {held:?}");
            }
            Word::Message(Message::Prepare { number, .. } | Message::Accept { number, .. })
            | Word::Fact(Fact::Proposing { number, .. }) => {
                let last = peer.last_number();
                assert!(last >= Some(*number), "{at}: it used {number} and remembers {last:?}");
            }
            Word::Message(Message::Chosen { .. }) | Word::Fact(_) => {}
        }
    }
}

/// Restarts on whatever a crash leaves.
struct Restarts {
    root: TempDir,
    /// What a state restores is always the same.
    restored: BTreeMap<Image, Peer>,
    crashes: usize,
    wrecks: usize,
    words: usize,
}

impl Restarts {
    fn new() -> Self {
        let (root, restored) = (TempDir::new().unwrap(), BTreeMap::new());
        Self { root, restored, crashes: 0, wrecks: 0, words: 0 }
    }

    /// The next incarnation begins on `image` and stands by these words.
    fn check(&mut self, image: &Image, words: &[Word], at: &str) {
        self.wrecks += 1;
        let peer = self.restored.entry(image.clone()).or_insert_with(|| {
            build(self.root.path(), image);
            match open(Trace::<Word>::new(self.root.path(), None), self.root.path()) {
                Ok((_, peer)) => peer,
                Err(error) => panic!("{at}: a restart is refused: {error}; {:?}", image.keys()),
            }
        });
        assert_kept(peer, words, at);
    }

    /// Kills and power losses behind every note of the trace. `before` was said in earlier
    /// incarnations; `found` gets every state that is found, with all that was said before.
    fn everywhere(
        &mut self,
        from: &Volume,
        trace: &Trace<Word>,
        before: &[Word],
        mut found: impl FnMut(Volume, &[Word]),
    ) {
        let mut volume = from.clone();
        let mut words = before.to_vec();
        for (at, note) in trace.notes().iter().enumerate() {
            volume.play(note);
            if let Note::Said(word) = note {
                words.push(word.clone());
                self.words += 1;
            }
            self.crashes += 1;
            let mut at = format!("after note {at}, {note:?}");
            at.truncate(120);
            self.check(&volume.image(), &words, &format!("killed {at}"));
            found(volume.killed(), &words);
            for image in volume.wrecks() {
                self.check(&image, &words, &format!("power lost {at}"));
                found(Volume::of(&image), &words);
            }
        }
    }
}

/// Flush after every event, after none, after each second or third, and some mixtures.
fn schedules() -> Vec<u32> {
    let regular = [u32::MAX, 0, 0xaaaa_aaaa, 0x5555_5555, 0x9249_2492, 0x8000, 0x0f0f_0f0f];
    let mixed = (1..10_u32).map(|n| n.wrapping_mul(0x9e37_79b9));
    regular.into_iter().chain(mixed).collect()
}

#[test]
fn what_was_said_before_a_crash_at_any_boundary_is_still_true_after_it() {
    let (mut restarts, mut replaced) = (Restarts::new(), 0);
    for schedule in schedules() {
        let root = TempDir::new().unwrap();
        let trace = live(root.path(), &first_incarnation(), |at| schedule >> at & 1 == 1, None);
        restarts.everywhere(&Volume::default(), &trace, &[], |_, _| {});
        replaced += replacements(&trace) - 1;
    }
    // A trace on which nothing is said proves nothing, and one log must be shortened on the way.
    assert!(restarts.words > 100 && restarts.wrecks > 2_000);
    assert!(replaced > 0);
}

/// The states in which an incarnation without and with a failing flush can end, wherever it ends.
/// Of the moments that leave the same state, the last has the most words behind it.
fn ends_of_a_first_incarnation(
    restarts: &mut Restarts,
    schedule: u32,
) -> BTreeMap<Volume, Vec<Word>> {
    let mut found = BTreeMap::new();
    let mut until_failure = None;
    loop {
        let root = TempDir::new().unwrap();
        let trace =
            live(root.path(), &first_incarnation(), |at| schedule >> at & 1 == 1, until_failure);
        restarts.everywhere(&Volume::default(), &trace, &[], |volume, words| {
            let said: &mut Vec<Word> = found.entry(volume).or_default();
            if words.len() >= said.len() {
                *said = words.to_vec();
            }
        });
        let next = until_failure.map_or(0, |flush| flush + 1);
        if next > 0 && flushes(&trace) < next - 1 {
            return found;
        }
        until_failure = Some(next);
    }
}

#[test]
fn a_second_incarnation_crashes_at_any_boundary_too() {
    let mut restarts = Restarts::new();
    for schedule in [u32::MAX, 0x9249_2492] {
        let first = ends_of_a_first_incarnation(&mut restarts, schedule);
        for (volume, words) in &first {
            let root = TempDir::new().unwrap();
            build(root.path(), &volume.image());
            let trace = live(root.path(), &next_incarnation(30), |at| at % 2 == 1, None);
            restarts.everywhere(volume, &trace, words, |_, _| {});
        }
    }
    assert!(restarts.crashes > 1_000 && restarts.words > 500);
}

/// How one incarnation goes.
#[derive(Clone, Debug)]
struct Plan {
    /// Behind which events it flushes.
    schedule: u32,
    until_failure: Option<usize>,
    /// Where on its trace it ends.
    end: Index,
    /// Which of the states that a power loss can leave is found next; none after a kill.
    wreck: Option<Index>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let choices = (
        any::<u32>(),
        option::weighted(0.3, 0..40_usize),
        any::<Index>(),
        option::of(any::<Index>()),
    );
    choices.prop_map(|(schedule, until_failure, end, wreck)| Plan {
        schedule,
        until_failure,
        end,
        wreck,
    })
}

proptest! {
    #![proptest_config(Cases { cases: 100, failure_persistence: None, ..Cases::default() })]

    /// Kills, power losses and failing flushes, mixed over many incarnations.
    #[test]
    fn what_was_said_is_true_in_all_later_incarnations(plans in collection::vec(plan(), 1..7)) {
        let mut restarts = Restarts::new();
        let (mut volume, mut words, mut base) = (Volume::default(), Vec::new(), 0);
        for plan in plans {
            let root = TempDir::new().unwrap();
            build(root.path(), &volume.image());
            let events = if base == 0 { first_incarnation() } else { next_incarnation(base) };
            base += 30;
            let flushes = |at: usize| plan.schedule >> (at % 32) & 1 == 1;
            let trace = live(root.path(), &events, flushes, plan.until_failure);
            let notes = trace.notes();
            // What was found is there from the beginning.
            let found = notes.iter().take_while(|note| matches!(note, Note::Found(..))).count();
            let end = found + plan.end.index(notes.len() - found + 1);
            for note in &notes[..end] {
                volume.play(note);
                if let Note::Said(word) = note {
                    words.push(word.clone());
                }
            }
            let wrecks = volume.wrecks();
            restarts.check(&volume.image(), &words, &format!("killed: {plan:?}"));
            for image in &wrecks {
                restarts.check(image, &words, &format!("power lost: {plan:?}"));
            }
            volume = match plan.wreck {
                None => volume.killed(),
                Some(wreck) => Volume::of(wreck.get(&wrecks)),
            };
        }
    }
}

#[test]
fn nothing_is_said_too_early_when_many_ask_at_once() {
    let root = TempDir::new().unwrap();
    let trace = Trace::new(root.path(), None);
    let node = node(&trace, root.path()).unwrap();
    node.step(Process::start);
    thread::scope(|scope| {
        for asker in 0..4 {
            let node = &node;
            scope.spawn(move || {
                for round in 1..20 {
                    let number = round * 4 + asker;
                    for event in [prepare(number), prepare(number), accept(number, 'Y')] {
                        node.step(|process, out| event.happen(process, out));
                    }
                }
            });
        }
    });
    let mut restarts = Restarts::new();
    restarts.everywhere(&Volume::default(), &trace, &[], |_, _| {});
    assert!(restarts.words > 200, "{}", restarts.words);
    assert!(replacements(&trace) > 1, "the log was shortened on the way");
}
