//! States and steps in words, for the explorer and for counterexamples.

use std::fmt::{self, Debug};

use synod::paxos::{Ack, Message, Timer};

use super::Subject;
use super::local::{Letter, Local};
use super::state::{Action, Happening};
use super::table::{LetterId, LocalId, Table};

impl Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&action(self))
    }
}

/// A step.
pub(crate) fn action(action: &Action) -> String {
    let what = match &action.what {
        Happening::Deliver(letters) => {
            let letters: Vec<_> = letters.iter().map(|(_, letter)| self::letter(*letter)).collect();
            letters.join("; ")
        }
        Happening::Fire(who, Timer::Attempt) => format!("{who} begins an attempt"),
        Happening::Fire(who, timer) => format!("{who}: timer {timer:?} fires"),
        Happening::Proceed(who) => format!("{who} takes its next step"),
        Happening::Crash(who) => format!("{who} crashes and starts again"),
        Happening::Relink(one, other) => format!("{one} and {other} lose their links"),
    };
    match action.crash_after {
        Some(after) => format!("{what}, crashes after effect {after} and starts again"),
        None => what,
    }
}

/// A letter.
pub(crate) fn letter(Letter { from, to, message }: Letter) -> String {
    let message = match message {
        Message::Prepare { number, value: _ } => format!("prepare({number})"),
        Message::Accept { number, value } => format!("accept({number}, {value})"),
        Message::PrepareAck(ack) => answer("prepare_ack", &ack),
        Message::AcceptAck(ack) => answer("accept_ack", &ack),
        Message::Chosen { number, value } => format!("chosen({number}, {value})"),
    };
    format!("{from} -> {to}: {message}")
}

fn answer(name: &str, ack: &Ack) -> String {
    let Ack { answers, min_proposal, accepted, .. } = ack;
    let held =
        accepted.map_or_else(|| "-".into(), |held| format!("({}, {})", held.number, held.value));
    let refused = if ack.granted() { "" } else { ", refused" };
    format!("{name}({answers}: min {min_proposal}, accepted {held}{refused})")
}

/// A state.
pub(crate) fn describe<P: Subject>(
    table: &Table<P>,
    locals: &[LocalId],
    letters: &[LetterId],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for &id in locals {
        let Local { me, process, timers, off, seen, .. } = table.local(id);
        writeln!(f, "{me}{}", if *off { " (finished)" } else { "" })?;
        writeln!(f, "    {}", without_setup(&format!("{process:?}")))?;
        writeln!(f, "    timers {timers:?}, votes {:?}", seen.votes)?;
    }
    writeln!(f, "under way:")?;
    for &id in letters {
        writeln!(f, "    {}", letter(table.letter(id)))?;
    }
    Ok(())
}

/// A peer in words without its setup, which never changes and is the longest part.
fn without_setup(peer: &str) -> String {
    let Some((before, setup)) = peer.split_once("setup: ") else { return peer.into() };
    let mut depth = 0_u32;
    for (at, sign) in setup.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 1 => {
                return format!("{before}{}", setup[at + 1..].trim_start_matches([',', ' ']));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    peer.into()
}
