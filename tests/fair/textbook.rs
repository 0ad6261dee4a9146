//! A small Paxos of its own, as students write it from a lecture's slide, in a simulator with one
//! thread. It shares nothing with synod, and an oracle that sees everything says of each run that
//! it is right.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, Wire};
use super::log::{Act, Kind, Num, Run, Value};
use super::prng::Prng;

/// How a program was written.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent habits
pub(crate) struct Program {
    /// Every answer to a prepare counts, also that of an acceptor which has promised more.
    any_answer: bool,
    /// An acceptor that refuses says nothing.
    silent: bool,
    /// How often a proposer starts again.
    retries: u32,
    /// A question is repeated to those who have not answered.
    resends: bool,
    /// Proposers have ranges of numbers instead of sharing the rounds.
    own_rounds: bool,
    /// A proposer that is an acceptor answers itself at once.
    at_once: bool,
    /// Only those who have promised are asked to accept.
    promisers_only: bool,
    /// What it has once taken over is its own candidate from then on.
    adopts: bool,
    /// Whoever has chosen tells all others.
    tells: bool,
    /// A proposer says with every further vote that its value is chosen.
    repeats: bool,
    /// Acceptors send their learners copies.
    copies: bool,
    /// How many percent of the messages are lost.
    loss: usize,
}

impl Program {
    pub(crate) fn draw(prng: &mut Prng) -> Self {
        Self {
            any_answer: prng.chance(30),
            silent: prng.chance(25),
            retries: prng.pick(&[0, 1, 2, 4]),
            resends: prng.chance(25),
            own_rounds: prng.chance(15),
            at_once: prng.chance(50),
            promisers_only: prng.chance(25),
            adopts: prng.chance(25),
            tells: prng.chance(60),
            repeats: prng.chance(10),
            copies: prng.chance(50),
            loss: prng.pick(&[0, 0, 5, 15]),
        }
    }
}

/// Who proposes and who accepts, and for whom.
pub(crate) type Cast = (u16, &'static [(u16, &'static [u16])], &'static [u16]);

pub(crate) const CASTS: &[Cast] = &[
    // The lab's two files, and the variant of its text.
    (5, &[(1, &[2, 3, 4])], &[5]),
    (5, &[(1, &[2, 3, 4]), (5, &[2, 3, 4])], &[]),
    (5, &[(1, &[2, 3, 4]), (5, &[2, 3])], &[4]),
    // Proposers that are acceptors: all, two of five, one of two.
    (3, &[(1, &[1, 2, 3]), (2, &[1, 2, 3]), (3, &[1, 2, 3])], &[]),
    (5, &[(1, &[1, 2, 3, 4, 5]), (2, &[1, 2, 3, 4, 5])], &[]),
    (4, &[(1, &[1, 2, 3]), (4, &[1, 2, 3])], &[]),
    (2, &[(1, &[1, 2]), (2, &[1, 2])], &[]),
    // One acceptor, four, five.
    (2, &[(1, &[2])], &[]),
    (7, &[(1, &[4, 5, 6, 7]), (2, &[4, 5, 6, 7]), (3, &[4, 5, 6, 7])], &[]),
    (8, &[(1, &[3, 4, 5, 6, 7]), (2, &[3, 4, 5, 6, 7])], &[8]),
    // Ids of two digits.
    (12, &[(1, &[2, 3, 12]), (11, &[2, 3, 12])], &[10]),
];

#[derive(Clone, Debug, Default)]
struct Proposer {
    id: u16,
    candidate: Value,
    number: Option<Num>,
    /// Asks for promises, asks for votes, or is through.
    phase: u8,
    value: Value,
    answers: BTreeMap<u16, Option<(Num, Value)>>,
    votes: BTreeSet<u16>,
    attempts: u32,
    /// The highest round it has heard of.
    round: u64,
}

struct Simulator<'a> {
    program: &'a Program,
    cluster: Cluster,
    proposers: Vec<Proposer>,
    flying: Vec<Wire>,
    /// Who has accepted what, by the acceptors' own memory.
    votes: BTreeMap<Num, (Value, BTreeSet<u16>)>,
    /// What each learner has heard of.
    heard: BTreeMap<(u16, Num), BTreeSet<u16>>,
    chosen: BTreeSet<u16>,
}

/// More steps than any run takes before it stands still.
const MOST_STEPS: usize = 400;

