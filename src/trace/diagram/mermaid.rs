//! The picture as a Mermaid sequence diagram, to paste.
//!
//! Mermaid has no slanted arrows and no times: a message stands where it arrives.

use std::fmt::Write as _;

use super::model::{Arrow, ArrowEnd, Band, Diagram, Marker, Step};

/// Draws for Mermaid.
pub(super) fn draw(diagram: &Diagram) -> String {
    let mut out = head(&diagram.title);
    for remark in std::iter::once(&diagram.summary).chain(&diagram.remarks) {
        put!(out, "    %% {}\n", comment(remark));
    }
    for line in &diagram.lifelines {
        put!(out, "    participant p{} as {}", line.peer, escape(&line.name));
        let more = [Some(&line.roles), line.host.as_ref()].into_iter().flatten();
        for more in more.filter(|more| !more.is_empty()) {
            put!(out, "<br/>{}", escape(more));
        }
        out.push('\n');
    }
    for (first, row) in diagram.rows() {
        let band = row.first().and_then(|step| diagram.bands.get(step.band?));
        let lines = match band {
            Some(band) => vec![note_over(diagram, band, row)],
            None => row.iter().flat_map(|step| step_lines(diagram, step)).collect(),
        };
        let shown = |last: usize| (first..first + row.len()).contains(&last);
        let findings = diagram.findings.iter().filter_map(|finding| {
            let last = *finding.steps.last().filter(|last| shown(**last))?;
            let at = name(diagram, diagram.steps[last].lifeline);
            Some(format!("Note over {at}: ⚠ {}", escape(&finding.says)))
        });
        for line in lines.into_iter().chain(findings) {
            put!(out, "    {line}\n");
        }
    }
    out
}

/// A row of several peers as one note.
fn note_over(diagram: &Diagram, band: &Band, row: &[Step]) -> String {
    let ends = match band.reach[..] {
        [] => name(diagram, 0),
        [only] => name(diagram, only),
        [first, .., last] => format!("{},{}", name(diagram, first), name(diagram, last)),
    };
    format!("Note over {ends}: {}{}", sign(row.first()), escape(&band.sentence))
}

/// What stands before a note, so that one finds it.
fn sign(step: Option<&Step>) -> &'static str {
    match step.map(|step| step.marker) {
        Some(Marker::Star) => "★ ",
        Some(Marker::Lost) => "✖ ",
        Some(Marker::Start) => "▲ ",
        _ => "",
    }
}

fn step_lines(diagram: &Diagram, step: &Step) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(arrow) = diagram.received(step) {
        lines.push(message(diagram, arrow, Some(step.lifeline)));
    }
    let me = name(diagram, step.lifeline);
    if !step.effect.is_empty() {
        let sign = if step.marker == Marker::Barred { "✗ " } else { "" };
        lines.push(format!("Note over {me}: {sign}{}", escape(&step.effect)));
    }
    if let Some(reached) = &step.reached {
        lines.push(format!("Note over {me}: ◎ {}", escape(&reached.sentence)));
    }
    if !step.says.is_empty() {
        lines.push(format!("Note over {me}: {}{}", sign(Some(step)), escape(&step.says)));
    }
    let lost = diagram.sends(step).filter(|arrow| arrow.end != ArrowEnd::Arrived);
    lines.extend(lost.map(|arrow| message(diagram, arrow, arrow.to)));
    lines
}

fn name(diagram: &Diagram, lifeline: usize) -> String {
    diagram.lifelines.get(lifeline).map_or_else(String::new, |line| format!("p{}", line.peer))
}

fn message(diagram: &Diagram, arrow: &Arrow, to: Option<usize>) -> String {
    let from = name(diagram, arrow.from);
    let label = escape(&arrow.label);
    let ending = match arrow.ending() {
        "" => String::new(),
        ending => format!(" ({ending})"),
    };
    let Some(to) = to else {
        return format!("Note over {from}: sends {label}{ending}");
    };
    let is_lost = matches!(arrow.end, ArrowEnd::Lost | ArrowEnd::InFlight);
    let line = match (is_lost, diagram.kind(arrow).is_answer) {
        (true, true) => "--x",
        (true, false) => "-x",
        (_, true) => "-->>",
        (_, false) => "->>",
    };
    format!("{from}{line}{}: {label}{ending}", name(diagram, to))
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
