//! Labels: what stands beside the lines.

use std::fmt::Write as _;

use super::model::{Act, Arrow, Diagram, Fate, Mark};
use crate::paxos::event::MessageType;
use crate::visible::clipped;

/// How many characters of a value or a host name are shown in a label.
const LONGEST: usize = 24;

/// A value in a label; one that is nothing or blank is put in quotes, so that one can see it.
pub(super) fn value(text: &str) -> String {
    let shown = clipped(text, LONGEST);
    if shown.trim().is_empty() { format!("\"{shown}\"") } else { shown }
}

/// `prepare 5 Y`; of acks also what they carry.
pub(super) fn label(arrow: &Arrow) -> String {
    let mut out = arrow.kind.name().to_owned();
    if let Some(number) = arrow.number {
        let _ = write!(out, " {number}");
    }
    if arrow.refused {
        let asked = arrow.answers.map_or(String::new(), |number| format!(" {number}"));
        let _ = write!(out, " refuses{asked}");
        return out;
    }
    if let Some(text) = &arrow.value {
        let _ = write!(out, " {}", value(text));
    }
    if let (MessageType::PrepareAck, Some(accepted)) = (arrow.kind, arrow.accepted) {
        let _ = write!(out, " from {accepted}");
    }
    out
}

/// A label in ever fewer characters, for narrow places.
pub(super) fn shorter(arrow: &Arrow) -> Vec<String> {
    let (short, shortest) = match arrow.kind {
        MessageType::Prepare => ("prep", "p"),
        MessageType::PrepareAck => ("p_ack", "pa"),
        MessageType::Accept => ("acc", "a"),
        MessageType::AcceptAck => ("a_ack", "aa"),
        MessageType::Chose | MessageType::Chosen => ("chosen", "c"),
    };
    let number = arrow.number.map_or(String::new(), |number| number.to_string());
    let value = arrow.value.as_deref().map_or(String::new(), value);
    if arrow.refused {
        let asked = arrow.answers.map_or(String::new(), |asked| asked.to_string());
        return vec![
            label(arrow),
            format!("{short} {number} refuses {asked}"),
            format!("{number} refuses {asked}"),
            format!("{number} > {asked}"),
            format!("{number}>{asked}"),
            "no".into(),
        ];
    }
    let full = label(arrow);
    let plain = format!("{} {number} {value}", arrow.kind.name());
    let names = [
        full,
        plain,
        format!("{short} {number} {value}"),
        format!("{shortest} {number} {value}"),
        format!("{shortest}{number}{value}"),
        format!("{shortest}{number}"),
        shortest.to_owned(),
    ];
    names.into_iter().map(|name| name.trim_end().to_owned()).collect()
}

/// What stands beside a mark.
pub(super) fn mark(mark: &Mark) -> String {
    match mark {
        Mark::Promised(number) => format!("promised {number}"),
        Mark::Accepted(number, text) => format!("accepted {} ({number})", value(text)),
        Mark::Refused(number) => format!("refuses, has promised {number}"),
    }
}

/// What a step says in words, if it is more than messages.
pub(super) fn act(act: &Act) -> Option<String> {
    Some(match act {
        Act::Message => return None,
        Act::Chose { value: text, .. } => format!("{} is chosen", value(text)),
        Act::Ended { restarted: true } => "crashed".into(),
        Act::Ended { restarted: false } => "log ends".into(),
        Act::Started { text, .. } | Act::Noted(text) => text.clone(),
        Act::Alarm { rule, sentence } if sentence.is_empty() => rule.clone(),
        Act::Alarm { rule, sentence } => format!("{rule}: {sentence}"),
    })
}

/// The fate of a message in words, if there is anything to say.
pub(super) fn fate(arrow: &Arrow) -> Option<&'static str> {
    match arrow.fate {
        Fate::Arrived => None,
        Fate::Lost => Some("never received"),
        Fate::Beyond if arrow.sent.is_some() => Some("received outside this picture"),
        Fate::Beyond => Some("sent outside this picture"),
    }
}

/// A span of time, with three figures that count.
pub(super) fn span(us: u64) -> String {
    // Rounding is fine in a label.
    #[allow(clippy::cast_precision_loss)]
    let us_float = us as f64;
    let (amount, unit) = match us {
        0..1_000 => return format!("{us} µs"),
        1_000..1_000_000 => (us_float / 1e3, "ms"),
        _ => (us_float / 1e6, "s"),
    };
    let decimals = if amount < 10.0 { 2 } else { usize::from(amount < 100.0) };
    format!("{amount:.decimals$} {unit}")
}

/// The unit of all times at the edge of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds, with two decimals.
    Milliseconds,
    /// Seconds, with three decimals.
    Seconds,
}

/// From here on times are given in seconds: they would need too many figures.
const LONG_RUN_US: u64 = 100_000_000;

impl Unit {
    /// The unit that suits this picture.
    pub(super) fn of(diagram: &Diagram) -> Self {
        Self::lasting(diagram.steps.last().and_then(|step| step.time_us))
    }

    /// The unit for a picture whose last time is this.
    pub(super) fn lasting(last: Option<u64>) -> Self {
        if last.is_some_and(|us| us >= LONG_RUN_US) { Self::Seconds } else { Self::Milliseconds }
    }

    /// `ms` or `s`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
        }
    }
}

/// A time in that unit, without its name.
pub(super) fn stamp(unit: Unit, us: u64) -> String {
    match unit {
        Unit::Milliseconds => format!("{}.{:02}", us / 1_000, us % 1_000 / 10),
        Unit::Seconds => format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1_000),
    }
}

/// `1 event`, `2 events`.
pub(super) fn plural(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many columns of a terminal a character takes; wide scripts and pictures take two.
pub(super) fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{e0100}'..='\u{e01ef}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}
