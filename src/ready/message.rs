//! What goes over the wire: three texts.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// From one who has no acknowledgement of the receiver yet.
    Alive,
    /// The answer to each `Alive`: I have heard you.
    Ack,
    /// From one who is ready and wants to leave with the others.
    Ready,
}

impl Message {
    /// Every message.
    pub const ALL: [Self; 3] = [Self::Alive, Self::Ack, Self::Ready];

    /// The whole payload.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Alive => "ALIVE?",
            Self::Ack => "ACK!",
            Self::Ready => "READY",
        }
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
