//! What a run of `member` must come to.

use super::oracle::Oracle;
use super::plan::T;
use crate::member::View;
use crate::process::PeerId;

/// How long a group that can never go on is still watched.
const STALL_US: u64 = 20 * T;

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// All who live are one view, of them and no others.
    One,
    /// No view can ever be agreed to again.
    Hopeless,
    /// Neither.
    Open,
}

/// Whether one run has come to what it must.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Convergence {
    /// Nothing is promised but that time goes by.
    pub(super) unpromised: bool,
    /// Views need majorities.
    pub(super) majority: bool,
    /// Not before this moment.
    pub(super) not_before: u64,
    /// When nothing went wrong any more.
    healed: Option<u64>,
    /// A majority is never lost: no stall is expected.
    sure: bool,
    pub(super) state: State,
    pub(super) reached: bool,
}

impl Convergence {
    pub(super) fn new(unpromised: bool, majority: bool, sure: bool, not_before: u64) -> Self {
        Self {
            unpromised,
            majority,
            not_before,
            healed: None,
            sure,
            state: State::Open,
            reached: false,
        }
    }

    pub(super) fn healed(&mut self, now: u64) {
        self.healed = Some(now);
    }

    /// How long it took, if it is reached now.
    pub(super) fn took(&self, now: u64) -> u64 {
        now.saturating_sub(self.healed.unwrap_or(now).max(self.not_before))
    }

    /// True if a stall was to be expected.
    pub(super) fn is_expected(&self) -> bool {
        self.unpromised || self.state == State::Hopeless && !self.sure
    }

    /// Looks again, now that something has changed; `all_here` if nobody is still to begin.
    pub(super) fn update(&mut self, oracle: &Oracle, all_here: bool) {
        self.state = if all_here && is_one(oracle) {
            State::One
        } else if self.majority && all_here && is_hopeless(oracle) {
            State::Hopeless
        } else {
            State::Open
        };
    }

    pub(super) fn tick(&mut self, now: u64) {
        let Some(healed) = self.healed else { return };
        let stood = now >= healed + STALL_US;
        self.reached = match self.state {
            _ if self.unpromised => stood,
            State::One => now >= self.not_before,
            State::Hopeless => stood && !self.sure,
            State::Open => false,
        };
    }
}

fn is_hopeless(oracle: &Oracle) -> bool {
    // Nobody else founds.
    let Some(last) = oracle.views.values().next_back() else { return !oracle.peers[0].alive };
    // Whatever comes must be agreed to by a majority of the highest view, and before that one can
    // be known by a majority of the highest that the living hold.
    let held = oracle.peers.iter().filter_map(|peer| peer.view.as_ref());
    let Some(held) = held.max_by_key(|view| view.id) else { return true };
    [last, held].iter().any(|view| living(oracle, view) < view.members.len() / 2 + 1)
}

fn living(oracle: &Oracle, view: &View) -> usize {
    view.members.iter().filter(|(peer, incarnation)| oracle.is_alive(**peer, **incarnation)).count()
}

fn is_one(oracle: &Oracle) -> bool {
    let mut here = (1u16..).map(PeerId).zip(&oracle.peers).filter(|(_, p)| p.alive && !p.asked_out);
    let Some((_, first)) = here.clone().next() else { return false };
    let Some(view) = &first.view else { return false };
    let count = here.clone().count();
    count == view.members.len()
        && here.all(|(id, peer)| {
            peer.incarnation.is_some_and(|incarnation| view.holds(id, incarnation))
                && peer.view.as_ref() == Some(view)
        })
}
