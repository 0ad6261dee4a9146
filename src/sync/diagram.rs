//! The drawing of a run: who changes the file, and who offers, wants and sends which version.

use std::borrow::Cow;

use super::event::SyncLog;
use crate::error::Result;
use crate::trace::diagram::{
    Diagram, Kind, Look, Marker, PlainPicture, Stroke, Window, draw_journal,
};
use crate::trace::inputs::Inputs;
use crate::trace::judge::JudgeOptions;

/// How many digits of an id are shown: enough to tell those of a group apart.
const DIGITS: usize = 4;

/// Draws a run.
///
/// # Errors
/// An input cannot be read, or nothing of the run is in the window.
pub(crate) fn draw_log(
    inputs: Inputs,
    window: Window,
    options: &JudgeOptions<'_>,
) -> Result<Diagram> {
    let diagram = draw_journal::<SyncLog>(inputs, window, options)?;
    let title = format!("{} copies of a file", diagram.lifelines.len());
    Ok(Diagram { title, ..diagram })
}

/// A word of a text, as it is shown: of ids the beginning, of digests nothing.
fn shown_word(word: &str) -> Option<&str> {
    let digits = word.rsplit('.').next().unwrap_or(word);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits.len() {
        16 if is_hex => Some(&word[..word.len() - digits.len() + DIGITS]),
        32 if is_hex => None,
        _ => Some(word),
    }
}

impl PlainPicture for SyncLog {
    const KINDS: &'static [Kind] = &[
        Kind { stroke: Stroke::ThinBroken, name: "offer", short: "", is_answer: false },
        Kind { stroke: Stroke::Thin, name: "want", short: "", is_answer: false },
        Kind { stroke: Stroke::Thick, name: "content", short: "", is_answer: true },
    ];
    const LEGEND: &'static [(Marker, &'static str, &'static str)] = &[
        (Marker::Start, "", "start"),
        (Marker::Note, "", "edit, or a version that was received"),
        (Marker::Lost, "", "crash"),
    ];
    const OUTCOME: &'static str = "in step";
    const OUTCOME_TEXT: &'static str = "in step";
    const LINE_LEGEND: &'static [(Look, &'static str)] = &[];

    /// Of a version its stamp, and nothing of what it has seen.
    fn shown(text: &str) -> Cow<'_, str> {
        let (head, rest) = text.split_once(" seen ").unwrap_or((text, ""));
        let behind = rest.split(' ').skip(1);
        let mut words: Vec<&str> = head.split(' ').collect();
        if !rest.is_empty() {
            words.pop(); // the size
        }
        words.into_iter().chain(behind).filter_map(shown_word).collect::<Vec<_>>().join(" ").into()
    }
}
