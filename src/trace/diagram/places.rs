//! Places for labels: beside their step, where no arrow and no other label is. A label that has
//! none in any of its forms is left out.

use super::geometry::{BOLD, Grid, Point, clip, text_width};
use super::model::{Diagram, Marker, Step};
use super::rays::{BEND, Ray};

/// A piece of text beside a point of a lifeline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    /// The middle of the edge next to the lifeline.
    pub(super) at: Point,
    /// True if the text ends at the place instead of beginning there.
    pub(super) to_left: bool,
    pub(super) tone: Tone,
}

/// What a label is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Messages that leave.
    Message,
    /// An answer that says no, or an end.
    Strong,
    /// What is complete here.
    Reached,
    /// An outcome.
    Outcome,
}

impl Tone {
    /// How wide a text is in this tone: some of them are bold.
    pub(super) fn width(self, text: &str) -> f64 {
        text_width(text) * if self == Self::Message { 1.0 } else { BOLD }
    }
}

impl Step {
    /// True if its words are short enough to stand beside it.
    pub(super) fn is_short(&self) -> bool {
        match self.marker {
            Marker::Star | Marker::Lost | Marker::End => true,
            // What it has found is longer.
            Marker::Start => !self.says.contains(' '),
            _ => self.band.is_some(),
        }
    }
}

/// What is written beside a step, each with shorter forms.
pub(super) fn texts<'a>(
    diagram: &'a Diagram,
    step: &'a Step,
) -> impl Iterator<Item = (&'a str, Tone, &'a [String])> {
    let reached = step.reached.iter().map(|it| (it.label.as_str(), Tone::Reached, &it.shorter[..]));
    // That something is passed on, the dots say.
    let first = diagram.sends(step).find(|arrow| !diagram.is_quiet(arrow));
    let sends = first.map(|arrow| {
        let tone = if arrow.refused { Tone::Strong } else { Tone::Message };
        (arrow.label.as_str(), tone, arrow.shorter.as_slice())
    });
    let tone = if step.marker == Marker::Star { Tone::Outcome } else { Tone::Strong };
    let says = Some((step.says.as_str(), tone, &[][..]));
    let says = says.filter(|(says, ..)| step.is_short() && !says.is_empty());
    reached.chain(sends).chain(says)
}

/// A rectangle.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Area {
    fn around(at: Point, half: f64) -> Self {
        Self { left: at.x - half, right: at.x + half, top: at.y - half, bottom: at.y + half }
    }

    fn of(label: &Label) -> Self {
        let wide = label.tone.width(&label.text);
        let Point { x, y } = label.at;
        let left = if label.to_left { x - wide } else { x };
        Self { left, right: left + wide, top: y - 6.5, bottom: y + 6.5 }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// True if the way from one point to the other leads through it.
    fn is_crossed(&self, ray: &Ray) -> bool {
        if ray.is_loop {
            let (left, right) = (ray.from.x, ray.from.x + BEND);
            return self.meets(&Self { left, right, top: ray.from.y, bottom: ray.to.y });
        }
        let (dx, dy) = (ray.to.x - ray.from.x, ray.to.y - ray.from.y);
        let (mut first, mut last) = (0.0_f64, 1.0_f64);
        for (way, from, to) in [
            (dx, self.left - ray.from.x, self.right - ray.from.x),
            (dy, self.top - ray.from.y, self.bottom - ray.from.y),
        ] {
            if way.abs() < 1e-9 {
                if from > 0.0 || to < 0.0 {
                    return false;
                }
                continue;
            }
            let (near, far) = (from / way, to / way);
            first = first.max(near.min(far));
            last = last.min(near.max(far));
        }
        first <= last
    }
}

/// How high a stripe of the page is, by which things are found.
const STRIPE: f64 = 60.0;

