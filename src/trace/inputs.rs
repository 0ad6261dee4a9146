//! The inputs of one run: opened when their turn has come, and read as one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use super::prefix::Names;
use super::reader::{Content, Dialect, LogLine, LogReader, SNIFF_BYTES};
use crate::error::{Doing, Result};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// At how many inputs one looks to see what they are.
const MOST_LOOKED_AT: usize = 64;

/// Where lines come from.
type Source = Box<dyn BufRead>;

/// The inputs of one run.
pub struct Inputs {
    /// What people call them.
    pub names: Vec<String>,
    paths: Vec<PathBuf>,
    /// The first ones, opened.
    opened: VecDeque<Source>,
}

impl Inputs {
    /// These files; `-` is standard input.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        let name = |path: &PathBuf| {
            let is_input = path.as_os_str() == "-";
            if is_input { "(standard input)".into() } else { path.display().to_string() }
        };
        Self { names: paths.iter().map(name).collect(), paths, opened: VecDeque::new() }
    }

    /// Lines that are in memory.
    pub fn of_text(name: &str, text: String) -> Self {
        let source: Source = Box::new(Cursor::new(text.into_bytes()));
        Self { names: vec![name.into()], paths: vec![name.into()], opened: [source].into() }
    }

    /// The heads of the first inputs; nothing is taken away from them.
    ///
    /// # Errors
    /// An input cannot be read.
    pub fn heads(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut heads = Vec::new();
        for (path, name) in self.paths.iter().zip(&self.names).take(MOST_LOOKED_AT) {
            let doing = || format!("reading {name}");
            let mut source = self.opened.pop_front().map_or_else(|| open(path), Ok).doing(doing)?;
            let mut head = Vec::new();
            source.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head).doing(doing)?;
            heads.push((head, source));
        }
        let back = |(head, source): &mut (Vec<u8>, Source)| -> Source {
            let rest = std::mem::replace(source, Box::new(io::empty()));
            Box::new(Cursor::new(head.clone()).chain(rest))
        };
        self.opened = heads.iter_mut().map(back).collect();
        Ok(heads.into_iter().map(|(head, _)| head).collect())
    }

    /// Hands all lines to `take`, each with the number of its input, and at the end of an input
    /// none. It always reads that input which is behind, by the `key` of its last line that has
    /// one: where keys are times or grow otherwise, little need be kept of a long run. Equals are
    /// read in the order of the inputs, so without keys it is one input after the other. What was
    /// concluded from their heads is returned.
    ///
    /// # Errors
    /// An input cannot be read.
    pub fn read<D: Dialect, K: Ord + Copy + Default>(
        self,
        hosts: &Names,
        key: impl Fn(&LogLine<'_, D>) -> Option<K>,
        take: impl FnMut(u16, Option<&LogLine<'_, D>>),
    ) -> Result<Vec<String>> {
        self.read_as(D::default, hosts, key, take)
    }

    /// The same, in a dialect of which something is known beforehand.
    ///
    /// # Errors
    /// An input cannot be read.
    pub fn read_as<D: Dialect, K: Ord + Copy + Default>(
        mut self,
        dialect: impl Fn() -> D,
        hosts: &Names,
        key: impl Fn(&LogLine<'_, D>) -> Option<K>,
        mut take: impl FnMut(u16, Option<&LogLine<'_, D>>),
    ) -> Result<Vec<String>> {
        let mut readers: Vec<Option<LogReader<Source, D>>> = Vec::new();
        readers.resize_with(self.paths.len(), || None);
        // How far each has come; none at its end.
        let mut reached = vec![Some(K::default()); self.paths.len()];
        let mut inferred = Vec::new();
        loop {
            let places = reached.iter().enumerate().filter_map(|(at, key)| Some(((*key)?, at)));
            let Some(behind) = places.clone().min() else { return Ok(inferred) };
            let next = places.filter(|place| *place != behind).min();
            let (mut reached_here, at) = behind;
            let (name, index) = (&self.names[at], u16::try_from(at).unwrap_or(u16::MAX));
            let doing = || format!("reading {name}");
            let reader = match &mut readers[at] {
                Some(reader) => reader,
                unread => {
                    // Inputs have their first turns in order.
                    let source = self.opened.pop_front();
                    let source = source.map_or_else(|| open(&self.paths[at]), Ok).doing(doing)?;
                    let reader =
                        LogReader::with(name, source, hosts.clone(), dialect()).doing(doing)?;
                    inferred.extend_from_slice(reader.inferred());
                    unread.insert(reader)
                }
            };
            reached[at] = loop {
                let Some(line) = reader.next_line().doing(doing)? else { break None };
                reached_here = key(&line).unwrap_or(reached_here);
                take(index, Some(&line));
                if next.is_some_and(|next| next < (reached_here, at)) {
                    break Some(reached_here);
                }
            };
            if reached[at].is_none() {
                readers[at] = None;
                take(index, None);
            }
        }
    }
}

/// Opens a file; `-` is standard input.
fn open(path: &Path) -> io::Result<Source> {
    if path == Path::new("-") {
        // Not locked: it may be named twice.
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path)?)))
}

/// True if there is a line of this dialect in the head of an input.
pub fn has_event<D: Dialect>(head: &[u8]) -> bool {
    let Ok(mut reader) = LogReader::<_, D>::new("", head, Names::new()) else { return false };
    while let Ok(Some(line)) = reader.next_line() {
        if matches!(line.content, Content::Event(_)) {
            return true;
        }
    }
    false
}
