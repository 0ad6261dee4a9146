//! Is the history of one key linearizable?
//!
//! Versions make this easy: they say in which order changes happened, and after which of them a
//! read did. What is left to see is whether that order agrees with the order of calls and returns,
//! and whether every value is that of its version. Only calls whose outcome nobody knows need a
//! search: each may stand for one version that nobody else has.
//!
//! It is sound: what it finds is no linearizable history. It does not find all: where an unknown
//! deletion, several operations at once or an expiry may explain an absence, it is taken to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::history::{Asked, Call, Came, Only};
use super::rules::StoreRule;

/// A rule that is broken, by these calls, in a sentence.
pub(super) struct Objection {
    pub(super) rule: StoreRule,
    pub(super) calls: Vec<usize>,
    pub(super) sentence: String,
}

/// What a version is known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Value(String),
    /// There is a value.
    Something,
}

struct KeyJudge<'a> {
    calls: &'a [Call],
    /// The call that made a version, as it was told.
    makers: BTreeMap<u64, usize>,
    states: BTreeMap<u64, State>,
    /// The highest version that had been told when a call was made.
    least: Vec<u64>,
    /// Calls that may have changed something, and nobody knows.
    unknown: Vec<usize>,
    /// Those of them that stand for a version.
    used: BTreeSet<usize>,
    /// From where on absences may come without a call.
    expires: Option<u64>,
    objections: Vec<Objection>,
}

/// Judges the calls of a key.
pub(super) fn judge(calls: &[Call]) -> Vec<Objection> {
    let mut judge = KeyJudge {
        calls,
        makers: BTreeMap::new(),
        states: BTreeMap::new(),
        least: vec![0; calls.len()],
        unknown: calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.is_loose())
            .map(|(at, _)| at)
            .collect(),
        used: BTreeSet::new(),
        expires: calls.iter().filter_map(Call::expires).min(),
        objections: Vec::new(),
    };
    judge.find_versions();
    judge.find_makers();
    judge.find_states();
    judge.sweep();
    judge.find_unknown_makers();
    judge.find_gaps();
    judge.compare();
    judge.objections
}

