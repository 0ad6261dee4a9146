//! The file of a script: a head line that sets the stage, then a step a line, all JSON.
//!
//! ```text
//! {"script":"paxos/1","peers":2,"proposers":2,"cast":1,"claim":"one-choice","bug":"…"}
//! {"peer":1,"event":"start"}
//! {"peer":1,"event":{"connected":2}}
//! {"peer":2,"event":{"received":{"from":1,"message":{"prepare":{"number":1,"value":"X"}}}}}
//! {"peer":1,"event":{"timeout":"attempt"},"dies":{"after":2,"kept":0}}
//! ```
//!
//! People may edit it: take lines out, change their order, write new ones. What cannot be read is
//! refused with its line; what cannot be performed is skipped when it is played.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::claims::Claim;
use super::play::{Scenario, Scene, Steps};
use super::stage::MOST_PEERS;
use crate::error::{Doing, Error, Result};
use crate::paxos::{Message, Peer, Timer, Value, mutants};
use crate::process::Process;
use crate::sim::mutant::Mutant;
use crate::sim::script::What;
use crate::sim::{Faults, Step};
use crate::visible::visible;

/// A larger file is no script that anybody cut down or wrote.
pub const MOST_BYTES: u64 = 16 << 20;

/// How much is said of a line at fault, in characters.
const MOST_SAID: usize = 300;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The protocol.
    script: String,
    peers: u16,
    proposers: u16,
    /// Which of the casts of so many peers and proposers.
    cast: usize,
    /// The claim that is looked at.
    claim: String,
    /// The mutant, if not Paxos itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bug: Option<String>,
}

/// The text of a scene's file.
pub fn text(scenario: &Scenario, scene: &Scene) -> String {
    let head = Head {
        script: Peer::PROTOCOL.into(),
        peers: scenario.peers,
        proposers: scenario.proposers,
        cast: scene.cast,
        claim: scenario.only.map_or("", Claim::name).into(),
        bug: scenario.bug.map(|bug| bug.name.into()),
    };
    let steps = scene.steps.iter().map(json);
    [json(&head)].into_iter().chain(steps).map(|line| line + "\n").collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it serializes into memory")
}

/// Reads the file of a scene.
///
/// # Errors
/// The file cannot be read, or a line of it is not what it should be.
pub fn read(path: &Path) -> Result<(Scenario, Scene)> {
    let doing = || format!("reading {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).doing(doing)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).doing(doing)?;
    parse(&bytes).map_err(|(line, what)| Error::Input(format!("{}:{line}: {what}", path.display())))
}

/// The scene in these bytes, or the line at fault and what is wrong with it.
///
/// # Errors
/// A line is not what it should be.
pub fn parse(bytes: &[u8]) -> std::result::Result<(Scenario, Scene), (usize, String)> {
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

fn parse_lines(bytes: &[u8]) -> std::result::Result<(Scenario, Scene), (usize, String)> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err((1, format!("a script of over {} MiB is not read", MOST_BYTES >> 20)));
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let (first, _) = lines.next().unwrap_or_default();
    let head = line_of::<Head>(first, "the head of a script");
    let (scenario, cast) = head.and_then(|head| set(&head)).map_err(|what| (1, what))?;
    let mut steps = Steps::new();
    for (line, number) in lines.filter(|(line, _)| !line.trim_ascii().is_empty()) {
        let step = line_of::<Step<Message, Timer, Value>>(line, "a step");
        let step = step.and_then(|step| on_stage(step, scenario.peers));
        steps.push(step.map_err(|what| (number, what))?);
    }
    Ok((scenario, Scene { cast, steps }))
}

fn line_of<'a, T: Deserialize<'a>>(line: &'a [u8], what: &str) -> std::result::Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        // The line is known better here.
        let text = error.to_string();
        let says = text.split(" at line ").next().unwrap_or_default();
        format!("this is not {what}: column {}: {says}", error.column())
    })
}

/// The scenario of a head, and the number of its cast.
fn set(head: &Head) -> std::result::Result<(Scenario, usize), String> {
    let Head { peers, proposers, cast, .. } = *head;
    if head.script != Peer::PROTOCOL {
        return Err(format!("a script of {:?}; known is {:?}", head.script, Peer::PROTOCOL));
    }
    if !(1..=MOST_PEERS).contains(&peers) || !(1..=peers).contains(&proposers) {
        return Err(format!(
            "{peers} peers and {proposers} proposers: write 1 to {MOST_PEERS} peers, of whom 1 or \
             more propose"
        ));
    }
    let claim = Claim::named(&head.claim).filter(|claim| !claim.hangs_on_time());
    let claim = claim.ok_or_else(|| {
        let known = Claim::ALL.into_iter().filter(|claim| !claim.hangs_on_time());
        let known: Vec<&str> = known.map(Claim::name).collect();
        format!("the claim {:?} is none of {}", head.claim, known.join(", "))
    })?;
    let bug = head.bug.as_deref().map(named).transpose()?;
    let scenario = Scenario::new(peers, proposers, Faults::none());
    if cast >= scenario.casts() {
        return Err(format!(
            "cast {cast}: {peers} peers and {proposers} proposers have the casts 0 to {}",
            scenario.casts() - 1
        ));
    }
    Ok((scenario.with_bug(bug).only(Some(claim)), cast))
}

fn named(bug: &str) -> std::result::Result<&'static Mutant<Peer>, String> {
    mutants::named(bug).ok_or_else(|| format!("the bug {bug:?} is none of synod sim --bugs"))
}

/// The step, if all whom it names are there.
fn on_stage(
    step: Step<Message, Timer, Value>,
    peers: u16,
) -> std::result::Result<Step<Message, Timer, Value>, String> {
    let other = match step.event {
        What::Connected(with) => with,
        What::Received { from, .. } => from,
        _ => step.peer,
    };
    match [step.peer, other].into_iter().find(|peer| !(1..=peers).contains(&peer.0)) {
        Some(stranger) => Err(format!("there is no {stranger}: the head says {peers} peers")),
        None => Ok(step),
    }
}
