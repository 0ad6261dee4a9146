//! Runs with one mistake in each, by hand: which message is wrong, and in which dialects the log
//! proves it.
//!
//! Each run begins with a prelude that leaves one reading of its acks. First p and q are promised
//! a number by all. Then all promise 3 to r and 5 to s; then r asks to accept 3 and to promise 4,
//! and all refuse. So an ack that shows the promise shows 5 where the question has another number
//! and where nothing is accepted; the promise before is none at first; the accepted proposal is
//! none all the time; and the number of the question is below an earlier one. And each run ends
//! with a prepare of r that all answer, so that nobody's lines end before what is missing in them.
//!
//! A log may have lost its beginning, and those of its peers different ones. But a proposer that
//! has had a number in the prelude has asked nobody under a higher one before, and what an acceptor
//! shows in the prelude it has not gone beyond before. So what is wrong behind the prelude is wrong
//! whatever stood before it.
//!
//! A short run has no prelude. What is wrong in it must be so under every reading, and whatever
//! stood before: a proposer may have been promised the same number before, and asks again those
//! who did not answer; but it has not asked to accept it, or it would no longer ask for promises.
//!
//! All lines of all peers are there, and whose they are is known. A log that is [`Proof::Proved`]
//! contradicts Paxos under the one reading that is left, or under all. One that is
//! [`Proof::Innocent`] is, letter by letter, the log of a right program. In between is
//! [`Proof::Open`]: what only a judge who joins the lines of several peers could prove, or who
//! takes it that nobody refuses without cause, or that nothing is lost.

use super::cluster::{Acceptor, Cluster, Wire};
use super::log::{Ack, Kind, Num, Run, Value};
use super::print::{ACKS, Dialect, Ids, MIXED_ACKS, Shown, Shows};
use super::prng::Prng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Proved,
    Open,
    Innocent,
}

use Proof::{Innocent, Open, Proved};

/// The messages that are at odds with each other; either may be shown by one of several.
pub(crate) type Culprits = (Vec<u32>, Vec<u32>);

/// A mistake.
#[derive(Clone, Copy)]
pub(crate) struct Mistake {
    pub(crate) name: &'static str,
    /// Plays the run.
    pub(crate) play: fn(&mut Script) -> Culprits,
    /// Whether its log proves it in this dialect, if that is known to be the dialect.
    proof: fn(&Dialect) -> Proof,
    /// How many acceptors it takes; 0 for three or five.
    acceptors: usize,
    /// What it is without a hostsfile: a proposer may be an acceptor and not say so.
    pub(crate) without_hosts: Proof,
    /// A short log proves nothing: it depends on what may have stood before its beginning.
    needs_prelude: bool,
}

impl Mistake {
    /// True if an acceptor makes it that answers.
    pub(crate) fn is_an_acceptors(&self) -> bool {
        let (begins, ends) = (["vote-", "promise-"], ["-twice", "-asked-for", "-changed"]);
        let of_acceptor = begins.iter().any(|begin| self.name.starts_with(begin));
        of_acceptor && !ends.iter().any(|end| self.name.ends_with(end))
            || self.name == "accept-below-promise"
    }

    /// Whether its log proves it in this dialect. A short run has no prelude, so that every
    /// reading of its acks may be left.
    pub(crate) fn proof_in(&self, dialect: &Dialect, short: bool) -> Proof {
        let proof = (self.proof)(dialect);
        let read_as = |acks: &(Shows, Shows)| (self.proof)(&Dialect { acks: *acks, ..*dialect });
        let is_read = || ACKS.iter().chain(MIXED_ACKS).all(|acks| read_as(acks) == Proved);
        let is_open = short && (self.needs_prelude || !is_read());
        if proof == Proved && is_open { Open } else { proof }
    }
}

const fn mistake(
    name: &'static str,
    play: fn(&mut Script) -> Culprits,
    proof: fn(&Dialect) -> Proof,
) -> Mistake {
    Mistake { name, play, proof, acceptors: 0, without_hosts: Proved, needs_prelude: false }
}

