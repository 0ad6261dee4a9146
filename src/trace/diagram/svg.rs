//! The picture as SVG: standalone for a report, and in parts for the page.

use std::fmt::Write as _;

use super::canvas::wrap;
use super::geometry::{BOLD, GUTTER, Point, clip, columns_of, text_width};
use super::labels::{stamp_unit, stamps};
use super::layout::{LINE, Layout};
use super::markers::{badge, bar, carried, escape, legend, line, marker, ring, strokes};
use super::model::{Arrow, ArrowEnd, Band, Diagram, Lifeline, Look, STATE_JOINT, Shape, Step};
use super::palette::{self, HUES, stroke_class};
use super::places::{Label, Tone, badges};
use super::rays::{BEND, Ray};

/// The edge round a standalone picture.
const EDGE: f64 = 20.0;
/// The least width of a title and a legend.
pub(super) const LEAST: f64 = 620.0;
/// Where the words of the gutter end.
const STAMP: f64 = GUTTER - 14.0;

/// A whole file.
pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = Layout::of(diagram);
    let width = layout.width.max(LEAST);
    let full = width + 2.0 * EDGE;
    let mut top = EDGE + 20.0;
    let mut drawn = String::new();
    let bad = if diagram.is_bad { " alarm" } else { "" };
    // Its letters are nearly twice as wide as those of remarks.
    for (place, line) in wrap(&diagram.title, columns_of(width) * 6 / 11).iter().enumerate() {
        top += if place > 0 { 24.0 } else { 0.0 };
        let line = escape(line);
        put!(drawn, "<text class=\"title{bad}\" x=\"0\" y=\"{top}\">{line}</text>\n");
    }
    for remark in std::iter::once(&diagram.summary).chain(&diagram.remarks) {
        for line in wrap(remark, columns_of(width)) {
            top += 17.0;
            put!(drawn, "<text class=\"soft\" x=\"0\" y=\"{top}\">{}</text>\n", escape(&line));
        }
    }
    let (heads, head) = boxes(diagram, &layout, stamp_unit(diagram), head);
    let (feet, foot) = boxes(diagram, &layout, "at last", |line| {
        let state = line.state(usize::MAX).split(STATE_JOINT).filter(|part| !part.is_empty());
        state.map(|part| ("soft mid", part.to_owned())).collect()
    });
    let (legend, legend_height) = legend(diagram, width);
    let parts = [
        (18.0, heads, head),
        (0.0, body(diagram, &layout), layout.grid.height),
        (0.0, feet, foot),
        (18.0, legend, legend_height),
    ];
    for (above, part, height) in parts {
        top += above;
        put!(drawn, "<g transform=\"translate(0 {top:.1})\">\n{part}</g>\n");
        top += height;
    }
    let height = top + EDGE;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {full:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n\
         <style>\n{}</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n\
         <g transform=\"translate({EDGE} 0)\">\n{drawn}</g>\n</svg>\n",
        escape(&diagram.title),
        palette::style()
    )
}

