//! The file of a schedule: a head line that says what runs, then a step a line, all JSON.
//!
//! ```text
//! {"schedule":"paxos/1","peers":2,"proposers":2,"cast":1,"faults":"heavy",…}
//! {"peer":1,"event":"start"} {"peer":1,"event":{"connected":2}}
//! {"peer":2,"event":{"received":{"from":1,"message":{"prepare":{"number":1,"value":"X"}}}}}
//! {"peer":1,"event":{"timeout":"attempt"},"dies":{"after":2,"kept":0}}
//! ```
//!
//! People may edit it: take lines out, change their order, write new ones. Where no line says that
//! a process takes a step of its own (`"proceed"`), it takes each as soon as it is due. What cannot
//! be read is refused with its line; what cannot be performed is skipped when it is played.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::property::Property;
use super::runs::Schedule;
use super::simulated::{Scenario, Simulated, named};
use crate::error::{Doing, Error, Result};
use crate::process::Process;
use crate::sim::StepOf;
use crate::sim::script::What;
use crate::visible::visible;

/// A larger file is no schedule that anybody minimized or wrote.
pub const MOST_BYTES: u64 = 16 << 20;

/// How much is said of a line at fault, in characters.
const MOST_SAID: usize = 300;

/// The first line. Files of earlier versions have other names for some keys.
#[derive(Serialize, Deserialize)]
struct Head<Parameters, Plan> {
    /// The protocol.
    #[serde(alias = "script")]
    schedule: String,
    peers: u16,
    #[serde(flatten)]
    parameters: Parameters,
    #[serde(flatten)]
    plan: Plan,
    /// The world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    faults: Option<String>,
    /// The property that is looked at.
    #[serde(alias = "claim")]
    property: String,
    /// The mutant, if not the protocol itself.
    #[serde(default, alias = "bug", skip_serializing_if = "Option::is_none")]
    mutant: Option<String>,
}

/// What is wrong, and with which line.
type Refusal = (usize, String);

/// The text of a schedule's file.
pub fn text<S: Simulated>(scenario: &Scenario<S>, schedule: &Schedule<S>) -> String {
    let head = Head {
        schedule: S::Peer::PROTOCOL.into(),
        peers: scenario.peers,
        parameters: scenario.parameters.clone(),
        plan: schedule.plan.clone(),
        faults: Some(scenario.world.into()),
        property: scenario.only.map_or("", |property| property.name).into(),
        mutant: scenario.mutant.map(|mutant| mutant.name.into()),
    };
    let steps = schedule.steps.iter().map(json);
    [json(&head)].into_iter().chain(steps).map(|line| line + "\n").collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it serializes into memory")
}

/// Reads the file of a schedule.
///
/// # Errors
/// The file cannot be read, or a line of it is not what it should be.
pub fn read<S: Simulated>(path: &Path) -> Result<(Scenario<S>, Schedule<S>)> {
    let doing = || format!("reading {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).doing(doing)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).doing(doing)?;
    parse(&bytes).map_err(|(line, what)| Error::Input(format!("{}:{line}: {what}", path.display())))
}

/// The schedule in these bytes, or the line at fault and what is wrong with it.
///
/// # Errors
/// A line is not what it should be.
pub fn parse<S: Simulated>(
    bytes: &[u8],
) -> std::result::Result<(Scenario<S>, Schedule<S>), Refusal> {
    parse_lines(bytes).map_err(|(line, what)| (line, brief(&what)))
}

/// One line of a sensible length, whatever of the file it quotes.
fn brief(what: &str) -> String {
    let whole = visible(what);
    let mut line: String = whole.chars().take(MOST_SAID).collect();
    if line.len() < whole.len() {
        line.push('…');
    }
    line
}

fn parse_lines<S: Simulated>(
    bytes: &[u8],
) -> std::result::Result<(Scenario<S>, Schedule<S>), Refusal> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err((1, format!("a schedule of over {} MiB is not read", MOST_BYTES >> 20)));
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let (first, _) = lines.next().unwrap_or_default();
    let (scenario, plan) = head::<S>(first).map_err(|what| (1, what))?;
    let mut steps = Vec::new();
    for (line, number) in lines.filter(|(line, _)| !line.trim_ascii().is_empty()) {
        let step = line_of(line, "a step").and_then(|step| among::<S>(step, scenario.peers));
        steps.push(step.map_err(|what| (number, what))?);
    }
    let at_once = !steps.iter().any(|step| matches!(step.event, What::Proceed));
    Ok((scenario, Schedule { plan, steps, at_once }))
}

fn line_of<'a, T: Deserialize<'a>>(line: &'a [u8], what: &str) -> std::result::Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        // The line is known better here.
        let text = error.to_string();
        let says = text.split(" at line ").next().unwrap_or_default();
        format!("this is not {what}: column {}: {says}", error.column())
    })
}

/// The scenario of a head, and its plan.
fn head<S: Simulated>(line: &[u8]) -> std::result::Result<(Scenario<S>, S::Plan), String> {
    let head: Head<S::Parameters, S::Plan> = line_of(line, "the head of a schedule")?;
    let protocol = S::Peer::PROTOCOL;
    if head.schedule != protocol {
        return Err(format!("a schedule of {:?}; this is {protocol:?}", head.schedule));
    }
    let scenario = Scenario::of_names(head.peers, head.parameters, head.faults.as_deref())?;
    let property = property::<S>(&head.property)?;
    let mutant = head.mutant.as_deref().map(|name| {
        named::<S>(name)
            .ok_or_else(|| format!("the mutant {name:?} is none of synod sim --mutants"))
    });
    let scenario = scenario.with_mutant(mutant.transpose()?).only(Some(property));
    S::check_plan(&scenario, &head.plan)?;
    Ok((scenario, head.plan))
}

/// The property of this name, if a schedule can violate it.
fn property<S: Simulated>(name: &str) -> std::result::Result<Property, String> {
    let mut known = S::PROPERTIES.iter().filter(|property| !property.depends_on_time);
    let names: Vec<&str> = known.clone().map(|property| property.name).collect();
    let found = known.find(|property| property.name == name).copied();
    found.ok_or_else(|| format!("the property {name:?} is none of {}", names.join(", ")))
}

/// The step, if all whom it names are there.
fn among<S: Simulated>(
    step: StepOf<S::Peer>,
    peers: u16,
) -> std::result::Result<StepOf<S::Peer>, String> {
    let other = match step.event {
        What::Connected(with) => with,
        What::Received { from, .. } => from,
        _ => step.peer,
    };
    match [step.peer, other].into_iter().find(|peer| !(1..=peers).contains(&peer.0)) {
        Some(unknown) => Err(format!("there is no {unknown}: the head says {peers} peers")),
        None => Ok(step),
    }
}