/// One that a short log does not prove.
const fn long(mistake: Mistake) -> Mistake {
    Mistake { needs_prelude: true, ..mistake }
}

pub(crate) const MISTAKES: &[Mistake] = &[
    mistake("none", |_| (vec![], vec![]), |_| Innocent),
    mistake("two-values-announced", two_values_announced, always),
    mistake("two-values-voted", two_values_voted, by_votes_or_values),
    // Who is not asked may have promised before, and held nothing.
    long(mistake("value-not-taken-over", value_not_taken_over, by_votes_or_values)),
    long(mistake("lower-value-taken-over", lower_value_taken_over, by_votes_or_values)),
    long(mistake("value-from-nowhere", value_from_nowhere, by_what_is_held)),
    Mistake {
        acceptors: 1,
        without_hosts: Open,
        ..mistake("two-values-of-one-acceptor", two_values_voted, by_votes_or_values)
    },
    mistake("number-with-two-values", number_with_two_values, always),
    mistake("number-of-two-proposers", number_of_two_proposers, always),
    mistake("number-again-after-restart", number_again_after_restart, always),
    mistake("accepted-number-as-its-own", accepted_number_as_its_own, always),
    long(mistake("accept-without-majority", accept_without_majority, always)),
    long(mistake("accept-before-majority", accept_before_majority, always)),
    mistake("promises-for-another-number", promises_for_another_number, by_own_number),
    Mistake {
        acceptors: 5,
        ..long(mistake("promise-counted-twice", promise_counted_twice, by_sender))
    },
    mistake("accept-below-promise", accept_below_promise, by_promise_or_value),
    mistake("promise-not-raised-by-vote", promise_not_raised_by_vote, by_promise_or_value),
    mistake("promise-below-promise", promise_below_promise, by_promise),
    mistake("promise-forgotten", promise_forgotten, by_promise),
    mistake("vote-forgotten", vote_forgotten, by_memory),
    mistake("vote-forgotten-after-refusal", vote_forgotten_after_refusal, by_value_of_vote),
    mistake("vote-changed", vote_changed, by_value_or_count),
    mistake("vote-of-another-value-reported", vote_of_another_value_reported, by_value),
    mistake("vote-relabelled", vote_relabelled, by_accepted_number),
    mistake("vote-never-asked-for", vote_never_asked_for, by_new_number),
    mistake("promise-never-asked-for", promise_never_asked_for, by_own_number),
    mistake("received-never-sent", received_never_sent, by_sender_and_number),
    mistake("received-with-another-value", received_with_another_value, always),
    mistake("announced-by-minority", announced_by_minority, always),
    mistake("announced-with-refusals", announced_with_refusals, by_vote),
    mistake("announced-with-stale-votes", announced_with_stale_votes, always),
    Mistake { acceptors: 5, ..mistake("vote-counted-twice", vote_counted_twice, by_sender) },
    mistake("announced-another-value", announced_another_value, always),
    mistake("learned-from-minority", learned_from_minority, always),
    mistake("learned-from-two-numbers", learned_from_two_numbers, always),
    Mistake {
        acceptors: 4,
        without_hosts: Innocent,
        ..mistake("announced-by-half", announced_by_half, always)
    },
];

fn always(_: &Dialect) -> Proof {
    Proved
}

/// An ack of a vote shows that it is none where it is a refusal; the echo of a question does not.
fn shows_votes(dialect: &Dialect) -> bool {
    dialect.acks.1 != Shows::Question
}

fn shows_values(dialect: &Dialect) -> bool {
    dialect.shown != Shown::Nothing
}

/// By what promises show: without it, a value may have been accepted before the log begins.
fn by_what_is_held(dialect: &Dialect) -> Proof {
    if shows_values(dialect) || dialect.acks.0 == Shows::Accepted { Proved } else { Open }
}

