//! The lines of the ring, as they are printed and as they stand in the logs.

use crate::trace::inputs::has_event;
use crate::trace::journal::{JournalDialect, Journalled};
use crate::trace::prefix::{Names, digits, prefix, without_colours};
use crate::visible::clipped;

/// The logs of `ring`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RingLog;

/// There are no such lines; the reader wants a name.
impl Journalled for RingLog {
    const NAME: &'static str = "ring";
}

/// What happened to a segment, by a line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// `snd`
    Sent,
    /// `rcv`
    Received,
    /// `drop`
    Dropped,
    /// `RTX`
    Resent,
}

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// What happened.
    pub event: Segment,
    /// Milliseconds since the program started.
    pub ms: u64,
    /// The first byte; 0 of an acknowledgement.
    pub seq: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The byte behind the segment, of an acknowledgement.
    pub ack: u64,
}

impl Logged {
    /// True of the sender's log.
    pub fn is_responding(&self) -> bool {
        (self.event == Segment::Received) == (self.seq == 0)
    }
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A ping came from this peer.
    PingFrom(u16),
    /// An answer came from it.
    PongFrom(u16),
    /// A file was asked for.
    Requested(u16),
    /// It is not here.
    NotHere(u16),
    /// The request was passed on.
    PassedOn,
    /// The file is here.
    Here(u16),
    /// The asker was told.
    Responded(u16),
    /// A file begins to be sent.
    Sending,
    /// It was sent.
    FileSent,
    /// A peer has the file.
    ResponseFrom(u16, u16),
    /// It begins to come.
    Receiving,
    /// It has come.
    FileReceived,
    /// A peer leaves.
    Departs(u16),
    /// A peer is dead.
    Dead(u16),
    /// The first successor.
    First(u16),
    /// The second successor.
    Second(u16),
    /// A line of a log.
    Log(Logged),
    /// The sender has given this file up, which this peer wants.
    NotSent(u16, u16),
    /// Whoever runs the peers says that this one was killed.
    Killed(u16),
    /// That it has quit.
    Quits(u16),
    /// That it was started again.
    Begun(u16),
}

/// The peer in front of the line, if one is named there, and what it says.
pub fn read(text: &str) -> Option<(Option<u16>, Said)> {
    let plain = without_colours(text);
    if let Some(mark) = plain.trim().strip_prefix("==> ") {
        let (peer, what) = mark.split_once(' ')?;
        let peer = peer.strip_prefix("peer").and_then(id)?;
        let said = match what {
            "killed" => Said::Killed(peer),
            "quits" => Said::Quits(peer),
            "started" => Said::Begun(peer),
            _ => return None,
        };
        return Some((None, said));
    }
    let (front, line) = plain.split_once('|').unwrap_or(("", &plain));
    let named =
        if front.is_empty() { None } else { prefix(&format!("{front}|"), &Names::new()).peer };
    Some((named, said(line.trim())?))
}

fn id(text: &str) -> Option<u16> {
    digits(text).and_then(|number| u16::try_from(number).ok()).filter(|id| *id < 256)
}

fn name(text: &str) -> Option<u16> {
    let number = digits(text).filter(|_| text.len() == 4)?;
    u16::try_from(number).ok()
}

fn said(line: &str) -> Option<Said> {
    let between =
        |front: &str, back: &str| line.strip_prefix(front).and_then(|rest| rest.strip_suffix(back));
    let peer = |front: &str, back: &str| between(front, back).and_then(id);
    let file = |front: &str, back: &str| between(front, back).and_then(name);
    let first = || match line {
        "File request message has been forwarded to my successor." => Some(Said::PassedOn),
        "We now start sending the file ………" => Some(Said::Sending),
        "The file is sent." => Some(Said::FileSent),
        "We now start receiving the file ………" => Some(Said::Receiving),
        "The file is received." => Some(Said::FileReceived),
        _ => None,
    };
    first()
        .or_else(|| peer("A ping request message was received from Peer ", ".").map(Said::PingFrom))
        .or_else(|| {
            peer("A ping response message was received from Peer ", ".").map(Said::PongFrom)
        })
        .or_else(|| {
            let back = " has been sent to my successor.";
            file("File request message for ", back).map(Said::Requested)
        })
        .or_else(|| file("File ", " is not stored here.").map(Said::NotHere))
        .or_else(|| file("File ", " is here.").map(Said::Here))
        .or_else(|| {
            let front = "A response message, destined for peer ";
            peer(front, ", has been sent.").map(Said::Responded)
        })
        .or_else(|| {
            let rest = between("Received a response message from peer ", ".")?;
            let (peer, file) = rest.split_once(", which has the file ")?;
            Some(Said::ResponseFrom(id(peer)?, name(file)?))
        })
        .or_else(|| not_sent(line).map(|(name, peer)| Said::NotSent(name, peer)))
        .or_else(|| peer("Peer ", " will depart from the network.").map(Said::Departs))
        .or_else(|| peer("Peer ", " is no longer alive.").map(Said::Dead))
        .or_else(|| peer("My first successor is now peer ", ".").map(Said::First))
        .or_else(|| peer("My second successor is now peer ", ".").map(Said::Second))
        .or_else(|| logged(line).map(Said::Log))
}

