//! `synod local`: every peer of a hostsfile as a process of its own on this machine, and a verdict.
//!
//! The peers are real: the same binary, real sockets on free loopback ports, real files. What they
//! print is passed on with the peer's name in front, and judged as it comes.

mod children;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::Parser;

use super::draw;
use crate::command::live::{Caller, PeerAction, Prepared, Stream};
use crate::command::{colour, complain, outputs, print};
use crate::error::{Doing, Result};
use crate::hosts::{Host, Hosts};
use crate::process::PeerId;
use crate::protocols::{Protocol, named};
use crate::visible::{visible, visible_json};
use children::{Children, News};
use place::{Place, RunFile};

/// How long the peers are still heard once all is decided: what contradicts it comes late.
pub(super) const LINGER: Duration = Duration::from_millis(250);

/// The help for runs of this protocol.
pub(super) fn help(protocol: &Protocol) -> Option<String> {
    Some(with_exit_codes(protocol.live?.local_help))
}

/// Puts the exit codes of a live run before the example.
pub(super) fn with_exit_codes(help: &str) -> String {
    let codes = "\nexit codes:\n\
        \x20 0  the run is as it must be\n\
        \x20 1  it is not; the last lines say why\n\
        \x20 2  a flag, a file or the machine was at fault\n";
    help.replacen("\nexample:", &format!("{codes}\nexample:"), 1)
}

/// The command.
pub(super) fn run(protocols: &'static [Protocol], mut parser: Parser) -> Result<ExitCode> {
    let protocol = named(protocols, &mut parser);
    let live = protocol.live.ok_or_else(|| protocol.has_no("live run"))?;
    let mut run = Local::new(protocol.name, (live.prepare)(Caller::Local, parser)?)?;
    let machine_failed = run.watch();
    // The children are gone by now, whatever went wrong.
    let machine_failed = machine_failed?;
    let verdict = run.prepared.run.verdict();
    colour::print_report(&verdict.for_people())?;
    run.draw(protocols)?;
    // Where the machine failed a peer, the verdict says nothing about the protocol.
    Ok(match (machine_failed, verdict.passed()) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
    })
}

/// A run on this machine.
struct Local {
    command: &'static str,
    prepared: Prepared,
    place: Place,
    /// Where the peers' journals go, if they keep any.
    journal: Option<RunFile>,
    /// What they printed on standard error, each line with its peer and time; for the picture of a
    /// run without a journal.
    log: String,
    prefixes: Prefixes,
    /// Keeps other runs out of the data directory.
    _lock: Option<fs::File>,
}

impl Local {
    fn new(command: &'static str, prepared: Prepared) -> Result<Self> {
        let flags = &prepared.flags;
        let (trace, picture) = (flags.trace.as_deref(), flags.draw.as_deref());
        picture.map(draw::check_ending).transpose()?;
        outputs::check(flags.hosts.as_deref(), trace.into_iter().chain(picture))?;
        if let Some(trace) = trace.filter(|_| picture.is_some()) {
            place::check_readable(trace)?;
        }
        let lock = flags.data.as_deref().map(place::lock).transpose()?;
        let place = Place::new(&prepared.hosts, flags.data.as_deref())?;
        let journal = flags.has_journal();
        let journal = journal.then(|| place::journal(trace, flags.data.is_some())).transpose()?;
        if let Some((_, once)) = prepared.alike {
            complain(&format!("{once}\n"));
        }
        let (prefixes, log) = (Prefixes::new(&place.hosts), String::new());
        Ok(Self { command, prepared, place, journal, log, prefixes, _lock: lock })
    }

    /// The arguments of one peer.
    fn command_line(&self, peer: PeerId) -> Vec<OsString> {
        if let Some(line) = &self.prepared.line {
            let line = line(&self.place.hosts, peer).into_iter();
            return [self.command.into()]
                .into_iter()
                .chain(line)
                .chain(["--until-eof".into()])
                .collect();
        }
        let mut line: Vec<OsString> = vec![self.command.into(), "-h".into()];
        line.extend([self.place.path().into(), "--until-eof".into()]);
        line.extend(["--id".into(), peer.0.to_string().into()]);
        line.extend(self.prepared.args.get(&peer).into_iter().flatten().cloned());
        if let Some(data) = &self.prepared.flags.data {
            line.extend(["--data".into(), data.join(peer.to_string()).into()]);
        }
        if let Some(journal) = &self.journal {
            line.extend(["--trace".into(), journal.path().into()]);
        }
        line
    }

