//! What each peer holds after each step, and where a majority of acceptors is complete.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::{Held, IS_CHOSEN, Message, value};
use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::Number;
use crate::trace::counts::plural;
use crate::trace::diagram::{Arrow, Lifeline, Marker, Reached, STATE_JOINT, Step};

/// Whom a proposer asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Electorate {
    pub(super) members: BTreeSet<u16>,
    /// How many there are: of some no line may say who they are.
    pub(super) count: usize,
}

impl Electorate {
    pub(super) fn of(members: BTreeSet<u16>) -> Self {
        Self { count: members.len(), members }
    }
}

/// The acceptors of each proposer.
pub(super) type Acceptors = BTreeMap<u16, Electorate>;

/// The peer and the step of each voice.
type Voices = BTreeMap<u16, usize>;

/// What one peer holds.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) promised: Option<Number>,
    pub(super) accepted: Option<(Number, String)>,
    knows: Option<String>,
}

impl State {
    fn words(&self) -> String {
        let parts = [
            self.promised.map(|number| format!("promised {number}")),
            self.accepted.as_ref().map(|(number, text)| format!("holds {}@{number}", value(text))),
            self.knows.as_ref().map(|text| format!("knows {text}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(STATE_JOINT)
    }

    pub(super) fn change(&mut self, held: &Held) {
        match held {
            Held::Promised(number) | Held::Refused(number) => self.promised = Some(*number),
            Held::Accepted(number, text) => {
                // A broken acceptor's line says what it does now.
                self.promised = Some(*number);
                self.accepted = Some((*number, text.clone()));
            }
            Held::Found(promised, accepted) => {
                *self = Self { promised: *promised, accepted: accepted.clone(), knows: None };
            }
        }
    }
}

/// Follows a run step by step.
pub(super) struct Votes<'a> {
    arrows: &'a [Arrow],
    said: &'a [Option<Message>],
    acceptors: &'a Acceptors,
    /// Who proposes under which number.
    owners: BTreeMap<Number, u16>,
    /// The promises that have come back to the proposer.
    promises: BTreeMap<Number, Voices>,
    /// By number and value: a number may be shared by mistake.
    accepted: BTreeMap<(Number, String), Voices>,
}

impl<'a> Votes<'a> {
    pub(super) fn new(
        arrows: &'a [Arrow],
        said: &'a [Option<Message>],
        acceptors: &'a Acceptors,
        owners: BTreeMap<Number, u16>,
    ) -> Self {
        let (promises, accepted) = (BTreeMap::new(), BTreeMap::new());
        Self { arrows, said, acceptors, owners, promises, accepted }
    }

    /// Fills in what is complete where, and what the peers hold; `held` is what each step changes.
    pub(super) fn follow(
        mut self,
        steps: &mut [Step],
        held: &[Option<Held>],
        lifelines: &mut [Lifeline],
    ) {
        let mut states = vec![State::default(); lifelines.len()];
        let peers: Vec<u16> = lifelines.iter().map(|line| line.peer).collect();
        for (index, (step, held)) in steps.iter_mut().zip(held).enumerate() {
            let Some(state) = states.get_mut(step.lifeline) else { continue };
            if let Some(held) = held {
                state.change(held);
            }
            for message in step.sends.iter().filter_map(|arrow| self.said.get(*arrow)?.as_ref()) {
                state.accepted = message.reported().or(state.accepted.take());
            }
            if step.marker == Marker::Star {
                let knows = step.says.strip_suffix(IS_CHOSEN).unwrap_or_default();
                state.knows = Some(knows.to_owned());
            }
            if let Some(line) = lifelines.get_mut(step.lifeline) {
                let words = state.words();
                if line.states.last().map_or("", |(_, last)| last) != words {
                    line.states.push((index, words));
                }
            }
            let me = peers[step.lifeline];
            step.reached = self.reached(step, index, me, held.as_ref(), &peers);
        }
    }

    /// What is complete with this step of `me`: the vote last, as it says more.
    fn reached(
        &mut self,
        step: &Step,
        index: usize,
        me: u16,
        held: Option<&Held>,
        peers: &[u16],
    ) -> Option<Reached> {
        let mut reached = None;
        let promise = match held {
            // Its own promise needs no way.
            Some(Held::Promised(number)) => Some((*number, me, index)),
            _ => self.promise(step, index, peers),
        };
        let mine = promise.filter(|promise| self.owners.get(&promise.0) == Some(&me));
        if let Some((number, from, at)) = mine {
            let voices = self.promises.entry(number).or_default();
            let added = add(voices, self.acceptors.get(&me), from, at);
            reached = added.map(|(who, all)| Reached {
                label: format!("majority: {who}"),
                shorter: vec!["majority".into()],
                sentence: format!("{who} are a majority of {all}: all have promised {number}"),
                steps: voices.values().copied().collect(),
            });
        }
        if let Some(Held::Accepted(number, text)) = held {
            let voices = self.accepted.entry((*number, text.clone())).or_default();
            let acceptors = self.owners.get(number).and_then(|owner| self.acceptors.get(owner));
            let (added, text) = (add(voices, acceptors, me, index), value(text));
            let chosen = added.map(|(who, all)| Reached {
                label: format!("chosen by {who}"),
                shorter: vec!["chosen".into()],
                sentence: format!(
                    "{who} are a majority of {all}: all have accepted {text}@{number}, so {text} \
                     is chosen, even if nobody knows it yet"
                ),
                steps: voices.values().copied().collect(),
            });
            reached = chosen.or(reached);
        }
        reached
    }

    /// The promise that arrives with a step: its number, whose it is, and where that was given.
    fn promise(&self, step: &Step, index: usize, peers: &[u16]) -> Option<(Number, u16, usize)> {
        let arrow = self.arrows.get(step.received?)?;
        let said = self.said.get(step.received?)?.as_ref()?;
        let is_promise = said.kind == MessageType::PrepareAck && !said.is_refusal();
        let number = said.about().filter(|_| is_promise)?;
        Some((number, *peers.get(arrow.from)?, arrow.sent.unwrap_or(index)))
    }
}

/// Adds a voice; says who they are, and of how many acceptors, if they become a majority by it.
fn add(
    voices: &mut Voices,
    acceptors: Option<&Electorate>,
    from: u16,
    at: usize,
) -> Option<(String, String)> {
    let Electorate { members, count } = acceptors?;
    if !members.contains(&from) || voices.insert(from, at).is_some() {
        return None;
    }
    let ids: Vec<String> = voices.keys().map(u16::to_string).collect();
    (ids.len() == count / 2 + 1).then(|| (ids.join(", "), plural(*count as u64, "acceptor")))
}
