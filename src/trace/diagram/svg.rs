//! The picture as SVG: standalone for a report, and in parts for the page.

use std::fmt::Write as _;

use super::canvas::wrap;
use super::labels::{stamp_unit, stamps};
use super::layout::{BOLD, GUTTER, LINE, Label, Layout, Point, Tone, clip, columns_of, text_width};
use super::markers::{cross, legend, marker};
use super::model::{Arrow, ArrowEnd, Band, Diagram, Look, Shape, Step};
use super::palette::{self, HUES, stroke_class};

/// The height of the lifelines' heads.
pub(super) const HEAD: f64 = 66.0;
/// The edge round a standalone picture.
const EDGE: f64 = 20.0;
/// The least width of a title and a legend.
pub(super) const LEAST: f64 = 620.0;

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
    let (legend, legend_height) = legend(diagram, width);
    let parts = [
        (18.0, heads(diagram, &layout)),
        (HEAD, body(diagram, &layout, true)),
        (layout.height + 14.0, legend),
    ];
    for (below, part) in parts {
        top += below;
        put!(drawn, "<g transform=\"translate(0 {top:.1})\">\n{part}</g>\n");
    }
    let height = top + legend_height + EDGE;
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

/// The boxes with names and roles.
pub(super) fn heads(diagram: &Diagram, layout: &Layout) -> String {
    let mut out = format!(
        "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
        GUTTER - 14.0,
        HEAD - 12.0,
        stamp_unit(diagram)
    );
    let wide = layout.column - 10.0;
    for (line, x) in diagram.lifelines.iter().zip(&layout.x) {
        let mut rows = vec![("name mid", line.name.as_str()), ("soft mid", line.roles.as_str())];
        rows.extend(line.host.iter().map(|host| ("soft mid", host.as_str())));
        rows.retain(|row| !row.1.is_empty());
        // A name alone needs less of a box.
        let spare = if rows.len() == 1 { 8.0 } else { 0.0 };
        put!(
            out,
            "<rect class=\"head\" x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" \
             height=\"{:.1}\" rx=\"6\"/>\n",
            x - wide / 2.0,
            0.5 + spare,
            HEAD - 6.0 - 2.0 * spare
        );
        let mut y = (HEAD - 6.0) / 2.0 + 13.0;
        y -= rows.iter().map(|_| 8.5).sum::<f64>();
        for (class, text) in &rows {
            let text = escape(&clip(text, wide - 8.0));
            put!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
            y += 17.0;
        }
    }
    out
}

/// Lines, bands, arrows, markers and labels; with `titles`, what one sees when the pointer rests on
/// them.
pub(super) fn body(diagram: &Diagram, layout: &Layout, titles: bool) -> String {
    let mut out = String::new();
    for (y, long) in &layout.pauses {
        put!(
            out,
            "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">⋮ {long}</text>\n\
             <line class=\"softline\" stroke-opacity=\".4\" stroke-dasharray=\"2 6\" \
             x1=\"{GUTTER:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
            GUTTER - 14.0,
            y + 4.0,
            layout.width
        );
    }
    lifelines(&mut out, diagram, layout);
    let mut before = String::new();
    for ((first, row), stamp) in diagram.rows().zip(stamps(diagram)) {
        let y = layout.point(first, 0).y;
        // The same time is not said twice.
        if stamp != before {
            let x = GUTTER - 14.0;
            put!(
                out,
                "<text class=\"soft time\" x=\"{x:.1}\" y=\"{:.1}\">{stamp}</text>\n",
                y + 4.0
            );
        }
        before = stamp;
        let band = row.first().and_then(|step| diagram.bands.get(step.band?));
        if let Some(band) = band {
            self::band(&mut out, layout, band, y);
        }
    }
    for index in 0..diagram.arrows.len() {
        arrow(&mut out, diagram, layout, index, titles);
    }
    for (index, step) in diagram.steps.iter().enumerate() {
        self::step(&mut out, layout, index, step, titles);
    }
    out
}

fn hue(group: Option<usize>) -> String {
    group.map_or_else(String::new, |group| format!(" n{}", group % HUES))
}

fn attribute(name: &str, value: Option<usize>) -> String {
    value.map_or_else(String::new, |value| format!(" data-{name}=\"{value}\""))
}

fn step(out: &mut String, layout: &Layout, index: usize, step: &Step, titles: bool) {
    put!(
        out,
        "<g class=\"s{}\" data-s=\"{index}\" data-p=\"{}\"{}>",
        hue(step.group),
        step.lifeline,
        attribute("n", step.group)
    );
    if titles && !step.lines.is_empty() {
        put!(out, "<title>{}</title>", escape(&step.lines.join("\n")));
    }
    marker(out, layout.point(index, step.lifeline), step.marker, &escape(&step.tag));
    for text in layout.labels.get(index).into_iter().flatten() {
        label(out, text);
    }
    out.push_str("</g>\n");
}

/// The peers' lines: dotted while a peer is gone, with a bar where it holds something.
fn lifelines(out: &mut String, diagram: &Diagram, layout: &Layout) {
    for (lifeline, (line, x)) in diagram.lifelines.iter().zip(&layout.x).enumerate() {
        let (mut from, mut look) = (0.0, Look::Alive);
        let places = line.looks.iter().map(|(step, next)| {
            // What holds at the first step may have begun before.
            let y = if *step == 0 && *next == Look::Gone {
                0.0
            } else {
                layout.point(*step, lifeline).y
            };
            (y, *next)
        });
        let end = std::iter::once((layout.height, Look::Alive));
        for (to, next) in places.chain(end) {
            if to > from {
                self::line(out, look, *x, (from, to));
            }
            (from, look) = (to, next);
        }
    }
}

