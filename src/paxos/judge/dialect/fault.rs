//! In what a line differs from the lab's form.

/// One way to differ. The line was understood all the same, unless it is one of the last three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fault {
    /// The five keys stand in another order.
    KeyOrder,
    /// There are blanks between the parts.
    Blanks,
    /// A key has another name.
    KeyNames,
    /// There are more keys than five.
    ExtraKeys,
    /// A key is missing.
    MissingKeys,
    /// An action or a message type is another word, such as `prepare ack`.
    Words,
    /// `proposal_num` or `peer_id` is there but no integer.
    NumberKind,
    /// `message_value` is there but blank, null or no text.
    ValueKind,
    /// This is no JSON, but clear enough: a missing comma, an unquoted word.
    Mended,
    /// Valid JSON of the same meaning in other characters, such as `\u0058`.
    Spelling,
    /// There is text in front of or behind the object that is no name of a peer and no time.
    TextAround,
    /// One object lies on several lines.
    SeveralLines,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// `peer_id` is the peer that prints, also where it receives.
    PeerIdIsPrinter,
    /// Not an object at all: other text between the lines.
    Prose,
    /// An object that is no event of Paxos, or that could not be read.
    Unreadable,
    /// A line longer than [`super::MAX_LINE_BYTES`].
    TooLong,
}

impl Fault {
    /// All, in order.
    pub const ALL: [Self; 17] = [
        Self::KeyOrder,
        Self::Blanks,
        Self::KeyNames,
        Self::ExtraKeys,
        Self::MissingKeys,
        Self::Words,
        Self::NumberKind,
        Self::ValueKind,
        Self::Mended,
        Self::Spelling,
        Self::TextAround,
        Self::SeveralLines,
        Self::NotUtf8,
        Self::PeerIdIsPrinter,
        Self::Prose,
        Self::Unreadable,
        Self::TooLong,
    ];
}

/// A set of faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u32);

impl Faults {
    /// True if there is none: the line is exactly of the lab's form (or of the journal's).
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u8;
    }

    /// True if it is among them.
    pub fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u8) != 0
    }

    /// Those in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(move |fault| self.has(*fault))
    }
}
