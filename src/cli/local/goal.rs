//! `synod local ready` and `synod local member`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::children::{Children, News, Pipes};
use super::{DEFAULT_HOSTS, Show, exit_code, stage};
use crate::cli::draw;
use crate::cli::goal::Goal;
use crate::command::args::{list, pairs};
use crate::command::{args, outputs, print};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::paxos::command::DEFAULT_PORT;
use crate::process::PeerId;

/// How long the peers are still heard when the goal is reached: what contradicts it comes late.
const LINGER: Duration = Duration::from_millis(250);

#[derive(Default)]
struct Options {
    hosts: Option<PathBuf>,
    delays: Vec<Duration>,
    crashes: BTreeMap<u16, Duration>,
    leader_crashes: bool,
    /// Handed on as they are.
    others: Vec<OsString>,
    data: Option<PathBuf>,
    draw: Option<PathBuf>,
    timeout: Option<Duration>,
}

fn parse(member: bool, mut parser: Parser) -> Result<Options> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') if options.hosts.is_none() => options.hosts = Some(parser.value()?.into()),
            Positional(path) if options.hosts.is_none() => options.hosts = Some(path.into()),
            Short('d') => options.delays = list("-d", parser.value()?)?,
            Long("timeout") => {
                options.timeout = Some(args::seconds("--timeout", parser.value()?)?);
            }
            Long("interval") if !member => {
                options.others.extend(["--interval".into(), period("--interval", &mut parser)?]);
            }
            Long("heartbeat") if member => {
                options.others.extend(["--heartbeat".into(), period("--heartbeat", &mut parser)?]);
            }
            Short('c') if member => options.crashes = pairs("-c", parser.value()?)?,
            Short('t') if member => options.leader_crashes = true,
            Long("majority") if member => options.others.push("--majority".into()),
            Long("draw") if member => {
                let picture = PathBuf::from(parser.value()?);
                draw::check_ending(&picture)?;
                options.draw = Some(picture);
            }
            Long("data") if member => {
                options.data = Some(args::directory("--data", parser.value()?)?);
            }
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// A period, as every peer will take it.
fn period(flag: &str, parser: &mut Parser) -> Result<OsString> {
    let value = parser.value()?;
    args::period(flag, value.clone())?;
    Ok(value)
}

/// The command, without its first word.
pub(super) fn run(member: bool, parser: Parser) -> Result<ExitCode> {
    let options = parse(member, parser)?;
    let given = match &options.hosts {
        Some(path) => Hosts::read(path)?,
        None => Hosts::parse(DEFAULT_HOSTS, "hostsfile-testcase2.txt")?,
    };
    given.check_ports(DEFAULT_PORT)?;
    let count = u16::try_from(given.peers.len()).unwrap_or(u16::MAX);
    if options.delays.len() > usize::from(count) {
        let named = options.delays.len();
        return Err(Error::Usage(format!("-d names {named}, but there are {count} peers")));
    }
    let mut goal = if member {
        let crashes: BTreeSet<u16> = options.crashes.keys().copied().collect();
        Goal::group(count, &crashes, options.leader_crashes)?
    } else {
        Goal::ready(count)
    };
    if let Some(picture) = &options.draw {
        outputs::check(options.hosts.as_deref(), [picture.as_path()])?;
    }
    let _lock = options.data.as_deref().map(stage::lock).transpose()?;
    let stage = stage::set(&given, options.data.as_deref())?;
    let show = Show::new(&stage.hosts);
    let mut log = String::new();
    let outcome = watch(&options, member, &stage, &mut goal, &show, &mut log);
    drop(stage);
    let machine_failed = outcome?;
    let (text, passed) = goal.verdict();
    print(&format!("\n{text}"))?;
    // Of peers that said nothing there is no picture.
    if let Some(picture) = options.draw.as_deref().filter(|_| !log.is_empty()) {
        let asked = options.leader_crashes.then_some(count);
        draw::group::log(log, picture, None, &asked.into_iter().collect())?;
    }
    Ok(exit_code(passed, machine_failed))
}

