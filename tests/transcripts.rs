//! Paxos as readable scripts: every file in `tests/transcripts` is a list of commands, each with
//! what the peers did. `UPDATE=1 cargo test --test transcripts` writes the files anew; read the
//! difference before you keep it.
//!
//! | command | what happens |
//! |---|---|
//! | `hosts NAME` | the roles of this file of the project |
//! | `propose N V [SECONDS]` | peer N will propose V, that long after it could |
//! | `start N…` | these peers begin |
//! | `link N M` | the links between N and M come up, both ways |
//! | `deliver N M` / `drop N M` | the oldest message from N to M arrives / is lost |
//! | `run` | everything on the way arrives, in the order of sender and receiver |
//! | `fire N TIMER` | a timer of N goes off |
//! | `crash N` | N loses its memory and starts again from its records |

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use synod::hosts::Hosts;
use synod::paxos::{Electorate, Message, Peer, Record, Roles, Setup, Timer, Value};
use synod::process::{Effect, Effects, PeerId, Process};

#[derive(Default)]
struct World {
    roles: Option<Roles>,
    proposals: BTreeMap<PeerId, (Value, Duration)>,
    peers: BTreeMap<PeerId, Peer>,
    records: BTreeMap<PeerId, Vec<Record>>,
    on_the_way: BTreeMap<(PeerId, PeerId), VecDeque<Message>>,
    told: String,
}

impl World {
    fn command(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let id = |at: usize| PeerId(words[at].parse().unwrap());
        match words[0] {
            "hosts" => self.roles = Some(roles(words[1])),
            "propose" => {
                let delay = words.get(3).map_or(0.0, |seconds| seconds.parse().unwrap());
                let value = Value(words[2].chars().next().unwrap());
                self.proposals.insert(id(1), (value, Duration::from_secs_f64(delay)));
            }
            "start" => (1..words.len()).for_each(|at| self.start(id(at))),
            "crash" => {
                for ((_, _), queue) in
                    self.on_the_way.iter_mut().filter(|((a, b), _)| *a == id(1) || *b == id(1))
                {
                    queue.clear();
                }
                self.start(id(1));
            }
            "link" => {
                self.step(id(1), |peer, out| peer.connected(id(2), out));
                self.step(id(2), |peer, out| peer.connected(id(1), out));
            }
            "deliver" => self.deliver(id(1), id(2)),
            "drop" => {
                let lost = self.on_the_way.get_mut(&(id(1), id(2))).unwrap().pop_front().unwrap();
                writeln!(self.told, "lost: {}", show(&lost)).unwrap();
            }
            "run" => {
                while let Some((from, to)) = self.next() {
                    self.deliver(from, to);
                }
            }
            "fire" => {
                let timer = match words[2] {
                    "waiting" => Timer::Waiting,
                    "attempt" => Timer::Attempt,
                    "answer" => Timer::Answer,
                    other => panic!("no timer {other}"),
                };
                self.step(id(1), |peer, out| peer.timeout(timer, out));
            }
            other => panic!("no command {other}"),
        }
    }

    fn next(&self) -> Option<(PeerId, PeerId)> {
        self.on_the_way.iter().find(|(_, queue)| !queue.is_empty()).map(|(ends, _)| *ends)
    }

    fn start(&mut self, me: PeerId) {
        let (candidate, delay) = self
            .proposals
            .get(&me)
            .map_or((None, Duration::ZERO), |given| (Some(given.0), given.1));
        let roles = self.roles.clone().unwrap();
        let link_wait = Duration::from_secs(30);
        let mut peer = Peer::new(Arc::new(Setup { me, roles, candidate, delay, link_wait }));
        for record in self.records.get(&me).into_iter().flatten() {
            peer.restore(*record);
        }
        self.peers.insert(me, peer);
        self.step(me, Process::start);
    }

