//! Colours and strokes, for the SVG and the page alike.
//!
//! A group has a colour, a kind of message a stroke. Red is kept for what goes wrong. All texts
//! reach a contrast of 4.5 to 1 on their ground, in light and in dark.

use super::model::Stroke;

/// How many colours there are for groups; further ones begin again.
pub(super) const HUES: usize = 6;

/// The colours of both grounds: name, light, dark.
const COLOURS: [(&str, &str, &str); 13] = [
    ("ground", "#ffffff", "#14171c"),
    ("text", "#1d2229", "#e4e8ee"),
    ("soft", "#5a6472", "#9aa5b4"),
    ("line", "#c3cad4", "#454e5b"),
    ("panel", "#f4f6f8", "#1d222a"),
    ("star", "#8a6100", "#f2c14b"),
    ("n0", "#1f5fbf", "#78aeff"),
    ("n1", "#a84b00", "#ff9f5a"),
    ("n2", "#00736b", "#4fd0c4"),
    ("n3", "#7a3fb5", "#c79bff"),
    ("n4", "#4d6b00", "#b3d455"),
    ("n5", "#a0306f", "#ff8ac7"),
    // Last, so that it wins over the groups.
    ("alarm", "#c2182b", "#ff7b84"),
];

/// The style of every drawing.
pub(super) fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (name, on_light, on_dark) in COLOURS {
        light.push_str(&rules(name, on_light));
        dark.push_str(&rules(name, on_dark));
    }
    format!("{SHAPES}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

/// The colours as variables, for a page.
pub(super) fn variables() -> String {
    let all = |pick: fn(&(&str, &str, &str)) -> String| {
        COLOURS.iter().map(pick).collect::<Vec<_>>().join(" ")
    };
    format!(
        ":root {{ color-scheme: light dark; {} }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n",
        all(|(name, light, _)| format!("--{name}: {light};")),
        all(|(name, _, dark)| format!("--{name}: {dark};")),
    )
}

/// What has this colour. Plain rules instead of variables: not every program that shows an SVG
/// knows those.
fn rules(name: &str, colour: &str) -> String {
    let c = colour;
    match name {
        "ground" => {
            format!(".ground {{ fill: {c} }} .hollow {{ fill: {c} }}\n")
        }
        "text" => {
            format!("text, .dot, .no .tip {{ fill: {c} }} .cross, .no .ray {{ stroke: {c} }}\n")
        }
        "soft" => format!(
            ".soft, .note, .quiet .tip {{ fill: {c} }} .bar, .softline {{ stroke: {c} }} \
             g.quiet .ray {{ stroke: {c} }}\n"
        ),
        "line" => format!(".life, .head {{ stroke: {c} }}\n"),
        "panel" => format!(".head {{ fill: {c} }}\n"),
        "alarm" => format!(".alarm {{ fill: {c} }} .lead {{ stroke: {c} }}\n"),
        "star" => {
            format!(".star, .doubt .alarm {{ fill: {c} }} .doubt .lead {{ stroke: {c} }}\n")
        }
        _ => format!(
            ".{name} .ray, .{name} .edge, .{name} .held, .{name} .ring {{ stroke: {c} }} \
             .{name} .tip, .{name} .full, .{name} .word {{ fill: {c} }}\n"
        ),
    }
}

/// The class of a stroke; what is dotted has no colour of its own.
pub(super) const fn stroke_class(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Thin => "thin",
        Stroke::ThinBroken => "thin-broken",
        Stroke::Thick => "thick",
        Stroke::ThickBroken => "thick-broken",
        Stroke::Dotted => "dotted quiet",
    }
}

/// What does not depend on the ground.
const SHAPES: &str = "\
text { font: 11px system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif }
.title { font-size: 19px; font-weight: 650 } .name { font-size: 13px; font-weight: 650 }
.time { font-variant-numeric: tabular-nums; text-anchor: end }
.mid { text-anchor: middle } .end { text-anchor: end }
.incarnation { stroke-width: 1.2 } .gone { stroke-dasharray: 1 5; stroke-linecap: round }
.ray, .edge, .ring, .lead, path.cross { fill: none } .held { stroke-opacity: .38 }
.ring { stroke-width: 1.8 } .bar { stroke-width: 2.4; stroke-linecap: round }
.lead { stroke-width: 1; stroke-opacity: .55; stroke-dasharray: 3 3 }
.thin .ray { stroke-width: 1.3 }
.thin-broken .ray { stroke-width: 1.3; stroke-dasharray: 5 3.5 }
.thick .ray { stroke-width: 2.3 }
.thick-broken .ray { stroke-width: 2.3; stroke-dasharray: 6.5 4 }
.dotted .ray { stroke-width: 1.2; stroke-dasharray: 1 4.5; stroke-linecap: round }
.no .ray { stroke-width: 1.6; stroke-dasharray: 8 3 1.5 3 }
.flying .ray { stroke-dasharray: 2 3 } .beyond { opacity: .55 } .edge { stroke-width: 1.8 }
.cross { stroke-width: 2.2; stroke-linecap: round }
.note { font-style: italic } .choice, .alarm, .strong { font-weight: 650 }
.hit { stroke: transparent; stroke-width: 12; fill: none }
";
