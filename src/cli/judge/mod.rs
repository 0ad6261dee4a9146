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

mod log;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use lexopt::Parser;

use super::local::{LINGER, with_exit_codes};
use crate::command::live::{Caller, Exit, LiveRun, Stream};
use crate::command::{spawn, tell_of_terminal};
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::protocols::{Protocol, named};
use log::Line;

/// The longest line that is read in one piece; the rest counts as another line, and no line of a
/// peer is nearly as long.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// How many lines wait for the judge; beyond that, whoever writes them has to.
const MAX_WAITING: usize = 1024;

/// The help for runs of this protocol.
pub(super) fn help(protocol: &Protocol) -> Option<String> {
    Some(with_exit_codes(protocol.live?.judge_help))
}

/// The command.
pub(super) fn run(protocols: &[Protocol], mut parser: Parser) -> Result<ExitCode> {
    let protocol = named(protocols, &mut parser);
    let live = protocol.live.ok_or_else(|| protocol.has_no("live run"))?;
    let mut prepared = (live.prepare)(Caller::Judge, parser)?;
    let mut out = io::stdout();
    tell_of_terminal("pipe a log into it");
    let lines = lines(io::stdin())?;
    listen(prepared.run.as_mut(), &prepared.hosts, &lines, prepared.flags.timeout, &mut out)?;
    let verdict = prepared.run.verdict();
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

/// Hears lines and passes them on to `out`, until all is decided and stays so for a moment, or time
/// is up.
fn listen(
    run: &mut dyn LiveRun,
    hosts: &Hosts,
    lines: &Receiver<String>,
    timeout: Duration,
    out: &mut impl Write,
) -> Result<()> {
    let begun = Instant::now();
    let mut decided: Option<Instant> = None;
    loop {
        // A peer that is started again makes a decided matter open again.
        let is_decided = run.reached() || run.failed();
        decided = is_decided.then(|| decided.unwrap_or_else(Instant::now));
        let end = decided.map_or(begun + timeout, |at| at + LINGER);
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                pass_on(out, &(log::passed_on(&line) + "\n"))?;
                hear(run, hosts, begun.elapsed(), &line)?;
            }
            Err(end) => {
                if decided.is_none() {
                    run.unfinished((end == RecvTimeoutError::Timeout).then_some(timeout));
                }
                return Ok(());
            }
        }
    }
}

fn hear(run: &mut dyn LiveRun, hosts: &Hosts, after: Duration, line: &str) -> Result<()> {
    match log::read(line, hosts) {
        Line::Peer(peer, text) => run.line(peer, Stream::Mixed, after, text),
        Line::Unknown(name, text) => {
            run.object(format!("{name} is in no line of the hostsfile: {text}"));
        }
        Line::Exited(peer, code) => {
            run.ended(peer, &Exit { code: code.parse().ok(), text: format!("exit code {code}") });
        }
        Line::PeerEvent(fault) => run.fault(fault),
        Line::BrokenOff(why) => run.broken_off(why),
        Line::Unclear(words) => {
            let known = "PEER killed, PEER started, PEER cut off, PEER frozen, PEER disconnected, \
                         PEER back, PEER goes on, PEER reconnected, broken off: WHY";
            let mark = log::MARK;
            let text = format!("{mark}{words}: no peer of the file, or none of: {known}");
            return Err(Error::Input(text));
        }
        Line::Other => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paxos::judge::live::ChoiceRun;

    const HOSTS: &str = "peer1:proposer1\npeer2:acceptor1\npeer3:learner7";
    const ASK: &str = "peer1_1  | {\"peer_id\":1,\"action\":\"sent\",\
        \"message_type\":\"accept\",\"message_value\":\"X\",\"proposal_num\":1}";
    const ONE: &str = "peer1_1  | {\"peer_id\":1,\"action\":\"chose\",\
        \"message_type\":\"chose\",\"message_value\":\"X\",\"proposal_num\":1}";
    const TWO: &str = "peer2_1  | {\"peer_id\":2,\"action\":\"chose\",\
        \"message_type\":\"chose\",\"message_value\":\"X\",\"proposal_num\":1}";

    fn run(expect: Option<char>) -> (Hosts, ChoiceRun) {
        let mut run = ChoiceRun::new(expect.map(String::from));
        for (peer, roles) in [(1, "proposer1"), (2, "acceptor1"), (3, "learner7")] {
            run.add_peer(peer, roles.into(), peer < 3);
        }
        (Hosts::parse(HOSTS, "f").expect("a good file"), run)
    }

    fn judge(expect: char, log: &[&str]) -> Vec<String> {
        let (hosts, mut run) = run(Some(expect));
        let input = io::Cursor::new(log.join("\n").into_bytes());
        let lines = lines(input).expect("a thread");
        listen(&mut run, &hosts, &lines, Duration::from_secs(10), &mut io::sink())
            .expect("a clear log");
        run.verdict().reasons
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
            (vec![ONE, "peer2_1 exited with code 2"], "peer2 ended too early: exit code 2"),
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
        let (hosts, mut run) = run(None);
        let error = hear(&mut run, &hosts, Duration::ZERO, "==> peer2 kiled");
        let error = error.expect_err("not understood");
        assert!(error.to_string().starts_with("==> peer2 kiled: "), "{error}");
    }

    #[test]
    fn a_long_line_is_read_in_one_piece_and_a_longer_one_in_more() {
        let longest = "x".repeat(64 * 1024 - 1);
        let input = format!("{longest}\n{longest}yz\n");
        let lines: Vec<String> =
            lines(io::Cursor::new(input.into_bytes())).expect("a thread").iter().collect();
        assert_eq!(lines, [longest.clone(), longest + "y", "z".into()]);
    }

    /// Fails for this reason.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
        assert!(pass_on(&mut Failing(io::ErrorKind::BrokenPipe), "some").is_ok());
        assert!(pass_on(&mut Failing(io::ErrorKind::StorageFull), "some").is_err());
    }

    #[test]
    fn a_decided_run_is_heard_for_a_moment_longer_and_an_undecided_one_until_its_time_is_up() {
        let time = Duration::from_millis(30);
        for (log, at_least) in [(&[ONE, TWO][..], LINGER), (&[], time)] {
            let (hosts, mut run) = run(None);
            let (sender, lines) = sync_channel(log.len());
            for line in log {
                sender.send((*line).into()).expect("there is room");
            }
            let (begun, timeout) =
                (Instant::now(), if log.is_empty() { time } else { Duration::from_secs(60) });
            listen(&mut run, &hosts, &lines, timeout, &mut io::sink()).expect("a clear log");
            let took = begun.elapsed();
            assert!(took >= at_least && took < Duration::from_secs(30), "{took:?}");
        }
    }

    #[test]
    fn a_log_that_says_nothing_is_given_up() {
        let (hosts, mut run) = run(None);
        let (_silent, lines) = sync_channel(1);
        listen(&mut run, &hosts, &lines, Duration::ZERO, &mut io::sink()).expect("nothing to read");
        let reasons = run.verdict().reasons;
        assert!(reasons.contains(&"after 0 s not all had chosen".to_owned()), "{reasons:?}");
    }
}
