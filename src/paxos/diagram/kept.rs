//! What a picture keeps of an event.

use crate::paxos::judge::dialect::Entry;
use crate::trace::diagram::Place;

/// An event in the window.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) entry: Entry<'static>,
    /// The peer whose line this is; none until it is found out.
    pub(super) at: Option<u16>,
    pub(super) place: Place,
    /// The line, fit to be shown.
    pub(super) text: String,
    /// How many messages of the same key went the same way before.
    pub(super) nth: u32,
}