impl KeyJudge<'_> {
    fn object(&mut self, rule: StoreRule, calls: impl Into<Vec<usize>>, sentence: String) {
        self.objections.push(Objection { rule, calls: calls.into(), sentence });
    }

    fn find_makers(&mut self) {
        for (at, call) in self.calls.iter().enumerate() {
            let Some(version) = call.made() else { continue };
            if let Some(other) = self.makers.insert(version, at) {
                let (one, two) = (self.calls[other].id, call.id);
                let sentence = format!("calls {one} and {two} both made version {version}");
                self.object(StoreRule::Distinct, [other, at], sentence);
            }
        }
    }

    /// Only where there is no value there is no version.
    fn find_versions(&mut self) {
        for (at, call) in self.calls.iter().enumerate() {
            let Some(told) = &call.told else { continue };
            if let Came::Value(value, _) = &told.outcome
                && value.is_some() != (told.version > 0)
            {
                let sentence =
                    format!("call {} is told {value:?} at version {}", call.id, told.version);
                self.objections.push(Objection {
                    rule: StoreRule::Value,
                    calls: vec![at],
                    sentence,
                });
            }
        }
    }

    /// What each version is: as its maker says, and then as readers say.
    fn find_states(&mut self) {
        let mut seen: BTreeMap<u64, (&str, usize)> = BTreeMap::new();
        let calls = self.calls;
        for (at, call) in calls.iter().enumerate() {
            let (Some(version), Some(value)) = (call.seen(), call.seen_value()) else { continue };
            if version == 0 {
                continue;
            }
            let first = *seen.entry(version).or_insert((value, at));
            if first.0 != value {
                let sentence =
                    format!("version {version} is {:?} for one and {value:?} for another", first.0);
                self.object(StoreRule::Value, [first.1, at], sentence);
            }
        }
        for (version, at) in self.makers.clone() {
            let before = version.checked_sub(1).and_then(|before| self.states.get(&before));
            let state = made_of(&calls[at], before);
            let shown = seen.get(&version);
            let is_shown = match (&state, shown) {
                (State::Absent, Some(_)) => false,
                (State::Value(value), Some((shown, _))) => value == shown,
                _ => true,
            };
            if let (false, Some((shown, reader))) = (is_shown, shown) {
                let id = calls[at].id;
                let sentence =
                    format!("call {id} made version {version}, and it is told to be {shown:?}");
                self.object(StoreRule::Value, [at, *reader], sentence);
            }
            let state = match shown {
                Some((value, _)) => State::Value((*value).to_owned()),
                None => state,
            };
            self.states.insert(version, state);
        }
        for (version, (value, _)) in seen {
            self.states.entry(version).or_insert_with(|| State::Value(value.to_owned()));
        }
    }

    /// Goes through calls and returns in their order.
    fn sweep(&mut self) {
        let mut events = Vec::with_capacity(2 * self.calls.len());
        for (at, call) in self.calls.iter().enumerate() {
            events.push((call.begun, at, false));
            events.extend(call.told.as_ref().map(|_| (call.ended, at, true)));
        }
        events.sort_unstable();
        let mut highest = 0;
        for (_, at, is_return) in events {
            if !is_return {
                self.least[at] = highest;
                continue;
            }
            let (call, least) = (&self.calls[at], self.least[at]);
            let version = if let Some(version) = call.made() {
                if version <= least {
                    let sentence = format!(
                        "call {} made version {version}, and {least} was told before",
                        call.id
                    );
                    self.object(StoreRule::Order, [at], sentence);
                }
                version
            } else {
                match call.seen() {
                    None => continue,
                    Some(0) => self.absent(at),
                    Some(version) => {
                        self.present(at, version);
                        version
                    }
                }
            };
            highest = highest.max(version);
        }
    }

    fn present(&mut self, at: usize, version: u64) {
        let (call, least) = (&self.calls[at], self.least[at]);
        if version < least {
            let sentence =
                format!("call {} sees version {version}, and {least} was told before", call.id);
            return self.object(StoreRule::Order, [at], sentence);
        }
        let maker = self.makers.get(&version).copied();
        if let Some(maker) = maker.filter(|maker| self.calls[*maker].begun > call.ended) {
            let sentence =
                format!("call {} sees version {version} before it was asked for", call.id);
            self.object(StoreRule::Order, [maker, at], sentence);
        }
    }

    /// There was no value: after which version that can have been, at the earliest.
    fn absent(&mut self, at: usize) -> u64 {
        let (call, least) = (&self.calls[at], self.least[at]);
        let mut version = least;
        loop {
            let state = self.states.get(&version);
            if version == 0 || state == Some(&State::Absent) {
                return version;
            }
            let next = self.states.range((Bound::Excluded(version), Bound::Unbounded)).next();
            let next = next.map(|(next, _)| *next);
            let has_expired = self.expires.is_some_and(|from| from <= call.ended);
            let is_gap = next != Some(version + 1);
            if is_gap && (has_expired || self.may_be_deleted(at, version + 1)) {
                self.states.insert(version + 1, State::Absent);
                return version + 1;
            }
            let is_called = |next: &u64| {
                self.makers.get(next).is_none_or(|maker| self.calls[*maker].begun < call.ended)
            };
            let Some(next) = next.filter(is_called) else {
                let sentence = format!(
                    "call {} sees no value, and version {least}, told before, has one that nobody \
                     has deleted",
                    call.id
                );
                self.object(StoreRule::Absence, [at], sentence);
                return least;
            };
            version = next;
        }
    }

    /// True if a deletion that nobody knows the outcome of can have made this version. It has.
    fn may_be_deleted(&mut self, by: usize, version: u64) -> bool {
        let ended = self.calls[by].ended;
        let can_be = |at: &&usize| {
            let call = &self.calls[**at];
            let is_in_time = call.begun < ended && self.least[**at] < version;
            is_in_time
                && match call.asked {
                    Asked::All(..) => true,
                    Asked::Delete { .. } => !self.used.contains(*at),
                    _ => false,
                }
        };
        let found = self.unknown.iter().find(can_be).copied();
        self.used.extend(found);
        found.is_some()
    }

    /// Versions that were seen and that nobody is known to have made.
    fn find_unknown_makers(&mut self) {
        let mut seen: Vec<(u64, usize, u64)> = Vec::new();
        let mut known = BTreeSet::new();
        for (at, call) in self.calls.iter().enumerate() {
            let Some(version) = call.seen().filter(|version| *version > 0) else { continue };
            if !self.makers.contains_key(&version) {
                seen.push((call.ended, at, version));
            }
        }
        // Who was told first allows for the fewest.
        seen.sort_unstable();
        for (ended, at, version) in seen {
            if !known.insert(version) {
                continue;
            }
            let value = match self.states.get(&version) {
                Some(State::Value(value)) => Some(value.clone()),
                _ => None,
            };
            let can_be = |candidate: &&usize| {
                let call = &self.calls[**candidate];
                let is_several = matches!(call.asked, Asked::All(..));
                let is_free = is_several || !self.used.contains(*candidate);
                let in_time = call.begun < ended && self.least[**candidate] < version;
                in_time && is_free && makes(call, value.as_deref())
            };
            if let Some(maker) = self.unknown.iter().find(can_be) {
                self.used.insert(*maker);
                continue;
            }
            let id = self.calls[at].id;
            let sentence = format!("call {id} sees version {version}, and nobody can have made it");
            self.object(StoreRule::Value, [at], sentence);
        }
    }

    /// Versions that nobody knows, behind one with a value: each is a change by somebody. (A key
    /// that is written anew may begin with any version above those that were deleted.)
    fn find_gaps(&mut self) {
        let mut known: Vec<(u64, usize)> = self.makers.iter().map(|(v, at)| (*v, *at)).collect();
        for (at, call) in self.calls.iter().enumerate() {
            known.extend(call.seen().filter(|version| *version > 0).map(|version| (version, at)));
        }
        // Of those that know a version, the one that was told first.
        known.sort_unstable_by_key(|(version, at)| (*version, self.calls[*at].ended));
        known.dedup_by_key(|(version, _)| *version);
        for pair in known.windows(2) {
            let [(low, _), (high, at)] = *pair else { continue };
            let missing = high - low - 1;
            let has_expired = self.expires.is_some_and(|from| from <= self.calls[at].ended);
            if missing == 0 || has_expired || self.states.get(&low) == Some(&State::Absent) {
                continue;
            }
            let ended = self.calls[at].ended;
            let can_be = |one: &&usize| self.calls[**one].begun < ended && self.least[**one] < high;
            let others = self.unknown.iter().filter(can_be);
            let deletes = |one: &usize| {
                matches!(self.calls[*one].asked, Asked::Delete { .. } | Asked::All(..))
            };
            if others.clone().any(deletes) || others.count() as u64 >= missing {
                continue;
            }
            let sentence = format!("nobody has made the versions between {low} and {high}");
            self.object(StoreRule::Distinct, [at], sentence);
        }
    }

    /// Conditions that were told to hold, or not to.
    fn compare(&mut self) {
        for (at, call) in self.calls.iter().enumerate() {
            let Some(told) = &call.told else { continue };
            let is_done = matches!(told.outcome, Came::Done(_));
            let version = match told.outcome {
                Came::NotDone(_) => told.version,
                Came::Done(_) => told.version.saturating_sub(1),
                _ => continue,
            };
            let state = match version {
                0 if !is_done => Some(&State::Absent),
                _ => self.states.get(&version),
            };
            let is_present = state.map(|state| *state != State::Absent);
            let holds = match (call.only(), state) {
                (Only::Absent, _) => is_present.map(|is| !is),
                (Only::Present, _) => is_present,
                (Only::Version(wanted), _) if *wanted > 0 || !is_done => Some(*wanted == version),
                (Only::Equal(value), Some(State::Value(is))) => Some(value == is),
                (Only::Equal(_), Some(State::Absent)) => Some(false),
                (Only::Different(value), Some(State::Value(is))) => Some(value != is),
                (Only::Always, _) if is_done => None,
                // Only a deletion, or a change of the expiry, has nothing to do.
                (Only::Always, _) if matches!(call.asked, Asked::Set { .. }) => Some(true),
                (Only::Always, _) if matches!(call.asked, Asked::Delete { .. }) => is_present,
                _ => None,
            };
            // Whether there was a value to delete is part of the condition.
            let holds = match (&call.asked, is_present) {
                (Asked::Delete { .. }, Some(false)) => Some(false),
                _ => holds,
            };
            if let Some(holds) = holds.filter(|holds| *holds != is_done) {
                let sentence = format!(
                    "call {} was {}done at version {version}, where its condition {}",
                    call.id,
                    if is_done { "" } else { "not " },
                    if holds { "holds" } else { "does not hold" }
                );
                let objection = Objection { rule: StoreRule::Compared, calls: vec![at], sentence };
                self.objections.push(objection);
            }
        }
    }
}

