//! What goes over the wire, what people type, and what the process tells its shell.

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::{Key, Name};
use super::transfer::Payload;

/// Which request this is: its first asker has drawn it, so no two are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferId(pub u64);

/// A request for a file, on its way round the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Which.
    pub id: TransferId,
    /// How often it was asked for before.
    pub attempt: u16,
    /// Who wants the file.
    pub asker: Key,
    /// The file.
    pub name: Name,
    /// How many peers have passed it on.
    pub hops: u16,
}

/// Why a transfer ended without its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferFailure {
    /// A segment was tried too often in vain.
    GaveUp,
    /// The one who says so leaves the ring.
    Leaving,
    /// The file cannot be read any more.
    Unreadable,
    /// The file cannot be written.
    CannotStore,
    /// Nothing new has come for too long.
    Silent,
    /// The file is not wanted, or not any more.
    Unwanted,
}

/// What a search for the place of a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The asker wants to stand there.
    Join,
    /// The asker wants a shortcut there.
    Finger,
}

/// What peers tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// A datagram: are you there? It says which successor the receiver is.
    Ping {
        /// Counted from 0.
        seq: u32,
        /// The second, not the first.
        is_second: bool,
    },
    /// The answer, a datagram, with the successors of the one who answers.
    Pong {
        /// That of the ping.
        seq: u32,
        /// The nearest first.
        successors: Vec<Key>,
    },
    /// A datagram: a segment of a file.
    Data {
        /// Of which transfer.
        id: TransferId,
        /// Its first byte, counted from 1.
        seq: u64,
        /// The most bytes of a segment.
        mss: u16,
        /// The bytes.
        bytes: Payload,
    },
    /// A datagram: the segment before this byte has arrived.
    Ack {
        /// Of which transfer.
        id: TransferId,
        /// The segment's sequence number and its number of bytes, added.
        ack: u64,
        /// The most bytes of a segment.
        mss: u16,
    },
    /// A datagram: all segments were acknowledged.
    End {
        /// Of which transfer.
        id: TransferId,
    },
    /// A datagram: the file is stored.
    EndAck {
        /// Of which transfer.
        id: TransferId,
    },
    /// A datagram: there is no such transfer here.
    Unknown {
        /// Which.
        id: TransferId,
    },
    /// A request passes from one peer to the next; the receiver confirms it.
    Request(Wish),
    /// It has come.
    Passed {
        /// Which.
        id: TransferId,
        /// Which attempt.
        attempt: u16,
    },
    /// The sender has the file that was asked for, and sends it once that is accepted.
    Response {
        /// Which request.
        id: TransferId,
        /// The file.
        name: Name,
        /// How long it is, in bytes.
        size: u64,
        /// The sender may be silent for so many seconds.
        patience: u32,
        /// How many peers had passed the request on.
        hops: u16,
    },
    /// The asker waits for the data.
    Accept {
        /// Which request.
        id: TransferId,
    },
    /// The sender should have the file, and has not.
    Absent {
        /// Which request.
        id: TransferId,
    },
    /// The sender has the file and too much to do.
    Busy {
        /// Which request.
        id: TransferId,
    },
    /// The sender ends a transfer.
    Failed {
        /// Which.
        id: TransferId,
        /// Why.
        why: TransferFailure,
    },
    /// Who are your successors?
    Ask,
    /// These, the nearest first.
    Successors(Vec<Key>),
    /// The sender leaves the ring; these are its successors.
    Depart(Vec<Key>),
    /// The receiver of that has taken it in.
    Departed,
    /// Whoever is not in the ring, or not sure of it, asks for the place of a key.
    Seek {
        /// The key.
        key: Key,
        /// What for.
        purpose: Purpose,
    },
    /// The same on its way round the ring.
    Find {
        /// The key.
        key: Key,
        /// What for.
        purpose: Purpose,
        /// Who has asked.
        asker: Key,
        /// How many peers have passed it on.
        hops: u16,
    },
    /// The answer: the key belongs to the sender.
    Found {
        /// The key.
        key: Key,
        /// What for.
        purpose: Purpose,
        /// The peer before the sender.
        predecessor: Key,
        /// The sender's successors.
        successors: Vec<Key>,
        /// How many peers had passed the question on.
        hops: u16,
    },
    /// The sender stands between the receiver and its first successor from now on.
    Join,
    /// The sender has this file, which belongs to the receiver.
    Offer(Stored),
    /// The receiver of that has no such file, or has one already.
    Wants {
        /// Which.
        name: Name,
        /// It has none.
        is_wanted: bool,
    },
    /// The content of the file follows.
    Move(Stored),
    /// It is stored.
    Moved {
        /// Which.
        name: Name,
    },
}

/// Nothing survives a crash but the files, which are no matter of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {}

/// The timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Ping the successors.
    Ping,
    /// The answers to pings should have come.
    Answer,
    /// Ask again what was not answered, about the ring.
    Ask,
    /// Segments may have waited too long.
    Resend,
    /// Look at requests, transfers and moves that wait.
    Tend,
    /// A departing peer leaves now.
    Leave,
}

/// A file of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Its name.
    pub name: Name,
    /// How long it is, in bytes.
    pub size: u64,
    /// Its name ends in `.pdf`.
    pub is_pdf: bool,
}

