//! The judge of finished runs, by their lines alone: it shares no code with the protocol.
//!
//! It reads the lines of `--json`, which say what each version holds and has seen, and the lines
//! that are printed for people, which say less: there only the order of what was received can be
//! looked at, and whether all have received the same in the end.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::event::SyncLog;
use crate::error::Result;
use crate::trace::findings::{
    Certainty, Findings, Rule, RuleRow, Severity, Spot, Witness, form, row,
};
use crate::trace::inputs::{Inputs, has_event};
use crate::trace::journal::{JournalAction, JournalDialect, JournalFault, JournalLine};
use crate::trace::judge::{JudgeOptions, Judgement, LogJudge};
use crate::trace::reader::{Content, LogLine};
use crate::trace::report::{Report, Summary};

type Line<'a> = LogLine<'a, JournalDialect<SyncLog>>;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncRule {
    /// A version is had before it is passed on.
    ReceivedFirst,
    /// What was received is no edit.
    NoEcho,
    /// Nothing seen is unseen.
    Upward,
    /// Losers are kept.
    Kept,
    /// The lines' form.
    Form,
    /// All end alike.
    Equal,
}

impl Rule for SyncRule {
    type Fault = JournalFault;
    const TABLE: &'static [RuleRow<Self>] = &[
        row(
            Self::ReceivedFirst,
            "received-first",
            Severity::Safety,
            "a peer offers and sends only the version that its file is",
        ),
        row(
            Self::NoEcho,
            "no-echo",
            Severity::Safety,
            "a peer calls nothing an edit that its file held already",
        ),
        row(
            Self::Upward,
            "upward",
            Severity::Safety,
            "a version gives way only to one that has seen it, or that wins over it",
        ),
        row(
            Self::Kept,
            "loser-kept",
            Severity::Safety,
            "whoever takes a version that has not seen its own keeps its own as a copy",
        ),
        form(Self::Form, "form", "a line is a JSON object and nothing else", "it is not only that"),
        row(Self::Equal, "equal", Severity::Progress, "all copies are equal in the end"),
    ];
    const MOST_UNDECIDED: u64 = 10;
    const MOST_NOTES: usize = 10;

    fn of_form(_: JournalFault) -> Self {
        Self::Form
    }
}

/// A version, as a line states it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stated {
    stamp: String,
    digest: String,
    seen: BTreeMap<String, u64>,
}

impl Stated {
    /// Reads `STAMP DIGEST SIZE seen LIST`, and returns what stands behind it.
    fn of(text: &str) -> Option<(Self, &str)> {
        let mut words = text.splitn(6, ' ');
        let (stamp, digest, _size) = (words.next()?, words.next()?, words.next()?);
        let (_, list) = (words.next().filter(|word| *word == "seen")?, words.next()?);
        let pair = |pair: &str| {
            let (by, counter) = pair.split_once(':')?;
            Some((by.to_owned(), counter.parse().ok()?))
        };
        let seen = list.split(',').map(pair).collect::<Option<_>>()?;
        let stated = Self { stamp: stamp.into(), digest: digest.into(), seen };
        Some((stated, words.next().unwrap_or_default()))
    }

    fn has_seen(&self, other: &Self) -> bool {
        other.seen.iter().all(|(by, counter)| self.seen.get(by).is_some_and(|c| c >= counter))
    }
}

/// What the lines of one peer have shown so far.
#[derive(Default)]
struct Account {
    /// What its file is, and where it says so; none before it was said.
    now: Option<(Stated, Witness)>,
    /// What stands in the last `content` of each peer that it has received.
    content: BTreeMap<u16, Stated>,
    /// It was deleted since.
    is_deleted: bool,
}

/// A run, line by line.
#[derive(Default)]
struct SyncJudge {
    accounts: BTreeMap<u16, Account>,
    /// The last version that each input of printed lines has received, and where it says so; none
    /// after a change.
    printed: BTreeMap<u16, Option<(String, Witness)>>,
    findings: Findings<SyncRule>,
}