/// A line of text and its class.
type Row = (&'static str, String);

/// Who a peer is.
fn head(line: &Lifeline) -> Vec<Row> {
    let host = line.host.clone().unwrap_or_default();
    let mut rows = vec![("name mid", line.name.clone()), ("soft mid", line.roles.clone())];
    rows.push(("soft mid", host));
    rows.retain(|row| !row.1.is_empty());
    rows
}

/// A row of boxes, one for each lifeline of which there is something to say, with a word at the
/// left; and how high the row is.
fn boxes(
    diagram: &Diagram,
    layout: &Layout,
    word: &str,
    rows: impl Fn(&Lifeline) -> Vec<Row>,
) -> (String, f64) {
    let all: Vec<Vec<Row>> = diagram.lifelines.iter().map(rows).collect();
    let height = |rows: &Vec<Row>| rows.iter().map(|_| 16.0).sum::<f64>() + 10.0;
    let high = all.iter().map(height).fold(10.0, f64::max);
    let (mut out, wide) = (String::new(), layout.grid.column - 8.0);
    if all.iter().all(Vec::is_empty) {
        return (out, 0.0);
    }
    let y = high / 2.0 + 4.0;
    put!(out, "<text class=\"soft time\" x=\"{STAMP:.1}\" y=\"{y:.1}\">{word}</text>\n");
    for (rows, x) in all.iter().zip(&layout.grid.x).filter(|(rows, _)| !rows.is_empty()) {
        let left = x - wide / 2.0;
        put!(
            out,
            "<rect class=\"head\" x=\"{left:.1}\" y=\"0.5\" width=\"{wide:.1}\" \
             height=\"{high:.1}\" rx=\"6\"/>\n"
        );
        let mut y = 16.5 + (high - height(rows)) / 2.0;
        for (class, text) in rows {
            let text = escape(&clip(text, wide - 6.0));
            put!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
            y += 16.0;
        }
    }
    (out, high + 1.0)
}

/// Lines, bands, arrows, markers, labels and what stands at the side.
pub(super) fn body(diagram: &Diagram, layout: &Layout) -> String {
    let mut out = String::new();
    for (y, long) in &layout.pauses {
        put!(
            out,
            "<text class=\"soft time\" x=\"{STAMP:.1}\" y=\"{:.1}\">⋮ {long}</text>\n\
             <line class=\"softline\" stroke-opacity=\".4\" stroke-dasharray=\"2 6\" \
             x1=\"{GUTTER:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
            y + 4.0,
            layout.grid.side
        );
    }
    lifelines(&mut out, diagram, layout);
    times(&mut out, diagram, layout);
    for (first, row) in diagram.rows() {
        if let Some(band) = row.first().and_then(|step| diagram.bands.get(step.band?)) {
            put!(out, "<g class=\"q\" data-s=\"{first}\">");
            self::band(&mut out, layout, band, layout.grid.point(first, 0).y);
            out.push_str("</g>\n");
        }
    }
    for finding in 0..diagram.findings.len() {
        leads(&mut out, diagram, layout, finding);
    }
    for (index, (ray, it)) in layout.rays.iter().zip(&diagram.arrows).enumerate() {
        if let Some(ray) = ray {
            arrow(&mut out, diagram, index, it, *ray);
        }
    }
    for (index, step) in diagram.steps.iter().enumerate() {
        self::step(&mut out, layout, index, step);
    }
    remarks(&mut out, diagram, layout);
    out
}

/// The times at the left, each said once; a row has that of its first step.
fn times(out: &mut String, diagram: &Diagram, layout: &Layout) {
    let (mut said, mut last) = (String::new(), None);
    for ((first, _), stamp) in diagram.rows().zip(stamps(diagram)) {
        let row = layout.rows.get(first).copied();
        if row != last && stamp != said {
            let y = layout.grid.point(first, 0).y + 4.0;
            put!(out, "<text class=\"soft time\" x=\"{STAMP:.1}\" y=\"{y:.1}\">{stamp}</text>\n");
            said = stamp;
        }
        last = row;
    }
}

fn hue(group: Option<usize>) -> String {
    group.map_or_else(String::new, |group| format!(" n{}", group % HUES))
}

fn attribute(name: &str, value: Option<usize>) -> String {
    value.map_or_else(String::new, |value| format!(" data-{name}=\"{value}\""))
}

fn step(out: &mut String, layout: &Layout, index: usize, step: &Step) {
    put!(
        out,
        "<g class=\"s{}\" data-s=\"{index}\" data-p=\"{}\"{}>",
        hue(step.group),
        step.lifeline,
        attribute("n", step.group)
    );
    let at = layout.grid.point(index, step.lifeline);
    if step.reached.is_some() {
        ring(out, at);
    }
    marker(out, at, step.marker, &escape(&step.tag));
    for text in layout.labels.get(index).into_iter().flatten() {
        label(out, text);
    }
    out.push_str("</g>\n");
}

/// From a finding to the steps that show it, with its number at each.
fn leads(out: &mut String, diagram: &Diagram, layout: &Layout, index: usize) {
    let remark = layout.remarks.iter().find(|remark| remark.finding == Some(index));
    let Some(remark) = remark else { return };
    let doubt = doubt(diagram, index);
    put!(out, "<g class=\"f{doubt}\" data-s=\"{}\" data-f=\"{index}\">", remark.step);
    for at in badges(diagram, &layout.grid, index) {
        strokes(out, "lead", &[[at.x, at.y, layout.grid.side, remark.y]]);
        badge(out, at, index + 1);
    }
    out.push_str("</g>\n");
}

/// The class of what is only suspected.
fn doubt(diagram: &Diagram, finding: usize) -> &'static str {
    let is_suspicion = diagram.findings.get(finding).is_some_and(|it| it.is_suspicion);
    if is_suspicion { " doubt" } else { "" }
}

