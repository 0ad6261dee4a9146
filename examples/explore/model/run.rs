//! An exploration from its beginning to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use synod::paxos::Setup;

use super::bounds::Bounds;
use super::{Exploration, Subject};

/// How an exploration went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// States, those that are treated alike counted once.
    pub(crate) states: usize,
    /// Steps taken between them.
    pub(crate) steps: usize,
    /// The longest run that was followed.
    pub(crate) depth: usize,
    /// How long it took.
    pub(crate) took: Duration,
    /// True if there was nothing left to try.
    pub(crate) exhausted: bool,
    /// Different situations of one peer, and different letters.
    pub(crate) met: (usize, usize),
    /// Properties that must always hold and did not, each with the steps that break it.
    pub(crate) violated: BTreeMap<&'static str, Vec<String>>,
    /// Properties that must hold somewhere and nowhere did.
    pub(crate) missing: BTreeSet<&'static str>,
}

/// Tries everything within the bounds, for so long at most.
pub(crate) fn exhaust<P: Subject>(
    bounds: Bounds,
    birth: impl Fn(Arc<Setup>) -> P,
    limit: Option<Duration>,
) -> Outcome {
    let began = Instant::now();
    let mut exploration = Exploration::new(bounds, birth);
    exploration.clock.until = limit.map(|limit| began + limit);
    // Depth first: of the states that are still to be looked at only a few are in memory.
    outcome(&exploration.checker().spawn_dfs().join(), began)
}

/// The shortest run that violates one of `wanted`, looked for within the bounds and so many steps.
pub(crate) fn shortest<P: Subject>(
    bounds: Bounds,
    birth: impl Fn(Arc<Setup>) -> P,
    wanted: &[&'static str],
    limit: Duration,
) -> Option<(&'static str, Vec<String>)> {
    let until = Instant::now() + limit;
    let mut found: Option<(&'static str, Vec<String>)> = None;
    loop {
        let began = Instant::now();
        let mut exploration = Exploration::new(bounds, &birth);
        exploration.clock.until = Some(until);
        let any = HasDiscoveries::AnyOf(wanted.iter().copied().collect());
        let mut checker = exploration.checker().finish_when(any);
        // Stateright looks at some states beyond the first violation and keeps the last one, so
        // the search is repeated for a shorter one until there is none.
        if let Some((_, steps)) = &found {
            checker = checker.target_max_depth(steps.len() + 1);
        }
        let mut outcome = outcome(&checker.spawn_bfs().join(), began);
        outcome.violated.retain(|name, _| wanted.contains(name));
        match outcome.violated.into_iter().min_by_key(|(_, steps)| steps.len()) {
            Some(shorter) => found = Some(shorter),
            None => return found,
        }
    }
}

fn outcome<P: Subject>(checker: &impl Checker<Exploration<P>>, began: Instant) -> Outcome {
    let model = checker.model();
    model.clock.stop();
    let mut violated = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (name, path) in checker.discoveries() {
        found.insert(name);
        if model.property(name).expectation == Expectation::Always {
            let steps = path.into_actions().iter().map(|step| model.format_action(step)).collect();
            violated.insert(name, steps);
        }
    }
    let sometimes = model.properties().into_iter();
    let sometimes = sometimes.filter(|p| p.expectation == Expectation::Sometimes).map(|p| p.name);
    Outcome {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        exhausted: !model.clock.rang(),
        met: model.met(),
        violated,
        missing: sometimes.filter(|name| !found.contains(name)).collect(),
    }
}
