//! What every format draws.

use std::collections::BTreeSet;

use super::super::model::Mood;
use crate::member::event::{ViewLine, listed};
use crate::visible::clipped;

/// A whole picture.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The outcome in one line.
    pub title: String,
    /// How the title is to be read.
    pub mood: Mood,
    /// How much there is to see.
    pub summary: String,
    /// What is left out or guessed.
    pub remarks: Vec<String>,
    /// The peers, by id.
    pub columns: Vec<Column>,
    /// What happened, from top to bottom.
    pub rows: Vec<Row>,
    /// True if every row has a time.
    pub timed: bool,
}

/// A peer.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its id.
    pub peer: u16,
    /// Its address, as a hostsfile has it.
    pub host: Option<String>,
}

/// What happens at once, or is the same at several peers.
#[derive(Clone, Debug)]
pub struct Row {
    /// Microseconds since the first line, never less than that of an earlier row.
    pub time_us: u64,
    /// What it is.
    pub what: What,
    /// Who says so.
    pub marks: Vec<Mark>,
    /// Where each peer is after it.
    pub after: Vec<State>,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A view is installed.
    View {
        /// Its id.
        id: u64,
        /// Its members.
        list: BTreeSet<u16>,
        /// Who leads it, as printed.
        leader: u16,
        /// Its colour.
        hue: usize,
    },
    /// Somebody is called unreachable.
    Unreachable {
        /// Who.
        who: u16,
        /// As the leader.
        leads: bool,
    },
    /// A peer crashes on order.
    Crash,
    /// Other words.
    Says(String),
    /// The row above breaks a rule.
    Alarm(String),
}

/// One peer's part in a row.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Index of its column.
    pub column: usize,
    /// Its own time, if known.
    pub time_us: Option<u64>,
    /// The line.
    pub line: String,
    /// Where the line stands.
    pub place: (usize, u64),
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// In no view, as far as is known.
    #[default]
    Out,
    /// In a view with this colour.
    In(usize),
}

impl What {
    /// What a printed line is about.
    pub(super) fn of(line: &ViewLine) -> Self {
        use crate::member::event::Statement;
        match (&line.words, line.names_dead()) {
            (Statement::Members(list), _) => {
                Self::View { id: line.view_id, list: list.clone(), leader: line.leader, hue: 0 }
            }
            (Statement::Message(text), Some(who)) => {
                Self::Unreachable { who, leads: text.contains("(leader)") }
            }
            (Statement::Message(_), None) if line.is_crash() => Self::Crash,
            (Statement::Message(text), None) => Self::Says(clipped(text, 60)),
        }
    }

    /// In words: what comes first, and the rest.
    pub(super) fn words(&self, marks: &[Mark], columns: &[Column]) -> (String, String) {
        let who = || {
            let peer = marks.first().and_then(|mark| columns.get(mark.column));
            peer.map_or_else(|| "?".into(), |column| format!("peer{}", column.peer))
        };
        match self {
            Self::View { id, list, .. } => (format!("view {id}"), listed(list)),
            Self::Unreachable { who, leads } => {
                let role = if *leads { " (leader)" } else { "" };
                (String::new(), format!("peer{who}{role} unreachable"))
            }
            Self::Crash => (String::new(), format!("{} crashes", who())),
            Self::Says(text) => (String::new(), format!("{}: {text}", who())),
            Self::Alarm(sentence) => (String::new(), sentence.clone()),
        }
    }
}

impl Row {
    /// True if that peer prints this row.
    pub(super) fn has(&self, column: usize) -> bool {
        self.marks.iter().any(|mark| mark.column == column)
    }
}

impl Picture {
    /// The columns of these peers.
    pub(super) fn columns_of<'a>(
        &'a self,
        peers: &'a BTreeSet<u16>,
    ) -> impl Iterator<Item = usize> + 'a {
        let columns = self.columns.iter().enumerate();
        columns.filter(|(_, column)| peers.contains(&column.peer)).map(|(index, _)| index)
    }

    /// The columns that a row reaches: those who say it, and those it is about.
    pub(super) fn reach(&self, row: &Row) -> Vec<usize> {
        let mut reach: BTreeSet<usize> = row.marks.iter().map(|mark| mark.column).collect();
        match &row.what {
            What::View { list, .. } => reach.extend(self.columns_of(list)),
            What::Unreachable { who, .. } => reach.extend(self.columns_of(&[*who].into())),
            _ => {}
        }
        reach.into_iter().collect()
    }
}
