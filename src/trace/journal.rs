//! The journal of a protocol whose messages are plain texts: one event of a run is one line of
//! JSON.
//!
//! ```text
//! {"protocol":"ready","at":1,"event":"sent","peer":2,"text":"ALIVE?","time_us":1700000000000000}
//! ```
//!
//! A protocol with a form of its own (the lab's, say) has its own reader.

use std::fmt::Display;
use std::marker::PhantomData;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::fault::FaultSet;
use super::reader::{Content, Dialect, Object};
use crate::process::{Output, PeerId, Process};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalAction {
    /// The process began.
    Started,
    /// A message left for `peer`.
    Sent,
    /// A message of `peer` arrived.
    Received,
    /// The links to and from `peer` are up, or its address is known.
    Connected,
    /// The process says something.
    Noted,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalLine {
    /// The protocol's name.
    pub protocol: String,
    /// The peer whose journal this is.
    pub at: u16,
    /// What happened. The key is none of the lab's, so that nobody takes the line for Paxos.
    #[serde(rename = "event")]
    pub action: JournalAction,
    /// The other peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u16>,
    /// The message, or what is said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Microseconds since 1970, by the clock of the peer that writes.
    pub time_us: u64,
}

impl JournalLine {
    /// The first line of an incarnation, as of now.
    pub fn started(protocol: &str, at: PeerId) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            protocol: protocol.into(),
            at: at.0,
            action: JournalAction::Started,
            peer: None,
            text: String::new(),
            time_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The line that stands for `count` lost ones, as of now.
    pub fn gap(protocol: &str, at: PeerId, count: u64) -> Self {
        let text = format!("{count} lines were lost");
        Self { action: JournalAction::Noted, text, ..Self::started(protocol, at) }
    }

    /// The line of what others can see of a process, as of now.
    pub fn of<P>(protocol: &str, at: PeerId, output: &Output<P>) -> Self
    where
        P: Process<Message: Display, Fact: Display>,
    {
        let (action, peer, text) = match output {
            Output::Connected(peer) => (JournalAction::Connected, Some(peer), String::new()),
            Output::Sent(to, message) => (JournalAction::Sent, Some(to), message.to_string()),
            Output::Received(from, message) => {
                (JournalAction::Received, Some(from), message.to_string())
            }
            Output::Report(fact) => (JournalAction::Noted, None, fact.to_string()),
        };
        Self { action, peer: peer.map(|peer| peer.0), text, ..Self::started(protocol, at) }
    }

    /// The line as JSON, with its newline.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always serialize") + "\n"
    }
}

crate::faults! {
    /// In what a line may differ from the journal's form.
    JournalFault, None,
    /// There is no journal of this protocol.
    OtherProtocol,
}

/// A protocol that has such a journal.
pub trait Journalled: Default {
    /// The name in its lines.
    const NAME: &'static str;
}

/// The journal's lines of one protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct JournalDialect<P>(PhantomData<P>);

impl<P: Journalled> Dialect for JournalDialect<P> {
    type Entry<'a> = JournalLine;
    type Fault = JournalFault;
    type Sniff = ();

    fn strict(bytes: &[u8], _faults: &mut FaultSet<JournalFault>) -> Option<JournalLine> {
        let is_journal = bytes.starts_with(b"{\"protocol\":\"");
        let line: JournalLine = serde_json::from_slice(bytes).ok().filter(|_| is_journal)?;
        (line.protocol == P::NAME).then_some(line)
    }

    fn lenient<'a>(text: &'a str, _: &mut FaultSet<JournalFault>) -> Object<'a, JournalLine> {
        let mut lines = serde_json::Deserializer::from_str(text).into_iter::<JournalLine>();
        let line = lines.next().and_then(Result::ok).filter(|line| line.protocol == P::NAME);
        let rest = text.get(lines.byte_offset()..).unwrap_or_default();
        let rest = if line.is_some() { rest } else { "" };
        let content = line.map_or(Content::Prose, Content::Event);
        Object { content, rest, is_whole: true }
    }
}
