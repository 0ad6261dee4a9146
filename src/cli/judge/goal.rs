//! `synod judge ready` and `synod judge member`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::{Parser, ValueExt};

use super::log::{self, Fault, Line};
use super::{LINGER, lines, pass_on};
use crate::cli::goal::Goal;
use crate::command::args;
use crate::error::Result;
use crate::hosts::Hosts;

struct Options {
    hosts: PathBuf,
    crashes: BTreeSet<u16>,
    leader_crashes: bool,
    timeout: Duration,
}

fn parse(member: bool, mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        hosts: PathBuf::new(),
        crashes: BTreeSet::new(),
        leader_crashes: false,
        timeout: Duration::from_secs(60),
    };
    let mut hosts = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') => hosts = Some(PathBuf::from(parser.value()?)),
            Short('c') if member => {
                let list = parser.value()?.string()?;
                let ids = list.split(',').map(|id| args::number("-c", id.into()));
                options.crashes = ids.collect::<Result<_>>()?;
            }
            Short('t') if member => options.leader_crashes = true,
            Long("timeout") => options.timeout = args::seconds("--timeout", parser.value()?)?,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    options.hosts = args::hostsfile(hosts)?;
    Ok(options)
}

/// The command, without its first word.
pub(super) fn run(member: bool, parser: Parser) -> Result<ExitCode> {
    let options = parse(member, parser)?;
    let hosts = Hosts::read(&options.hosts)?;
    let count = u16::try_from(hosts.peers.len()).unwrap_or(u16::MAX);
    let mut goal = if member {
        Goal::group(count, &options.crashes, options.leader_crashes)?
    } else {
        Goal::ready(count)
    };
    listen(&hosts, &mut goal, options.timeout, &mut io::stdout())?;
    let (text, passed) = goal.verdict();
    pass_on(&mut io::stdout(), &format!("\n{text}"))?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Hears lines until the goal is reached and stays so for a moment, the run has failed, or time is
/// up.
fn listen(hosts: &Hosts, goal: &mut Goal, timeout: Duration, out: &mut impl Write) -> Result<()> {
    let receiver = lines(io::stdin())?;
    let begun = Instant::now();
    let mut reached: Option<Instant> = None;
    // Of the barrier the log says nothing about starts, unless the script does.
    let mut announced = BTreeSet::new();
    loop {
        reached = goal.is_reached().then(|| reached.unwrap_or_else(Instant::now));
        let end = reached.map_or(begun + timeout, |at| at + LINGER);
        if goal.has_failed() {
            return Ok(());
        }
        let Ok(line) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) else {
            if reached.is_none() {
                goal.object("the goal was not reached before the log or the time ended".into());
            }
            return Ok(());
        };
        pass_on(out, &(log::passed_on(&line) + "\n"))?;
        match log::read(&line, hosts) {
            Line::Peer(peer, text) => {
                // Without a word about starts, whoever speaks has been started, and so have all
                // when the first is ready: then only the lines themselves are judged.
                if announced.is_empty() {
                    hosts.peers.iter().for_each(|peer| goal.started(peer.id));
                }
                goal.said(peer, begun.elapsed(), text);
            }
            Line::Stranger(name, text) => {
                goal.object(format!("{name} is in no line of the hostsfile: {text}"));
            }
            Line::Exited(peer, code) => goal.ended(peer, code == "0", &format!("code {code}")),
            Line::Fault(Fault::Started(peer)) => {
                announced.insert(peer);
                goal.started(peer);
            }
            Line::BrokenOff(why) => goal.object(format!("the scenario was broken off: {why}")),
            Line::Fault(_) | Line::Unclear(_) | Line::Other => {}
        }
    }
}
