//! One event, as far as its line tells it.

use std::borrow::Cow;

use super::fault::PaxosFault as Fault;
use super::number::Number;
use crate::paxos::event::{Action, MessageType};
use crate::trace::fault::FaultSet as Set;
use crate::trace::object::Raw;
use crate::trace::prefix::digits;

type FaultSet = Set<Fault>;

/// How it is known whose line this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribution {
    /// The journal says it.
    Journal,
    /// A name in front of the object, as compose writes it.
    Prefix,
    /// A `sent` or `chose` line is its sender's; or `peer_id` always means the one who prints.
    PeerId,
    /// Nobody else speaks in this input, or its name is the peer's.
    Input,
    /// It is not known.
    #[default]
    Unknown,
}

/// One event of a run. Everything that a program may leave out is an `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// `peer_id` as the line has it; whom it means depends on the program.
    pub peer_id: u16,
    /// What happened.
    pub action: Action,
    /// The kind of message; none for what is no message.
    pub message_type: Option<MessageType>,
    /// Whose line this is, if that is known.
    pub printer: Option<u16>,
    /// How that is known.
    pub attribution: Attribution,
    /// Who sent the message; none if the line does not say.
    pub sender: Option<u16>,
    /// Who received it, or the other end of a link.
    pub receiver: Option<u16>,
    /// The value; none if absent, empty, null or a NUL character. Programs print acks without a
    /// value as a blank or `<nil>` too: only in a journal that is a value.
    pub value: Option<Cow<'a, str>>,
    /// The number; of acks by the lab's form the acceptor's `min_proposal`.
    pub number: Option<Number>,
    /// Journal: the number that an ack answers.
    pub answers: Option<Number>,
    /// Journal: the proposal under which the value was accepted.
    pub accepted_proposal: Option<Number>,
    /// Journal, `started`: the last number used in an earlier incarnation.
    pub last_proposal: Option<Number>,
    /// Journal, `started`: a kill costs the last lines of this journal.
    pub queued: bool,
    /// Journal, `lost`: how many lines are missing here.
    pub lost: Option<u64>,
    /// Journal: words.
    pub note: Option<Cow<'a, str>>,
    /// Journal: microseconds since 1970 by the printer's clock.
    pub time_us: Option<u64>,
    /// True if the line has the journal's keys, which say more than the printed five.
    pub is_journal: bool,
}

impl Entry<'_> {
    /// The same, owning its text.
    pub fn into_owned(self) -> Entry<'static> {
        Entry {
            value: self.value.map(|value| Cow::Owned(value.into_owned())),
            note: self.note.map(|note| Cow::Owned(note.into_owned())),
            ..self
        }
    }
}

/// The keys that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    PeerId,
    Action,
    MessageType,
    MessageValue,
    ProposalNum,
    At,
    To,
    Answers,
    AcceptedProposal,
    LastProposal,
    Queued,
    Lost,
    Note,
    TimeUs,
}

impl Key {
    /// The key of this name, and whether the name is exactly ours.
    fn of(name: &str) -> Option<(Self, bool)> {
        let exact = match name {
            "peer_id" => Self::PeerId,
            "action" => Self::Action,
            "message_type" => Self::MessageType,
            "message_value" => Self::MessageValue,
            "proposal_num" => Self::ProposalNum,
            "at" => Self::At,
            "to" => Self::To,
            "answers" => Self::Answers,
            "accepted_proposal" => Self::AcceptedProposal,
            "last_proposal" => Self::LastProposal,
            "queued" => Self::Queued,
            "lost" => Self::Lost,
            "note" => Self::Note,
            "time_us" => Self::TimeUs,
            _ => {
                let alike = match plain_word(name).as_str() {
                    "peerid" | "peer" | "id" => Self::PeerId,
                    "action" => Self::Action,
                    "messagetype" | "type" => Self::MessageType,
                    "messagevalue" | "value" => Self::MessageValue,
                    "proposalnum" | "proposalnumber" | "proposal" | "number" => Self::ProposalNum,
                    _ => return None,
                };
                return Some((alike, false));
            }
        };
        Some((exact, true))
    }

    /// Its place among the five that the lab asks for.
    fn place(self) -> Option<usize> {
        Some(self as usize).filter(|place| *place < 5)
    }
}

