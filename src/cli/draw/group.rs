//! The picture of a group.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Options, host};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::member::diagram::MemberDiagram;
use crate::member::judge::{MemberJudge, MemberOptions, MemberRule, Report, read};
use crate::trace::diagram::{Alarm, Format, draw as draw_picture};
use crate::trace::findings::{Certainty, Finding, Level, Rule as _};
use crate::trace::inputs::Inputs;
use crate::trace::judge::JudgeOptions;
use crate::trace::reader::Content;

/// Draws these lines.
pub(super) fn draw(
    options: &Options,
    format: Format,
    hosts: Option<&Hosts>,
    inputs: Inputs,
) -> Result<String> {
    if options.window.number.is_some() {
        return Err(Error::Usage("--number is about proposals, and these are views".into()));
    }
    let mut known = JudgeOptions { hosts, ..JudgeOptions::default() };
    known.flags.extend(options.on_request.clone().map(|list| ("on-request", list)));
    let names = inputs.names.clone();
    let mut rules = MemberJudge::with(MemberOptions::of(&known)?);
    let mut collector = MemberDiagram::new(options.window.clone());
    read(inputs, &known, |input, found| {
        let is_new = rules.take(input, found);
        if let (true, Content::Event(entry)) = (is_new, &found.content) {
            collector.take(input, found, &entry.line);
        }
    })?;
    if collector.extent().is_empty() {
        let names = names.join(", ");
        return Err(Error::Input(format!("{names}: no line is of a group")));
    }
    if let Some(objection) = collector.extent().objection(false) {
        return Err(Error::Input(objection));
    }
    let report = rules.finish();
    let broken = violations(&report);
    let picture = collector.finish(|peer| host(hosts?, peer), &report, &broken);
    Ok(draw_picture(&picture, format))
}

/// Draws lines that are in memory into a file; these were removed on request.
pub(in crate::cli) fn log(
    text: String,
    picture: &Path,
    hosts: Option<&Hosts>,
    on_request: &BTreeSet<u16>,
) -> Result<()> {
    let asked: Vec<String> = on_request.iter().map(u16::to_string).collect();
    let options = Options {
        files: vec!["-".into()],
        out: Some(picture.into()),
        on_request: Some(if asked.is_empty() { "none".into() } else { asked.join(",") }),
        ..Options::default()
    };
    let inputs = Inputs::of_text("-", text);
    let drawn = draw(&options, super::format(&options)?, hosts, inputs)?;
    super::write(options.out.as_deref(), &drawn)
}

/// The rules that the run broke.
fn violations(report: &Report) -> Vec<Alarm> {
    let broken = report.findings.list.iter().filter(|finding| {
        let safety = finding.rule.row().level == Level::Safety;
        safety && finding.certainty != Certainty::NotDecidable
    });
    let violation = |finding: &Finding<MemberRule>| Alarm {
        rule: finding.rule.row().name.into(),
        sentence: finding.sentence.clone(),
        places: finding.lines.iter().map(|line| (usize::from(line.input), line.line)).collect(),
    };
    broken.map(violation).collect()
}
