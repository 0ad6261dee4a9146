//! The picture as one page that needs nothing else: step, filter, zoom, go from finding to finding.
//!
//! The drawing is the same SVG as in a report; the names stand above it as text, so that they can
//! be read at any size, with what each peer holds at the step one stands at. What the page shows of
//! the log comes as JSON and is set as text, never as markup.

use std::fmt::Write as _;

use serde::Serialize;

use super::labels::{Unit, stamp, stamp_unit};
use super::layout::Layout;
use super::markers::{escape, legend};
use super::model::{Diagram, Lifeline, Step};
use super::palette;
use super::svg::{LEAST, body, describe};

/// What the page knows of a step.
#[derive(Serialize)]
struct StepData<'a> {
    /// When, in words.
    when: String,
    /// The index of its peer.
    peer: usize,
    /// What it is, in sentences.
    says: Vec<String>,
    lines: &'a [String],
    at: [f64; 2],
    /// The steps of which something is complete here.
    counted: &'a [usize],
}

/// What the page knows of a message or a finding.
#[derive(Serialize)]
struct TextData<'a> {
    says: String,
    lines: &'a [String],
    /// Of a finding: the steps that show it.
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    steps: &'a [usize],
}

#[derive(Serialize)]
struct PageData<'a> {
    size: [f64; 2],
    /// What each peer holds, from which step on.
    states: Vec<&'a [(usize, String)]>,
    steps: Vec<StepData<'a>>,
    arrows: Vec<TextData<'a>>,
    findings: Vec<TextData<'a>>,
}

/// A whole page.
pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = Layout::of(diagram);
    let title = escape(&diagram.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{}{}{}</style>\n</head>\n<body>\n",
        palette::style(),
        palette::variables(),
        include_str!("page.css")
    );
    let bad = if diagram.is_bad { " class=\"bad\"" } else { "" };
    put!(out, "<header>\n<h1{bad}>{title}</h1>\n");
    for remark in std::iter::once(&diagram.summary).chain(&diagram.remarks) {
        put!(out, "<p>{}</p>\n", escape(remark));
    }
    out.push_str("</header>\n");
    tools(&mut out, diagram);
    let any = |has: fn(&Lifeline) -> bool| usize::from(diagram.lifelines.iter().any(has));
    let rows = any(|line| !line.roles.is_empty() || line.host.is_some())
        + 3 * any(|line| !line.states.is_empty());
    put!(out, "<main id=\"stage\" tabindex=\"0\">\n<div class=\"heads\" style=\"--rows: {rows}\">");
    put!(out, "<div class=\"unit\">{}</div>", stamp_unit(diagram));
    for (line, x) in diagram.lifelines.iter().zip(&layout.grid.x) {
        head(&mut out, line, *x, layout.grid.column);
    }
    let (width, height) = (layout.width, layout.grid.height);
    let wide = width.max(LEAST);
    let (legend, legend_height) = legend(diagram, wide);
    put!(
        out,
        "</div>\n<svg class=\"body\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n{}\
         <circle id=\"now\" r=\"14\" cx=\"-99\" cy=\"-99\"/>\n</svg>\n\
         <svg class=\"legend\" viewBox=\"0 0 {wide:.0} {legend_height:.0}\" \
         width=\"{wide:.0}\">\n{legend}</svg>\n\
         </main>\n",
        body(diagram, &layout)
    );
    put!(
        out,
        "<aside id=\"details\" aria-live=\"polite\" data-hint=\"{}\"></aside>\n\
         <div id=\"tip\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{}</script>\n\
         </body>\n</html>\n",
        hint(diagram),
        embedded(&data(diagram, &layout)),
        include_str!("page.js")
    );
    out
}

/// Who a peer is, and room for what it holds.
fn head(out: &mut String, line: &Lifeline, x: f64, column: f64) {
    let (left, name) = (x - column / 2.0 + 4.0, escape(&line.name));
    let more = [Some(&line.roles), line.host.as_ref()].into_iter().flatten();
    let more: Vec<&str> = more.map(String::as_str).filter(|more| !more.is_empty()).collect();
    let (first, more) = (escape(more.first().unwrap_or(&"")), escape(&more.join(", ")));
    put!(
        out,
        "<div class=\"head\" data-x=\"{left:.1}\" data-w=\"{:.1}\" title=\"{name} {more}\">\
         <b>{name}</b><span>{first}</span><i></i></div>",
        column - 8.0
    );
}

