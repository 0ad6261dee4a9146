//! Runs of synod's own protocol under its simulator, as its journals tell them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value as Json;
use synod::paxos::sim::PaxosSim;
use synod::process::PeerId;
use synod::sim::harness::Scenario;

use super::log::{Ack, Act, Kind, Line, Num, Run, Value};

/// The worlds; in the last three, proposers are acceptors too.
pub(crate) const WORLDS: &[&str] = &[
    "--peers 5 --proposers 2 --faults heavy",
    "--peers 5 --proposers 2 --faults light",
    "--peers 5 --proposers 3 --faults heavy",
    "--peers 7 --proposers 2 --faults light",
    "--peers 3 --proposers 3 --faults heavy",
    "--peers 5 --proposers 5 --faults light",
    "--peers 2 --proposers 2 --faults heavy",
];

/// What the proposers propose, in their order.
const VALUES: &str = "XYZABCDE";

/// The run of a seed in a world.
pub(crate) fn play(world: &str, seed: u64) -> Run {
    let scenario = Scenario::<PaxosSim>::of_flags(world).expect("a world");
    let recorded = scenario.record(seed);
    assert_eq!(recorded.outcome.violation, None, "{}", scenario.command(seed));
    let roles = &scenario.parameters.cast(&recorded.plan).roles;
    let ids = |peers: &BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
    let of = |learners: bool| {
        let ids = move |e: &synod::paxos::Electorate| {
            ids(if learners { &e.learners } else { &e.acceptors })
        };
        roles.proposers.iter().map(|(id, electorate)| (id.0, ids(electorate))).collect()
    };
    let mut reader = Reading { peers: roles.peers, ..Reading::default() };
    let lines = recorded.journal.lines().filter_map(|line| reader.line(line)).collect();
    let (acceptors, learners) = (of(false), of(true));
    Run { peers: roles.peers, acceptors, learners, lines, own_rounds: false }
}

/// Messages of the same ends, kind, number and promise.
type Key = (u16, u16, Kind, Num, Option<Num>);

/// Reads a journal. It plays the acceptors by what they receive: a journal does not tell the
/// promise before a question.
#[derive(Default)]
struct Reading {
    peers: u16,
    promised: BTreeMap<u16, Option<Num>>,
    /// The promises before questions that are to be answered.
    before: BTreeMap<(u16, Kind, Num), Option<Num>>,
    /// The values of questions.
    asked: BTreeMap<(Kind, Num), Value>,
    /// What is on its way, or has arrived and may arrive again.
    sent: BTreeMap<Key, VecDeque<(u32, Option<Num>)>>,
    messages: u32,
}

impl Reading {
    fn number(&self, json: &Json) -> Option<Num> {
        let number = json.as_u64()?.checked_sub(1)?;
        let peers = u64::from(self.peers);
        let id = u16::try_from(number % peers).expect("below the number of peers") + 1;
        Some(Num { round: number / peers + 1, id })
    }

    fn line(&mut self, line: &str) -> Option<Line> {
        let json: Json = serde_json::from_str(line).expect("JSON");
        let peer = |key: &str| json[key].as_u64().and_then(|id| u16::try_from(id).ok());
        let at = peer("at")?;
        let number = self.number(&json["proposal_num"]);
        let act = match json["action"].as_str()? {
            "sent" => Act::Sent,
            "received" => Act::Received,
            "chose" => Act::Chose,
            "started" => {
                self.promised.insert(at, number);
                return None;
            }
            _ => return None,
        };
        let kind = match json["message_type"].as_str()? {
            "prepare" => Kind::Prepare,
            "prepare_ack" => Kind::PrepareAck,
            "accept" => Kind::Accept,
            "accept_ack" => Kind::AcceptAck,
            "chosen" => Kind::Notice,
            _ => Kind::Chose,
        };
        let shown = VALUES.find(json["message_value"].as_str()?).expect("a candidate");
        let shown = Value::try_from(shown).expect("one of a few");
        let (from, to) = (peer("peer_id")?, peer("to").unwrap_or(at));
        let after = number;
        let number = self.number(&json["answers"]).or(number)?;
        let mut line =
            Line { at, act, kind, from, to, number, value: shown, ack: None, message: 0 };
        if kind.is_question() {
            self.asked.insert((kind, number), shown);
            if act == Act::Received {
                let promised = self.promised.entry(at).or_default();
                self.before.insert((at, kind.ack(), number), *promised);
                *promised = (*promised).max(Some(number));
            }
        }
        let is_ack = matches!(kind, Kind::PrepareAck | Kind::AcceptAck);
        let before = is_ack.then(|| self.before.get(&(from, kind, number)).copied().flatten());
        let key = (from, to, kind, number, after);
        let flying = self.sent.entry(key).or_default();
        let (message, before) = if act == Act::Received && !flying.is_empty() {
            // The last one may come twice.
            let first = flying[0];
            if flying.len() > 1 {
                flying.pop_front();
            }
            first
        } else {
            self.messages += 1;
            let new = (self.messages, before.flatten());
            flying.push_back(new);
            new
        };
        line.message = message;
        if is_ack {
            let question = if kind == Kind::PrepareAck { Kind::Prepare } else { Kind::Accept };
            line.value = *self.asked.get(&(question, number)).unwrap_or(&shown);
            let held = self.number(&json["accepted_proposal"]);
            let accepted = held.map(|held| (held, shown));
            let voted = kind == Kind::PrepareAck || held == Some(number);
            let granted = after == Some(number) && voted;
            line.ack = Some(Ack { before, after, accepted, granted });
        }
        Some(line)
    }
}
