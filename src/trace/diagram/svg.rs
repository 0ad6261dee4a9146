//! The picture as SVG: standalone for a report, and in parts for the page.

use std::fmt::Write as _;

use super::ink::{self, HUES};
use super::layout::{GUTTER, Label, Layout, Point, Tone};
use super::model::{Act, Arrow, Diagram, Fate, Mark, Mood, Step};
use super::signs::{cross, legend, sign};
use super::words;
use crate::paxos::event::MessageType;

/// The height of the lifelines' heads.
pub(super) const HEAD: f64 = 66.0;
/// The edge round a standalone picture.
const EDGE: f64 = 20.0;

/// A whole file.
pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = Layout::of(diagram);
    let width = layout.width.max(620.0);
    let remarks: Vec<&str> =
        std::iter::once(&diagram.summary).chain(&diagram.remarks).map(String::as_str).collect();
    sheet(
        std::slice::from_ref(&diagram.title),
        diagram.mood == Mood::Bad,
        &remarks,
        width,
        |out, top| {
            put!(out, "<g transform=\"translate(0 {top})\">\n{}</g>\n", heads(diagram, &layout));
            let top = top + HEAD;
            put!(
                out,
                "<g transform=\"translate(0 {top:.1})\">\n{}</g>\n",
                body(diagram, &layout, true)
            );
            let top = top + layout.height + 14.0;
            let (legend, height) = legend(diagram, width);
            put!(out, "<g transform=\"translate(0 {top:.1})\">\n{legend}</g>\n");
            top + height
        },
    )
}

/// A file with a title, in lines, and remarks; `draw` adds what stands below this height, and says
/// how high it has become.
pub(super) fn sheet(
    title: &[String],
    bad: bool,
    remarks: &[&str],
    width: f64,
    draw: impl FnOnce(&mut String, f64) -> f64,
) -> String {
    let full = width + 2.0 * EDGE;
    let mut top = EDGE + 20.0;
    let mut drawn = String::new();
    let bad = if bad { " alarm" } else { "" };
    for (place, line) in title.iter().enumerate() {
        top += if place > 0 { 24.0 } else { 0.0 };
        let line = escape(line);
        put!(drawn, "<text class=\"title{bad}\" x=\"0\" y=\"{top}\">{line}</text>\n");
    }
    for line in remarks {
        for part in super::canvas::wrap(line, remark_columns(full)) {
            top += 17.0;
            put!(drawn, "<text class=\"soft\" x=\"0\" y=\"{top}\">{}</text>\n", escape(&part));
        }
    }
    let height = draw(&mut drawn, top + 18.0) + EDGE;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {full:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n\
         <style>\n{}</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n\
         <g transform=\"translate({EDGE} 0)\">\n{drawn}</g>\n</svg>\n",
        escape(&title.join(" ")),
        ink::style()
    )
}

/// How many characters of 11 pixels a line of that width takes.
pub(super) fn remark_columns(width: f64) -> usize {
    // Positive and small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let columns = ((width - 2.0 * EDGE) / 6.2) as usize;
    columns.max(40)
}

/// The boxes with names and roles.
pub(super) fn heads(diagram: &Diagram, layout: &Layout) -> String {
    let mut out = String::new();
    let unit = if diagram.timed { words::Unit::of(diagram).name() } else { "step" };
    put!(
        out,
        "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">{unit}</text>\n",
        GUTTER - 14.0,
        HEAD - 12.0
    );
    let wide = layout.column - 12.0;
    for (line, x) in diagram.lifelines.iter().zip(&layout.x) {
        let left = x - wide / 2.0;
        put!(
            out,
            "<rect class=\"head\" x=\"{left:.1}\" y=\"0.5\" width=\"{wide:.1}\" \
             height=\"{:.1}\" rx=\"6\"/>\n",
            HEAD - 6.0
        );
        let mut rows = vec![("name mid", line.name.clone()), ("soft mid", line.roles.clone())];
        rows.extend(line.host.iter().map(|host| ("soft mid", host.clone())));
        rows.retain(|row| !row.1.is_empty());
        let mut y = (HEAD - 6.0) / 2.0 + 13.0;
        y -= rows.iter().map(|_| 8.5).sum::<f64>();
        for (class, text) in &rows {
            let text = super::layout::clip(text, wide - 8.0);
            put!(
                out,
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
                escape(&text)
            );
            y += 17.0;
        }
    }
    out
}

/// Lines, arrows, marks and labels; with `titles`, what one sees when the pointer rests on them.
pub(super) fn body(diagram: &Diagram, layout: &Layout, titles: bool) -> String {
    let mut out = String::new();
    lifelines(&mut out, diagram, layout);
    for (y, long) in &layout.pauses {
        put!(
            out,
            "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">⋮ {long}</text>\n",
            GUTTER - 14.0,
            y + 4.0
        );
        put!(
            out,
            "<line class=\"softline\" stroke-opacity=\".4\" stroke-dasharray=\"2 6\" \
             x1=\"{GUTTER:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
            layout.width
        );
    }
    for index in 0..diagram.arrows.len() {
        arrow(&mut out, diagram, layout, index, titles);
    }
    for (index, step) in diagram.steps.iter().enumerate() {
        put!(
            out,
            "<g class=\"s{}\" data-s=\"{index}\" data-p=\"{}\">",
            hue(diagram, diagram.about(step)),
            step.lifeline
        );
        if titles && !step.lines.is_empty() {
            put!(out, "<title>{}</title>", escape(&step.lines.join("\n")));
        }
        sign(&mut out, layout.point(index, step.lifeline), &step.act, step.mark.as_ref());
        stamp(&mut out, diagram, layout, index);
        for text in layout.labels.get(index).into_iter().flatten() {
            label(&mut out, text);
        }
        out.push_str("</g>\n");
    }
    out
}

