//! The lines of `sync`: the name in them.

use crate::trace::journal::Journalled;

/// The logs of `sync`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncLog;

impl Journalled for SyncLog {
    const NAME: &'static str = "sync";
}
