//! Where everything stands on a drawn page: pixels, no colours.
//!
//! Steps that cannot know of each other share a row. Labels stand where no arrow and no other label
//! is; a row in which there is no such place gets more room. What peers say in words, and the
//! findings, stand in a column at the side, each level with its row. The room between two rows
//! grows with the time between them, but with its logarithm: a pause is seen as a pause and does
//! not push everything else off the page.

use super::canvas::wrap;
use super::geometry::{BOLD, GUTTER, Grid, columns_of, text_width};
use super::labels;
use super::model::{Band, Diagram, Step};
use super::places::{Label, Places, texts};
use super::rays::{Ray, rays};

/// Room at the right edge.
const MARGIN: f64 = 52.0;
/// Room at the left of the first line, beside its half column.
const LEAD: f64 = 60.0;
/// The least and the most room for one peer whose messages are drawn.
const COLUMN: (f64, f64) = (134.0, 190.0);
/// The same where only bands are.
const NARROW: (f64, f64) = (62.0, 104.0);
/// How wide all narrow columns together would like to be.
const WISHED: f64 = 900.0;
/// The least and the most room for what bands say.
const CAPTION: (f64, f64) = (110.0, 300.0);
/// How wide the column at the side is.
const SIDE: f64 = 270.0;
/// Half the height of a row: of arrows' ends alone, with labels, and of boxes.
const HALF: (f64, f64, f64) = (8.0, 13.0, 16.0);
/// The most room that time adds between two rows.
const WAIT: f64 = 14.0;
/// The room of a pause.
const GAP: f64 = 44.0;
/// From one line of a text to the next.
pub(super) const LINE: f64 = 14.0;
/// What a row grows by whose labels find no place, and how often.
const GROWTH: (f64, usize) = (13.0, 4);
/// A time this many times the usual one is marked as a pause.
const PAUSE: f64 = 40.0;
/// Steps further apart than this many times the usual time share no row.
const ALIKE: f64 = 12.0;

/// Words in the column at the side.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    /// The middle of its first line.
    pub(super) y: f64,
    pub(super) lines: Vec<String>,
    /// The step that it belongs to.
    pub(super) step: usize,
    /// The finding that it is.
    pub(super) finding: Option<usize>,
}

/// Everything's place.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) grid: Grid,
    /// The rows of the steps.
    pub(super) rows: Vec<usize>,
    /// How much room there is for what bands say, from the gutter on.
    pub(super) caption: f64,
    /// Pauses: where, and how long.
    pub(super) pauses: Vec<(f64, String)>,
    /// By arrow.
    pub(super) rays: Vec<Option<Ray>>,
    /// By step.
    pub(super) labels: Vec<Vec<Label>>,
    pub(super) remarks: Vec<Remark>,
}

impl Layout {
    pub(super) fn of(diagram: &Diagram) -> Self {
        let wide = |band: &Band| text_width(&band.head) * BOLD + text_width(&band.text) + 22.0;
        let widest = diagram.bands.iter().map(wide).fold(0.0, f64::max);
        let has_bands = !diagram.bands.is_empty();
        let caption = if has_bands { widest.clamp(CAPTION.0, CAPTION.1) } else { LEAD };
        let column = column(diagram);
        let mut layout = Self { caption, rows: rows(diagram), ..Self::default() };
        layout.grid.column = column;
        let mut right = GUTTER + caption;
        for _ in &diagram.lifelines {
            layout.grid.x.push(right + column / 2.0);
            right += column;
        }
        layout.remarks = remarks(diagram);
        layout.grid.side = right + MARGIN;
        let side = MARGIN + if layout.remarks.is_empty() { 0.0 } else { SIDE };
        layout.width = (right + side).max(520.0);
        let mut room = vec![0.0; layout.rows.last().map_or(0, |row| row + 1)];
        for round in 0.. {
            layout.place_rows(diagram, &room);
            layout.rays = rays(diagram, &layout.grid);
            let (labels, cramped) =
                Places::new(diagram, &layout.grid, &layout.rays).labels(diagram);
            layout.labels = labels;
            if cramped.is_empty() || round == GROWTH.1 {
                break;
            }
            for step in cramped {
                room[layout.rows[step]] += GROWTH.0;
            }
        }
        layout
    }

    /// Gives each row its place, with more `room` around it.
    fn place_rows(&mut self, diagram: &Diagram, room: &[f64]) {
        let count = room.len();
        let mut half = vec![HALF.0; count];
        let mut times = vec![0; count];
        let mut spoken = vec![0.0; count];
        for (step, row) in diagram.steps.iter().zip(&self.rows).rev() {
            let has_label = texts(diagram, step).next().is_some() || step.reached.is_some();
            half[*row] = match step.band {
                Some(_) => HALF.2,
                None if has_label => HALF.1.max(half[*row]),
                None => half[*row],
            };
            times[*row] = step.time_us.unwrap_or(0);
        }
        for finding in &diagram.findings {
            for step in &finding.steps {
                half[self.rows[*step]] = HALF.2;
            }
        }
        for remark in &self.remarks {
            // Few lines.
            #[allow(clippy::cast_precision_loss)]
            let lines = remark.lines.len() as f64;
            spoken[self.rows[remark.step]] += lines * LINE + 8.0;
        }
        let waits = Waits::of(&times, diagram.timed);
        let (mut y, mut spoken_to, mut all) = (0.0, 0.0_f64, Vec::new());
        self.pauses.clear();
        for row in 0..count {
            let wait = waits.before(row);
            if let Some(long) = &wait.1 {
                self.pauses.push((y + HALF.1 + GAP / 2.0, long.clone()));
            }
            let above = if row == 0 { HALF.1 } else { half[row - 1] + room[row - 1] / 2.0 };
            y += above + half[row] + room[row] / 2.0 + wait.0;
            if spoken[row] > 0.0 {
                y = y.max(spoken_to + LINE);
                spoken_to = y + spoken[row] - LINE;
            }
            all.push(y);
        }
        self.grid.y = self.rows.iter().map(|row| all[*row]).collect();
        let mut below = vec![0.0; count];
        for remark in &mut self.remarks {
            let row = self.rows[remark.step];
            remark.y = all[row] + below[row];
            for _ in &remark.lines {
                below[row] += LINE;
            }
            below[row] += 8.0;
        }
        self.grid.height = (y + HALF.2 + LINE).max(spoken_to + LINE);
    }
}