    /// Starts the peers and hears them until all is decided and stays so for a moment, or time is
    /// up. True if a flag, a file or the machine was at fault in a peer.
    ///
    /// # Errors
    /// A peer cannot be started, or standard output cannot be written.
    fn watch(&mut self) -> Result<bool> {
        let (begun, timeout) = (Instant::now(), self.prepared.flags.timeout);
        let starts = self.prepared.starts.clone();
        let start = |peer: &PeerId| begun + starts.get(peer).copied().unwrap_or_default();
        let mut waiting: Vec<PeerId> = self.place.hosts.peers.iter().map(|peer| peer.id).collect();
        let mut children = Children::new()?;
        if self.prepared.has_prompt {
            children.hear_prompt()?;
        }
        let mut heard = BTreeSet::new();
        let mut decided: Option<Instant> = None;
        let mut machine_failed = false;
        loop {
            let now = Instant::now();
            let (due, later): (Vec<PeerId>, _) =
                waiting.into_iter().partition(|peer| start(peer) <= now);
            waiting = later;
            for peer in due {
                self.prepared.run.started(peer);
                children.start(peer, self.command_line(peer), self.prepared.pipes)?;
            }
            let run = &mut self.prepared.run;
            while let Some(action) = run.action() {
                match action {
                    PeerAction::Type(peer, line) => children.type_to(peer, &line),
                    PeerAction::Kill(peer) => children.kill(peer),
                    PeerAction::Say(text) => {
                        text.lines().for_each(|line| complain(&format!("{}\n", visible(line))));
                    }
                }
            }
            // Whoever prints what no peer prints may be ending with it, and tells so by its code.
            let is_decided = run.reached() || run.failed();
            decided = is_decided.then(|| decided.unwrap_or(now));
            let end = decided.map_or(begun + timeout, |at| at + LINGER);
            if now >= end {
                if decided.is_none() {
                    run.unfinished(Some(timeout));
                }
                return Ok(machine_failed);
            }
            let next = waiting.iter().map(start).fold(end, Instant::min);
            match children.news(next.saturating_duration_since(now)) {
                Some(News::Line(peer, stream, line)) => {
                    // Whoever speaks has read the hostsfile. Once all have, it need not stay: a
                    // kill before that leaves it behind, one from then on does not.
                    heard.insert(peer);
                    if heard.len() == self.place.hosts.peers.len() {
                        self.place.release();
                    }
                    self.hear(peer, stream, begun.elapsed(), &line)?;
                }
                Some(News::Ended(peer, exit)) => {
                    machine_failed |= exit.is_machine_fault();
                    run.ended(peer, &exit);
                }
                Some(News::Typed(line)) => run.typed(line.as_deref()),
                None => {}
            }
        }
    }

    fn hear(&mut self, peer: PeerId, stream: Stream, after: Duration, line: &str) -> Result<()> {
        self.prepared.run.line(peer, stream, after, line);
        if stream == Stream::Out {
            return self.prefixes.printed(peer, line);
        }
        if self.prepared.flags.draw.is_some() && line.starts_with('{') {
            let seconds = after.as_secs_f64();
            let _ = writeln!(self.log, "{peer} | {seconds:.6} {line}"); // a String takes all
        }
        // All say this alike, and it has been said for them.
        if self.prepared.alike.is_none_or(|(each, _)| line != format!("{peer}: {each}")) {
            self.prefixes.said(peer, line);
        }
        Ok(())
    }

    /// Draws the run, if it is to be drawn. Of peers that said nothing there is no picture.
    fn draw(&mut self, protocols: &'static [Protocol]) -> Result<()> {
        let Some(picture) = &self.prepared.flags.draw else { return Ok(()) };
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None if self.log.is_empty() => return Ok(()),
            None => {
                let log = RunFile::temporary("log");
                let written = fs::write(log.path(), &self.log);
                written.doing(|| format!("writing {}", log.path().display()))?;
                log
            }
        };
        draw::journal(protocols, journal.path(), picture, &self.prepared.draw)
    }
}

/// Puts the peer's name in front of its lines, in a colour of its own on a terminal.
struct Prefixes(BTreeMap<PeerId, (String, String)>);

impl Prefixes {
    fn new(hosts: &Hosts) -> Self {
        let name = |coloured: bool, id: PeerId| {
            // Cyan, yellow, green, magenta, blue, as compose does; no red, which means trouble.
            let code = [36, 33, 32, 35, 34][(usize::from(id.0) + 4) % 5];
            let name = format!("{:<5} | ", id.to_string());
            if coloured { colour::painted(&name, code) } else { name }
        };
        let (out, err) = (colour::wanted(&io::stdout()), colour::wanted(&io::stderr()));
        let prefix = |host: &Host| (host.id, (name(out, host.id), name(err, host.id)));
        Self(hosts.peers.iter().map(prefix).collect())
    }

    fn printed(&self, peer: PeerId, line: &str) -> Result<()> {
        let prefix = self.0.get(&peer).map_or("", |(out, _)| out);
        // A child may be of another build, and its values come from anywhere.
        print(&format!("{prefix}{}\n", visible_json(line)))
    }

    fn said(&self, peer: PeerId, line: &str) {
        let prefix = self.0.get(&peer).map_or("", |(_, err)| err);
        // The prefix names the peer already.
        let line = line.strip_prefix(&format!("{peer}: ")).unwrap_or(line);
        complain(&format!("{prefix}{}\n", visible(line)));
    }
}
