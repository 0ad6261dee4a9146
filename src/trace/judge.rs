//! What a protocol's judge of finished runs is to the commands that read logs.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::prefix::Names;
use crate::error::Result;
use crate::hosts::Hosts;

/// A flag by which a person chooses this judge, whatever the lines are.
#[derive(Clone, Copy, Debug)]
pub struct JudgeFlag {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// True if a value follows.
    pub has_value: bool,
}

/// What is known beside the lines, and how to report.
#[derive(Default)]
pub struct JudgeOptions<'a> {
    /// The hostsfile.
    pub hosts: Option<&'a Hosts>,
    /// What must come of the run, in the protocol's own notation.
    pub expect: Option<String>,
    /// The values of the judge's own flags.
    pub flags: BTreeMap<&'static str, String>,
    /// What differs from the form, or must be decided and is not, is a violation too.
    pub strict: bool,
    /// The report is one JSON object for tools.
    pub json: bool,
}

impl JudgeOptions<'_> {
    /// The names by which a log may call the peers; one that several lines share is nobody's.
    pub fn names(&self) -> Names {
        let mut names = Names::new();
        let peers = self.hosts.map_or(&[][..], |hosts| &hosts.peers);
        for peer in peers {
            let name = peer.host.to_lowercase();
            if peers.iter().filter(|other| other.host.to_lowercase() == name).count() == 1 {
                names.insert(name, peer.id.0);
            }
        }
        names
    }
}

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The report as it was asked for.
    pub printed: String,
    /// True if there was a line of the protocol.
    pub is_readable: bool,
    /// True if a rule was violated.
    pub is_violated: bool,
}

/// A protocol's judge of the lines of finished runs.
pub trait LogJudge: Sync {
    /// The flags that choose it.
    fn flags(&self) -> &'static [JudgeFlag] {
        &[]
    }

    /// What these flags mean, as lines of the help of `synod check` and `synod draw`.
    fn help(&self) -> &'static str {
        ""
    }

    /// True if there is a line of the protocol in the head of an input.
    fn recognises(&self, head: &[u8]) -> bool;

    /// Judges these inputs, which are one run.
    ///
    /// # Errors
    /// An input cannot be read, has no line at all, or an option makes no sense.
    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement>;
}
