//! The journal of `ready`: the name in its lines.

use crate::trace::journal::Journalled;

/// The logs of `ready`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadyLog;

impl Journalled for ReadyLog {
    const NAME: &'static str = "ready";
}
