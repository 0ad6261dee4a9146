//! The journal of `ready`: how it is recognised and drawn.
//!
//! A heavy line is a peer that is ready. Which message is which, the strokes say: `ALIVE?` is drawn
//! through, `ACK!` broken, the last `READY` heavy.

use super::event::ReadyLog;
use crate::error::{Error, Result};
use crate::trace::diagram::{Kind, Look, Marker, PlainPicture, Stroke};
use crate::trace::inputs::{Inputs, has_event};
use crate::trace::journal::JournalDialect;
use crate::trace::judge::{JudgeOptions, Judgement, LogJudge};

impl PlainPicture for ReadyLog {
    const KINDS: &'static [Kind] = &[
        Kind { stroke: Stroke::Thin, name: "ALIVE?", short: "", is_answer: false },
        Kind { stroke: Stroke::ThinBroken, name: "ACK!", short: "", is_answer: true },
        Kind { stroke: Stroke::Thick, name: "READY", short: "", is_answer: false },
    ];
    const LEGEND: &'static [(Marker, &'static str, &'static str)] = &[
        (Marker::Start, "", "start"),
        (Marker::Star, "", "is ready"),
        (Marker::Note, "", "says"),
        (Marker::Lost, "", "crash"),
    ];
    const OUTCOME: &'static str = "ready";
    const OUTCOME_TEXT: &'static str = "READY";
    const LINE_LEGEND: &'static [(Look, &'static str)] = &[(Look::Full(0), "ready")];
}

impl LogJudge for ReadyLog {
    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<JournalDialect<Self>>(head)
    }

    fn judge(&self, _: Inputs, _: &JudgeOptions<'_>) -> Result<Judgement> {
        Err(Error::Usage(
            "these are lines of synod ready, which is judged while it runs (synod local ready, \
             synod judge ready); synod draw draws them"
                .into(),
        ))
    }
}
