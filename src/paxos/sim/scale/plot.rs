//! The report's figures as a picture: once in characters, once as SVG.

use std::fmt::Write as _;

/// One line of the picture: pairs of peers and milliseconds.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<(u16, f64)>,
}

/// Colours that differ in lightness too, so that they differ in print.
const COLOURS: [&str; 5] = ["#1b4965", "#2a9d8f", "#e9a23b", "#c8553d", "#6a3d7c"];

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;

fn most(lines: &[Series]) -> f64 {
    let all = lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    all.fold(1.0, f64::max)
}

/// Bars of `#`, a row for each point.
pub(super) fn text(lines: &[Series]) -> String {
    let longest = 50.0 / most(lines);
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", line.name); // a String takes all
        for (peers, ms) in &line.points {
            let mut bar = String::new();
            let mut drawn = 0.0;
            while drawn < ms * longest {
                bar.push('#');
                drawn += 1.0;
            }
            let _ = writeln!(text, "{peers:>5} {bar} {ms:.0}");
        }
    }
    text
}

/// A standalone picture: peers to the right, by their logarithm; milliseconds upwards.
pub(super) fn svg(lines: &[Series]) -> String {
    let top = (most(lines) / 100.0).ceil() * 100.0;
    let x = |peers: u16| {
        let share = (f64::from(peers).ln() - 3f64.ln()) / (101f64.ln() - 3f64.ln());
        LEFT + share * (WIDTH - LEFT - 110.0)
    };
    let y = |ms: f64| HEIGHT - BOTTOM - ms / top * (HEIGHT - BOTTOM - 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for step in 0..=4 {
        let ms = top * f64::from(step) / 4.0;
        let at = y(ms);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.0}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{ms:.0} ms</text>",
            WIDTH - 110.0,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for (peers, _) in lines.first().map(|line| line.points.as_slice()).unwrap_or_default() {
        let (at, below) = (x(*peers), HEIGHT - BOTTOM + 16.0);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{peers}</text>"
        );
    }
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\">peers</text>", HEIGHT - 6.0);
    let mut label = 30.0;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<String> =
            line.points.iter().map(|(n, ms)| format!("{:.1},{:.1}", x(*n), y(*ms))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{label}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - 100.0,
            line.name
        );
        label += 16.0;
    }
    svg + "</svg>\n"
}
