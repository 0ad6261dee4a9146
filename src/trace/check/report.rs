//! What the judge found, for people and for tools.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::json::{JsonFinding, JsonRule, name_of};
use super::rules::{Certainty, Finding, Level, Row, Rule, TABLE, Tally};

/// What was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Lines read.
    pub lines: u64,
    /// Events among them.
    pub events: u64,
    /// The values that are chosen, by what peers say or by the votes.
    pub chosen: Vec<String>,
}

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found, in the order of the table; of each rule the first few.
    pub findings: Vec<Finding>,
    /// What became of each rule; a rule that is not here had nothing to judge.
    pub tallies: BTreeMap<Rule, Tally>,
    /// What was judged.
    pub subject: Subject,
    /// What was not in the lines and had to be concluded, in sentences.
    pub inferred: Vec<String>,
    /// True if a certain value was expected.
    pub expects: bool,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    verdict: &'static str,
    chosen: &'a [String],
    lines: u64,
    events: u64,
    inferred: &'a [String],
    rules: Vec<JsonRule>,
    findings: Vec<JsonFinding<'a>>,
}

/// How many findings of one rule are shown where it is not about safety.
const SHOWN_ALIKE: usize = 3;

impl Report {
    /// True if a safety rule was broken, or with `strict` a rule of form.
    pub fn violated(&self, strict: bool) -> bool {
        self.tallies.iter().any(|(rule, tally)| match rule.row().level {
            Level::Safety => tally.broken > 0,
            Level::Form => strict && tally.broken > 0,
            Level::Progress => false,
        })
    }

    /// True if there was an event to judge.
    pub fn is_readable(&self) -> bool {
        self.subject.events > 0
    }

    /// The names of the rules that were broken and of those that could not be decided.
    pub fn names(&self, pick: fn(&Tally) -> u64) -> Vec<&'static str> {
        let rows = TABLE.iter().filter(|row| self.tally(row.rule).is_some_and(|t| pick(t) > 0));
        rows.map(|row| row.name).collect()
    }

    fn tally(&self, rule: Rule) -> Option<&Tally> {
        self.tallies.get(&rule)
    }

    fn outcome(&self, row: &Row) -> &'static str {
        match (self.tally(row.rule), row.level) {
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
        self.write_verdict(&mut text, strict);
        text
    }

    /// All findings of safety; of the others the first few of each rule.
    fn write_findings(&self, text: &mut String, inputs: &[String], strict: bool) {
        let mut alike: BTreeMap<Rule, usize> = BTreeMap::new();
        for finding in &self.findings {
            let count = alike.entry(finding.rule).or_default();
            *count += 1;
            if *count <= SHOWN_ALIKE || finding.rule.row().level == Level::Safety {
                write_finding(text, finding, inputs, strict);
            }
        }
        let hidden = alike.iter().filter_map(|(rule, count)| {
            let more = count.checked_sub(SHOWN_ALIKE).filter(|more| *more > 0)?;
            (rule.row().level != Level::Safety).then(|| (rule.row().name, more))
        });
        for (name, more) in hidden {
            say(text, format_args!("{name}: and {more} more like these\n"));
        }
    }

    fn write_table(&self, text: &mut String) {
        let is_shown = |row: &&Row| match row.level {
            Level::Safety => row.rule != Rule::ExpectedValue || self.expects,
            _ => self.tally(row.rule).is_some(),
        };
        let width = TABLE.iter().map(|row| row.name.len()).max().unwrap_or(0);
        say(text, format_args!("{:<width$}  {:<16}  {:>8}  claim", "rule", "outcome", "times"));
        for row in TABLE.iter().filter(is_shown) {
            let outcome = self.outcome(row);
            let times = self.tally(row.rule).map_or(0, |tally| match outcome {
                "held" => tally.kept,
                "not decidable" => tally.undecided,
                _ => tally.broken,
            });
            let times = if times > 0 { times.to_string() } else { "-".into() };
            let (name, claim) = (row.name, row.claim);
            say(text, format_args!("{name:<width$}  {outcome:<16}  {times:>8}  {claim}"));
        }
        let form = TABLE.iter().filter(|row| row.level == Level::Form);
        if form.clone().all(|row| self.tally(row.rule).is_none()) {
            say(text, format_args!("{:<width$}  {:<16}  {:>8}  the lab's", "(form)", "exact", "-"));
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
        let chosen = match &self.subject.chosen[..] {
            [] => "nothing is chosen".into(),
            [one] => format!("{} is chosen", shown(one)),
            more => {
                let more: Vec<String> = more.iter().map(|value| shown(value)).collect();
                format!("{} are chosen", more.join(" and "))
            }
        };
        let verdict = match () {
            () if !self.is_readable() => "unreadable",
            () if self.violated(strict) => "VIOLATED",
            () => "clean",
        };
        let Subject { lines, events, .. } = self.subject;
        text.push('\n');
        say(
            text,
            format_args!(
                "{verdict}: {chosen}; {broken} rule(s) violated, {open} not decidable, {form} of \
                 form; {events} events in {lines} lines"
            ),
        );
    }

    /// The report for tools: one JSON object.
    pub fn json(&self, inputs: &[String], strict: bool) -> String {
        let rules = TABLE.iter().map(|row| {
            JsonRule::new(row.name, row.level, row.claim, self.outcome(row), self.tally(row.rule))
        });
        let findings = self.findings.iter().map(|finding| {
            let Row { name, level, .. } = finding.rule.row();
            let (sure, lines) = (finding.certainty.words(), &finding.lines);
            JsonFinding::new((name, *level), sure, &finding.sentence, lines, inputs)
        });
        let report = JsonReport {
            verdict: match () {
                () if !self.is_readable() => "unreadable",
                () if self.violated(strict) => "violated",
                () => "clean",
            },
            chosen: &self.subject.chosen,
            lines: self.subject.lines,
            events: self.subject.events,
            inferred: &self.inferred,
            rules: rules.collect(),
            findings: findings.collect(),
        };
        serde_json::to_string_pretty(&report).expect("strings and integers always serialize")
    }
}

fn write_finding(text: &mut String, finding: &Finding, inputs: &[String], strict: bool) {
    let row = finding.rule.row();
    let head = match (finding.certainty, row.level) {
        (Certainty::NotDecidable, _) => "not decidable",
        (_, Level::Safety) => "VIOLATED",
        (_, Level::Form) if strict => "VIOLATED",
        (_, Level::Form) => "warning",
        (_, Level::Progress) => "note",
    };
    let sure = match (row.level, finding.certainty) {
        (Level::Safety, Certainty::NotDecidable) | (Level::Form | Level::Progress, _) => {
            String::new()
        }
        (Level::Safety, certainty) => format!(" ({})", certainty.words()),
    };
    say(text, format_args!("{head}: {}: {}{sure}", row.name, shown(&finding.sentence)));
    for line in &finding.lines {
        let (input, number) = (shown(name_of(inputs, line.input)), line.line);
        say(text, format_args!("    {input}:{number}: {}", shown(&line.text)));
    }
    text.push('\n');
}

/// Text of a log, fit for a terminal: it must not move the cursor or change colours.
pub(in crate::trace) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

pub(in crate::trace) fn say(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}"); // a String takes everything
}
