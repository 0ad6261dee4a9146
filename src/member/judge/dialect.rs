//! The lines of a group as programs write them: the lab's form, its JSON, and what is near them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::faults;
use crate::member::event::{CRASHING, Statement, ViewLine};
use crate::trace::MOST_PEERS;
use crate::trace::fault::FaultSet as Set;
use crate::trace::object::{Raw, object};
use crate::trace::reader::{Content, Dialect, LogLine, LogReader, Object};

faults! {
    /// One way to differ from the lab's form.
    MemberFault, None,
    /// A blank too many or too few.
    Blanks,
    /// A key in quotation marks.
    Quotes,
    /// The keys stand in another order.
    KeyOrder,
    /// A key has another name.
    KeyNames,
    /// There are more than the four keys.
    ExtraKeys,
    /// The leader is missing.
    NoLeader,
    /// The members do not stand in order, each once.
    ListOrder,
    /// A number is written in another way.
    Numbers,
    /// A message in other words.
    Words,
    /// Other signs between the parts.
    Punctuation,
}

use MemberFault as Fault;
type FaultSet = Set<Fault>;

/// What a line of a group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberEntry {
    /// The line.
    pub line: ViewLine,
    /// True of a line in the form of [`ViewLine::json`].
    pub is_json: bool,
}

/// The lab's form, and what is near it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberDialect;

/// Reads lines of a group from one input.
pub type Reader<R> = LogReader<R, MemberDialect>;
/// A line of an input.
pub type Found<'a> = LogLine<'a, MemberDialect>;

impl Dialect for MemberDialect {
    type Entry<'a> = MemberEntry;
    type Fault = MemberFault;
    type Sniff = ();

    fn strict(bytes: &[u8], faults: &mut FaultSet) -> Option<MemberEntry> {
        let text = std::str::from_utf8(bytes).ok()?;
        let printed = ViewLine::read(text).map(|line| MemberEntry { line, is_json: false });
        let json = || Some(MemberEntry { line: ViewLine::read_json(text)?, is_json: true });
        let entry = printed.or_else(json)?;
        if let Statement::Message(text) = &entry.line.words {
            faults.add_if(is_strange(text), Fault::Words);
        }
        Some(entry)
    }

    fn lenient<'a>(text: &'a str, faults: &mut FaultSet) -> Object<'a, MemberEntry> {
        let has = |word: &str| {
            text.as_bytes().windows(4).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
        };
        // Objects of others are seen soon.
        if !has("view") && !has("memb") {
            return Object { content: Content::Prose, rest: "", is_whole: true };
        }
        let mut fields = Fields::default();
        let mut own = FaultSet::default();
        let end = object(text, |key, raw| fields.take(&key, &raw, text, &mut own));
        let written = &text[..text.len() - end.rest.len()];
        // The list is the last key: without its end, members may be missing.
        let content = match fields.line(&mut own).filter(|_| end.closed || !end.cut) {
            Some(line) => {
                if own.is_empty() || own == FaultSet::only(Fault::Quotes) {
                    compare(written, &line, &mut own);
                }
                faults.extend(own);
                Content::Event(MemberEntry { line, is_json: false })
            }
            None if fields.is_meant => Content::Unreadable,
            None => Content::Prose,
        };
        Object { content, rest: end.rest, is_whole: true }
    }
}

/// The values of an object, as far as they are a line's.
#[derive(Default)]
struct Fields {
    peer_id: Option<u64>,
    view_id: Option<u64>,
    leader: Option<u64>,
    members: Option<BTreeSet<u16>>,
    message: Option<String>,
    /// Which places of the form were met, and the one met last.
    met: [bool; KEYS.len()],
    last: usize,
    /// Some key is of views only, so that this is meant to be a line.
    is_meant: bool,
}

/// The parts are right, so what differs stands between them.
fn compare(written: &str, line: &ViewLine, faults: &mut FaultSet) {
    let form = line.to_string();
    let mut bare = written.to_owned();
    for key in KEYS {
        bare = bare.replace(&format!("\"{key}\""), key).replace(&format!("'{key}'"), key);
    }
    let tight = |text: &str| text.split_whitespace().collect::<String>();
    if bare == form {
        return;
    }
    let fault = if tight(&bare) == tight(&form) { Fault::Blanks } else { Fault::Punctuation };
    faults.add(fault);
}

/// The keys of the form, in order; a line has one of the last two.
const KEYS: [&str; 5] = ["peer_id", "view_id", "leader", "memb_list", "message"];

/// The place of a key in the form.
fn place(key: &str) -> Option<usize> {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match plain.to_ascii_lowercase().as_str() {
        "peerid" | "peer" | "procid" | "nodeid" => 0,
        "viewid" | "view" | "currviewid" => 1,
        "leader" | "leaderid" => 2,
        "memblist" | "members" | "memberlist" | "membershiplist" | "membership" => 3,
        "message" | "msg" => 4,
        _ => return None,
    })
}

