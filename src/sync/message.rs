//! What goes over the wire, what survives a crash, what the shell tells, and what people are told.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::version::{Contents, Digest, FileId, Stamp, Version};
use crate::process::PeerId;

/// What peers tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// The sender has this version: said on every connection and after every change.
    Offer(Version),
    /// The sender has no content with this digest, and wants it.
    Want(Digest),
    /// The answer, if the sender still has it; the content follows.
    Content(Version),
    /// The sender takes no content as long as the one that was offered.
    TooLarge {
        /// Which.
        offered: Contents,
        /// The most that it takes, in bytes.
        most: u64,
    },
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer(version) => write!(f, "offer {version}"),
            Self::Want(digest) => write!(f, "want {digest}"),
            Self::Content(version) => write!(f, "content {version}"),
            Self::TooLarge { offered, most } => write!(f, "refused {offered}, over {most}"),
        }
    }
}

/// `2.a 0f… 17 seen a:2,b:1`: stamp, digest, size, and the last edit seen of each author.
impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} seen ", self.stamp, self.contents)?;
        for (at, (by, counter)) in self.seen.iter().enumerate() {
            write!(f, "{}{by}:{counter}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.digest, self.size)
    }
}

/// What must survive a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// Whose state this is: the first record.
    Named {
        /// The random id of this copy.
        id: FileId,
        /// The name of the file.
        file: String,
        /// The highest counter that was ever seen.
        clock: u64,
    },
    /// The file is this version.
    Has(Version),
    /// It is about to become this one. After a crash its content says whether it has.
    Installing(Version),
}

/// The only timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Say again what may have been lost.
    Tick,
}

/// What the shell tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// There is a connection with this peer, and who has made it.
    Linked {
        /// With whom.
        peer: PeerId,
        /// True if this side has dialled.
        by_us: bool,
    },
    /// It has ended.
    Unlinked(PeerId),
    /// The file is there, with this content.
    Found(Contents),
    /// There is no file.
    Missing,
    /// It can neither be read nor replaced, and people know why.
    Unusable,
    /// The content that was wanted of this peer begins to come.
    Arriving(PeerId),
    /// It has not come whole, or cannot be kept.
    Dropped(PeerId),
    /// The file was replaced as [`super::Peer::plan`] said.
    Installed,
    /// It could not be.
    NotInstalled,
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody has changed the file here, which made this version.
    Edited(Version),
    /// A version came from a peer, and the file is this now.
    Received {
        /// Which.
        version: Version,
        /// Who sent the content.
        from: PeerId,
        /// What was here and gave way to it without having been seen: it is kept as a copy.
        kept: Option<Stamp>,
    },
    /// The file is this still, after a restart; or already, where a crash came after the rename.
    Restored(Version),
    /// The content that is here is this version too.
    Joined(Version),
    /// A content is here and waits for its place: the shell asks [`super::Peer::plan`].
    Arrived,
    /// The file is not there any more; it will be put back.
    Deleted,
    /// A peer offers more than is taken here.
    TooLarge {
        /// Who.
        peer: PeerId,
        /// How many bytes.
        size: u64,
    },
    /// A peer takes no file as long as this one.
    Refused {
        /// Who.
        peer: PeerId,
        /// The most that it takes, in bytes.
        most: u64,
        /// How many bytes it was offered.
        size: u64,
    },
}

impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited(version) => write!(f, "changed to {version}"),
            Self::Received { version, from, kept: None } => {
                write!(f, "received {version} from {from}")
            }
            Self::Received { version, from, kept: Some(kept) } => {
                write!(f, "received {version} from {from} keeping {kept}")
            }
            Self::Restored(version) => write!(f, "restored {version}"),
            Self::Joined(version) => write!(f, "joined {version}"),
            Self::Arrived => f.write_str("arrived"),
            Self::Deleted => f.write_str("deleted"),
            Self::TooLarge { peer, size } => write!(f, "refuses {size} bytes of {peer}"),
            Self::Refused { peer, most, size } => {
                write!(f, "refused by {peer}: {size} bytes, over {most}")
            }
        }
    }
}
