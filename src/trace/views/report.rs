//! What was found, for people and for tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::line::listed;
use super::table::{Certainty, Finding, Row, Rule, TABLE};
use crate::trace::check::{JsonFinding, JsonRule, Level, Tally, name_of, say, shown};

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found, in the order of the table; of each rule the first few.
    pub findings: Vec<Finding>,
    /// What became of each rule; a rule that is not here had nothing to judge.
    pub tallies: BTreeMap<Rule, Tally>,
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

/// How many findings of one rule of form are shown; the table says how many there are.
const SHOWN_ALIKE: usize = 3;

impl Report {
    /// True if a rule was broken; with `strict`, also by another form, or by a view that a member
    /// has left out.
    pub fn violated(&self, strict: bool) -> bool {
        self.tallies.iter().any(|(rule, tally)| match rule.row().level {
            Level::Safety => {
                tally.broken > 0 || (strict && is_strict(*rule) && tally.undecided > 0)
            }
            Level::Form => strict && tally.broken > 0,
            Level::Progress => false,
        })
    }

    /// True if there was a line of a group.
    pub fn is_readable(&self) -> bool {
        self.facts > 0
    }

    /// The names of the rules that were broken, or that could not be decided.
    pub fn names(&self, pick: fn(&Tally) -> u64) -> Vec<&'static str> {
        let has = |row: &&Row| self.tallies.get(&row.rule).is_some_and(|tally| pick(tally) > 0);
        TABLE.iter().filter(has).map(|row| row.name).collect()
    }

    /// The one group that is left, if there is one: the last view of all who are members still.
    pub fn group(&self) -> Option<(u64, &BTreeSet<u16>)> {
        let mut members = self.ends.iter().filter(|end| end.is_member);
        let (id, list) = members.next()?.last.as_ref()?;
        let same = |end: &End| end.last.as_ref().is_some_and(|last| last.0 == *id);
        members.all(same).then_some((*id, list))
    }

    fn outcome(&self, row: &Row) -> &'static str {
        match (self.tallies.get(&row.rule), row.level) {
            (None, Level::Safety) => "nothing to judge",
            (None, _) => "fine",
            (Some(tally), Level::Safety) if tally.broken > 0 => "VIOLATED",
            (Some(tally), Level::Form) if tally.broken > 0 => "differs",
            (Some(tally), Level::Progress) if tally.broken > 0 => "noted",
            (Some(tally), _) if tally.undecided > 0 => "not decidable",
            (Some(_), _) => "held",
        }
    }

    /// The report for people; `inputs` are the names of what was read.
    pub fn for_people(&self, inputs: &[String], strict: bool) -> String {
        let mut text = String::new();
        for sentence in &self.inferred {
            say(&mut text, format_args!("inferred: {}", shown(sentence)));
        }
        if !self.inferred.is_empty() {
            text.push('\n');
        }
        self.write_findings(&mut text, inputs, strict);
        self.write_table(&mut text);
        self.write_ends(&mut text);
        self.write_verdict(&mut text, strict);
        text
    }

    fn write_findings(&self, text: &mut String, inputs: &[String], strict: bool) {
        let mut alike: BTreeMap<Rule, usize> = BTreeMap::new();
        for finding in &self.findings {
            let count = alike.entry(finding.rule).or_default();
            *count += 1;
            let most = match finding.rule.row().level {
                Level::Safety => usize::MAX,
                Level::Form => SHOWN_ALIKE,
                Level::Progress => 1,
            };
            if *count <= most {
                write_finding(text, finding, inputs, strict);
            }
        }
    }

    fn write_table(&self, text: &mut String) {
        let is_shown = |row: &&Row| match row.level {
            Level::Safety => row.rule != Rule::Expected || self.expects,
            _ => self.tallies.contains_key(&row.rule),
        };
        let width = TABLE.iter().map(|row| row.name.len()).max().unwrap_or(0);
        say(text, format_args!("{:<width$}  {:<16}  {:>8}  claim", "rule", "outcome", "times"));
        for row in TABLE.iter().filter(is_shown) {
            let outcome = self.outcome(row);
            let times = self.tallies.get(&row.rule).map_or(0, |tally| match outcome {
                "held" => tally.kept,
                "not decidable" => tally.undecided,
                _ => tally.broken,
            });
            let times = if times > 0 { times.to_string() } else { "-".into() };
            let (name, claim) = (row.name, row.claim);
            say(text, format_args!("{name:<width$}  {outcome:<16}  {times:>8}  {claim}"));
        }
        let mut form = TABLE.iter().filter(|row| row.level == Level::Form);
        if form.all(|row| !self.tallies.contains_key(&row.rule)) {
            say(text, format_args!("{:<width$}  {:<16}  {:>8}  the lab's", "(form)", "exact", "-"));
        }
        text.push('\n');
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
            () if self.violated(strict) => "VIOLATED",
            () => "clean",
        }
    }

    fn write_verdict(&self, text: &mut String, strict: bool) {
        let count = |level: Level, pick: fn(&Tally) -> u64| {
            let rules = self.tallies.iter().filter(|(rule, _)| rule.row().level == level);
            rules.filter(|(_, tally)| pick(tally) > 0).count()
        };
        let broken = count(Level::Safety, |tally| tally.broken);
        let open = count(Level::Safety, |tally| tally.undecided);
        let form = count(Level::Form, |tally| tally.broken);
        let group = match self.group() {
            Some((id, list)) => format!("the last view is {id}: {}", listed(list)),
            None => "there is no one last view".into(),
        };
        let (facts, lines) = (self.facts, self.lines);
        let verdict = self.verdict(strict);
        say(
            text,
            format_args!(
                "{verdict}: {group}; {broken} rule(s) violated, {open} not decidable, {form} of \
                 form; {facts} lines of a group in {lines} lines"
            ),
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
        let rules = TABLE.iter().map(|row| {
            let tally = self.tallies.get(&row.rule);
            JsonRule::new(row.name, row.level, row.claim, self.outcome(row), tally)
        });
        let findings = self.findings.iter().map(|finding| {
            let Row { name, level, .. } = finding.rule.row();
            let (sure, lines) = (finding.certainty.words(), &finding.lines);
            JsonFinding::new((name, *level), sure, &finding.sentence, lines, inputs)
        });
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
            rules: rules.collect(),
            findings: findings.collect(),
        };
        serde_json::to_string_pretty(&report).expect("strings and integers always serialize")
    }
}

/// Rules that the protocol lets a log leave open, and the lab does not.
fn is_strict(rule: Rule) -> bool {
    rule == Rule::EveryView
}

fn write_finding(text: &mut String, finding: &Finding, inputs: &[String], strict: bool) {
    let row = finding.rule.row();
    let open = finding.certainty == Certainty::NotDecidable;
    let head = match row.level {
        Level::Safety if open && !(strict && is_strict(finding.rule)) => "not decidable",
        Level::Safety => "VIOLATED",
        Level::Form if strict => "VIOLATED",
        Level::Form => "warning",
        Level::Progress => "note",
    };
    let sure = match (row.level, finding.certainty) {
        (Level::Safety, Certainty::Certain | Certainty::IfComplete) => {
            format!(" ({})", finding.certainty.words())
        }
        _ => String::new(),
    };
    say(text, format_args!("{head}: {}: {}{sure}", row.name, shown(&finding.sentence)));
    for line in &finding.lines {
        let (input, number) = (shown(name_of(inputs, line.input)), line.line);
        say(text, format_args!("    {input}:{number}: {}", shown(&line.text)));
    }
    text.push('\n');
}
