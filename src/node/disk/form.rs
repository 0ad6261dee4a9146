//! The form of the log: lines in sectors, chained; and which broken end a crash can have left.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::fnv::fnv1a;

/// What a disk writes whole or not at all, in bytes. Where its sectors are larger, they are
/// multiples.
pub(super) const SECTOR: usize = 512;
/// What a sector reads as that was never written.
const UNWRITTEN: [u8; SECTOR] = [0; SECTOR];
/// The first byte of a line, and nowhere else in it: JSON text escapes it.
const MARK: u8 = b'\t';
/// Mark, length, blank, checksum, blank, chain, blank.
pub(super) const PREFIX: usize = 1 + 8 + 1 + 16 + 1 + 16 + 1;

/// What stands for all lines so far. Each line's prefix carries the value up to and including it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain(u64);

impl Chain {
    /// Before the first line.
    pub(super) const START: Self = Self(0);

    /// The prefix of a line that follows, and the chain with it.
    fn follow(self, length: u32, checksum: u64) -> (String, Self) {
        let head = format!("\t{length:08x} {checksum:016x} ");
        let next = fnv1a(format!("{:016x}{head}", self.0).as_bytes());
        (format!("{head}{next:016x} "), Self(next))
    }

    /// The line with this text, which becomes the last one.
    ///
    /// # Errors
    /// The text has 4 GiB or more.
    pub(super) fn line(&mut self, text: &[u8]) -> io::Result<Vec<u8>> {
        let too_long = |_| io::Error::other("a line of the log would have 4 GiB or more");
        let length = u32::try_from(text.len()).map_err(too_long)?;
        let (prefix, next) = self.follow(length, fnv1a(text));
        let size = (PREFIX + text.len() + 1).next_multiple_of(SECTOR);
        let mut line = Vec::with_capacity(size);
        line.extend_from_slice(prefix.as_bytes());
        line.extend_from_slice(text);
        line.resize(size - 1, b' ');
        line.push(b'\n');
        *self = next;
        Ok(line)
    }

    /// What the prefix at the start of `line` announces, if it is one that follows here.
    fn announced(self, line: &[u8]) -> Option<Announced> {
        let prefix = line.get(..PREFIX)?;
        let hex = |range: Range<usize>| {
            u64::from_str_radix(std::str::from_utf8(prefix.get(range)?).ok()?, 16).ok()
        };
        let (length, checksum) = (u32::try_from(hex(1..9)?).ok()?, hex(10..26)?);
        let (expected, chain) = self.follow(length, checksum);
        // Byte by byte: a flipped bit can also hit a blank, or the case of a digit.
        (prefix == expected.as_bytes()).then_some(Announced { length, checksum, chain })
    }
}

/// What a line's prefix says. It is covered by the chain, so it can be believed.
struct Announced {
    length: u32,
    checksum: u64,
    chain: Chain,
}

impl Announced {
    /// All bytes of the line.
    fn size(&self) -> u64 {
        (PREFIX as u64 + u64::from(self.length) + 1).next_multiple_of(SECTOR as u64)
    }

    /// The text, if `body`, which is the line behind its prefix, is as it was written.
    fn text(&self, mut body: Vec<u8>) -> Option<Vec<u8>> {
        let padding = body.split_off(usize::try_from(self.length).ok()?.min(body.len()));
        let (newline, blanks) = padding.split_last()?;
        let whole = *newline == b'\n' && blanks.iter().all(|byte| *byte == b' ');
        (whole && fnv1a(&body) == self.checksum).then_some(body)
    }
}

/// What stands at a place of the log.
#[derive(Debug)]
pub(super) enum Piece {
    /// A good line's text.
    Text(Vec<u8>),
    /// The end of the log.
    End,
    /// So many bytes at the end, which a crash can have left. They are no damage, unless this line
    /// was flushed before the log had its name.
    Torn(u64),
    /// Damage; the text says of which kind.
    Broken(&'static str),
}

/// Reads a log line by line.
pub(super) struct Reader<S> {
    source: S,
    /// Where the next line begins.
    at: u64,
    /// How many bytes stand from there on.
    left: u64,
    chain: Chain,
}

impl<S: Read + Seek> Reader<S> {
    /// # Errors
    /// The source cannot be read.
    pub(super) fn new(mut source: S) -> io::Result<Self> {
        let left = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        Ok(Self { source, at: 0, left, chain: Chain::START })
    }

    /// The next piece; after anything but a text there is no other. Takes no more memory than the
    /// log has bytes left, and next to none for what is no good line.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Piece> {
        if self.left == 0 {
            return Ok(Piece::End);
        }
        let mut prefix = Vec::with_capacity(PREFIX);
        self.source.by_ref().take(PREFIX as u64).read_to_end(&mut prefix)?;
        let announced = self.chain.announced(&prefix);
        if let Some(announced) = &announced
            && announced.size() <= self.left
        {
            let mut body = Vec::new();
            let size = announced.size();
            self.source.by_ref().take(size - PREFIX as u64).read_to_end(&mut body)?;
            if let Some(text) = announced.text(body) {
                self.chain = announced.chain;
                self.at += size;
                self.left -= size;
                return Ok(Piece::Text(text));
            }
        }
        let size = announced.as_ref().map(Announced::size);
        self.source.seek(SeekFrom::Start(self.at))?;
        if is_torn(&mut self.source, self.left, size)? {
            return Ok(Piece::Torn(self.left));
        }
        Ok(Piece::Broken(match size {
            None => "its first bytes are wrong, or it does not follow the line before it",
            Some(size) if size > self.left => "it is shorter than it announces",
            Some(_) => "its checksum is wrong",
        }))
    }
}

/// True if a crash can have left these `left` bytes at the end of a log: one line, of which whole
/// sectors were never written and read as NUL, or whose end is missing. `size` is what its prefix
/// announces, if that is readable.
fn is_torn(source: &mut impl Read, left: u64, size: Option<u64>) -> io::Result<bool> {
    let mut sector = Vec::with_capacity(SECTOR);
    let (mut at, mut hole, mut first_is_hole, mut complete) = (0, false, false, false);
    while at < left {
        sector.clear();
        source.take(SECTOR as u64).read_to_end(&mut sector)?;
        if sector.is_empty() {
            break;
        }
        // Compared at once, not byte by byte: there can be a great many of them.
        if sector == UNWRITTEN[..sector.len()] {
            (hole, first_is_hole) = (true, first_is_hole || at == 0);
        } else {
            // A sector is written whole or not at all. The mark begins a line and the newline ends
            // it, so anywhere else they would belong to a second line: that one was begun after
            // the first had been flushed, so the first is not torn.
            let begins = at == 0 && sector[0] == MARK;
            complete = sector.len() == SECTOR && sector.ends_with(b"\n");
            let inside = &sector[usize::from(begins)..sector.len() - usize::from(complete)];
            let is_last = at + sector.len() as u64 >= left;
            if inside.iter().any(|byte| [0, MARK, b'\n'].contains(byte))
                || at == 0 && !begins
                || complete && !is_last
            {
                return Ok(false);
            }
        }
        at += sector.len() as u64;
    }
    Ok(match size {
        _ if first_is_hole => true,
        Some(size) if left == size => hole,
        Some(size) => left < size && !complete,
        None => left < PREFIX as u64,
    })
}
