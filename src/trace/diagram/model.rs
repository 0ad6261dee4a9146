//! The diagram as plain data: what every writer draws, of whatever protocol.
//!
//! Peers are vertical lines, time runs downwards. What one peer does at one moment is one [`Step`]:
//! a message arrives and the answers to it leave. Steps stand in one order in which all of it can
//! have happened, so a receipt never stands above its send. What a peer sends to itself and
//! receives at once is within one step. A [`Band`] joins neighbours to one row of several peers;
//! where else a row has several steps, none of them can know of another.

use std::mem::discriminant;

use crate::hosts::Hosts;
use crate::process::PeerId;
use crate::visible::clipped;

/// A whole picture.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    /// The outcome of the run in one line.
    pub title: String,
    /// True if a rule was broken. Nothing is red in the picture of a run where none was.
    pub is_bad: bool,
    /// How much there is to see, in one line.
    pub summary: String,
    /// What is left out or guessed: one line each, never empty lines.
    pub remarks: Vec<String>,
    /// What flags would show more; no part of the picture.
    pub advice: Vec<String>,
    /// The broken rules that the picture shows, and where.
    pub findings: Vec<DrawnFinding>,
    /// The peers, by id.
    pub lifelines: Vec<Lifeline>,
    /// What happened, from top to bottom.
    pub steps: Vec<Step>,
    /// The messages.
    pub arrows: Vec<Arrow>,
    /// Rows of several peers.
    pub bands: Vec<Band>,
    /// What has a colour of its own.
    pub groups: Groups,
    /// The kinds of messages: an index here picks the stroke.
    pub kinds: &'static [Kind],
    /// What the markers mean, each with a sample of its tag; those that are not in the picture are
    /// left out of its legend.
    pub legend: &'static [(Marker, &'static str, &'static str)],
    /// What the looks of a lifeline mean, of whatever group; those that are not in the picture are
    /// left out of its legend.
    pub line_legend: &'static [(Look, &'static str)],
    /// What [`Step::reached`] means, for the legend.
    pub reached_legend: &'static str,
    /// What [`Arrow::reports`] means.
    pub reports_legend: &'static str,
    /// True if every step has a time.
    pub timed: bool,
}

/// A broken rule and the steps that show it, the last of them last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnFinding {
    /// The rule, and what happened.
    pub says: String,
    /// True if it holds only on a condition.
    pub is_suspicion: bool,
    /// Indices of steps, ascending; never empty.
    pub steps: Vec<usize>,
}

/// A majority, or whatever else takes several peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// In a few words: what, and by whom.
    pub label: String,
    /// The same in fewer words, for narrow places.
    pub shorter: Vec<String>,
    /// In a sentence.
    pub sentence: String,
    /// The steps that it is made of.
    pub steps: Vec<usize>,
}

/// The things that colours tell apart: proposal numbers, views.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// What each of them is: `number`, `view`.
    pub noun: &'static str,
    /// Their names, in order.
    pub names: Vec<String>,
}

/// One peer's line.
#[derive(Clone, Debug)]
pub struct Lifeline {
    /// Its id.
    pub peer: u16,
    /// `peer1`.
    pub name: String,
    /// Host and port as the hostsfile has them, if that says more than the name.
    pub host: Option<String>,
    /// Its roles in words; empty if nothing is known.
    pub roles: String,
    /// How the line is drawn from which step on, by step; [`Look::Alive`] before the first.
    pub looks: Vec<(usize, Look)>,
    /// What the peer holds from which step on, by step: parts joined by [`STATE_JOINT`].
    pub states: Vec<(usize, String)>,
}

/// Between the parts of a state.
pub const STATE_JOINT: &str = " · ";

/// How a part of a lifeline is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Dotted: the peer is not there.
    Gone,
    /// A plain line.
    #[default]
    Alive,
    /// A light bar in the colour of this group.
    Light(usize),
    /// A heavy bar in the colour of this group.
    Full(usize),
}

