//! The mutants of the ring: what each does, and where it was seen.

use std::collections::{BTreeMap, BTreeSet};

use super::key::Key;
use super::machine::{Message, RingMachine, Setup};
use super::message::{self, Fact, FileOrder, LogEntry, LogEvent, Side, Timer, TransferId, Wish};
use super::transfer::Bytes;
use crate::process::{Effect, Effects, PeerId};
use crate::sim::mutant::{self, Guard, Mutable, MutantState};

type Mutant = mutant::Mutant<RingMachine>;

/// What a mutant remembers beside its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RingNotes {
    /// The segment that came last.
    data: Option<(TransferId, Bytes)>,
    /// How much of each file has come.
    come: BTreeMap<TransferId, u64>,
    /// Who pinged it first, as a first and as a second successor.
    pinged: [Option<PeerId>; 2],
    /// The request that came last.
    wish: Option<Wish>,
    /// Transfers with something in common.
    ids: BTreeSet<TransferId>,
}

impl Mutable for RingMachine {
    type Setup = Setup;
    type Notes = RingNotes;

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}

/// All mutants of the ring.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter()
}

const HEALED: Guard = Guard::new(
    "mended",
    "src/ring/successors.rs",
    "fn lose",
    "death: the second successor becomes the first, whose own successors are asked for",
);
const TRANSFER: Guard = Guard::new(
    "exact",
    "src/ring/transfer/receiver.rs",
    "fn take",
    "transfer: a segment that is there already is acknowledged again and not written",
);
const MOVES: Guard = Guard::new(
    "found",
    "src/ring/peer/moves.rs",
    "fn move_arc",
    "join and departure: files go to the peer that should hold them",
);

/// The successors in a message.
fn successors(message: &mut Message) -> Option<&mut Vec<Key>> {
    match message {
        Message::Plain(
            message::Message::Pong { successors: list, .. }
            | message::Message::Successors(list)
            | message::Message::Depart(list)
            | message::Message::Found { successors: list, .. },
        ) => Some(list),
        _ => None,
    }
}

fn plain(effect: &Effect<RingMachine>) -> Option<(PeerId, &message::Message)> {
    match effect {
        Effect::Send(to, Message::Plain(message)) | Effect::Cast(to, Message::Plain(message)) => {
            Some((*to, message))
        }
        _ => None,
    }
}

