//! What a picture keeps of a line.

use crate::member::event::ViewLine;
use crate::trace::diagram::Place;

/// One line of a peer.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) line: ViewLine,
    pub(super) time_us: Option<u64>,
    /// Its place in the order in which the lines came.
    pub(super) nth: u64,
    pub(super) text: String,
    pub(super) place: Place,
}
