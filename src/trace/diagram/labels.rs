//! Amounts in words, and how much room text takes.

use super::model::{Diagram, Step};

/// A span of time, with three figures that count.
pub fn span(us: u64) -> String {
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
        let last = diagram.steps.last().and_then(|step| step.time_us);
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

/// A sentence without the flag that it names in brackets, and that.
pub fn without_advice(sentence: &str) -> (String, Option<String>) {
    let parts = sentence.split_once(" (--").and_then(|(before, rest)| {
        let (advice, after) = rest.split_once(')')?;
        Some((format!("{before}{after}"), Some(format!("--{advice}"))))
    });
    parts.unwrap_or_else(|| (sentence.to_owned(), None))
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

/// The time of each row, or its number where there are no times.
pub(super) fn stamps(diagram: &Diagram) -> Vec<String> {
    let unit = Unit::of(diagram);
    let stamp = |(number, (_, row)): (usize, (usize, &[Step]))| {
        let time = row.first().and_then(|step| step.time_us);
        time.map_or_else(|| (number + 1).to_string(), |us| stamp(unit, us))
    };
    diagram.rows().enumerate().map(stamp).collect()
}

/// What the stamps are.
pub(super) fn stamp_unit(diagram: &Diagram) -> &'static str {
    if diagram.timed { Unit::of(diagram).name() } else { "step" }
}
