//! The signs on the lines, and the legend that explains them.

use std::fmt::Write as _;
use std::mem::discriminant;

use super::ink::HUES;
use super::layout::{Point, text_width};
use super::model::{Act, Diagram, Fate, Mark, Step};
use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::Number;

pub(super) fn cross(out: &mut String, at: Point, r: f64) {
    let (left, right, top, bottom) = (at.x - r, at.x + r, at.y - r, at.y + r);
    put!(
        out,
        "<path class=\"cross\" d=\"M{left:.1} {top:.1} L{right:.1} {bottom:.1} M{left:.1} \
         {bottom:.1} L{right:.1} {top:.1}\"/>"
    );
}

/// The sign of a step on its line.
pub(super) fn sign(out: &mut String, at: Point, act: &Act, mark: Option<&Mark>) {
    let Point { x, y } = at;
    let diamond = |r: f64| {
        format!(
            "M{x:.1} {:.1} L{:.1} {y:.1} L{x:.1} {:.1} L{:.1} {y:.1}Z",
            y - r,
            x + r,
            y + r,
            x - r
        )
    };
    match (act, mark) {
        (Act::Chose { .. }, _) => star(out, "star", at, 8.5),
        (Act::Ended { .. }, _) => cross(out, at, 5.0),
        (Act::Alarm { .. }, _) => {
            put!(
                out,
                "<path class=\"alarm\" d=\"M{x:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1}Z\"/>",
                y - 7.0,
                x + 7.0,
                y + 5.5,
                x - 7.0,
                y + 5.5
            );
        }
        (Act::Started { .. }, _) => {
            put!(
                out,
                "<path class=\"dot\" d=\"M{x:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1}Z\"/>",
                y - 6.0,
                x + 6.0,
                y + 5.0,
                x - 6.0,
                y + 5.0
            );
        }
        (Act::Noted(_), _) => {
            put!(
                out,
                "<circle class=\"hollow softline\" cx=\"{x:.1}\" cy=\"{y:.1}\" \
             r=\"2.8\"/>"
            );
        }
        (Act::Message, Some(Mark::Promised(_))) => {
            put!(out, "<path class=\"hollow edge\" d=\"{}\"/>", diamond(6.0));
        }
        (Act::Message, Some(Mark::Accepted(..))) => {
            put!(out, "<path class=\"full\" d=\"{}\"/>", diamond(7.0));
        }
        (Act::Message, Some(Mark::Refused(_))) => put!(
            out,
            "<circle class=\"hollow cross\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>\
             <path class=\"cross\" d=\"M{:.1} {:.1} L{:.1} {:.1}\"/>",
            x - 3.4,
            y + 3.4,
            x + 3.4,
            y - 3.4
        ),
        (Act::Message, None) => {
            put!(out, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.4\"/>");
        }
    }
}

pub(super) fn star(out: &mut String, class: &str, at: Point, r: f64) {
    let mut path = String::from("M");
    for corner in 0..10_u8 {
        let angle = f64::from(corner) * std::f64::consts::PI / 5.0;
        let r = if corner % 2 == 0 { r } else { r * 0.44 };
        put!(path, "{:.1} {:.1} ", at.x + r * angle.sin(), at.y - r * angle.cos());
    }
    put!(out, "<path class=\"{class}\" d=\"{}Z\"/>", path.trim_end());
}

/// What the signs mean: only those that are in the picture. Also how high that is.
pub(super) fn legend(diagram: &Diagram, width: f64) -> (String, f64) {
    let mut items = strokes(diagram);
    items.extend(marks(diagram));
    in_lines(&items, width)
}

/// Drawn signs with their words, set in lines; also how high that is.
pub(super) fn in_lines<S: AsRef<str>>(items: &[(String, S)], width: f64) -> (String, f64) {
    let (mut x, mut y, mut out) = (0.0, 14.0, String::new());
    for (drawn, words) in items {
        let words = words.as_ref();
        let wide = 34.0 + text_width(words) + 22.0;
        if x + wide > width {
            (x, y) = (0.0, y + 22.0);
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
type Item = (String, String);

/// Colours and strokes.
fn strokes(diagram: &Diagram) -> Vec<Item> {
    let mut items = Vec::new();
    for (rank, number) in diagram.numbers.iter().enumerate().take(2 * HUES) {
        let drawn = format!(
            "<g class=\"n{}\"><circle class=\"full\" cx=\"12\" cy=\"0\" r=\"5\"/></g>",
            rank % HUES
        );
        items.push((drawn, format!("number {number}")));
    }
    for (kind, words) in [
        (MessageType::Prepare, "prepare"),
        (MessageType::PrepareAck, "prepare_ack"),
        (MessageType::Accept, "accept"),
        (MessageType::AcceptAck, "accept_ack"),
        (MessageType::Chosen, "notice of the choice"),
    ] {
        if diagram.arrows.iter().any(|arrow| arrow.kind == kind) {
            let name = kind.name();
            let drawn =
                format!("<g class=\"{name} quiet\"><line class=\"ray\" x1=\"0\" x2=\"26\"/></g>");
            items.push((drawn, words.into()));
        }
    }
    items
}

/// The signs on the lines.
fn marks(diagram: &Diagram) -> Vec<Item> {
    let zero = Number::whole(0);
    let text = String::new;
    let samples = [
        (Act::Message, Some(Mark::Promised(zero)), "promises"),
        (Act::Message, Some(Mark::Accepted(zero, text())), "accepts"),
        (Act::Message, Some(Mark::Refused(zero)), "refuses"),
        (Act::Chose { number: None, value: text() }, None, "knows the choice"),
        (Act::Started { again: true, text: text() }, None, "starts"),
        (Act::Ended { restarted: true }, None, "lost, or gone"),
        (Act::Alarm { rule: text(), sentence: text() }, None, "a rule is broken"),
    ];
    let lost = diagram.arrows.iter().any(|arrow| arrow.fate == Fate::Lost);
    let mut items = Vec::new();
    for (act, mark, words) in samples {
        let alike = |step: &Step| match (&step.mark, &mark) {
            (Some(is), Some(mark)) => discriminant(is) == discriminant(mark),
            (_, None) => discriminant(&step.act) == discriminant(&act),
            (None, Some(_)) => false,
        };
        let crossed = lost && matches!(act, Act::Ended { .. });
        if crossed || diagram.steps.iter().any(alike) {
            let mut drawn = String::from("<g class=\"n0\">");
            sign(&mut drawn, Point { x: 12.0, y: 0.0 }, &act, mark.as_ref());
            items.push((drawn + "</g>", words.into()));
        }
    }
    items
}
