//! The picture of a protocol whose messages are plain texts, made of its [`JournalLine`]s.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::labels::span;
use super::{
    Admission, ArrowEnd, Diagram, Extent, HostLabel, Item, ItemKind, Kind, Lifeline, Look, Marker,
    MessageCounts, Place, Window, flow, peers, settle,
};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::trace::counts::plural;
use crate::trace::inputs::Inputs;
use crate::trace::journal::{JournalAction, JournalDialect, JournalLine, Journalled};
use crate::trace::judge::JudgeOptions;
use crate::trace::reader::Content;
use crate::visible::{clipped, visible};

/// How such a protocol is drawn.
pub trait PlainPicture: Journalled {
    /// Its messages, by the first words of their texts; others are drawn as the first.
    const KINDS: &'static [Kind];
    /// What the markers mean.
    const LEGEND: &'static [(Marker, &'static str, &'static str)];
    /// What a peer that has reached its outcome is: `ready`.
    const OUTCOME: &'static str;
    /// The text with which it says so.
    const OUTCOME_TEXT: &'static str;
    /// How a text is shown, where that is not all of it.
    fn shown(text: &str) -> Cow<'_, str> {
        text.into()
    }

    /// What the lines mean.
    const LINE_LEGEND: &'static [(Look, &'static str)];
}

/// How much of a line and of a text is shown.
const LONGEST: (usize, usize) = (1_000, 160);

/// Takes the events of a run one by one, and gives a picture.
#[derive(Clone, Debug)]
struct PlainDiagram<P> {
    extent: Extent,
    counts: MessageCounts,
    items: Vec<Item>,
    /// When each peer reached its outcome first, whatever the window.
    reached: BTreeMap<u16, u64>,
    protocol: PhantomData<P>,
}

/// Draws a run.
///
/// # Errors
/// An input cannot be read, or nothing of the run is in the window.
pub fn draw_journal<P: PlainPicture>(
    inputs: Inputs,
    window: Window,
    options: &JudgeOptions<'_>,
) -> Result<Diagram> {
    if window.number.is_some() {
        return Err(Error::Usage("--number is about proposals, and here are none".into()));
    }
    let names = inputs.names.join(", ");
    let mut diagram = PlainDiagram::<P> {
        extent: Extent::new(window),
        counts: MessageCounts::default(),
        items: Vec::new(),
        reached: BTreeMap::new(),
        protocol: PhantomData,
    };
    let time = |line: &JournalLine| line.time_us;
    inputs.read::<JournalDialect<P>, u64>(
        &options.names(),
        |line| match &line.content {
            Content::Event(entry) => Some(time(entry)),
            _ => None,
        },
        |input, line| {
            let Some(line) = line else { return };
            if let Content::Event(entry) = &line.content {
                diagram.take(entry, &line.text, (usize::from(input), line.number));
            }
        },
    )?;
    if diagram.extent.is_empty() {
        return Err(Error::Input(format!("{names}: no line is an event of a run")));
    }
    if let Some(objection) = diagram.extent.objection(false) {
        return Err(Error::Input(objection));
    }
    Ok(diagram.finish(options.hosts))
}

impl<P: PlainPicture> PlainDiagram<P> {
    fn take(&mut self, line: &JournalLine, text: &str, place: Place) {
        let admission = self.extent.admit(Some(line.at), Some(line.time_us), place);
        if line.action == JournalAction::Noted && line.text == P::OUTCOME_TEXT {
            self.reached.entry(line.at).or_insert(line.time_us);
        }
        if line.action == JournalAction::Connected && !self.extent.window().all {
            return self.extent.leave_out(admission, false);
        }
        let keep = admission == Admission::Kept;
        let what = clipped(&P::shown(&line.text), LONGEST.1);
        let key = match (line.action, line.peer) {
            (JournalAction::Sent, to) => Some(((line.at, to, what.clone()), true)),
            (JournalAction::Received, Some(from)) => {
                Some(((from, Some(line.at), what.clone()), false))
            }
            _ => None,
        };
        let room = self.extent.has_room();
        let nth = key.map_or(0, |(key, sent)| self.counts.take(&key, sent, keep, room));
        if keep {
            self.items.push(Item {
                at: line.at,
                time_us: Some(line.time_us),
                place,
                text: clipped(text, LONGEST.0),
                nth,
                event: event::<P>(line, what),
            });
        }
    }

