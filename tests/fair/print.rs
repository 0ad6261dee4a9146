//! The dialects: what a program prints of what happens.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use super::log::{Ack, Act, Kind, Line, Num, Run, Value};
use super::prng::Prng;

/// Whom `peer_id` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Sender,
    Printer,
    Other,
}

/// What an ack's `proposal_num` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The promise after the question was handled.
    After,
    /// The promise before.
    Before,
    /// The number under which a value is accepted.
    Accepted,
    /// The number of the question.
    Question,
}

use Shows::{Accepted, After, Before, Question};

/// What the acks to a prepare and to an accept show. The third is slide 45.
pub(crate) const ACKS: &[(Shows, Shows)] = &[
    (After, After),
    (Before, Before),
    (Accepted, After),
    (Accepted, Accepted),
    (Question, Question),
    (After, Question),
    (Accepted, Question),
];

/// The other pairs, which nobody has been seen to print.
pub(crate) const MIXED_ACKS: &[(Shows, Shows)] = &[
    (Question, After),
    (Question, Accepted),
    (Question, Before),
    (After, Accepted),
    (After, Before),
    (Before, After),
    (Before, Accepted),
    (Before, Question),
    (Accepted, Before),
];

/// What an ack's `message_value` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// What the acceptor holds, else what it was asked about.
    HeldOrAsked,
    /// What it holds, else a blank.
    Held,
    /// Never anything.
    Nothing,
    /// What it was asked about, whatever it holds.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// `(round - 1) * peers + id`.
    Spread,
    /// `round * 100 + id`.
    Hundreds,
    /// `round.id`.
    Point,
    /// `"round.id"`.
    Text,
    /// As `Spread`, from 0 on.
    FromZero,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Bare,
    Clock,
    Compose,
    Times,
    /// Services with names that name no peer.
    Services,
}

impl Front {
    pub(crate) fn names_peers(self) -> bool {
        matches!(self, Self::Compose | Self::Times)
    }
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Json,
    /// With blanks, as Python's `json.dumps` does it.
    Blanks,
    /// As Python prints a dict.
    Python,
    /// With ids as text.
    TextIds,
    /// With ids as names.
    NamedIds,
}

/// How a program prints.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent habits
pub(crate) struct Dialect {
    pub(crate) ids: Ids,
    pub(crate) acks: (Shows, Shows),
    pub(crate) shown: Shown,
    pub(crate) numbers: Numbers,
    /// How no number and no value are written.
    pub(crate) no_number: &'static str,
    pub(crate) no_value: &'static str,
    /// Values are words.
    pub(crate) words: bool,
    /// Messages to itself are printed.
    pub(crate) itself: bool,
    /// Refusals are printed.
    pub(crate) refusals: bool,
    /// The notice of the choice is printed.
    pub(crate) notices: bool,
    /// A question to several has one line.
    pub(crate) once: bool,
    /// A proposer may log its question after answers to it.
    pub(crate) late: bool,
    /// An acceptor may log what it was asked after its answer.
    pub(crate) late_receipts: bool,
    /// A prepare has no value.
    pub(crate) bare_prepares: bool,
    /// Other text stands between the lines.
    pub(crate) prose: bool,
    pub(crate) front: Front,
    pub(crate) spelling: Spelling,
    /// Lines end as on Windows.
    pub(crate) crlf: bool,
}

/// The lab's own form.
pub(crate) const LAB: Dialect = Dialect {
    ids: Ids::Sender,
    acks: (After, After),
    shown: Shown::HeldOrAsked,
    numbers: Numbers::Spread,
    no_number: "0",
    no_value: "\"\"",
    words: false,
    itself: false,
    refusals: true,
    notices: false,
    once: false,
    late: false,
    late_receipts: false,
    bare_prepares: false,
    prose: false,
    front: Front::Bare,
    spelling: Spelling::Json,
    crlf: false,
};

const LETTERS: &[&str] = &["X", "Y", "Z", "A", "B", "C", "D", "E"];
const WORDS: &[&str] = &["apple", "pear", "plum", "fig", "lime", "kiwi", "date", "nut"];
const SERVICES: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "gate",
    "last",
];
const PROSE: &[&str] = &[
    "connecting to peer3:3000 ...",
    "[INFO] 12:00:01 promise granted",
    "acceptors: {2, 3, 4}",
    "",
    "peer2 is up",
    "WARN retry in 250 ms (attempt 2 of 5)",
];

