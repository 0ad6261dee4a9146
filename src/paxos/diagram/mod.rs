//! A run of Paxos as a picture.
//!
//! ```text
//! lines ── collect ── guess ── flow ── messages ──┬── votes ── outcome ── Diagram
//!          a window   whose    steps   what they  │   where a   what was
//!          of them    line     and     say and    │   majority  chosen
//!                     it is    arrows  change     alarms  is
//! ```
//!
//! A proposal number has a colour; on an acceptor's line a light bar is a promise and a heavy one
//! an acceptance, in the colour of its number.

mod guess;
mod kept;
mod log;
mod messages;
mod outcome;
#[cfg(test)]
mod tests;
mod votes;

use std::collections::{BTreeMap, BTreeSet};

use self::kept::Kept;
use self::messages::{Held, IS_CHOSEN, Message, content};
use self::votes::{Acceptors, Electorate, State, Votes};
use crate::paxos::event::{Action, MessageType};
use crate::paxos::judge::KnownRoles;
use crate::paxos::judge::dialect::{Entry, Number};
use crate::trace::counts::plural;
use crate::trace::diagram::{
    Admission, Alarm, Arrow, Diagram, Extent, Flow, Groups, HostLabel, Item, ItemKind, Key,
    Lifeline, Look, Marker, MessageCounts, Place, Window, flow, peers, settle,
};
use crate::visible::clipped;
pub use log::draw_log;

/// How much of a line is kept.
const LONGEST_TEXT: usize = 1_000;
/// How much of a peer's own words is shown.
const LONGEST_NOTE: usize = 160;
/// How many different chosen values are remembered: two are already a disaster.
const MOST_CHOICES: usize = 8;

/// What is known of one peer, whatever the window.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Known {
    proposes: bool,
    accepts: bool,
    is_told: bool,
    /// Its lines say what it tells itself.
    is_journal: bool,
    /// It knows the choice, in its present incarnation.
    knows: bool,
    /// It knew the choice, in any incarnation; and when it chose first.
    chose: Option<Chosen>,
}

/// When a peer chose.
#[derive(Clone, Copy, Debug)]
struct Chosen(Option<u64>);

/// Takes the events of a run of Paxos one by one, and gives a picture.
#[derive(Clone, Debug, Default)]
pub struct PaxosDiagram {
    extent: Extent,
    roles: Option<KnownRoles>,
    number: Option<Number>,
    kept: Vec<Kept>,
    counts: MessageCounts,
    peers: BTreeMap<u16, Known>,
    /// All choices that differ: value, its lowest number.
    choices: BTreeMap<String, Option<Number>>,
    /// Notices to peers that knew, and links that came up.
    suppressed: u64,
    /// Lines that journals say are missing.
    lost: u64,
    first_sent_us: Option<u64>,
}

impl PaxosDiagram {
    /// For this window, with the roles if they are known; none if its number is none.
    pub fn new(window: Window, roles: Option<KnownRoles>) -> Option<Self> {
        let number = match &window.number {
            Some(number) => Some(Number::parse(number)?),
            None => None,
        };
        Some(Self { number, roles, extent: Extent::new(window), ..Self::default() })
    }

    /// How many events there are, and which.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// True if no message is about the number that was asked for.
    pub fn is_of_no_use(&self) -> bool {
        let is_message = |kept: &Kept| matches!(kept.entry.action, Action::Sent | Action::Received);
        self.number.is_some() && !self.kept.iter().any(is_message)
    }

    /// Takes the next event, which stands at `place` and came as `text`.
    pub fn take(&mut self, entry: &Entry<'_>, text: &str, place: Place) {
        let admission = self.extent.admit(entry.printer, entry.time_us, place);
        if admission == Admission::Crowded {
            return;
        }
        let knew = entry.printer.is_some_and(|at| self.learn(entry, at));
        let mut keep = admission == Admission::Kept;
        if self.is_of_other_number(entry) {
            self.extent.leave_out(admission, true);
            keep = false;
        } else if !self.extent.window().all && is_quiet(entry, knew) {
            self.extent.leave_out(admission, false);
            self.suppressed += u64::from(admission != Admission::Outside);
            keep = false;
        }
        let nth = key(entry)
            .map_or(0, |(key, sent)| self.counts.take(&key, sent, keep, self.extent.has_room()));
        if keep {
            let entry = entry.clone().into_owned();
            let text = clipped(text, LONGEST_TEXT);
            self.kept.push(Kept { at: entry.printer, entry, place, text, nth });
        }
    }

