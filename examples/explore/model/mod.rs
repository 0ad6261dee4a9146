//! Every run of a few peers, within bounds, one step at a time.
//!
//! The peers are the ones that run on sockets: the model feeds events to a [`Process`] and
//! performs its effects, as the runtime and the simulator do. What it adds is that it tries
//! *everything*: any message under way may arrive next, any timer may fire next, any peer may
//! crash next and come back with what its disk holds. [Stateright] walks through all states that
//! arise so, and asks of each one whether the [`properties`] hold.
//!
//! # What a state is
//!
//! The peers ([`local`]), the letters under way, and how many crashes are left. On the most
//! hostile network a letter that was once sent may arrive at any later moment and any number of
//! times, so the letters are the set of all that were ever sent, and loss, repetition and
//! reordering need no steps of their own. Peers and letters are kept once each, in a [`table`], and
//! so is every step of a peer; a state is a few numbers.
//!
//! # What is left out, and why nothing is lost by it
//!
//! * Acceptors that differ by name only are treated alike ([`symmetry`]); that they differ by
//!   nothing else is checked on every step that is taken.
//! * What can no longer matter is forgotten ([`reduce`]); a test compares with and without.
//! * A proposer makes so many rounds in one incarnation. That is a bound, not a reduction: an error
//!   that
//!   needs more rounds is not found.
//! * Time. A timer may fire at any moment once it is set, so every order of events that any
//!   timing gives is tried.
//!
//! [`Process`]: synod::process::Process
//! [Stateright]: https://docs.rs/stateright

pub(crate) mod bounds;
pub(crate) mod clock;
pub(crate) mod local;
pub(crate) mod mutants;
pub(crate) mod properties;
pub(crate) mod reduce;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod state;
pub(crate) mod symmetry;
pub(crate) mod table;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stateright::{Model, Property};
use synod::paxos::{Accepted, Fact, Message, ProposalNumber, Record, Setup, Timer, Value};
use synod::process::{PeerId, Process};

use bounds::{Bounds, CrashPoints, Network};
use clock::Clock;
use local::{Event, Letter, Rules};
use properties::Findings;
use state::{Action, Happening, State};
use symmetry::Permutations;
use table::{Cause, LetterId, LocalId, Table, What};

/// A process that speaks as Paxos does: the real peer, or one that was broken on purpose.
pub(crate) trait Subject:
    Process<Message = Message, Record = Record, Timer = Timer, Fact = Fact, Input = Value>
    + Clone
    + Debug
    + Eq
    + Hash
    + Send
    + Sync
    + 'static
{
}

impl<P> Subject for P where
    P: Process<Message = Message, Record = Record, Timer = Timer, Fact = Fact, Input = Value>
        + Clone
        + Debug
        + Eq
        + Hash
        + Send
        + Sync
        + 'static
{
}

/// All runs within some bounds of peers of type `P`.
pub(crate) struct Exploration<P> {
    /// The bounds.
    pub(crate) bounds: Bounds,
    /// When to give up.
    pub(crate) clock: Clock,
    // Behind an `Arc` so that states can be printed, behind a `Mutex` because it learns.
    table: Arc<Mutex<Table<P>>>,
}

impl<P: Subject> Exploration<P> {
    /// All runs within `bounds` of the peers that `birth` gives incarnation to.
    pub(crate) fn new(bounds: Bounds, birth: impl Fn(Arc<Setup>) -> P) -> Self {
        let parts = bounds.roles();
        let told = parts.recipients();
        let ids = (1..=parts.peers).map(PeerId);
        let rules = Rules {
            links: ids.map(|me| parts.links_of(me).into_iter().collect()).collect(),
            proposers: parts.proposers.keys().copied().collect(),
            mere_proposers: parts.proposers.keys().copied().filter(|p| !told.contains(p)).collect(),
            rounds: bounds.rounds,
            notices: bounds.notices,
            reduce: bounds.reduce,
            eager: bounds.reduce && !bounds.stale_answers,
        };
        let newborn = bounds.setups().into_iter().map(birth).collect();
        let permutations = Permutations::new(bounds.interchangeable());
        let table = Table::new(newborn, rules, permutations);
        Self { bounds, clock: Clock::default(), table: Arc::new(Mutex::new(table)) }
    }

