//! What is the same in all runs of `ready`, and what a seed draws beside the run itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::PeerId;

/// From one question to the next.
pub const INTERVAL: Duration = Duration::from_secs(2);
/// How long a peer stays.
pub const TIMEOUT: Duration = Duration::from_secs(120);
/// Who leaves when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everybody stays until its time is over.
    Stay,
    /// Everybody leaves when all are ready.
    Exit,
    /// The peers with an odd id would, and the others stay, so nobody leaves early.
    Mixed,
}

impl Mode {
    /// True if this peer is started with `--exit`.
    pub(super) fn exits(self, peer: PeerId) -> bool {
        self == Self::Exit || self == Self::Mixed && peer.0 % 2 == 1
    }
}

/// What a seed draws beside the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyPlan {
    /// Who leaves when.
    pub mode: Mode,
}
