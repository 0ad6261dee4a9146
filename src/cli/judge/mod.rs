//! `synod judge`: the verdict on peers that run in containers, from their log.
//!
//! The log mixes what a peer prints on standard output with what it says on standard error, and
//! they are told apart like this: a peer's words for people begin with its own name and a colon
//! (`peer3: listens on port 3000`), the words of a printed line with a brace. *Everything* else is
//! judged as a printed line and fails for its form: a panic, a refused flag, a stray word. What
//! goes unseen is a peer that puts its words for people on standard output; `synod local` reads
//! the two streams apart and would see it.
//!
//! In a scenario with faults the script that makes them tells the judge, by lines of its own in
//! the same stream (see [`log`]). So a killed peer may end, a restarted one must choose again, and
//! one that is frozen or cut off from every majority must not choose before that ends; that last
//! rule also shows that the interference was real.

mod goal;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use crate::command::{args, spawn};
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::paxos::Value;
use crate::paxos::command::{judged_roles, value};
use crate::paxos::verdict::Judge;
use crate::process::PeerId;
use log::{Fault, Line};

pub(super) const HELP: &str = "\
usage: ... | synod judge -h HOSTSFILE [options]

Read the log of peers that run elsewhere, as docker compose shows it (peer1  | ...), pass it on,
and stop as soon as all who take part have chosen; then say who chose what.

  -h FILE            the hostsfile of those peers
  --expect C         the value that they must choose (otherwise any, but one)
  --timeout SECS     give up after this long (60)
  --help

Lines that begin with `==> ` tell what is done to a peer, for scenarios with faults:
  ==> peer2 killed   before it is killed; otherwise a peer that ends is a failure
  ==> peer2 started  before it is started; if it had chosen, it must choose again
  ==> peer4 cut off  after it was cut off from a majority, before it chose; it must not choose
  ==> peer3 frozen, ==> peer3 disconnected
                     after that was done; if it had not chosen, it must not choose
  ==> peer3 back, ==> peer3 goes on, ==> peer3 reconnected
                     before any of these three ends
  ==> broken off: W  the scenario could not go on, and why

usage: ... | synod judge ready -h HOSTSFILE [--timeout SECS]
       ... | synod judge member -h HOSTSFILE [-c 5,4,...] [-t] [--timeout SECS]

The same for the barrier and for a group: `-c` names the members that are to crash, `-t` says that
the first is, and that the highest is removed on request before.

Exit 0: one value, chosen by all who take part. Exit 1: not so, and why. Exit 2: a flag, a file or
the machine was at fault.
";

/// How long the log is still read once all is decided: what contradicts the choice comes late.
const LINGER: Duration = Duration::from_millis(250);
/// The longest line that is read in one piece; the rest counts as another line, and no line of a
/// peer is nearly as long.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// How many lines wait for the judge; beyond that, whoever writes them has to.
const MAX_WAITING: usize = 1024;

struct Options {
    hosts: PathBuf,
    expect: Option<Value>,
    timeout: Duration,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let (mut hosts, mut expect, mut timeout) = (None, None, Duration::from_secs(60));
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') => hosts = Some(PathBuf::from(parser.value()?)),
            Long("expect") => expect = Some(value("--expect", parser.value()?)?),
            Long("timeout") => timeout = args::seconds("--timeout", parser.value()?)?,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    let hosts = args::hostsfile(hosts)?;
    Ok(Options { hosts, expect, timeout })
}

