//! What a peer prints and writes into its logs: the lines of the assignment, word for word, on
//! standard output; all else on standard error.

use std::fmt::Write as _;

use super::message::{Fact, LogEntry, Note, TransferFailure};

/// The lines of standard output for this, each with its newline; none for what is not printed
/// there.
pub(super) fn printed(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::PingFrom(peer) => {
            format!("A ping request message was received from Peer {peer}.\n")
        }
        Fact::PongFrom(peer) => {
            format!("A ping response message was received from Peer {peer}.\n")
        }
        Fact::Requested(name) => {
            format!("File request message for {name} has been sent to my successor.\n")
        }
        Fact::PassedOn(name) => format!(
            "File {name} is not stored here.\n\
             File request message has been forwarded to my successor.\n"
        ),
        Fact::Here(name) => format!("File {name} is here.\n"),
        Fact::Responded(peer) => {
            format!("A response message, destined for peer {peer}, has been sent.\n")
        }
        Fact::Sending(_) => "We now start sending the file ………\n".into(),
        Fact::FileSent(_) => "The file is sent.\n".into(),
        Fact::ResponseFrom(peer, name, _) => {
            format!("Received a response message from peer {peer}, which has the file {name}.\n")
        }
        Fact::Receiving(_) => "We now start receiving the file ………\n".into(),
        Fact::FileReceived(_) => "The file is received.\n".into(),
        Fact::Departs(peer) => format!("Peer {peer} will depart from the network.\n"),
        Fact::Dead(peer) => format!("Peer {peer} is no longer alive.\n"),
        Fact::Now(first, second) => format!(
            "My first successor is now peer {first}.\nMy second successor is now peer {second}.\n"
        ),
        Fact::Note(_) | Fact::Log(_) | Fact::Finger(..) | Fact::Order(_) => return None,
    })
}

/// Why a transfer ended.
fn why(failure: TransferFailure) -> &'static str {
    match failure {
        TransferFailure::GaveUp => "a segment was tried too often in vain",
        TransferFailure::Leaving => "it leaves the network",
        TransferFailure::Unreadable => "the file cannot be read any more",
        TransferFailure::CannotStore => "the file cannot be written",
        TransferFailure::Silent => "nothing has come for too long",
        TransferFailure::Unwanted => "it is not wanted there",
    }
}

/// The line of standard error for this.
pub(super) fn said(note: Note) -> String {
    match note {
        Note::NotHereEither(name) => {
            format!("file {name} belongs here, and there is no such file")
        }
        Note::ShouldBeHere(name, asker) => {
            format!("file {name} should be here, and is not; peer {asker} is told")
        }
        Note::NotThere(name, peer) => {
            format!("peer {peer} should have file {name}, and has not")
        }
        Note::NoAnswer(name) => format!("nobody has answered the request for {name}"),
        Note::TooMany(name) => format!("too many requests wait; {name} is not asked for"),
        Note::NotSent(name, peer, TransferFailure::Leaving) => {
            format!("file {name} is not sent to peer {peer}: this peer leaves the network")
        }
        Note::NotSent(name, peer, failure) => {
            format!("file {name} is not sent to peer {peer}: {}", why(failure))
        }
        Note::NotTaken(name, peer, failure) => {
            format!("peer {peer} does not take file {name}: {}", why(failure))
        }
        Note::NotReceived(name, peer, TransferFailure::Leaving) => {
            format!("file {name} is not received from peer {peer}: this peer leaves the network")
        }
        Note::NotReceived(name, peer, failure) => {
            format!("file {name} is not received from peer {peer}: {}", why(failure))
        }
        Note::Abandoned(name, peer, failure) => {
            format!("peer {peer} does not send file {name} to its end: {}", why(failure))
        }
        Note::MovedTo(name, peer) => {
            format!("file {name} is now at peer {peer}, which should hold it")
        }
        Note::MovedFrom(name, peer) => {
            format!("file {name} has come from peer {peer}: it belongs here now")
        }
        Note::Left(count) => format!("leaves, and {count} files have not moved: they stay here"),
        Note::Joined(before) => format!("joined the network behind peer {before}"),
        Note::Joins(contact) => format!("asks peer {contact} for a place in the network"),
        Note::Alone => "there is no other peer in the network any more".into(),
        Note::Waits(peer) => format!("peer {peer} has not been there yet"),
    }
}

/// A line of a log, with its newline, which is added to the text. `offset_us` is the age of the
/// program at the zero of the process's clock.
pub(super) fn log(entry: &LogEntry, offset_us: u128, text: &mut String) {
    let LogEntry { event, time, seq, bytes, ack, .. } = entry;
    // Cut, not rounded: so a second between two times is never shown as less.
    let ms = (time.as_micros() + offset_us) / 1000;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    // A String takes all.
    let _ = writeln!(text, "{event:>4} {seconds:>7}.{ms:03} {seq:>11} {bytes:>6} {ack:>11}");
}

/// The same alone.
#[cfg(any(test, feature = "simulator"))]
pub(super) fn logged(entry: &LogEntry, offset_us: u128) -> String {
    let mut text = String::with_capacity(64);
    log(entry, offset_us, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ring::key::Key;
    use crate::ring::message::{LogEvent, Side};

    #[test]
    fn the_lines_are_those_of_the_assignment() {
        let name = "2012".parse().expect("a name");
        let facts = [
            Fact::PingFrom(Key(5)),
            Fact::PongFrom(Key(10)),
            Fact::Requested(name),
            Fact::PassedOn(name),
            Fact::Here(name),
            Fact::Responded(Key(8)),
            Fact::Sending(name),
            Fact::FileSent(name),
            Fact::ResponseFrom(Key(1), name, 4),
            Fact::Receiving(name),
            Fact::FileReceived(name),
            Fact::Departs(Key(10)),
            Fact::Dead(Key(5)),
            Fact::Now(Key(12), Key(15)),
        ];
        let text: String = facts.iter().filter_map(printed).collect();
        let want = "\
A ping request message was received from Peer 5.
A ping response message was received from Peer 10.
File request message for 2012 has been sent to my successor.
File 2012 is not stored here.
File request message has been forwarded to my successor.
File 2012 is here.
A response message, destined for peer 8, has been sent.
We now start sending the file \u{2026}\u{2026}\u{2026}
The file is sent.
Received a response message from peer 1, which has the file 2012.
We now start receiving the file \u{2026}\u{2026}\u{2026}
The file is received.
Peer 10 will depart from the network.
Peer 5 is no longer alive.
My first successor is now peer 12.
My second successor is now peer 15.
";
        assert_eq!(text, want);
    }

    #[test]
    fn a_line_of_a_log_has_five_columns() {
        let time = Duration::from_micros(1_999_999);
        let (side, event) = (Side::Responding, LogEvent::Resent);
        let entry = LogEntry { side, event, time, seq: 401, bytes: 400, ack: 0 };
        assert_eq!(logged(&entry, 0), " RTX       1.999         401    400           0\n");
        let drop = LogEntry { event: LogEvent::Dropped, time: Duration::ZERO, ..entry };
        let words: Vec<String> = logged(&drop, 1500).split_whitespace().map(String::from).collect();
        assert_eq!(words, ["drop", "0.001", "401", "400", "0"]);
    }
}