    fn table(&self) -> MutexGuard<'_, Table<P>> {
        locked(&self.table)
    }

    /// Peers and letters of all kinds and steps met so far.
    pub(crate) fn met(&self) -> (usize, usize) {
        let table = self.table();
        (table.locals.things.len(), table.letters.things.len())
    }

    /// What the acceptors have promised and accepted in a state, without their names.
    pub(crate) fn acceptors_of(
        &self,
        state: &State<P>,
    ) -> Vec<(Option<ProposalNumber>, Vec<Accepted>)> {
        let table = self.table();
        let acceptors = self.bounds.roles().recipients();
        let mut all: Vec<_> = acceptors
            .iter()
            .map(|&peer| {
                let seen = &table.local(state.at(peer)).seen;
                (seen.promised, seen.votes.iter().copied().collect())
            })
            .collect();
        all.sort_unstable();
        all
    }

    fn is_stream(&self) -> bool {
        matches!(self.bounds.network, Network::Streams { .. })
    }

    /// Puts letters under way.
    fn send(&self, table: &Table<P>, state: &mut State<P>, sent: &[LetterId]) {
        for &id in sent {
            let letters = &mut state.letters;
            let at = match self.bounds.network {
                Network::Anything => match letters.binary_search(&id) {
                    Ok(_) => continue,
                    Err(at) => at,
                },
                Network::Once => letters.partition_point(|&other| other < id),
                Network::Streams { .. } => {
                    let link = link(table.letter(id));
                    letters.partition_point(|&other| self::link(table.letter(other)) <= link)
                }
            };
            letters.insert(at, id);
        }
    }

    /// A step of one peer.
    fn take(&self, table: &mut Table<P>, state: &mut State<P>, who: PeerId, cause: Cause) {
        let at = &mut state.locals[usize::from(who.0 - 1)];
        let step = table.step(*at, cause);
        *at = step.next;
        self.send(table, state, &step.sent);
    }

    /// The links of `who` with `others` break and come up again, `who` itself aside.
    fn relink(&self, table: &mut Table<P>, state: &mut State<P>, who: PeerId, others: &[PeerId]) {
        if self.is_stream() {
            state.letters.retain(|&id| {
                let Letter { from, to, .. } = table.letter(id);
                !(from == who && others.contains(&to) || to == who && others.contains(&from))
            });
        }
        for &other in others {
            if !table.local(state.locals[usize::from(other.0 - 1)]).off {
                self.take(table, state, other, What::Else(Event::Connect(who)).into());
            }
        }
    }

    /// Brings a state that was just reached into its final form.
    fn finish(&self, table: &mut Table<P>, mut state: State<P>) -> State<P> {
        // Before anything is forgotten, and again in the key: a violation must not be taken for a
        // state that was met without one.
        state.findings = Findings::of(table, &self.bounds, &state.locals, &state.letters);
        if self.bounds.reduce {
            let again = state.crashes_left > 0;
            let State { locals, letters, .. } = &mut state;
            if !again {
                for local in locals.iter_mut() {
                    *local = table.forgotten(*local);
                }
            }
            if self.bounds.network == Network::Anything {
                letters.retain(|&letter| !reduce::is_dead(table, locals, letter, again));
            }
        }
        let mut letters = Vec::with_capacity(state.letters.len());
        let mut last = None;
        let mut at = 0;
        for &id in &state.letters {
            let link = self.is_stream().then(|| link(table.letter(id)));
            at = if link.is_some() && link == last { at + 1 } else { 0 };
            last = link;
            letters.push((id, at));
        }
        let left = u64::from(state.crashes_left) << 8 | u64::from(state.cuts_left);
        let rest = left | u64::from(state.findings.violated()) << 16;
        state.key = symmetry::key(table, &state.locals, &letters, rest);
        state
    }

    /// The letters that can arrive now, in an order in which those to one peer are neighbours.
    fn deliverable(&self, table: &mut Table<P>, state: &State<P>) -> Vec<LetterId> {
        let mut last = None;
        let mut letters = state.letters.clone();
        letters.retain(|&id| {
            let letter = table.letter(id);
            // Of a stream only the first, of equal letters only one.
            let lane = if self.is_stream() { (Some(link(letter)), 0) } else { (None, id) };
            let behind = last.replace(lane) == Some(lane);
            !behind && !table.local(state.at(letter.to)).off
        });
        letters.sort_by_key(|&id| table.letter(id).to);
        letters
    }

    /// Adds the deliveries to the peer at `at`, beginning with the first of `letters`, that follow
    /// those in `before`.
    fn deliveries(
        &self,
        table: &mut Table<P>,
        state: &State<P>,
        at: LocalId,
        letters: &[LetterId],
        before: &mut Vec<(LetterId, Letter)>,
        actions: &mut Vec<Action>,
    ) {
        for (i, &id) in letters.iter().enumerate() {
            // One that counts every copy of a letter would count for ever.
            if before.iter().filter(|(earlier, _)| *earlier == id).count() == 2 {
                continue;
            }
            let step = table.step(at, What::Deliver(id).into());
            // Where it stays under way, an arrival without any trace is no step.
            if self.bounds.network == Network::Anything
                && step.next == at
                && step.sent.iter().all(|sent| state.letters.binary_search(sent).is_ok())
            {
                continue;
            }
            before.push((id, table.letter(id)));
            let counted = step.effects == 0 && self.bounds.counts_at_once();
            if !counted {
                let what = Happening::Deliver(before.clone());
                self.with_crashes(state, what, step.effects, actions);
            } else if table.local(step.next).is_due() {
                let what = Happening::Deliver(before.clone());
                let own = table.step(step.next, What::Else(Event::Proceed).into());
                self.with_crashes(state, what, own.effects, actions);
            }
            if counted {
                // From this letter on, not from the next: it may arrive twice.
                self.deliveries(table, state, step.next, &letters[i..], before, actions);
            }
            before.pop();
        }
    }

    /// True if these letters to the peer at `at` are only counted, and complete a count: then the
    /// step that is due follows.
    fn proceeds(
        &self,
        table: &mut Table<P>,
        mut at: LocalId,
        letters: &[(LetterId, Letter)],
    ) -> bool {
        let mut counted = self.bounds.counts_at_once();
        for (id, _) in letters {
            let step = table.step(at, What::Deliver(*id).into());
            counted &= step.effects == 0;
            at = step.next;
        }
        counted && table.local(at).is_due()
    }

    /// The happening with so many effects, in full and cut short by a crash after each of them.
    fn with_crashes(
        &self,
        state: &State<P>,
        what: Happening,
        effects: usize,
        actions: &mut Vec<Action>,
    ) {
        if state.crashes_left > 0 && self.bounds.crash_points == CrashPoints::BetweenEffects {
            let effects = u8::try_from(effects).expect("few effects");
            let cut = |after| Action { what: what.clone(), crash_after: Some(after) };
            actions.extend((1..effects).map(cut));
        }
        actions.push(Action { what, crash_after: None });
    }
}

