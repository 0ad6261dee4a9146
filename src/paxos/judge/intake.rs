//! The judge: takes lines, and hands what they say to the readings.
//!
//! A run is wrong only if it is wrong under every reading, so one reading that finds nothing wrong
//! is enough, and nearly always the likeliest one is it. Of a log that is not longer than the
//! [`Tail`] all readings are tried at its end, one after the other. Of a longer one, the likeliest
//! reading that has not objected is followed line by line. When it objects, the next ones are told
//! the tail, as a log whose beginning is lost, until one of them does not object.

use std::cell::OnceCell;

use super::dialect::{Entry, PaxosDialect, PaxosFault};
use super::hypothesis::Hypothesis;
use super::known::{Known, PaxosOptions};
use super::reading::{READINGS, Reading};
use super::rules::PaxosRule;
use super::state::{Facts, Said};
use super::tail::Tail;
use crate::paxos::event::Action;
use crate::trace::MOST_PEERS;
use crate::trace::findings::{Findings, Spot};
use crate::trace::reader::{Content, LogLine};

/// Takes the lines of a run and judges them.
#[derive(Clone, Debug)]
pub struct PaxosJudge {
    pub(super) known: Known,
    pub(super) tail: Tail,
    /// The reading that is followed, once the log is longer than the tail.
    pub(super) followed: Option<Box<Hypothesis>>,
    /// The readings that have objected in such a log, by their places.
    pub(super) objected: Vec<usize>,
    pub(super) findings: Findings<PaxosRule>,
    last_line: Option<(u16, u64)>,
}

impl PaxosJudge {
    /// A judge who has seen nothing.
    pub fn new(options: PaxosOptions) -> Self {
        let mut known = Known { options, ..Known::default() };
        known.expected = known.options.expect.as_deref().map(|value| known.values.id(value));
        Self {
            known,
            tail: Tail::default(),
            followed: None,
            objected: Vec::new(),
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
        let said = match entry.action {
            Action::Started => self.started(entry),
            Action::Lost => self.lost(entry),
            _ => match self.known.message(entry) {
                Some(message) => Said::Message(entry.action, message),
                None => return,
            },
        };
        // A journal has one reading, which needs no tail.
        let has_acks = self.known.printed_acks > 0;
        if self.tail.is_full() {
            if self.followed.is_none() {
                self.follow_another();
            }
            self.tail.forget(if has_acks { 1 } else { usize::MAX });
        }
        if has_acks || self.followed.is_none() {
            self.tail.add(spot, said);
        }
        if let Some(followed) = &mut self.followed {
            let objected = followed.objects();
            followed.take(&self.known, spot, said);
            if !objected && followed.objects() {
                self.follow_another();
            }
        }
    }

    /// The readings that may be the program's, with their places.
    pub(super) fn readings(&self) -> impl Iterator<Item = (usize, Reading)> + use<'_> {
        let acks = self.known.options.acks;
        let allowed = move |reading: &Reading| acks.is_none_or(|acks| acks.allows(*reading));
        let all = READINGS.into_iter().enumerate().filter(move |(_, reading)| allowed(reading));
        // Without printed acks there is nothing to read in different ways.
        all.take(if self.known.printed_acks == 0 { 1 } else { READINGS.len() })
    }

    /// Looks for the first reading that does not object; if all do, it is the likeliest one that
    /// objects least.
    fn follow_another(&mut self) {
        if self.followed.is_some() && self.readings().count() == 1 {
            return;
        }
        let before = self.followed.take();
        let choices = before.as_ref().map(|before| before.choices.clone()).unwrap_or_default();
        if let Some(before) = &before {
            let place = self.readings().find(|(_, reading)| *reading == before.reading);
            self.objected.extend(place.map(|(at, _)| at));
        }
        let tried = |reading| {
            let mut tried = Box::new(Hypothesis::new(reading));
            // A choice is one under every reading.
            tried.choices.clone_from(&choices);
            tried
        };
        for (at, reading) in self.readings().collect::<Vec<_>>() {
            if self.objected.contains(&at) {
                continue;
            }
            let mut next = tried(reading);
            self.tail.tell(&self.known, &mut next, false);
            if !next.objects() {
                self.followed = Some(next);
                return;
            }
            self.objected.push(at);
        }
        let all = self.readings().map(|(_, reading)| {
            let mut next = tried(reading);
            self.tail.tell(&self.known, &mut next, true);
            next
        });
        // What the last one has found is on the line that is not among them.
        self.followed = all.chain(before).min_by_key(|next| next.rank());
    }

    /// A line of a journal that says that a peer began, and with what.
    fn started(&mut self, entry: &Entry<'_>) -> Said {
        let peer = entry.peer_id;
        let facts = self.known.peers.entry(peer).or_default();
        facts.starts += 1;
        let again = facts.starts > 1;
        // What the end of its last incarnation has cost is missing before this line.
        self.known.has_gaps |= again && facts.queued;
        facts.queued |= entry.queued;
        Said::Started { peer, again, promised: entry.number, accepted: entry.accepted_proposal }
    }

    /// A line that stands for others, which are not here.
    fn lost(&mut self, entry: &Entry<'_>) -> Said {
        self.known.has_gaps = true;
        let facts = self.known.peers.entry(entry.peer_id).or_default();
        facts.lost = facts.lost.saturating_add(entry.lost.unwrap_or(1));
        Said::Lost(entry.peer_id)
    }
}