    fn is_of_other_number(&self, entry: &Entry<'_>) -> bool {
        let is_message = matches!(entry.action, Action::Sent | Action::Received);
        is_message
            && self.number.is_some()
            && entry.answers.or(entry.number) != self.number
            // A refusal belongs to both numbers.
            && entry.number != self.number
    }

    /// Updates what is known of the peer; true if it knew the choice before.
    fn learn(&mut self, entry: &Entry<'_>, at: u16) -> bool {
        let known = self.peers.entry(at).or_default();
        let knew = known.knows;
        let sent = entry.action == Action::Sent;
        known.is_journal |= entry.is_journal;
        match entry.message_type {
            Some(MessageType::Prepare | MessageType::Accept) => {
                known.proposes |= sent;
                known.accepts |= entry.action == Action::Received;
            }
            Some(MessageType::PrepareAck | MessageType::AcceptAck) => {
                known.accepts |= sent;
                known.is_told |= !sent && entry.message_type == Some(MessageType::AcceptAck);
            }
            _ => {}
        }
        match entry.action {
            // A new incarnation learns the choice anew.
            Action::Started => known.knows = false,
            Action::Chose => {
                let value = entry.value.as_deref().unwrap_or_default().to_owned();
                let number = entry.number;
                if self.choices.len() < MOST_CHOICES || self.choices.contains_key(&value) {
                    let lowest = self.choices.entry(value).or_insert(number);
                    *lowest = (*lowest).min(number);
                }
                known.knows = true;
                known.chose.get_or_insert(Chosen(entry.time_us));
            }
            Action::Sent => self.first_sent_us = self.first_sent_us.or(entry.time_us),
            Action::Lost => self.lost = self.lost.saturating_add(entry.lost.unwrap_or(1)),
            Action::Received | Action::Connected | Action::Noted => {}
        }
        knew
    }

    /// The picture. `host` says what a hostsfile knows of a peer.
    pub fn finish(mut self, host: impl Fn(u16) -> Option<HostLabel>, alarms: &[Alarm]) -> Diagram {
        let nowhere = guess::place(&mut self.kept);
        let items = self.items();
        let line = |peer| Lifeline::new(peer, host(peer), self.roles(peer));
        let mut lifelines: Vec<Lifeline> =
            peers(&items, &self.extent).into_iter().map(line).collect();
        let mut flow = flow(&items, &lifelines, &self.counts, &self.extent);
        let Told { said, held, numbers } = self.tell(&mut flow, &lifelines);
        let cut = flow.cut;
        let (mut steps, findings, hidden) = settle(flow.drafts, &mut flow.arrows, alarms);
        let rank = |number: Option<Number>| numbers.binary_search(&number?).ok();
        for (index, (step, held)) in steps.iter().zip(&held).enumerate() {
            let look = match (held, step.marker) {
                (_, Marker::Lost | Marker::End) => Some(Look::Gone),
                (Some(held), _) => held.look(&rank),
                _ => None,
            };
            lifelines[step.lifeline].looks.extend(look.map(|look| (index, look)));
        }
        let owners = owners(&flow.arrows, &said, &lifelines);
        let acceptors = self.acceptors(&flow.arrows, &said, &lifelines);
        let votes = Votes::new(&flow.arrows, &said, &acceptors, owners);
        votes.follow(&mut steps, &held, &mut lifelines);
        let (title, is_bad) = self.title(lifelines.len(), alarms);
        let (mut remarks, advice) = self.remarks(nowhere, cut);
        remarks.extend(hidden);
        Diagram {
            title,
            is_bad,
            summary: outcome::summary(lifelines.len(), &flow.arrows),
            remarks,
            advice,
            findings,
            timed: !steps.is_empty() && steps.iter().all(|step| step.time_us.is_some()),
            groups: Groups {
                noun: "number",
                names: numbers.iter().map(Number::to_string).collect(),
            },
            kinds: &messages::KINDS,
            legend: &messages::LEGEND,
            line_legend: &messages::LINE_LEGEND,
            reached_legend: "a majority is complete",
            reports_legend: "reports a vote",
            lifelines,
            steps,
            arrows: flow.arrows,
            ..Diagram::default()
        }
    }