/// By what promises show, or by what their senders voted for before.
fn by_votes_or_values(dialect: &Dialect) -> Proof {
    let held = shows_values(dialect) || dialect.acks.0 == Shows::Accepted;
    if held || shows_votes(dialect) { Proved } else { Open }
}

/// The promise that goes back is shown, or what was accepted in spite of it.
fn by_promise_or_value(dialect: &Dialect) -> Proof {
    let held = shows_values(dialect) || dialect.acks.0 == Shows::Accepted;
    if held || shows_votes(dialect) { Proved } else { Innocent }
}

fn by_promise(dialect: &Dialect) -> Proof {
    match dialect.acks.0 {
        Shows::After | Shows::Before => Proved,
        // A grant and a refusal show the same.
        Shows::Accepted | Shows::Question => Innocent,
    }
}

/// What is no longer held is missed only if it was certainly held, and if what is held is shown.
fn by_memory(dialect: &Dialect) -> Proof {
    let shows_nothing = !shows_values(dialect) && dialect.acks.0 == Shows::After;
    match dialect.acks.0 {
        _ if !shows_votes(dialect) => Open,
        _ if shows_nothing => Innocent,
        _ => Proved,
    }
}

/// The same where the promise is not forgotten.
fn by_value_of_vote(dialect: &Dialect) -> Proof {
    match dialect.acks.0 {
        _ if !shows_votes(dialect) => Open,
        Shows::Accepted => Proved,
        _ => by_value(dialect),
    }
}

fn by_value(dialect: &Dialect) -> Proof {
    if shows_values(dialect) { Proved } else { Innocent }
}

/// A vote that is told twice may be a copy.
fn by_value_or_count(dialect: &Dialect) -> Proof {
    if shows_values(dialect) { Proved } else { Open }
}

fn by_accepted_number(dialect: &Dialect) -> Proof {
    if dialect.acks.0 == Shows::Accepted { Proved } else { Innocent }
}

/// Promises that are counted for a number must show it, unless they never do.
fn by_own_number(dialect: &Dialect) -> Proof {
    if matches!(dialect.acks.0, Shows::After | Shows::Question) { Proved } else { Open }
}

/// An ack that shows the promise before shows one that was asked for.
fn by_new_number(dialect: &Dialect) -> Proof {
    if dialect.acks.1 == Shows::Before { Open } else { Proved }
}

fn by_vote(dialect: &Dialect) -> Proof {
    if shows_votes(dialect) { Proved } else { Open }
}

fn by_sender(dialect: &Dialect) -> Proof {
    if dialect.ids == Ids::Printer { Open } else { Proved }
}

fn by_sender_and_number(dialect: &Dialect) -> Proof {
    if by_own_number(dialect) == Proved { by_sender(dialect) } else { Open }
}

/// A run in the making: four proposers, acceptors, a learner.
pub(crate) struct Script {
    cluster: Cluster,
    p: u16,
    q: u16,
    r: u16,
    s: u16,
    learner: u16,
    acceptors: Vec<u16>,
    round: u64,
    /// Acceptors do as they should all the same.
    honest: bool,
}

/// The values of the proposers, and one that nobody proposes.
const X: Value = 0;
const Y: Value = 1;
const Z: Value = 2;
const W: Value = 4;

/// A run with this mistake, and what is wrong in it. With `honest`, the acceptors do not make it.
pub(crate) fn play(
    mistake: &Mistake,
    short: bool,
    honest: bool,
    prng: &mut Prng,
) -> (Run, Culprits) {
    let count = if mistake.acceptors > 0 { mistake.acceptors } else { prng.pick(&[3, 5]) };
    let peers = u16::try_from(count).expect("a few") + 5;
    let mut ids: Vec<u16> = (1..=peers).collect();
    prng.shuffle(&mut ids);
    let (roles, acceptors) = ids.split_at(5);
    let mut run = Run { peers, ..Run::default() };
    for proposer in &roles[..4] {
        run.acceptors.insert(*proposer, acceptors.iter().copied().collect());
        // Nobody else counts votes, or the log would have to show what it counted.
        if mistake.name.starts_with("learned") {
            run.learners.insert(*proposer, [roles[4]].into());
        }
    }
    let mut script = Script {
        cluster: Cluster::new(run),
        p: roles[0],
        q: roles[1],
        r: roles[2],
        s: roles[3],
        learner: roles[4],
        acceptors: acceptors.to_vec(),
        round: 0,
        honest,
    };
    if !short {
        script.prelude();
        if prng.chance(50) {
            script.idle_round();
        }
    }
    let culprits = (mistake.play)(&mut script);
    script.epilogue();
    (script.cluster.run, culprits)
}

