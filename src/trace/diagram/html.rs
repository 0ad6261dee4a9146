//! The picture as one page that needs nothing else: hover, filter, step.
//!
//! The drawing is the same SVG as in a report. What the page shows of the log comes as JSON and is
//! set as text, never as markup.

use std::fmt::Write as _;

use serde::Serialize;

use super::layout::Layout;
use super::model::{Diagram, Mood};
use super::svg::{HEAD, body, describe, escape, heads};
use super::{ink, signs, words};

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
struct Data<'a> {
    steps: Vec<StepData<'a>>,
    arrows: Vec<ArrowData<'a>>,
}

/// A whole page.
pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = Layout::of(diagram);
    let (width, height) = (layout.width, layout.height);
    let (legend, legend_height) = signs::legend(diagram, width.max(620.0));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{}{}{}</style>\n</head>\n<body>\n",
        escape(&diagram.title),
        ink::style(),
        ink::variables(),
        include_str!("page.css")
    );
    let bad = if diagram.mood == Mood::Bad { " class=\"bad\"" } else { "" };
    put!(out, "<header>\n<h1{bad}>{}</h1>\n", escape(&diagram.title));
    put!(out, "<p>{}</p>\n", escape(&diagram.summary));
    for remark in &diagram.remarks {
        put!(out, "<p>{}</p>\n", escape(remark));
    }
    out.push_str("</header>\n");
    tools(&mut out, diagram);
    put!(
        out,
        "<main id=\"stage\" tabindex=\"0\">\n<svg class=\"heads\" width=\"{width:.0}\" \
         height=\"{HEAD:.0}\">\n{}</svg>\n<svg class=\"body\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\n{}\
         <circle id=\"now\" r=\"12\" cx=\"-99\" cy=\"-99\"/>\n</svg>\n\
         <svg class=\"legend\" width=\"{:.0}\" height=\"{legend_height:.0}\">\n{legend}</svg>\n\
         </main>\n",
        heads(diagram, &layout),
        escape(&diagram.title),
        body(diagram, &layout, false),
        width.max(620.0)
    );
    put!(
        out,
        "<aside id=\"details\" aria-live=\"polite\"></aside>\n<div id=\"tip\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{}</script>\n\
         </body>\n</html>\n",
        data(diagram, &layout),
        include_str!("page.js")
    );
    out
}

/// The buttons.
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
    for (rank, number) in diagram.numbers.iter().enumerate().take(MOST_NUMBERS) {
        put!(
            out,
            "<button class=\"number c{}\" data-n=\"{rank}\" \
             aria-pressed=\"false\">{number}</button>",
            rank % ink::HUES
        );
    }
    out.push_str("</span>\n</nav>\n");
}

/// How many proposal numbers have a button; the rest is reached with `--number`.
const MOST_NUMBERS: usize = 60;

/// The data as JSON that can stand in a page: no sign in it ends the script.
fn data(diagram: &Diagram, layout: &Layout) -> String {
    let unit = words::Unit::of(diagram);
    let steps = diagram.steps.iter().enumerate().map(|(index, step)| {
        let arrow = |index: &usize| diagram.arrows.get(*index).map(|a| describe(diagram, a));
        let mut says: Vec<String> = Vec::new();
        says.extend(step.received.as_ref().and_then(arrow).map(|text| {
            format!(
                "receives \
         {text}"
            )
        }));
        says.extend(step.mark.as_ref().map(words::mark));
        says.extend(words::act(&step.act));
        says.extend(step.sends.iter().filter_map(arrow).map(|text| format!("sends {text}")));
        let name = diagram.lifelines.get(step.lifeline).map_or("", |line| line.name.as_str());
        let time = step.time_us.map(|us| format!(" at {} {}", words::stamp(unit, us), unit.name()));
        let at = layout.point(index, step.lifeline);
        StepData {
            when: format!("{name}{}", time.unwrap_or_default()),
            peer: step.lifeline,
            says,
            lines: &step.lines,
            at: [at.x, at.y],
        }
    });
    let arrows = diagram
        .arrows
        .iter()
        .map(|arrow| ArrowData { says: describe(diagram, arrow), lines: &arrow.lines });
    let data = Data { steps: steps.collect(), arrows: arrows.collect() };
    let json = serde_json::to_string(&data).unwrap_or_else(|_| "{}".into());
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => put!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out
}
