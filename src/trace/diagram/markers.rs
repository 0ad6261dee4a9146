//! The markers on the lines, and the legend that explains them.

use std::fmt::Write as _;

use super::layout::{Point, text_width};
use super::model::{ArrowEnd, Diagram, Stroke};
use super::palette::{HUES, stroke_class};

/// What stands on a line. The shapes are the writers'; what they mean, a protocol says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// Messages come or go.
    #[default]
    Dot,
    /// A state is changed a little: a hollow diamond.
    Hollow,
    /// A state is changed for good: a full diamond.
    Full,
    /// Something is refused or given up: a barred circle.
    Barred,
    /// The outcome is known here.
    Star,
    /// The peer is gone: a cross.
    Lost,
    /// The peer begins: a triangle.
    Start,
    /// It says something: a small circle.
    Note,
    /// A rule is broken: a triangle in red.
    Alarm,
    /// Its tag in a box.
    Box,
    /// The same with a star.
    LeadBox,
    /// No line says what is expected here: a dotted box.
    Absent,
    /// What others do is about this peer: a dotted circle.
    Target,
}

impl Marker {
    /// The marker in a terminal; a box has none, only its tag.
    pub(super) const fn glyph(self) -> Option<char> {
        Some(match self {
            Self::Dot => '●',
            Self::Hollow => '◇',
            Self::Full => '◆',
            Self::Barred => '⊘',
            Self::Star => '★',
            Self::Lost | Self::Alarm => '✖',
            Self::Start => '▲',
            Self::Note => '·',
            Self::Absent => '○',
            Self::Box | Self::LeadBox | Self::Target => return None,
        })
    }

    /// True of what goes wrong.
    pub(super) const fn is_alarm(self) -> bool {
        matches!(self, Self::Barred | Self::Lost | Self::Alarm)
    }

    /// The marker and its tag in a terminal.
    pub(super) fn text(self, tag: &str) -> String {
        let star = if self == Self::LeadBox { "★" } else { "" };
        self.glyph().into_iter().collect::<String>() + tag + star
    }
}

/// Half the height of a box.
const HALF: f64 = 10.5;

pub(super) fn cross(out: &mut String, at: Point, r: f64) {
    let (left, right, top, bottom) = (at.x - r, at.x + r, at.y - r, at.y + r);
    put!(
        out,
        "<path class=\"cross\" d=\"M{left:.1} {top:.1} L{right:.1} {bottom:.1} M{left:.1} \
         {bottom:.1} L{right:.1} {top:.1}\"/>"
    );
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
    let triangle = |r: f64, low: f64| [(x, y - r), (x + r, y + low), (x - r, y + low)];
    match marker {
        Marker::Dot => circle(out, "dot", at, 3.4, ""),
        Marker::Note => circle(out, "hollow softline", at, 2.8, ""),
        Marker::Target => circle(out, "hollow cross", at, 7.5, " stroke-dasharray=\"2 2.4\""),
        Marker::Star => star(out, "star", at, 8.5),
        Marker::Lost => cross(out, at, 5.0),
        Marker::Alarm => polygon(out, "alarm", &triangle(7.0, 5.5)),
        Marker::Start => polygon(out, "dot", &triangle(6.0, 5.0)),
        Marker::Hollow => polygon(out, "hollow edge", &diamond(6.0)),
        Marker::Full => polygon(out, "full", &diamond(7.0)),
        Marker::Barred => {
            circle(out, "hollow cross", at, 5.5, "");
            put!(
                out,
                "<path class=\"cross\" d=\"M{:.1} {:.1} L{:.1} {:.1}\"/>",
                x - 3.8,
                y + 3.8,
                x + 3.8,
                y - 3.8
            );
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
    let mut items = strokes(diagram);
    items.extend(marks(diagram));
    items.extend(diagram.used_looks().map(|(look, words)| {
        let mut drawn = String::from("<g transform=\"rotate(-90) translate(0 14)\">");
        super::svg::line(&mut drawn, look, 0.0, (-12.0, 12.0));
        (drawn + "</g>", words.to_owned())
    }));
    let (mut x, mut y, mut out) = (0.0, 14.0, String::new());
    for (drawn, words) in &items {
        let wide = 34.0 + text_width(words) + 22.0;
        if x + wide > width {
            (x, y) = (0.0, y + 25.0);
        }
        put!(
            out,
            "<g transform=\"translate({x:.1} {y:.1})\">{drawn}\
             <text class=\"soft\" x=\"34\" y=\"4\">{words}</text></g>\n"
        );
        x += wide;
    }
    (out, y + 20.0)
}

/// A sign, and what it means.
type Meaning = (String, String);

/// Colours and strokes.
fn strokes(diagram: &Diagram) -> Vec<Meaning> {
    let mut items = Vec::new();
    let groups = diagram.groups.names.iter().enumerate().take(2 * HUES);
    // Where boxes have the colours, they also have the names.
    for (rank, name) in groups.filter(|_| diagram.bands.is_empty()) {
        let drawn = format!(
            "<g class=\"n{}\"><circle class=\"full\" cx=\"12\" cy=\"0\" r=\"5\"/></g>",
            rank % HUES
        );
        items.push((drawn, format!("{} {}", diagram.groups.noun, super::svg::escape(name))));
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

/// The markers on the lines.
fn marks(diagram: &Diagram) -> Vec<Meaning> {
    let mut items = Vec::new();
    let mut lost = diagram.arrows.iter().any(|arrow| arrow.end == ArrowEnd::Lost);
    let mut push = |sign: Marker, tag: &str, words: String| {
        let mut drawn = String::from("<g class=\"n0\">");
        marker(&mut drawn, Point { x: 12.0, y: 0.0 }, sign, tag);
        items.push((drawn + "</g>", words));
    };
    for (sign, tag, words) in diagram.used() {
        let also = sign == Marker::Lost && std::mem::take(&mut lost);
        let words = if also { format!("never received, or {words}") } else { words.to_owned() };
        push(sign, tag, words);
    }
    if lost {
        push(Marker::Lost, "", "never received".into());
    }
    items
}