/// What people type, and what the shell answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// `request NNNN`.
    Request(Name),
    /// `quit`.
    Quit,
    /// It ends at once and tells nobody.
    End,
    /// The file of this request is here and open.
    Opened {
        /// Which request.
        id: TransferId,
        /// How long it is, in bytes.
        size: u64,
    },
    /// There is no such file.
    NotThere {
        /// Which request.
        id: TransferId,
    },
    /// A part of the file.
    Chunk {
        /// Which request.
        id: TransferId,
        /// Its first byte, from 0.
        at: u64,
        /// The bytes; fewer than were asked for where the file is shorter now.
        bytes: Payload,
    },
    /// The received file has its name.
    Stored {
        /// Which request.
        id: TransferId,
    },
    /// It cannot be written, and people know why.
    NotStored {
        /// Which request.
        id: TransferId,
    },
    /// The files of the directory that have names of the ring.
    Files(Vec<Stored>),
    /// Whether a file that was offered is here already.
    Has {
        /// Who offers it.
        from: Key,
        /// Which.
        name: Name,
        /// It is.
        is_here: bool,
    },
}

/// What the process wants its shell to do with files. All of it comes in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrder {
    /// Open the file of this name, and say whether it is there.
    Open(TransferId, Name),
    /// Read so many bytes from this one on.
    Read(TransferId, u64, u64),
    /// It is not needed any more.
    Close(TransferId),
    /// Make a temporary file for what comes of this name.
    Create(TransferId, Name),
    /// Write these bytes there, from this one on.
    Write(TransferId, u64, Payload),
    /// All of it has come: flush it, and give it its name.
    Finish(TransferId),
    /// It will not come: remove it.
    Discard(TransferId),
    /// List the files.
    List,
    /// Say whether this file, which a peer offers, is here.
    Look(Key, Name),
    /// A peer has this file now, and has confirmed it: remove it.
    Remove(Name),
}

/// Which log a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The peer sends a file.
    Responding,
    /// It receives one.
    Requesting,
}

/// What happened to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogEvent {
    /// It was sent.
    Sent,
    /// It came.
    Received,
    /// It was left out.
    Dropped,
    /// It was sent again, or for the first time after it was left out.
    Resent,
}

impl Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sent => "snd",
            Self::Received => "rcv",
            Self::Dropped => "drop",
            Self::Resent => "RTX",
        })
    }
}

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogEntry {
    /// In which log.
    pub side: Side,
    /// What happened.
    pub event: LogEvent,
    /// When, by the driver's clock.
    pub time: Duration,
    /// The first byte of the segment, from 1; 0 of an acknowledgement.
    pub seq: u64,
    /// How many bytes.
    pub bytes: u64,
    /// 0 of a segment; of an acknowledgement the byte behind the segment.
    pub ack: u64,
}

/// What is said beside the lines of the assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The file that was asked for belongs to this peer, and is not there.
    NotHereEither(Name),
    /// It should be here, and the asker is told that it is not.
    ShouldBeHere(Name, Key),
    /// The peer that should have it has not.
    NotThere(Name, Key),
    /// Nobody has answered.
    NoAnswer(Name),
    /// Too many requests wait.
    TooMany(Name),
    /// A transfer to this peer has ended without its file.
    NotSent(Name, Key, TransferFailure),
    /// The other side has ended it.
    NotTaken(Name, Key, TransferFailure),
    /// A transfer from this peer has ended without its file.
    NotReceived(Name, Key, TransferFailure),
    /// The sender has ended it.
    Abandoned(Name, Key, TransferFailure),
    /// A file was moved to the peer that should hold it.
    MovedTo(Name, Key),
    /// A file has come that this peer should hold.
    MovedFrom(Name, Key),
    /// So many files have not moved before the peer left.
    Left(usize),
    /// This peer is in the ring.
    Joined(Key),
    /// There is nobody else in the ring any more.
    Alone,
    /// A successor that was named at the start has not been there yet.
    Waits(Key),
    /// Nobody in the ring has answered yet.
    Joins(Key),
}

/// What people are told, what the logs say, and what the shell does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A ping came from this peer.
    PingFrom(Key),
    /// An answer to a ping came from it.
    PongFrom(Key),
    /// A request was sent to the first successor.
    Requested(Name),
    /// It was passed on to the next peer.
    PassedOn(Name),
    /// The file is here.
    Here(Name),
    /// The asker was told.
    Responded(Key),
    /// A file begins to be sent.
    Sending(Name),
    /// The asker has it.
    FileSent(Name),
    /// A peer has the file that was asked for; so many peers had passed the request on.
    ResponseFrom(Key, Name, u16),
    /// It begins to come.
    Receiving(Name),
    /// It is here.
    FileReceived(Name),
    /// A peer says that it leaves.
    Departs(Key),
    /// A peer does not answer.
    Dead(Key),
    /// The successors are these now.
    Now(Key, Key),
    /// Something else to say.
    Note(Note),
    /// A line of a log.
    Log(LogEntry),
    /// A shortcut was found, over so many peers.
    Finger(Key, u16),
    /// For the shell.
    Order(FileOrder),
}
