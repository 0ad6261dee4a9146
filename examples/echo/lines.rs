//! The lines that a peer prints: those of the journal, a JSON object each; and what they say.

use synod::trace::journal::Journalled;

/// The lines of `echo`. The judge and the picture of them stand in files of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EchoLog;

impl Journalled for EchoLog {
    const NAME: &'static str = "echo";
}

/// What a peer says that has reached its goal.
pub(crate) const DONE: &str = "done";

/// The number that a peer says it has counted.
pub(crate) fn counted(text: &str) -> Option<u64> {
    text.strip_prefix("counted ")?.parse().ok()
}

/// The number that a message echoes.
pub(crate) fn echoed(text: &str) -> Option<u64> {
    text.strip_prefix("echo ")?.parse().ok()
}
