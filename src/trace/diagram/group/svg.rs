//! The picture as SVG: standalone for a report, and in parts for the page.

use std::fmt::Write as _;

use super::super::canvas::wrap;
use super::super::layout::{GUTTER, Point, clip, text_width};
use super::super::model::{Act, Mood};
use super::super::signs::{cross, in_lines, sign, star};
use super::super::svg::{HEAD, escape, remark_columns, sheet};
use super::super::words;
use super::model::{Mark, Picture, Row, State, What};
use super::place::{LINE, Places};

/// Half the height of a box.
const HALF: f64 = 10.5;

/// A whole file.
pub(super) fn draw(picture: &Picture) -> String {
    let places = Places::of(picture);
    let width = places.width.max(620.0);
    let remarks: Vec<&str> =
        std::iter::once(&picture.summary).chain(&picture.remarks).map(String::as_str).collect();
    let bad = picture.mood == Mood::Bad;
    // Its letters are nearly twice as wide as those of remarks.
    let title = wrap(&picture.title, remark_columns(width) * 6 / 11);
    sheet(&title, bad, &remarks, width, |out, top| {
        put!(out, "<g transform=\"translate(0 {top:.1})\">\n{}</g>\n", heads(picture, &places));
        let top = top + HEAD;
        put!(
            out,
            "<g transform=\"translate(0 {top:.1})\">\n{}</g>\n",
            body(picture, &places, true)
        );
        let top = top + places.height + 14.0;
        let (legend, height) = legend(picture, width);
        put!(out, "<g transform=\"translate(0 {top:.1})\">\n{legend}</g>\n");
        top + height
    })
}

/// The boxes with names.
pub(super) fn heads(picture: &Picture, places: &Places) -> String {
    let mut out = String::new();
    let unit = if picture.timed { unit(picture).name() } else { "step" };
    put!(
        out,
        "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">{unit}</text>\n",
        GUTTER - 14.0,
        HEAD - 12.0
    );
    let wide = places.column - 10.0;
    for (column, x) in picture.columns.iter().zip(&places.x) {
        let (left, high) = (x - wide / 2.0, HEAD - 22.0);
        put!(
            out,
            "<rect class=\"head\" x=\"{left:.1}\" y=\"8.5\" width=\"{wide:.1}\" \
             height=\"{high:.1}\" rx=\"6\"/>\n"
        );
        let middle = 8.5 + high / 2.0 + 4.5;
        let name = if column.host.is_some() { middle - 8.0 } else { middle };
        put!(
            out,
            "<text class=\"name mid\" x=\"{x:.1}\" y=\"{name:.1}\">peer{}</text>\n",
            column.peer
        );
        if let Some(host) = &column.host {
            let host = escape(&clip(host, wide - 8.0));
            put!(
                out,
                "<text class=\"soft mid\" x=\"{x:.1}\" y=\"{:.1}\">{host}</text>\n",
                middle + 8.0
            );
        }
    }
    out
}

fn unit(picture: &Picture) -> words::Unit {
    words::Unit::lasting(picture.rows.last().map(|row| row.time_us))
}

/// Bands, lines, boxes and words; with `titles`, what one sees when the pointer rests on them.
pub(super) fn body(picture: &Picture, places: &Places, titles: bool) -> String {
    let mut out = String::new();
    for (y, long) in &places.pauses {
        put!(
            out,
            "<text class=\"soft time\" x=\"{:.1}\" y=\"{:.1}\">⋮ {long}</text>\n\
             <line class=\"softline\" stroke-opacity=\".4\" stroke-dasharray=\"2 6\" \
             x1=\"{GUTTER:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
            GUTTER - 14.0,
            y + 4.0,
            places.width
        );
    }
    lines(&mut out, picture, places);
    let mut stamp = String::new();
    let (mut step, mut nth) = (0, 0);
    for (index, row) in picture.rows.iter().enumerate() {
        let y = places.y.get(index).copied().unwrap_or(0.0);
        nth += usize::from(!matches!(row.what, What::Alarm(_)));
        let own =
            if picture.timed { words::stamp(unit(picture), row.time_us) } else { nth.to_string() };
        if own != stamp && !matches!(row.what, What::Alarm(_)) {
            let (x, y) = (GUTTER - 14.0, y + 4.0);
            put!(out, "<text class=\"soft time\" x=\"{x:.1}\" y=\"{y:.1}\">{own}</text>\n");
        }
        stamp = own;
        if let What::Alarm(_) = row.what {
            alarm(&mut out, row, places, index, step);
            step += 1;
            continue;
        }
        ground(&mut out, picture, places, row, y);
        for mark in &row.marks {
            put!(out, "<g class=\"s\" data-s=\"{step}\" data-p=\"{}\">", mark.column);
            if titles {
                put!(out, "<title>{}</title>", escape(&mark.line));
            }
            part(&mut out, picture, places, row, mark, y);
            out.push_str("</g>\n");
            step += 1;
        }
    }
    out
}

