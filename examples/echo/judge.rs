//! The judge of finished runs. It shares no code with the protocol: it knows the lines alone, and
//! recomputes from them what must hold.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use synod::error::{Error, Result};
use synod::trace::fault::Faults;
use synod::trace::findings::{Certainty, Findings, Level, Rule, RuleRow, Spot, Witness, row};
use synod::trace::inputs::{Inputs, has_event};
use synod::trace::judge::{JudgeOptions, Judgement, LogJudge};
use synod::trace::reader::{Content, Dialect, LogLine, Object};

use super::lines::{Action, EchoLine};

synod::faults! {
    /// In what a line differs from the form.
    EchoFault, None,
    /// It is spelled otherwise than this program does.
    Spelling,
}

/// The lines of `echo`.
#[derive(Default)]
pub struct EchoDialect;

impl Dialect for EchoDialect {
    type Entry<'a> = EchoLine;
    type Fault = EchoFault;
    type Sniff = ();

    fn strict<'a>(bytes: &'a [u8], _faults: &mut Faults<EchoFault>) -> Option<EchoLine> {
        serde_json::from_slice(bytes).ok()
    }

    fn lenient<'a>(text: &'a str, faults: &mut Faults<EchoFault>) -> Object<'a, EchoLine> {
        let mut found = serde_json::Deserializer::from_str(text).into_iter::<EchoLine>();
        let content = match found.next() {
            Some(Ok(line)) => Content::Event(line),
            _ => return Object { content: Content::Unreadable, rest: "", is_whole: true },
        };
        faults.add(EchoFault::Spelling);
        Object { content, rest: &text[found.byte_offset()..], is_whole: true }
    }
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EchoRule {
    Echoed,
    InOrder,
}

impl Rule for EchoRule {
    const TABLE: &'static [RuleRow<Self>] = &[
        row(
            Self::Echoed,
            "echoed",
            Level::Safety,
            "what is counted was echoed by every other peer",
        ),
        row(Self::InOrder, "in-order", Level::Safety, "a peer counts upwards, each number once"),
    ];
    const MOST_UNDECIDED: u64 = 10;
    const MOST_NOTES: usize = 10;
}

/// What the lines of one peer have shown so far.
#[derive(Default)]
struct Account {
    counted: Option<(u64, Witness)>,
    echoes: BTreeMap<u64, BTreeSet<u16>>,
}

/// A run, line by line.
#[derive(Default)]
pub struct EchoJudge {
    accounts: BTreeMap<u16, Account>,
    counts: Vec<(u16, u64, Witness)>,
    findings: Findings<EchoRule>,
}

impl EchoJudge {
    /// Takes the next line.
    pub fn take(&mut self, line: &EchoLine, witness: Witness) {
        let account = self.accounts.entry(line.peer_id).or_default();
        match &line.action {
            Action::Started | Action::Sent(..) => {}
            Action::Received(from, message) => {
                let number = message.strip_prefix("echo ").and_then(|number| number.parse().ok());
                if let Some(number) = number {
                    account.echoes.entry(number).or_default().insert(*from);
                }
            }
            Action::Counted(number) => {
                let before = account.counted.replace((*number, witness.clone()));
                match before.filter(|(before, _)| number <= before) {
                    None => self.findings.kept(EchoRule::InOrder),
                    Some((before, line)) => {
                        let peer = line_of(line.line);
                        let sentence = format!("{number} is counted after {before} ({peer})");
                        let words = || (vec![line, witness.clone()], sentence);
                        self.findings.add(EchoRule::InOrder, Certainty::Certain, words);
                    }
                }
                self.counts.push((line.peer_id, *number, witness));
            }
        }
    }

    /// The findings, now that all peers are known.
    pub fn finish(mut self) -> Findings<EchoRule> {
        let all: BTreeSet<u16> = self.accounts.keys().copied().collect();
        for (peer, number, witness) in self.counts {
            let echoed = self.accounts[&peer].echoes.get(&number).cloned().unwrap_or_default();
            let missing = all.iter().find(|other| **other != peer && !echoed.contains(other));
            match missing {
                None => self.findings.kept(EchoRule::Echoed),
                Some(other) => {
                    let sentence = format!("peer{peer} counts {number}, not echoed by peer{other}");
                    let words = || (vec![witness], sentence);
                    self.findings.add(EchoRule::Echoed, Certainty::Certain, words);
                }
            }
        }
        self.findings.sorted()
    }
}

fn line_of(number: u64) -> String {
    format!("line {number}")
}

/// The line as findings keep it.
pub fn witness(input: u16, line: &LogLine<'_, EchoDialect>) -> Witness {
    let kept = OnceCell::new();
    Spot { input, line: line.number, text: &line.text, kept: &kept }.witness()
}

/// What this judge has against the lines of a simulated run.
pub fn objections(journal: &str) -> Vec<String> {
    let mut judge = EchoJudge::default();
    for (line, number) in journal.lines().zip(1..) {
        if let Ok(entry) = serde_json::from_str(line) {
            judge.take(&entry, Witness { input: 0, line: number, text: line.into() });
        }
    }
    judge.finish().list.into_iter().map(|finding| finding.sentence).collect()
}

/// The row of the table.
pub struct EchoLog;

impl LogJudge for EchoLog {
    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<EchoDialect>(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        let (mut judge, mut events) = (EchoJudge::default(), 0);
        let time = |line: &LogLine<'_, EchoDialect>| match &line.content {
            Content::Event(entry) => Some(entry.time_us),
            _ => None,
        };
        let inferred = inputs.read::<EchoDialect, u64>(&options.names(), time, |input, line| {
            if let Some(line) = line
                && let Content::Event(entry) = &line.content
            {
                events += 1;
                judge.take(entry, witness(input, line));
            }
        })?;
        if events == 0 {
            return Err(Error::Input("there is no line of echo".into()));
        }
        let findings = judge.finish();
        let printed = findings.for_people(&inferred, &names, options.strict, None);
        let is_violated = findings.violated(options.strict);
        Ok(Judgement { printed, is_readable: true, is_violated })
    }
}
