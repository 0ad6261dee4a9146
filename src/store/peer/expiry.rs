//! Expiry: the home of a key deletes what has outlived its time.
//!
//! Each acceptor measures for itself, from when it accepted the register, by its own monotonic
//! clock. That is after the expiry was asked for, so nothing is deleted early. A restart begins
//! anew, so it may be late; and what is still there is told to readers, however old.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bytes::Bytes;
use super::super::operation::{Answer, Reply, Request};
use super::super::pending::{Origin, Pending};
use super::super::register::{Ballot, Expiry, Register};
use super::{CALL_TIMEOUT, Peer};
use crate::process::Effects;

/// How soon a register is looked at again that is still there.
const AGAIN: Duration = Duration::from_secs(1);

/// An expiry that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Measured {
    expiry: Expiry,
    /// The last change of the register when the measurement began.
    by: Option<Ballot>,
    at: Duration,
    /// When it is looked at next.
    next: Duration,
}

/// The expiries of one peer's acceptors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Expiries {
    of: BTreeMap<Bytes, Measured>,
    order: BTreeSet<(Duration, Bytes)>,
}

impl Expiries {
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// This was accepted.
    pub(super) fn note(&mut self, key: &Bytes, register: &Register, now: Duration) {
        let Some(expiry) = register.expiry.filter(|_| register.value.is_some()) else {
            return self.forget(key);
        };
        // Only a descendant of what is measured has the same expiry: one that was never chosen may
        // have looked the same.
        let is_same = |known: &Measured| {
            known.expiry == expiry && known.by.is_some_and(|by| register.recent.contains(&by))
        };
        if self.of.get(key).is_some_and(is_same) {
            return;
        }
        let at = now.saturating_add(Duration::from_millis(expiry.after_ms));
        let by = register.recent.last().copied();
        self.put(key, Measured { expiry, by, at, next: at });
    }

    fn put(&mut self, key: &Bytes, measured: Measured) {
        self.forget(key);
        self.of.insert(key.clone(), measured);
        self.order.insert((measured.next, key.clone()));
    }

    pub(super) fn forget(&mut self, key: &Bytes) {
        if let Some(old) = self.of.remove(key) {
            self.order.remove(&(old.next, key.clone()));
        }
    }

    /// One whose time has come; it is looked at again later, if it is still there.
    fn take(&mut self, now: Duration) -> Option<(Bytes, Expiry)> {
        let (next, key) = self.order.first().cloned()?;
        let measured = *self.of.get(&key).filter(|_| next <= now)?;
        self.put(&key, Measured { next: now + AGAIN, ..measured });
        Some((key, measured.expiry))
    }

    /// Puts what is left, as far as is known here, in the place of the whole.
    pub(super) fn tell_what_is_left(&self, key: &Bytes, reply: &mut Reply, now: Duration) {
        if let Answer::Value(_, Some(told)) = &mut reply.outcome
            && let Some(known) = self.of.get(key).filter(|known| known.expiry == *told)
        {
            let left = known.at.saturating_sub(now).as_millis();
            told.after_ms = u64::try_from(left).unwrap_or(u64::MAX);
        }
    }
}

impl Peer {
    /// Deletes what has outlived its time, where this is the home.
    pub(super) fn lapse(&mut self, out: &mut Effects<Self>) {
        while let Some((key, expiry)) = self.expiries.take(self.now) {
            if self.home(&key) == self.setup.me && self.rejoining.is_none() {
                let operation = Request::Lapse(expiry);
                let until = self.now + CALL_TIMEOUT;
                self.ask(&key, Pending::new(Origin::Itself, operation, until), out);
            }
        }
    }
}