impl Script {
    fn number(&mut self, id: u16) -> Num {
        self.round += 1;
        Num { round: self.round, id }
    }

    fn majority(&self) -> &[u16] {
        &self.acceptors[..=self.acceptors.len() / 2]
    }

    /// One less than a majority.
    fn minority(&self) -> &[u16] {
        &self.acceptors[..self.majority().len() - 1]
    }

    fn send(&mut self, from: u16, kind: Kind, number: Num, value: Value, to: &[u16]) -> Vec<Wire> {
        to.iter().map(|to| self.cluster.ask(from, *to, kind, number, value)).collect()
    }

    fn answer(&mut self, questions: &[Wire]) -> Vec<Wire> {
        questions.iter().map(|question| self.cluster.answer(question)).collect()
    }

    fn hear(&mut self, acks: &[Wire]) {
        for ack in acks {
            self.cluster.receive(ack);
        }
    }

    /// A question to some, which is answered by them and heard of.
    fn ask(&mut self, from: u16, kind: Kind, number: Num, value: Value, to: &[u16]) -> Vec<Wire> {
        let questions = self.send(from, kind, number, value, to);
        let acks = self.answer(&questions);
        self.hear(&acks);
        acks
    }

    fn ask_all(&mut self, from: u16, kind: Kind, number: Num, value: Value) -> Vec<Wire> {
        let all = self.acceptors.clone();
        self.ask(from, kind, number, value, &all)
    }

    /// A number for which all promise.
    fn prepared(&mut self, from: u16, value: Value) -> Num {
        let number = self.number(from);
        self.ask_all(from, Kind::Prepare, number, value);
        number
    }

    fn chose(&mut self, at: u16, number: Num, value: Value) -> u32 {
        self.cluster.chose(at, number, value);
        self.last()
    }

    /// The message of the last line.
    fn last(&self) -> u32 {
        self.cluster.run.lines.last().expect("a line").message
    }

    /// An answer that is not as it should be.
    fn answer_with(&mut self, question: &Wire, answer: impl FnOnce(&mut Ack)) -> Wire {
        if self.honest {
            return self.cluster.answer(question);
        }
        self.cluster.receive(question);
        let acceptor = self.cluster.acceptors.entry(question.to).or_default();
        let (promised, accepted) = (acceptor.promised, acceptor.accepted);
        let mut ack = Ack { before: promised, after: promised, accepted, granted: true };
        answer(&mut ack);
        (acceptor.promised, acceptor.accepted) = (ack.after, ack.accepted);
        self.cluster.reply(question, ack)
    }

    /// The first acceptor loses something.
    fn forget(&mut self, what: fn(&mut Acceptor)) {
        if !self.honest {
            what(self.cluster.acceptors.entry(self.acceptors[0]).or_default());
        }
    }

    fn prelude(&mut self) {
        let (p, q, r, s) = (self.p, self.q, self.r, self.s);
        self.prepared(p, X);
        self.prepared(q, Y);
        let first = self.prepared(r, Z);
        let second = self.number(r);
        self.prepared(s, Z + 1);
        self.ask_all(r, Kind::Accept, first, Z);
        self.ask_all(r, Kind::Prepare, second, Z);
    }

    /// A round that gets no further than promises.
    fn idle_round(&mut self) {
        let s = self.s;
        self.prepared(s, Z + 1);
    }

    fn epilogue(&mut self) {
        let r = self.r;
        self.prepared(r, Z);
    }
}

