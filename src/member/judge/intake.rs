//! The judge: what each line says of its own peer, judged as it comes.
//!
//! What several peers' lines say of one view is judged when all are known: `settle`. A run that is
//! going on has its own way in: `live`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::dialect::{Found, MemberEntry};
use super::leads::Led;
use super::rules::MemberRule;
use crate::member::event::{Statement, ViewLine, listed};
use crate::trace::MOST_PEERS;
use crate::trace::findings::{Certainty, Findings, Spot, Witness};
use crate::trace::reader::Content;

/// How much is kept of views that are not settled: one for every member, installation and call.
/// Beyond it, the lowest views are judged by what is known and forgotten.
pub const MOST_RECORDS: usize = 200_000;
/// How many lines of a peer may lie between the two forms of one fact.
const MOST_DUPLICATES: usize = 64;

/// What is known beside the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberOptions {
    /// Those who are removed on request; none if it is not known whether anybody is.
    pub on_request: Option<BTreeSet<u16>>,
    /// Who must be the group in the end.
    pub expect: Option<BTreeSet<u16>>,
    /// Names stand for ids as a hostsfile has them.
    pub named: bool,
}

/// What one peer has printed in one input, where the order of its lines can be trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) view: Option<(u64, BTreeSet<u16>)>,
    /// Who leads it, as this peer says.
    pub(super) leader: u16,
    /// Called unreachable since they were last in a new view.
    dead: BTreeSet<u16>,
    crashed: Option<Witness>,
}

/// What is known of one member.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberAccount {
    /// The highest view of its own.
    pub(super) last: Option<(u64, BTreeSet<u16>, Witness)>,
    pub(super) crashed: Option<Witness>,
    /// The view in which it crashed last.
    pub(super) crashed_in: Option<u64>,
    /// In one of its incarnations.
    pub(super) has_crashed: bool,
    pub(super) views: usize,
    pub(super) lines: u64,
    /// Whom it called unreachable last in which view.
    pub(super) calls: BTreeMap<u16, u64>,
    pub(super) standing: super::settle::Standing,
    /// Facts that came in one of the two forms only so far.
    duplicates: [VecDeque<u64>; 2],
}

/// A view, as it is known so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Its list, and by whose line it is known; another one if there is any.
    pub(super) lists: Vec<(BTreeSet<u16>, u16, Witness)>,
    pub(super) installed: BTreeMap<u16, Witness>,
    pub(super) removals: Vec<Removal>,
    /// Those who had crashed when they installed it.
    pub(super) after_crash: Vec<(u16, Witness)>,
    /// Those whose line of it names a leader that has taken over, or one that may be dead.
    pub(super) led: Vec<Led>,
}

/// Somebody installs a view without a member of its view before.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    pub(super) gone: u16,
    pub(super) by: u16,
    /// The view before, its leader and its highest member.
    pub(super) from: u64,
    pub(super) leader: u16,
    pub(super) highest: u16,
    pub(super) called: bool,
}

impl Seen {
    /// How many records it is.
    pub(super) fn size(&self) -> usize {
        let lists: usize = self.lists.iter().map(|(list, ..)| list.len()).sum();
        lists + self.installed.len() + self.removals.len() + self.after_crash.len() + self.led.len()
    }
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) facts: u64,
    pub(super) duplicates: u64,
    pub(super) forgotten: u64,
    pub(super) unknown_peers: u64,
}

/// Collects lines and judges them.
#[derive(Clone, Debug, Default)]
pub struct MemberJudge {
    pub(super) options: MemberOptions,
    pub(super) views: BTreeMap<u64, Seen>,
    /// Who was called unreachable in which view.
    pub(super) called: BTreeMap<u64, BTreeSet<u16>>,
    pub(super) records: usize,
    /// Views up to this one are settled.
    pub(super) floor: Option<u64>,
    pub(super) streams: BTreeMap<(u16, u16), Stream>,
    pub(super) members: BTreeMap<u16, MemberAccount>,
    pub(super) findings: Findings<MemberRule>,
    pub(super) counts: Counts,
    pub(super) inferred: Vec<String>,
    pub(super) ends: super::settle::OpenEnds,
    /// Whose lines stand behind the name of a peer.
    names: BTreeMap<u16, u16>,
    last_line: Option<(u16, u64)>,
    /// The run is going on, and nobody is started again.
    one_start: bool,
    pub(super) reasons: Vec<String>,
}