fn locked<P>(table: &Mutex<Table<P>>) -> MutexGuard<'_, Table<P>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn link(letter: Letter) -> (PeerId, PeerId) {
    (letter.from, letter.to)
}

impl<P: Subject> Model for Exploration<P> {
    type State = State<P>;
    type Action = Action;

    fn init_states(&self) -> Vec<State<P>> {
        let mut table = self.table();
        let cuts_left = match self.bounds.network {
            Network::Streams { cuts } => cuts,
            Network::Anything | Network::Once => 0,
        };
        let mut state = State {
            table: Arc::clone(&self.table),
            locals: table.born().to_vec(),
            letters: Vec::new(),
            crashes_left: self.bounds.crashes,
            cuts_left,
            findings: Findings::default(),
            key: 0,
        };
        let sent = table.born_saying().to_vec();
        self.send(&table, &mut state, &sent);
        vec![self.finish(&mut table, state)]
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action>) {
        let mut table = self.table();
        if self.clock.is_over() {
            return;
        }
        let letters = self.deliverable(&mut table, state);
        let chunks: Vec<_> =
            letters.chunk_by(|&a, &b| table.letter(a).to == table.letter(b).to).collect();
        for same in chunks {
            let at = state.at(table.letter(same[0]).to);
            self.deliveries(&mut table, state, at, same, &mut Vec::new(), actions);
        }
        for &at in &state.locals {
            let local = Arc::clone(&table.locals.things[at as usize]);
            if local.is_due() {
                let effects = table.step(at, What::Else(Event::Proceed).into()).effects;
                self.with_crashes(state, Happening::Proceed(local.me), effects, actions);
            }
            for &timer in &local.timers {
                if local.can_fire(timer, table.rules()) {
                    let what = Happening::Fire(local.me, timer);
                    let effects = table.step(at, What::Else(Event::Fire(timer)).into()).effects;
                    self.with_crashes(state, what, effects, actions);
                }
            }
            if state.crashes_left > 0 {
                actions.push(Action { what: Happening::Crash(local.me), crash_after: None });
            }
            if state.cuts_left > 0 || self.bounds.reconnects {
                let others = &table.rules().links[usize::from(local.me.0 - 1)];
                let others = others.iter().filter(|&&other| other > local.me);
                let relink = |&other| Happening::Relink(local.me, other);
                actions.extend(others.map(|o| Action { what: relink(o), crash_after: None }));
            }
        }
    }

