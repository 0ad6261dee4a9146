//! The drawing of a run: who asks whom for what, and what clients are told.

use super::event::StoreLog;
use crate::trace::diagram::{Kind, Look, Marker, PlainPicture, Stroke};

impl PlainPicture for StoreLog {
    const KINDS: &'static [Kind] = &[
        Kind { stroke: Stroke::ThinBroken, name: "prepare", short: "", is_answer: false },
        Kind { stroke: Stroke::ThinBroken, name: "promise", short: "", is_answer: true },
        Kind { stroke: Stroke::Thick, name: "accept", short: "", is_answer: false },
        Kind { stroke: Stroke::Thick, name: "accepted", short: "", is_answer: true },
        Kind { stroke: Stroke::Thin, name: "query", short: "", is_answer: false },
        Kind { stroke: Stroke::Thin, name: "state", short: "", is_answer: true },
    ];
    const LEGEND: &'static [(Marker, &'static str, &'static str)] = &[
        (Marker::Start, "", "start"),
        (Marker::Note, "", "call or return"),
        (Marker::Lost, "", "crash"),
    ];
    const OUTCOME: &'static str = "rejoined";
    const OUTCOME_TEXT: &'static str = "rejoined";
    const LINE_LEGEND: &'static [(Look, &'static str)] = &[];
}