fn ids(wires: &[Wire]) -> Vec<u32> {
    wires.iter().map(|wire| wire.id).collect()
}

fn two_values_announced(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    script.ask_all(p, Kind::Accept, n, X);
    let right = vec![script.chose(p, n, X), script.chose(script.acceptors[0], n, X)];
    (right, vec![script.chose(script.acceptors[1], n, Y)])
}

fn two_values_voted(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let votes = script.ask_all(p, Kind::Accept, n, X);
    let m = script.number(q);
    let promises = script.ask_all(q, Kind::Prepare, m, Y);
    let questions = script.send(q, Kind::Accept, m, Y, &script.acceptors.clone());
    let others = script.answer(&questions);
    script.hear(&others);
    let first = [ids(&votes), ids(&promises)].concat();
    (first, [ids(&questions), ids(&others)].concat())
}

fn value_not_taken_over(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let vote = script.ask(p, Kind::Accept, n, X, &[script.acceptors[0]]);
    let m = script.number(q);
    let majority = script.majority().to_vec();
    let promises = script.ask(q, Kind::Prepare, m, Y, &majority);
    let questions = script.send(q, Kind::Accept, m, Y, &majority);
    let acks = script.answer(&questions);
    script.hear(&acks);
    (vec![promises[0].id, vote[0].id], ids(&questions))
}

fn lower_value_taken_over(script: &mut Script) -> Culprits {
    let (first, last) = (script.acceptors[0], script.acceptors[script.acceptors.len() - 1]);
    let n = script.prepared(script.p, X);
    script.ask(script.p, Kind::Accept, n, X, &[first]);
    let m = script.number(script.q);
    let others = script.acceptors[1..].to_vec();
    script.ask(script.q, Kind::Prepare, m, Y, &others);
    let vote = script.ask(script.q, Kind::Accept, m, Y, &[last]);
    let k = script.number(script.s);
    let mut majority = script.minority().to_vec();
    majority.push(last);
    let promises = script.ask(script.s, Kind::Prepare, k, Z + 1, &majority);
    let questions = script.send(script.s, Kind::Accept, k, X, &majority);
    let acks = script.answer(&questions);
    script.hear(&acks);
    (vec![promises[promises.len() - 1].id, vote[0].id], ids(&questions))
}

fn value_from_nowhere(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let promises = script.ask_all(p, Kind::Prepare, n, X);
    let questions = script.send(p, Kind::Accept, n, W, &script.acceptors.clone());
    let acks = script.answer(&questions);
    script.hear(&acks);
    let chose = script.chose(p, n, W);
    (ids(&promises), [ids(&questions), vec![chose]].concat())
}

fn number_with_two_values(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let one = script.ask(p, Kind::Accept, n, X, &[script.acceptors[0]]);
    let question = one[0].id - 1;
    let two = script.ask(p, Kind::Accept, n, Y, &[script.acceptors[1]]);
    (vec![question, one[0].id], vec![two[0].id - 1, two[0].id])
}

fn number_of_two_proposers(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.number(p);
    let one = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let acks = script.answer(&one);
    script.hear(&acks);
    let two = script.send(q, Kind::Prepare, n, Y, &script.acceptors.clone());
    let acks = script.answer(&two);
    script.hear(&acks);
    (ids(&one), ids(&two))
}

fn number_again_after_restart(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let all = script.acceptors.clone();
    let mut one = script.send(p, Kind::Prepare, n, X, &all);
    let acks = script.answer(&one);
    script.hear(&acks);
    let asked = script.send(p, Kind::Accept, n, X, &[all[0]]);
    let vote = script.answer(&asked);
    script.hear(&vote);
    one.extend(asked);
    let mut two = script.send(p, Kind::Prepare, n, Y, &all[1..]);
    let acks = script.answer(&two);
    script.hear(&acks);
    let asked = script.send(p, Kind::Accept, n, Y, &all[1..]);
    let votes = script.answer(&asked);
    script.hear(&votes);
    two.extend(asked);
    (ids(&[one, vote].concat()), ids(&[two, votes].concat()))
}