    fn finish(self, hosts: Option<&Hosts>) -> Diagram {
        let host = |peer| {
            let host = HostLabel::of(hosts?, peer)?;
            Some(HostLabel { roles: String::new(), ..host })
        };
        let line = |peer| Lifeline::new(peer, host(peer), String::new());
        let mut lifelines: Vec<Lifeline> =
            peers(&self.items, &self.extent).into_iter().map(line).collect();
        let mut flow = flow(&self.items, &lifelines, &self.counts, &self.extent);
        for arrow in &mut flow.arrows {
            let item = self.items.get(arrow.event).map(|item| &item.event);
            if let Some(ItemKind::Sent { what, .. } | ItemKind::Received { what, .. }) = item {
                let word = what.split(' ').next().unwrap_or_default();
                arrow.kind = P::KINDS.iter().position(|kind| kind.name == word).unwrap_or(0);
                arrow.group = Some(arrow.kind);
                arrow.label.clone_from(what);
                arrow.shorter =
                    what.split_once(' ').map(|word| word.0.into()).into_iter().collect();
            }
        }
        let (mut steps, findings, hidden) = settle(flow.drafts, &mut flow.arrows, &[]);
        for (index, step) in steps.iter_mut().enumerate() {
            let about = step.sends.first().or(step.received.as_ref());
            step.group = about.and_then(|arrow| flow.arrows.get(*arrow)?.group);
            let look = match step.marker {
                Marker::Star => Look::Full(0),
                Marker::Lost | Marker::End => Look::Gone,
                Marker::Start => Look::Alive,
                _ => continue,
            };
            if let Some(line) = lifelines.get_mut(step.lifeline) {
                line.looks.push((index, look));
            }
        }
        let lost = flow.arrows.iter().filter(|arrow| arrow.end == ArrowEnd::Lost).count();
        let mut summary = vec![
            plural(lifelines.len() as u64, "peer"),
            plural(flow.arrows.len() as u64, "message"),
        ];
        summary.extend((lost > 0).then(|| format!("{lost} never received")));
        let (mut remarks, advice) = self.extent.remarks();
        remarks.extend(hidden);
        Diagram {
            title: self.title(lifelines.len()),
            summary: summary.join(" · "),
            remarks,
            advice,
            findings,
            timed: self.extent.is_timed(),
            kinds: P::KINDS,
            legend: P::LEGEND,
            line_legend: P::LINE_LEGEND,
            lifelines,
            steps,
            arrows: flow.arrows,
            ..Diagram::default()
        }
    }

    /// Who has reached the outcome, and how long that took.
    fn title(&self, peers: usize) -> String {
        let last = self.reached.values().max();
        let after =
            last.zip(self.extent.first_us()).map(|(last, first)| last.saturating_sub(first));
        let whom = match self.reached.len() {
            0 => return format!("None of {} is {}", plural(peers as u64, "peer"), P::OUTCOME),
            all if all >= peers => format!("All {peers}"),
            some => format!("{some} of {peers}"),
        };
        let after = after.map_or(String::new(), |us| format!(" after {}", span(us)));
        format!("{whom} are {}{after}", P::OUTCOME)
    }
}

fn event<P: PlainPicture>(line: &JournalLine, what: String) -> ItemKind {
    let does = |marker, says: String, joins| ItemKind::Does { marker, says, joins };
    match line.action {
        JournalAction::Sent => ItemKind::Sent { to: line.peer, what, quiet: false },
        JournalAction::Received => ItemKind::Received { from: line.peer, what },
        JournalAction::Started => ItemKind::Started { says: Some("starts".into()) },
        JournalAction::Connected => {
            let peer = line.peer.map_or("a peer".into(), |peer| format!("peer{peer}"));
            does(Marker::Note, format!("connected to {peer}"), false)
        }
        JournalAction::Noted if line.text == P::OUTCOME_TEXT => {
            does(Marker::Star, visible(&what), true)
        }
        JournalAction::Noted => does(Marker::Note, what, false),
    }
}
