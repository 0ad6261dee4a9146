//! The list of changes that no test can notice.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// The list: a reason after `#`, then the changes to which it applies, as `--list` prints them.
pub(crate) struct Equivalents(BTreeSet<String>);

impl Equivalents {
    /// # Errors
    /// The file cannot be read, or a change stands there without a reason.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let mut names = BTreeSet::new();
        let mut has_reason = false;
        for line in text.lines() {
            if line.is_empty() {
                has_reason = false;
            } else if line.starts_with('#') {
                has_reason = true;
            } else if has_reason {
                names.insert(line.to_string());
            } else {
                return Err(io::Error::other(format!("no reason is given for {line}")));
            }
        }
        Ok(Self(names))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The entries that name none of these.
    pub(crate) fn without<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<&str> {
        let names: BTreeSet<&str> = names.collect();
        self.0.iter().map(String::as_str).filter(|name| !names.contains(name)).collect()
    }
}
