//! The form of datagrams: a byte that says what it is, and numbers of fixed length, the highest
//! byte first. A segment's header is 27 bytes: kind, transfer, sequence number, acknowledgement
//! number, MSS.

use super::key::Key;
use super::message::{Message, TransferId};
use super::successors::KNOWN;
use super::transfer::Payload;

const PING: u8 = 1;
const PING_SECOND: u8 = 2;
const PONG: u8 = 3;
const DATA: u8 = 4;
const ACK: u8 = 5;
const END: u8 = 6;
const END_ACK: u8 = 7;
const UNKNOWN: u8 = 8;
/// The header of a segment.
pub const HEADER: usize = 27;

/// The bytes of a message; none of one that goes over a stream.
pub fn encode(message: &Message) -> Vec<u8> {
    let pinged = |kind: u8, seq: u32| [&[kind][..], &seq.to_be_bytes()].concat();
    let of = |kind: u8, id: TransferId| [&[kind][..], &id.0.to_be_bytes()].concat();
    match message {
        Message::Ping { seq, is_second: false } => pinged(PING, *seq),
        Message::Ping { seq, is_second: true } => pinged(PING_SECOND, *seq),
        Message::Pong { seq, successors } => {
            let mut bytes = pinged(PONG, *seq);
            bytes.extend(successors.iter().map(|key| key.0));
            bytes
        }
        Message::Data { id, seq, mss, bytes } => segment(DATA, *id, *seq, 0, *mss, &bytes.0),
        Message::Ack { id, ack, mss } => segment(ACK, *id, 0, *ack, *mss, &[]),
        Message::End { id } => of(END, *id),
        Message::EndAck { id } => of(END_ACK, *id),
        Message::Unknown { id } => of(UNKNOWN, *id),
        _ => Vec::new(),
    }
}

fn segment(kind: u8, id: TransferId, seq: u64, ack: u64, mss: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + data.len());
    bytes.push(kind);
    for number in [id.0, seq, ack] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&mss.to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The message in these bytes; none if they are none.
pub fn decode(bytes: &[u8]) -> Option<Message> {
    let (kind, rest) = bytes.split_first()?;
    let id = || rest.try_into().ok().map(|id| TransferId(u64::from_be_bytes(id)));
    match *kind {
        PING | PING_SECOND => {
            let seq = u32::from_be_bytes(rest.try_into().ok()?);
            Some(Message::Ping { seq, is_second: *kind == PING_SECOND })
        }
        PONG => {
            let (seq, list) = rest.split_first_chunk()?;
            let successors = list.iter().copied().map(Key).collect();
            let seq = u32::from_be_bytes(*seq);
            (list.len() <= KNOWN).then_some(Message::Pong { seq, successors })
        }
        DATA | ACK => {
            let (id, rest) = rest.split_first_chunk()?;
            let (seq, rest) = rest.split_first_chunk()?;
            let (ack, rest) = rest.split_first_chunk()?;
            let (mss, data) = rest.split_first_chunk()?;
            let (id, mss) = (TransferId(u64::from_be_bytes(*id)), u16::from_be_bytes(*mss));
            let (seq, ack) = (u64::from_be_bytes(*seq), u64::from_be_bytes(*ack));
            let is_data = *kind == DATA;
            match is_data {
                true if ack == 0 && seq > 0 && (1..=usize::from(mss)).contains(&data.len()) => {
                    Some(Message::Data { id, seq, mss, bytes: Payload(data.to_vec()) })
                }
                false if seq == 0 && ack > 1 && data.is_empty() => {
                    Some(Message::Ack { id, ack, mss })
                }
                _ => None,
            }
        }
        END => id().map(|id| Message::End { id }),
        END_ACK => id().map(|id| Message::EndAck { id }),
        UNKNOWN => id().map(|id| Message::Unknown { id }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datagram_is_read_as_it_was_written_and_no_part_of_one_is_another() {
        let id = TransferId(u64::MAX - 5);
        for message in [
            Message::Ping { seq: 0, is_second: false },
            Message::Ping { seq: u32::MAX, is_second: true },
            Message::Pong { seq: 7, successors: vec![] },
            Message::Pong { seq: 7, successors: vec![Key(0), Key(255), Key(9)] },
            Message::Data { id, seq: 401, mss: 400, bytes: Payload(vec![9; 400]) },
            Message::Data { id, seq: 1, mss: 1, bytes: Payload(vec![0]) },
            Message::Ack { id, ack: 801, mss: 400 },
            Message::End { id },
            Message::EndAck { id },
            Message::Unknown { id },
        ] {
            let bytes = encode(&message);
            assert_eq!(decode(&bytes).as_ref(), Some(&message));
            if let Message::Data { .. } = message {
                assert_eq!(bytes.len() - HEADER, if bytes.len() > 100 { 400 } else { 1 });
            }
            let longer = [&bytes[..], &[0; 4]].concat();
            assert_ne!(decode(&longer).as_ref(), Some(&message));
            for end in 0..bytes.len() {
                assert_ne!(decode(&bytes[..end]).as_ref(), Some(&message), "{end}");
            }
        }
        assert!(encode(&Message::Ask).is_empty());
        let long = encode(&Message::Data { id, seq: 1, mss: 3, bytes: Payload(vec![9; 4]) });
        assert_eq!(decode(&long), None, "longer than its MSS");
    }

    #[test]
    fn no_bytes_whatever_make_it_panic() {
        let mut state = 9_u32;
        for length in 0..60 {
            for kind in 0..12 {
                let mut next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                };
                let mut bytes: Vec<u8> = (0..length).map(|_| next()).collect();
                bytes.splice(..bytes.len().min(1), [kind]);
                let _ = decode(&bytes);
            }
        }
    }
}
