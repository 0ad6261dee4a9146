//! The lines that a peer prints, one JSON object each: the journal, for people and tools alike.

use serde::{Deserialize, Serialize};
use synod::process::{Output, PeerId, Process};

use super::protocol::{Fact, Message};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EchoLine {
    /// When, in microseconds since 1970; in a simulated run, since its start.
    pub(crate) time_us: u64,
    /// Whose line it is.
    pub(crate) peer_id: u16,
    /// What happened.
    pub(crate) action: Action,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// The process has started.
    Started,
    /// This message left for that peer.
    Sent(u16, String),
    /// This message of that peer arrived.
    Received(u16, String),
    /// All others have echoed this number.
    Counted(u64),
}

impl EchoLine {
    /// The line of this output, if one is printed.
    pub(crate) fn of<P>(time_us: u64, me: PeerId, output: &Output<P>) -> Option<Self>
    where
        P: Process<Message = Message, Fact = Fact>,
    {
        let action = match output {
            Output::Connected(_) => return None,
            Output::Sent(to, message) => Action::Sent(to.0, message.to_string()),
            Output::Received(from, message) => Action::Received(from.0, message.to_string()),
            Output::Report(Fact::Counted(number)) => Action::Counted(*number),
        };
        Some(Self { time_us, peer_id: me.0, action })
    }

    /// Its text, with a newline.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("it serializes into memory") + "\n"
    }
}
