//! From the bytes of an input to located lines, whatever the protocol.
//!
//! Between a program and its reader stand tools that add to a line: compose puts `peer1  | ` in
//! front, with colours and times. [`LogReader`] takes all of that off and leaves it to a
//! [`Dialect`] what the object behind it says. Lines of exactly the form take a path without an
//! allocation; all others are scanned. Several objects on one line are several [`LogLine`]s of one
//! number.
//!
//! **Memory** is one line and the [`SNIFF_BYTES`] of the head, whatever the input: beyond
//! [`MAX_LINE_BYTES`] a line is skipped, and an object that is spread over lines may have
//! [`Dialect::MOST_LINES`].
//!
//! Left out: objects of one line beyond the 256th, objects spread over lines while another peer's
//! lines come between.

use std::borrow::Cow;
use std::io::{self, BufRead, Chain, Cursor, Read};

use super::fault::{Fault, FaultSet};
use super::prefix::{Names, Prefix, prefix, time_us, without_colours};

/// The longest line that is looked at; a longer one is skipped and said.
pub const MAX_LINE_BYTES: usize = 64 << 10;
/// How much of an input is looked at before its first line is given out.
pub const SNIFF_BYTES: usize = 128 << 10;
/// How many objects of one line are read.
const MOST_PIECES: usize = 256;

/// How the lines of one protocol are written, by this program and by others.
pub trait Dialect: Default {
    /// What a line of the protocol says.
    type Entry<'a>;
    /// In what a line may differ from the protocol's form.
    type Fault: Fault;
    /// What the head of an input shows.
    type Sniff: Default;
    /// Over how many lines one object may be spread.
    const MOST_LINES: usize = 1;

    /// Reads bytes that are nothing but one object of exactly the form.
    fn strict<'a>(bytes: &'a [u8], faults: &mut FaultSet<Self::Fault>) -> Option<Self::Entry<'a>>;

    /// Reads the object at the start of the text as what is clearly meant.
    fn lenient<'a>(
        text: &'a str,
        faults: &mut FaultSet<Self::Fault>,
    ) -> Object<'a, Self::Entry<'a>>;

    /// Takes in a line of the head.
    fn sniff(_sniff: &mut Self::Sniff, _line: &LogLine<'_, Self>) {}

    /// What follows from the head of the input of this name, in sentences.
    fn conclude(&mut self, _sniff: &Self::Sniff, _input: &str, _names: &Names) -> Vec<String> {
        Vec::new()
    }

    /// Fills in what the line itself does not say.
    fn attribute(
        &self,
        _entry: &mut Self::Entry<'_>,
        _named: Option<u16>,
        _faults: &mut FaultSet<Self::Fault>,
    ) {
    }
}

/// What stands where an object begins.
pub struct Object<'a, E> {
    /// What it says.
    pub content: Content<E>,
    /// What stands behind it.
    pub rest: &'a str,
    /// False if the text ended before the closing brace, and more may follow on the next line.
    pub is_whole: bool,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<E> {
    /// Something of the protocol.
    Event(E),
    /// Nothing: blank, or part of an object that is not complete yet.
    Nothing,
    /// Other text.
    Prose,
    /// An object that is meant to be a line of the protocol, and cannot be read.
    Unreadable,
    /// More than [`MAX_LINE_BYTES`]; its text is cut.
    TooLong,
}

/// One line of an input.
pub struct LogLine<'a, D: Dialect> {
    /// Its number in the input, from 1: what an editor shows. Of an object on several lines, the
    /// last.
    pub number: u64,
    /// The text as it came, without the newline; what is no UTF-8 is replaced.
    pub text: Cow<'a, str>,
    /// The peer whose name stands in front.
    pub named: Option<u16>,
    /// The time in front, in microseconds since some moment.
    pub time_us: Option<u64>,
    /// What it says.
    pub content: Content<D::Entry<'a>>,
    /// In what it differs from the form.
    pub faults: FaultSet<D::Fault>,
}

/// Reads lines from one input.
pub struct LogReader<R, D> {
    input: Chain<Cursor<Vec<u8>>, R>,
    line: Vec<u8>,
    /// The present line without colours, or the object that was collected from several.
    plain: String,
    number: u64,
    interpreter: Interpreter<D>,
    inferred: Vec<String>,
}