fn hue(diagram: &Diagram, number: Option<crate::paxos::judge::dialect::Number>) -> String {
    diagram.rank(number).map_or_else(String::new, |rank| format!(" n{}", rank % HUES))
}

fn stamp(out: &mut String, diagram: &Diagram, layout: &Layout, index: usize) {
    let Some(step) = diagram.steps.get(index) else { return };
    let unit = words::Unit::of(diagram);
    let of = |step: &Step| step.time_us.map(|us| words::stamp(unit, us));
    let text = of(step).unwrap_or_else(|| (index + 1).to_string());
    // The same time is not said twice.
    let before = index.checked_sub(1).and_then(|before| diagram.steps.get(before));
    if diagram.timed && before.and_then(of).is_some_and(|before| before == text) {
        return;
    }
    let y = layout.point(index, 0).y + 4.0;
    put!(out, "<text class=\"soft time\" x=\"{:.1}\" y=\"{y:.1}\">{text}</text>", GUTTER - 14.0);
}

/// The peers' lines: dotted while a peer is gone, heavy where an acceptor has promised (light)
/// and accepted (full).
fn lifelines(out: &mut String, diagram: &Diagram, layout: &Layout) {
    for (lifeline, x) in layout.x.iter().enumerate() {
        let (mut from, mut gone) = (0.0, false);
        let mut held: Option<(f64, f64, String)> = None;
        let steps = diagram.steps.iter().enumerate().filter(|(_, step)| step.lifeline == lifeline);
        let mut line = |from: f64, to: f64, gone: bool| {
            let class = if gone { "life gone" } else { "life" };
            put!(
                out,
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" \
                 y2=\"{to:.1}\"/>\n"
            );
        };
        let mut bars = Vec::new();
        for (index, step) in steps {
            let y = layout.point(index, lifeline).y;
            let new = match &step.mark {
                Some(Mark::Promised(number)) => Some((y, 3.5, hue(diagram, Some(*number)))),
                Some(Mark::Accepted(number, _)) => Some((y, 8.0, hue(diagram, Some(*number)))),
                _ => None,
            };
            if matches!(step.act, Act::Ended { .. } | Act::Started { .. }) {
                line(from, y, gone);
                (from, gone) = (y, matches!(step.act, Act::Ended { .. }));
                bars.extend(held.take().map(|held| (held, y)));
            }
            if new.is_some() {
                bars.extend(held.take().map(|held| (held, y)));
                held = new;
            }
        }
        line(from, layout.height, gone);
        bars.extend(held.map(|held| (held, layout.height)));
        for ((from, wide, hue), to) in bars {
            put!(
                out,
                "<g class=\"{}\"><line class=\"held\" stroke-width=\"{wide}\" x1=\"{x:.1}\" \
                 x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"/></g>\n",
                hue.trim_start()
            );
        }
    }
}

fn arrow(out: &mut String, diagram: &Diagram, layout: &Layout, index: usize, titles: bool) {
    let (Some(arrow), Some((start, end))) =
        (diagram.arrows.get(index), layout.ends(diagram, index))
    else {
        return;
    };
    let kind = arrow.kind.name();
    let mut class = format!("a {kind}{}", hue(diagram, arrow.about()));
    for (is, name) in [
        (arrow.refused, " bad"),
        (arrow.kind == MessageType::Chosen, " quiet"),
        (arrow.fate == Fate::Beyond, " beyond"),
    ] {
        class.push_str(if is { name } else { "" });
    }
    let attribute = |name: &str, value: Option<usize>| {
        value.map_or_else(String::new, |value| format!(" data-{name}=\"{value}\""))
    };
    put!(
        out,
        "<g class=\"{class}\" data-a=\"{index}\"{}{}{}{}{}>",
        attribute("s", arrow.sent),
        attribute("r", arrow.received),
        attribute("f", Some(arrow.from)),
        attribute("t", arrow.to),
        attribute("n", diagram.rank(arrow.about()))
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
    } else if arrow.fate == Fate::Lost {
        cross(out, end, 5.0);
    }
    put!(out, "<line class=\"hit\" {line}/></g>\n");
}

fn label(out: &mut String, label: &Label) {
    let tone = match label.tone {
        Tone::Message => "word",
        Tone::Choice => "star choice",
        Tone::Note => "note",
        Tone::Alarm | Tone::Refusal => "alarm",
    };
    let end = if label.to_left { " end" } else { "" };
    let text = escape(&label.text);
    let at = format!("x=\"{:.1}\" y=\"{:.1}\"", label.at.x, label.at.y);
    // Lines that cross the label stop at its edge.
    let wide = label.tone.width(&label.text) + 4.0;
    let left = if label.to_left { label.at.x - wide + 2.0 } else { label.at.x - 2.0 };
    put!(
        out,
        "<rect class=\"ground veil\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" \
         height=\"14\" rx=\"3\"/>\
         <text class=\"{tone}{end}\" {at}>{text}</text>",
        label.at.y - 11.0
    );
}

/// A message in one sentence.
pub(super) fn describe(diagram: &Diagram, arrow: &Arrow) -> String {
    let name = |line: Option<usize>| {
        line.and_then(|line| diagram.lifelines.get(line)).map_or("?", |line| line.name.as_str())
    };
    let fate = words::fate(arrow).map_or_else(String::new, |fate| format!(", {fate}"));
    format!("{} → {}: {}{fate}", name(Some(arrow.from)), name(arrow.to), words::label(arrow))
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
