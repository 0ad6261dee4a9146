//! Where arrows begin and end.

use super::geometry::{Grid, Point};
use super::model::{ArrowEnd, Diagram};

/// How far a message falls that does not arrive.
const FALL: f64 = 9.0;
/// How far two rays of one broadcast stand apart where they leave.
const APART: f64 = 3.6;
/// How far the outer two of many stand apart.
const SPREAD: f64 = 16.0;
/// How far a loop bends aside.
pub(super) const BEND: f64 = 26.0;

/// The way of an arrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ray {
    pub(super) from: Point,
    pub(super) to: Point,
    /// True if it ends where it began, later.
    pub(super) is_loop: bool,
}

/// The way of each arrow that is drawn.
pub(super) fn rays(diagram: &Diagram, grid: &Grid) -> Vec<Option<Ray>> {
    let mut rays: Vec<Option<Ray>> =
        (0..diagram.arrows.len()).map(|arrow| ray(diagram, grid, arrow)).collect();
    for step in &diagram.steps {
        for right in [false, true] {
            spread(&mut rays, &step.sends, right);
        }
    }
    rays
}

fn ray(diagram: &Diagram, grid: &Grid, arrow: usize) -> Option<Ray> {
    let arrow = diagram.arrows.get(arrow).filter(|arrow| !arrow.is_within())?;
    let start = arrow.sent.map(|step| grid.point(step, arrow.from));
    let end = arrow.received.zip(arrow.to).map(|(step, to)| grid.point(step, to));
    let from = grid.point(0, arrow.from).x;
    let to = arrow.to.map_or(from + grid.column, |to| grid.point(0, to).x);
    // A way that is not gone to its end is drawn for a part of it.
    let part = |from: f64, to: f64| {
        let way = to - from;
        let lost = arrow.end == ArrowEnd::Lost && arrow.to.is_some();
        // A lost message ends before the line of its receiver, so that one sees whose.
        let gone = if lost { way.abs() - 15.0 } else { (way.abs() * 0.5).min(grid.column * 0.62) };
        from + way.signum() * gone.max(0.0)
    };
    let is_loop = arrow.to == Some(arrow.from);
    let (from, to) = match (start, end) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, Point { x: part(from, to), y: start.y + FALL }),
        (None, Some(end)) => (Point { x: part(to, from), y: end.y - FALL }, end),
        (None, None) => return None,
    };
    Some(Ray { from, to, is_loop })
}

/// Lets the rays of one broadcast to one side leave beside each other, the flattest above.
fn spread(rays: &mut [Option<Ray>], sends: &[usize], right: bool) {
    let slope = |ray: &Ray| (ray.to.y - ray.from.y) / (ray.to.x - ray.from.x).abs().max(1.0);
    let mut side: Vec<(usize, f64)> = sends
        .iter()
        .filter_map(|arrow| Some((*arrow, rays.get(*arrow)?.as_ref()?)))
        .filter(|(_, ray)| !ray.is_loop && (ray.to.x > ray.from.x) == right)
        .map(|(arrow, ray)| (arrow, slope(ray)))
        .collect();
    side.sort_by(|one, other| one.1.total_cmp(&other.1));
    // Few rays.
    #[allow(clippy::cast_precision_loss)]
    let gaps = side.len().saturating_sub(1).max(1) as f64;
    let apart = APART.min(SPREAD / gaps);
    let mut y = if side.len() > 1 { -apart * gaps / 2.0 } else { 0.0 };
    for (arrow, _) in side {
        if let Some(ray) = &mut rays[arrow] {
            ray.from.y += y;
        }
        y += apart;
    }
}
