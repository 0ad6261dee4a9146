//! The picture as one page that needs nothing else: hover, filter, step.
//!
//! The drawing is the same SVG as in a report. What the page shows of the log comes as JSON and is
//! set as text, never as markup.

use std::fmt::Write as _;

use serde::Serialize;

use super::labels::{Unit, stamp};
use super::layout::Layout;
use super::markers::legend;
use super::model::{Diagram, Step};
use super::palette;
use super::svg::{HEAD, LEAST, body, describe, escape, heads};

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
}

/// What the page knows of a message.
#[derive(Serialize)]
struct ArrowData<'a> {
    says: String,
    lines: &'a [String],
}

#[derive(Serialize)]
struct PageData<'a> {
    steps: Vec<StepData<'a>>,
    arrows: Vec<ArrowData<'a>>,
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
    let (width, height) = (layout.width, layout.height);
    let (legend, legend_height) = legend(diagram, width.max(LEAST));
    out.push_str("</header>\n");
    tools(&mut out, diagram);
    put!(
        out,
        "<main id=\"stage\" tabindex=\"0\">\n\
         <svg class=\"heads\" width=\"{width:.0}\" \
         height=\"{HEAD:.0}\">\n{}</svg>\n<svg class=\"body\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n{}\
         <circle id=\"now\" r=\"12\" cx=\"-99\" cy=\"-99\"/>\n</svg>\n\
         <svg class=\"legend\" width=\"{:.0}\" height=\"{legend_height:.0}\">\n{legend}</svg>\n\
         </main>\n",
        heads(diagram, &layout),
        body(diagram, &layout, false),
        width.max(LEAST)
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

/// What one can do here.
fn hint(diagram: &Diagram) -> String {
    let what = if diagram.arrows.is_empty() { "marker" } else { "message or marker" };
    let mut group = String::new();
    if !diagram.groups.names.is_empty() {
        group = format!(" and by {}", diagram.groups.noun);
    }
    format!(
        "Arrow keys step through the run, Escape shows all of it. Point at or tap a {what} to read \
         it whole. The buttons filter by peer{group}."
    )
}

/// The buttons: those that step, one for each peer, one for each group.
fn tools(out: &mut String, diagram: &Diagram) {
    out.push_str(
        "<nav>\n<span class=\"group\"><button id=\"back\" title=\"step back (left \
         arrow)\">←</button>\
         <button id=\"next\" title=\"step (right arrow)\">→</button>\
         <button id=\"whole\" title=\"the whole run (Escape)\">all</button>\
         <output id=\"place\"></output></span>\n<span class=\"group\">",
    );
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
        says.extend([&step.effect, &step.says].into_iter().filter(|s| !s.is_empty()).cloned());
        says.extend(diagram.sends(step).map(|a| format!("sends {}", describe(diagram, a))));
        let name = diagram.name(Some(step.lifeline));
        let time = step.time_us.map(|us| format!(" at {} {}", stamp(unit, us), unit.name()));
        let at = layout.point(index, step.lifeline);
        StepData {
            when: format!("{name}{}", time.unwrap_or_default()),
            peer: step.lifeline,
            says,
            lines: &step.lines,
            at: [at.x, at.y],
        }
    };
    let steps = diagram.steps.iter().enumerate().map(step).collect();
    let arrows = diagram.arrows.iter();
    let arrow = |arrow| ArrowData { says: describe(diagram, arrow), lines: &arrow.lines };
    PageData { steps, arrows: arrows.map(arrow).collect() }
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
