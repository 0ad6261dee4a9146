//! The drawing of a run: who changes the file, and who offers, wants and sends which version.

use super::event::SyncLog;
use crate::trace::diagram::{Kind, Look, Marker, PlainPicture, Stroke};

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
}