/// What one can do here.
fn hint(diagram: &Diagram) -> String {
    let what = if diagram.arrows.is_empty() { "marker" } else { "message or marker" };
    let mut hint = format!(
        "Arrow keys step through the run, Escape shows all of it; + and − zoom, 0 fits the width. \
         Point at or tap a {what} to read it whole. The buttons filter by peer"
    );
    if !diagram.groups.names.is_empty() {
        put!(hint, " and by {}", diagram.groups.noun);
    }
    if !diagram.findings.is_empty() {
        hint.push_str("; N goes to the next broken rule");
    }
    hint + "."
}

fn button(out: &mut String, id: &str, title: &str, text: &str) {
    put!(out, "<button id=\"{id}\" title=\"{title}\">{text}</button>");
}

/// The buttons: those that step and zoom, one for each peer, one for each group.
fn tools(out: &mut String, diagram: &Diagram) {
    out.push_str("<nav>\n<span class=\"group\">");
    button(out, "back", "step back (left arrow)", "←");
    button(out, "next", "step (right arrow)", "→");
    button(out, "whole", "the whole run (Escape)", "all");
    if !diagram.findings.is_empty() {
        button(out, "finding", "the next broken rule (N)", "⚠ next");
    }
    out.push_str("<output id=\"place\"></output></span>\n<span class=\"group\">");
    button(out, "smaller", "smaller (−)", "−");
    button(out, "fit", "fit to width (0)", "fit");
    button(out, "larger", "larger (+)", "+");
    out.push_str("</span>\n<span class=\"group\">");
    for (index, line) in diagram.lifelines.iter().enumerate() {
        put!(
            out,
            "<button class=\"peer\" data-p=\"{index}\" aria-pressed=\"false\">{}</button>",
            escape(&line.name)
        );
    }
    out.push_str("</span>\n<span class=\"group\">");
    for (rank, name) in diagram.groups.names.iter().enumerate().take(MOST_BUTTONS) {
        put!(
            out,
            "<button class=\"number c{}\" data-n=\"{rank}\" title=\"{} {name}\" \
             aria-pressed=\"false\">{name}</button>",
            rank % palette::HUES,
            diagram.groups.noun,
            name = escape(name)
        );
    }
    out.push_str("</span>\n</nav>\n");
}

/// How many groups have a button; the rest is reached by a narrower window.
const MOST_BUTTONS: usize = 60;

fn data<'a>(diagram: &'a Diagram, layout: &Layout) -> PageData<'a> {
    let unit = Unit::of(diagram);
    let step = |(index, step): (usize, &'a Step)| {
        let mut says: Vec<String> = Vec::new();
        says.extend(diagram.received(step).map(|a| format!("receives {}", describe(diagram, a))));
        says.extend(step.sentences().map(str::to_owned));
        says.extend(sends(diagram, step));
        let shown = diagram.findings.iter().filter(|finding| finding.steps.contains(&index));
        says.extend(shown.map(|finding| format!("⚠ {}", finding.says)));
        let name = diagram.name(Some(step.lifeline));
        let time = step.time_us.map(|us| format!(" at {} {}", stamp(unit, us), unit.name()));
        let at = layout.grid.point(index, step.lifeline);
        StepData {
            when: format!("{name}{}", time.unwrap_or_default()),
            peer: step.lifeline,
            says,
            lines: &step.lines,
            at: [at.x, at.y],
            counted: step.reached.as_ref().map_or(&[], |reached| &reached.steps),
        }
    };
    let arrows = diagram.arrows.iter().map(|arrow| TextData {
        says: describe(diagram, arrow),
        lines: &arrow.lines,
        steps: &[],
    });
    let findings = diagram.findings.iter().map(|finding| TextData {
        says: finding.says.clone(),
        lines: &[],
        steps: &finding.steps,
    });
    PageData {
        size: [layout.width, layout.grid.height],
        states: diagram.lifelines.iter().map(|line| line.states.as_slice()).collect(),
        steps: diagram.steps.iter().enumerate().map(step).collect(),
        arrows: arrows.collect(),
        findings: findings.collect(),
    }
}

/// What a step sends, each message once.
fn sends(diagram: &Diagram, step: &Step) -> Vec<String> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for arrow in diagram.sends(step) {
        let mut to = diagram.name(arrow.to).to_owned();
        if !arrow.ending().is_empty() {
            put!(to, " ({})", arrow.ending());
        }
        match all.last_mut().filter(|(label, _)| *label == arrow.label) {
            Some((_, others)) => put!(others, ", {to}"),
            None => all.push((&arrow.label, to)),
        }
    }
    all.into_iter().map(|(label, to)| format!("sends {label} → {to}")).collect()
}

/// The data as JSON that can stand in a page: no sign in it ends the script.
fn embedded(data: &PageData<'_>) -> String {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "{}".into());
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => put!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out
}
