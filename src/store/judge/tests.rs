//! The judge against a search through all orders, on small histories made at random.

use std::collections::BTreeSet;

use super::objections;
use crate::process::PeerId;
use crate::store::Fact;
use crate::store::event::{StoreLog, called};
use crate::store::operation::{Answer, Condition, Lifetime, Reply, Request};
use crate::store::register::Register;
use crate::trace::journal::{JournalAction, JournalLine, Journalled as _};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Clone, Debug)]
struct Op {
    operation: Request,
    /// Places of call and return.
    begun: u64,
    ended: u64,
    /// None: unknown.
    reply: Option<Reply>,
}

fn operation(dice: &mut Dice, id: u64) -> Request {
    let value = format!("{}", id % 5).as_str().into();
    let only = match dice.below(6) {
        0 => Condition::Absent,
        1 => Condition::Present,
        2 => Condition::Version(dice.below(4)),
        3 => Condition::Equal(format!("{}", dice.below(5)).as_str().into()),
        _ => Condition::Always,
    };
    match dice.below(10) {
        0..4 => Request::Read,
        4 => Request::Delete { only: Condition::Always, tells: false },
        5 => Request::Append(value),
        6 => Request::Delete { only, tells: false },
        _ => Request::Set { value, only, lifetime: Lifetime::Unlimited, tells: false },
    }
}

/// A history that some run of a correct register gives: each operation takes effect at a moment
/// between its call and its return.
fn history(dice: &mut Dice) -> Vec<Op> {
    let count = 3 + dice.below(4);
    let mut register = Register::default();
    let mut history = Vec::new();
    for id in 0..count {
        let at = 100 * (id + 1);
        let operation = operation(dice, id);
        let (begun, ended) = (at - 1 - dice.below(250).min(at - 1), at + 1 + dice.below(250));
        let is_unknown = dice.below(5) == 0;
        let reply = if is_unknown && dice.below(2) == 0 {
            None
        } else {
            let reply = operation.apply(&mut register);
            Some(reply).filter(|_| !is_unknown)
        };
        history.push(Op { operation, begun, ended, reply });
    }
    history
}

/// Something in it is changed.
fn spoil(history: &mut [Op], dice: &mut Dice) {
    let at = usize::try_from(dice.below(history.len() as u64)).unwrap();
    let op = &mut history[at];
    let Some(reply) = &mut op.reply else { return };
    match (dice.below(4), &mut reply.outcome) {
        (0, _) => reply.version += 1,
        (1, _) => reply.version = reply.version.saturating_sub(1),
        (2, Answer::Value(value, _)) => {
            let other = format!("{}", dice.below(5)).as_str().into();
            *value = value.is_none().then_some(other);
        }
        (2, outcome @ Answer::Done(_)) => *outcome = Answer::NotDone(None),
        _ => {
            let (from, to) = (op.begun, op.ended);
            (op.begun, op.ended) = (from + 200, to + 200);
        }
    }
}

/// A search through all orders in which what is called after a return comes after it.
fn is_linearizable(history: &[Op], done: &mut BTreeSet<usize>, register: &Register) -> bool {
    let open: Vec<usize> = (0..history.len()).filter(|at| !done.contains(at)).collect();
    if open.iter().all(|at| history[*at].reply.is_none()) {
        return true;
    }
    let ends = open.iter().filter(|at| history[**at].reply.is_some());
    let first_end = ends.map(|at| history[*at].ended).min().unwrap_or(u64::MAX);
    open.into_iter().any(|at| {
        let op = &history[at];
        if op.begun > first_end {
            return false;
        }
        let mut next = register.clone();
        if let Some(reply) = op.reply.as_ref().filter(|_| next.value.is_none()) {
            // A key that was deleted, and dropped, may begin with any higher version.
            next.version = next.version.max(reply.version.saturating_sub(1));
        }
        let told = op.operation.apply(&mut next);
        if op.reply.as_ref().is_some_and(|reply| *reply != told) {
            return false;
        }
        done.insert(at);
        let found = is_linearizable(history, done, &next);
        done.remove(&at);
        found
    })
}

fn journal(history: &[Op]) -> String {
    let mut lines = Vec::new();
    for (id, op) in (1..).zip(history) {
        lines.push((op.begun, called(id, &"k", &op.operation)));
        let unknown = Reply::of(Answer::Unknown);
        let told = Fact::Replied(id, op.reply.clone().unwrap_or(unknown));
        lines.push((op.ended, told.to_string()));
    }
    // Of the same moment, calls first: more is possible then.
    lines.sort_by_key(|(time, text)| (*time, text.starts_with("return")));
    let line = |(time_us, text)| {
        let action = JournalAction::Noted;
        let started = JournalLine::started(StoreLog::NAME, PeerId(1));
        JournalLine { action, text, time_us, ..started }.json()
    };
    lines.into_iter().map(line).collect()
}

#[test]
fn it_finds_what_a_search_through_all_orders_finds() {
    let mut dice = Dice(1);
    let (mut good, mut bad, mut missed) = (0, 0, 0);
    for _ in 0..6_000 {
        let mut history = history(&mut dice);
        for _ in 0..dice.below(3) {
            spoil(&mut history, &mut dice);
        }
        let found = objections(journal(&history));
        if is_linearizable(&history, &mut BTreeSet::new(), &Register::default()) {
            good += 1;
            assert!(found.is_empty(), "{found:?}\n{}", journal(&history));
        } else {
            bad += 1;
            missed += usize::from(found.is_empty());
        }
    }
    assert!(good > 1_000 && bad > 1_000, "{good} good ones, {bad} bad ones");
    // What versions leave open, where nobody knows what became of a call.
    assert!(missed * 20 < bad, "{missed} of {bad} were not found");
}