impl Dialect {
    /// A dialect, each of whose habits is drawn; `acks` is what its acks show.
    pub(crate) fn draw(prng: &mut Prng, ids: Ids, acks: (Shows, Shows)) -> Self {
        use Numbers::{FromZero, Hundreds, Point, Spread, Text};
        let numbers =
            prng.pick(&[Spread, Spread, Spread, Hundreds, Hundreds, Point, Text, FromZero]);
        let no_number = prng.pick(&["0", "\"\"", "null", "-1", "ABSENT"]);
        Self {
            ids,
            acks,
            shown: Shown::HeldOrAsked,
            numbers,
            no_number: if numbers == FromZero { "-1" } else { no_number },
            no_value: prng.pick(&["\"\"", "null", "\"<nil>\"", "ABSENT"]),
            words: prng.chance(30),
            itself: prng.chance(30),
            refusals: prng.chance(75),
            notices: prng.chance(30),
            once: ids != Ids::Other && prng.chance(15),
            late: prng.chance(20),
            late_receipts: prng.chance(8),
            bare_prepares: prng.chance(10),
            prose: prng.chance(20),
            front: prng.pick(&[
                Front::Bare,
                Front::Bare,
                Front::Clock,
                Front::Compose,
                Front::Compose,
                Front::Times,
                Front::Services,
            ]),
            spelling: prng.pick(&[
                Spelling::Json,
                Spelling::Json,
                Spelling::Json,
                Spelling::Blanks,
                Spelling::Blanks,
                Spelling::Python,
                Spelling::TextIds,
                Spelling::NamedIds,
            ]),
            crlf: prng.chance(5),
        }
    }

    /// The habits by which runs are counted.
    pub(crate) fn labels(&self) -> Vec<String> {
        let mut labels = vec![
            format!("ids {:?}", self.ids),
            format!("acks {:?}/{:?}", self.acks.0, self.acks.1),
            format!("values {:?}", self.shown),
            format!("numbers {:?}", self.numbers),
            format!("front {:?}", self.front),
            format!("spelling {:?}", self.spelling),
        ];
        for (is_so, label) in [
            (self.itself, "prints what it says to itself"),
            (!self.refusals, "prints no refusals"),
            (self.notices, "prints notices"),
            (self.once, "one line for a broadcast"),
            (self.late, "logs questions late"),
            (self.late_receipts, "logs receipts late"),
            (self.bare_prepares, "prepares without a value"),
            (self.prose, "other text"),
            (self.crlf, "lines end as on Windows"),
        ] {
            labels.extend(is_so.then(|| label.to_owned()));
        }
        labels
    }

    /// What is printed of a run: which of its lines, whose, and the text. Other text is no line of
    /// the run.
    pub(crate) fn print(&self, run: &Run, prng: &mut Prng) -> Vec<Printed> {
        let mut order: Vec<usize> = (0..run.lines.len()).collect();
        order.retain(|at| self.tells(&run.lines[*at]));
        if self.once {
            once(run, &mut order);
        }
        if self.late {
            late(run, &mut order, Act::Sent, prng);
        }
        if self.late_receipts {
            late(run, &mut order, Act::Received, prng);
        }
        let mut printed = Vec::new();
        for at in order {
            let line = &run.lines[at];
            let front = match self.front {
                Front::Bare => String::new(),
                Front::Clock => format!("12:00:01.{at:03} "),
                Front::Services => format!("{:5}  | ", SERVICES[usize::from(line.at)]),
                Front::Compose => format!("peer{}  | ", line.at),
                Front::Times => format!("peer{}-1  | 2024-05-01T12:00:00.{at:09}Z ", line.at),
            };
            let end = if self.crlf { "\r" } else { "" };
            if self.prose && prng.chance(10) {
                let text = format!("{front}{}{end}", prng.pick(PROSE));
                printed.push(Printed { of: None, peer: line.at, text });
            }
            let text = format!("{front}{}{end}", self.json(run, line));
            printed.push(Printed { of: Some(at), peer: line.at, text });
        }
        printed
    }

    fn tells(&self, line: &Line) -> bool {
        let own = line.from == line.to && line.act != Act::Chose;
        let refusal = line.ack.is_some_and(|ack| !ack.granted);
        (self.itself || !own)
            && (self.refusals || !refusal)
            && (self.notices || line.kind != Kind::Notice)
    }

