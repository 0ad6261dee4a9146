//! The mutants of `sync`: what each does, and where it was seen.

use super::machine::{Message, ModelPeer, Record, Setup, Text};
use super::message::{self, Fact};
use super::version::Version;
use crate::process::{Effect, PeerId, Process as _};
use crate::sim::mutant::{self, Guard, Mutable, MutantState};

type Mutant = mutant::Mutant<ModelPeer>;

/// What a mutant remembers beside its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SyncNotes {
    /// Whom it is connected with.
    peers: Vec<PeerId>,
    /// What it says next that its file is, though nobody wrote it.
    echo: Option<Version>,
    /// How many older versions it has taken: two that took each other's for ever would never end.
    taken: u8,
}

impl Mutable for ModelPeer {
    type Setup = Setup;
    type Notes = SyncNotes;

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}

/// All mutants of `sync`.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter()
}

const EXACT: Guard = Guard::new(
    "exact",
    "src/sync/command/bodies.rs",
    "fn receive",
    "contents: the bytes behind a frame are written as they are, and counted by its length",
);
const ECHO: Guard = Guard::new(
    "no-echo",
    "src/sync/peer.rs",
    "fn found",
    "a receiver remembers what it wrote, so that the monitor does not take it for an edit",
);
const NEWER: Guard = Guard::new(
    "nothing-lost",
    "src/sync/version.rs",
    "fn meet",
    "versions: one that was seen gives way; of concurrent ones the higher wins, the other is kept",
);
const WHOLE: Guard = Guard::new(
    "whole",
    "src/sync/command/files.rs",
    "fn replace",
    "contents are written to a file of their own, flushed, and renamed",
);

static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "newline-at-every-hop",
        does: "Writes what comes as a line, with a newline behind it.",
        seen: "The original: each hop prints what it has received with `println`.",
        guard: EXACT,
        effect: |state, effect| {
            if let Effect::Persist(Record::Renamed(text)) = effect {
                text.newlines = text.newlines.saturating_add(1);
                state.process.restore(Record::Renamed(*text));
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "echoes-what-it-receives",
        does: "Takes what it has received for an edit of its own, and offers that to all.",
        seen: "The original in a loop of peers: the monitor sees a new time of modification.",
        guard: ECHO,
        connected: |state, peer| {
            state.notes.peers.retain(|known| *known != peer);
            state.notes.peers.push(peer);
            true
        },
        effect: |state, effect| {
            if let Effect::Report(Fact::Received { version, .. }) = effect {
                let id = state.process.id();
                state.notes.echo = Some(version.edited(id, version.contents, 0));
            }
            true
        },
        effects: |state, effects| {
            let Some(version) = state.notes.echo.take() else { return };
            let record = Record::Peer(message::Record::Has(version.clone()));
            state.process.restore(record.clone());
            effects.push(Effect::Persist(record));
            effects.push(Effect::Report(Fact::Edited(version.clone())));
            let offer = Message::Plain(message::Message::Offer(version));
            let to_all = state.notes.peers.iter();
            effects.extend(to_all.map(|peer| Effect::Send(*peer, offer.clone())));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "older-overwrites-newer",
        does: "Takes every version that it is offered for newer than its own.",
        seen: "The original: whatever arrives is written. Sync tools that compare nothing but \
               `not equal`.",
        guard: NEWER,
        receive: |state, _, message| {
            if let Message::Plain(message::Message::Offer(version))
            | Message::Body(message::Message::Content(version), _) = message
            {
                forget_what_it_lacks(state, version);
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "part-of-a-content-is-seen",
        does: "Writes what comes into the file itself, the first half first.",
        seen: "The original, and every receiver that opens the file before it has the bytes.",
        guard: WHOLE,
        effects: |_, effects| {
            let renamed = |effect: &Effect<ModelPeer>| match effect {
                Effect::Persist(Record::Renamed(text)) => Some(*text),
                _ => None,
            };
            let at = effects.iter().position(|effect| renamed(effect).is_some());
            let text = at.and_then(|at| renamed(&effects[at]));
            if let (Some(at), Some(text)) = (at, text.filter(|text| *text != Text::of(0))) {
                let half = Record::Renamed(Text { is_part: true, ..text });
                effects.insert(at, Effect::Persist(half));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "keeps-no-loser",
        does: "Replaces its own edit by one that did not know it, without a copy.",
        seen: "Last writer wins, in most shared folders.",
        guard: Guard {
            rule: "loser-kept",
            file: "src/sync/command/files.rs",
            item: "fn keep",
            ..NEWER
        },
        effect: |_, effect| match effect {
            Effect::Report(Fact::Received { kept, .. }) => {
                *kept = None;
                true
            }
            effect => !matches!(effect, Effect::Persist(Record::Kept(..))),
        },
        ..Mutant::PLAIN
    },
];

/// What is offered is given all that its receiver has seen.
fn forget_what_it_lacks(state: &mut MutantState<ModelPeer>, version: &mut Version) {
    let Some(ours) = state.process.peer().version() else { return };
    if version.has_seen(ours) || version.contents == ours.contents || state.notes.taken > 20 {
        return;
    }
    state.notes.taken += 1;
    let mut seen = ours.seen.clone();
    for (by, counter) in &version.seen {
        let known = seen.entry(*by).or_insert(*counter);
        *known = (*known).max(*counter);
    }
    let counter = ours.stamp.counter.max(version.stamp.counter) + 1;
    seen.insert(version.stamp.by, counter);
    (version.seen, version.stamp.counter) = (seen, counter);
}