/// What stands at the side.
fn remarks(out: &mut String, diagram: &Diagram, layout: &Layout) {
    for remark in &layout.remarks {
        let (class, tone) = match remark.finding {
            Some(finding) => (format!("f{}", doubt(diagram, finding)), "alarm"),
            None => ("q".into(), "note"),
        };
        let finding = attribute("f", remark.finding);
        put!(out, "<g class=\"{class}\" data-s=\"{}\"{finding}>", remark.step);
        if let Some(index) = remark.finding {
            badge(out, Point { x: layout.grid.side + 6.0, y: remark.y }, index + 1);
        }
        let (x, mut y) = (layout.grid.side + 18.0, remark.y + 4.0);
        for line in &remark.lines {
            let line = escape(line);
            put!(out, "<text class=\"{tone}\" x=\"{x:.1}\" y=\"{y:.1}\">{line}</text>");
            y += LINE;
        }
        out.push_str("</g>\n");
    }
}

/// The peers' lines: dotted while a peer is gone, with a bar where it holds something.
fn lifelines(out: &mut String, diagram: &Diagram, layout: &Layout) {
    for (lifeline, (peer, x)) in diagram.lifelines.iter().zip(&layout.grid.x).enumerate() {
        let (mut from, mut look, mut since) = (0.0, Look::Alive, 0);
        let places = peer.looks.iter().map(|(step, next)| {
            // What holds at the first step may have begun before.
            let is_before = *step == 0 && *next == Look::Gone;
            (if is_before { 0.0 } else { layout.grid.point(*step, lifeline).y }, *next, *step)
        });
        for (to, next, step) in places.chain([(layout.grid.height, Look::Alive, 0)]) {
            if to > from {
                put!(out, "<g class=\"l\" data-s=\"{since}\">");
                line(out, look, *x, (from, to));
                out.push_str("</g>\n");
            }
            (from, look, since) = (to, next, step);
        }
    }
}

/// What lies below the markers of a row, and what it says.
fn band(out: &mut String, layout: &Layout, band: &Band, y: f64) {
    let x = |lifeline: Option<&usize>| lifeline.map_or(0.0, |line| layout.grid.point(0, *line).x);
    let (left, right) = (x(band.reach.first()), x(band.reach.last()));
    let hue = hue(band.group);
    match band.shape {
        Shape::Area => {
            let half = (layout.grid.column / 2.0 - 4.0).min(48.0);
            put!(
                out,
                "<g class=\"b{hue}\"><rect class=\"full\" fill-opacity=\".16\" x=\"{:.1}\" \
                 y=\"{:.1}\" width=\"{:.1}\" height=\"28\" rx=\"8\"/></g>\n",
                left - half,
                y - 14.0,
                right - left + 2.0 * half
            );
        }
        Shape::Line => put!(
            out,
            "<line class=\"softline\" stroke-dasharray=\"3 4\" x1=\"{left:.1}\" x2=\"{right:.1}\" \
             y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n"
        ),
        Shape::None => {}
    }
    let y = y + 4.0;
    let mut start = GUTTER;
    if !band.head.is_empty() {
        put!(
            out,
            "<g class=\"{}\"><text class=\"word choice\" x=\"{start:.1}\" \
             y=\"{y:.1}\">{}</text></g>\n",
            hue.trim_start(),
            escape(&band.head)
        );
        start += text_width(&band.head) * BOLD + 8.0;
    }
    let tone = if band.is_strong { "strong" } else { "soft" };
    let text = clip(&band.text, GUTTER + layout.caption - start - 8.0);
    put!(
        out,
        "<text class=\"{tone}\" x=\"{start:.1}\" y=\"{y:.1}\">{}<title>{}</title></text>\n",
        escape(&text),
        escape(&band.text)
    );
}

