//! Which part of a run is drawn, and what is known of the rest.
//!
//! A run can have any length, a picture cannot. So the events of a window are kept, up to
//! [`MOST_EVENTS`]; of all others only counts stay.

use std::collections::BTreeMap;

use crate::trace::counts::{grouped, plural};

/// How many events are drawn at most; the picture says how many more there are.
pub const MOST_EVENTS: usize = 3_000;
/// How many peers are drawn at most: those whose events come first.
pub const MOST_LIFELINES: usize = 40;

/// Where a line stands: the file's place among those given, from 0, and the line in it, from 1.
pub type Place = (usize, u64);

/// Which part of a run is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub from: Option<Bound>,
    /// Up to here, included.
    pub to: Option<Bound>,
    /// Only messages about this proposal number, as it was asked for, beside what is no message.
    pub number: Option<String>,
    /// Draw also what says nothing new.
    pub all: bool,
}

/// One end of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Microseconds since the first event with a time.
    Time(u64),
    /// The place of an event in the log, from 1.
    Event(u64),
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is drawn.
    Kept,
    /// It is in the window, and there are too many.
    TooMany,
    /// It is outside the window.
    Outside,
    /// There is no room for its peer.
    Crowded,
}

/// Counts the events of a run, and says which are drawn.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    window: Window,
    /// How many events there were.
    pub total: u64,
    kept: usize,
    beyond: u64,
    outside: u64,
    crowded: u64,
    first_us: Option<u64>,
    last_us: u64,
    untimed: bool,
    /// Where the last event of each peer stands.
    last: BTreeMap<u16, Place>,
}

impl Extent {
    /// For this window.
    pub fn new(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    /// Takes the next event, of this peer if that is known.
    pub fn admit(&mut self, at: Option<u16>, time_us: Option<u64>, place: Place) -> Admission {
        self.total += 1;
        self.first_us = self.first_us.or(time_us);
        self.last_us = self.last_us.max(time_us.unwrap_or(0));
        self.untimed |= time_us.is_none();
        if let Some(at) = at {
            if !self.last.contains_key(&at) && self.last.len() >= MOST_LIFELINES {
                self.crowded += 1;
                return Admission::Crowded;
            }
            self.last.insert(at, place);
        }
        if !self.is_inside(time_us) {
            self.outside += 1;
            return Admission::Outside;
        }
        if self.kept >= MOST_EVENTS {
            self.beyond += 1;
            return Admission::TooMany;
        }
        self.kept += 1;
        Admission::Kept
    }

    /// An event that was admitted is not drawn after all, as it is outside the window, or at least
    /// nothing new.
    pub fn leave_out(&mut self, admission: Admission, outside: bool) {
        match admission {
            Admission::Kept => self.kept -= 1,
            Admission::TooMany => self.beyond -= 1,
            Admission::Outside | Admission::Crowded => return,
        }
        self.outside += u64::from(outside);
    }

    fn is_inside(&self, time_us: Option<u64>) -> bool {
        let since = time_us.map(|time| time.saturating_sub(self.first_us.unwrap_or(time)));
        // What has no time is in no window of time.
        let fits = |bound: Option<Bound>, fits: fn(u64, u64) -> bool| match bound {
            None => true,
            Some(Bound::Time(bound)) => since.is_some_and(|since| fits(since, bound)),
            Some(Bound::Event(bound)) => fits(self.total, bound),
        };
        fits(self.window.from, |at, bound| at >= bound)
            && fits(self.window.to, |at, bound| at <= bound)
    }

    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// True if there is room for one more event.
    pub fn has_room(&self) -> bool {
        self.kept < MOST_EVENTS
    }

    /// True if there was no event at all.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// True if every event has a time.
    pub fn is_timed(&self) -> bool {
        !self.untimed && self.total > 0
    }

    /// The time of the first event that has one.
    pub fn first_us(&self) -> Option<u64> {
        self.first_us
    }

    /// The time of the last event; none if some have no time.
    pub fn last_us(&self) -> Option<u64> {
        self.is_timed().then_some(self.last_us)
    }

    /// True if the last event is in the window.
    pub fn reaches_the_end(&self) -> bool {
        self.window.to.is_none() && self.beyond == 0
    }

    /// The peers that have events, with the place of the last.
    pub fn last(&self) -> &BTreeMap<u16, Place> {
        &self.last
    }

    /// Why there is nothing to draw: a window by times where no line has one, or a window with
    /// nothing in it. With `nothing`, what is drawn is known to be of no use.
    pub fn objection(&self, nothing: bool) -> Option<String> {
        let Window { from, to, .. } = self.window;
        let by_time = [from, to].iter().any(|bound| matches!(bound, Some(Bound::Time(_))));
        if by_time && self.first_us.is_none() {
            return Some(
                "the lines have no times (journals do); name a part by lines, as in --from @40"
                    .into(),
            );
        }
        let missed = (from.is_some() || to.is_some()) && self.kept == 0;
        (missed || nothing).then(|| {
            let ms = self.last_us.saturating_sub(self.first_us.unwrap_or(0)) / 1000;
            let total = self.total;
            format!(
                "nothing of the run is in this part: the whole has @1 to @{total}, and takes {ms} \
                 ms"
            )
        })
    }

    /// What is left out, and which flags would show more.
    pub fn remarks(&self) -> (Vec<String>, Vec<String>) {
        let (mut remarks, mut advice) = (Vec::new(), Vec::new());
        if self.beyond > 0 {
            remarks.push(format!(
                "Only {} events are drawn, {} more are left out.",
                grouped(MOST_EVENTS as u64),
                grouped(self.beyond)
            ));
            advice.push("--from, --to and --number choose another part".into());
        }
        if self.outside > 0 {
            let outside = plural(self.outside, "event");
            remarks.push(format!("{outside} outside the window left out."));
        }
        if self.crowded > 0 {
            remarks.push(format!(
                "Only {MOST_LIFELINES} peers are drawn: {} of others left out.",
                plural(self.crowded, "event")
            ));
        }
        (remarks, advice)
    }
}
