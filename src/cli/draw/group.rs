//! The picture of a group.

use super::{Options, host, inputs};
use crate::cli::check;
use crate::cli::check::group::{Inputs, on_request};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::member;
use crate::member::diagram::MemberDiagram;
use crate::member::judge::{MemberJudge, Report, Said};
use crate::trace::diagram::{Alarm, Format, draw as draw_picture};
use crate::trace::findings::{Certainty, Finding, Level, Rule as _};

/// Draws these lines.
pub(super) fn draw(
    options: &Options,
    format: Format,
    hosts: Option<&Hosts>,
    opened: Vec<inputs::Source>,
) -> Result<String> {
    if options.window.number.is_some() {
        return Err(Error::Usage("--number is about proposals, and these are views".into()));
    }
    let names = hosts.map(check::names).unwrap_or_default();
    let mut rules = MemberJudge::with(member::judge::MemberOptions {
        on_request: options.on_request.as_deref().map(on_request).transpose()?,
        expect: None,
        named: hosts.is_some(),
    });
    let mut collector = MemberDiagram::new(options.window.clone());
    let mut inputs = Inputs::open(&options.files, opened, &names)?;
    inputs.read(|input, found| {
        let is_new = rules.take(input, found);
        if let (true, Said::View(line)) = (is_new, &found.said) {
            collector.take(input, found, line);
        }
    })?;
    if collector.extent().is_empty() {
        let names = inputs.names.join(", ");
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

/// The rules that the run broke.
fn violations(report: &Report) -> Vec<Alarm> {
    let broken = report.findings.list.iter().filter(|finding| {
        let safety = finding.rule.row().level == Level::Safety;
        safety && finding.certainty != Certainty::NotDecidable
    });
    let violation = |finding: &Finding<member::judge::MemberRule>| Alarm {
        rule: finding.rule.row().name.into(),
        sentence: finding.sentence.clone(),
        places: finding.lines.iter().map(|line| (usize::from(line.input), line.line)).collect(),
    };
    broken.map(violation).collect()
}