fn arrow(out: &mut String, diagram: &Diagram, index: usize, arrow: &Arrow, ray: Ray) {
    let stroke = stroke_class(diagram.kind(arrow).stroke);
    let class = match arrow.end {
        ArrowEnd::Lost => format!("{stroke} quiet"),
        ArrowEnd::InFlight => format!("{stroke} quiet flying"),
        _ if arrow.refused => "no".into(),
        ArrowEnd::Beyond => format!("{stroke}{} beyond", hue(arrow.group)),
        ArrowEnd::Arrived => format!("{stroke}{}", hue(arrow.group)),
    };
    put!(
        out,
        "<g class=\"a {class}\" data-a=\"{index}\"{}{}{}{}{}>",
        attribute("s", arrow.sent),
        attribute("r", arrow.received),
        attribute("f", Some(arrow.from)),
        attribute("t", arrow.to),
        attribute("n", arrow.group)
    );
    let Ray { from, to, is_loop } = ray;
    if is_loop {
        let (bend, low) = (from.x + BEND * 1.3, to.x + 6.0);
        let path = format!(
            "M{:.1} {:.1} C{bend:.1} {:.1} {bend:.1} {:.1} {low:.1} {:.1}",
            from.x, from.y, from.y, to.y, to.y
        );
        put!(out, "<path class=\"ray\" d=\"{path}\"/><path class=\"hit\" d=\"{path}\"/></g>\n");
        return;
    }
    let long = (to.x - from.x).hypot(to.y - from.y).max(1.0);
    let (dx, dy) = ((to.x - from.x) / long, (to.y - from.y) / long);
    let along = |by: f64| Point { x: to.x - dx * by, y: to.y - dy * by };
    let arrives = arrow.received.is_some();
    let neck = along(if arrives { 13.0 } else { 0.0 });
    let line = format!(
        "x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"",
        from.x, from.y, neck.x, neck.y
    );
    put!(out, "<line class=\"ray\" {line}/>");
    if arrives {
        let (tip, base) = (along(6.5), along(15.5));
        put!(
            out,
            "<path class=\"tip\" d=\"M{:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1}Z\"/>",
            tip.x,
            tip.y,
            base.x - dy * 3.8,
            base.y + dx * 3.8,
            base.x + dy * 3.8,
            base.y - dx * 3.8
        );
    } else if arrow.end == ArrowEnd::Lost {
        bar(out, to, (dx, dy));
    }
    if arrow.reports {
        carried(out, along(30.0_f64.min(long / 2.0)));
    }
    put!(out, "<line class=\"hit\" {line}/></g>\n");
}

fn label(out: &mut String, label: &Label) {
    let tone = match label.tone {
        Tone::Message => "word",
        Tone::Reached => "word choice",
        Tone::Outcome => "star choice",
        Tone::Strong => "strong",
    };
    let end = if label.to_left { " end" } else { "" };
    let (x, y, text) = (label.at.x, label.at.y + 4.0, escape(&label.text));
    put!(out, "<text class=\"{tone}{end}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

/// A message in one sentence.
pub(super) fn describe(diagram: &Diagram, arrow: &Arrow) -> String {
    let (from, to) = (diagram.name(Some(arrow.from)), diagram.name(arrow.to));
    let ending = arrow.ending();
    let comma = if ending.is_empty() { "" } else { ", " };
    format!("{from} → {to}: {}{comma}{ending}", arrow.label)
}
