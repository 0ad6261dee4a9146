//! How a line differs from the lab's form.

use crate::faults;

faults! {
    /// One way to differ from the lab's form. The line was understood all the same, unless it is
    /// one of the last two.
    PaxosFault, Some(Self::SeveralLines),
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
    /// One object lies on several lines.
    SeveralLines,
    /// `peer_id` is the peer that prints, also where it receives.
    PeerIdIsPrinter,
}