/// The command.
pub(super) fn run(mut parser: Parser) -> Result<ExitCode> {
    if let Some(member) = super::group_protocol(&mut parser) {
        return goal::run(member, parser);
    }
    let options = parse(parser)?;
    let hosts = crate::command::hosts(&options.hosts)?;
    let mut hearing = Hearing::new(&hosts, &options.hosts, options.expect)?;
    let mut out = io::stdout();
    hearing.listen(&lines(io::stdin())?, options.timeout, &mut out)?;
    let verdict = hearing.judge.verdict();
    pass_on(&mut out, &verdict.for_people())?;
    Ok(if verdict.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The lines of `input`, read by a thread of its own, so that waiting for one can end in time.
fn lines(input: impl Read + Send + 'static) -> Result<Receiver<String>> {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    spawn(move || {
        let mut input = BufReader::new(input);
        let mut line = Vec::new();
        // An input that fails has ended, and then too little was heard.
        while (&mut input)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if sender.send(String::from_utf8_lossy(text).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    })?;
    Ok(receiver)
}

/// Writes data. That nobody reads it does not change the verdict.
fn pass_on(out: &mut impl Write, text: &str) -> Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).doing(|| "passing the log on".into())
        }
        _ => Ok(()),
    }
}

/// A judge, and what is known of the peers beside what they print.
struct Hearing<'a> {
    hosts: &'a Hosts,
    judge: Judge,
    /// Those who take part.
    parts: BTreeSet<PeerId>,
    /// Killed, and not started again.
    killed: BTreeSet<PeerId>,
    /// Those that cannot choose, each with the reason.
    unable: BTreeMap<PeerId, &'static str>,
    /// Their container has ended.
    ended: BTreeSet<PeerId>,
    /// When the first line of a peer came.
    begun: Option<Instant>,
    broken_off: bool,
}

impl<'a> Hearing<'a> {
    fn new(hosts: &'a Hosts, file: &Path, expect: Option<Value>) -> Result<Self> {
        let parts = judged_roles(hosts, Some(file))?.participants();
        let mut judge = Judge::new(expect.map(|value| value.0.to_string()));
        for peer in &hosts.peers {
            let names: Vec<String> = peer.roles.iter().map(ToString::to_string).collect();
            judge.add_peer(peer.id.0, names.join(","), parts.contains(&peer.id));
        }
        Ok(Self {
            hosts,
            judge,
            parts,
            killed: BTreeSet::new(),
            unable: BTreeMap::new(),
            ended: BTreeSet::new(),
            begun: None,
            broken_off: false,
        })
    }