static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "no-third-successor",
        does: "Learns only one successor of its first, so it knows two and no spare one.",
        seen: "The assignment's own solution; cdesiniotis/chord-grpc #156.",
        guard: Guard { rule: "alone", ..HEALED },
        receive: |_, _, message| {
            if let Some(list) = successors(message) {
                list.truncate(1);
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "second-not-mended",
        does: "Never asks who follows its new first successor.",
        seen: "Solutions that shift the second to the first and stop there.",
        guard: Guard { item: "fn must_ask", ..HEALED },
        receive: |_, _, message| match message {
            Message::Plain(message::Message::Successors(_)) => false,
            Message::Plain(message::Message::Pong { successors, .. }) => {
                successors.clear();
                true
            }
            _ => true,
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "one-missed-ping-is-death",
        does: "Takes a peer for dead that has missed one ping.",
        seen: "hashicorp/serf #269, and every detector without a count.",
        guard: Guard {
            rule: "named-dead",
            file: "src/ring/peer/ring.rs",
            item: "fn miss",
            step: "pings: so many in a row without an answer are a death",
        },
        setup: |setup| setup.peer.misses = 1,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "old-predecessors-are-told",
        does: "Says farewell to the two peers that pinged it first, whoever does now.",
        seen: "Solutions that learn the predecessors from the first two pings.",
        guard: Guard {
            rule: "named-dead",
            file: "src/ring/peer/ring.rs",
            item: "fn pinged",
            step: "pings: the last peer that says so is the predecessor",
        },
        receive: |state, from, message| {
            if let Message::Plain(message::Message::Ping { is_second, .. }) = message {
                state.notes.pinged[usize::from(*is_second)].get_or_insert(from);
            }
            true
        },
        effect: |state, effect| {
            let Some((to, message::Message::Depart(_))) = plain(effect) else { return true };
            state.notes.pinged.contains(&Some(to))
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "leaves-without-a-word",
        does: "Is gone as soon as it is told to quit.",
        seen: "Programs whose quit is an exit.",
        guard: Guard {
            rule: "named-dead",
            file: "src/ring/peer.rs",
            item: "fn say_farewell",
            step: "quit: both predecessors are told, and confirm it",
        },
        effects: |_, effects| {
            let is_farewell =
                |effect: &Effect<RingMachine>| matches!(effect, Effect::SetTimer(Timer::Leave, _));
            if effects.iter().any(is_farewell) {
                *effects = vec![Effect::Halt(0)];
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "waits-for-all-confirmations",
        does: "Does not leave before both predecessors have confirmed it, however long that takes.",
        seen: "Programs that hang on quit in a ring that was just started.",
        guard: Guard {
            rule: "leaves",
            file: "src/ring/peer.rs",
            item: "fn leave_if_done",
            step: "quit: after 3 s at the latest",
        },
        receive: |_, _, message| !matches!(message, Message::Plain(message::Message::Departed)),
        timeout: |_, timer, _| timer != Timer::Leave,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "passes-on-its-own",
        does: "Passes on a request for a name that belongs to it.",
        seen: "Solutions that compare ids without going round zero.",
        guard: Guard {
            rule: "stops",
            file: "src/ring/key.rs",
            item: "fn is_in",
            step: "storage: the closest successor, the first peer at or after the hash",
        },
        receive: |state, _, message| {
            if let Message::Plain(message::Message::Request(wish)) = message {
                state.notes.wish = Some(*wish);
            }
            true
        },
        effects: |state, effects| {
            let Some(wish) = state.notes.wish.take() else { return };
            let Some(table) = state.process.peer().successors() else { return };
            let (first, me) = (table.first(), state.process.peer().me());
            let ids = &state.setup.ids;
            let Some(to) = ids.iter().position(|id| *id == first).filter(|_| first != me) else {
                return;
            };
            let to = PeerId(u16::try_from(to + 1).unwrap_or(0));
            let opens = |effect: &Effect<RingMachine>| match effect {
                Effect::Report(Fact::Order(FileOrder::Open(id, _))) => *id == wish.id,
                _ => false,
            };
            if let Some(at) = effects.iter().position(opens) {
                let next = message::Message::Request(Wish { hops: wish.hops + 1, ..wish });
                effects[at] = Effect::Report(Fact::PassedOn(wish.name));
                effects.push(Effect::Send(to, Message::Plain(next)));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "duplicate-data-written-twice",
        does: "Appends what comes to the file, whether or not it is there already.",
        seen: "Receivers that write what a datagram brings and count no sequence numbers.",
        guard: TRANSFER,
        receive: |state, _, message| {
            if let Message::Plain(message::Message::Data { id, bytes, .. }) = message {
                state.notes.data = Some((*id, bytes.clone()));
            }
            true
        },
        effects: append_again,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "last-acknowledgement-lost-is-a-hang",
        does: "Confirms the end of a transfer once; peers with an odd id wait for that for ever.",
        seen: "Senders that wait for the last acknowledgement for ever.",
        guard: Guard {
            rule: "agreed",
            file: "src/ring/peer/transfers.rs",
            item: "fn ended",
            step: "transfer: the end mark is acknowledged, as often as it comes",
        },
        setup: |setup| {
            if setup.peer.me.0 % 2 == 1 {
                setup.peer.terms.give_up = u32::MAX;
            }
        },
        receive: |state, _, message| match message {
            Message::Plain(message::Message::End { id }) => state.notes.ids.insert(*id),
            _ => true,
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "sends-again-too-early",
        does: "Sends each segment twice in a row.",
        seen: "Senders whose timer is that of the segment before.",
        guard: Guard {
            rule: "not-early",
            file: "src/ring/transfer/sender.rs",
            item: "fn expire",
            step: "transfer: a segment is sent again after the time-out",
        },
        effects: |_, effects| {
            let mut again = Vec::new();
            for effect in effects.iter() {
                match effect {
                    Effect::Report(Fact::Log(entry))
                        if entry.event == LogEvent::Sent && entry.side == Side::Responding =>
                    {
                        let entry = LogEntry { event: LogEvent::Resent, ..*entry };
                        again.push(Effect::Report(Fact::Log(entry)));
                    }
                    Effect::Cast(to, message @ Message::Plain(message::Message::Data { .. })) => {
                        again.push(Effect::Cast(*to, message.clone()));
                    }
                    _ => {}
                }
            }
            effects.extend(again);
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "part-of-a-file-is-kept",
        does: "Gives what has come its name, although the rest will not come.",
        seen: "Receivers that write into the file itself.",
        guard: Guard {
            rule: "whole",
            file: "src/ring/peer/transfers.rs",
            item: "fn failed",
            step: "transfer: a temporary name, and the right one when all is there",
        },
        effects: |state, effects| {
            for effect in effects.iter_mut() {
                if let Effect::Report(Fact::Order(order @ FileOrder::Discard(_))) = effect {
                    let FileOrder::Discard(id) = *order else { continue };
                    *order = FileOrder::Finish(id);
                    state.process.keep_part(id);
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "keys-do-not-move",
        does: "Offers no file to anybody.",
        seen: "The assignment, and most programs made for it.",
        guard: MOVES,
        effect: |_, effect| !matches!(plain(effect), Some((_, message::Message::Offer(_)))),
        ..Mutant::PLAIN
    },
    Mutant {
        name: "removes-before-it-is-confirmed",
        does: "Removes a file when it offers it.",
        seen: "Moving by copy and delete without looking at what came of the copy.",
        guard: Guard { rule: "nothing-lost", item: "fn moved", ..MOVES },
        effects: |state, effects| {
            let names: Vec<_> = effects
                .iter()
                .filter_map(|effect| match plain(effect) {
                    Some((_, message::Message::Offer(file))) => Some(file.name),
                    _ => None,
                })
                .collect();
            for name in names {
                let order = FileOrder::Remove(name);
                state.process.obey(&order);
                effects.push(Effect::Report(Fact::Order(order)));
            }
        },
        ..Mutant::PLAIN
    },
];

/// A segment that was acknowledged and not written is written behind all that has come.
fn append_again(state: &mut MutantState<RingMachine>, effects: &mut Effects<RingMachine>) {
    let Some((id, bytes)) = state.notes.data.take() else { return };
    let writes = |effect: &Effect<RingMachine>| {
        matches!(effect, Effect::Report(Fact::Order(FileOrder::Write(..))))
    };
    let acknowledges = |effect: &Effect<RingMachine>| {
        matches!(plain(effect), Some((_, message::Message::Ack { .. })))
    };
    let come = state.notes.come.entry(id).or_default();
    if effects.iter().any(writes) {
        *come += bytes.0.len() as u64;
    } else if effects.iter().any(acknowledges) {
        let order = FileOrder::Write(id, *come, bytes);
        state.process.obey(&order);
        effects.push(Effect::Report(Fact::Order(order)));
    }
}
