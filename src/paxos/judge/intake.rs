//! The judge: takes lines, and hands what they say to each reading.

use std::cell::OnceCell;

use super::dialect::{Entry, PaxosDialect, PaxosFault};
use super::hypothesis::Hypothesis;
use super::known::{Known, PaxosOptions};
use super::reading::{READINGS, Reading};
use super::rules::PaxosRule;
use super::state::Facts;
use crate::paxos::event::Action;
use crate::trace::MOST_PEERS;
use crate::trace::findings::{Findings, Spot};
use crate::trace::reader::{Content, LogLine};

/// Takes the lines of a run and judges them.
#[derive(Clone, Debug)]
pub struct PaxosJudge {
    pub(super) known: Known,
    /// One for each reading that is left; they begin to differ with the first printed ack.
    pub(super) hypotheses: Vec<Hypothesis>,
    /// The readings struck out, and how many lines contradicted each.
    pub(super) struck: Vec<(&'static str, u64)>,
    pub(super) findings: Findings<PaxosRule>,
    last_line: Option<(u16, u64)>,
}

/// How many contradictions a reading may have that is not the best: beyond it, it is dropped.
const MOST_CONTRADICTIONS: u64 = 24;

impl PaxosJudge {
    /// A judge who has seen nothing.
    pub fn new(options: PaxosOptions) -> Self {
        let allowed = |reading: &&Reading| options.acks.is_none_or(|acks| acks.allows(**reading));
        let first = READINGS.iter().find(allowed).copied().unwrap_or(READINGS[0]);
        let known = Known { options, ..Known::default() };
        Self {
            known,
            hypotheses: vec![Hypothesis::new(first)],
            struck: Vec::new(),
            findings: Findings::default(),
            last_line: None,
        }
    }

    /// Takes a line of the input with this number, from 0. The lines of one input come in order.
    pub fn line(&mut self, input: u16, line: &LogLine<'_, PaxosDialect>) {
        // Several objects may stand on one line.
        let place = Some((input, line.number));
        let counts = &mut self.known.counts;
        counts.lines += u64::from(self.last_line != place);
        self.last_line = place;
        counts.sources = counts.sources.max(input.saturating_add(1));
        let kept = OnceCell::new();
        let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
        if !line.faults.is_empty() {
            self.findings.add_faults(spot, line.faults);
        }
        if line.content == Content::Prose {
            let rule = PaxosRule::OtherText;
            self.findings.broken_by(rule, spot, || "this is not a line of a run".into());
        }
        let Content::Event(entry) = &line.content else { return };
        counts.events += 1;
        // A peer beyond the bound is counted, so that nobody takes silence for a clean bill.
        let peers = &mut self.known.peers;
        for peer in [entry.printer, entry.sender, Some(entry.peer_id)].into_iter().flatten() {
            if !peers.contains_key(&peer) {
                if peers.len() >= MOST_PEERS {
                    counts.unknown_peers += 1;
                    return;
                }
                peers.insert(peer, Facts::default());
            }
        }
        self.event(spot, entry, line.faults.has(PaxosFault::PeerIdIsPrinter));
    }

    /// `other_id` says that `peer_id` is not the sender's.
    fn event(&mut self, spot: Spot<'_>, entry: &Entry<'_>, other_id: bool) {
        if let Some(printer) = entry.printer {
            if let Some(facts) = self.known.peers.get_mut(&printer) {
                facts.speaks = true;
                facts.journal |= entry.is_journal;
            }
            if entry.action != Action::Received && entry.peer_id != printer && !other_id {
                self.findings.broken_by(PaxosRule::OwnPeerId, spot, || {
                    format!("peer{printer} prints an act of peer{} as its own", entry.peer_id)
                });
            }
        }
        match entry.action {
            Action::Started => return self.started(spot, entry),
            Action::Lost => return self.lost(spot, entry),
            _ => {}
        }
        let Some(message) = self.known.message(entry) else { return };
        if message.is_ack() && !message.is_journal && self.known.printed_acks == 1 {
            self.fork();
        }
        for hypothesis in &mut self.hypotheses {
            hypothesis.event(&mut self.known, spot, entry.action, message);
        }
        if self.hypotheses.len() > 1 {
            self.drop_the_contradicted();
        }
    }

    /// From the first printed ack on, the readings differ.
    fn fork(&mut self) {
        let first = self.hypotheses[0].reading;
        let allowed = |reading: &&Reading| {
            **reading != first && self.known.options.acks.is_none_or(|acks| acks.allows(**reading))
        };
        let others = READINGS.iter().filter(allowed).map(|reading| {
            let mut hypothesis = self.hypotheses[0].clone();
            hypothesis.reading = *reading;
            hypothesis
        });
        let others: Vec<Hypothesis> = others.collect();
        self.hypotheses.extend(others);
    }

    /// What is broken under a reading stays broken, so it can no longer excuse anything: where it
    /// is not the best one either, it need not be followed any further.
    fn drop_the_contradicted(&mut self) {
        let best = self.hypotheses.iter().map(|one| one.contradictions).min().unwrap_or(0);
        let struck = &mut self.struck;
        self.hypotheses.retain(|one| {
            let keep = one.contradictions < MOST_CONTRADICTIONS + 4 * best;
            if !keep {
                struck.push((one.reading.words, one.contradictions));
            }
            keep
        });
    }

    /// A line of a journal that says that a peer began, and with what.
    fn started(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        let facts = self.known.peers.entry(entry.peer_id).or_default();
        facts.starts += 1;
        let again = facts.starts > 1;
        // What the end of its last incarnation has cost is missing before this line.
        self.known.has_gaps |= again && facts.queued;
        facts.queued |= entry.queued;
        for hypothesis in &mut self.hypotheses {
            hypothesis.started(spot, entry, again);
        }
    }

    /// A line that stands for others, which are not here.
    fn lost(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        self.known.has_gaps = true;
        let facts = self.known.peers.entry(entry.peer_id).or_default();
        facts.lost = facts.lost.saturating_add(entry.lost.unwrap_or(1));
        // A new incarnation may have begun among them, which chooses anew.
        for hypothesis in &mut self.hypotheses {
            hypothesis.stream(spot, entry.peer_id).chose = None;
        }
    }
}