/// A line of standard error, where a peer's name may stand in front.
fn not_sent(line: &str) -> Option<(u16, u16)> {
    let (front, rest) = line.split_once("file ")?;
    let is_front = front.is_empty() || front.starts_with("peer") && front.ends_with(": ");
    let (file, rest) = rest.split_once(" is not sent to peer ")?;
    let (peer, why) = rest.split_once(": ")?;
    let is_given_up = is_front && why == "a segment was tried too often in vain";
    Some((name(file)?, id(peer)?)).filter(|_| is_given_up)
}

fn logged(line: &str) -> Option<Logged> {
    let mut words = line.split_whitespace();
    let event = match words.next()? {
        "snd" => Segment::Sent,
        "rcv" => Segment::Received,
        "drop" => Segment::Dropped,
        "RTX" => Segment::Resent,
        _ => return None,
    };
    let (seconds, part) = words.next()?.split_once('.')?;
    let ms = digits(part).filter(|_| part.len() == 3)?;
    let ms = digits(seconds)?.checked_mul(1000)?.checked_add(ms)?;
    let mut number = || words.next().and_then(digits);
    let entry = Logged { event, ms, seq: number()?, bytes: number()?, ack: number()? };
    (words.next().is_none() && (entry.seq == 0) != (entry.ack == 0)).then_some(entry)
}

/// True if the head of an input has such a line.
pub fn recognises(head: &[u8]) -> bool {
    let is_ours = |line: &[u8]| {
        let read = read(&String::from_utf8_lossy(line));
        read.is_some_and(|(_, said)| {
            !matches!(said, Said::Killed(_) | Said::Quits(_) | Said::Begun(_))
        })
    };
    !has_event::<JournalDialect<RingLog>>(head) && head.split(|byte| *byte == b'\n').any(is_ours)
}

/// A name as people know it.
pub fn shown(name: u16) -> String {
    clipped(&format!("{name:04}"), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_whatever_compose_and_local_put_before_them() {
        for (text, want) in [
            ("Peer 5 is no longer alive.", (None, Said::Dead(5))),
            ("peer8 | File 0012 is not stored here.", (Some(8), Said::NotHere(12))),
            ("peer0 | File 0012 is here.", (Some(0), Said::Here(12))),
            (
                "\u{1b}[36msynod-peer15-1  | \u{1b}[0mMy first successor is now peer 1.",
                (Some(15), Said::First(1)),
            ),
            (
                "Received a response message from peer 1, which has the file 2012.",
                (None, Said::ResponseFrom(1, 2012)),
            ),
            ("We now start receiving the file ………", (None, Said::Receiving)),
            ("==> peer5 killed", (None, Said::Killed(5))),
            ("==> peer5 quits", (None, Said::Quits(5))),
            (
                "peer5 | peer5: file 2012 is not sent to peer 8: a segment was tried too often in \
                 vain",
                (Some(5), Said::NotSent(2012, 8)),
            ),
            (
                " RTX       1.999         401    400           0",
                (
                    None,
                    Said::Log(Logged {
                        event: Segment::Resent,
                        ms: 1999,
                        seq: 401,
                        bytes: 400,
                        ack: 0,
                    }),
                ),
            ),
        ] {
            assert_eq!(read(text), Some(want), "{text}");
        }
        for text in [
            "Peer 256 is no longer alive.",
            "File 12 is here.",
            "snd 1.0 1 400 0",
            "snd 1.000 1 400",
            "snd 1.000 0 400 0",
            "snd 99999999999999999999.000 1 1 0",
            "hello",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(recognises(b"some\nPeer 5 is no longer alive.\n"));
        assert!(!recognises(b"==> peer5 killed\nsome\n"));
    }
}