impl SyncJudge {
    fn take(&mut self, line: &JournalLine, spot: Spot<'_>) {
        let account = self.accounts.entry(line.at).or_default();
        let (word, rest) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        let stated = Stated::of(rest);
        match (line.action, word, stated) {
            (JournalAction::Started, ..) => account.content.clear(),
            (JournalAction::Noted, "deleted", _) => account.is_deleted = true,
            (JournalAction::Sent, "offer" | "content", Some((stated, _))) => {
                self.passed_on(line.at, word, &stated, spot);
            }
            (JournalAction::Received, "content", Some((stated, _))) => {
                account.content.extend(line.peer.map(|from| (from, stated)));
            }
            (JournalAction::Noted, "changed" | "received" | "restored" | "joined", _) => {
                let rest = rest.strip_prefix("to ").unwrap_or(rest);
                if let Some((stated, rest)) = Stated::of(rest) {
                    self.becomes(line.at, word, &stated, rest, spot);
                }
            }
            _ => {}
        }
    }

    fn passed_on(&mut self, at: u16, word: &str, stated: &Stated, spot: Spot<'_>) {
        // What it was before its first line is not in the log.
        let Some((now, line)) = &self.accounts[&at].now else { return };
        // A message waits for its turn, and the file may change meanwhile.
        if now == stated || word == "content" && now.has_seen(stated) {
            return self.findings.kept(SyncRule::ReceivedFirst);
        }
        let sentence = format!("peer{at} has {} and sends {word} {}", now.stamp, stated.stamp);
        let words = || (vec![line.clone(), spot.witness()], sentence);
        self.findings.add(SyncRule::ReceivedFirst, Certainty::Certain, words);
    }

    fn becomes(&mut self, at: u16, word: &str, next: &Stated, rest: &str, spot: Spot<'_>) {
        let Some(account) = self.accounts.get_mut(&at) else { return };
        let is_deleted = std::mem::take(&mut account.is_deleted);
        let before = account.now.replace((next.clone(), spot.witness()));
        let Some((before, line)) = before.filter(|_| !is_deleted) else { return };
        let mut judge = |rule, is_kept: bool, sentence: &dyn Fn() -> String| {
            if is_kept {
                return self.findings.kept(rule);
            }
            let words = || (vec![line.clone(), spot.witness()], sentence());
            self.findings.add(rule, Certainty::Certain, words);
        };
        if word == "changed" {
            let echo = || format!("peer{at} calls an edit what its file held: {}", next.digest);
            judge(SyncRule::NoEcho, before.digest != next.digest, &echo);
        }
        let down = || format!("peer{at} goes from {} back to {}", before.stamp, next.stamp);
        judge(SyncRule::Upward, next.has_seen(&before), &down);
        if word == "received" {
            let mut words = rest.split(' ');
            let from = words.nth(1).and_then(|peer| peer.strip_prefix("peer")?.parse().ok());
            let kept = words.nth(1);
            let theirs = from.and_then(|from: u16| account.content.get(&from));
            if let Some(theirs) = theirs.filter(|theirs| theirs.digest == next.digest) {
                let is_kept = theirs.has_seen(&before) || kept == Some(&before.stamp);
                let lost = || {
                    format!("peer{at} takes {} and keeps no copy of {}", next.stamp, before.stamp)
                };
                judge(SyncRule::Kept, is_kept, &lost);
            }
        }
    }

    /// A line that is printed for people.
    fn print(&mut self, input: u16, text: &str, spot: Spot<'_>) -> bool {
        if text.contains(" file changed.") {
            self.printed.insert(input, None);
            return true;
        }
        let Some((stamp, counter)) = received(text) else { return false };
        let before = self.printed.insert(input, Some((stamp.to_owned(), spot.witness()))).flatten();
        if let Some((before, line)) = before {
            let lower = before.split('.').next().and_then(|n| n.parse().ok()) > Some(counter);
            if lower || before == stamp {
                // A deletion is said on standard error.
                let sentence = format!("{stamp} is received after {before}");
                let words = || (vec![line, spot.witness()], sentence);
                self.findings.add(SyncRule::Upward, Certainty::NotDecidable, words);
            } else {
                self.findings.kept(SyncRule::Upward);
            }
        }
        true
    }

