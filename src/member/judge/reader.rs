//! From the bytes of an input to lines of a group, with what stands before them.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use super::lenient::{Fault, Faults, Lenient, lenient};
use crate::member::event::ViewLine;
use crate::paxos::judge::dialect::{MAX_LINE_BYTES, skip_line, text_of};
use crate::trace::prefix::{Names, Prefix, prefix, time_us, without_colours};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A line of a group.
    View(ViewLine),
    /// Nothing.
    Nothing,
    /// Other text.
    Prose,
    /// It is meant to be a line of a group, and cannot be read.
    Unreadable,
}

/// One line of an input.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Its number in the input, from 1.
    pub number: u64,
    /// The text as it came, without the newline.
    pub text: Cow<'a, str>,
    /// The peer whose name stands in front.
    pub named: Option<u16>,
    /// The time in front, in microseconds since some moment.
    pub time_us: Option<u64>,
    /// What it says.
    pub said: Said,
    /// True of a line in the form of [`ViewLine::json`].
    pub is_json: bool,
    /// In what it differs from the form.
    pub faults: Faults,
}

/// How many lines of a group on one line of text are read.
const MOST_PIECES: usize = 256;

/// Reads lines from one input. It keeps one line, whatever comes.
pub struct Reader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    pieces: usize,
    names: Names,
    /// The prefix met last, and what it means.
    last_front: (Vec<u8>, Front),
    /// What stands behind the first piece of a line, with the prefix of the line.
    more: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Front {
    prefix: Prefix,
    time_us: Option<u64>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of this input; `names` are the hosts of the hostsfile.
    pub fn new(input: R, names: Names) -> Self {
        let last_front = (Vec::new(), Front::default());
        Self { input, line: Vec::new(), number: 0, pieces: 0, names, last_front, more: None }
    }

    /// The next line, or the next piece of this one; none at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Found<'_>>> {
        self.line.clear();
        if let Some(more) = self.more.take() {
            self.line.extend_from_slice(more.as_bytes());
            return Ok(Some(self.interpret()));
        }
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.pieces = 0;
        if self.line.pop_if(|byte| *byte == b'\n').is_none() && read > MAX_LINE_BYTES {
            skip_line(&mut self.input)?;
            let mut found = self.found(text_of(&self.line[..MAX_LINE_BYTES]), Said::Prose);
            found.faults.add(Fault::TooLong);
            return Ok(Some(found));
        }
        self.line.pop_if(|byte| *byte == b'\r');
        Ok(Some(self.interpret()))
    }

    fn found<'a>(&self, text: Cow<'a, str>, said: Said) -> Found<'a> {
        let (number, faults) = (self.number, Faults::default());
        Found { number, text, named: None, time_us: None, said, is_json: false, faults }
    }

    fn interpret(&mut self) -> Found<'_> {
        let start = self.line.iter().position(|byte| *byte == b'{');
        let Some(start) = start else {
            let text = text_of(&self.line);
            let is_blank = text.trim().is_empty();
            return self.found(text, if is_blank { Said::Nothing } else { Said::Prose });
        };
        let exact = std::str::from_utf8(&self.line[start..]).ok().and_then(|text| {
            let printed = ViewLine::read(text).map(|line| (line, false));
            printed.or_else(|| Some((ViewLine::read_json(text)?, true)))
        });
        let Some((line, is_json)) = exact else { return self.scan() };
        let front = front(&mut self.last_front, &self.line[..start], &self.names);
        let mut faults = Faults::default();
        if front.prefix.other {
            faults.add(Fault::TextAround);
        }
        let (named, time_us) = (front.prefix.peer, front.time_us);
        if let crate::member::event::Statement::Message(text) = &line.words
            && super::lenient::is_strange(text)
        {
            faults.add(Fault::Words);
        }
        let found = self.found(text_of(&self.line), Said::View(line));
        Found { named, time_us, is_json, faults, ..found }
    }

    /// Any other line.
    fn scan(&mut self) -> Found<'_> {
        let text = text_of(&self.line);
        let is_utf8 = matches!(text, Cow::Borrowed(_));
        let plain = without_colours(&text);
        let start = plain.find('{').unwrap_or(plain.len());
        let object = &plain[start..];
        let lower = |word: &str| {
            object.as_bytes().windows(4).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
        };
        // Objects of others are seen soon.
        if !lower("view") && !lower("memb") {
            return self.found(text, Said::Prose);
        }
        let mut faults = Faults::default();
        let (found, rest) = lenient(object, &mut faults);
        let front = front(&mut self.last_front, &plain.as_bytes()[..start], &self.names);
        self.pieces += 1;
        if let Some(next) = rest.find('{').filter(|_| self.pieces < MOST_PIECES) {
            self.more = Some(format!("{}{}", &plain[..start], &rest[next..]));
        }
        if front.prefix.other || !rest.trim().is_empty() {
            faults.add(Fault::TextAround);
        }
        if !is_utf8 {
            faults.add(Fault::NotUtf8);
        }
        let said = match found {
            Lenient::View(line) => Said::View(line),
            Lenient::Unreadable => {
                faults = Faults::default();
                faults.add(Fault::Unreadable);
                Said::Unreadable
            }
            Lenient::Other => {
                faults = Faults::default();
                Said::Prose
            }
        };
        let (named, time_us) = (front.prefix.peer, front.time_us);
        Found { named, time_us, faults, ..self.found(text, said) }
    }
}

