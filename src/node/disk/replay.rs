//! What a new log begins with, and what is read from an old one.

use std::io::{self, Read, Seek};

use serde::{Deserialize, Serialize};

use super::form::{Chain, Piece, Reader};
use crate::error::{Error, Result};
use crate::node::log::plain;
use crate::process::{PeerId, Process};

/// The number of this form of the log.
const FORM: u32 = 2;
/// The header and the snapshot are flushed before the log has its name: no crash tears them.
const FLUSHED_LINES: u64 = 2;

/// Whose records these are. All three must be the same in every incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The protocol's name and version.
    pub protocol: String,
    /// The peer.
    pub peer: PeerId,
    /// The fingerprint of its hostsfile: with other acceptors, other majorities would be asked,
    /// and they need not meet the old ones.
    pub fingerprint: String,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    form: u32,
    /// How many files this log was before. So no line of an earlier file follows in this one.
    generation: u64,
    #[serde(flatten)]
    owner: Owner,
}

/// A new log: its header and its snapshot, which is JSON with commas between the records.
pub(super) fn beginning(
    owner: &Owner,
    generation: u64,
    snapshot: &[u8],
) -> io::Result<(Vec<u8>, Chain)> {
    let header = Header { form: FORM, generation, owner: owner.clone() };
    let header = serde_json::to_vec(&header).expect("a header serializes into memory");
    let mut chain = Chain::START;
    let mut bytes = chain.line(&header)?;
    bytes.extend(chain.line(&list(snapshot))?);
    Ok((bytes, chain))
}

/// The text of a line with these records.
pub(super) fn list(records: &[u8]) -> Vec<u8> {
    [b"[", records, b"]"].concat()
}

/// What was found beside the records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) generation: u64,
    /// How many bytes at the end are no line.
    pub(super) torn: u64,
}

/// Gives every record of a log to `process`, oldest first.
///
/// # Errors
/// It belongs to somebody else, it is damaged, or it cannot be read.
pub(super) fn replay<P: Process>(
    mut source: impl Read + Seek,
    owner: &Owner,
    process: &mut P,
) -> Result<Found> {
    let mut reader = Reader::new(&mut source)?;
    let mut found = Found::default();
    for number in 1.. {
        match reader.next()? {
            Piece::Text(text) if number == 1 => found.generation = check_header(owner, &text)?,
            Piece::Text(text) => {
                let records: Vec<P::Record> = serde_json::from_slice(&text)
                    .map_err(|_| damaged(number, "its records are of another kind"))?;
                for record in records {
                    if let Some(why) = process.disbelieves(&record) {
                        return Err(damaged(number, &why));
                    }
                    process.restore(record);
                }
            }
            Piece::End if number > FLUSHED_LINES => break,
            Piece::Torn(count) if number > FLUSHED_LINES => {
                found.torn = count;
                break;
            }
            Piece::End => return Err(damaged(number, "it is missing")),
            Piece::Torn(_) => return Err(damaged(number, "it is not complete")),
            Piece::Broken(why) if number == 1 => {
                return Err(if is_form_1(&mut source)? { old_form() } else { damaged(1, why) });
            }
            Piece::Broken(why) => return Err(damaged(number, why)),
        }
    }
    Ok(found)
}

fn damaged(number: u64, why: &str) -> Error {
    Error::Input(format!(
        "line {number} is damaged: {why}. This peer may have forgotten promises and must not \
         vote; restore the directory from a backup taken after its last answer, or leave this \
         peer out"
    ))
}

/// The form before this one: length, checksum and text, in a line of any length.
fn is_form_1(source: &mut (impl Read + Seek)) -> io::Result<bool> {
    source.rewind()?;
    let mut prefix = Vec::new();
    source.take(8 + 1 + 16 + 1).read_to_end(&mut prefix)?;
    let is_old = |(at, byte): (usize, &u8)| match at {
        8 | 25 => *byte == b' ',
        _ => byte.is_ascii_hexdigit(),
    };
    Ok(prefix.len() == 26 && prefix.iter().enumerate().all(is_old))
}

fn old_form() -> Error {
    Error::Input(
        "has the form of an older version, which this one does not read. Run this group with the \
         version that wrote it, or begin a new one with an empty directory for every peer"
            .into(),
    )
}

/// The generation, if the log is this owner's.
fn check_header(owner: &Owner, text: &[u8]) -> Result<u64> {
    let Ok(Header { form, generation, owner: found }) = serde_json::from_slice(text) else {
        return Err(damaged(1, "it does not say whose it is"));
    };
    let refuse = |why: String| Err(Error::Input(why));
    if form != FORM {
        return refuse(format!("has form {form}, and this version reads form {FORM} only"));
    }
    if found.protocol != owner.protocol {
        return refuse(format!("belongs to {}, not to {}", plain(&found.protocol), owner.protocol));
    }
    if found.peer != owner.peer {
        return refuse(format!("belongs to {}, not to {}", found.peer, owner.peer));
    }
    if found.fingerprint != owner.fingerprint {
        return refuse(format!(
            "was written under another hostsfile (fingerprint {}, now {}): with other peers, \
             ports or roles its promises do not hold. Use the old file, or a new directory for \
             every peer",
            plain(&found.fingerprint),
            owner.fingerprint
        ));
    }
    Ok(generation)
}
