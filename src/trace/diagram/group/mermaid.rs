//! The picture as a Mermaid sequence diagram, to paste: a note for each row.

use std::fmt::Write as _;

use super::super::mermaid::{comment, escape, head};
use super::model::{Picture, Row, What};

/// Draws for Mermaid.
pub(super) fn draw(picture: &Picture) -> String {
    let mut out = head(&picture.title);
    for remark in std::iter::once(&picture.summary).chain(&picture.remarks) {
        put!(out, "    %% {}\n", comment(remark));
    }
    for column in &picture.columns {
        let host = column
            .host
            .as_deref()
            .map_or_else(String::new, |host| format!("<br/>{}", escape(host)));
        put!(out, "    participant p{} as peer{}{host}\n", column.peer, column.peer);
    }
    for row in &picture.rows {
        put!(out, "    Note over {}\n", note(picture, row));
    }
    out
}

fn note(picture: &Picture, row: &Row) -> String {
    let peer = |column: usize| picture.columns.get(column).map_or(0, |column| column.peer);
    let mut said: Vec<u16> = row.marks.iter().map(|mark| peer(mark.column)).collect();
    said.sort_unstable();
    let reach = if let What::View { .. } = row.what {
        picture.reach(row).into_iter().map(peer).collect()
    } else {
        said.clone()
    };
    let (first, last) = (reach.first().copied(), reach.last().copied());
    let over = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("p{first},p{last}"),
        (Some(first), _) => format!("p{first}"),
        _ => picture.columns.first().map_or_else(String::new, |column| format!("p{}", column.peer)),
    };
    let (head, rest) = row.what.words(&row.marks, &picture.columns);
    let text = match &row.what {
        What::View { leader, list, .. } => {
            let silent: Vec<String> =
                list.iter().filter(|peer| !said.contains(peer)).map(u16::to_string).collect();
            let silent = match &silent[..] {
                [] => String::new(),
                silent => format!(" (no line of {})", silent.join(", ")),
            };
            format!("{head} {rest} led by {leader}{silent}")
        }
        What::Unreachable { .. } => {
            let by: Vec<String> = said.iter().map(u16::to_string).collect();
            format!("{rest} (says {})", by.join(", "))
        }
        What::Crash | What::Alarm(_) => format!("✖ {rest}"),
        What::Says(_) => rest,
    };
    format!("{over}: {}", escape(&text))
}
