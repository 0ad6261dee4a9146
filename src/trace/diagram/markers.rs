//! The markers on the lines, and the legend that explains them.

use std::fmt::Write as _;

use super::geometry::{Point, text_width};
use super::model::{Arrow, ArrowEnd, Diagram, Look, Marker, Stroke};
use super::palette::{HUES, stroke_class};

/// Half the height of a box.
const HALF: f64 = 10.5;

/// Strokes from point to point.
pub(super) fn strokes(out: &mut String, class: &str, ways: &[[f64; 4]]) {
    let path = |[x, y, to_x, to_y]: &[f64; 4]| format!("M{x:.1} {y:.1} L{to_x:.1} {to_y:.1}");
    let path: Vec<String> = ways.iter().map(path).collect();
    put!(out, "<path class=\"{class}\" d=\"{}\"/>", path.join(" "));
}

fn polygon(out: &mut String, class: &str, points: &[(f64, f64)]) {
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    put!(out, "<path class=\"{class}\" d=\"M{}Z\"/>", path.join(" L"));
}

fn circle(out: &mut String, class: &str, at: Point, r: f64, dashes: &str) {
    let Point { x, y } = at;
    put!(out, "<circle class=\"{class}\"{dashes} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\"/>");
}

fn star(out: &mut String, class: &str, at: Point, r: f64) {
    let corner = |corner: u8| {
        let angle = f64::from(corner) * std::f64::consts::PI / 5.0;
        let r = if corner.is_multiple_of(2) { r } else { r * 0.44 };
        (at.x + r * angle.sin(), at.y - r * angle.cos())
    };
    let corners: Vec<(f64, f64)> = (0..10).map(corner).collect();
    polygon(out, class, &corners);
}

fn frame(out: &mut String, class: &str, at: Point, wide: f64, dashes: &str) {
    let (left, top, high) = (at.x - wide / 2.0, at.y - HALF, 2.0 * HALF);
    put!(
        out,
        "<rect class=\"{class}\"{dashes} x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" \
         height=\"{high:.1}\" rx=\"5\"/>"
    );
}

/// A marker on its line; the tag is escaped already.
pub(super) fn marker(out: &mut String, at: Point, marker: Marker, tag: &str) {
    let Point { x, y } = at;
    let diamond = |r: f64| [(x, y - r), (x + r, y), (x, y + r), (x - r, y)];
    match marker {
        Marker::Dot => circle(out, "dot", at, 3.4, ""),
        Marker::Note => circle(out, "hollow softline", at, 2.8, ""),
        Marker::Target => circle(out, "hollow cross", at, 7.5, " stroke-dasharray=\"2 2.4\""),
        Marker::Star => star(out, "star", at, 8.5),
        Marker::Lost => {
            let (left, right, top, bottom) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
            strokes(out, "cross", &[[left, top, right, bottom], [left, bottom, right, top]]);
        }
        Marker::End => strokes(out, "cross", &[[x - 8.0, y, x + 8.0, y]]),
        Marker::Start => {
            polygon(out, "dot", &[(x, y - 6.0), (x + 6.0, y + 5.0), (x - 6.0, y + 5.0)]);
        }
        Marker::Hollow => polygon(out, "hollow edge", &diamond(6.0)),
        Marker::Full => polygon(out, "full", &diamond(7.0)),
        Marker::Barred => {
            circle(out, "hollow cross", at, 5.5, "");
            strokes(out, "cross", &[[x - 3.8, y + 3.8, x + 3.8, y - 3.8]]);
        }
        Marker::Absent => {
            let dashes = " stroke-dasharray=\"3 3\"";
            frame(out, "hollow softline", at, box_width(tag), dashes);
        }
        Marker::Box | Marker::LeadBox => {
            frame(out, "full", at, box_width(tag), "");
            let middle = if marker == Marker::LeadBox { x - 7.0 } else { x };
            let y_text = y + 4.0;
            put!(
                out,
                "<text class=\"ground choice mid\" x=\"{middle:.1}\" y=\"{y_text:.1}\">{tag}</text>"
            );
            if marker == Marker::LeadBox {
                let beside = middle + text_width(tag) / 2.0 + 9.5;
                star(out, "ground", Point { x: beside, y }, 6.5);
            }
        }
    }
}

fn box_width(tag: &str) -> f64 {
    (text_width(tag) + 38.0).max(44.0)
}

/// What the strokes and markers mean: only those that are in the picture. Also how high that is.
pub(super) fn legend(diagram: &Diagram, width: f64) -> (String, f64) {
    let mut items = kinds(diagram);
    items.extend(marks(diagram));
    items.extend(diagram.used_looks().map(|(look, words)| {
        let mut drawn = String::from("<g transform=\"rotate(-90) translate(0 14)\">");
        line(&mut drawn, look, 0.0, (-12.0, 12.0));
        (drawn + "</g>", words.to_owned())
    }));
    let (mut x, mut y, mut out) = (0.0, 14.0, String::new());
    for (drawn, words) in &items {
        // A box is wider than other signs.
        let sign = if drawn.contains("<rect") { 50.0 } else { 34.0 };
        let wide = sign + text_width(words) + 22.0;
        if x + wide > width {
            (x, y) = (0.0, y + 25.0);
        }
        put!(
            out,
            "<g transform=\"translate({x:.1} {y:.1})\">{drawn}\
             <text class=\"soft\" x=\"{sign}\" y=\"4\">{words}</text></g>\n"
        );
        x += wide;
    }
    (out, y + 20.0)
}

