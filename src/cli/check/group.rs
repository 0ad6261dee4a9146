//! `synod check --membership`: judge the lines of a group.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::inputs::{self, Source};
use crate::command::args;
use crate::error::{Doing, Error, Result};
use crate::member::judge::{Found, MemberJudge, MemberOptions, Reader, Report, Said};
use crate::paxos::judge::dialect::Names;

/// A run has a file for each peer at most.
const MOST_FILES: usize = 512;

/// `1,2,3`, with or without brackets.
pub(in crate::cli) fn list(flag: &str, text: &str) -> Result<BTreeSet<u16>> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(|id| args::number(flag, id.trim().into())).collect()
}

/// Those who are removed on request: a list, or `none`.
pub(in crate::cli) fn on_request(text: &str) -> Result<BTreeSet<u16>> {
    if text == "none" { Ok(BTreeSet::new()) } else { list("--on-request", text) }
}

/// The inputs of one run, read in turn: always that which is behind with its views, so that what
/// is kept of a long run does not grow with it. Where lines have times, those decide.
pub(in crate::cli) struct Inputs {
    readers: Vec<Reader<Source>>,
    /// The view that each has come to; none at its end.
    reached: Vec<Option<u64>>,
    pub(in crate::cli) names: Vec<String>,
}

impl Inputs {
    /// These files, of which the first are open already.
    pub(in crate::cli) fn open(
        files: &[PathBuf],
        opened: Vec<Source>,
        hosts: &Names,
    ) -> Result<Self> {
        if files.len() > MOST_FILES {
            return Err(Error::Usage(format!(
                "more than {MOST_FILES} files; a run has one for each peer at most, so give each \
                 run by itself"
            )));
        }
        let mut sources = opened;
        let names: Vec<String> = files.iter().map(|path| super::name_of(path)).collect();
        for (path, name) in files.iter().zip(&names).skip(sources.len()) {
            sources.push(inputs::open(path, || format!("reading {name}"))?);
        }
        let readers: Vec<_> =
            sources.into_iter().map(|source| Reader::new(source, hosts.clone())).collect();
        Ok(Self { reached: vec![Some(0); readers.len()], readers, names })
    }

    /// Hands all lines to `take`, each with the index of its input.
    pub(in crate::cli) fn read(&mut self, mut take: impl FnMut(u16, &Found<'_>)) -> Result<()> {
        loop {
            let behind =
                self.reached.iter().enumerate().filter_map(|(i, id)| Some((id.as_ref()?, i)));
            let Some((_, index)) = behind.min() else { return Ok(()) };
            let name = &self.names[index];
            let found = self.readers[index].next_line().doing(|| format!("reading {name}"))?;
            let Some(found) = found else {
                self.reached[index] = None;
                continue;
            };
            if let Said::View(line) = &found.said {
                self.reached[index] = Some(line.view_id);
            }
            take(u16::try_from(index).unwrap_or(u16::MAX), &found);
        }
    }
}

/// Judges these files.
pub(super) fn judge(
    files: &[PathBuf],
    opened: Vec<Source>,
    hosts: &Names,
    options: MemberOptions,
) -> Result<(Report, Vec<String>)> {
    let mut inputs = Inputs::open(files, opened, hosts)?;
    let mut rules = MemberJudge::with(options);
    inputs.read(|index, found| {
        rules.take(index, found);
    })?;
    let report = rules.finish();
    if report.lines == 0 {
        let names = inputs.names.join(", ");
        return Err(Error::Input(format!("{names} is empty: nothing to judge")));
    }
    Ok((report, inputs.names))
}