fn accepted_number_as_its_own(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.number(q);
    let all = script.acceptors.clone();
    let one = script.send(q, Kind::Prepare, n, Y, &all);
    let acks = script.answer(&one);
    script.hear(&acks);
    let asked = script.send(q, Kind::Accept, n, Y, &all[..1]);
    let vote = script.answer(&asked);
    script.hear(&vote);
    script.prepared(p, X);
    let two = script.send(p, Kind::Accept, n, Y, &all);
    let acks = script.answer(&two);
    script.hear(&acks);
    (ids(&[one, asked].concat()), ids(&two))
}

fn accept_without_majority(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let questions = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let few = script.minority().len();
    let promises = script.answer(&questions[..few]);
    script.hear(&promises);
    let asked = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let acks = script.answer(&asked);
    script.hear(&acks);
    (ids(&promises), ids(&asked))
}

fn accept_before_majority(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let questions = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let promises = script.answer(&questions);
    let few = script.minority().len();
    script.hear(&promises[..few]);
    let asked = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    script.hear(&promises[few..]);
    let acks = script.answer(&asked);
    script.hear(&acks);
    (ids(&promises), ids(&asked))
}

fn promises_for_another_number(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let few = script.minority().len();
    let old = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let stale = script.answer(&old[few..]);
    let m = script.number(p);
    let new = script.send(p, Kind::Prepare, m, X, &script.acceptors.clone());
    let promises = script.answer(&new[..few]);
    script.hear(&promises);
    script.hear(&stale);
    let asked = script.send(p, Kind::Accept, m, X, &script.acceptors.clone());
    let acks = script.answer(&asked);
    script.hear(&acks);
    (ids(&[stale, promises].concat()), ids(&asked))
}

fn promise_counted_twice(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let questions = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let promises = script.answer(&questions[..2]);
    script.hear(&promises);
    script.hear(&promises[..1]);
    let asked = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let acks = script.answer(&asked);
    script.hear(&acks);
    (ids(&promises), ids(&asked))
}

fn accept_below_promise(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let m = script.number(q);
    let questions = script.send(q, Kind::Prepare, m, Y, &script.acceptors.clone());
    let promises = script.answer(&questions);
    script.hear(&promises);
    let question = script.send(p, Kind::Accept, n, X, &[script.acceptors[0]])[0];
    let vote = script.answer_with(&question, |ack| {
        ack.after = Some(n);
        ack.accepted = Some((n, X));
    });
    script.hear(&[vote]);
    // The question of the higher number is as good a witness.
    (vec![promises[0].id, questions[0].id], vec![vote.id, question.id])
}

fn promise_not_raised_by_vote(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let last = script.acceptors.len() - 1;
    let n = script.prepared(p, X);
    let m = script.number(q);
    let others = script.acceptors[..last].to_vec();
    script.ask(q, Kind::Prepare, m, Y, &others);
    let higher = script.send(q, Kind::Accept, m, Y, &[script.acceptors[last]])[0];
    let first = script.answer_with(&higher, |ack| ack.accepted = Some((m, Y)));
    script.hear(&[first]);
    let lower = script.send(p, Kind::Accept, n, X, &[script.acceptors[last]])[0];
    let second = script.answer_with(&lower, |ack| ack.accepted = Some((n, X)));
    script.hear(&[second]);
    (vec![higher.id, first.id], vec![lower.id, second.id, first.id])
}

fn promise_below_promise(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.number(p);
    let m = script.number(q);
    let promises = script.ask_all(q, Kind::Prepare, m, Y);
    let all = script.acceptors.clone();
    let questions = script.send(p, Kind::Prepare, n, X, &all);
    let wrong = script.answer_with(&questions[0], |ack| ack.after = Some(n));
    let refusals = script.answer(&questions[1..]);
    script.hear(&refusals);
    script.hear(&[wrong]);
    (vec![promises[0].id], vec![wrong.id])
}

