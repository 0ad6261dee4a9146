//! Files go to the peer that should hold them: to a newcomer, and to the successor of one that
//! leaves.
//!
//! One after the other is offered. A peer that has such a file already wants none, so nothing is
//! ever written over, and where two peers have one directory nothing happens. Only when the content
//! was stored there and that was confirmed is the file removed here.

use std::collections::VecDeque;
use std::time::Duration;

use super::Peer;
use crate::process::{Effects, PeerId};
use crate::ring::key::{Key, Name};
use crate::ring::message::{FileOrder, Message, Note, Stored};

/// How soon an offer that was not answered is made again.
const OFFER: Duration = Duration::from_secs(1);
/// How often, before the files stay here.
const OFFERS: u32 = 5;
/// How long a content may be under way before it is offered again.
const CONTENT: Duration = Duration::from_secs(60);
/// How many changes of neighbours wait for the files before them.
const MOST_TASKS: usize = 16;

/// The files of an arc, which go to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Task {
    to: Key,
    /// Keys behind the first and up to the second.
    arc: (Key, Key),
}

/// The file whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Turn {
    file: Stored,
    /// Its content is under way, and was so before.
    is_sent: bool,
    was_sent: bool,
    since: Duration,
    offers: u32,
}

/// All that is to be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Moves {
    tasks: VecDeque<Task>,
    /// Files of the first task; none before they were listed.
    files: Option<VecDeque<Stored>>,
    turn: Option<Turn>,
    /// What was offered here last, and by whom.
    coming: Option<(Key, Stored)>,
    /// What came here last: who has sent it removes it only when it hears that.
    taken: Option<(Key, Stored)>,
}

impl Moves {
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many files have not moved, as far as that is known.
    pub(super) fn count(&self) -> usize {
        self.files.as_ref().map_or(0, VecDeque::len) + usize::from(self.turn.is_some())
    }
}

impl Peer {
    /// What of the files belongs on this arc goes to this peer.
    pub(super) fn move_arc(&mut self, to: Key, arc: (Key, Key), out: &mut Effects<Self>) {
        let task = Task { to, arc };
        if self.leaving.is_some()
            || self.moves.tasks.len() >= MOST_TASKS
            || self.moves.tasks.contains(&task)
        {
            return;
        }
        self.moves.tasks.push_back(task);
        if self.moves.tasks.len() == 1 {
            Self::order(FileOrder::List, out);
        }
    }

    /// This peer leaves: what it should hold goes to its successor.
    pub(super) fn move_all(&mut self, out: &mut Effects<Self>) {
        self.moves = Moves::default();
        if let Some(before) = self.predecessors[0] {
            let arc = (before, self.me());
            self.moves.tasks.push_back(Task { to: self.table.first(), arc });
            Self::order(FileOrder::List, out);
        }
    }

    /// Nothing goes to this peer any more.
    pub(super) fn drop_moves_to(&mut self, peer: Key) {
        if self.moves.tasks.iter().any(|task| task.to == peer) {
            let Moves { coming, taken, .. } = self.moves;
            self.moves = Moves { coming, taken, ..Moves::default() };
        }
    }

    /// These files are here.
    pub(super) fn listed(&mut self, files: &[Stored], out: &mut Effects<Self>) {
        let Some(Task { arc: (from, to), .. }) = self.moves.tasks.front() else { return };
        if self.moves.files.is_none() {
            let belongs = |file: &&Stored| file.name.hash().is_in(*from, *to);
            self.moves.files = Some(files.iter().filter(belongs).copied().collect());
            self.next_turn(out);
        }
    }

    fn next_turn(&mut self, out: &mut Effects<Self>) {
        let Moves { tasks, files, turn, .. } = &mut self.moves;
        let (Some(task), Some(list)) = (tasks.front(), files.as_mut()) else { return };
        let since = self.now;
        let next = |file| Turn { file, is_sent: false, was_sent: false, since, offers: 1 };
        *turn = list.pop_front().map(next);
        if let Some(turn) = turn {
            return Self::send(task.to, Message::Offer(turn.file), out);
        }
        *files = None;
        tasks.pop_front();
        if !tasks.is_empty() {
            Self::order(FileOrder::List, out);
        }
    }