/// What one peer does at one moment.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Index of the peer's line.
    pub lifeline: usize,
    /// Microseconds since the run's first event, never less than that of an earlier step.
    pub time_us: Option<u64>,
    /// The message that arrives here.
    pub received: Option<usize>,
    /// The messages that leave from here, all alike.
    pub sends: Vec<usize>,
    /// What stands on the line.
    pub marker: Marker,
    /// A few characters in the marker, or beside it in a terminal.
    pub tag: String,
    /// What stands in words beside the marker; empty if the messages say all.
    pub says: String,
    /// What it means for the peer; empty if there is nothing to say. Writers without room for it
    /// rely on the marker.
    pub effect: String,
    /// The group that it is about.
    pub group: Option<usize>,
    /// What is complete with this step.
    pub reached: Option<Reached>,
    /// The band whose row it stands in, with its neighbours of the same band.
    pub band: Option<usize>,
    /// The lines of the log that say so.
    pub lines: Vec<String>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Index of the sender's line.
    pub from: usize,
    /// Index of the receiver's line; unknown if no line says who it is.
    pub to: Option<usize>,
    /// The step that sends it, if that is in the picture.
    pub sent: Option<usize>,
    /// The step that receives it, if that is in the picture.
    pub received: Option<usize>,
    /// How it ends.
    pub end: ArrowEnd,
    /// The event that tells most of it: its place among those that the picture is made of.
    pub event: usize,
    /// Index of its kind.
    pub kind: usize,
    /// The group that it is about.
    pub group: Option<usize>,
    /// What it says.
    pub label: String,
    /// The same in ever fewer characters, for narrow places.
    pub shorter: Vec<String>,
    /// True for an answer that says no.
    pub refused: bool,
    /// True if it reports what its sender had accepted before.
    pub reports: bool,
    /// The lines of the log that tell of it: the sender's, then the receiver's.
    pub lines: Vec<String>,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowEnd {
    /// It arrived.
    Arrived,
    /// Sent and never received.
    Lost,
    /// Not received yet when the log ends.
    InFlight,
    /// Its other end is outside the picture.
    Beyond,
}

/// A kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// How it is drawn.
    pub stroke: Stroke,
    /// What it is, for the legend.
    pub name: &'static str,
    /// How its name is shortened, for the legend of a terminal.
    pub short: &'static str,
    /// True if it answers the message that came just before.
    pub is_answer: bool,
}

/// How an arrow is drawn: questions are drawn through, answers broken; a second phase is heavier
/// than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A first question.
    Thin,
    /// An answer to it.
    ThinBroken,
    /// A second question.
    Thick,
    /// An answer to it.
    ThickBroken,
    /// What is only passed on; it has no label of its own and no colour.
    Dotted,
}

/// What stands on a line. The shapes are the writers'; what they mean, a protocol says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// Messages come or go.
    #[default]
    Dot,
    /// A state is changed a little: a hollow diamond.
    Hollow,
    /// A state is changed for good: a full diamond.
    Full,
    /// Something is refused or given up: a barred circle.
    Barred,
    /// The outcome is known here.
    Star,
    /// The peer is gone: a cross.
    Lost,
    /// Its lines end: a bar.
    End,
    /// The peer begins: a triangle.
    Start,
    /// It says something: a small circle.
    Note,
    /// Its tag in a box.
    Box,
    /// The same with a star.
    LeadBox,
    /// No line says what is expected here: a dotted box.
    Absent,
    /// What others do is about this peer: a dotted circle.
    Target,
}

impl Marker {
    /// The marker in a terminal; a box has none, only its tag.
    pub(super) const fn glyph(self) -> Option<char> {
        Some(match self {
            Self::Dot => '●',
            Self::Hollow => '◇',
            Self::Full => '◆',
            Self::Barred => '⊘',
            Self::Star => '★',
            Self::Lost => '✖',
            Self::End => '┴',
            Self::Start => '▲',
            Self::Note => '·',
            Self::Absent => '□',
            Self::Box | Self::LeadBox | Self::Target => return None,
        })
    }

    /// The marker and its tag in a terminal.
    pub(super) fn text(self, tag: &str) -> String {
        let star = if self == Self::LeadBox { "★" } else { "" };
        self.glyph().into_iter().collect::<String>() + tag + star
    }
}

/// A row of several peers.
#[derive(Clone, Debug)]
pub struct Band {
    /// The lifelines that it reaches, ascending.
    pub reach: Vec<usize>,
    /// What joins them.
    pub shape: Shape,
    /// The group that it is about.
    pub group: Option<usize>,
    /// What the row is, in a word or two, in the colour of the group; may be empty.
    pub head: String,
    /// What else there is to say of it.
    pub text: String,
    /// All of it in one line.
    pub sentence: String,
    /// True of what is to catch the eye.
    pub is_strong: bool,
}

/// What joins the peers of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A coloured area.
    Area,
    /// A dotted line.
    Line,
    /// Nothing.
    None,
}

