//! What can no longer matter, and is forgotten.
//!
//! Two states that differ only in what nobody will ever notice have the same future. Forgetting
//! the difference leaves fewer states, and every run of the protocol is still among those tried:
//!
//! * **A dead letter** changes nothing when it arrives, now or after a restart, and calls forth
//!   only dead letters. It stays dead: promises, numbers and what a proposer has counted only
//!   grow, in one incarnation and through its records.
//! * **A proposer that is finished** (it reported its choice, or its last round has failed) is
//!   switched off until a crash restarts it: it would ask nobody any more.
//! * **A refusal** travels without the proposal that its acceptor holds; nobody reads it there.
//! * **A timer** that would do nothing in this stage is set again before it could do something.
//! * **Answers that are only counted** arrive together, right before the step of the proposer's own
//!   that they make due: just enough of them, or more. Counting shows nowhere outside, and on the
//!   most hostile network a letter can wait, so an earlier arrival can be moved up to that moment,
//!   whatever happens between the two. Each is still fed to the process by itself.
//! * **An attempt** of a mere proposer begins as soon as it may. Its questions can wait as long as
//!   it could have waited itself.
//!
//! One thing is a bound and no reduction, because something is lost: answers to questions of an
//! earlier attempt do not arrive ([`Bounds::stale_answers`]). They are never counted; a refusal
//! among them could make the next number higher than it is here.
//!
//! All of this is meant for an unbroken process. A broken one may be explored so too: whatever is
//! then found did happen, but something may be missed. (Only a refusal without its proposal could
//! mislead, if the mutation reads it there.)
//!
//! [`Bounds::stale_answers`]: super::bounds::Bounds::stale_answers

use synod::paxos::{Message, ProposalNumber};

use super::Subject;
use super::local::{Event, Letter};
use super::table::{Cause, LetterId, LocalId, Table, What};

/// That a proposer is finished is all that is left of it, once nobody can crash any more.
impl<P: Subject> Table<P> {
    /// The same peer without what nobody will ask for.
    pub(crate) fn forgotten(&mut self, id: LocalId) -> LocalId {
        let local = self.local(id);
        if local.off { self.finished(local.me, local.restarted) } else { id }
    }
}

/// Answers to answers are followed so far. Two unbroken peers never answer each other for ever, but
/// broken ones may; a letter that is kept for too long hides nothing.
const DEPTH: usize = 16;

/// True if this letter can no longer matter. With `again` any peer may still crash.
pub(crate) fn is_dead<P: Subject>(
    table: &mut Table<P>,
    locals: &[LocalId],
    letter: LetterId,
    again: bool,
) -> bool {
    is_dead_within(DEPTH, table, locals, letter, again)
}

fn is_dead_within<P: Subject>(
    depth: usize,
    table: &mut Table<P>,
    locals: &[LocalId],
    letter: LetterId,
    again: bool,
) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let Letter { to, message, .. } = table.letter(letter);
    let at = locals[usize::from(to.0 - 1)];
    if table.rules().eager && is_stale(table.local(at).number, message) {
        return true;
    }
    if !table.local(at).off && !is_idle(depth, table, locals, at, letter, again) {
        return false;
    }
    let answer = matches!(message, Message::PrepareAck(_) | Message::AcceptAck(_));
    if !again || answer && table.rules().eager {
        return true;
    }
    let restarted = table.step(at, Cause::from(What::Else(Event::Crash))).next;
    is_idle(depth, table, locals, restarted, letter, again)
}

/// True for an answer to a question that is not open any more.
fn is_stale(open: Option<ProposalNumber>, message: Message) -> bool {
    match message {
        Message::PrepareAck(ack) | Message::AcceptAck(ack) => open != Some(ack.answers),
        Message::Prepare { .. } | Message::Accept { .. } | Message::Chosen { .. } => false,
    }
}

/// True if this letter finds the peer as it leaves it, and all answers are dead.
fn is_idle<P: Subject>(
    depth: usize,
    table: &mut Table<P>,
    locals: &[LocalId],
    at: LocalId,
    letter: LetterId,
    again: bool,
) -> bool {
    let mut step = table.step(at, What::Deliver(letter).into());
    if step.effects == 0 && table.local(step.next).is_due() {
        step = table.step(step.next, What::Else(Event::Proceed).into());
    }
    // Giving the last round up is no different from hearing nothing more.
    let gives_up = step.sent.is_empty() && {
        let (before, after) = (table.local(at), table.local(step.next));
        after.off && after.seen == before.seen
    };
    gives_up
        || step.next == at
            && step.sent.iter().all(|&answer| is_dead_within(depth, table, locals, answer, again))
}