/// The keys of a line, before it is known what they amount to.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // each is one fault in the making
pub(super) struct Fields<'a> {
    /// What needs no further look.
    entry: Entry<'a>,
    peer_id: Option<u16>,
    action: Option<Cow<'a, str>>,
    message_type: Option<Cow<'a, str>>,
    /// How many of the five came, and whether in order.
    count: usize,
    disordered: bool,
    unknown: bool,
    /// Faults that are none in a journal, which has lines that are no messages.
    blank_value: bool,
    blank_word: bool,
    odd_number: bool,
}

impl<'a> Fields<'a> {
    /// Takes one key and its value.
    pub(super) fn take(&mut self, key: &str, raw: Raw<'a>, faults: &mut FaultSet) {
        let Some((known, exact)) = Key::of(key) else {
            self.unknown = true;
            return;
        };
        if let Some(position) = known.place() {
            self.disordered |= self.count != position;
            self.count += 1;
            if !exact {
                faults.add(Fault::KeyNames);
            }
        }
        match known {
            Key::PeerId => self.peer_id = id(raw, faults),
            Key::Action => self.action = text(raw),
            Key::MessageType => self.message_type = text(raw),
            Key::MessageValue => {
                let quoted = matches!(raw, Raw::Text(_));
                self.entry.value = text(raw)
                    .filter(|value| if quoted { !is_empty(value) } else { !is_blank(value) });
                let is_word =
                    self.entry.value.as_deref().is_some_and(|v| v.trim() != "" && is_blank(v));
                self.blank_value = !quoted || self.entry.value.is_none();
                self.blank_word = quoted && is_word;
            }
            Key::ProposalNum => {
                self.odd_number = !matches!(&raw, Raw::Bare(word) if digits(word).is_some());
                self.entry.number = number(raw);
            }
            Key::At => self.entry.printer = id(raw, faults),
            Key::To => self.entry.receiver = id(raw, faults),
            Key::Answers => self.entry.answers = number(raw),
            Key::AcceptedProposal => self.entry.accepted_proposal = number(raw),
            Key::LastProposal => self.entry.last_proposal = number(raw),
            Key::Queued => self.entry.queued = raw == Raw::Bare("true"),
            Key::Lost => self.entry.lost = number(raw).map(|number| number.round),
            Key::Note => self.entry.note = text(raw),
            Key::TimeUs => self.entry.time_us = number(raw).map(|number| number.round),
        }
    }

    /// True if the five keys are there, and none of a journal's, of which more might follow.
    pub(super) fn has_all(&self) -> bool {
        self.count >= 5 && self.entry.printer.is_none()
    }

    /// The five keys as the lab's form has them, with no more escapes than JSON needs.
    pub(super) fn plainly(&self) -> Option<String> {
        let value = serde_json::to_string(self.entry.value.as_deref()?).ok()?;
        Some(format!(
            "{{\"peer_id\":{},\"action\":\"{}\",\"message_type\":\"{}\",\"message_value\":{value},\
             \"proposal_num\":{}}}",
            self.peer_id?,
            self.action.as_deref()?,
            self.message_type.as_deref()?,
            self.entry.number?
        ))
    }

    /// The event of these keys; none if they are none of Paxos.
    pub(super) fn entry(self, faults: &mut FaultSet) -> Option<Entry<'a>> {
        let named = self.message_type.as_deref().map(|word| message_type(word, faults));
        let is_choice = matches!(named, Some(Some(MessageType::Chose | MessageType::Chosen)));
        let action = match self.action.as_deref() {
            Some(word) => action(word, faults)?,
            None if is_choice => Action::Chose,
            None => return None,
        };
        let mut message_type = match (action, named) {
            (Action::Sent | Action::Received, named) => Some(named??),
            (Action::Chose, _) => Some(MessageType::Chose),
            _ => None,
        };
        // A choice that is sent or received is the notice of it, whatever it is called.
        if matches!(action, Action::Sent | Action::Received)
            && message_type == Some(MessageType::Chose)
        {
            message_type = Some(MessageType::Chosen);
        }
        let peer_id = self.peer_id.or(self.entry.printer)?;
        let is_journal = self.entry.printer.is_some();
        let may_lack =
            (is_ack(message_type) || message_type == Some(MessageType::Prepare)) && !is_journal;
        if !is_journal {
            self.judge_form(action, named.flatten(), faults);
        }
        let value = self.entry.value.filter(|value| !may_lack || !is_blank(value));
        Some(Entry { peer_id, action, message_type, value, is_journal, ..self.entry })
    }

    fn judge_form(&self, action: Action, named: Option<MessageType>, faults: &mut FaultSet) {
        let Entry { receiver, answers, note, .. } = &self.entry;
        let journal_only = receiver.is_some() || answers.is_some() || note.is_some();
        for (is_so, fault) in [
            (self.count < 5, Fault::MissingKeys),
            (self.disordered && self.count >= 5, Fault::KeyOrder),
            (self.count > 5 || self.unknown || journal_only, Fault::ExtraKeys),
            (self.blank_value || (self.blank_word && is_ack(named)), Fault::ValueKind),
            (self.odd_number, Fault::NumberKind),
            (action == Action::Chose && named != Some(MessageType::Chose), Fault::Words),
        ] {
            if is_so {
                faults.add(fault);
            }
        }
    }
}