/// The peers' lines: in the colour of the view, dotted where a peer is in none.
fn lines(out: &mut String, picture: &Picture, places: &Places) {
    for (column, x) in places.x.iter().enumerate() {
        let (mut from, mut state) = (0.0, State::Out);
        let mut piece = |from: f64, to: f64, state: State| {
            let at = format!("x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"");
            match state {
                State::Out => put!(out, "<line class=\"life gone\" {at}/>\n"),
                State::In(hue) => put!(
                    out,
                    "<g class=\"n{hue}\"><line class=\"held\" stroke-width=\"9\" {at}/></g>\n"
                ),
            }
        };
        for (row, y) in picture.rows.iter().zip(&places.y) {
            let next = row.after.get(column).copied().unwrap_or_default();
            let again = row.has(column) && matches!(row.what, What::View { .. });
            if next != state || again {
                piece(from, *y, state);
                (from, state) = (*y, next);
            }
        }
        piece(from, places.height, state);
    }
}

/// What lies below the marks of a row, and its words.
fn ground(out: &mut String, picture: &Picture, places: &Places, row: &Row, y: f64) {
    let reach = picture.reach(row);
    let ends = reach.first().zip(reach.last());
    let (left, right) = ends.map_or((0.0, 0.0), |(a, b)| (places.x[*a], places.x[*b]));
    let (head, rest) = row.what.words(&row.marks, &picture.columns);
    let half = places.column / 2.0 - 4.0;
    let mut tone = "soft";
    match &row.what {
        What::View { hue, .. } => {
            put!(
                out,
                "<g class=\"n{hue}\"><rect class=\"full\" fill-opacity=\".16\" x=\"{:.1}\" \
                 y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\"/>",
                left - half,
                y - HALF - 3.5,
                right - left + 2.0 * half,
                2.0 * HALF + 7.0
            );
            put!(
                out,
                "<text class=\"word choice\" x=\"{:.1}\" y=\"{:.1}\">{head}</text></g>\n",
                places.words,
                y + 4.0
            );
            for column in reach.iter().filter(|column| !row.has(**column)) {
                missing(out, places, *column, y);
            }
        }
        What::Unreachable { who, .. } => {
            tone = "alarm";
            put!(
                out,
                "<line class=\"softline\" stroke-dasharray=\"3 4\" x1=\"{left:.1}\" \
                 x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n"
            );
            for column in picture.columns_of(&[*who].into()) {
                put!(
                    out,
                    "<circle class=\"hollow cross\" stroke-dasharray=\"2 2.4\" cx=\"{:.1}\" \
                     cy=\"{y:.1}\" r=\"7.5\"/>\n",
                    places.x[column]
                );
            }
        }
        What::Crash => tone = "alarm",
        What::Says(_) | What::Alarm(_) => {}
    }
    let start = places.words + if head.is_empty() { 0.0 } else { text_width(&head) * 1.16 + 8.0 };
    let room = places.words + places.words_room - start - 8.0;
    put!(
        out,
        "<text class=\"{tone}\" x=\"{start:.1}\" y=\"{:.1}\">{}<title>{}</title></text>\n",
        y + 4.0,
        escape(&clip(&rest, room)),
        escape(&rest)
    );
}

/// A member of which no line says that it installs the view.
fn missing(out: &mut String, places: &Places, column: usize, y: f64) {
    let wide = (places.column - 22.0).min(60.0);
    put!(
        out,
        "<rect class=\"hollow softline\" stroke-dasharray=\"3 3\" x=\"{:.1}\" y=\"{:.1}\" \
         width=\"{wide:.1}\" height=\"{:.1}\" rx=\"5\"/>\n",
        places.x[column] - wide / 2.0,
        y - HALF,
        2.0 * HALF
    );
}

/// One peer's part in a row.
fn part(out: &mut String, picture: &Picture, places: &Places, row: &Row, mark: &Mark, y: f64) {
    let x = places.x[mark.column];
    match &row.what {
        What::View { id, leader, hue, .. } => {
            let wide = (places.column - 22.0).min(60.0).max(text_width(&id.to_string()) + 26.0);
            put!(
                out,
                "<g class=\"n{hue}\"><rect class=\"full\" x=\"{:.1}\" y=\"{:.1}\" \
                 width=\"{wide:.1}\" height=\"{:.1}\" rx=\"5\"/></g>",
                x - wide / 2.0,
                y - HALF,
                2.0 * HALF
            );
            let leads = picture.columns[mark.column].peer == *leader;
            let middle = if leads { x - 7.0 } else { x };
            put!(
                out,
                "<text class=\"ground choice mid\" x=\"{middle:.1}\" y=\"{:.1}\">{id}</text>",
                y + 4.0
            );
            if leads {
                let beside = middle + text_width(&id.to_string()) / 2.0 + 9.5;
                star(out, "ground", Point { x: beside, y }, 6.5);
            }
        }
        What::Unreachable { .. } => put!(
            out,
            "<circle class=\"hollow cross\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>\
             <path class=\"cross\" d=\"M{:.1} {:.1} L{:.1} {:.1}\"/>",
            x - 4.1,
            y + 4.1,
            x + 4.1,
            y - 4.1
        ),
        What::Crash => cross(out, Point { x, y }, 6.5),
        What::Says(_) | What::Alarm(_) => {
            sign(out, Point { x, y }, &Act::Noted(String::new()), None);
        }
    }
}

/// A broken rule, below the row that shows it.
fn alarm(out: &mut String, row: &Row, places: &Places, index: usize, step: usize) {
    let y = places.y.get(index).copied().unwrap_or(0.0);
    let lines = places.alarms.get(index).map_or(&[][..], Vec::as_slice);
    let high = LINE * lines.iter().map(|_| 1.0).sum::<f64>() + 7.0;
    let column = row.marks.first().map_or(0, |mark| mark.column);
    let wide = lines.iter().map(|line| text_width(line)).fold(0.0, f64::max) + 40.0;
    put!(
        out,
        "<g class=\"s\" data-s=\"{step}\" data-p=\"{column}\"><rect class=\"ground\" \
         x=\"{GUTTER:.1}\" y=\"{:.1}\" \
         width=\"{wide:.1}\" height=\"{high:.1}\" rx=\"4\" fill-opacity=\".92\"/>",
        y - LINE
    );
    let act = Act::Alarm { rule: String::new(), sentence: String::new() };
    sign(out, Point { x: GUTTER + 8.0, y: y - 1.0 }, &act, None);
    let mut at = y + 3.0;
    for line in lines {
        let x = GUTTER + 22.0;
        put!(out, "<text class=\"alarm\" x=\"{x:.1}\" y=\"{at:.1}\">{}</text>", escape(line));
        at += LINE;
    }
    out.push_str("</g>\n");
}

/// What the signs mean: only those that are in the picture. Also how high that is.
pub(super) fn legend(picture: &Picture, width: f64) -> (String, f64) {
    let any = |fits: &dyn Fn(&Row) -> bool| picture.rows.iter().any(fits);
    let is_view = |row: &Row| matches!(row.what, What::View { .. });
    let silent = |row: &Row| is_view(row) && picture.reach(row).iter().any(|c| !row.has(*c));
    let mut items: Vec<(String, &str)> = Vec::new();
    let square = |class: &str, dashes: &str| {
        format!(
            "<g class=\"n0\"><rect class=\"{class}\"{dashes} x=\"2\" y=\"-7\" width=\"24\" \
             height=\"14\" rx=\"4\"/></g>"
        )
    };
    if any(&is_view) {
        let mut leads = square("full", "");
        star(&mut leads, "ground", Point { x: 14.0, y: 0.0 }, 5.5);
        items.push((square("full", ""), "installs the view"));
        items.push((leads, "as its leader"));
    }
    if any(&silent) {
        items.push((
            square("hollow softline", " stroke-dasharray=\"3 3\""),
            "a member without a line",
        ));
    }
    if any(&|row| matches!(row.what, What::Unreachable { .. })) {
        let drawn = "<circle class=\"hollow cross\" cx=\"14\" cy=\"0\" r=\"6\"/>\
                     <path class=\"cross\" d=\"M9.9 4.1 L18.1 -4.1\"/>";
        let target = "<circle class=\"hollow cross\" stroke-dasharray=\"2 2.4\" cx=\"14\" cy=\"0\" \
                      r=\"7.5\"/>";
        items.push((drawn.into(), "calls unreachable"));
        items.push((target.into(), "is called unreachable"));
    }
    if any(&|row| row.what == What::Crash) {
        let mut drawn = String::new();
        cross(&mut drawn, Point { x: 14.0, y: 0.0 }, 5.5);
        items.push((drawn, "crashes"));
    }
    if any(&|row| matches!(row.what, What::Alarm(_))) {
        let mut drawn = String::new();
        let act = Act::Alarm { rule: String::new(), sentence: String::new() };
        sign(&mut drawn, Point { x: 14.0, y: 0.0 }, &act, None);
        items.push((drawn, "a rule is broken"));
    }
    let line = "<line class=\"life gone\" x1=\"2\" x2=\"26\" y1=\"0\" y2=\"0\"/>";
    items.push((line.into(), "in no view"));
    in_lines(&items, width)
}