/// What is taken: rays by the stripes that they cross, points and labels by those they are in.
pub(super) struct Places<'a> {
    grid: &'a Grid,
    rays: Vec<Vec<Ray>>,
    areas: Vec<Vec<Area>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(diagram: &Diagram, grid: &'a Grid, rays: &[Option<Ray>]) -> Self {
        let count = stripe(grid.height) + 2;
        let mut places =
            Self { grid, rays: vec![Vec::new(); count], areas: vec![Vec::new(); count] };
        for ray in rays.iter().flatten() {
            for at in stripe(ray.from.y)..=stripe(ray.to.y).max(stripe(ray.from.y)) {
                places.rays[at.min(count - 1)].push(*ray);
            }
        }
        for (index, step) in diagram.steps.iter().enumerate() {
            let half = if step.reached.is_some() { 11.0 } else { 7.0 };
            places.take(Area::around(grid.point(index, step.lifeline), half));
        }
        for finding in 0..diagram.findings.len() {
            for at in badges(diagram, grid, finding) {
                places.take(Area::around(at, 7.0));
            }
        }
        places
    }

    fn take(&mut self, area: Area) {
        let last = self.areas.len() - 1;
        for at in stripe(area.top)..=stripe(area.bottom) {
            self.areas[at.min(last)].push(area);
        }
    }

    /// What a place costs: nothing if it is free.
    fn cost(&self, area: &Area) -> u32 {
        let (mut cost, last) = (0, self.areas.len() - 1);
        for at in stripe(area.top).min(last)..=stripe(area.bottom).min(last) {
            let crossed = self.rays[at].iter().any(|ray| area.is_crossed(ray));
            let covered = self.areas[at].iter().any(|other| area.meets(other));
            cost = cost.max(CROSSED * u32::from(crossed) + COVERED * u32::from(covered));
        }
        cost
    }

    /// All labels, by step, and the steps whose labels have no free place.
    pub(super) fn labels(mut self, diagram: &Diagram) -> (Vec<Vec<Label>>, Vec<usize>) {
        let mut cramped = Vec::new();
        let mut all = Vec::new();
        for (index, step) in diagram.steps.iter().enumerate() {
            let mut labels = Vec::new();
            // Bands have their words at the left.
            for text in texts(diagram, step).filter(|_| step.band.is_none()) {
                let (label, cost) = self.best(diagram, index, text);
                if cost >= CROSSED {
                    // Its step says it where one points at it.
                    cramped.push(index);
                    continue;
                }
                self.take(Area::of(&label));
                labels.push(label);
            }
            all.push(labels);
        }
        (all, cramped)
    }

    /// The best place for a text, and what it costs.
    fn best(
        &self,
        diagram: &Diagram,
        index: usize,
        (text, tone, shorter): (&str, Tone, &[String]),
    ) -> (Label, u32) {
        let step = &diagram.steps[index];
        let Point { x, y } = self.grid.point(index, step.lifeline);
        let beside = if step.reached.is_some() { 15.0 } else { 11.0 };
        let others = diagram.sends(step).filter_map(|arrow| arrow.to);
        let sender = diagram.received(step).map(|arrow| arrow.from);
        let mut others = others.chain(sender).filter(|other| *other != step.lifeline).peekable();
        let wants_left = others.peek().is_some() && others.all(|other| other > step.lifeline);
        let mut best: Option<(Label, u32)> = None;
        let texts = std::iter::once(text).chain(shorter.iter().map(String::as_str));
        for (short, text) in (0..).zip(texts) {
            for (turn, to_left) in [(0, wants_left), (1, !wants_left)] {
                let room = self.grid.room(step.lifeline, to_left) - beside;
                for (shift, dx, dy) in SHIFTS {
                    let (beside, room) = (beside + dx, room - dx);
                    let at = Point { x: if to_left { x - beside } else { x + beside }, y: y + dy };
                    let share = room / tone.width(text).max(1.0);
                    let is_cut = u32::from(share < 1.0);
                    let text = match is_cut {
                        0 => text.to_owned(),
                        _ => clip(text, share * text_width(text)),
                    };
                    let label = Label { text, at, to_left, tone };
                    let place = self.cost(&Area::of(&label));
                    let cost = turn + shift + 4 * short + 10 * is_cut + place;
                    if best.as_ref().is_none_or(|(_, least)| cost < *least) {
                        best = Some((label, cost));
                    }
                }
            }
        }
        best.expect("there is a first place")
    }
}

/// Where a finding's number stands: above each step that shows it, beside those of earlier ones.
pub(super) fn badges(diagram: &Diagram, grid: &Grid, finding: usize) -> Vec<Point> {
    let (earlier, rest) = diagram.findings.split_at(finding);
    let at = |step: usize| {
        let Point { mut x, y } = grid.point(step, diagram.steps.get(step)?.lifeline);
        earlier.iter().filter(|other| other.steps.contains(&step)).for_each(|_| x += BADGE);
        Some(Point { x, y: y - BADGE })
    };
    rest.first().into_iter().flat_map(|it| &it.steps).filter_map(|step| at(*step)).collect()
}

/// Places beside a step: what they cost, how far aside and how far below.
const SHIFTS: [(u32, f64, f64); 11] = [
    (0, 0.0, 0.0),
    (1, 0.0, -12.0),
    (1, 0.0, 12.0),
    (2, 0.0, -20.0),
    (2, 0.0, 20.0),
    (4, 24.0, 0.0),
    (5, 24.0, -12.0),
    (5, 24.0, 12.0),
    (6, 0.0, -30.0),
    (6, 0.0, 30.0),
    (8, 48.0, 0.0),
];
/// How high above a step the number of a finding stands, and how far from the next.
const BADGE: f64 = 14.0;
/// What it costs if an arrow leads through a label.
const CROSSED: u32 = 40;
/// What it costs if two labels meet.
const COVERED: u32 = 60;

fn stripe(y: f64) -> usize {
    // Within a page.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let stripe = (y.max(0.0) / STRIPE) as usize;
    stripe
}
