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
pub(super) struct StepData<'a> {
    /// When, in words.
    pub(super) when: String,
    /// The index of its peer.
    pub(super) peer: usize,
    /// What it is, in sentences.
    pub(super) says: Vec<String>,
    pub(super) lines: &'a [String],
    pub(super) at: [f64; 2],
}

/// What the page knows of a message.
#[derive(Serialize)]
pub(super) struct ArrowData<'a> {
    says: String,
    lines: &'a [String],
}

#[derive(Serialize)]
pub(super) struct Data<'a> {
    pub(super) steps: Vec<StepData<'a>>,
    pub(super) arrows: Vec<ArrowData<'a>>,
}

/// A drawing with what stands around it.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) mood: Mood,
    /// The lines below the title.
    pub(super) remarks: Vec<&'a str>,
    /// The buttons.
    pub(super) tools: String,
    pub(super) width: f64,
    pub(super) heads: String,
    pub(super) body: String,
    pub(super) height: f64,
    /// The legend, and how high it is.
    pub(super) legend: (String, f64),
    /// What one can do here.
    pub(super) hint: &'a str,
    pub(super) data: &'a Data<'a>,
}

/// A whole page.
pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = Layout::of(diagram);
    let mut tools = String::new();
    self::tools(&mut tools, diagram);
    let remarks = std::iter::once(&diagram.summary).chain(&diagram.remarks);
    page(&Page {
        title: &diagram.title,
        mood: diagram.mood,
        remarks: remarks.map(String::as_str).collect(),
        tools,
        width: layout.width,
        heads: heads(diagram, &layout),
        body: body(diagram, &layout, false),
        height: layout.height,
        legend: signs::legend(diagram, layout.width.max(620.0)),
        hint: "Arrow keys step through the run, Escape shows all of it. Point at or tap a message \
               to read it whole. The buttons filter by peer and by number.",
        data: &data(diagram, &layout),
    })
}

/// The page of a drawing.
pub(super) fn page(page: &Page<'_>) -> String {
    let Page { width, height, heads, body, tools, .. } = page;
    let title = escape(page.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{}{}{}</style>\n</head>\n<body>\n",
        ink::style(),
        ink::variables(),
        include_str!("page.css")
    );
    let bad = if page.mood == Mood::Bad { " class=\"bad\"" } else { "" };
    put!(out, "<header>\n<h1{bad}>{title}</h1>\n");
    for remark in &page.remarks {
        put!(out, "<p>{}</p>\n", escape(remark));
    }
    let (legend, legend_height) = &page.legend;
    put!(
        out,
        "</header>\n{tools}<main id=\"stage\" tabindex=\"0\">\n\
         <svg class=\"heads\" width=\"{width:.0}\" \
         height=\"{HEAD:.0}\">\n{heads}</svg>\n<svg class=\"body\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n{body}\
         <circle id=\"now\" r=\"12\" cx=\"-99\" cy=\"-99\"/>\n</svg>\n\
         <svg class=\"legend\" width=\"{:.0}\" height=\"{legend_height:.0}\">\n{legend}</svg>\n\
         </main>\n",
        width.max(620.0)
    );
    put!(
        out,
        "<aside id=\"details\" aria-live=\"polite\" data-hint=\"{}\"></aside>\n\
         <div id=\"tip\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{}</script>\n\
         </body>\n</html>\n",
        escape(page.hint),
        embedded(page.data),
        include_str!("page.js")
    );
    out
}

/// The button of each peer, and those that step.
pub(super) fn steps_and_peers(out: &mut String, names: &[String]) {
    out.push_str(
        "<nav>\n<span class=\"group\"><button id=\"back\" title=\"step back (left \
         arrow)\">←</button>\
         <button id=\"next\" title=\"step (right arrow)\">→</button>\
         <button id=\"whole\" title=\"the whole run (Escape)\">all</button>\
         <output id=\"place\"></output></span>\n<span class=\"group\">",
    );
    for (index, name) in names.iter().enumerate() {
        put!(
            out,
            "<button class=\"peer\" data-p=\"{index}\" aria-pressed=\"false\">{}</button>",
            escape(name)
        );
    }
    out.push_str("</span>\n");
}

/// The buttons.
fn tools(out: &mut String, diagram: &Diagram) {
    let names: Vec<String> = diagram.lifelines.iter().map(|line| line.name.clone()).collect();
    steps_and_peers(out, &names);
    out.push_str("<span class=\"group\">");
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

fn data<'a>(diagram: &'a Diagram, layout: &Layout) -> Data<'a> {
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
    Data { steps: steps.collect(), arrows: arrows.collect() }
}

/// The data as JSON that can stand in a page: no sign in it ends the script.
fn embedded(data: &Data<'_>) -> String {
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
