//! What was found, for people and for tools.

use std::collections::BTreeSet;

use serde::Serialize;

use super::rules::MemberRule;
use crate::member::event::listed;
use crate::trace::findings::{Findings, JsonFinding, JsonRule, say, to_json};

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found.
    pub findings: Findings<MemberRule>,
    /// Who ended how.
    pub ends: Vec<End>,
    /// What was not in the lines and had to be concluded, in sentences.
    pub inferred: Vec<String>,
    /// Lines read.
    pub lines: u64,
    /// Lines of a group among them, each fact once.
    pub facts: u64,
    /// Those that say again as JSON what a printed line has said, or the other way round.
    pub echoes: u64,
    /// Lines of peers beyond the bound, which nobody judged.
    pub strangers: u64,
    /// True if a certain group was expected.
    pub expects: bool,
}

/// How one peer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Who.
    pub peer: u16,
    /// How many views it installed.
    pub views: usize,
    /// The last of them, and its members.
    pub last: Option<(u64, BTreeSet<u16>)>,
    /// True if, by all that is known, it still is a member.
    pub is_member: bool,
    /// In words.
    pub how: String,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    verdict: &'static str,
    group: Option<JsonGroup>,
    lines: u64,
    events: u64,
    inferred: &'a [String],
    peers: Vec<JsonEnd<'a>>,
    rules: Vec<JsonRule>,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonGroup {
    view_id: u64,
    memb_list: BTreeSet<u16>,
}

#[derive(Serialize)]
struct JsonEnd<'a> {
    peer_id: u16,
    views: usize,
    view_id: Option<u64>,
    memb_list: Option<&'a BTreeSet<u16>>,
    end: &'a str,
}

impl Report {
    /// True if there was a line of a group.
    pub fn is_readable(&self) -> bool {
        self.facts > 0
    }

    /// The one group that is left, if there is one: the last view of all who are members still.
    pub fn group(&self) -> Option<(u64, &BTreeSet<u16>)> {
        let mut members = self.ends.iter().filter(|end| end.is_member);
        let (id, list) = members.next()?.last.as_ref()?;
        let same = |end: &End| end.last.as_ref().is_some_and(|last| last.0 == *id);
        members.all(same).then_some((*id, list))
    }

    /// The report for people; `inputs` are the names of what was read.
    pub fn for_people(&self, inputs: &[String], strict: bool) -> String {
        let unasked = (!self.expects).then_some(MemberRule::Expected);
        let mut text = self.findings.for_people(&self.inferred, inputs, strict, unasked);
        self.write_ends(&mut text);
        self.write_verdict(&mut text, strict);
        text
    }

    fn write_ends(&self, text: &mut String) {
        if self.ends.is_empty() {
            return;
        }
        let last = |end: &End| match &end.last {
            Some((id, list)) => format!("{id}: {}", listed(list)),
            None => "-".into(),
        };
        let width = self.ends.iter().map(|end| last(end).len()).max().unwrap_or(0).max(9);
        say(text, format_args!("{:<7} views  {:<width$}  end", "peer", "last view"));
        for end in &self.ends {
            let (name, views) = (format!("peer{}", end.peer), end.views);
            say(text, format_args!("{name:<7} {views:<5}  {:<width$}  {}", last(end), end.how));
        }
        text.push('\n');
    }

    fn verdict(&self, strict: bool) -> &'static str {
        match () {
            () if !self.is_readable() => "unreadable",
            () if self.findings.violated(strict) => "VIOLATED",
            () => "clean",
        }
    }

    fn write_verdict(&self, text: &mut String, strict: bool) {
        let group = match self.group() {
            Some((id, list)) => format!("the last view is {id}: {}", listed(list)),
            None => "there is no one last view".into(),
        };
        let (facts, lines) = (self.facts, self.lines);
        let verdict = self.verdict(strict);
        let sum = self.findings.sum(strict);
        say(
            text,
            format_args!("{verdict}: {group}; {sum}; {facts} lines of a group in {lines} lines"),
        );
        if self.echoes > 0 {
            let echoes = self.echoes;
            say(text, format_args!("{echoes} more say the same again, as JSON or as printed"));
        }
        if self.strangers > 0 {
            let strangers = self.strangers;
            say(text, format_args!("{strangers} lines are of more peers than can be judged"));
        }
    }

    /// The report for tools: one JSON object.
    pub fn json(&self, inputs: &[String], strict: bool) -> String {
        let peers = self.ends.iter().map(|end| JsonEnd {
            peer_id: end.peer,
            views: end.views,
            view_id: end.last.as_ref().map(|last| last.0),
            memb_list: end.last.as_ref().map(|last| &last.1),
            end: &end.how,
        });
        let report = JsonReport {
            verdict: match self.verdict(strict) {
                "VIOLATED" => "violated",
                other => other,
            },
            group: self
                .group()
                .map(|(view_id, list)| JsonGroup { view_id, memb_list: list.clone() }),
            lines: self.lines,
            events: self.facts,
            inferred: &self.inferred,
            peers: peers.collect(),
            rules: self.findings.json_rules(strict),
            findings: self.findings.json_list(inputs),
        };
        to_json(&report)
    }
}
