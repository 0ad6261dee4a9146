//! The data directory of a peer.

use std::path::Path;

use super::prose::Prose;
use crate::error::Result;
use crate::node::Level;
use crate::node::disk::{Disk, Owner};
use crate::process::{PeerId, Process};

/// Opens the log of this peer in its data directory, if it has one, and gives its records to
/// `process`.
///
/// # Errors
/// The directory is damaged, is another peer's, or cannot be read or written.
pub fn open<P: Process>(
    dir: Option<&Path>,
    process: &mut P,
    me: PeerId,
    fingerprint: &str,
    err: &Prose,
) -> Result<Option<Disk>> {
    let Some(dir) = dir else { return Ok(None) };
    let fingerprint = fingerprint.to_owned();
    let owner = Owner { protocol: P::PROTOCOL.into(), peer: me, fingerprint };
    let (disk, cut) = Disk::open(dir, &owner, process)?;
    if let Some(cut) = cut {
        err.say(Level::Trouble, &format!("{}: {cut}", dir.display()));
    }
    Ok(Some(disk))
}
