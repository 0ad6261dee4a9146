//! The fast path: lines of exactly the lab's form, read without an allocation.

use std::borrow::Cow;

use super::entry::Entry;
use super::number::Number;
use crate::paxos::event::{Action, MessageType};

/// Reads a line of exactly the printed form; none if it is of any other.
pub(super) fn strict(line: &[u8]) -> Option<Entry<'_>> {
    let rest = line.strip_prefix(b"{\"peer_id\":")?;
    let (peer_id, rest) = integer(rest)?;
    let rest = rest.strip_prefix(b",\"action\":\"")?;
    let (action, rest) = word(rest)?;
    let rest = rest.strip_prefix(b",\"message_type\":\"")?;
    let (message_type, rest) = word(rest)?;
    let rest = rest.strip_prefix(b",\"message_value\":\"")?;
    let (value, rest) = word(rest)?;
    let rest = rest.strip_prefix(b",\"proposal_num\":")?;
    let (number, rest) = integer(rest)?;
    if rest != b"}" {
        return None;
    }
    let message_type = match message_type {
        b"prepare" => MessageType::Prepare,
        b"prepare_ack" => MessageType::PrepareAck,
        b"accept" => MessageType::Accept,
        b"accept_ack" => MessageType::AcceptAck,
        b"chose" => MessageType::Chose,
        _ => return None,
    };
    let action = match (action, message_type) {
        (b"chose", MessageType::Chose) => Action::Chose,
        (_, MessageType::Chose) => return None,
        (b"sent", _) => Action::Sent,
        (b"received", _) => Action::Received,
        _ => return None,
    };
    // Blank values have several spellings; they are left to the path that knows them.
    let plain = !value.is_empty()
        && value.iter().all(|byte| *byte > b' ' && *byte != b'\\' && *byte != b'<');
    let value = std::str::from_utf8(value).ok().filter(|value| plain && *value != "null")?;
    Some(Entry {
        peer_id: u16::try_from(peer_id).ok()?,
        action,
        message_type: Some(message_type),
        value: Some(Cow::Borrowed(value)),
        number: Some(Number::whole(number)),
        ..Entry::default()
    })
}

/// Digits as JSON has them: no leading zero, no overflow.
fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = bytes.split_at(length);
    if digits.is_empty() || (digits[0] == b'0' && length > 1) {
        return None;
    }
    let mut number = 0_u64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some((number, rest))
}

/// What stands before the next quotation mark, and what behind it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
