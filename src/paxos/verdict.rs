//! The verdict on one whole run: did those who take part choose one value, and print what they
//! must and nothing else?
//!
//! It reads the printed lines of every peer as they come, so that whoever runs the peers can stop
//! as soon as all have chosen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::paxos::event::{Action, Event, MessageType};
use crate::visible::visible;

/// What is known of one peer.
#[derive(Clone, Debug, Default)]
struct Account {
    roles: String,
    takes_part: bool,
    /// In its present life.
    chose: Option<Choice>,
}

#[derive(Clone, Debug)]
struct Choice {
    value: String,
    number: u64,
    after: Duration,
}

/// Collects lines and judges them.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    peers: BTreeMap<u16, Account>,
    expect: Option<String>,
    /// The value asked for under each number, and by whose line we know.
    asked: BTreeMap<u64, (String, u16)>,
    reasons: Vec<String>,
}

/// The outcome.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Why the run failed; empty if it did not.
    pub reasons: Vec<String>,
    /// Who chose what, with which number, when: lines of text.
    pub table: String,
    /// How many take part.
    pub parts: usize,
}

/// How many reasons are kept: a program gone wrong gives the same one many times.
const MOST_REASONS: usize = 20;

impl Judge {
    /// A judge who wants everybody to choose `expect`, or any one value.
    pub fn new(expect: Option<String>) -> Self {
        Self { expect, ..Self::default() }
    }

    /// Adds a peer. Whoever takes part must choose, whoever does not must print nothing.
    pub fn add_peer(&mut self, peer: u16, roles: String, takes_part: bool) {
        self.peers.insert(peer, Account { roles, takes_part, chose: None });
    }

    /// The peer was killed and started again: it learns and prints the choice anew.
    pub fn restarted(&mut self, peer: u16) {
        if let Some(account) = self.peers.get_mut(&peer) {
            account.chose = None;
        }
    }

    /// A line of `peer`'s standard output, `after` the start of the run.
    pub fn line(&mut self, peer: u16, after: Duration, line: &str) {
        let event = serde_json::from_str::<Event>(line).ok();
        let Some(event) = event.filter(|event| event.printed().as_deref() == Some(line)) else {
            return self.object(format!("peer{peer} printed a line of another form: {line}"));
        };
        let Some(account) = self.peers.get(&peer) else {
            return self.object(format!("peer{peer} is in no line of the hostsfile, but prints"));
        };
        if !account.takes_part {
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
        let other = self.peers.iter().find_map(|(id, account)| {
            let earlier = account.chose.as_ref()?;
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
        let Some(account) = self.peers.get_mut(&peer) else { return };
        if account.chose.is_some() {
            return self.object(format!("peer{peer} printed its choice twice"));
        }
        account.chose = Some(choice);
    }

    /// Notes that the run failed for a reason that no line shows.
    pub fn object(&mut self, reason: String) {
        if self.reasons.len() < MOST_REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Those who take part and have not chosen yet.
    pub fn missing(&self) -> Vec<u16> {
        let missing = self.peers.iter().filter(|(_, a)| a.takes_part && a.chose.is_none());
        missing.map(|(peer, _)| *peer).collect()
    }

    /// The verdict on what was heard so far.
    pub fn verdict(&self) -> Verdict {
        let mut reasons = self.reasons.clone();
        for peer in self.missing() {
            reasons.push(format!("peer{peer} never chose"));
        }
        let width = self.peers.values().map(|account| account.roles.chars().count()).max();
        let width = width.unwrap_or(0).max("roles".len());
        let mut table = format!("peer    {:<width$}  chose  number  after\n", "roles");
        for (peer, account) in &self.peers {
            let roles = &account.roles;
            let row = match &account.chose {
                Some(Choice { value, number, after }) => {
                    format!("{:<5}  {number:<6}  {:.3} s", visible(value), after.as_secs_f64())
                }
                None if account.takes_part => "-".into(),
                None => "(takes no part)".into(),
            };
            let name = format!("peer{peer}");
            let _ = writeln!(table, "{name:<7} {roles:<width$}  {row}"); // a String takes all
        }
        let parts = self.peers.values().filter(|account| account.takes_part).count();
        Verdict { reasons, table, parts }
    }
}

impl Verdict {
    /// Table and outcome, for people.
    pub fn for_people(&self) -> String {
        let outcome = if self.passed() {
            let who = match self.parts {
                1 => "1 peer takes part".into(),
                parts => format!("{parts} peers take part"),
            };
            format!("passed: {who}, and all know the same value\n")
        } else {
            let reasons: Vec<String> = self.reasons.iter().map(|reason| visible(reason)).collect();
            format!("FAILED: {}\n", reasons.join("\nFAILED: "))
        };
        format!("\n{}{outcome}", self.table)
    }

    /// True if nothing was wrong.
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(lines: &[(u16, &str)]) -> Vec<String> {
        let mut judge = Judge::new(Some("X".into()));
        judge.add_peer(1, "proposer1".into(), true);
        judge.add_peer(2, "acceptor1".into(), true);
        judge.add_peer(3, "learner7".into(), false);
        for (peer, line) in lines {
            let line = line.replace('\'', "\"");
            judge.line(*peer, Duration::from_millis(3), &line);
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
        let mut judge = Judge::new(None);
        for (peer, want) in [(1, "passed: 1 peer takes part, and "), (2, "passed: 2 peers take ")] {
            judge.add_peer(peer, "acceptor1".into(), true);
            judge.line(
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
