//! A run as a picture: who calls and echoes what, and who counts when.

use synod::trace::diagram::{Kind, Look, Marker, PlainPicture, Stroke};

use super::lines::{DONE, EchoLog};

impl PlainPicture for EchoLog {
    const KINDS: &'static [Kind] = &[
        Kind { stroke: Stroke::Thin, name: "call", short: "", is_answer: false },
        Kind { stroke: Stroke::ThinBroken, name: "echo", short: "", is_answer: true },
    ];
    const LEGEND: &'static [(Marker, &'static str, &'static str)] = &[
        (Marker::Start, "", "start"),
        (Marker::Star, "", "is done"),
        (Marker::Note, "", "counts"),
        (Marker::Lost, "", "crash"),
    ];
    const OUTCOME: &'static str = "done";
    const OUTCOME_TEXT: &'static str = DONE;
    const LINE_LEGEND: &'static [(Look, &'static str)] = &[(Look::Full(0), "done")];
}