/// What is needed to understand a line, apart from the line.
struct Interpreter<D> {
    dialect: D,
    names: Names,
    /// The front met last, and what it means: a log has few of them.
    last_front: (Vec<u8>, Front),
    /// An object that has begun and not ended, and how many lines it has so far.
    open: Option<(String, usize)>,
    /// What stands behind the first object of a line, with the front of the line.
    more: Option<String>,
    /// How many objects of this line have been read.
    pieces: usize,
}

/// What stands in front of an object.
#[derive(Clone, Copy, Debug, Default)]
struct Front {
    prefix: Prefix,
    time_us: Option<u64>,
}

impl<R: BufRead, D: Dialect> LogReader<R, D> {
    /// A reader of `input`, which people know as `name`; `names` are the hosts of the hostsfile.
    ///
    /// # Errors
    /// The input cannot be read, or is no text.
    pub fn new(name: &str, input: R, names: Names) -> io::Result<Self> {
        Self::with(name, input, names, D::default())
    }

    /// The same, of a dialect of which something is known beforehand.
    ///
    /// # Errors
    /// The input cannot be read, or is no text.
    pub fn with(name: &str, mut input: R, mut names: Names, mut dialect: D) -> io::Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head)?;
        if let Some(what) = no_text(&head) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut inferred = Vec::new();
        if size_of::<D::Sniff>() > 0 {
            let mut sniff = D::Sniff::default();
            // The last piece may be half a line; it is left out, unless it is all there is.
            let newline = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = if head.len() < SNIFF_BYTES { head.len() } else { newline };
            let mut lines = LogReader::<_, D>::over(Vec::new(), &head[..end], names, D::default());
            while let Some(line) = lines.next_line()? {
                D::sniff(&mut sniff, &line);
            }
            names = lines.interpreter.names;
            inferred = dialect.conclude(&sniff, name, &names);
        }
        Ok(Self { inferred, ..Self::over(head, input, names, dialect) })
    }

    fn over(head: Vec<u8>, rest: R, names: Names, dialect: D) -> Self {
        let last_front = (Vec::new(), Front::default());
        let interpreter =
            Interpreter { dialect, names, last_front, open: None, more: None, pieces: 0 };
        let input = Cursor::new(head).chain(rest);
        let (line, plain, inferred) = (Vec::new(), String::new(), Vec::new());
        Self { input, line, plain, number: 0, interpreter, inferred }
    }

    /// What was concluded from the head of the input, in sentences.
    pub fn inferred(&self) -> &[String] {
        &self.inferred
    }

    /// The next line, or the next object of this one; none at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<LogLine<'_, D>>> {
        self.line.clear();
        if let Some(more) = self.interpreter.more.take() {
            self.line.extend_from_slice(more.as_bytes());
        } else {
            let limit = MAX_LINE_BYTES as u64 + 1;
            let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.interpreter.pieces = 0;
            let ended = self.line.pop_if(|byte| *byte == b'\n').is_some();
            if !ended && read > MAX_LINE_BYTES {
                skip_line(&mut self.input)?;
                self.interpreter.open = None;
                let mut line =
                    without_entry(text_of(&self.line[..MAX_LINE_BYTES]), Content::TooLong);
                (line.number, line.faults) = (self.number, FaultSet::only(D::Fault::TOO_LONG));
                return Ok(Some(line));
            }
            self.line.pop_if(|byte| *byte == b'\r');
        }
        let mut line = self.interpreter.interpret(&self.line, &mut self.plain);
        line.number = self.number;
        Ok(Some(line))
    }
}

/// Says what bytes are that are no text which can be read, and what to do about it.
fn no_text(head: &[u8]) -> Option<&'static str> {
    let is_wide = |pair: &[u8]| (pair[0] == 0) != (pair[1] == 0);
    let pairs = head.chunks_exact(2).take(32);
    let is_utf16 = pairs.len() >= 16 && pairs.clone().all(is_wide);
    match head {
        [0x1f, 0x8b, ..] => Some("it is compressed; try: gunzip -c FILE | synod check"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("it is compressed; try: zstdcat FILE | synod check"),
        [b'P', b'K', 3, 4, ..] => Some("it is an archive; unpack it first"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Some("it is UTF-16; try: iconv -f UTF-16 -t UTF-8 FILE | synod check")
        }
        _ if is_utf16 => Some("it is UTF-16; try: iconv -f UTF-16LE -t UTF-8 FILE | synod check"),
        _ => None,
    }
}

