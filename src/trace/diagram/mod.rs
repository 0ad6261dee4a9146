//! A run as a picture: a space-time diagram, as Lamport drew them.
//!
//! Every peer is a vertical line, time runs downwards, a message is an arrow from where it was
//! sent to where it arrived. So one sees at a glance what the log only tells: who promised what
//! before whom, which refusal sent a proposer back, when the value was chosen and when everybody
//! knew, and of whom a majority consists. What several peers say alike stands in one row, joined
//! by a band. Broken rules are numbered where they show and told in full at the side.
//!
//! ```text
//! a protocol's lines ── window ── pairs ── flow ── order ── model ──┬── text      a terminal
//!                       a part    which    what    one      what    ├── mermaid   to paste
//!                       of them   send is  a peer  order    every   ├── svg       for a report
//!                                 whose    does    for all  writer  └── html      to walk
//!                                 receipt  at once          draws                 through
//! ```
//!
//! This module knows no protocol. What a line means, which messages are alike, and what stands in
//! words beside a step, a protocol says in its own folder: it turns its lines into [`Item`]s, has
//! `flow` make steps and arrows of them, and fills in the rest of the [`Diagram`]. A protocol
//! that prints states and no messages makes [`Step`]s and [`Band`]s itself. Where messages are
//! plain texts, [`draw_journal`] does it all ([`PlainPicture`]).
//!
//! For SVG and the page, `layout` gives rows and columns their places on the `geometry`'s grid,
//! `rays` the arrows, and `places` finds room for labels; `markers` and `palette` are shapes and
//! colours. One sign has one meaning, a group has a colour, and red is kept for broken rules.
//!
//! An [`Extent`] counts events one by one, so a run can have any length; at most [`MOST_EVENTS`]
//! are drawn. What is not drawn is counted and said in a line of the picture.
//!
//! Everything that comes from a log is escaped where it enters a format, and before that freed
//! from characters that would steer a terminal or turn the direction of writing.
//!
//! Left out: the wall-clock's scale. Pauses are drawn shorter than they were, or a run of
//! milliseconds with a pause of seconds would show nothing but the pause; the times stand at the
//! left.

/// Adds formatted text; a `String` takes everything.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        let _ = write!($out, $($arg)*);
    }};
}

mod alarm;
mod canvas;
mod draft;
mod flow;
mod geometry;
mod html;
mod item;
pub mod labels;
mod layout;
mod markers;
mod mermaid;
mod model;
mod order;
mod pairs;
mod palette;
mod places;
mod plain;
mod rays;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod window;

use super::inputs::Inputs;
use super::judge::JudgeOptions;
use crate::error::Result;

pub use alarm::{Alarm, alarms};
pub use draft::Draft;
pub use flow::{Flow, flow, peers, settle};
pub use item::{Item, ItemKind};
pub use model::{
    Arrow, ArrowEnd, Band, Diagram, DrawnFinding, Groups, HostLabel, Kind, Lifeline, Look, Marker,
    Reached, STATE_JOINT, Shape, Step, Stroke,
};
pub use pairs::{Key, MessageCounts};
pub use plain::{PlainPicture, draw_journal};
pub use text::TextPage;
pub use window::{Admission, Bound, Extent, MOST_EVENTS, MOST_LIFELINES, Place, Window};

/// How a protocol makes a picture of a run: of these inputs, that part.
pub type MakeDiagram = fn(Inputs, Window, &JudgeOptions<'_>) -> Result<Diagram>;

/// The formats of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Characters for a terminal.
    Text(TextPage),
    /// A Mermaid sequence diagram, to paste.
    Mermaid,
    /// A standalone SVG file, for a report.
    Svg,
    /// One self-contained page that one can walk through.
    Html,
}

/// Draws. The result ends with a newline.
pub fn draw(diagram: &Diagram, format: Format) -> String {
    match format {
        Format::Text(page) => text::draw(diagram, page),
        Format::Mermaid => mermaid::draw(diagram),
        Format::Svg => svg::draw(diagram),
        Format::Html => html::draw(diagram),
    }
}
