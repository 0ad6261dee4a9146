//! From a script that fails to one of which nothing can be taken away.
//!
//! This is delta debugging (A. Zeller, R. Hildebrandt, *Simplifying and Isolating Failure-Inducing
//! Input*, IEEE Transactions on Software Engineering 28(2), 2002). Of the two kinds of attempts in
//! their `ddmin` one is made: to leave a part *out*. The other, to keep a part *only*, performs
//! nothing in a run whose beginning is gone.
//!
//! First whole peers are left out, then all crashes, then halves, quarters, and so on down to
//! single items, again and again until none can be left out. An item is a step, or what goes wrong
//! in one: its crash, its slow disk. A step may go while its crash stays; then that is a crash
//! between two steps.
//!
//! So the result is *1-minimal*: without any single one of its items the run does not fail. It is
//! not the smallest of all failures, nor even of those that two deletions at once would find; that
//! no procedure can promise at this price. (Trying all pairs as well was measured: over 110
//! failures of the mutants it took out nothing more.)

use std::collections::BTreeSet;

use super::script::{Script, ScriptStep, What};
use crate::process::PeerId;

/// What can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The event of the step.
    Event,
    /// That its records wait.
    Wait,
    /// That its peer crashes in the middle.
    CrashPoint,
}

/// Takes out of a script whatever the failure does not need.
///
/// `fails` plays a script; if it still fails, it answers with what was performed. A script that
/// does not fail is given back as it is.
pub fn ddmin<M: Clone, T: Clone, I: Clone>(
    script: Script<M, T, I>,
    mut fails: impl FnMut(&[ScriptStep<M, T, I>]) -> Option<Script<M, T, I>>,
) -> Script<M, T, I> {
    let Some(performed) = fails(&script) else { return script };
    let mut reduction = Reduction { best: performed, fails };
    let peers: BTreeSet<PeerId> = reduction.best.iter().map(|step| step.peer).collect();
    for peer in peers {
        let others = reduction.best.iter().filter(|step| !step.involves(peer));
        let others: Script<M, T, I> = others.cloned().collect();
        reduction.attempt(&others);
    }
    let calm = without_crashes(&reduction.best);
    reduction.attempt(&calm);
    reduction.remove_items();
    reduction.best
}

/// The shortest script so far that fails.
struct Reduction<M, T, I, F> {
    best: Script<M, T, I>,
    fails: F,
}

impl<M: Clone, T: Clone, I: Clone, F> Reduction<M, T, I, F>
where
    F: FnMut(&[ScriptStep<M, T, I>]) -> Option<Script<M, T, I>>,
{
    /// Takes this one instead if it fails too, and what was performed is smaller.
    fn attempt(&mut self, script: &[ScriptStep<M, T, I>]) -> bool {
        let performed = (self.fails)(script);
        let performed = performed.filter(|it| items(it).len() < items(&self.best).len());
        let is_smaller = performed.is_some();
        if let Some(performed) = performed {
            self.best = performed;
        }
        is_smaller
    }

    /// Takes away halves, quarters, … and single items until no single one can go. From the end,
    /// since nothing depends on what comes later.
    fn remove_items(&mut self) {
        let mut size = items(&self.best).len().div_ceil(2);
        loop {
            let mut smaller = false;
            let mut end = items(&self.best).len();
            while end > 0 {
                // What fails may have lost more than was taken away.
                let items = items(&self.best);
                end = end.min(items.len());
                let start = end.saturating_sub(size);
                smaller |= self.attempt(&without(&self.best, &items[start..end]));
                end = start;
            }
            if size <= 1 && !smaller {
                return;
            }
            size = (size / 2).max(1);
        }
    }
}

fn without_crashes<M: Clone, T: Clone, I: Clone>(
    script: &[ScriptStep<M, T, I>],
) -> Script<M, T, I> {
    let rest = script.iter().filter(|step| !matches!(step.event, What::Crash { .. }));
    rest.cloned().map(|step| ScriptStep { dies: None, ..step }).collect()
}

/// All that can be taken away: the index of a step, and what of it.
fn items<M, T, I>(script: &[ScriptStep<M, T, I>]) -> Vec<(usize, Part)> {
    let mut items = Vec::new();
    for (index, step) in script.iter().enumerate() {
        items.push((index, Part::Event));
        items.extend(step.waits_from.map(|_| (index, Part::Wait)));
        items.extend(step.dies.map(|_| (index, Part::CrashPoint)));
    }
    items
}

/// The script without these items, which are in order.
fn without<M: Clone, T: Clone, I: Clone>(
    script: &[ScriptStep<M, T, I>],
    gone: &[(usize, Part)],
) -> Script<M, T, I> {
    let mut left = Vec::with_capacity(script.len());
    for (index, step) in script.iter().enumerate() {
        let is_gone = |part| gone.binary_search(&(index, part)).is_ok();
        let dies = step.dies.filter(|_| !is_gone(Part::CrashPoint));
        if !is_gone(Part::Event) {
            let waits_from = step.waits_from.filter(|_| !is_gone(Part::Wait));
            left.push(ScriptStep { waits_from, dies, ..step.clone() });
        } else if let Some(point) = dies {
            left.push(ScriptStep::new(
                step.peer,
                What::Crash { kept: point.kept, cause: point.cause },
            ));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::super::script::{Cause, CrashPoint};
    use super::*;

    type Toy = Script<char, char, ()>;

    fn step(peer: u16, timer: char) -> ScriptStep<char, char, ()> {
        ScriptStep::new(PeerId(peer), What::Timeout(timer))
    }

    fn cut_down(script: Toy, fails: impl Fn(&[ScriptStep<char, char, ()>]) -> bool) -> Toy {
        ddmin(script, |attempt| fails(attempt).then(|| attempt.to_vec()))
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let script: Toy = ('a'..='z').map(|name| step(1 + name as u16 % 3, name)).collect();
        for needed in ["c", "ax", "bcdy", "kz", "abcdefghijklmnopqrstuvwxyz"] {
            let has = |attempt: &[ScriptStep<char, char, ()>], name| {
                attempt.iter().any(|step| step.event == What::Timeout(name))
            };
            let left = cut_down(script.clone(), |a| needed.chars().all(|name| has(a, name)));
            assert_eq!(left.len(), needed.len(), "{needed}: {left:?}");
        }
        let never = cut_down(script.clone(), |_| false);
        assert_eq!(never, script, "what does not fail is left alone");
    }

    #[test]
    fn a_crash_can_outlive_its_step_and_a_step_its_crash() {
        let dies = Some(CrashPoint { after: 1, kept: 2, cause: Cause::Kill });
        let script = vec![ScriptStep { dies, waits_from: Some(1), ..step(1, 'a') }, step(1, 'b')];
        let crashes = |step: &ScriptStep<char, char, ()>| {
            step.dies.is_some() || matches!(step.event, What::Crash { .. })
        };
        let left = cut_down(script.clone(), |a| a.iter().any(crashes));
        assert_eq!(left, [ScriptStep::new(PeerId(1), What::Crash { kept: 2, cause: Cause::Kill })]);
        let left = cut_down(script.clone(), |a| a.iter().any(|s| s.event == What::Timeout('a')));
        assert_eq!(left, [step(1, 'a')]);
        let waits = |a: &[ScriptStep<char, char, ()>]| a.iter().any(|s| s.waits_from.is_some());
        assert_eq!(cut_down(script, waits), [ScriptStep { waits_from: Some(1), ..step(1, 'a') }]);
    }
}