/// A sign, and what it means.
type Meaning = (String, String);

/// Colours and strokes.
fn kinds(diagram: &Diagram) -> Vec<Meaning> {
    let mut items = Vec::new();
    let groups = diagram.groups.names.iter().enumerate().take(2 * HUES);
    // Where boxes have the colours, they also have the names.
    for (rank, name) in groups.filter(|_| diagram.bands.is_empty()) {
        let drawn = format!(
            "<g class=\"n{}\"><circle class=\"full\" cx=\"12\" cy=\"0\" r=\"5\"/></g>",
            rank % HUES
        );
        items.push((drawn, format!("{} {}", diagram.groups.noun, escape(name))));
    }
    for kind in diagram.used_kinds() {
        let class = stroke_class(kind.stroke);
        // A stroke that has its own colour in the picture has none here.
        let quiet = if kind.stroke == Stroke::Dotted { "" } else { " quiet" };
        let drawn =
            format!("<g class=\"{class}{quiet}\"><line class=\"ray\" x1=\"0\" x2=\"26\"/></g>");
        items.push((drawn, kind.name.into()));
    }
    items
}

/// The end of a way in this direction that was not gone to its end: a bar.
pub(super) fn bar(out: &mut String, at: Point, (dx, dy): (f64, f64)) {
    let (x, y) = (dy * 6.0, dx * 6.0);
    strokes(out, "bar", &[[at.x - x, at.y + y, at.x + x, at.y - y]]);
}

/// What an answer reports, on its way.
pub(super) fn carried(out: &mut String, at: Point) {
    let Point { x, y } = at;
    polygon(out, "full", &[(x, y - 5.0), (x + 5.0, y), (x, y + 5.0), (x - 5.0, y)]);
}

/// A finding's number.
pub(super) fn badge(out: &mut String, at: Point, number: usize) {
    circle(out, "alarm", at, 6.5, "");
    let (x, y) = (at.x, at.y + 3.8);
    put!(out, "<text class=\"ground choice mid\" x=\"{x:.1}\" y=\"{y:.1}\">{number}</text>");
}

/// Round a step with which something is complete.
pub(super) fn ring(out: &mut String, at: Point) {
    circle(out, "ring", at, 10.5, "");
}

/// The markers on the lines, and those of arrows.
fn marks(diagram: &Diagram) -> Vec<Meaning> {
    let mut items = Vec::new();
    let sign = |x: f64, draw: &dyn Fn(&mut String, Point)| {
        let mut drawn = String::from("<g class=\"n0\">");
        draw(&mut drawn, Point { x, y: 0.0 });
        drawn + "</g>"
    };
    for (marker, tag, words) in diagram.used() {
        let is_box = matches!(marker, Marker::Box | Marker::LeadBox | Marker::Absent);
        let x = if is_box { 22.0 } else { 12.0 };
        items.push((sign(x, &|out, at| self::marker(out, at, marker, tag)), words.to_owned()));
    }
    if diagram.steps.iter().any(|step| step.reached.is_some()) {
        items.push((sign(12.0, &ring), diagram.reached_legend.into()));
    }
    let mut arrow = |is: fn(&Arrow) -> bool, class: &str, end: fn(&mut String), words: &str| {
        if diagram.arrows.iter().any(is) {
            let ray = "<line class=\"ray\" x1=\"0\" x2=\"24\"/>";
            let mut drawn = format!("<g class=\"{class}\">{ray}");
            end(&mut drawn);
            items.push((drawn + "</g>", words.into()));
        }
    };
    let report = |out: &mut String| carried(out, Point { x: 12.0, y: 0.0 });
    arrow(|arrow| arrow.reports, "n0 thin-broken", report, diagram.reports_legend);
    arrow(|arrow| arrow.refused, "no", |_| (), "refusal");
    let stop = |out: &mut String| bar(out, Point { x: 24.0, y: 0.0 }, (1.0, 0.0));
    arrow(|arrow| arrow.end == ArrowEnd::Lost, "thin quiet", stop, "never received");
    let in_flight = |arrow: &Arrow| arrow.end == ArrowEnd::InFlight;
    arrow(in_flight, "thin quiet flying", |_| (), "under way at the end");
    for (is_suspicion, class, words) in
        [(false, "", "a rule is broken"), (true, "doubt", "a rule may be broken")]
    {
        if diagram.findings.iter().any(|finding| finding.is_suspicion == is_suspicion) {
            let drawn = sign(12.0, &|out, at| badge(out, at, 1));
            items.push((format!("<g class=\"{class}\">{drawn}</g>"), words.into()));
        }
    }
    items
}

/// A part of a lifeline.
pub(super) fn line(out: &mut String, look: Look, x: f64, (from, to): (f64, f64)) {
    let at = format!("x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"");
    let gone = if look == Look::Gone { " gone" } else { "" };
    put!(out, "<line class=\"life{gone}\" {at}/>");
    let (group, wide) = match look {
        Look::Gone | Look::Alive => return,
        Look::Light(group) => (group, 3.5),
        Look::Full(group) => (group, 8.0),
    };
    let hue = group % HUES;
    put!(out, "<g class=\"n{hue}\"><line class=\"held\" stroke-width=\"{wide}\" {at}/></g>");
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