fn action(word: &str, faults: &mut FaultSet) -> Option<Action> {
    let exact = |word: &str| match word {
        "sent" => Some(Action::Sent),
        "received" => Some(Action::Received),
        "chose" => Some(Action::Chose),
        "started" => Some(Action::Started),
        "connected" => Some(Action::Connected),
        "noted" => Some(Action::Noted),
        "lost" => Some(Action::Lost),
        _ => None,
    };
    exact(word).or_else(|| {
        faults.add(Fault::Words);
        match plain_word(word).as_str() {
            "send" | "sending" => Some(Action::Sent),
            "receive" | "receiving" | "recv" => Some(Action::Received),
            "chosen" | "choose" => Some(Action::Chose),
            plain => exact(plain),
        }
    })
}

fn message_type(word: &str, faults: &mut FaultSet) -> Option<MessageType> {
    match word {
        "prepare" => return Some(MessageType::Prepare),
        "prepare_ack" => return Some(MessageType::PrepareAck),
        "accept" => return Some(MessageType::Accept),
        "accept_ack" => return Some(MessageType::AcceptAck),
        "chose" => return Some(MessageType::Chose),
        "chosen" => return Some(MessageType::Chosen),
        _ => faults.add(Fault::Words),
    }
    match plain_word(word).as_str() {
        "prepare" => Some(MessageType::Prepare),
        "prepareack" => Some(MessageType::PrepareAck),
        "accept" => Some(MessageType::Accept),
        "acceptack" => Some(MessageType::AcceptAck),
        "chose" | "choose" => Some(MessageType::Chose),
        "chosen" => Some(MessageType::Chosen),
        _ => None,
    }
}

/// A word in lower case and in one piece: `Prepare ACK`, `prepare-ack` and `prepareAck` are one.
fn plain_word(word: &str) -> String {
    let kept = word.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    kept.flat_map(char::to_lowercase).take(32).collect()
}

fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    match raw {
        Raw::Text(text) => Some(text),
        Raw::Bare(word) => Some(Cow::Borrowed(word)),
        Raw::Nested(_) => None,
    }
}

fn number(raw: Raw<'_>) -> Option<Number> {
    Number::parse(&text(raw)?)
}

/// A peer's id: an integer, or a name that ends with one, as in `peer3`.
fn id(raw: Raw<'_>, faults: &mut FaultSet) -> Option<u16> {
    if !matches!(raw, Raw::Bare(_)) {
        faults.add(Fault::NumberKind);
    }
    let text = text(raw)?;
    let text = text.trim();
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let id = digits(&text[name.len()..])?;
    let is_name = name.chars().all(|c| c.is_alphabetic() || c == '_');
    u16::try_from(id).ok().filter(|_| is_name)
}

fn is_ack(kind: Option<MessageType>) -> bool {
    matches!(kind, Some(MessageType::PrepareAck | MessageType::AcceptAck))
}

/// True if this is no value, not even a blank one.
fn is_empty(value: &str) -> bool {
    value.trim_matches('\0').is_empty()
}

/// The ways in which programs write that there is no value.
fn is_blank(value: &str) -> bool {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    matches!(value, "" | "null" | "<nil>" | "nil" | "None" | "none" | "undefined" | "\\0")
}