fn promise_forgotten(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.number(p);
    let m = script.number(q);
    let promises = script.ask_all(q, Kind::Prepare, m, Y);
    script.forget(|acceptor| *acceptor = Acceptor::default());
    let acks = script.ask_all(p, Kind::Prepare, n, X);
    (vec![promises[0].id], vec![acks[0].id])
}

fn vote_forgotten(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let votes = script.ask_all(p, Kind::Accept, n, X);
    script.forget(|acceptor| *acceptor = Acceptor::default());
    let m = script.number(q);
    let promises = script.ask_all(q, Kind::Prepare, m, Y);
    (vec![votes[0].id], vec![promises[0].id])
}

fn vote_forgotten_after_refusal(script: &mut Script) -> Culprits {
    let (p, q, third) = (script.p, script.q, script.s);
    let low = script.number(third);
    let n = script.prepared(p, X);
    let votes = script.ask_all(p, Kind::Accept, n, X);
    script.ask_all(third, Kind::Prepare, low, Z + 1);
    script.forget(|acceptor| acceptor.accepted = None);
    let m = script.number(q);
    let promises = script.ask_all(q, Kind::Prepare, m, Y);
    (vec![votes[0].id], vec![promises[0].id])
}

fn vote_changed(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let votes = script.ask_all(p, Kind::Accept, n, X);
    let again =
        Wire { ack: votes[0].ack.map(|ack| Ack { accepted: Some((n, W)), ..ack }), ..votes[0] };
    let again = script.cluster.send(again);
    script.hear(&[again]);
    (vec![votes[0].id], vec![again.id])
}

fn vote_of_another_value_reported(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let votes = script.ask_all(p, Kind::Accept, n, X);
    let m = script.number(q);
    let questions = script.send(q, Kind::Prepare, m, Y, &script.acceptors.clone());
    let wrong = script.answer_with(&questions[0], |ack| {
        ack.after = Some(m);
        ack.accepted = Some((n, W));
    });
    let promises = script.answer(&questions[1..]);
    script.hear(&promises);
    script.hear(&[wrong]);
    (vec![votes[0].id], vec![wrong.id])
}

fn vote_relabelled(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let votes = script.ask(p, Kind::Accept, n, X, &[script.acceptors[0]]);
    let m = script.number(q);
    let questions = script.send(q, Kind::Prepare, m, Y, &script.acceptors.clone());
    let wrong = script.answer_with(&questions[0], |ack| {
        ack.after = Some(m);
        ack.accepted = Some((m, X));
    });
    let promises = script.answer(&questions[1..]);
    script.hear(&promises);
    script.hear(&[wrong]);
    (vec![], vec![wrong.id, votes[0].id])
}

fn vote_never_asked_for(script: &mut Script) -> Culprits {
    let p = script.p;
    script.prepared(p, X);
    let n = script.number(p);
    unasked(script, Kind::AcceptAck, n)
}

fn promise_never_asked_for(script: &mut Script) -> Culprits {
    let n = script.number(script.p);
    unasked(script, Kind::PrepareAck, n)
}

/// An ack to a question that nobody has asked.
fn unasked(script: &mut Script, kind: Kind, number: Num) -> Culprits {
    let from = script.acceptors[0];
    let acceptor = script.cluster.acceptors.entry(from).or_default();
    let before = acceptor.promised;
    acceptor.promised = Some(number);
    if kind == Kind::AcceptAck {
        acceptor.accepted = Some((number, X));
    }
    let accepted = acceptor.accepted;
    let ack = Some(Ack { before, after: Some(number), accepted, granted: true });
    let wire = Wire { from, to: script.p, kind, number, value: X, ack, id: 0 };
    let wire = script.cluster.send(wire);
    script.hear(&[wire]);
    (vec![], vec![wire.id])
}

