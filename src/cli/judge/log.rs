//! One line of a log in which the lines of many containers are mixed, each with a name in front.
//!
//! Compose writes `peer1  | text`, `peer1_1  | text` or `peer1-1  | text`, often in colours, and
//! `peer1 exited with code 137` between them. A script that makes faults adds lines of its
//! own: those with [`MARK`] are for the judge, others (`# what will happen`) for people.

use crate::command::live::PeerEvent;
use crate::hosts::Hosts;
use crate::process::PeerId;
use crate::visible::visible_json;

/// What stands in front of a line of the script that makes faults.
pub(super) const MARK: &str = "==> ";

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A peer printed this, on standard output or on standard error.
    Peer(PeerId, &'a str),
    /// A container that the hostsfile does not know printed this.
    Unknown(&'a str, &'a str),
    /// The peer's container ended with this code.
    Exited(PeerId, &'a str),
    /// Something is done to a peer.
    PeerEvent(PeerEvent),
    /// The script could not go on, and why.
    BrokenOff(&'a str),
    /// The script's words are not understood.
    Unclear(&'a str),
    /// Anything else that compose or the script has to say.
    Other,
}

/// The line as it is passed on: compose's colours stay, and whatever else steers a terminal or
/// hides something is spelled out.
pub(super) fn passed_on(line: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(at) = rest.find('\x1b') {
        let (text, sequence) = rest.split_at(at);
        out.push_str(&visible_json(text));
        let length = colour_length(sequence).unwrap_or(0);
        let (colour, behind) = sequence.split_at(length.max(1));
        out.push_str(if length > 0 { colour } else { "\\u001b" });
        rest = behind;
    }
    out + &visible_json(rest)
}

/// The length of the colour at the start of the text; black and concealed are none.
fn colour_length(text: &str) -> Option<usize> {
    let (codes, _) = text.strip_prefix("\x1b[")?.split_once('m')?;
    let is_colour = |code: &str| {
        let number = code.parse::<u8>();
        code.is_empty() || number.is_ok_and(|n| matches!(n, 0 | 1 | 31..=37 | 91..=97))
    };
    codes.split(';').all(is_colour).then_some("\x1b[".len() + codes.len() + "m".len())
}

/// Reads one line, without its newline.
pub(super) fn read<'a>(line: &'a str, hosts: &Hosts) -> Line<'a> {
    if let Some(words) = line.strip_prefix(MARK) {
        return read_mark(words, hosts);
    }
    if let Some((name, text)) = line.split_once('|') {
        // One blank and the end of a colour belong to the prefix, in either order. All that
        // follows is the peer's own and is judged to the letter.
        let text = strip_colours(text);
        let text = strip_colours(text.strip_prefix(' ').unwrap_or(text));
        let name = bare(name);
        // A bar can also stand in compose's own words; a container's name has no blanks.
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Line::Other;
        }
        return match peer_named(name, hosts) {
            Some(peer) => Line::Peer(peer, text),
            None => Line::Unknown(name, text),
        };
    }
    let ended = line.split_once(" exited with code ");
    match ended.and_then(|(name, code)| Some((peer_named(bare(name), hosts)?, bare(code)))) {
        Some((peer, code)) => Line::Exited(peer, code),
        None => Line::Other,
    }
}

fn read_mark<'a>(words: &'a str, hosts: &Hosts) -> Line<'a> {
    if let Some(why) = words.strip_prefix("broken off: ") {
        return Line::BrokenOff(why);
    }
    let (name, done) = words.split_once(' ').unwrap_or((words, ""));
    let wrap = match done {
        "killed" => PeerEvent::Killed,
        "started" => PeerEvent::Started,
        "quits" => PeerEvent::Quits,
        "cut off" => PeerEvent::CutOff,
        "frozen" => PeerEvent::Frozen,
        "disconnected" => PeerEvent::Disconnected,
        "back" | "goes on" | "reconnected" => PeerEvent::Back,
        _ => return Line::Unclear(words),
    };
    peer_named(name, hosts).map_or(Line::Unclear(words), |peer| Line::PeerEvent(wrap(peer)))
}

/// The peer whose container has this name: its host's, perhaps with compose's number behind it.
fn peer_named(name: &str, hosts: &Hosts) -> Option<PeerId> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = |host: &str| {
        name.strip_prefix(host).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(['_', '-']).is_some_and(is_number)
        })
    };
    hosts.peers.iter().find(|peer| fits(&peer.host)).map(|peer| peer.id)
}

/// A name or a code without blanks and colours round it.
fn bare(text: &str) -> &str {
    let text = strip_colours(text);
    text.split('\x1b').next().unwrap_or(text).trim()
}

