//! The events of a run, as a picture takes them.

use super::model::Marker;
use super::window::Place;

/// One event of a run, as the picture needs it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The peer whose line this is.
    pub at: u16,
    /// By the clock of that peer, since 1970.
    pub time_us: Option<u64>,
    /// Where it stands.
    pub place: Place,
    /// The line, fit to be shown.
    pub text: String,
    /// How many messages of the same key went the same way before.
    pub nth: u32,
    /// What happened.
    pub event: ItemKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// A message leaves.
    Sent {
        /// To whom, if the line says so.
        to: Option<u16>,
        /// Its content: messages of one content are alike.
        what: String,
        /// True if it is left out where its receipt is not drawn.
        quiet: bool,
    },
    /// A message arrives.
    Received {
        /// From whom, if the line says so.
        from: Option<u16>,
        /// Its content.
        what: String,
    },
    /// The process begins; if it is not the first time, it must have ended before.
    Started {
        /// In words, if it is to be drawn.
        says: Option<String>,
    },
    /// The peer does something else.
    Does {
        /// What stands on its line.
        marker: Marker,
        /// In words.
        says: String,
        /// True if it belongs to the receipt just before.
        joins: bool,
    },
}
