//! The run as a picture: a space-time diagram, as Lamport drew them.
//!
//! Every peer is a vertical line, time runs downwards, a message is an arrow from where it was
//! sent to where it arrived. So one sees at a glance what the log only tells: who promised what
//! before whom, which refusal sent a proposer back, when the value was chosen and when everybody
//! knew.
//!
//! ```text
//! lines ── collect ── pairs ── breath ── order ── model ──┬── text      a terminal
//!          a window   which    what one  one      what    ├── mermaid   to paste
//!          of them    send is  peer does order    every   ├── svg       for a report
//!                     whose    at once   for all  format  └── html      to walk through
//!                     receipt                     draws
//! ```
//!
//! A [`Collector`] takes events one by one, so a run can have any length; it keeps at most
//! [`MOST_EVENTS`]. What is not drawn is counted and said in a line of the picture.
//!
//! Everything that comes from a log is escaped where it enters a format, and before that freed
//! from characters that would steer a terminal or turn the direction of writing.
//!
//! The run of a group is another kind of picture, of views and not of messages: [`group`].
//!
//! Left out: messages of other protocols, and the wall-clock's scale. Pauses are
//! drawn shorter than they were, or a run of milliseconds with a pause of seconds would show
//! nothing but the pause; the times stand at the left.

/// Adds formatted text; a `String` takes everything.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        let _ = write!($out, $($arg)*);
    }};
}

mod assemble;
mod breath;
mod canvas;
mod collect;
pub mod group;
mod html;
mod ink;
mod layout;
mod mermaid;
pub mod model;
mod order;
mod pairs;
mod place;
mod signs;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use assemble::{Host, Violation};
pub use collect::{Bound, Collector, MOST_EVENTS, MOST_LIFELINES, Place, Window};
pub use model::Diagram;
pub use text::Page;

/// The forms of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Characters for a terminal.
    Text(Page),
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
