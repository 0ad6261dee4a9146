//! From bytes to located lines.

use std::borrow::Cow;
use std::io::{self, BufRead, Chain, Cursor, Read};

use super::entry::{Entry, Fields};
use super::fault::{Fault, Faults};
use super::sniff::{Conclusion, Sniff};
use super::strict::strict;
use crate::paxos::event::Action;
use crate::trace::object::object;
use crate::trace::prefix::{Names, Prefix, peer_named, prefix, without_colours};
use crate::visible::visible_json;

/// The longest line that is looked at; a longer one is skipped and said.
pub const MAX_LINE_BYTES: usize = 64 << 10;
/// Over how many lines one object may be spread.
pub const MAX_OBJECT_LINES: usize = 16;
/// How much of an input is looked at before its first line is given out.
pub const SNIFF_BYTES: usize = 128 << 10;

/// How it is known whose line this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribution {
    /// The journal says it.
    Journal,
    /// A name in front of the object, as compose writes it.
    Prefix,
    /// A `sent` or `chose` line is its sender's; or `peer_id` always means the one who prints.
    PeerId,
    /// Nobody else speaks in this input, or its name is the peer's.
    Input,
    /// It is not known.
    Unknown,
}

/// One line of an input.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its number in the input, from 1: what an editor shows. Of an object on several lines, the
    /// last.
    pub number: u64,
    /// The text as it came, without the newline; what is no UTF-8 is replaced.
    pub text: Cow<'a, str>,
    /// What it says.
    pub content: Content<'a>,
    /// How `printer` of its entry is known.
    pub attribution: Attribution,
    /// In what it differs from the lab's form.
    pub faults: Faults,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// An event.
    Event(Entry<'a>),
    /// Nothing: blank, or part of an object that is not complete yet.
    Nothing,
    /// Other text.
    Prose,
    /// An object, but no event of Paxos.
    Unreadable,
    /// More than [`MAX_LINE_BYTES`]; its text is cut.
    TooLong,
}

/// How many objects of one line are read.
const MOST_PIECES: usize = 256;

/// Reads lines from one input.
pub struct Reader<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    line: Vec<u8>,
    /// The present line without colours, or the object that was collected from several.
    plain: String,
    number: u64,
    interpreter: Interpreter,
    inferred: Vec<String>,
}