    /// A peer has a file that this one should hold.
    pub(super) fn offered(&mut self, from: Key, file: Stored, out: &mut Effects<Self>) {
        if self.is_neighbour(from) {
            self.moves.coming = Some((from, file));
            Self::order(FileOrder::Look(from, file.name), out);
        }
    }

    /// Files come from a successor, to a newcomer, and from a predecessor that leaves.
    fn is_neighbour(&self, peer: Key) -> bool {
        let before = [self.predecessors[0], self.former];
        let is_next = before.contains(&Some(peer)) || self.table.first() == peer;
        is_next && !self.is_joining && self.leaving.is_none()
    }

    /// True of the content that was offered last.
    pub fn expects(&self, from: PeerId, file: &Stored) -> bool {
        let (Some(from), Some(offer)) = (Key::of(from), self.moves.coming) else { return false };
        offer == (from, *file)
    }

    fn turn_of(&mut self, from: Key, name: Name) -> Option<&mut Turn> {
        let to = self.moves.tasks.front()?.to;
        self.moves.turn.as_mut().filter(|turn| turn.file.name == name && to == from)
    }

    /// The peer has none, or has it already.
    pub(super) fn wanted(
        &mut self,
        from: Key,
        name: Name,
        is_wanted: bool,
        out: &mut Effects<Self>,
    ) {
        let now = self.now;
        let Some(turn) = self.turn_of(from, name).filter(|turn| !turn.is_sent) else { return };
        if is_wanted {
            (turn.is_sent, turn.was_sent, turn.since) = (true, true, now);
            Self::send(from, Message::Move(turn.file), out);
        } else {
            self.next_turn(out);
        }
    }

    /// Such a file is here, or is not: the peer that has offered it is told. Whether its own is
    /// here, which came and was confirmed in vain, or another one, makes a difference to it.
    pub(super) fn looked(&mut self, from: Key, name: Name, is_here: bool, out: &mut Effects<Self>) {
        let is_its = self.moves.coming == self.moves.taken
            && self.moves.taken.is_some_and(|(peer, file)| (peer, file.name) == (from, name));
        let answer = if is_here && is_its {
            Message::Moved { name }
        } else {
            Message::Wants { name, is_wanted: !is_here }
        };
        Self::send(from, answer, out);
    }

    /// The content has come, and is stored.
    pub(super) fn took(&mut self, from: Key, file: Stored, out: &mut Effects<Self>) {
        self.moves.taken = Some((from, file));
        Self::note(Note::MovedFrom(file.name, from), out);
        Self::send(from, Message::Moved { name: file.name }, out);
    }

    /// It is stored there. That may be said late, when it was offered once more.
    pub(super) fn moved(&mut self, from: Key, name: Name, out: &mut Effects<Self>) {
        let Some(turn) = self.turn_of(from, name) else { return };
        if turn.was_sent {
            Self::order(FileOrder::Remove(name), out);
            Self::note(Note::MovedTo(name, from), out);
        }
        self.next_turn(out);
    }

    /// Offers again what was not answered.
    pub(super) fn tend_moves(&mut self, out: &mut Effects<Self>) {
        let now = self.now;
        let Moves { tasks, turn, .. } = &mut self.moves;
        if let (Some(task), Some(turn)) = (tasks.front(), turn)
            && now >= turn.since + if turn.is_sent { CONTENT } else { OFFER }
        {
            if turn.offers >= OFFERS {
                let to = task.to;
                self.drop_moves_to(to);
                return;
            }
            (turn.is_sent, turn.since, turn.offers) = (false, now, turn.offers + 1);
            Self::send(task.to, Message::Offer(turn.file), out);
        }
    }
}