impl Fields {
    fn take(&mut self, key: &str, raw: &Raw<'_>, text: &str, faults: &mut FaultSet) {
        let Some(place) = place(key) else {
            return faults.add(Fault::ExtraKeys);
        };
        self.is_meant |= place == 1 || place == 3;
        if KEYS[place] != key {
            faults.add(Fault::KeyNames);
        }
        // Looked for once: a line can name one key ten thousand times.
        let first = !std::mem::replace(&mut self.met[place], true);
        if first && (text.contains(&format!("\"{key}\"")) || text.contains(&format!("'{key}'"))) {
            faults.add(Fault::Quotes);
        }
        if place < self.last {
            faults.add(Fault::KeyOrder);
        }
        self.last = place;
        match place {
            0 => self.peer_id = integer(raw, faults),
            1 => self.view_id = integer(raw, faults),
            2 => self.leader = integer(raw, faults),
            3 => self.members = list(raw, faults),
            _ => self.message = message(raw, faults),
        }
    }

    fn line(&mut self, faults: &mut FaultSet) -> Option<ViewLine> {
        let words = match (self.members.take(), self.message.take()) {
            (Some(members), None) => Statement::Members(members),
            (None, Some(message)) => Statement::Message(message),
            _ => return None,
        };
        // 0 is nobody: then there is nothing to say about the leader.
        let leader = self.leader.unwrap_or_else(|| {
            faults.add(Fault::NoLeader);
            0
        });
        Some(ViewLine {
            peer_id: u16::try_from(self.peer_id?).ok()?,
            view_id: self.view_id?,
            leader: u16::try_from(leader).ok()?,
            words,
        })
    }
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

fn integer(raw: &Raw<'_>, faults: &mut FaultSet) -> Option<u64> {
    let (text, is_text) = match raw {
        Raw::Bare(word) => (*word, false),
        Raw::Text(text) => (text.trim(), true),
        Raw::Nested(_) => return None,
    };
    let number = digits(text)?;
    if is_text || number.to_string() != text {
        faults.add(Fault::Numbers);
    }
    Some(number)
}

fn list(raw: &Raw<'_>, faults: &mut FaultSet) -> Option<BTreeSet<u16>> {
    let text = match raw {
        Raw::Nested(text) => *text,
        Raw::Text(text) => {
            faults.add(Fault::Punctuation);
            text.as_ref()
        }
        Raw::Bare(_) => return None,
    };
    // The lab's text writes its example as [<1,2>].
    let inner = text.trim_matches(|c: char| "[](){}<> ".contains(c));
    let parts = inner.split(|c: char| c == ',' || c.is_whitespace());
    let mut members: Vec<u16> = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let number = digits(part.trim_matches(|c: char| "\"'".contains(c)))?;
        members.push(u16::try_from(number).ok()?);
        // No hostsfile has so many.
        if members.len() > MOST_PEERS {
            return None;
        }
    }
    if members.windows(2).any(|pair| pair[0] >= pair[1]) {
        faults.add(Fault::ListOrder);
    }
    Some(members.into_iter().collect())
}

/// The message in the lab's words, if it is clear which of them is meant.
fn message(raw: &Raw<'_>, faults: &mut FaultSet) -> Option<String> {
    let text: Cow<'_, str> = match raw {
        Raw::Text(text) => Cow::Borrowed(text),
        Raw::Bare(word) => {
            faults.add(Fault::Punctuation);
            Cow::Borrowed(word)
        }
        Raw::Nested(_) => return None,
    };
    let meant = meant(&text).unwrap_or_else(|| text.clone().into_owned());
    if meant != *text || is_strange(&meant) {
        faults.add(Fault::Words);
    }
    Some(meant)
}

/// True of a message that no member says.
pub(super) fn is_strange(message: &str) -> bool {
    meant(message).is_none_or(|meant| meant != message)
}

