//! One event of a run as one line of JSON.
//!
//! Two forms share their first five keys. The *printed* form is the lab's and goes to standard
//! output: exactly `peer_id`, `action`, `message_type`, `message_value`, `proposal_num`. The
//! *journal* form (`--trace FILE`) adds what a checker needs: both ends of the message, the number
//! that an ack answers, the proposal under which the value was accepted, the time; and it has
//! lines for what is not a message at all.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A live link took the message.
    Sent,
    /// The message arrived.
    Received,
    /// The peer learned that the value is chosen; printed once per peer and incarnation.
    Chose,
    /// Journal only: the process began, with the state that it found on disk.
    Started,
    /// Journal only: the links to and from `to` are up.
    Connected,
    /// Journal only: what standard error says, in words.
    #[default]
    Noted,
    /// Journal only: lines of the journal got lost here, because nobody read them.
    Lost,
}

/// The kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A proposer asks for promises.
    Prepare,
    /// An acceptor's answer to a prepare.
    PrepareAck,
    /// A proposer asks for acceptance.
    Accept,
    /// An acceptor's answer to an accept; learners get a copy of acceptances.
    AcceptAck,
    /// Of the lines with [`Action::Chose`].
    Chose,
    /// Journal only: the notice that a value is chosen, from a peer that knows to one that may not.
    Chosen,
}

impl MessageType {
    /// The name, as the lab prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::PrepareAck => "prepare_ack",
            Self::Accept => "accept",
            Self::AcceptAck => "accept_ack",
            Self::Chose => "chose",
            Self::Chosen => "chosen",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The *sender* of the message, also on the receiver's line; else the peer that speaks.
    pub peer_id: u16,
    /// What happened.
    pub action: Action,
    /// The kind of message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_type: Option<MessageType>,
    /// The value: the candidate, the value asked for, or what the acceptor holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_value: Option<String>,
    /// The number asked about; of acks the acceptor's `min_proposal` after handling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_num: Option<u64>,
    /// What only the journal says.
    #[serde(flatten, default)]
    pub journal: JournalFields,
}

/// The keys that only journal lines have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalFields {
    /// The peer whose journal this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u16>,
    /// The receiver of the message, or the other end of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u16>,
    /// Of acks: the number of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u64>,
    /// Of acks: the proposal under which `message_value` was accepted; absent while none was. Of
    /// `started`: the same, as found on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_proposal: Option<u64>,
    /// Of `started`: the last number this proposer used in an earlier incarnation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_proposal: Option<u64>,
    /// Of `started`: true if this journal goes to a pipe, where its lines wait for a reader, so
    /// that a kill costs the last ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queued: bool,
    /// Of `lost`: how many lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Of `noted`: the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Microseconds since 1970, by the clock of the peer that writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_us: Option<u64>,
}

/// The printed form, borrowed from an [`Event`].
#[derive(Serialize)]
struct Printed<'a> {
    peer_id: u16,
    action: Action,
    message_type: MessageType,
    message_value: &'a str,
    proposal_num: u64,
}

impl Event {
    /// An event of a peer of which nothing more is known.
    pub fn plain(peer_id: u16, action: Action) -> Self {
        let (message_type, message_value, proposal_num) = (None, None, None);
        let journal = JournalFields::default();
        Self { peer_id, action, message_type, message_value, proposal_num, journal }
    }

    /// The lab's line, without its newline; `None` for events that only the journal has, and for
    /// messages of a peer to itself.
    pub fn printed(&self) -> Option<String> {
        let message_type = self.message_type?;
        let to_itself = self.journal.to == Some(self.peer_id);
        if message_type == MessageType::Chosen || to_itself {
            return None;
        }
        let printed = Printed {
            peer_id: self.peer_id,
            action: self.action,
            message_type,
            message_value: self.message_value.as_deref()?,
            proposal_num: self.proposal_num?,
        };
        serde_json::to_string(&printed).ok()
    }

    /// The journal's line, without its newline.
    pub fn journalled(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always serialize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(message_type: MessageType, to: u16) -> Event {
        Event {
            message_type: Some(message_type),
            message_value: Some("X".into()),
            proposal_num: Some(1),
            journal: JournalFields { to: Some(to), ..JournalFields::default() },
            ..Event::plain(1, Action::Sent)
        }
    }

    #[test]
    fn what_the_lab_does_not_print_is_in_the_journal_only() {
        let keys = r#""message_type":"prepare","message_value":"X","proposal_num":1"#;
        let line = format!(r#"{{"peer_id":1,"action":"sent",{keys}}}"#);
        assert_eq!(sent(MessageType::Prepare, 2).printed(), Some(line));
        for (message_type, to) in
            [(MessageType::Prepare, 1), (MessageType::Chosen, 2), (MessageType::Chosen, 1)]
        {
            assert_eq!(sent(message_type, to).printed(), None, "{message_type:?} to {to}");
        }
        let no_message = Event { message_type: None, ..sent(MessageType::Prepare, 2) };
        assert_eq!(no_message.printed(), None);
    }
}