impl Diagram {
    /// The rows, from top to bottom: the steps of each with the index of the first.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[Step])> {
        let joined = |one: &Step, next: &Step| one.band.is_some() && one.band == next.band;
        self.steps.chunk_by(joined).scan(0, |next, row| {
            let first = *next;
            *next += row.len();
            Some((first, row))
        })
    }

    /// The kind of an arrow.
    pub fn kind(&self, arrow: &Arrow) -> Kind {
        let plain = Kind { stroke: Stroke::Thin, name: "", short: "", is_answer: false };
        self.kinds.get(arrow.kind).copied().unwrap_or(plain)
    }

    /// True for what is only passed on.
    pub fn is_quiet(&self, arrow: &Arrow) -> bool {
        self.kind(arrow).stroke == Stroke::Dotted
    }

    /// The messages that leave from a step.
    pub fn sends<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Arrow> {
        step.sends.iter().filter_map(|arrow| self.arrows.get(*arrow))
    }

    /// The message that arrives at a step.
    pub fn received(&self, step: &Step) -> Option<&Arrow> {
        step.received.and_then(|arrow| self.arrows.get(arrow))
    }

    /// A peer's name; `?` for one who is not known.
    pub fn name(&self, lifeline: Option<usize>) -> &str {
        lifeline.and_then(|line| self.lifelines.get(line)).map_or("?", |line| line.name.as_str())
    }

    /// The legend's markers that are in the picture.
    pub(super) fn used(&self) -> impl Iterator<Item = (Marker, &'static str, &'static str)> {
        let shown = |marker: Marker| self.steps.iter().any(|step| step.marker == marker);
        self.legend.iter().copied().filter(move |(marker, ..)| shown(*marker))
    }

    /// The looks that are in the picture and have a meaning.
    pub(super) fn used_looks(&self) -> impl Iterator<Item = (Look, &'static str)> {
        let all = || self.lifelines.iter().flat_map(|line| &line.looks);
        let shown = move |look: Look| all().any(|(_, is)| discriminant(is) == discriminant(&look));
        self.line_legend.iter().copied().filter(move |(look, _)| shown(*look))
    }

    /// The kinds of messages that are in the picture.
    pub(super) fn used_kinds(&self) -> impl Iterator<Item = Kind> {
        let kinds = self.kinds.iter().enumerate();
        let used = kinds.filter(|(index, _)| self.arrows.iter().any(|arrow| arrow.kind == *index));
        used.map(|(_, kind)| *kind)
    }
}

impl Step {
    /// What it is besides its messages, in sentences.
    pub(super) fn sentences(&self) -> impl Iterator<Item = &str> {
        let reached = self.reached.as_ref().map_or("", |reached| &reached.sentence);
        [&self.effect, &self.says, reached].into_iter().filter(|says| !says.is_empty())
    }
}

impl Lifeline {
    /// What the peer holds after this step.
    pub(super) fn state(&self, step: usize) -> &str {
        let later = self.states.partition_point(|(from, _)| *from <= step);
        later.checked_sub(1).map_or("", |last| &self.states[last].1)
    }
}

impl Arrow {
    /// True of what a peer tells itself within one step.
    pub(super) fn is_within(&self) -> bool {
        self.sent.is_some() && self.sent == self.received
    }

    /// How it ends in words, if there is anything to say.
    pub(super) fn ending(&self) -> &'static str {
        match self.end {
            ArrowEnd::Arrived => "",
            ArrowEnd::Lost => "never received",
            ArrowEnd::InFlight => "under way when the log ends",
            ArrowEnd::Beyond if self.sent.is_some() => "received outside this picture",
            ArrowEnd::Beyond => "sent outside this picture",
        }
    }
}

/// What a hostsfile says of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLabel {
    /// Host and port.
    pub address: String,
    /// The roles in words.
    pub roles: String,
}

impl HostLabel {
    /// Of this peer.
    pub fn of(hosts: &Hosts, peer: u16) -> Option<Self> {
        let host = hosts.get(PeerId(peer))?;
        let roles: Vec<String> = host.roles.iter().map(ToString::to_string).collect();
        let port = host.port.map_or(String::new(), |port| format!(":{port}"));
        Some(Self { address: format!("{}{port}", host.host), roles: roles.join(", ") })
    }
}

/// How much of a peer's roles is shown.
const LONGEST_ROLES: usize = 80;
/// How much of a host's name is shown.
const LONGEST_HOST: usize = 28;

impl Lifeline {
    /// The line of this peer, with what a hostsfile says; `roles` if that says nothing.
    pub fn new(peer: u16, host: Option<HostLabel>, roles: String) -> Self {
        let name = format!("peer{peer}");
        let roles = host.as_ref().map_or(roles, |host| clipped(&host.roles, LONGEST_ROLES));
        let host = host.map(|host| clipped(&host.address, LONGEST_HOST));
        let host = host.filter(|host| *host != name && !host.is_empty());
        Self { peer, name, host, roles, looks: Vec::new(), states: Vec::new() }
    }
}