/// A part of a lifeline.
pub(super) fn line(out: &mut String, look: Look, x: f64, (from, to): (f64, f64)) {
    let at = format!("x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"");
    let gone = if look == Look::Gone { " gone" } else { "" };
    put!(out, "<line class=\"life{gone}\" {at}/>\n");
    let (group, wide) = match look {
        Look::Gone | Look::Alive => return,
        Look::Light(group) => (group, 3.5),
        Look::Full(group) => (group, 8.0),
    };
    let hue = group % HUES;
    put!(out, "<g class=\"n{hue}\"><line class=\"held\" stroke-width=\"{wide}\" {at}/></g>\n");
}

/// What lies below the markers of a row, and what it says.
fn band(out: &mut String, layout: &Layout, band: &Band, y: f64) {
    let x = |lifeline: Option<&usize>| lifeline.map_or(0.0, |line| layout.point(0, *line).x);
    let (left, right) = (x(band.reach.first()), x(band.reach.last()));
    let hue = hue(band.group);
    match band.shape {
        Shape::Area => {
            let half = (layout.column / 2.0 - 4.0).min(48.0);
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
    let tone = if band.is_alarm { "alarm" } else { "soft" };
    let text = clip(&band.text, GUTTER + layout.caption - start - 8.0);
    put!(
        out,
        "<text class=\"{tone}\" x=\"{start:.1}\" y=\"{y:.1}\">{}<title>{}</title></text>\n",
        escape(&text),
        escape(&band.text)
    );
}

fn arrow(out: &mut String, diagram: &Diagram, layout: &Layout, index: usize, titles: bool) {
    let (Some(arrow), Some((start, end))) =
        (diagram.arrows.get(index), layout.ends(diagram, index))
    else {
        return;
    };
    let stroke = stroke_class(diagram.kind(arrow).stroke);
    let mut class = format!("a {stroke}{}", hue(arrow.group));
    for (is, name) in [(arrow.refused, " bad"), (arrow.end == ArrowEnd::Beyond, " beyond")] {
        class.push_str(if is { name } else { "" });
    }
    put!(
        out,
        "<g class=\"{class}\" data-a=\"{index}\"{}{}{}{}{}>",
        attribute("s", arrow.sent),
        attribute("r", arrow.received),
        attribute("f", Some(arrow.from)),
        attribute("t", arrow.to),
        attribute("n", arrow.group)
    );
    if titles {
        put!(out, "<title>{}</title>", escape(&describe(diagram, arrow)));
    }
    if arrow.to == Some(arrow.from) {
        let (x, bend) = (start.x, start.x + 30.0);
        let path = format!(
            "M{x:.1} {:.1} C{bend:.1} {:.1} {bend:.1} {:.1} {:.1} {:.1}",
            start.y,
            start.y,
            end.y,
            x + 6.0,
            end.y
        );
        put!(out, "<path class=\"ray\" d=\"{path}\"/><path class=\"hit\" d=\"{path}\"/></g>\n");
        return;
    }
    let long = (end.x - start.x).hypot(end.y - start.y).max(1.0);
    let (dx, dy) = ((end.x - start.x) / long, (end.y - start.y) / long);
    let along = |by: f64| Point { x: end.x - dx * by, y: end.y - dy * by };
    let arrives = arrow.received.is_some();
    let tip = along(if arrives { 6.5 } else { 0.0 });
    let neck = along(if arrives { 13.0 } else { 0.0 });
    let line = format!(
        "x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"",
        start.x, start.y, neck.x, neck.y
    );
    put!(out, "<line class=\"ray\" {line}/>");
    if arrives {
        let base = along(15.5);
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
        cross(out, end, 5.0);
    }
    put!(out, "<line class=\"hit\" {line}/></g>\n");
}

fn label(out: &mut String, label: &Label) {
    let tone = match label.tone {
        Tone::Message => "word",
        Tone::Outcome => "star choice",
        Tone::Note => "note",
        Tone::Alarm | Tone::Refusal => "alarm",
    };
    let end = if label.to_left { " end" } else { "" };
    let Point { x, mut y } = label.at;
    for line in &label.lines {
        // Lines that cross the label stop at its edge.
        let wide = label.tone.width(line) + 4.0;
        let left = if label.to_left { x - wide + 2.0 } else { x - 2.0 };
        put!(
            out,
            "<rect class=\"ground veil\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" \
             height=\"14\" rx=\"3\"/>\
             <text class=\"{tone}{end}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            y - 11.0,
            escape(line)
        );
        y += LINE;
    }
}

/// A message in one sentence.
pub(super) fn describe(diagram: &Diagram, arrow: &Arrow) -> String {
    let (from, to) = (diagram.name(Some(arrow.from)), diagram.name(arrow.to));
    let ending = arrow.ending();
    let comma = if ending.is_empty() { "" } else { ", " };
    format!("{from} → {to}: {}{comma}{ending}", arrow.label)
}

/// Text in SVG and HTML, in content and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A newline may stand in a tooltip; other control characters may not stand in XML.
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
