//! The picture as one page: the same drawing, and the lines behind every part of it.

use super::super::html::{Data, Page, StepData, page, steps_and_peers};
use super::super::words;
use super::model::{Picture, What};
use super::place::Places;
use super::svg::{body, heads, legend};

/// A whole page.
pub(super) fn draw(picture: &Picture) -> String {
    let places = Places::of(picture);
    let names: Vec<String> =
        picture.columns.iter().map(|column| format!("peer{}", column.peer)).collect();
    let mut tools = String::new();
    steps_and_peers(&mut tools, &names);
    tools.push_str("</nav>\n");
    let lines: Vec<[String; 1]> =
        picture.rows.iter().flat_map(|row| &row.marks).map(|mark| [mark.line.clone()]).collect();
    let data = Data { steps: steps(picture, &places, &lines), arrows: Vec::new() };
    let remarks = std::iter::once(&picture.summary).chain(&picture.remarks);
    page(&Page {
        title: &picture.title,
        mood: picture.mood,
        remarks: remarks.map(String::as_str).collect(),
        tools,
        width: places.width,
        heads: heads(picture, &places),
        body: body(picture, &places, false),
        height: places.height,
        legend: legend(picture, places.width.max(620.0)),
        hint: "Arrow keys step through the run, Escape shows all of it. Point at or tap a box to \
               read its line. The buttons filter by peer.",
        data: &data,
    })
}

/// What each mark says.
fn steps<'a>(picture: &Picture, places: &Places, lines: &'a [[String; 1]]) -> Vec<StepData<'a>> {
    let unit = words::Unit::lasting(picture.rows.last().map(|row| row.time_us));
    let mut lines = lines.iter();
    let mut steps = Vec::new();
    for (row, y) in picture.rows.iter().zip(&places.y) {
        let (head, rest) = row.what.words(&row.marks, &picture.columns);
        for mark in &row.marks {
            let peer = picture.columns.get(mark.column).map_or(0, |column| column.peer);
            let at =
                mark.time_us.map(|us| format!(" at {} {}", words::stamp(unit, us), unit.name()));
            let what = match &row.what {
                What::View { .. } => format!("installs {head}: {rest}"),
                What::Unreachable { .. } => format!("calls {rest}"),
                What::Crash | What::Says(_) | What::Alarm(_) => rest.clone(),
            };
            steps.push(StepData {
                when: format!("peer{peer}{}", at.unwrap_or_default()),
                peer: mark.column,
                says: vec![what],
                lines: lines.next().map_or(&[], |line| &line[..]),
                at: [places.x.get(mark.column).copied().unwrap_or(0.0), *y],
            });
        }
    }
    steps
}