    /// Fills in what messages say and what steps change.
    fn tell(&self, flow: &mut Flow, lifelines: &[Lifeline]) -> Told {
        let entry = |event: usize| self.kept.get(event).map(|kept| &kept.entry);
        let mut said: Vec<Option<Message>> =
            flow.arrows.iter().map(|arrow| Message::of(entry(arrow.event)?)).collect();
        let mut held = Vec::new();
        let mut states = vec![State::default(); lifelines.len()];
        for draft in &mut flow.drafts {
            let begins = draft.step.marker == Marker::Start;
            let found = entry(draft.rank).filter(|_| begins);
            let line = draft.step.lifeline;
            let State { promised, accepted, .. } = states[line].clone();
            let step = &mut draft.step;
            let change = messages::judge(step, &flow.arrows, &mut said, found, accepted.as_ref());
            let silent = || {
                let sends = step.sends.first().and_then(|arrow| said.get(*arrow)?.as_ref())?;
                let peer = lifelines.get(line).filter(|line| self.is_silent(line.peer));
                peer.and_then(|_| sends.of_itself(promised))
            };
            let change = change.or_else(silent);
            if let Some(change) = &change {
                states[line].change(change);
            }
            held.push(change);
        }
        let numbers: BTreeSet<Number> = said.iter().flatten().filter_map(Message::about).collect();
        let numbers: Vec<Number> = numbers.into_iter().collect();
        let rank = |number: Option<Number>| numbers.binary_search(&number?).ok();
        for (arrow, said) in flow.arrows.iter_mut().zip(&said) {
            if let Some(said) = said {
                said.tell(arrow, rank(said.about()));
            }
        }
        for (draft, held) in flow.drafts.iter_mut().zip(&held) {
            let step = &mut draft.step;
            let about = if step.marker == Marker::Star {
                self.chosen_number(&draft.places)
            } else {
                let arrow = step.sends.first().or(step.received.as_ref());
                arrow.and_then(|arrow| said.get(*arrow)?.as_ref()?.about())
            };
            step.group = rank(about);
            step.effect = held.as_ref().map_or(String::new(), Held::effect);
            if let (Marker::Dot, Some(held)) = (step.marker, held) {
                step.marker = held.marker();
            }
        }
        Told { said, held, numbers }
    }

    /// True for a proposer that is its own acceptor and prints nothing of what it tells itself.
    fn is_silent(&self, peer: u16) -> bool {
        let Some(known) = self.peers.get(&peer).filter(|known| !known.is_journal) else {
            return false;
        };
        match &self.roles {
            Some(roles) => roles.acceptors.get(&peer).is_some_and(|own| own.contains(&peer)),
            None => known.proposes && known.accepts,
        }
    }

    /// The acceptors of each proposer: as a hostsfile names them, else whom it asks and who answers
    /// it.
    fn acceptors(
        &self,
        arrows: &[Arrow],
        said: &[Option<Message>],
        lifelines: &[Lifeline],
    ) -> Acceptors {
        if let Some(roles) = &self.roles {
            let named = roles.acceptors.iter();
            return named.map(|(peer, all)| (*peer, Electorate::of(all.clone()))).collect();
        }
        let mut acceptors = Acceptors::new();
        let mut asked: BTreeMap<(u16, Option<usize>), usize> = BTreeMap::new();
        let peer = |line: Option<usize>| Some(lifelines.get(line?)?.peer);
        for (arrow, said) in arrows.iter().zip(said) {
            let Some(said) = said else { continue };
            let (from, to) = (peer(Some(arrow.from)), peer(arrow.to));
            let (owner, acceptor) = match said.kind {
                MessageType::Prepare | MessageType::Accept => {
                    let Some(from) = from else { continue };
                    *asked.entry((from, arrow.sent)).or_default() += 1;
                    (Some(from), to)
                }
                MessageType::PrepareAck => (to, from),
                _ => continue,
            };
            if let (Some(owner), Some(acceptor)) = (owner, acceptor) {
                acceptors.entry(owner).or_default().members.insert(acceptor);
            }
        }
        for (owner, acceptors) in &mut acceptors {
            let own = self.is_silent(*owner) && acceptors.members.insert(*owner);
            let all = asked.iter().filter(|((peer, sent), _)| peer == owner && sent.is_some());
            let most = all.map(|(_, count)| *count).max().unwrap_or(0) + usize::from(own);
            acceptors.count = acceptors.members.len().max(most);
        }
        acceptors
    }