/// What a change has made of the state before, as far as is known.
fn made_of(call: &Call, before: Option<&State>) -> State {
    let told = call.told.as_ref().map(|told| &told.outcome);
    match (&call.asked, told, before) {
        (Asked::Set { value, .. }, ..) => State::Value(value.clone()),
        (Asked::Delete { .. }, ..) => State::Absent,
        (Asked::Add(_), Some(Came::Number(number)), _) => State::Value(number.to_string()),
        (Asked::Append(tail), _, Some(State::Value(value))) => State::Value(value.clone() + tail),
        (Asked::Append(tail), _, Some(State::Absent)) => State::Value(tail.clone()),
        (Asked::Append(tail), Some(Came::Length(length)), _)
            if *length == tail.chars().count() as u64 =>
        {
            State::Value(tail.clone())
        }
        (Asked::Live(_), _, Some(state)) => state.clone(),
        _ => State::Something,
    }
}

/// Whether an unknown change can have made this value, or any if that is not known.
fn makes(call: &Call, value: Option<&str>) -> bool {
    match (&call.asked, value) {
        (Asked::Read | Asked::Delete { .. }, _) => false,
        (Asked::Set { value: made, .. }, Some(value)) => made == value,
        (Asked::Append(tail), Some(value)) => value.ends_with(tail.as_str()),
        (Asked::Add(_), Some(value)) => value.parse::<i64>().is_ok(),
        _ => true,
    }
}