    /// Hears lines and passes them on to `out`, until all is decided or time is up.
    fn listen(
        &mut self,
        lines: &Receiver<String>,
        timeout: Duration,
        out: &mut impl Write,
    ) -> Result<()> {
        let deadline = Instant::now() + timeout;
        let mut decided: Option<Instant> = None;
        loop {
            // A peer that is started again makes a decided matter open again.
            decided = self.is_decided().then(|| decided.unwrap_or_else(Instant::now));
            let until = decided.map_or(deadline, |at| at + LINGER);
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    pass_on(out, &(log::passed_on(&line) + "\n"))?;
                    self.hear(&line)?;
                }
                Err(_) if decided.is_some() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    let timeout = timeout.as_secs_f64();
                    self.judge.object(format!("after {timeout} s not all had chosen"));
                    return Ok(());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.judge.object("the log ended before all had chosen".into());
                    return Ok(());
                }
            }
        }
    }

    /// True if all have chosen, or nobody is left who could.
    fn is_decided(&self) -> bool {
        let missing = self.judge.missing();
        self.broken_off || missing.iter().all(|peer| self.ended.contains(&PeerId(*peer)))
    }

    fn has_chosen(&self, peer: PeerId) -> bool {
        self.parts.contains(&peer) && !self.judge.missing().contains(&peer.0)
    }

    fn hear(&mut self, line: &str) -> Result<()> {
        match log::read(line, self.hosts) {
            Line::Peer(peer, text) => self.hear_peer(peer, text),
            Line::Stranger(name, text) => {
                self.judge.object(format!("{name} is in no line of the hostsfile: {text}"));
            }
            Line::Exited(peer, code) => {
                self.ended.insert(peer);
                if !self.killed.contains(&peer) {
                    self.judge.object(format!("{peer} ended, exit code {code}"));
                }
            }
            Line::Fault(fault) => self.hear_fault(&fault),
            Line::BrokenOff(why) => {
                self.judge.object(format!("the scenario was broken off: {why}"));
                self.broken_off = true;
            }
            Line::Unclear(words) => {
                let known = "PEER killed, PEER started, PEER cut off, PEER frozen, \
                             PEER disconnected, PEER back, PEER goes on, PEER reconnected, \
                             broken off: WHY";
                let mark = log::MARK;
                let text = format!("{mark}{words}: no peer of the file, or none of: {known}");
                return Err(Error::Input(text));
            }
            Line::Other => {}
        }
        Ok(())
    }

    fn hear_peer(&mut self, peer: PeerId, text: &str) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if text.strip_prefix(&peer.to_string()).is_some_and(|rest| rest.starts_with(": ")) {
            return; // words for people
        }
        self.judge.line(peer.0, begun.elapsed(), text);
        if let Some(why) = self.unable.get(&peer).filter(|_| self.has_chosen(peer)) {
            self.judge.object(format!("{peer} chose while it was {why}"));
        }
    }

    fn hear_fault(&mut self, fault: &Fault) {
        match *fault {
            Fault::Killed(peer) => {
                self.killed.insert(peer);
            }
            Fault::Started(peer) => {
                self.killed.remove(&peer);
                self.ended.remove(&peer);
                self.judge.restarted(peer.0);
            }
            // Then the cut was too late to show anything.
            Fault::CutOff(peer) if self.has_chosen(peer) => {
                self.judge.object(format!("{peer} had chosen before it was cut off"));
            }
            Fault::CutOff(peer) => self.disable(peer, "cut off from every majority"),
            Fault::Frozen(peer) => self.disable(peer, "frozen"),
            Fault::Disconnected(peer) => self.disable(peer, "disconnected"),
            Fault::Back(peer) => {
                self.unable.remove(&peer);
            }
        }
    }

    /// Of a peer that has chosen nothing is claimed.
    fn disable(&mut self, peer: PeerId, why: &'static str) {
        if !self.has_chosen(peer) {
            self.unable.insert(peer, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &str = "peer1:proposer1\npeer2:acceptor1\npeer3:learner7";
    const ASK: &str = "peer1_1  | {\"peer_id\":1,\"action\":\"sent\",\
        \"message_type\":\"accept\",\"message_value\":\"X\",\"proposal_num\":1}";
    const ONE: &str = "peer1_1  | {\"peer_id\":1,\"action\":\"chose\",\
        \"message_type\":\"chose\",\"message_value\":\"X\",\"proposal_num\":1}";
    const TWO: &str = "peer2_1  | {\"peer_id\":2,\"action\":\"chose\",\
        \"message_type\":\"chose\",\"message_value\":\"X\",\"proposal_num\":1}";

    fn judge(expect: char, log: &[&str]) -> Vec<String> {
        let hosts = Hosts::parse(HOSTS, "f").expect("a good file");
        let mut hearing =
            Hearing::new(&hosts, Path::new("hosts"), Some(Value(expect))).expect("safe roles");
        let input = io::Cursor::new(log.join("\n").into_bytes());
        hearing
            .listen(&lines(input).expect("a thread"), Duration::from_secs(10), &mut io::sink())
            .expect("a clear log");
        hearing.judge.verdict().reasons
    }

    #[test]
    fn a_good_log_passes() {
        let prose = "peer3_1  | peer3: listens on port 3000 as learner7";
        let log = ["Attaching to peer1_1, peer2_1", prose, ASK, TWO, ONE];
        assert_eq!(judge('X', &log), Vec::<String>::new());
    }

    #[test]
    fn a_peer_may_be_killed_and_must_choose_again() {
        let killed = ["==> peer2 killed", "peer2_1 exited with code 137", "==> peer2 started"];
        let again = [&[TWO, ONE][..], &killed, &[TWO]].concat();
        assert_eq!(judge('X', &again), Vec::<String>::new());
        let not_again = [&[TWO, ONE][..], &killed].concat();
        assert!(judge('X', &not_again).contains(&"peer2 never chose".to_owned()));
    }

    #[test]
    fn a_peer_may_be_stopped_after_it_chose_and_may_choose_when_it_goes_on() {
        // What it printed before may be read late.
        let late = "peer2_1  | {\"peer_id\":2,\"action\":\"sent\",\
            \"message_type\":\"accept_ack\",\"message_value\":\"X\",\"proposal_num\":1}";
        let after = [TWO, "==> peer2 frozen", late, ONE, "==> peer2 goes on"];
        assert_eq!(judge('X', &after), Vec::<String>::new());
        for (stop, end) in [("frozen", "goes on"), ("disconnected", "reconnected")] {
            let (stop, end) = (format!("==> peer2 {stop}"), format!("==> peer2 {end}"));
            assert_eq!(judge('X', &[&stop, ONE, &end, TWO]), Vec::<String>::new());
        }
    }

    #[test]
    fn every_way_to_fail_is_named() {
        for (log, want) in [
            (vec![ONE], "the log ended before all had chosen"),
            (vec![ONE, "peer2_1 exited with code 2"], "peer2 ended, exit code 2"),
            (vec![ONE, TWO, "peer2_1  | thread 'x' panicked"], "peer2 printed a line of another"),
            (vec![ONE, TWO, "peer2_1  | peer1: hello"], "peer2 printed a line of another"),
            (vec![ONE, TWO, "peer2_1  | "], "peer2 printed a line of another"),
            (vec![ONE, TWO, "peer3_1  | {}"], "peer3 printed a line of another"),
            (vec!["peer9_1  | {}", ONE, TWO], "peer9_1 is in no line of the hostsfile"),
            (vec!["==> peer2 cut off", TWO, ONE], "peer2 chose while it was cut off"),
            (vec![TWO, "==> peer2 cut off", ONE], "peer2 had chosen before it was cut off"),
            (vec!["==> peer2 frozen", TWO, ONE], "peer2 chose while it was frozen"),
            (vec!["==> peer2 disconnected", TWO, ONE], "peer2 chose while it was disconnected"),
            (vec![ONE, "==> broken off: no time", TWO], "the scenario was broken off: no time"),
            (vec![ONE, TWO, TWO], "peer2 printed its choice twice"),
        ] {
            let reasons = judge('X', &log);
            assert!(reasons.iter().any(|reason| reason.starts_with(want)), "{want}: {reasons:?}");
        }
        assert!(judge('Y', &[ONE, TWO]).contains(&"peer1 chose X, expected was Y".to_owned()));
    }

    #[test]
    fn words_of_the_script_that_are_not_understood_are_an_error() {
        let hosts = Hosts::parse(HOSTS, "f").expect("a good file");
        let mut hearing = Hearing::new(&hosts, Path::new("hosts"), None).expect("safe roles");
        let error = hearing.hear("==> peer2 kiled").expect_err("not understood");
        assert!(error.to_string().starts_with("==> peer2 kiled: "), "{error}");
    }

    #[test]
    fn a_log_that_says_nothing_is_given_up() {
        let hosts = Hosts::parse(HOSTS, "f").expect("a good file");
        let mut hearing = Hearing::new(&hosts, Path::new("hosts"), None).expect("safe roles");
        let (_silent, lines) = sync_channel(1);
        hearing.listen(&lines, Duration::ZERO, &mut io::sink()).expect("nothing to read");
        let reasons = hearing.judge.verdict().reasons;
        assert!(reasons.contains(&"after 0 s not all had chosen".to_owned()), "{reasons:?}");
    }
}
