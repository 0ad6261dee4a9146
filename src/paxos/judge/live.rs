//! The verdict on one whole run: did those who take part choose one value, and print what they
//! must and nothing else?
//!
//! It reads the printed lines of every peer as they come, so that whoever runs the peers can stop
//! as soon as all have chosen. A peer that is killed may end, and must choose again when it is
//! started; one that is frozen or cut off from every majority must not choose before that ends,
//! which also shows that the interference was real.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::command::live::{Exit, LiveRun, PeerEvent, Reasons, RunVerdict, Stream};
use crate::paxos::event::{Action, Event, MessageType};
use crate::process::PeerId;
use crate::visible::visible;

/// What is known of one peer.
#[derive(Clone, Debug)]
struct Participant {
    roles: String,
    takes_part: bool,
    /// In its present incarnation.
    chose: Option<Choice>,
    /// Killed, and not started again.
    killed: bool,
    /// Its process has ended.
    ended: bool,
    /// Why it cannot choose.
    unable: Option<&'static str>,
}

impl Participant {
    fn is_missing(&self) -> bool {
        self.takes_part && self.chose.is_none()
    }
}

#[derive(Clone, Debug)]
struct Choice {
    value: String,
    number: u64,
    after: Duration,
}

/// Collects the lines of a run and judges them.
#[derive(Clone, Debug, Default)]
pub struct ChoiceRun {
    peers: BTreeMap<u16, Participant>,
    expect: Option<String>,
    /// The value asked for under each number, and by whose line we know.
    asked: BTreeMap<u64, (String, u16)>,
    /// When the first line of a log came.
    begun: Option<Duration>,
    broken_off: bool,
    reasons: Reasons,
}

impl ChoiceRun {
    /// Everybody must choose `expect`, or any one value.
    pub fn new(expect: Option<String>) -> Self {
        Self { expect, ..Self::default() }
    }

    /// Adds a peer. Whoever takes part must choose, whoever does not must print nothing.
    pub fn add_peer(&mut self, peer: u16, roles: String, takes_part: bool) {
        let (chose, killed, ended, unable) = (None, false, false, None);
        self.peers.insert(peer, Participant { roles, takes_part, chose, killed, ended, unable });
    }

    /// A line that must be one of the printed form.
    fn event(&mut self, peer: u16, after: Duration, line: &str) {
        let event = serde_json::from_str::<Event>(line).ok();
        let Some(event) = event.filter(|event| event.printed().as_deref() == Some(line)) else {
            return self.object(format!("peer{peer} printed a line of another form: {line}"));
        };
        let Some(participant) = self.peers.get(&peer) else {
            return self.object(format!("peer{peer} is in no line of the hostsfile, but prints"));
        };
        if !participant.takes_part {
            return self.object(format!("peer{peer} takes no part, but prints: {line}"));
        }
        let (Some(value), Some(number)) = (event.message_value, event.proposal_num) else { return };
        let sends = matches!(event.action, Action::Sent);
        if (sends || event.action == Action::Chose) && event.peer_id != peer {
            return self.object(format!("peer{peer} prints another peer's act as its own: {line}"));
        }
        // An ack's value may belong to a lower number; these three lines tie value and number.
        if matches!(event.message_type, Some(MessageType::Accept | MessageType::Chose)) {
            let (first, by) = self.asked.entry(number).or_insert_with(|| (value.clone(), peer));
            if *first != value {
                let (first, by) = (first.clone(), *by);
                self.object(format!(
                    "number {number} has two values: {first} says peer{by}, {value} says peer{peer}"
                ));
            }
        }
        if event.action == Action::Chose {
            self.chose(peer, Choice { value, number, after });
        }
    }

