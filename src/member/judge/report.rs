//! What was found, for people and for tools.

use std::collections::BTreeSet;

use serde::Serialize;

use super::rules::MemberRule;
use crate::member::event::listed;
use crate::trace::findings::say;
use crate::trace::report::Summary;

/// The judgement on a run.
pub type Report = crate::trace::report::Report<Ends>;

/// How the members ended.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// Who ended how.
    pub peers: Vec<PeerEnd>,
    /// Lines that say again as JSON what a printed line has said, or the other way round.
    pub duplicates: u64,
    /// Lines of peers beyond the bound, which nobody judged.
    pub unknown_peers: u64,
}

/// How one peer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEnd {
    /// Who.
    pub peer: u16,
    /// How many views it installed.
    pub views: usize,
    /// The last of them, and its members.
    pub last: Option<(u64, BTreeSet<u16>)>,
    /// True if, by all that is known, it still is a member.
    pub is_member: bool,
    /// In words.
    pub how: String,
}

#[derive(Serialize)]
struct JsonGroup<'a> {
    group: Option<JsonView<'a>>,
}

#[derive(Serialize)]
struct JsonView<'a> {
    view_id: u64,
    memb_list: &'a BTreeSet<u16>,
}

#[derive(Serialize)]
struct JsonPeers<'a> {
    peers: Vec<JsonEnd<'a>>,
}

#[derive(Serialize)]
struct JsonEnd<'a> {
    peer_id: u16,
    views: usize,
    view_id: Option<u64>,
    memb_list: Option<&'a BTreeSet<u16>>,
    end: &'a str,
}

impl Ends {
    /// The one group that is left, if there is one: the last view of all who are members still.
    pub fn group(&self) -> Option<(u64, &BTreeSet<u16>)> {
        let mut members = self.peers.iter().filter(|end| end.is_member);
        let (id, list) = members.next()?.last.as_ref()?;
        let same = |end: &PeerEnd| end.last.as_ref().is_some_and(|last| last.0 == *id);
        members.all(same).then_some((*id, list))
    }
}

impl Summary for Ends {
    type Rule = MemberRule;
    const EXPECTED: MemberRule = MemberRule::Expected;
    const EVENTS: &'static str = "lines of a group";

    fn outcome(&self) -> String {
        match self.group() {
            Some((id, list)) => format!("the last view is {id}: {}", listed(list)),
            None => "there is no one last view".into(),
        }
    }

    fn table(&self) -> String {
        let mut text = String::new();
        if self.peers.is_empty() {
            return text;
        }
        let last = |end: &PeerEnd| match &end.last {
            Some((id, list)) => format!("{id}: {}", listed(list)),
            None => "-".into(),
        };
        let width = self.peers.iter().map(|end| last(end).len()).max().unwrap_or(0).max(9);
        say(&mut text, format_args!("{:<7} views  {:<width$}  end", "peer", "last view"));
        for end in &self.peers {
            let (name, views, last) = (format!("peer{}", end.peer), end.views, last(end));
            say(&mut text, format_args!("{name:<7} {views:<5}  {last:<width$}  {}", end.how));
        }
        text + "\n"
    }

    fn remarks(&self) -> String {
        let mut text = String::new();
        for (count, what) in [
            (self.duplicates, "more say the same again, as JSON or as printed"),
            (self.unknown_peers, "lines are of more peers than can be judged"),
        ] {
            if count > 0 {
                say(&mut text, format_args!("{count} {what}"));
            }
        }
        text
    }

    fn json(&self) -> impl Serialize {
        let group = self.group();
        JsonGroup { group: group.map(|(view_id, memb_list)| JsonView { view_id, memb_list }) }
    }

    fn json_details(&self) -> impl Serialize {
        let peers = self.peers.iter().map(|end| JsonEnd {
            peer_id: end.peer,
            views: end.views,
            view_id: end.last.as_ref().map(|last| last.0),
            memb_list: end.last.as_ref().map(|last| &last.1),
            end: &end.how,
        });
        JsonPeers { peers: peers.collect() }
    }
}
