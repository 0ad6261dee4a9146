//! Calls on their way: from the thread of a connection to the process, and back to that thread.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::command::prose::Prose;
use crate::node::{Level, Node, Observer};
use crate::process::{Output, PeerId};
use crate::store::bytes::Bytes;
use crate::store::event::{StoreLog, called};
use crate::store::operation::{Reply, Request};
use crate::store::{Fact, Input, Peer};
use crate::trace::journal::{JournalAction, JournalLine, Journalled as _};

/// Where the replies for one connection arrive. Its thread is woken once, by the last.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<Arrived>,
    is_complete: Condvar,
}

#[derive(Default)]
struct Arrived {
    missing: usize,
    replies: HashMap<u64, Reply>,
}

/// The calls of all connections.
pub(super) struct Calls {
    me: PeerId,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Mailbox>>>,
    history: Option<Mutex<File>>,
    /// How many were made.
    pub(super) made: AtomicU64,
}

impl Calls {
    /// No call yet. In a history of several peers, and of several lives of one, ids must differ:
    /// so they begin anywhere.
    pub(super) fn new(me: PeerId, random: u64, history: Option<File>) -> Arc<Self> {
        Arc::new(Self {
            me,
            // JSON keeps 53 bits.
            next: AtomicU64::new(random >> 12),
            open: Mutex::default(),
            history: history.map(Mutex::new),
            made: AtomicU64::new(0),
        })
    }

    /// Makes these calls at once, and waits for all of their replies.
    pub(super) fn make(
        &self,
        node: &Node<Peer>,
        mailbox: &Arc<Mailbox>,
        calls: Vec<(Bytes, Request)>,
    ) -> Vec<Reply> {
        let count = calls.len();
        if count == 0 {
            return Vec::new();
        }
        let first = self.next.fetch_add(count as u64, Ordering::Relaxed);
        let ids = first..first + count as u64;
        lock(&mailbox.state).missing = count;
        lock(&self.open).extend(ids.clone().map(|id| (id, Arc::clone(mailbox))));
        if self.history.is_some() {
            let texts = ids.clone().zip(&calls).map(|(id, (key, what))| called(id, key, what));
            self.note(texts);
        }
        let inputs = ids.clone().zip(calls);
        node.inputs(inputs.map(|(id, (key, operation))| Input::Call { id, key, operation }));
        let mut state = lock(&mailbox.state);
        while state.missing > 0 {
            state = mailbox.is_complete.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.made.fetch_add(count as u64, Ordering::Relaxed);
        let mut replies = std::mem::take(&mut state.replies);
        drop(state);
        let replies: Vec<Reply> = ids.clone().filter_map(|id| replies.remove(&id)).collect();
        if self.history.is_some() {
            let told = ids.zip(&replies).map(|(id, reply)| Fact::Replied(id, reply.clone()));
            self.note(told.map(|told| told.to_string()));
        }
        replies
    }

    /// Writes the lines of a history, at once: a call before it is made, and a return before its
    /// client hears of it.
    fn note(&self, texts: impl Iterator<Item = String>) {
        let Some(history) = &self.history else { return };
        let action = JournalAction::Noted;
        let lines = texts.map(|text| {
            JournalLine { action, text, ..JournalLine::started(StoreLog::NAME, self.me) }.json()
        });
        // A history that cannot be written is missed by its reader, not by the clients.
        let _ = lock(history).write_all(lines.collect::<String>().as_bytes());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands replies to the connections that wait for them, and tells people the rest.
pub(super) struct Hands {
    pub(super) calls: Arc<Calls>,
    pub(super) prose: Prose,
}

impl Observer<Peer> for Hands {
    fn observe(&mut self, output: &Output<Peer>) {
        let Output::Report(fact) = output else { return };
        let Fact::Replied(id, reply) = fact else {
            return self.prose.say(Level::Trouble, &fact.to_string());
        };
        let Some(mailbox) = lock(&self.calls.open).remove(id) else { return };
        let mut state = lock(&mailbox.state);
        state.replies.insert(*id, reply.clone());
        state.missing = state.missing.saturating_sub(1);
        if state.missing == 0 {
            mailbox.is_complete.notify_one();
        }
    }

    fn sees_traffic(&self) -> bool {
        false
    }
}
