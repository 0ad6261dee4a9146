//! Versions of the file, as a pure value: what is newer, what is a conflict, and who wins it.
//!
//! Each edit has a [`Stamp`]: a counter one above all that its author had seen, and the author's
//! id. A [`Version`] is the content that an edit made, with that stamp, and for each author the
//! last of its edits that went into it (a version vector). A version that has seen all that another
//! has seen is newer; two that have each seen something else are *concurrent*.
//!
//! # Why it converges
//!
//! Of concurrent versions the one with the higher stamp wins. An edit's stamp is above all that it
//! has seen, so a newer version has the higher stamp too, or the same one with more seen. So every
//! exchange moves both sides towards the highest stamp of all and the union of all that was seen,
//! in whichever order they come.
//!
//! # Why no edit is lost
//!
//! Vectors are joined only by the side that gives way, which has kept its own content as a conflict
//! copy before. So whoever has seen an edit either continued from it, or it is kept somewhere.
//!
//! # The first meeting
//!
//! A file that was there before the program has counter 0 ([`Version::found`]). Between two such
//! the side that was dialled wins, and not the higher id. That can end in a circle of three that
//! have all seen the same and hold different contents; then the higher stamp wins after all.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

/// The highest counter that is believed. At a thousand edits a second it lasts for ever.
const MOST_EDITS: u64 = 1 << 53;
/// From how many authors a version may come. One more is made when a state directory is lost.
pub const MOST_AUTHORS: usize = 1024;

/// Reads so many lower-case hexadecimal digits, and nothing else.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_right = text.len() == digits && text.bytes().all(is_hex);
    u128::from_str_radix(text, 16).ok().filter(|_| is_right)
}

/// The random id of a copy of the file: 16 hexadecimal digits. It becomes part of file names, so
/// nothing else is ever read as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileId(pub u64);

impl Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl From<FileId> for String {
    fn from(id: FileId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for FileId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let id = hex(&text, 16).and_then(|id| u64::try_from(id).ok());
        id.map(Self).ok_or_else(|| format!("{text:?} is no id of 16 hexadecimal digits"))
    }
}

/// 128 bits of the content, to see that it changed. Whoever means to can make another content with
/// the same digest: it is no defence against forgery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub u128);

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hex(&text, 32).map(Self).ok_or_else(|| format!("{text:?} is no digest"))
    }
}

/// What is known of a content without having it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Of all its bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
}

/// The name of an edit. Ordered by the counter, then by the author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// One more than the highest that its author had seen; 0 for a file found without state.
    pub counter: u64,
    /// Its author.
    pub by: FileId,
}

impl Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.counter, self.by)
    }
}

/// A version of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The edit that made the content.
    pub stamp: Stamp,
    /// The content.
    pub contents: Contents,
    /// The last edit of each author that went into it or gave way to it, `stamp` included.
    pub seen: BTreeMap<FileId, u64>,
}

/// What is to be done with a version that another peer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Nothing: ours stays.
    Keep,
    /// Ours becomes this; the content is the same.
    Adopt(Version),
    /// Ours becomes this, once its content is here.
    Take {
        /// What ours becomes.
        next: Version,
        /// It has not seen ours, which is kept as a conflict copy first.
        is_conflict: bool,
    },
}

impl Version {
    /// A file that `by` has found without state.
    pub fn found(by: FileId, contents: Contents) -> Self {
        Self { stamp: Stamp { counter: 0, by }, contents, seen: BTreeMap::from([(by, 0)]) }
    }

    /// What it becomes when `by` changes its content, with this counter or the next.
    #[must_use]
    pub fn edited(&self, by: FileId, contents: Contents, counter: u64) -> Self {
        let counter = counter.max(self.stamp.counter + 1);
        let mut seen = self.seen.clone();
        seen.insert(by, counter);
        Self { stamp: Stamp { counter, by }, contents, seen }
    }

    /// True if it has seen all that `other` has.
    pub fn has_seen(&self, other: &Self) -> bool {
        other.seen.iter().all(|(by, counter)| self.seen.get(by).is_some_and(|c| c >= counter))
    }

    /// All that either has seen.
    fn joined(&self, other: &Self) -> BTreeMap<FileId, u64> {
        let mut seen = self.seen.clone();
        for (by, counter) in &other.seen {
            let known = seen.entry(*by).or_insert(*counter);
            *known = (*known).max(*counter);
        }
        seen
    }

    /// What is to be done with `theirs`, which a peer has; `is_host` if we have dialled that peer.
    pub fn meet(&self, theirs: &Self, is_host: bool) -> Meeting {
        let seen = self.joined(theirs);
        let is_newer = seen == theirs.seen && seen != self.seen;
        let is_conflict = !is_newer && seen != self.seen;
        let both_found = self.stamp.counter == 0 && theirs.stamp.counter == 0;
        let is_higher = (theirs.stamp, theirs.contents) > (self.stamp, self.contents);
        let wins = match () {
            () if is_newer => true,
            () if is_conflict && both_found => is_host,
            // Also of two that have seen the same: see the first meeting.
            () if is_conflict || seen == theirs.seen => is_higher,
            () => false,
        };
        if self.contents == theirs.contents {
            let stamp = if is_newer { theirs.stamp } else { self.stamp.max(theirs.stamp) };
            let next = Self { stamp, contents: self.contents, seen };
            let is_same = next == *self || !is_newer && !is_conflict && !wins;
            return if is_same { Meeting::Keep } else { Meeting::Adopt(next) };
        }
        if !wins {
            return Meeting::Keep;
        }
        let next = Self { stamp: theirs.stamp, contents: theirs.contents, seen };
        Meeting::Take { next, is_conflict }
    }

    /// Why no honest peer can have this version, if that is so.
    pub fn objection(&self) -> Option<String> {
        let Self { stamp, seen, .. } = self;
        if seen.len() > MOST_AUTHORS {
            return Some(format!("a version of {} authors, of at most {MOST_AUTHORS}", seen.len()));
        }
        if stamp.counter > MOST_EDITS {
            return Some(format!("the counter {} is no number of edits", stamp.counter));
        }
        let is_right = seen.get(&stamp.by) == Some(&stamp.counter)
            && seen.values().all(|counter| *counter <= stamp.counter);
        (!is_right).then(|| format!("version {stamp} has seen what is after it"))
    }
}

#[cfg(test)]
mod tests;