fn delay(options: &Options, peer: PeerId) -> Duration {
    options.delays.get(usize::from(peer.0) - 1).copied().unwrap_or_default()
}

fn command_line(
    options: &Options,
    member: bool,
    stage: &stage::Stage,
    peer: PeerId,
) -> Vec<OsString> {
    let seconds = |time: Duration| OsString::from(time.as_secs_f64().to_string());
    let name = if member { "member" } else { "ready" };
    let mut line: Vec<OsString> = vec![name.into(), "-h".into(), stage.file.path().into()];
    line.extend(["--until-eof".into(), "--id".into(), peer.0.to_string().into()]);
    line.extend(options.others.iter().cloned());
    if member {
        line.push("--verbose".into());
        line.extend(["-d".into(), seconds(delay(options, peer))]);
        if let Some(after) = options.crashes.get(&peer.0) {
            line.extend(["-c".into(), seconds(*after)]);
        }
        if options.leader_crashes && peer.0 == 1 {
            line.push("-t".into());
        }
        if let Some(data) = &options.data {
            line.extend(["--data".into(), data.join(peer.to_string()).into()]);
        }
    }
    line
}

/// Starts the peers and hears them until the goal is reached and stays so for a moment, or the run
/// has failed, or time is up. Their lines are added to `log` if they are to be drawn. True if a
/// flag, a file or the machine was at fault in a peer.
fn watch(
    options: &Options,
    member: bool,
    stage: &stage::Stage,
    goal: &mut Goal,
    show: &Show,
    log: &mut String,
) -> Result<bool> {
    let begun = Instant::now();
    let timeout = options.timeout.unwrap_or(Duration::from_secs(60));
    // A member sleeps itself; the barrier has no such flag.
    let start = |peer: PeerId| if member { begun } else { begun + delay(options, peer) };
    let mut waiting: Vec<PeerId> = stage.hosts.peers.iter().map(|peer| peer.id).collect();
    let mut children = Children::new()?;
    let mut reached: Option<Instant> = None;
    let mut machine_failed = false;
    let mut failed: Option<Instant> = None;
    loop {
        let now = Instant::now();
        let (due, later): (Vec<PeerId>, _) = waiting.iter().partition(|peer| start(**peer) <= now);
        for peer in due {
            goal.started(peer);
            children.start(peer, command_line(options, member, stage, peer), Pipes::Two)?;
        }
        waiting = later;
        reached = goal.is_reached().then(|| reached.unwrap_or(now));
        // Whoever says what no peer says may be ending with it, and tells so by its exit code.
        failed = goal.has_failed().then(|| failed.unwrap_or(now));
        let end = failed.or(reached).map_or(begun + timeout, |at| at + LINGER);
        if now >= end || machine_failed {
            break;
        }
        let next = waiting.iter().map(|peer| start(*peer)).fold(end, Instant::min);
        let Some(news) = children.news(next.saturating_duration_since(now)) else { continue };
        match news {
            News::Printed(peer, line) => {
                show.printed(peer, &line)?;
                goal.object(format!("{peer} prints on standard output: {line}"));
            }
            News::Said(peer, line) => {
                let after = begun.elapsed();
                goal.said(peer, after, &line);
                show.said(peer, &line);
                if options.draw.is_some() && line.starts_with('{') {
                    let seconds = after.as_secs_f64();
                    let _ = writeln!(log, "{peer} | {seconds:.6} {line}"); // a String takes all
                }
            }
            News::Ended(peer, how) => {
                machine_failed |= how.is_machines_fault();
                goal.ended(peer, how.is_well(), &how.to_string());
            }
        }
    }
    if reached.is_none() && !goal.has_failed() {
        goal.object(format!("not reached within {} s", timeout.as_secs_f64()));
    }
    Ok(machine_failed)
}
