//! Steps that have no place in the order yet.

use super::item::Item;
use super::model::{Marker, Step};
use super::window::Place;

/// The messages that an event sends, and the one that it receives.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub(super) sends: Vec<usize>,
    pub(super) received: Option<usize>,
}

/// A step on its way into the picture.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The step; its time is not set yet.
    pub step: Step,
    /// The place of its first event among all: the order of the log.
    pub rank: usize,
    /// By the clock of the peer, since 1970.
    pub time_us: Option<u64>,
    /// The lines it was made from.
    pub places: Vec<Place>,
    /// Messages of the peer to itself that begin and end within the step.
    pub(super) within: Vec<usize>,
    /// The content of what it sends.
    pub(super) what: Option<String>,
    /// True of the receipt of what the peer sent itself.
    pub(super) is_own: bool,
    /// To whom; the same message to the same peer is a new step.
    pub(super) told: Vec<Option<u16>>,
}

impl Draft {
    /// A step that was made from these lines.
    pub fn of(step: Step, places: Vec<Place>) -> Self {
        Self { step, places, ..Self::default() }
    }

    /// True if this event comes no later after it than that, as far as clocks tell.
    pub(super) fn is_within(&self, us: u64, item: &Item) -> bool {
        let soon = |(before, now): (u64, u64)| now.saturating_sub(before) <= us;
        self.time_us.zip(item.time_us).is_none_or(soon)
    }

    pub(super) fn send(&mut self, ends: &Ends, to: Option<u16>, what: &str) {
        self.step.sends.extend(&ends.sends);
        self.what = Some(what.to_owned());
        self.told.push(to);
        if self.step.marker == Marker::Note {
            self.step.marker = Marker::Dot;
        }
    }
}
