//! The picture as a Mermaid sequence diagram, to paste.
//!
//! Mermaid has no slanted arrows and no times: a message stands where it arrives.

use std::fmt::Write as _;

use super::model::{Act, Arrow, Diagram, Fate, Mark, Step};
use super::words;

/// Draws for Mermaid.
pub(super) fn draw(diagram: &Diagram) -> String {
    let mut out = head(&diagram.title);
    let mut line = |text: &str| {
        let _ = writeln!(out, "    {text}"); // a String takes everything
    };
    for remark in std::iter::once(&diagram.summary).chain(&diagram.remarks) {
        line(&format!("%% {}", comment(remark)));
    }
    for lifeline in &diagram.lifelines {
        let mut name = escape(&lifeline.name);
        for more in [Some(&lifeline.roles), lifeline.host.as_ref()].into_iter().flatten() {
            if !more.is_empty() {
                let _ = write!(name, "<br/>{}", escape(more));
            }
        }
        line(&format!("participant p{} as {name}", lifeline.peer));
    }
    for step in &diagram.steps {
        for text in step_lines(diagram, step) {
            line(&text);
        }
    }
    out
}

fn step_lines(diagram: &Diagram, step: &Step) -> Vec<String> {
    let arrow = |index: &usize| diagram.arrows.get(*index);
    let mut lines = Vec::new();
    if let Some(arrow) = step.received.as_ref().and_then(arrow) {
        lines.push(message(diagram, arrow, Some(step.lifeline)));
    }
    let me = name(diagram, step.lifeline);
    if let Some(mark) = &step.mark {
        let sign = if matches!(mark, Mark::Refused(_)) { "✗ " } else { "" };
        lines.push(format!("Note over {me}: {sign}{}", escape(&words::mark(mark))));
    }
    if let Some(text) = words::act(&step.act) {
        let sign = match step.act {
            Act::Chose { .. } => "★ ",
            Act::Ended { .. } | Act::Alarm { .. } => "✖ ",
            Act::Started { .. } => "▲ ",
            Act::Message | Act::Noted(_) => "",
        };
        lines.push(format!("Note over {me}: {sign}{}", escape(&text)));
    }
    let lost = step.sends.iter().filter_map(arrow).filter(|arrow| arrow.fate != Fate::Arrived);
    lines.extend(lost.map(|arrow| message(diagram, arrow, arrow.to)));
    lines
}

fn name(diagram: &Diagram, lifeline: usize) -> String {
    diagram.lifelines.get(lifeline).map_or_else(String::new, |line| format!("p{}", line.peer))
}

fn message(diagram: &Diagram, arrow: &Arrow, to: Option<usize>) -> String {
    let from = name(diagram, arrow.from);
    let label = escape(&words::label(arrow));
    let fate = words::fate(arrow).map_or_else(String::new, |fate| format!(" ({fate})"));
    let Some(to) = to else {
        return format!("Note over {from}: sends {label}{fate}");
    };
    let line = match (arrow.fate, arrow.is_ack()) {
        (Fate::Lost, true) => "--x",
        (Fate::Lost, false) => "-x",
        (_, true) => "-->>",
        (_, false) => "->>",
    };
    format!("{from}{line}{}: {label}{fate}", name(diagram, to))
}

/// What stands above the diagram. Mermaid looks for tags, directives and comments in the whole
/// text before it reads the title as YAML, so a sign that could begin or end one, or the string, is
/// written as YAML's escape.
pub(super) fn head(title: &str) -> String {
    let mut quoted = String::new();
    for c in title.chars() {
        match c {
            ':' | '=' | '+' | '!' | '?' | '[' | ']' => quoted.push(c),
            c if is_harmless(c) => quoted.push(c),
            c => put!(quoted, "\\U{:08x}", c as u32),
        }
    }
    format!("---\ntitle: \"{quoted}\"\n---\nsequenceDiagram\n")
}

/// True of letters, digits and signs that mean nothing to Mermaid, wherever they stand.
fn is_harmless(c: char) -> bool {
    matches!(c, ' ' | '_' | '-' | '.' | ',' | '(' | ')' | '/' | '…') || c.is_alphanumeric()
}

/// Text in a message or a note: only letters, digits and harmless signs stand as they are.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if is_harmless(c) {
            out.push(c);
        } else {
            put!(out, "#{};", c as u32);
        }
    }
    out
}

/// Text in a comment, which ends with its line; braces would begin a directive, and a tag could
/// reach into the lines below.
pub(super) fn comment(text: &str) -> String {
    text.replace(['{', '}', '<', '>', '%', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " ")
}
