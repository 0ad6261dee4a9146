//! From the inputs of a run of a group to its picture.

use super::MemberDiagram;
use crate::error::{Error, Result};
use crate::member::judge::{MemberJudge, MemberOptions, read};
use crate::trace::diagram::{Diagram, HostLabel, Window, alarms};
use crate::trace::inputs::Inputs;
use crate::trace::judge::JudgeOptions;
use crate::trace::reader::Content;

/// Draws a run.
///
/// # Errors
/// An input cannot be read, nothing of the run is in the window, or a flag makes no sense here.
pub fn draw_log(inputs: Inputs, window: Window, options: &JudgeOptions<'_>) -> Result<Diagram> {
    if window.number.is_some() {
        return Err(Error::Usage("--number is about proposals, and these are views".into()));
    }
    let names = inputs.names.clone();
    let mut judge = MemberJudge::with(MemberOptions::of(options)?);
    let mut diagram = MemberDiagram::new(window);
    read(inputs, options, |input, found| {
        let is_new = judge.take(input, found);
        if let (true, Content::Event(entry)) = (is_new, &found.content) {
            diagram.take(input, found, &entry.line);
        }
    })?;
    if diagram.extent().is_empty() {
        let names = names.join(", ");
        return Err(Error::Input(format!("{names}: no line is of a member")));
    }
    if let Some(objection) = diagram.extent().objection(false) {
        return Err(Error::Input(objection));
    }
    let report = judge.finish();
    let host = |peer| HostLabel::of(options.hosts?, peer);
    Ok(diagram.finish(host, &report, &alarms(&report.findings.list)))
}