/// What is needed to understand a line, apart from the line.
struct Interpreter {
    names: Names,
    conclusion: Conclusion,
    /// The prefix met last, and what it means: a log has few of them.
    last_prefix: (Vec<u8>, Prefix),
    /// An object that has begun and not ended, and how many lines it has so far.
    open: Option<(String, usize)>,
    /// What stands behind the first object of a line, if it has another one.
    more: Option<String>,
    /// How many objects of this line have been read.
    pieces: usize,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`, which people know as `name`; `names` are the hosts of the hostsfile.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn new(name: &str, mut input: R, names: Names) -> io::Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head)?;
        let mut interpreter = Interpreter {
            names,
            conclusion: Conclusion::default(),
            last_prefix: (Vec::new(), Prefix::default()),
            open: None,
            more: None,
            pieces: 0,
        };
        interpreter.sniff(&head, name);
        let inferred = interpreter.conclusion.in_words(name);
        let input = Cursor::new(head).chain(input);
        let (line, plain) = (Vec::new(), String::new());
        Ok(Self { input, line, plain, number: 0, interpreter, inferred })
    }

    /// What was concluded from the head of the input, in sentences.
    pub fn inferred(&self) -> &[String] {
        &self.inferred
    }

    /// The next line, or the next object of this one; none at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        if let Some(more) = self.interpreter.more.take() {
            self.line.extend_from_slice(more.as_bytes());
            let mut line = self.interpreter.interpret(&self.line, &mut self.plain);
            line.number = self.number;
            return Ok(Some(line));
        }
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
            let mut faults = Faults::default();
            faults.add(Fault::TooLong);
            self.interpreter.open = None;
            let text = text_of(&self.line[..MAX_LINE_BYTES]);
            let (content, attribution) = (Content::TooLong, Attribution::Unknown);
            return Ok(Some(Line { number: self.number, text, content, attribution, faults }));
        }
        self.line.pop_if(|byte| *byte == b'\r');
        let mut line = self.interpreter.interpret(&self.line, &mut self.plain);
        line.number = self.number;
        Ok(Some(line))
    }
}

/// Reads on to the end of the line and keeps nothing.
pub(crate) fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
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

impl Interpreter {
    fn sniff(&mut self, head: &[u8], name: &str) {
        let mut sniff = Sniff::default();
        let mut plain = String::new();
        let mut previous = None;
        for line in head.split(|byte| *byte == b'\n') {
            // The last piece may be half a line; it is left out, unless it is all there is.
            if let Some(line) = previous.replace(line) {
                self.sniff_line(line, &mut plain, &mut sniff);
            }
        }
        if let Some(line) = previous.filter(|_| head.len() < SNIFF_BYTES) {
            self.sniff_line(line, &mut plain, &mut sniff);
        }
        let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let stem = stem.split('.').next().unwrap_or(stem);
        self.conclusion = sniff.conclude(peer_named(stem, &self.names));
        self.open = None;
    }

    fn sniff_line(&mut self, line: &[u8], plain: &mut String, sniff: &mut Sniff) {
        self.pieces = 0;
        self.sniff_piece(line, plain, sniff);
        while let Some(more) = self.more.take() {
            self.sniff_piece(more.as_bytes(), plain, sniff);
        }
    }

    fn sniff_piece(&mut self, line: &[u8], plain: &mut String, sniff: &mut Sniff) {
        let line = self.interpret(line, plain);
        if let Content::Event(entry) = &line.content {
            let printer = entry.printer.filter(|_| line.attribution == Attribution::Prefix);
            sniff.add(entry, printer);
        }
    }

    fn interpret<'a>(&mut self, bytes: &'a [u8], plain: &'a mut String) -> Line<'a> {
        if self.open.is_none() {
            let start = bytes.iter().position(|byte| *byte == b'{').unwrap_or(bytes.len());
            if let Some(form) = strict(&bytes[start..]) {
                let from_prefix = self.prefix_of(&bytes[..start]);
                if let Some(from_prefix) = from_prefix {
                    return self.attribute(bytes, Entry::from_strict(form), from_prefix);
                }
            }
        }
        self.scan(bytes, plain)
    }

    /// What the bytes before an object mean; none if they are no UTF-8.
    fn prefix_of(&mut self, bytes: &[u8]) -> Option<Prefix> {
        if bytes.is_empty() {
            return Some(Prefix::default());
        }
        if self.last_prefix.0 != bytes {
            let text = std::str::from_utf8(bytes).ok()?;
            let meaning = prefix(&without_colours(text), &self.names);
            self.last_prefix = (bytes.to_vec(), meaning);
        }
        Some(self.last_prefix.1)
    }

    /// An exact line, with what stands before it.
    fn attribute<'a>(&self, bytes: &'a [u8], mut entry: Entry<'a>, from: Prefix) -> Line<'a> {
        let mut faults = Faults::default();
        if from.other {
            faults.add(Fault::TextAround);
        }
        let attribution = self.fill_ends(&mut entry, from.peer, &mut faults);
        let text = text_of(bytes);
        Line { number: 0, text, content: Content::Event(entry), attribution, faults }
    }

    /// Any other line.
    fn scan<'a>(&mut self, bytes: &'a [u8], plain: &'a mut String) -> Line<'a> {
        let mut faults = Faults::default();
        let text = text_of(bytes);
        if matches!(text, Cow::Owned(_)) {
            faults.add(Fault::NotUtf8);
        }
        plain.clear();
        plain.push_str(&without_colours(&text));
        if let Some((mut begun, lines)) = self.open.take() {
            // The prefix of a further line is no part of the object.
            let from = plain.rfind('|').map_or(0, |bar| bar + 1);
            begun.push('\n');
            begun.push_str(&plain[from..]);
            if !begun.contains('}') && lines < MAX_OBJECT_LINES && begun.len() < MAX_LINE_BYTES {
                self.open = Some((begun, lines + 1));
                return nothing(text, faults);
            }
            *plain = begun;
            faults.add(Fault::SeveralLines);
        }
        let plain: &'a str = plain;
        let Some(start) = plain.find('{') else {
            let blank = plain.trim().is_empty();
            // A name of a peer and nothing behind it is an empty line.
            let content = if blank { Content::Nothing } else { Content::Prose };
            if !blank {
                faults.add(Fault::Prose);
            }
            return Line { content, ..nothing(text, faults) };
        };
        let object_text = &plain[start..];
        let mut fields = Fields::default();
        let end = object(object_text, |key, raw| fields.take(&key, raw, &mut faults));
        for (is_so, fault) in [(end.blanks, Fault::Blanks), (end.mended, Fault::Mended)] {
            if is_so {
                faults.add(fault);
            }
        }
        let rest = end.rest;
        if !end.closed && !faults.has(Fault::SeveralLines) && !object_text.contains(',') {
            self.open = Some((plain.to_owned(), 1));
            return nothing(text, Faults::default());
        }
        let from = self.prefix_of(&plain.as_bytes()[..start]).unwrap_or_default();
        if from.other || !rest.trim().is_empty() {
            faults.add(Fault::TextAround);
        }
        self.pieces += 1;
        if let Some(next) = rest.find('{').filter(|_| self.pieces < MOST_PIECES) {
            self.more = Some(format!("{}{}", &plain[..start], &rest[next..]));
        }
        let written = &object_text[..object_text.len() - rest.len()];
        // What would not show itself may be spelled out, as it is where lines are passed on.
        let is_plain = faults.is_empty()
            && fields
                .plainly()
                .is_some_and(|plain| plain == written || visible_json(&plain) == written);
        let Some(mut entry) = fields.entry(&mut faults) else {
            let mut faults = Faults::default();
            faults.add(Fault::Unreadable);
            return Line { content: Content::Unreadable, ..nothing(text, faults) };
        };
        if faults.is_empty() && !entry.is_journal && !is_plain {
            faults.add(Fault::Spelling);
        }
        let attribution = self.fill_ends(&mut entry, from.peer, &mut faults);
        Line { number: 0, text, content: Content::Event(entry), attribution, faults }
    }

    /// Fills in who printed, sent and received, as far as that is known.
    fn fill_ends(
        &self,
        entry: &mut Entry<'_>,
        named: Option<u16>,
        faults: &mut Faults,
    ) -> Attribution {
        let Conclusion { owner, means_printer } = self.conclusion;
        let means_printer = means_printer && !entry.is_journal;
        let received = entry.action == Action::Received;
        let (printer, attribution) = if entry.printer.is_some() {
            (entry.printer, Attribution::Journal)
        } else if named.is_some() {
            (named, Attribution::Prefix)
        } else if means_printer || !received {
            (Some(entry.peer_id), Attribution::PeerId)
        } else if owner.is_some() {
            (owner, Attribution::Input)
        } else {
            (None, Attribution::Unknown)
        };
        entry.printer = printer;
        if received {
            entry.receiver = entry.receiver.or(printer);
            entry.sender = Some(entry.peer_id).filter(|_| !means_printer);
            if means_printer {
                faults.add(Fault::PeerIdIsPrinter);
            }
        } else if entry.action == Action::Sent {
            entry.sender = Some(entry.peer_id);
        }
        attribution
    }
}

/// The text of these bytes. Nearly always they are UTF-8, which is quickly seen.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn nothing(text: Cow<'_, str>, faults: Faults) -> Line<'_> {
    let (content, attribution) = (Content::Nothing, Attribution::Unknown);
    Line { number: 0, text, content, attribution, faults }
}

impl Conclusion {
    fn in_words(self, name: &str) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(owner) = self.owner {
            words.push(format!(
                "{name}: taken for the lines of peer{owner}, who alone speaks in it"
            ));
        }
        if self.means_printer {
            words.push(format!(
                "{name}: peer_id is taken for the peer that prints, also where it receives, so \
                 the senders of what is received are not known"
            ));
        }
        words
    }
}