    fn json(&self, run: &Run, line: &Line) -> String {
        let id = match (self.ids, line.act) {
            (_, Act::Chose) | (Ids::Printer, _) => line.at,
            (Ids::Sender, _) | (Ids::Other, Act::Received) => line.from,
            (Ids::Other, Act::Sent) => line.to,
        };
        let action = match line.act {
            Act::Sent => "sent",
            Act::Received => "received",
            Act::Chose => "chose",
        };
        let kind = match line.kind {
            Kind::Prepare => "prepare",
            Kind::PrepareAck => "prepare_ack",
            Kind::Accept => "accept",
            Kind::AcceptAck => "accept_ack",
            Kind::Notice if self.words => "chosen",
            Kind::Notice | Kind::Chose => "chose",
        };
        let shows = if line.kind == Kind::PrepareAck { self.acks.0 } else { self.acks.1 };
        let number = line.ack.map_or(Some(line.number), |ack| shows.of(&ack, line.number));
        let held = |ack: Ack| ack.accepted.map(|(_, value)| value);
        // A prepare without a value has none that an ack could send back.
        let asked = !(self.bare_prepares && matches!(line.kind, Kind::Prepare | Kind::PrepareAck));
        let asked = asked.then_some(line.value);
        let value = match (line.ack, self.shown) {
            (None, _) | (Some(_), Shown::Asked) => asked,
            (Some(ack), Shown::HeldOrAsked) => held(ack).or(asked),
            (Some(ack), Shown::Held) => held(ack),
            (Some(_), Shown::Nothing) => None,
        };
        let value = value.map_or(self.no_value.into(), |value| self.value(value));
        let number = number.map_or(self.no_number.into(), |number| self.number(run, number));
        let id = match self.spelling {
            Spelling::TextIds => format!("\"{id}\""),
            Spelling::NamedIds => format!("\"peer{id}\""),
            _ => id.to_string(),
        };
        let mut json =
            format!("{{\"peer_id\":{id},\"action\":\"{action}\",\"message_type\":\"{kind}\"");
        for (key, token) in [("message_value", value), ("proposal_num", number)] {
            if token != "ABSENT" {
                write!(json, ",\"{key}\":{token}").expect("a String");
            }
        }
        json.push('}');
        match self.spelling {
            Spelling::Blanks => json.replace("\":", "\": ").replace(",\"", ", \""),
            Spelling::Python => json.replace("null", "None").replace('"', "'"),
            _ => json,
        }
    }

    fn value(&self, value: Value) -> String {
        let texts = if self.words { WORDS } else { LETTERS };
        format!("\"{}\"", texts[usize::from(value)])
    }

    fn number(&self, run: &Run, number: Num) -> String {
        let Num { round, id } = number;
        match self.numbers {
            _ if run.own_rounds => round.to_string(),
            Numbers::Spread => {
                (round.saturating_sub(1) * u64::from(run.peers) + u64::from(id)).to_string()
            }
            Numbers::FromZero => {
                (round.saturating_sub(1) * u64::from(run.peers) + u64::from(id) - 1).to_string()
            }
            Numbers::Hundreds => (round * 100 + u64::from(id)).to_string(),
            Numbers::Point => format!("{round}.{id}"),
            Numbers::Text => format!("\"{round}.{id}\""),
        }
    }
}

/// A line of text.
#[derive(Clone, Debug)]
pub(crate) struct Printed {
    /// Which line of the run it is.
    pub(crate) of: Option<usize>,
    pub(crate) peer: u16,
    pub(crate) text: String,
}

impl Shows {
    fn of(self, ack: &Ack, question: Num) -> Option<Num> {
        match self {
            After => ack.after,
            Before => ack.before,
            Accepted => ack.accepted.map(|(number, _)| number),
            Question => Some(question),
        }
    }
}

impl Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.labels().join(", "))
    }
}

/// Of lines that a peer prints one after the other about sending the same, only the first.
fn once(run: &Run, order: &mut Vec<usize>) {
    let mut last = BTreeMap::new();
    order.retain(|at| {
        let line = &run.lines[*at];
        let what = (line.act, line.kind, line.number, line.value);
        let before = last.insert(line.at, what);
        line.act != Act::Sent || before != Some(what)
    });
}

/// Puts questions that were sent, or received, behind the answers that were received or sent.
fn late(run: &Run, order: &mut Vec<usize>, act: Act, prng: &mut Prng) {
    let answered = if act == Act::Sent { Act::Received } else { Act::Sent };
    for question in order.clone() {
        let line = &run.lines[question];
        if line.act != act || !line.kind.is_question() || !prng.chance(40) {
            continue;
        }
        let at = order.iter().position(|other| *other == question).expect("is among them");
        let own = order[at + 1..].iter().enumerate().filter(|(_, o)| run.lines[**o].at == line.at);
        // Nothing but its own questions and answers is in between.
        let close = own.take_while(|(_, other)| {
            let other = &run.lines[**other];
            let kind = other.kind == line.kind || other.kind == line.kind.ack();
            kind && other.number == line.number
        });
        let mut answers = close.filter(|(_, other)| {
            let other = &run.lines[**other];
            other.act == answered && other.kind == line.kind.ack() && other.from == line.to
        });
        if let Some((behind, _)) = answers.next() {
            order.remove(at);
            order.insert(at + behind + 1, question);
        }
    }
}