    fn next_state(&self, last: &State<P>, action: Action) -> Option<State<P>> {
        let mut table = self.table();
        let table = &mut *table;
        let mut state = last.clone();
        let cause = |what| Cause { what, crash_after: action.crash_after };
        let crashed = match action.what {
            Happening::Deliver(letters) => {
                let (last, to) = (letters.len() - 1, letters[0].1.to);
                let proceeds = self.proceeds(table, state.at(to), &letters);
                for (i, (id, _)) in letters.into_iter().enumerate() {
                    if self.bounds.network != Network::Anything {
                        let at = state.letters.iter().position(|&other| other == id)?;
                        state.letters.remove(at);
                    }
                    let what = What::Deliver(id);
                    let cause = if i == last && !proceeds { cause(what) } else { what.into() };
                    self.take(table, &mut state, to, cause);
                }
                if proceeds {
                    self.take(table, &mut state, to, cause(What::Else(Event::Proceed)));
                }
                action.crash_after.map(|_| to)
            }
            Happening::Fire(who, timer) => {
                self.take(table, &mut state, who, cause(What::Else(Event::Fire(timer))));
                action.crash_after.map(|_| who)
            }
            Happening::Proceed(who) => {
                self.take(table, &mut state, who, cause(What::Else(Event::Proceed)));
                action.crash_after.map(|_| who)
            }
            Happening::Crash(who) => {
                self.take(table, &mut state, who, cause(What::Else(Event::Crash)));
                Some(who)
            }
            Happening::Relink(who, other) => {
                state.cuts_left = state.cuts_left.saturating_sub(1);
                self.relink(table, &mut state, who, &[other]);
                // The other end; what the first one has just sent is not lost again.
                if !table.local(state.locals[usize::from(who.0 - 1)]).off {
                    self.take(table, &mut state, who, What::Else(Event::Connect(other)).into());
                }
                None
            }
        };
        if let Some(who) = crashed {
            state.crashes_left -= 1;
            let others = table.rules().links[usize::from(who.0 - 1)].clone();
            self.relink(table, &mut state, who, &others);
        }
        Some(self.finish(table, state))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    fn format_action(&self, action: &Action) -> String {
        report::action(action)
    }
}
