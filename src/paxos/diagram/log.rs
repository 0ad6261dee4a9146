//! From the inputs of a run of Paxos to its picture.

use super::PaxosDiagram;
use crate::error::{Error, Result};
use crate::paxos::judge::dialect::{Entry, PaxosDialect};
use crate::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions};
use crate::trace::diagram::labels::without_advice;
use crate::trace::diagram::{Diagram, HostLabel, Window, alarms};
use crate::trace::inputs::Inputs;
use crate::trace::judge::JudgeOptions;
use crate::trace::reader::Content;
use crate::visible::visible;

/// Draws a run.
///
/// # Errors
/// An input cannot be read, nothing of the run is in the window, or its number is none.
pub fn draw_log(inputs: Inputs, window: Window, options: &JudgeOptions<'_>) -> Result<Diagram> {
    let number = window.number.clone().unwrap_or_default();
    let wrong = || Error::Usage(format!("--number {number:?}: this is not a number"));
    // A file without roles has nothing to tell.
    let roles = options.hosts.and_then(|hosts| KnownRoles::of(hosts).ok());
    let mut diagram = PaxosDiagram::new(window, roles.clone()).ok_or_else(wrong)?;
    let mut judge = PaxosJudge::new(PaxosOptions { roles, ..PaxosOptions::default() });
    let remarks = read(inputs, options, &mut diagram, &mut judge)?;
    if let Some(objection) = diagram.extent().objection(diagram.is_of_no_use()) {
        return Err(Error::Input(objection));
    }
    let host = |peer| HostLabel::of(options.hosts?, peer);
    let mut picture = diagram.finish(host, &alarms(&judge.finish().findings.list));
    picture.remarks.extend(remarks);
    Ok(picture)
}

/// Takes all lines, the earliest first, or line by line in turn where there are no times. What was
/// found out about the inputs is returned, for the picture's remarks.
fn read(
    inputs: Inputs,
    options: &JudgeOptions<'_>,
    diagram: &mut PaxosDiagram,
    judge: &mut PaxosJudge,
) -> Result<Vec<String>> {
    let names = inputs.names.clone();
    let mut strange = 0_u64;
    // The last event of each input: the next to draw when nothing earlier is left to be read.
    let mut next: Vec<Option<(Entry<'static>, String, u64)>> = vec![None; names.len()];
    let inferred = inputs.read::<PaxosDialect, _>(
        &options.names(),
        |line| match &line.content {
            Content::Event(entry) => Some((entry.time_us.unwrap_or(0), line.number)),
            _ => None,
        },
        |input, line| {
            let mut event = None;
            if let Some(line) = line {
                judge.line(input, line);
                let Content::Event(entry) = &line.content else {
                    let is_strange = matches!(line.content, Content::Unreadable | Content::TooLong);
                    strange += u64::from(is_strange);
                    return;
                };
                event = Some((entry.clone().into_owned(), line.text.to_string(), line.number));
            }
            let at = usize::from(input);
            if let Some((entry, text, line)) = std::mem::replace(&mut next[at], event) {
                diagram.take(&entry, &text, (at, line));
            }
        },
    )?;
    if diagram.extent().is_empty() {
        return Err(Error::Input(format!("{}: no line is an event of a run", names.join(", "))));
    }
    let plain = |sentence: &String| without_advice(&visible(sentence)).0;
    let mut remarks: Vec<String> = inferred.iter().map(plain).collect();
    if strange > 0 {
        remarks.push(format!("{strange} lines look like events, but cannot be read."));
    }
    Ok(remarks)
}
