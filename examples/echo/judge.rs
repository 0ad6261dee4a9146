//! The judge of finished runs. It shares no code with the protocol: it knows the lines alone, and
//! recomputes from them what must hold.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use synod::error::{Error, Result};
use synod::trace::findings::{
    Certainty, Findings, Rule, RuleRow, Severity, Spot, Witness, form, row,
};
use synod::trace::inputs::{Inputs, has_event};
use synod::trace::journal::{JournalAction, JournalDialect, JournalFault, JournalLine};
use synod::trace::judge::{JudgeOptions, Judgement, LogJudge};
use synod::trace::reader::{Content, LogLine};

use super::lines::{DONE, EchoLog, counted, echoed};

type Line<'a> = LogLine<'a, JournalDialect<EchoLog>>;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EchoRule {
    Echoed,
    InOrder,
    Form,
    Done,
}

impl Rule for EchoRule {
    type Fault = JournalFault;
    const TABLE: &'static [RuleRow<Self>] = &[
        row(
            Self::Echoed,
            "echoed",
            Severity::Safety,
            "what is counted was echoed by every other peer",
        ),
        row(Self::InOrder, "in-order", Severity::Safety, "a peer counts upwards, each number once"),
        form(Self::Form, "form", "a line is a JSON object and nothing else", "it is not only that"),
        row(Self::Done, "done", Severity::Progress, "every peer reaches the goal"),
    ];
    const MOST_UNDECIDED: u64 = 10;
    const MOST_NOTES: usize = 10;

    fn of_form(_: JournalFault) -> Self {
        Self::Form
    }
}

/// What the lines of one peer have shown so far.
#[derive(Default)]
struct Account {
    /// The last number that it counted, and where it says so.
    counted: Option<(u64, Witness)>,
    /// Who has echoed which number to it.
    echoes: BTreeMap<u64, BTreeSet<u16>>,
    is_done: bool,
}

/// A run, line by line.
pub(crate) struct EchoJudge {
    accounts: BTreeMap<u16, Account>,
    /// Who counted what, and where it says so.
    counts: Vec<(u16, u64, Witness)>,
    findings: Findings<EchoRule>,
}

impl EchoJudge {
    /// With these peers, and those that have lines.
    fn new(peers: impl IntoIterator<Item = u16>) -> Self {
        let accounts = peers.into_iter().map(|peer| (peer, Account::default())).collect();
        Self { accounts, counts: Vec::new(), findings: Findings::default() }
    }

    /// Takes the next line.
    fn take(&mut self, line: &JournalLine, spot: Spot<'_>) {
        let account = self.accounts.entry(line.at).or_default();
        match (line.action, line.peer) {
            (JournalAction::Received, Some(from)) => {
                if let Some(number) = echoed(&line.text) {
                    account.echoes.entry(number).or_default().insert(from);
                }
            }
            (JournalAction::Noted, _) => {
                account.is_done |= line.text == DONE;
                if let Some(number) = counted(&line.text) {
                    self.count(line.at, number, spot);
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, peer: u16, number: u64, spot: Spot<'_>) {
        self.counts.push((peer, number, spot.witness()));
        let account = self.accounts.entry(peer).or_default();
        let before = account.counted.replace((number, spot.witness()));
        match before.filter(|(before, _)| number <= *before) {
            None => self.findings.kept(EchoRule::InOrder),
            Some((before, line)) => {
                let sentence = format!("peer{peer} counts {number} after {before}");
                let words = || (vec![line, spot.witness()], sentence);
                self.findings.add(EchoRule::InOrder, Certainty::Certain, words);
            }
        }
    }

    /// The findings, now that all peers are known.
    fn finish(mut self) -> Findings<EchoRule> {
        let all: BTreeSet<u16> = self.accounts.keys().copied().collect();
        for (peer, number, witness) in self.counts {
            let echoed = self.accounts.get(&peer).and_then(|account| account.echoes.get(&number));
            let is_missing = |other: &&u16| {
                **other != peer && !echoed.is_some_and(|echoed| echoed.contains(*other))
            };
            match all.iter().find(is_missing) {
                None => self.findings.kept(EchoRule::Echoed),
                Some(other) => {
                    let sentence = format!("peer{peer} counts {number}, not echoed by peer{other}");
                    let words = || (vec![witness], sentence);
                    self.findings.add(EchoRule::Echoed, Certainty::Certain, words);
                }
            }
        }
        for (peer, account) in &self.accounts {
            if account.is_done {
                self.findings.kept(EchoRule::Done);
            } else {
                let words = || (Vec::new(), format!("peer{peer} is not done"));
                self.findings.add(EchoRule::Done, Certainty::Certain, words);
            }
        }
        self.findings.sorted()
    }
}

/// Reads a run; the findings, and what was concluded about who wrote the inputs.
fn read(inputs: Inputs, options: &JudgeOptions<'_>) -> Result<(Findings<EchoRule>, Vec<String>)> {
    let peers = options.hosts.into_iter().flat_map(|hosts| &hosts.peers);
    let (mut judge, mut events) = (EchoJudge::new(peers.map(|peer| peer.id.0)), 0_u64);
    let time = |line: &Line<'_>| match &line.content {
        Content::Event(entry) => Some(entry.time_us),
        _ => None,
    };
    let inferred = inputs.read(&options.names(), time, |input, line: Option<&Line<'_>>| {
        let Some(line) = line else { return };
        if let Content::Event(entry) = &line.content {
            let kept = OnceCell::new();
            let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
            events += 1;
            judge.findings.add_faults(spot, line.faults);
            judge.take(entry, spot);
        }
    })?;
    if events == 0 {
        return Err(Error::Input("no line is an event of an echo counter".into()));
    }
    Ok((judge.finish(), inferred))
}

/// What this judge has against the lines of a simulated run that has ended.
#[cfg(feature = "simulator")]
pub(crate) fn objections(journal: String) -> Vec<String> {
    match read(Inputs::of_text("journal", journal), &JudgeOptions::default()) {
        Ok((findings, _)) => findings.list.into_iter().map(|found| found.sentence).collect(),
        Err(error) => vec![error.to_string()],
    }
}

impl LogJudge for EchoLog {
    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<JournalDialect<Self>>(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        let (findings, inferred) = read(inputs, options)?;
        let printed = findings.for_people(&inferred, &names, options.strict, None);
        let is_violated = findings.violated(options.strict);
        Ok(Judgement { printed, is_readable: true, is_violated })
    }
}
