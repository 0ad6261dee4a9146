//! A run as a picture: the messages, and who counts what when.

use synod::trace::diagram::{
    Admission, Alarm, Counts, Diagram, Event, Extent, HostLabel, Item, Kind, Lifeline, Marker,
    Place, Stroke, Window, flow, peers, settle,
};

use super::lines::{Action, EchoLine};

const KINDS: [Kind; 2] = [
    Kind { stroke: Stroke::Thin, name: "call", short: "call", is_answer: false },
    Kind { stroke: Stroke::ThinBroken, name: "echo", short: "echo", is_answer: true },
];

/// Takes the lines of a run one by one, and gives a picture.
pub struct EchoDiagram {
    extent: Extent,
    counts: Counts,
    items: Vec<Item>,
}

impl EchoDiagram {
    /// For this part of a run.
    pub fn new(window: Window) -> Self {
        Self { extent: Extent::new(window), counts: Counts::default(), items: Vec::new() }
    }

    /// How many lines there are, and which.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Takes the next line, which stands at `place` and came as `text`.
    pub fn take(&mut self, line: &EchoLine, text: &str, place: Place) {
        let at = line.peer_id;
        let admission = self.extent.admit(Some(at), Some(line.time_us), place);
        let kept = admission == Admission::Kept;
        let room = self.extent.has_room();
        let (event, nth) = match line.action.clone() {
            Action::Started => (Event::Started { says: None }, 0),
            Action::Sent(to, what) => {
                let nth = self.counts.take(&(at, Some(to), what.clone()), true, kept, room);
                (Event::Sent { to: Some(to), what, quiet: false }, nth)
            }
            Action::Received(from, what) => {
                let nth = self.counts.take(&(from, Some(at), what.clone()), false, kept, room);
                (Event::Received { from: Some(from), what }, nth)
            }
            Action::Counted(number) => {
                let says = format!("counts {number}");
                (Event::Does { marker: Marker::Full, says, joins: true }, 0)
            }
        };
        if kept {
            let (time_us, text) = (Some(line.time_us), text.to_owned());
            self.items.push(Item { at, time_us, place, text, nth, event });
        }
    }

    /// The picture. `host` says what a hostsfile knows of a peer.
    pub fn finish(self, host: impl Fn(u16) -> Option<HostLabel>, alarms: &[Alarm]) -> Diagram {
        let line = |peer| Lifeline::new(peer, host(peer), String::new());
        let lifelines: Vec<Lifeline> =
            peers(&self.items, &self.extent).into_iter().map(line).collect();
        let mut flow = flow(&self.items, &lifelines, &self.counts, &self.extent);
        for arrow in &mut flow.arrows {
            if let Event::Sent { what, .. } | Event::Received { what, .. } =
                &self.items[arrow.event].event
            {
                arrow.label.clone_from(what);
                arrow.kind = usize::from(what.starts_with("echo"));
            }
        }
        let (steps, hidden) = settle(flow.drafts, &mut flow.arrows, alarms);
        let mut remarks = self.extent.remarks();
        remarks.extend(hidden);
        Diagram {
            title: if alarms.is_empty() { "An echo counter" } else { "A broken rule" }.into(),
            is_bad: !alarms.is_empty(),
            summary: format!("{} peers, {} messages", lifelines.len(), flow.arrows.len()),
            remarks,
            kinds: &KINDS,
            legend: &[(Marker::Full, "a number is counted", "")],
            timed: self.extent.is_timed(),
            lifelines,
            steps,
            arrows: flow.arrows,
            ..Diagram::default()
        }
    }
}