fn received_never_sent(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.number(p);
    let questions = script.send(p, Kind::Prepare, n, X, &script.acceptors.clone());
    let few = script.minority().len();
    let promises = script.answer(&questions[..few]);
    script.hear(&promises);
    let mut made_up = Wire { id: u32::MAX, from: script.acceptors[few], ..promises[0] };
    let acceptor = script.cluster.acceptors.entry(made_up.from).or_default();
    let (before, after, accepted) = (acceptor.promised, Some(n), acceptor.accepted);
    made_up.ack = Some(Ack { before, after, accepted, granted: true });
    script.hear(&[made_up]);
    script.ask_all(p, Kind::Accept, n, X);
    (vec![], vec![made_up.id])
}

fn received_with_another_value(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let questions = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let altered = Wire { value: W, ..questions[0] };
    let vote = script.answer(&[altered]);
    let votes = script.answer(&questions[1..]);
    script.hear(&[vote.clone(), votes.clone()].concat());
    let right = [ids(&questions), ids(&votes)].concat();
    (right, vec![altered.id, vote[0].id])
}

fn announced_by_minority(script: &mut Script) -> Culprits {
    let few = script.minority().len();
    announced_by(script, few)
}

fn announced_by_half(script: &mut Script) -> Culprits {
    announced_by(script, 2)
}

/// A proposer announces its choice when so many have voted.
fn announced_by(script: &mut Script, few: usize) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let questions = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let votes = script.answer(&questions[..few]);
    script.hear(&votes);
    ([ids(&votes), ids(&questions)].concat(), vec![script.chose(p, n, X)])
}

fn announced_with_refusals(script: &mut Script) -> Culprits {
    let (p, q) = (script.p, script.q);
    let n = script.prepared(p, X);
    let m = script.number(q);
    let majority = script.majority().to_vec();
    script.ask(q, Kind::Prepare, m, Y, &majority);
    let acks = script.ask_all(p, Kind::Accept, n, X);
    (ids(&acks), vec![script.chose(p, n, X)])
}

fn announced_with_stale_votes(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let few = script.minority().len();
    let questions = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let stale = script.answer(&questions[..few]);
    let m = script.prepared(p, X);
    let questions = script.send(p, Kind::Accept, m, X, &script.acceptors.clone());
    let votes = script.answer(&questions[few..=few]);
    script.hear(&votes);
    script.hear(&stale);
    let shown = [ids(&votes), ids(&stale), ids(&questions)].concat();
    (shown, vec![script.chose(p, m, X)])
}

fn vote_counted_twice(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let questions = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let votes = script.answer(&questions[..2]);
    script.hear(&votes);
    script.hear(&votes[..1]);
    ([ids(&votes), ids(&questions)].concat(), vec![script.chose(p, n, X)])
}

fn announced_another_value(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let questions = script.send(p, Kind::Accept, n, X, &script.acceptors.clone());
    let votes = script.answer(&questions);
    script.hear(&votes);
    ([ids(&questions), ids(&votes)].concat(), vec![script.chose(p, n, Y)])
}

/// Votes, each told to its proposer and to the learner.
fn learned(script: &mut Script, from: u16, number: Num, by: &[u16]) -> Vec<u32> {
    let votes = script.ask(from, Kind::Accept, number, X, by);
    let to = script.learner;
    let copies: Vec<Wire> =
        votes.iter().map(|vote| script.cluster.send(Wire { to, ..*vote })).collect();
    script.hear(&copies);
    ids(&[votes, copies].concat())
}

fn learned_from_minority(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let few = script.minority().to_vec();
    let votes = learned(script, p, n, &few);
    (votes, vec![script.chose(script.learner, n, X)])
}

fn learned_from_two_numbers(script: &mut Script) -> Culprits {
    let p = script.p;
    let n = script.prepared(p, X);
    let few = script.minority().to_vec();
    let mut votes = learned(script, p, n, &few);
    let m = script.number(p);
    let others = script.acceptors[few.len()..].to_vec();
    script.ask(p, Kind::Prepare, m, X, &others);
    votes.extend(learned(script, p, m, &others[..1]));
    (votes, vec![script.chose(script.learner, m, X)])
}