/// What the bytes before a line mean.
fn front(last: &mut (Vec<u8>, Front), bytes: &[u8], names: &Names) -> Front {
    if bytes.is_empty() {
        return Front::default();
    }
    if last.0 != bytes {
        let text = text_of(bytes);
        let plain = without_colours(&text);
        let front = Front { prefix: prefix(&plain, names), time_us: time_us(&plain) };
        *last = (bytes.to_vec(), front);
    }
    last.1
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (u64, Option<u16>, Option<u64>, Said, Vec<Fault>);

    fn read(text: &str) -> Vec<Row> {
        let mut reader = Reader::new(text.as_bytes(), Names::new());
        let mut all = Vec::new();
        while let Some(found) = reader.next_line().expect("memory can be read") {
            let faults = found.faults.iter().collect();
            all.push((found.number, found.named, found.time_us, found.said, faults));
        }
        all
    }

    #[test]
    fn prefixes_of_compose_and_other_lines_between_are_taken() {
        let line = "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]}";
        let said = || Said::View(ViewLine::read(line).expect("is one"));
        let text = format!(
            "{line}\r\npeer2  | {line}\n\u{1b}[36mpeer2_1  |\u{1b}[0m 00:00:01.5 {line}\n\
             \npeer1: listens\n{{\"a\": 1}}\nnow {line}{line}\n"
        );
        assert_eq!(
            read(&text),
            [
                (1, None, None, said(), vec![]),
                (2, Some(2), None, said(), vec![]),
                (3, Some(2), Some(1_500_000), said(), vec![]),
                (4, None, None, Said::Nothing, vec![]),
                (5, None, None, Said::Prose, vec![]),
                (6, None, None, Said::Prose, vec![]),
                (7, None, None, said(), vec![Fault::TextAround]),
                (7, None, None, said(), vec![Fault::TextAround]),
            ]
        );
    }

    #[test]
    fn damage_is_said_and_a_long_line_is_skipped() {
        let long = "x".repeat(MAX_LINE_BYTES + 5);
        let text = format!("{long}\n{{view_id: 1, memb_list: [\n");
        let all = read(&text);
        assert_eq!((&all[0].3, &all[0].4), (&Said::Prose, &vec![Fault::TooLong]));
        assert_eq!((&all[1].3, &all[1].4), (&Said::Unreadable, &vec![Fault::Unreadable]));
    }
}