    fn chose(&mut self, peer: u16, choice: Choice) {
        let other = self.peers.iter().find_map(|(id, participant)| {
            let earlier = participant.chose.as_ref()?;
            (earlier.value != choice.value).then(|| format!("{} says peer{id}", earlier.value))
        });
        if let Some(other) = other {
            self.object(format!(
                "two values are chosen: {other}, {} says peer{peer}",
                choice.value
            ));
        }
        let wanted = self.expect.clone().filter(|wanted| *wanted != choice.value);
        if let Some(wanted) = wanted {
            self.object(format!("peer{peer} chose {}, expected was {wanted}", choice.value));
        }
        let Some(participant) = self.peers.get_mut(&peer) else { return };
        if participant.chose.is_some() {
            return self.object(format!("peer{peer} printed its choice twice"));
        }
        participant.chose = Some(choice);
    }

    /// Those who take part and have not chosen yet.
    fn missing(&self) -> impl Iterator<Item = (&u16, &Participant)> {
        self.peers.iter().filter(|(_, participant)| participant.is_missing())
    }

    /// Who chose what, with which number, when: a line each.
    fn table(&self) -> String {
        let width = self.peers.values().map(|participant| participant.roles.chars().count()).max();
        let width = width.unwrap_or(0).max("roles".len());
        let mut table = format!("peer    {:<width$}  chose  number  after\n", "roles");
        for (peer, participant) in &self.peers {
            let row = match &participant.chose {
                Some(Choice { value, number, after }) => {
                    format!("{:<5}  {number:<6}  {:.3} s", visible(value), after.as_secs_f64())
                }
                None if participant.takes_part => "-".into(),
                None => "(takes no part)".into(),
            };
            let (name, roles) = (format!("peer{peer}"), &participant.roles);
            let _ = writeln!(table, "{name:<7} {roles:<width$}  {row}"); // a String takes all
        }
        table
    }
}

impl LiveRun for ChoiceRun {
    fn line(&mut self, peer: PeerId, stream: Stream, after: Duration, text: &str) {
        let after = match stream {
            Stream::Out => after,
            Stream::Err => return,
            // A log may begin long after whoever reads it; and prose begins with the peer's name.
            Stream::Mixed => {
                let begun = *self.begun.get_or_insert(after);
                if text.strip_prefix(&peer.to_string()).is_some_and(|rest| rest.starts_with(": ")) {
                    return;
                }
                after.saturating_sub(begun)
            }
        };
        self.event(peer.0, after, text);
        let participant = self.peers.get(&peer.0).filter(|peer| peer.chose.is_some());
        if let Some(why) = participant.and_then(|participant| participant.unable) {
            self.object(format!("{peer} chose while it was {why}"));
        }
    }

    fn fault(&mut self, fault: PeerEvent) {
        let (PeerEvent::Killed(peer)
        | PeerEvent::Started(peer)
        | PeerEvent::Quits(peer)
        | PeerEvent::CutOff(peer)
        | PeerEvent::Frozen(peer)
        | PeerEvent::Disconnected(peer)
        | PeerEvent::Back(peer)) = fault;
        let Some(participant) = self.peers.get_mut(&peer.0) else { return };
        let has_chosen = participant.chose.is_some();
        match fault {
            PeerEvent::Killed(_) | PeerEvent::Quits(_) => participant.killed = true,
            PeerEvent::Started(_) => {
                (participant.killed, participant.ended) = (false, false);
                // It learns and prints the choice anew.
                participant.chose = None;
            }
            // Then the cut was too late to show anything.
            PeerEvent::CutOff(_) if has_chosen => {
                self.object(format!("{peer} had chosen before it was cut off"));
            }
            PeerEvent::CutOff(_) => participant.unable = Some("cut off from every majority"),
            // Of a peer that has chosen nothing is claimed.
            PeerEvent::Frozen(_) if !has_chosen => participant.unable = Some("frozen"),
            PeerEvent::Disconnected(_) if !has_chosen => participant.unable = Some("disconnected"),
            PeerEvent::Frozen(_) | PeerEvent::Disconnected(_) => {}
            PeerEvent::Back(_) => participant.unable = None,
        }
    }