fn meant(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.filter(|word| !matches!(*word, "is" | "the")).collect();
    match words[..] {
        ["crashing" | "crashed" | "crash"] => Some(CRASHING.into()),
        ["peer", id, "unreachable"] => Some(format!("peer {} unreachable", digits(id)?)),
        ["peer", id, "leader", "unreachable"] => {
            Some(format!("peer {} (leader) unreachable", digits(id)?))
        }
        [peer, "unreachable"] => {
            Some(format!("peer {} unreachable", digits(peer.strip_prefix("peer")?)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::prefix::Names;
    use crate::trace::reader::MAX_LINE_BYTES;

    /// What the text says, in what it differs, and what stands behind it.
    fn lenient(text: &str) -> (Content<MemberEntry>, Vec<Fault>, &str) {
        let mut faults = FaultSet::default();
        let Object { content, rest, .. } = MemberDialect::lenient(text, &mut faults);
        (content, faults.iter().collect(), rest)
    }

    #[test]
    fn near_forms_are_read_and_named() {
        let form = "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]}";
        for (text, want) in [
            (form, vec![]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1, 2]}", vec![Fault::Blanks]),
            ("{peer_id:2,view_id:3,leader:1,memb_list:[1,2]}", vec![Fault::Blanks]),
            ("{\"peer_id\": 2, \"view_id\": 3, \"leader\": 1, \"memb_list\": [1,2]}", {
                vec![Fault::Quotes]
            }),
            ("{'peer_id': 2, 'view_id': 3, 'leader': 1, 'memb_list': [1, 2]}", {
                vec![Fault::Blanks, Fault::Quotes]
            }),
            ("{view_id: 3, peer_id: 2, leader: 1, memb_list: [1,2]}", vec![Fault::KeyOrder]),
            ("{peer_id: 2, viewId: 3, leader: 1, members: [1,2]}", vec![Fault::KeyNames]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [2,1]}", vec![Fault::ListOrder]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2,2]}", vec![Fault::ListOrder]),
            ("{peer_id: 02, view_id: \"3\", leader: 1, memb_list: [1,2]}", vec![Fault::Numbers]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2], x: 1}", vec![Fault::ExtraKeys]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2,]}", vec![Fault::Punctuation]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: \"[1,2]\"}", vec![Fault::Punctuation]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [<1,2>]}", vec![Fault::Punctuation]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [< 1, 2 >]}", {
                vec![Fault::Punctuation]
            }),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: <1,2>}", vec![Fault::Punctuation]),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]", vec![Fault::Punctuation]),
        ] {
            let (Content::Event(entry), faults, "") = lenient(text) else { panic!("{text}") };
            assert_eq!(entry.line.to_string(), form, "{text}");
            assert_eq!(faults, want, "{text}");
        }
    }

    #[test]
    fn messages_in_other_words_are_understood_and_said() {
        for (text, want, differs) in [
            ("\"crashing\"", "crashing", false),
            ("\"Crashing!\"", "crashing", true),
            ("\"peer 5 unreachable\"", "peer 5 unreachable", false),
            ("\"Peer 5 is unreachable.\"", "peer 5 unreachable", true),
            ("\"peer5 unreachable\"", "peer 5 unreachable", true),
            ("\"peer 1 (leader) unreachable\"", "peer 1 (leader) unreachable", false),
            ("\"peer 1 leader unreachable\"", "peer 1 (leader) unreachable", true),
            ("\"hello\"", "hello", true),
        ] {
            let text = format!("{{peer_id: 2, view_id: 3, leader: 1, message:{text}}}");
            let (Content::Event(entry), faults, _) = lenient(&text) else { panic!("{text}") };
            assert_eq!(entry.line.words, Statement::Message(want.into()), "{text}");
            assert_eq!(faults.contains(&Fault::Words), differs, "{text}");
        }
    }

    #[test]
    fn other_objects_are_told_from_damaged_lines() {
        for (text, meant) in [
            ("{\"peer_id\":1,\"action\":\"sent\",\"message_type\":\"prepare\"}", false),
            ("{}", false),
            ("{peer_id: 2, words: \"a review\"}", false),
            ("{\"review\": 1}", false),
            ("{peer_id: 2, leader: 1, memb_list: [1]}", true),
            ("{peer_id: +2, view_id: 3, leader: 1, memb_list: [1]}", true),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2", true),
            ("{view_id: x, memb_list: [1]}", true),
            ("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,b]}", true),
            ("{peer_id: 99999, view_id: 3, leader: 1, memb_list: [1]}", true),
        ] {
            let want = if meant { Content::Unreadable } else { Content::Prose };
            assert_eq!(lenient(text).0, want, "{text}");
        }
    }

    #[test]
    fn a_list_has_as_many_members_as_a_hostsfile_at_most() {
        let read = |count: usize| {
            let list: Vec<String> = (1..=count).map(|id| id.to_string()).collect();
            let list = list.join(", ");
            lenient(&format!("{{peer_id: 2, view_id: 3, leader: 1, memb_list: [{list}]}}")).0
        };
        assert!(matches!(read(MOST_PEERS), Content::Event(_)));
        assert_eq!(read(MOST_PEERS + 1), Content::Unreadable);
    }

    type Read = (u64, Option<u16>, Option<u64>, Content<MemberEntry>, Vec<Fault>);

    fn read(text: &str) -> Vec<Read> {
        let mut reader = Reader::new("", text.as_bytes(), Names::new()).expect("memory");
        let mut all = Vec::new();
        while let Some(found) = reader.next_line().expect("memory can be read") {
            let faults = found.faults.iter().collect();
            all.push((found.number, found.named, found.time_us, found.content, faults));
        }
        all
    }

    #[test]
    fn prefixes_of_compose_and_other_lines_between_are_taken() {
        let line = "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]}";
        let said = || {
            let line = ViewLine::read(line).expect("is one");
            Content::Event(MemberEntry { line, is_json: false })
        };
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
                (4, None, None, Content::Nothing, vec![]),
                (5, None, None, Content::Prose, vec![]),
                (6, None, None, Content::Prose, vec![]),
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
        assert_eq!((&all[0].3, &all[0].4), (&Content::TooLong, &vec![Fault::TooLong]));
        assert_eq!((&all[1].3, &all[1].4), (&Content::Unreadable, &vec![Fault::Unreadable]));
    }
}