/// The row of each step: a band's own, else the same as that of the steps before as long as none of
/// them is of the same peer, or sent what is received here, or is much earlier.
fn rows(diagram: &Diagram) -> Vec<usize> {
    let mut rows: Vec<usize> = Vec::new();
    let mut next = vec![0; diagram.lifelines.len()];
    let times: Vec<u64> = diagram.steps.iter().map(|step| step.time_us.unwrap_or(0)).collect();
    let usual = Waits::of(&times, diagram.timed).usual;
    let (mut now, mut since) = (0, 0);
    for (index, step) in diagram.steps.iter().enumerate() {
        let sent = diagram.received(step).and_then(|arrow| arrow.sent);
        let after_send = sent.and_then(|sent| rows.get(sent)).map_or(0, |row| row + 1);
        let before = index.checked_sub(1).map(|before| &diagram.steps[before]);
        let band = |before: &Step| {
            let alone = step.band.is_some() || before.band.is_some();
            usize::from(alone && step.band != before.band)
        };
        now = match (step.band.is_some(), before) {
            (true, Some(before)) => now + band(before),
            (_, before) => {
                let own = next.get(step.lifeline).copied().unwrap_or(0);
                (now + before.map_or(0, band)).max(own).max(after_send)
            }
        };
        let is_late = to_float(times[index].saturating_sub(times[since])) > ALIKE * usual;
        now += usize::from(is_late && rows.last() == Some(&now) && step.band.is_none());
        if rows.last() != Some(&now) {
            since = index;
        }
        if let Some(next) = next.get_mut(step.lifeline) {
            *next = now + 1;
        }
        rows.push(now);
    }
    rows
}

/// What stands at the side: what peers say, and the findings behind the last step that shows them.
fn remarks(diagram: &Diagram) -> Vec<Remark> {
    let lines = |text: &str| wrap(text, columns_of(SIDE - 34.0));
    let mut remarks = Vec::new();
    for (step, it) in diagram.steps.iter().enumerate() {
        if !it.says.is_empty() && !it.is_short() {
            let text = format!("{}: {}", diagram.name(Some(it.lifeline)), it.says);
            remarks.push(Remark { y: 0.0, lines: lines(&text), step, finding: None });
        }
        for (index, finding) in diagram.findings.iter().enumerate() {
            if finding.steps.last() == Some(&step) {
                let (lines, finding) = (lines(&finding.says), Some(index));
                remarks.push(Remark { y: 0.0, lines, step, finding });
            }
        }
    }
    remarks
}

/// The room for one peer.
fn column(diagram: &Diagram) -> f64 {
    if diagram.arrows.is_empty() && !diagram.bands.is_empty() {
        // There are at most as many lifelines as a picture shows.
        #[allow(clippy::cast_precision_loss)]
        let count = diagram.lifelines.len().max(1) as f64;
        return (WISHED / count).clamp(NARROW.0, NARROW.1);
    }
    let labels = diagram.steps.iter().flat_map(|step| texts(diagram, step));
    let widest = labels.map(|(text, tone, _)| tone.width(text)).fold(0.0, f64::max);
    (widest + 30.0).clamp(COLUMN.0, COLUMN.1)
}

/// The times between rows.
struct Waits {
    times: Vec<u64>,
    /// The one in the middle.
    usual: f64,
    to_scale: bool,
}

impl Waits {
    fn of(times: &[u64], to_scale: bool) -> Self {
        let times: Vec<u64> =
            times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        let mut sorted = times.clone();
        sorted.retain(|wait| *wait > 0);
        sorted.sort_unstable();
        let usual = to_float(sorted.get(sorted.len() / 2).copied().unwrap_or(1).max(1));
        Self { times, usual, to_scale }
    }

    /// The room that a row's time adds above it, and how long a pause is.
    fn before(&self, row: usize) -> (f64, Option<String>) {
        let wait = row.checked_sub(1).and_then(|before| self.times.get(before));
        let Some(wait) = wait.filter(|_| self.to_scale) else { return (0.0, None) };
        let ratio = to_float(*wait) / self.usual;
        if ratio > PAUSE {
            return (GAP, Some(labels::span(*wait)));
        }
        ((2.0 * (1.0 + ratio).log2()).min(WAIT), None)
    }
}

// Exact up to 2^53 microseconds, which is 285 years.
#[allow(clippy::cast_precision_loss)]
fn to_float(us: u64) -> f64 {
    us as f64
}