    fn broken_off(&mut self, why: &str) {
        self.object(format!("the scenario was broken off: {why}"));
        self.broken_off = true;
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        let Some(participant) = self.peers.get_mut(&peer.0) else { return };
        participant.ended = true;
        if !participant.killed {
            self.object(format!("{peer} ended too early: {exit}"));
        }
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn unfinished(&mut self, timeout: Option<Duration>) {
        self.object(match timeout {
            Some(timeout) => format!("after {} s not all had chosen", timeout.as_secs_f64()),
            None => "the log ended before all had chosen".into(),
        });
    }

    fn reached(&self) -> bool {
        self.missing().next().is_none()
    }

    /// Whatever was wrong, the others are still heard, as long as anybody is left who could choose.
    fn failed(&self) -> bool {
        self.broken_off || self.missing().all(|(_, participant)| participant.ended)
    }

    fn verdict(&self) -> RunVerdict {
        let mut reasons = self.reasons.list().to_vec();
        reasons.extend(self.missing().map(|(peer, _)| format!("peer{peer} never chose")));
        let who = match self.peers.values().filter(|participant| participant.takes_part).count() {
            1 => "1 peer takes part".into(),
            parts => format!("{parts} peers take part"),
        };
        let shown = format!("{who}, and all know the same value");
        RunVerdict { table: self.table(), reasons, shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(lines: &[(u16, &str)]) -> Vec<String> {
        let mut judge = ChoiceRun::new(Some("X".into()));
        judge.add_peer(1, "proposer1".into(), true);
        judge.add_peer(2, "acceptor1".into(), true);
        judge.add_peer(3, "learner7".into(), false);
        for (peer, line) in lines {
            let line = line.replace('\'', "\"");
            judge.event(*peer, Duration::from_millis(3), &line);
        }
        judge.verdict().reasons
    }

    const ASK: &str = "{'peer_id':1,'action':'sent','message_type':'accept',\
                       'message_value':'X','proposal_num':1}";
    const ONE: &str = "{'peer_id':1,'action':'chose','message_type':'chose',\
                       'message_value':'X','proposal_num':1}";
    const TWO: &str = "{'peer_id':2,'action':'chose','message_type':'chose',\
                       'message_value':'X','proposal_num':1}";

    #[test]
    fn a_good_run_passes() {
        assert_eq!(judge(&[(1, ASK), (1, ONE), (2, TWO)]), Vec::<String>::new());
    }

    #[test]
    fn one_peer_takes_part_and_two_take_part() {
        let mut judge = ChoiceRun::new(None);
        for (peer, want) in [(1, "passed: 1 peer takes part, and "), (2, "passed: 2 peers take ")] {
            judge.add_peer(peer, "acceptor1".into(), true);
            judge.event(
                peer,
                Duration::ZERO,
                &ONE.replace('\'', "\"").replace("peer_id\":1", &format!("peer_id\":{peer}")),
            );
            let text = judge.verdict().for_people();
            assert!(text.contains(want), "{text}");
        }
    }

    #[test]
    fn every_way_to_fail_is_named() {
        let ask_y = ASK.replace("'X'", "'Y'");
        let two_y = TWO.replace("'X'", "'Y'").replace(":1}", ":6}");
        let blank = ASK.replace(':', ": ");
        for (lines, want) in [
            (vec![(1, ONE)], "peer2 never chose"),
            (vec![(1, ONE), (2, TWO), (2, TWO)], "peer2 printed its choice twice"),
            (vec![(1, ONE), (2, &two_y)], "two values are chosen: X says peer1, Y says peer2"),
            (vec![(1, ONE), (2, &two_y)], "peer2 chose Y, expected was X"),
            (vec![(1, ASK), (1, &ask_y)], "number 1 has two values"),
            (vec![(1, &blank)], "peer1 printed a line of another form"),
            (vec![(1, "panic!")], "peer1 printed a line of another form"),
            (vec![(2, ONE)], "prints another peer's act as its own"),
            (vec![(3, ONE)], "peer3 takes no part, but prints"),
            (vec![(4, ONE)], "peer4 is in no line"),
        ] {
            let reasons = judge(&lines);
            assert!(reasons.iter().any(|reason| reason.contains(want)), "{want}: {reasons:?}");
        }
    }
}
