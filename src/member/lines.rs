//! What a member does, as lines: those of the lab on standard error, JSON, and prose.

use super::{Fact, Peer};
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::member::event::{CRASHING, Statement, ViewLine};
use crate::node::{Level, Observer};
use crate::process::{Output, PeerId};

/// Prints what happens.
pub(crate) struct Lines {
    pub(super) me: PeerId,
    pub(super) first: PeerId,
    /// For `--json`.
    pub(super) out: Option<Printer>,
    pub(super) err: Prose,
}

/// The line that a member prints for this fact, if it is one of the four; `first` is the first line
/// of the hostsfile.
pub(crate) fn line_of(me: PeerId, first: PeerId, fact: &Fact) -> Option<ViewLine> {
    let (view, words) = match fact {
        Fact::Installed(view) | Fact::Resumed(view) => {
            (Some(view), Statement::Members(view.members.keys().map(|peer| peer.0).collect()))
        }
        Fact::Unreachable { peer, view } => {
            (Some(view), ViewLine::unreachable(peer.0, view.leader.0))
        }
        Fact::Crashing(view) => (view.as_ref(), Statement::Message(CRASHING.into())),
        _ => return None,
    };
    let view_id = view.map_or(0, |view| view.id);
    let leader = view.map_or(first, |view| view.leader).0;
    Some(ViewLine { peer_id: me.0, view_id, leader, words })
}

impl Lines {
    fn line(&self, line: &ViewLine) {
        self.err.printer().print(format!("{line}\n").as_bytes());
        if let Some(out) = &self.out {
            out.print(format!("{}\n", line.json()).as_bytes());
        }
    }
}

impl Observer<Peer> for Lines {
    fn observe(&mut self, output: &Output<Peer>) {
        let Output::Report(fact) = output else { return };
        let level = level(fact);
        let say = |text: &str| self.err.say(level, text);
        if let Fact::Resumed(view) = fact {
            say(&format!("goes on from view {}, which it remembers", view.id));
        }
        if let Some(line) = line_of(self.me, self.first, fact) {
            return self.line(&line);
        }
        match fact {
            Fact::NoMajority { view, alive } => say(&format!(
                "keeps view {}: {} of its {} members are alive, and a new one needs {}",
                view.id,
                alive.len(),
                view.members.len(),
                view.majority()
            )),
            Fact::Removed { view_id } => {
                say(&format!("was removed by view {view_id}, and joins again"));
            }
            Fact::Left { view_id } => {
                say(&format!("was removed by view {view_id} on request, and stays out"));
            }
            Fact::Waiting => say("waits to join; no member has let it in yet"),
            Fact::LastId { view_id } => say(&format!(
                "view {view_id} has the last id, so nobody can join or be removed any more; stop \
                 all members, remove their data directories, and start them again"
            )),
            // They have lines.
            Fact::Installed(_)
            | Fact::Resumed(_)
            | Fact::Unreachable { .. }
            | Fact::Crashing(_) => {}
        }
    }

    fn sees_traffic(&self) -> bool {
        false
    }
}

/// Which facts are trouble, and which are the story.
fn level(fact: &Fact) -> Level {
    match fact {
        // Who left was asked to. The other three have lines of the lab.
        Fact::Installed(_) | Fact::Resumed(_) | Fact::Crashing(_) | Fact::Left { .. } => {
            Level::Story
        }
        // The first has a line of the lab.
        Fact::Unreachable { .. }
        | Fact::NoMajority { .. }
        | Fact::Removed { .. }
        | Fact::Waiting
        | Fact::LastId { .. } => Level::Trouble,
    }
}