/// The text behind the colours that it begins with.
fn strip_colours(mut text: &str) -> &str {
    while let Some(codes) = text.strip_prefix("\x1b[") {
        let rest = codes.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let Some(rest) = rest.strip_prefix('m') else { break };
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Line<'_> {
        let hosts = Hosts::parse("peer1:proposer1\npeer11:acceptor1", "f").expect("a good file");
        super::read(line, &hosts)
    }

    const ONE: PeerId = PeerId(1);
    const TWO: PeerId = PeerId(2);

    #[test]
    fn every_way_in_which_compose_names_a_container_is_understood() {
        for line in [
            "peer1 | {}",
            "peer1    | {}",
            "peer1_1  | {}",
            "peer1-1  | {}",
            "peer1-12| {}",
            "\x1b[36mpeer1    |\x1b[0m {}",
            "\x1b[36mpeer1_1  | \x1b[0m{}",
            "\x1b[36;1mpeer1-1  | \x1b[0m{}",
        ] {
            assert_eq!(read(line), Line::Peer(ONE, "{}"), "{line:?}");
        }
        assert_eq!(read("peer11_1 | {}"), Line::Peer(TWO, "{}"), "not peer1 with a number behind");
    }

    #[test]
    fn a_line_is_passed_on_with_its_colours_and_nothing_else_that_steers() {
        for (line, want) in [
            ("\x1b[36;1mpeer1-1  | \x1b[0m{\"a\":1}", "\x1b[36;1mpeer1-1  | \x1b[0m{\"a\":1}"),
            ("peer1 | \x1b[2J\x1b[8m\x1b[30m", "peer1 | \\u001b[2J\\u001b[8m\\u001b[30m"),
            ("\x1b[36;1m\x1b[2J\x1b[m", "\x1b[36;1m\\u001b[2J\x1b[m"),
            ("peer1 | \u{202e}\x1b", "peer1 | \\u202e\\u001b"),
            ("peer1 | \x1bé[m\r", "peer1 | \\u001bé[m\\u000d"),
        ] {
            assert_eq!(passed_on(line), want);
        }
    }

    #[test]
    fn what_the_peer_printed_is_not_touched() {
        for (line, text) in [
            ("peer1 |  {} ", " {} "),
            ("peer1 | a | b", "a | b"),
            ("peer1 | ", ""),
            ("peer1 |", ""),
            ("peer1 | {}\x1b[0m", "{}\x1b[0m"),
        ] {
            assert_eq!(read(line), Line::Peer(ONE, text), "{line:?}");
        }
    }

    #[test]
    fn a_container_that_ended_and_one_that_is_unknown_are_seen() {
        assert_eq!(read("peer1_1 exited with code 137"), Line::Exited(ONE, "137"));
        assert_eq!(read("\x1b[36mpeer1 exited with code 2\x1b[0m"), Line::Exited(ONE, "2"));
        for name in ["peer7", "peer1_", "peer1_x", "peer1-1a"] {
            assert_eq!(read(&format!("{name} | hello")), Line::Unknown(name, "hello"));
        }
        for line in [
            "",
            "# peer1 is killed, and X must win",
            "Attaching to peer1, peer11",
            "Gracefully stopping... (a | b)",
            "x exited",
        ] {
            assert_eq!(read(line), Line::Other, "{line:?}");
        }
    }

    #[test]
    fn faults_are_announced_in_a_few_fixed_words() {
        assert_eq!(read("==> peer1 killed"), Line::PeerEvent(PeerEvent::Killed(ONE)));
        assert_eq!(read("==> peer11 started"), Line::PeerEvent(PeerEvent::Started(TWO)));
        assert_eq!(read("==> peer1 quits"), Line::PeerEvent(PeerEvent::Quits(ONE)));
        assert_eq!(read("==> peer1 cut off"), Line::PeerEvent(PeerEvent::CutOff(ONE)));
        assert_eq!(read("==> peer1 frozen"), Line::PeerEvent(PeerEvent::Frozen(ONE)));
        assert_eq!(read("==> peer1 disconnected"), Line::PeerEvent(PeerEvent::Disconnected(ONE)));
        for end in ["back", "goes on", "reconnected"] {
            assert_eq!(read(&format!("==> peer1 {end}")), Line::PeerEvent(PeerEvent::Back(ONE)));
        }
        assert_eq!(read("==> broken off: no time"), Line::BrokenOff("no time"));
        for words in ["peer1", "peer1 stopped", "peer2 killed", "killed"] {
            let line = format!("==> {words}");
            assert_eq!(read(&line), Line::Unclear(words));
        }
    }
}
