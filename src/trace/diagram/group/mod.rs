//! The run of a group as a picture: who is in which view when.
//!
//! Every peer is a vertical line, time runs downwards. A view is one row: a box at each member that
//! installs it, a dotted one at a member of which no line says so, a band that joins them, a star
//! at its leader. The line of a member has the colour of its view until the next one, and is dotted
//! while it is in none. Between the views stand those who are called unreachable, and crashes.
//!
//! ```text
//! lines ── collect ── rows ──┬── text
//!          a window   one    ├── mermaid
//!          of them    order  ├── svg
//!                     for    └── html
//!                     all
//! ```
//!
//! The order of the rows is that of the view ids, whatever the order in which the lines of several
//! peers were collected. What stands between two views is ordered by its time, or by its place
//! where all lines are in one input.

mod collect;
mod html;
mod mermaid;
mod model;
mod place;
mod rows;
mod svg;
mod text;

pub use collect::Collector;
pub use model::Picture;

use super::Format;

/// Draws. The result ends with a newline.
pub fn draw(picture: &Picture, format: Format) -> String {
    match format {
        Format::Text(page) => text::draw(picture, page),
        Format::Mermaid => mermaid::draw(picture),
        Format::Svg => svg::draw(picture),
        Format::Html => html::draw(picture),
    }
}