    fn finish(mut self) -> (Findings<SyncRule>, Copies) {
        // What each copy is in the end: its content if the lines say so, else its version.
        let stated = self.accounts.values().filter_map(|account| account.now.as_ref());
        let mut ends: Vec<(&str, &Witness)> =
            stated.map(|(now, line)| (now.digest.as_str(), line)).collect();
        if ends.is_empty() {
            let printed = self.printed.values().flatten();
            ends = printed.map(|(stamp, line)| (stamp.as_str(), line)).collect();
        }
        for pair in ends.windows(2) {
            if pair[0].0 == pair[1].0 {
                self.findings.kept(SyncRule::Equal);
            } else {
                let lines = pair.iter().map(|(_, line)| (*line).clone()).collect();
                let sentence = format!("one copy ends as {}, another as {}", pair[0].0, pair[1].0);
                self.findings.add(SyncRule::Equal, Certainty::Certain, || (lines, sentence));
            }
        }
        let contents = ends.iter().map(|end| end.0).collect::<BTreeSet<_>>().len();
        let summary = Copies { copies: ends.len(), contents };
        (self.findings.sorted(), summary)
    }
}

/// The stamp and the counter in `Received: N bytes, version C.P from ADDR`.
fn received(text: &str) -> Option<(&str, u64)> {
    let (_, rest) = text.split_once("Received: ")?;
    let (_, rest) = rest.split_once(" bytes, version ")?;
    let (stamp, _) = rest.split_once(" from ")?;
    Some((stamp, stamp.split_once('.')?.0.parse().ok()?))
}

/// Reads a run.
fn read(inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Report<Copies>> {
    let (mut judge, mut events, mut lines) = (SyncJudge::default(), 0_u64, 0_u64);
    let time = |line: &Line<'_>| match &line.content {
        Content::Event(entry) => Some(entry.time_us),
        _ => None,
    };
    let inferred = inputs.read(&options.names(), time, |input, line: Option<&Line<'_>>| {
        let Some(line) = line else { return };
        let kept = OnceCell::new();
        let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
        lines += 1;
        match &line.content {
            Content::Event(entry) => {
                events += 1;
                judge.findings.add_faults(spot, line.faults);
                judge.take(entry, spot);
            }
            Content::Prose => events += u64::from(judge.print(input, &line.text, spot)),
            _ => {}
        }
    })?;
    let (findings, summary) = judge.finish();
    Ok(Report { findings, inferred, lines, events, expects: true, summary })
}

/// How the copies ended.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Copies {
    /// How many.
    copies: usize,
    /// How many different ones.
    contents: usize,
}

impl Summary for Copies {
    type Rule = SyncRule;
    const EXPECTED: SyncRule = SyncRule::Equal;
    const EVENTS: &'static str = "events";

    fn outcome(&self) -> String {
        match self {
            Self { copies: 0, .. } => "nothing is known of any copy".into(),
            Self { copies, contents: 1 } => format!("{copies} copies, all equal"),
            Self { copies, contents } => format!("{copies} copies of {contents} contents"),
        }
    }

    fn json(&self) -> impl Serialize {
        self
    }
}

/// What this judge has against the lines of a simulated run that has ended.
#[cfg(feature = "simulator")]
pub(crate) fn objections(journal: String) -> Vec<String> {
    match read(Inputs::of_text("journal", journal), &JudgeOptions::default()) {
        Ok(report) => {
            let list = report.findings.list.into_iter();
            list.map(|found| format!("{}: {}", found.rule.row().name, found.sentence)).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

impl LogJudge for SyncLog {
    fn recognises(&self, head: &[u8]) -> bool {
        let is_received = |line: &[u8]| received(&String::from_utf8_lossy(line)).is_some();
        has_event::<JournalDialect<Self>>(head) || head.split(|b| *b == b'\n').any(is_received)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        read(inputs, options)?.judgement(&names, options)
    }
}
