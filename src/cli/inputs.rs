//! The files that are judged or drawn, and what they are: a run of Paxos, or of a group?

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::error::{Doing, Result};
use crate::member;
use crate::paxos::judge::dialect::{Content, Names, Reader, SNIFF_BYTES};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// At how many inputs one looks to see what they are.
const MOST_LOOKED_AT: usize = 64;

/// Where lines come from.
pub(super) type Source = Box<dyn BufRead>;

/// Opens a file; `-` is standard input.
pub(super) fn open(path: &Path, doing: impl Fn() -> String) -> Result<Source> {
    if path == Path::new("-") {
        // Not locked: it may be named twice.
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path).doing(doing)?)))
}

/// The first inputs, opened, and what a look at their heads has shown.
pub(super) struct Looked {
    /// As many as one looks at, from the first.
    pub(super) sources: Vec<Source>,
    /// True if there are lines of a group and no event of Paxos.
    pub(super) is_group: bool,
}

/// Looks at the heads of the first inputs, and takes nothing away from them.
pub(super) fn look(files: &[PathBuf], doing: impl Fn(&Path) -> String) -> Result<Looked> {
    let (mut sources, mut group, mut paxos) = (Vec::<Source>::new(), false, false);
    for path in files.iter().take(MOST_LOOKED_AT) {
        let mut source = open(path, || doing(path))?;
        let mut head = Vec::new();
        source.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head).doing(|| doing(path))?;
        paxos = paxos || has_event(&head).doing(|| doing(path))?;
        group = group || has_view(&head).doing(|| doing(path))?;
        sources.push(Box::new(Cursor::new(head).chain(source)));
    }
    Ok(Looked { sources, is_group: group && !paxos })
}

fn has_event(head: &[u8]) -> io::Result<bool> {
    let mut reader = Reader::new("", head, Names::new())?;
    while let Some(line) = reader.next_line()? {
        if matches!(line.content, Content::Event(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_view(head: &[u8]) -> io::Result<bool> {
    let mut reader = member::judge::Reader::new(head, Names::new());
    while let Some(found) = reader.next_line()? {
        if matches!(found.said, member::judge::Said::View(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}