impl MemberJudge {
    /// Rules for a run that is going on, in which these may be removed on request, and nobody who
    /// has crashed is started again.
    pub fn new(on_request: BTreeSet<u16>) -> Self {
        let options = MemberOptions { on_request: Some(on_request), ..MemberOptions::default() };
        Self { one_start: true, ..Self::with(options) }
    }

    /// Rules for a run of which this is known.
    pub fn with(options: MemberOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// A line of a finished run, from the input with this number. The lines of one input come in
    /// order. True if it says what no line has said in the other form.
    pub fn take(&mut self, input: u16, found: &Found<'_>) -> bool {
        // Several may stand on one line.
        let place = Some((input, found.number));
        self.counts.lines += u64::from(self.last_line != place);
        self.last_line = place;
        let kept = OnceCell::new();
        let spot = Spot { input, line: found.number, text: &found.text, kept: &kept };
        match &found.content {
            Content::Prose => {
                self.broken(MemberRule::OtherText, spot, || {
                    "this is not a line of a member".into()
                });
            }
            _ => self.findings.add_faults(spot, found.faults),
        }
        let Content::Event(MemberEntry { line, is_json }) = &found.content else { return false };
        if self.is_echo(line, *is_json) {
            self.counts.duplicates += 1;
            return false;
        }
        self.own_lines(spot, found.named, line.peer_id);
        self.fact(spot, line);
        true
    }

    /// True if this fact has come in the other form already: `--json` says all twice.
    fn is_echo(&mut self, line: &ViewLine, is_json: bool) -> bool {
        if !self.members.contains_key(&line.peer_id) && self.members.len() >= MOST_PEERS {
            return false;
        }
        let account = self.members.entry(line.peer_id).or_default();
        let mut hasher = DefaultHasher::new();
        (line.view_id, line.leader).hash(&mut hasher);
        match &line.words {
            Statement::Members(list) => list.hash(&mut hasher),
            Statement::Message(text) => text.hash(&mut hasher),
        }
        let hash = hasher.finish();
        let [own, other] = if is_json { [1, 0] } else { [0, 1] };
        if let Some(at) = account.duplicates[other].iter().position(|known| *known == hash) {
            account.duplicates[other].drain(..=at);
            return true;
        }
        account.duplicates[own].push_back(hash);
        if account.duplicates[own].len() > MOST_DUPLICATES {
            account.duplicates[own].pop_front();
        }
        false
    }

    /// One name stands for one peer.
    fn own_lines(&mut self, spot: Spot<'_>, named: Option<u16>, peer: u16) {
        let Some(name) = named else { return };
        if self.names.len() >= MOST_PEERS && !self.names.contains_key(&name) {
            return;
        }
        let expected = if self.options.named { name } else { peer };
        let known = *self.names.entry(name).or_insert(expected);
        if known != peer {
            self.broken(MemberRule::OwnLines, spot, || {
                format!("this is a line of peer{peer}, printed where peer{known} prints")
            });
        }
    }

    /// A fact that nobody has judged yet.
    pub(super) fn fact(&mut self, spot: Spot<'_>, line: &ViewLine) {
        let peer = line.peer_id;
        // A peer beyond the bound is counted, so that nobody takes silence for a clean bill.
        if !self.members.contains_key(&peer) && self.members.len() >= MOST_PEERS {
            self.counts.unknown_peers += 1;
            return;
        }
        self.counts.facts += 1;
        self.members.entry(peer).or_default().lines += 1;
        let crashed = self.streams.entry((spot.input, peer)).or_default().crashed.take();
        match (&line.words, crashed) {
            (Statement::Members(list), crashed) => self.view(spot, line, list, crashed.as_ref()),
            (Statement::Message(text), Some(crash)) => {
                let lines = vec![crash, spot.witness()];
                self.add(MemberRule::CrashEnds, Certainty::Certain, lines, || {
                    format!("peer{peer} has crashed and goes on to say \"{text}\"")
                });
                self.message(spot, line);
            }
            (Statement::Message(_), None) => self.message(spot, line),
        }
        if self.records > MOST_RECORDS {
            self.forget();
        }
    }

    fn view(
        &mut self,
        spot: Spot<'_>,
        line: &ViewLine,
        list: &BTreeSet<u16>,
        crash: Option<&Witness>,
    ) {
        let ViewLine { peer_id: peer, view_id: id, leader, .. } = *line;
        self.claim(list.contains(&peer), MemberRule::SelfInView, spot, || {
            format!("peer{peer} installs view {id} without itself")
        });
        let stream = self.streams.entry((spot.input, peer)).or_default();
        if !self.one_start && stream.view.as_ref().is_some_and(|old| (old.0, &old.1) == (id, list))
        {
            // A member that is started again and remembers its view says once more which it is.
            stream.dead.clear();
            let lines = vec![spot.witness()];
            return self.add(MemberRule::IdsGrow, Certainty::NotDecidable, lines, || {
                format!("peer{peer} says view {id} again: was it started again?")
            });
        }
        let old = stream.view.replace((id, list.clone()));
        stream.leader = leader;
        let dead = std::mem::take(&mut stream.dead);
        // Whoever was called dead and is still a member will be removed by a later view.
        stream.dead = dead.intersection(list).copied().collect();
        let removals = self.removals(peer, old.as_ref(), list, &dead);
        let led = self.leads(spot, line, list, old.as_ref(), &dead);
        if let Some((old_id, _)) = old {
            self.claim(id > old_id, MemberRule::IdsGrow, spot, || {
                // The founder's own view is the first of a run.
                let another = if id == 0 && list.len() == 1 {
                    " (if another run begins here, judge each by itself)"
                } else {
                    ""
                };
                format!("peer{peer} installs view {id} after view {old_id}{another}")
            });
        }
        let witness = spot.witness();
        let account = self.members.entry(peer).or_default();
        account.views += 1;
        account.crashed = None;
        if account.last.as_ref().is_none_or(|(last, ..)| *last < id) {
            account.last = Some((id, list.clone(), witness.clone()));
        }
        if self.floor.is_some_and(|floor| id <= floor) {
            self.counts.forgotten += 1;
            return;
        }
        self.install(peer, id, list, witness.clone());
        let seen = self.views.entry(id).or_default();
        let size = seen.size();
        seen.removals.extend(removals);
        seen.after_crash.extend(crash.map(|_| (peer, witness)));
        seen.led.extend(led);
        self.records += seen.size() - size;
    }

    /// Notes a view under its id, which has one list.
    fn install(&mut self, peer: u16, id: u64, list: &BTreeSet<u16>, witness: Witness) {
        let seen = self.views.entry(id).or_default();
        self.records += usize::from(seen.installed.insert(peer, witness.clone()).is_none());
        let fresh = (list.clone(), peer, witness.clone());
        let Some((known, by, first)) = seen.lists.first().cloned() else {
            self.records += list.len();
            seen.lists.push(fresh);
            return;
        };
        if known == *list {
            return self.findings.kept(MemberRule::OneList);
        }
        if seen.lists.iter().any(|(other, ..)| other == list) {
            return;
        }
        self.records += list.len();
        seen.lists.push(fresh);
        self.add(MemberRule::OneList, Certainty::Certain, vec![first, witness], || {
            let (known, list) = (listed(&known), listed(list));
            format!("view {id} has two lists: {known} says peer{by}, {list} says peer{peer}")
        });
    }

    fn removals(
        &self,
        peer: u16,
        old: Option<&(u64, BTreeSet<u16>)>,
        list: &BTreeSet<u16>,
        dead: &BTreeSet<u16>,
    ) -> Vec<Removal> {
        let Some((from, before)) = old else { return Vec::new() };
        let (Some(leader), Some(highest)) = (before.first(), before.last()) else {
            return Vec::new();
        };
        let calls = self.members.get(&peer).map(|account| &account.calls);
        let gone = before.difference(list).filter(|gone| **gone != peer);
        let removal = |gone: &u16| {
            let elsewhere = calls.and_then(|calls| calls.get(gone)).is_some_and(|id| id >= from);
            let called = dead.contains(gone) || elsewhere;
            let (from, leader, highest) = (*from, *leader, *highest);
            Removal { gone: *gone, by: peer, from, leader, highest, called }
        };
        gone.map(removal).collect()
    }

    fn message(&mut self, spot: Spot<'_>, line: &ViewLine) {
        let ViewLine { peer_id: peer, view_id: id, leader, .. } = *line;
        let stream = self.streams.entry((spot.input, peer)).or_default();
        let present = stream.view.clone().map(|(id, list)| {
            // Between a take-over and its view, either may be named.
            let acting = list.difference(&stream.dead).next().copied();
            (
                id,
                [Some(stream.leader), acting, list.first().copied().filter(|_| stream.leader == 0)],
            )
        });
        if line.is_crash() {
            stream.crashed = Some(spot.witness());
            let account = self.members.entry(peer).or_default();
            account.crashed = Some(spot.witness());
            account.crashed_in = Some(id);
            account.has_crashed = true;
        }
        if let Some(dead) = line.names_dead() {
            stream.dead.insert(dead);
            self.members.entry(peer).or_default().calls.insert(dead, id);
            if self.floor.is_some_and(|floor| id <= floor) {
                self.call(id, dead);
            } else {
                self.records += usize::from(self.called.entry(id).or_default().insert(dead));
            }
            let right = leader == 0 || line.words == ViewLine::unreachable(dead, leader);
            self.claim(right, MemberRule::LowestLeads, spot, || {
                format!("peer{peer} names the wrong leader")
            });
        }
        let Some((present, leaders)) = present else { return };
        if present == id && leader != 0 {
            self.claim(leaders.contains(&Some(leader)), MemberRule::LowestLeads, spot, || {
                format!("peer{peer} says that peer{leader} leads view {id}, and said otherwise")
            });
        }
        // One who crashes while it is out has no view to name.
        if present != id && !(line.is_crash() && id == 0) {
            self.broken(MemberRule::OwnView, spot, || {
                format!("peer{peer} has view {present} and names view {id}")
            });
        }
    }

    /// A rule that one line keeps or breaks.
    pub(super) fn claim(
        &mut self,
        holds: bool,
        rule: MemberRule,
        spot: Spot<'_>,
        words: impl FnOnce() -> String,
    ) {
        if holds {
            self.findings.kept(rule);
        } else {
            self.broken(rule, spot, words);
        }
    }

    fn broken(&mut self, rule: MemberRule, spot: Spot<'_>, words: impl FnOnce() -> String) {
        if self.findings.has_room(rule) {
            self.add(rule, Certainty::Certain, vec![spot.witness()], words);
        } else {
            self.findings.broken_by(rule, spot, String::new);
        }
    }

    /// Adds a finding; what breaks a rule for sure is a reason as well.
    pub(super) fn add(
        &mut self,
        rule: MemberRule,
        certainty: Certainty,
        lines: Vec<Witness>,
        words: impl FnOnce() -> String,
    ) {
        let sentence = words();
        let is_form =
            matches!(rule, MemberRule::Form(_) | MemberRule::OwnLines | MemberRule::OwnView);
        if certainty == Certainty::Certain && !is_form && rule != MemberRule::OtherText {
            let line = lines.last().map_or(String::new(), |line| format!(": {}", line.text));
            self.object(format!("{sentence}{line}"));
        }
        self.findings.add(rule, certainty, || (lines, sentence));
    }
}