    /// The number under which a peer knows the choice, by the line that says so.
    fn chosen_number(&self, places: &[Place]) -> Option<Number> {
        let chose =
            |kept: &&Kept| kept.entry.action == Action::Chose && places.contains(&kept.place);
        self.kept.iter().find(chose)?.entry.number
    }

    /// The roles that a peer's messages show.
    fn roles(&self, peer: u16) -> String {
        let Some(known) = self.peers.get(&peer) else { return String::new() };
        let roles = [
            (known.proposes, "proposer"),
            (known.accepts, "acceptor"),
            (known.is_told && !known.proposes, "learner"),
        ];
        let roles = roles.iter().filter(|role| role.0).map(|role| role.1);
        roles.collect::<Vec<_>>().join(", ")
    }

    /// What was kept, as the flow of events takes it.
    fn items(&self) -> Vec<Item> {
        let mut incarnations: BTreeMap<u16, u32> = BTreeMap::new();
        let all = self.extent.window().all;
        let item = |kept: &Kept| {
            let at = kept.at.unwrap_or_default();
            let incarnation = incarnations.entry(at).or_default();
            *incarnation += u32::from(kept.entry.action == Action::Started);
            Item {
                at,
                time_us: kept.entry.time_us,
                place: kept.place,
                text: kept.text.clone(),
                nth: kept.nth,
                event: event(&kept.entry, *incarnation, all),
            }
        };
        self.kept.iter().map(item).collect()
    }
}

/// What messages say and steps change.
struct Told {
    /// By arrow.
    said: Vec<Option<Message>>,
    /// By step.
    held: Vec<Option<Held>>,
    /// All proposal numbers, ascending.
    numbers: Vec<Number>,
}

/// Who proposes under which number.
fn owners(
    arrows: &[Arrow],
    said: &[Option<Message>],
    lifelines: &[Lifeline],
) -> BTreeMap<Number, u16> {
    let owner = |(arrow, said): (&Arrow, &Option<Message>)| {
        let said = said.as_ref()?;
        let asks = matches!(said.kind, MessageType::Prepare | MessageType::Accept);
        Some((said.number.filter(|_| asks)?, lifelines.get(arrow.from)?.peer))
    };
    arrows.iter().zip(said).filter_map(owner).collect()
}

/// The message that a line tells of, and whether the line is the sender's.
fn key(entry: &Entry<'_>) -> Option<(Key, bool)> {
    entry.message_type?;
    match entry.action {
        Action::Sent => Some(((entry.printer?, entry.receiver, content(entry)), true)),
        Action::Received => Some(((entry.sender?, Some(entry.printer?), content(entry)), false)),
        _ => None,
    }
}

/// Lines that say nothing new.
fn is_quiet(entry: &Entry<'_>, knew: bool) -> bool {
    match entry.action {
        Action::Connected => true,
        Action::Received => entry.message_type == Some(MessageType::Chosen) && knew,
        _ => false,
    }
}

fn event(entry: &Entry<'_>, incarnation: u32, all: bool) -> ItemKind {
    let note = |says: String| ItemKind::Does { marker: Marker::Note, says, joins: true };
    match entry.action {
        Action::Sent => ItemKind::Sent {
            to: entry.receiver,
            what: content(entry),
            quiet: !all && entry.message_type == Some(MessageType::Chosen),
        },
        Action::Received => ItemKind::Received { from: entry.sender, what: content(entry) },
        Action::Chose => {
            let value = messages::value(entry.value.as_deref().unwrap_or_default());
            let says = format!("{value}{IS_CHOSEN}");
            ItemKind::Does { marker: Marker::Star, says, joins: true }
        }
        Action::Started => {
            let says = messages::found(entry, incarnation > 1);
            // The head of the line says as much.
            let is_news = incarnation > 1 || all || says != "starts";
            ItemKind::Started { says: is_news.then_some(says) }
        }
        Action::Noted => note(clipped(entry.note.as_deref().unwrap_or_default(), LONGEST_NOTE)),
        Action::Lost => {
            note(format!("{} of this journal lost here", plural(entry.lost.unwrap_or(1), "line")))
        }
        Action::Connected => {
            note(entry.receiver.map_or("connected".into(), |to| format!("connected to peer{to}")))
        }
    }
}