    fn deliver(&mut self, from: PeerId, to: PeerId) {
        let message = self.on_the_way.get_mut(&(from, to)).unwrap().pop_front().unwrap();
        let Some(peer) = self.peers.get(&to) else {
            writeln!(self.told, "nobody at {}: {}", to.0, show(&message)).unwrap();
            return;
        };
        assert_eq!(peer.objection(from, &message), None, "{message:?}");
        writeln!(self.told, "{} <- {}: {}", to.0, from.0, show(&message)).unwrap();
        self.step(to, |peer, out| peer.receive(from, message, out));
    }

    /// One event, and the steps of the peer's own that it makes due.
    fn step(&mut self, me: PeerId, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        event(self.peers.get_mut(&me).unwrap(), &mut effects);
        self.perform(me, effects);
        while self.peers[&me].is_due() {
            let mut effects = Vec::new();
            self.peers.get_mut(&me).unwrap().proceed(&mut effects);
            writeln!(self.told, "  {} takes its next step", me.0).unwrap();
            self.perform(me, effects);
        }
    }

    fn perform(&mut self, me: PeerId, effects: Effects<Peer>) {
        for effect in effects {
            let told = match effect {
                Effect::Persist(record) => {
                    self.records.entry(me).or_default().push(record);
                    match record {
                        Record::LastNumber(number) => format!("keeps: numbers up to {number}"),
                        Record::Acceptor(state) => format!(
                            "keeps: promised {}, accepted {}",
                            state.min_proposal.map_or("nothing".into(), |n| n.to_string()),
                            state.accepted.map_or("nothing".into(), |accepted| {
                                format!("{} under {}", accepted.value, accepted.number)
                            })
                        ),
                    }
                }
                Effect::Send(to, message) => {
                    let told = format!("-> {}: {}", to.0, show(&message));
                    self.on_the_way.entry((me, to)).or_default().push_back(message);
                    told
                }
                Effect::SetTimer(timer, delay) if delay.at_least == delay.at_most => {
                    format!("sets {timer:?}: {:?}", delay.at_most)
                }
                Effect::SetTimer(timer, delay) => {
                    format!("sets {timer:?}: {:?} to {:?}", delay.at_least, delay.at_most)
                }
                Effect::Report(fact) => format!("says: {fact}"),
                Effect::Cast(..) | Effect::Halt(_) => panic!("not in this protocol"),
            };
            writeln!(self.told, "  {} {told}", me.0).unwrap();
        }
    }
}

fn show(message: &Message) -> String {
    let ack = |name, ack: &synod::paxos::Ack| {
        let held = ack
            .accepted
            .map_or("nothing".into(), |held| format!("{} under {}", held.value, held.number));
        format!("{name} to {}: promised {}, holds {held}", ack.answers, ack.min_proposal)
    };
    match message {
        Message::Prepare { number, value } => format!("prepare {number} (for {value})"),
        Message::Accept { number, value } => format!("accept {number} {value}"),
        Message::Chosen { number, value } => format!("chosen {number} {value}"),
        Message::PrepareAck(answer) => ack("prepare_ack", answer),
        Message::AcceptAck(answer) => ack("accept_ack", answer),
    }
}

fn roles(name: &str) -> Roles {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let hosts = Hosts::read(&path).unwrap();
    let electorate =
        |id| Electorate { acceptors: hosts.acceptors_of(id), learners: hosts.learners_of(id) };
    Roles {
        peers: u16::try_from(hosts.peers.len()).unwrap(),
        proposers: hosts.proposers().into_iter().map(|id| (id, electorate(id))).collect(),
    }
}

/// The script with what happens now.
fn play(script: &str) -> String {
    let mut world = World::default();
    let mut played = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            world.command(command);
            writeln!(played, "{line}").unwrap();
            played.push_str(&std::mem::take(&mut world.told));
        } else if line.is_empty() || line.starts_with('#') {
            writeln!(played, "{line}").unwrap();
        }
    }
    played
}

#[test]
fn every_transcript_still_happens_as_written() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut count = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let script = fs::read_to_string(&path).unwrap();
        let played = play(&script);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &played).unwrap();
        } else {
            assert!(played == script, "{} is now:\n{played}", path.display());
        }
        count += 1;
    }
    assert!(count >= 8, "only {count} transcripts");
}