/// Reads on to the end of the line and keeps nothing.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let length = newline.map_or(buffer.len(), |index| index + 1);
        input.consume(length);
        if newline.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// The text of these bytes. Nearly always they are UTF-8, which is quickly seen.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn without_entry<'a, D: Dialect>(
    text: Cow<'a, str>,
    content: Content<D::Entry<'a>>,
) -> LogLine<'a, D> {
    LogLine { number: 0, text, named: None, time_us: None, content, faults: FaultSet::default() }
}

impl<D: Dialect> Interpreter<D> {
    fn interpret<'a>(&mut self, bytes: &'a [u8], plain: &'a mut String) -> LogLine<'a, D> {
        if self.open.is_none() {
            let start = bytes.iter().position(|byte| *byte == b'{').unwrap_or(bytes.len());
            let mut faults = FaultSet::default();
            if let Some(mut entry) = D::strict(&bytes[start..], &mut faults)
                && let Some(front) = self.front(&bytes[..start])
            {
                faults.add_if(front.prefix.other, D::Fault::TEXT_AROUND);
                self.dialect.attribute(&mut entry, front.prefix.peer, &mut faults);
                let (named, time_us) = (front.prefix.peer, front.time_us);
                let (text, content) = (text_of(bytes), Content::Event(entry));
                return LogLine { number: 0, text, named, time_us, content, faults };
            }
        }
        self.scan(bytes, plain)
    }

    /// What the bytes before an object mean; none if they are no UTF-8.
    fn front(&mut self, bytes: &[u8]) -> Option<Front> {
        if bytes.is_empty() {
            return Some(Front::default());
        }
        if self.last_front.0 != bytes {
            let text = without_colours(std::str::from_utf8(bytes).ok()?);
            let front = Front { prefix: prefix(&text, &self.names), time_us: time_us(&text) };
            self.last_front = (bytes.to_vec(), front);
        }
        Some(self.last_front.1)
    }

    /// Any line that is not exactly of the form.
    fn scan<'a>(&mut self, bytes: &'a [u8], plain: &'a mut String) -> LogLine<'a, D> {
        let text = text_of(bytes);
        let mut faults = FaultSet::default();
        faults.add_if(matches!(text, Cow::Owned(_)), D::Fault::NOT_UTF8);
        plain.clear();
        plain.push_str(&without_colours(&text));
        let mut is_joined = false;
        if let Some((mut begun, lines)) = self.open.take() {
            // The prefix of a further line is no part of the object.
            let from = plain.rfind('|').map_or(0, |bar| bar + 1);
            begun.push('\n');
            begun.push_str(&plain[from..]);
            if !begun.contains('}') && lines < D::MOST_LINES && begun.len() < MAX_LINE_BYTES {
                self.open = Some((begun, lines + 1));
                return LogLine { faults, ..without_entry(text, Content::Nothing) };
            }
            *plain = begun;
            is_joined = true;
            if let Some(fault) = D::Fault::SEVERAL_LINES {
                faults.add(fault);
            }
        }
        let plain: &'a str = plain;
        let Some(start) = plain.find('{') else {
            // A name of a peer and nothing behind it is an empty line.
            let is_blank = plain.trim().is_empty();
            let content = if is_blank { Content::Nothing } else { Content::Prose };
            return LogLine { faults, ..without_entry(text, content) };
        };
        let front = self.front(&plain.as_bytes()[..start]).unwrap_or_default();
        let begun = &plain[start..];
        let before = faults;
        faults.add_if(front.prefix.other, D::Fault::TEXT_AROUND);
        let Object { mut content, rest, is_whole } = D::lenient(begun, &mut faults);
        if D::MOST_LINES > 1 && !is_whole && !is_joined && !begun.contains(',') {
            self.open = Some((plain.to_owned(), 1));
            return without_entry(text, Content::Nothing);
        }
        faults.add_if(!rest.trim().is_empty(), D::Fault::TEXT_AROUND);
        self.pieces += 1;
        if let Some(next) = rest.find('{').filter(|_| self.pieces < MOST_PIECES) {
            self.more = Some(format!("{}{}", &plain[..start], &rest[next..]));
        }
        match &mut content {
            Content::Event(entry) => {
                self.dialect.attribute(entry, front.prefix.peer, &mut faults);
            }
            Content::Unreadable => faults = FaultSet::only(D::Fault::UNREADABLE),
            _ => faults = before,
        }
        let (named, time_us) = (front.prefix.peer, front.time_us);
        LogLine { number: 0, text, named, time_us, content, faults }
    }
}
