//! Logs of transfers.
//!
//! A log can hold several transfers at once, of several programs with clocks of their own. So a
//! retransmission is accused only if no earlier attempt of the same segment, that no other
//! retransmission mends, lies a time-out or more before it.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{RingRule, Source};
use crate::ring::event::{Logged, Said, Segment};
use crate::trace::findings::{Certainty, Findings, Spot, Witness};

/// The time-out of a segment, in milliseconds.
const TIMEOUT_MS: u64 = 1000;
/// How many segments of one log are remembered.
const MOST_SEGMENTS: usize = 1 << 20;

/// What one log has shown.
#[derive(Default)]
struct Log {
    /// By first byte and length: the times of attempts that nothing has mended yet.
    attempts: BTreeMap<(u64, u64), Vec<u64>>,
    /// The acknowledgement numbers of segments that were sent.
    sent: BTreeSet<u64>,
    /// Segments that were received.
    received: BTreeMap<u64, u64>,
    acknowledgements: BTreeSet<u64>,
    /// The log has the beginning of a file.
    has_beginning: bool,
    last: Option<Witness>,
}

/// The logs of a run.
#[derive(Default)]
pub(super) struct Segments {
    logs: BTreeMap<Source, Log>,
    /// How many files began to come and came, by who says so.
    files: BTreeMap<Source, (u64, u64)>,
}

impl Segments {
    pub(super) fn take(
        &mut self,
        source: Source,
        said: Said,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        match said {
            Said::Receiving => self.files.entry(source).or_default().0 += 1,
            Said::FileReceived => self.files.entry(source).or_default().1 += 1,
            Said::Log(entry) => {
                let log = self.logs.entry(source).or_default();
                if log.sent.len() + log.received.len() < MOST_SEGMENTS {
                    log.take(entry, spot, findings);
                }
            }
            _ => {}
        }
    }

    /// What is missing at the end.
    pub(super) fn finish(self, findings: &mut Findings<RingRule>) {
        let sum = |pick: fn(&(u64, u64)) -> u64| self.files.values().map(pick).sum::<u64>();
        let (all_began, all_came) = (sum(|files| files.0), sum(|files| files.1));
        for (source, log) in &self.logs {
            let Some(last) = log.last.clone().filter(|_| !log.received.is_empty()) else {
                continue;
            };
            // Of files that did not come to their end some bytes are missing, rightly.
            let (began, came) = match source.1 {
                Some(_) => self.files.get(source).copied().unwrap_or_default(),
                None => (all_began, all_came),
            };
            if came == 0 || began != came {
                continue;
            }
            let mut end = 1;
            for (seq, bytes) in &log.received {
                if *seq > end {
                    break;
                }
                end = end.max(seq + bytes);
            }
            let most = log.received.iter().map(|(seq, bytes)| seq + bytes).max().unwrap_or(1);
            if end == most {
                findings.kept(RingRule::Payload);
                continue;
            }
            let certainty =
                if source.1.is_some() { Certainty::Certain } else { Certainty::IfEveryPeer };
            let text = format!("byte {end} has not come, and bytes up to {} have", most - 1);
            findings.add(RingRule::Payload, certainty, || (vec![last], text));
        }
    }
}

impl Log {
    fn take(&mut self, entry: Logged, spot: Spot<'_>, findings: &mut Findings<RingRule>) {
        let Logged { event, ms, seq, bytes, ack } = entry;
        let segment = (seq, bytes);
        self.has_beginning |= seq == 1;
        self.last = Some(spot.witness());
        match event {
            Segment::Sent | Segment::Dropped if entry.is_responding() => {
                self.attempts.entry(segment).or_default().push(ms);
                if event == Segment::Sent {
                    self.sent.insert(seq + bytes);
                }
            }
            Segment::Resent => self.resent(segment, ms, spot, findings),
            Segment::Received if entry.is_responding() => {
                let text = || format!("{ack} is acknowledged, and no segment before it was sent");
                self.acknowledged(ack, true, text, spot, findings);
            }
            Segment::Received => {
                let length = self.received.entry(seq).or_default();
                *length = bytes.max(*length);
                self.acknowledgements.insert(seq + bytes);
            }
            Segment::Sent => {
                let text = || format!("{ack} is acknowledged, and no segment before it has come");
                self.acknowledged(ack, false, text, spot, findings);
            }
            Segment::Dropped => {}
        }
    }

    fn acknowledged(
        &self,
        ack: u64,
        was_sent: bool,
        text: impl FnOnce() -> String,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        let known = if was_sent { &self.sent } else { &self.acknowledgements };
        match known.contains(&ack) {
            true => findings.kept(RingRule::Acknowledged),
            // Of a log whose beginning is missing nobody knows.
            false if !self.has_beginning => {}
            false => findings.broken_by(RingRule::Acknowledged, spot, text),
        }
    }

    fn resent(
        &mut self,
        segment: (u64, u64),
        ms: u64,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        self.sent.insert(segment.0 + segment.1);
        let has_beginning = self.has_beginning;
        let attempts = self.attempts.entry(segment).or_default();
        // The latest that is early enough: what is left serves others as well as anything could.
        let early = attempts.iter().enumerate().filter(|(_, at)| *at + TIMEOUT_MS <= ms);
        match early.max_by_key(|(_, at)| **at).map(|(place, _)| place) {
            Some(place) => {
                attempts.swap_remove(place);
                findings.kept(RingRule::TimeOut);
            }
            None if !has_beginning => {}
            None => findings.broken_by(RingRule::TimeOut, spot, || {
                format!("byte {} is sent again before the time-out", segment.0)
            }),
        }
        attempts.push(ms);
    }
}