/// Plays a run.
pub(crate) fn play(program: &Program, cast: Cast, prng: &mut Prng) -> Run {
    let (peers, proposers, learners) = cast;
    let acceptors = proposers.iter().map(|(id, of)| (*id, of.iter().copied().collect()));
    let learn = |(id, _): &(u16, &[u16])| (*id, learners.iter().copied().collect());
    let run = Run {
        peers,
        acceptors: acceptors.collect(),
        learners: proposers.iter().map(learn).collect(),
        own_rounds: program.own_rounds,
        ..Run::default()
    };
    let new = |((id, _), candidate): (&(u16, _), Value)| Proposer {
        id: *id,
        candidate,
        ..Proposer::default()
    };
    let mut simulator = Simulator {
        program,
        cluster: Cluster::new(run),
        proposers: proposers.iter().zip(0..).map(new).collect(),
        flying: Vec::new(),
        votes: BTreeMap::new(),
        heard: BTreeMap::new(),
        chosen: BTreeSet::new(),
    };
    for _ in 0..MOST_STEPS {
        if !simulator.step(prng) {
            break;
        }
    }
    simulator.is_right();
    simulator.cluster.run
}

impl Simulator<'_> {
    fn majority(&self, proposer: u16) -> usize {
        self.cluster.run.acceptors[&proposer].len() / 2 + 1
    }

    /// Something happens; false if nothing can.
    fn step(&mut self, prng: &mut Prng) -> bool {
        let idle = self.flying.is_empty();
        if idle || prng.chance(6) {
            let at = prng.below(self.proposers.len());
            let begins = self.proposers[at].attempts == 0;
            let again = self.proposers[at].attempts <= self.program.retries;
            let open = self.proposers[at].phase < 2;
            if open && begins {
                self.begin(at);
                return true;
            } else if open && self.program.resends && prng.chance(50) {
                self.resend(at);
            } else if open && again && (idle || prng.chance(30)) {
                self.begin(at);
                return true;
            }
            let may_begin = |proposer: &Proposer| {
                proposer.phase < 2 && proposer.attempts <= self.program.retries
            };
            if self.flying.is_empty() {
                return self.proposers.iter().any(may_begin);
            }
        }
        // Mostly the oldest, so that runs get on.
        let reach = if prng.chance(60) { 2.min(self.flying.len()) } else { self.flying.len() };
        let wire = self.flying.remove(prng.below(reach));
        let own = wire.from == wire.to;
        if own || !prng.chance(self.program.loss) {
            self.deliver(wire);
        }
        true
    }

    fn begin(&mut self, at: usize) {
        let own_rounds = self.program.own_rounds;
        let proposer = &mut self.proposers[at];
        let round = if own_rounds {
            u64::from(proposer.id) * 20 + u64::from(proposer.attempts)
        } else {
            proposer.round + 1
        };
        proposer.attempts += 1;
        proposer.round = proposer.round.max(round);
        proposer.number = Some(Num { round, id: proposer.id });
        proposer.phase = 0;
        proposer.answers.clear();
        proposer.votes.clear();
        let to = self.cluster.run.acceptors[&self.proposers[at].id].clone();
        self.ask(at, &to);
    }

    /// Asks these acceptors what the proposer has to ask now.
    fn ask(&mut self, at: usize, to: &BTreeSet<u16>) {
        let Proposer { id, candidate, phase, value, number, .. } = self.proposers[at];
        let Some(number) = number else { return };
        let (kind, value) =
            if phase == 0 { (Kind::Prepare, candidate) } else { (Kind::Accept, value) };
        let wires: Vec<Wire> =
            to.iter().map(|to| self.cluster.ask(id, *to, kind, number, value)).collect();
        for wire in wires {
            if wire.to == id && self.program.at_once {
                self.deliver(wire);
            } else {
                self.flying.push(wire);
            }
        }
    }

    fn resend(&mut self, at: usize) {
        let Proposer { id, phase, ref answers, ref votes, .. } = self.proposers[at];
        let mut to = self.cluster.run.acceptors[&id].clone();
        to.retain(
            |peer| if phase == 0 { !answers.contains_key(peer) } else { !votes.contains(peer) },
        );
        self.ask(at, &to);
    }

    fn deliver(&mut self, wire: Wire) {
        self.cluster.receive(&wire);
        match wire.kind {
            Kind::Prepare | Kind::Accept => self.answer(&wire),
            Kind::PrepareAck => self.promised(&wire),
            Kind::AcceptAck => self.voted(&wire),
            Kind::Notice | Kind::Chose => self.choose(wire.to, wire.number, wire.value),
        }
    }

    fn answer(&mut self, question: &Wire) {
        let ack = self.cluster.handle(question);
        let is_vote = ack.granted && question.kind == Kind::Accept;
        if is_vote {
            let (value, voters) =
                self.votes.entry(question.number).or_insert((question.value, BTreeSet::new()));
            assert_eq!(*value, question.value);
            voters.insert(question.to);
        }
        if !ack.granted && self.program.silent {
            return;
        }
        let reply = self.cluster.reply(question, ack);
        if reply.to == reply.from && self.program.at_once {
            self.deliver(reply);
        } else {
            self.flying.push(reply);
        }
        if is_vote && self.program.copies {
            for to in self.cluster.run.learners[&question.from].clone() {
                let copy = self.cluster.send(Wire { to, ..reply });
                self.flying.push(copy);
            }
        }
    }

    fn promised(&mut self, wire: &Wire) {
        let need = self.majority(wire.to);
        let Some(at) = self.proposers.iter().position(|p| p.id == wire.to) else { return };
        let Some(ack) = wire.ack else { return };
        let proposer = &mut self.proposers[at];
        proposer.round = proposer.round.max(ack.after.map_or(0, |number| number.round));
        let current = proposer.number == Some(wire.number) && proposer.phase == 0;
        if !current || !(ack.granted || self.program.any_answer) {
            return;
        }
        proposer.answers.insert(wire.from, ack.accepted);
        if proposer.answers.len() < need {
            return;
        }
        let highest = proposer.answers.values().flatten().max_by_key(|(number, _)| *number);
        proposer.value = highest.map_or(proposer.candidate, |(_, value)| *value);
        if self.program.adopts {
            proposer.candidate = proposer.value;
        }
        proposer.phase = 1;
        let to = if self.program.promisers_only {
            proposer.answers.keys().copied().collect()
        } else {
            self.cluster.run.acceptors[&wire.to].clone()
        };
        self.ask(at, &to);
    }

    fn voted(&mut self, wire: &Wire) {
        let Some(ack) = wire.ack else { return };
        let owner = wire.number.id;
        let need = self.majority(owner);
        if wire.to != owner {
            let heard = self.heard.entry((wire.to, wire.number)).or_default();
            heard.insert(wire.from);
            if heard.len() >= need {
                self.choose(wire.to, wire.number, wire.value);
            }
            return;
        }
        let Some(proposer) = self.proposers.iter_mut().find(|p| p.id == wire.to) else { return };
        proposer.round = proposer.round.max(ack.after.map_or(0, |number| number.round));
        let own = proposer.number == Some(wire.number) && ack.granted;
        if own && proposer.phase == 2 && self.program.repeats {
            self.cluster.chose(owner, wire.number, wire.value);
        }
        if !own || proposer.phase != 1 {
            return;
        }
        proposer.votes.insert(wire.from);
        if proposer.votes.len() < need {
            return;
        }
        proposer.phase = 2;
        self.choose(wire.to, wire.number, wire.value);
        let others = (1..=self.cluster.run.peers).filter(|peer| *peer != owner);
        for to in others.filter(|_| self.program.tells) {
            let notice = self.cluster.ask(owner, to, Kind::Notice, wire.number, wire.value);
            self.flying.push(notice);
        }
    }

    fn choose(&mut self, at: u16, number: Num, value: Value) {
        if self.chosen.insert(at) {
            self.cluster.chose(at, number, value);
        }
    }

    /// One value is chosen at most, and whoever says so is right.
    fn is_right(&self) {
        let has_majority =
            |number: &Num, voters: &BTreeSet<u16>| voters.len() >= self.majority(number.id);
        let chosen = self.votes.iter().filter(|(number, (_, voters))| has_majority(number, voters));
        let values: BTreeSet<Value> = chosen.map(|(_, (value, _))| *value).collect();
        assert!(values.len() <= 1, "{:?}: {:?}", self.program, self.votes);
        for line in self.cluster.run.lines.iter().filter(|line| line.act == Act::Chose) {
            let (value, voters) = &self.votes[&line.number];
            assert!(has_majority(&line.number, voters) && *value == line.value);
        }
    }
}
