//! The lines of a group, and the rules that a whole run of them must keep.
//!
//! The lines look like JSON and are not: their keys have no quotes, as the lab wants it. Their
//! form is [`super::event`]'s. [`Reader`] finds them in whatever came, also where they are written
//! a little otherwise. [`MemberJudge`] judges them; it is the one judge of runs that are going on
//! ([`MemberJudge::line`]) and of finished ones ([`MemberJudge::take`], [`MemberJudge::finish`]).
//!
//! # What a log can decide
//!
//! A log is a set of accounts, one for each peer. Only the order of *one peer's own lines in one
//! input* is trusted; what two peers say of one view is compared by its id. [`MemberRule`] has the
//! rules. Of these, one line or two of one peer decide: its ids grow, it is in its views, nothing
//! comes after its crash. That a view id has one list needs two lines of any
//! peers. The others depend on what else is in the log:
//!
//! * *The lowest leads,* or whoever has called all below it unreachable. That a leader which is
//!   named is dead is decided where its crash is printed: in the next view of one who missed it.
//! * *Who is removed was called unreachable before.* All who go on say so, or none: a removal on
//!   request is one that nobody calls unreachable. It is taken for one where the lab has it: the
//!   highest is gone, after its leader is. Elsewhere nobody's silence proves anything, so it is not
//!   decidable unless it is known who was asked out. Whoever says that it crashes was not.
//! * *A member installs each view that it belongs to.* The protocol promises less: a view is never
//!   taken after a higher one, so one whose message came late is overtaken. And a log may end
//!   before. So a view that is left out is not decidable, and forgiven where its member was called
//!   unreachable, removed, or crashed. To the letter of the lab each view is printed.
//! * *The last view.* Whether a log ended too early, no line says; who must be left, a person can.
//! * *A removed peer is out* until it joins again, which shows in a view with it that others
//!   install too. A view that nobody else prints is held against it where others went on without
//!   that, and where it is alone in it, for only the first line founds a view.
//!
//! # Memory
//!
//! A view is settled when nothing more is expected of it: at the end, or when there are more than
//! [`MOST_RECORDS`] members, installations and calls of views that are not settled. Then the lowest
//! are judged by what is known and forgotten. Inputs that are read in turn by their view ids
//! therefore need no more than that, however long they are.
//!
//! Left out: two runs in one log (view ids would begin again; judge each by itself), and lines of
//! more than a few hundred peers.

mod dialect;
mod intake;
mod leads;
mod live;
mod report;
mod rules;
mod settle;

use std::collections::BTreeSet;

pub use dialect::{Found, MemberDialect, MemberEntry, MemberFault, Reader};
pub use intake::{MOST_RECORDS, MemberJudge, MemberOptions};
pub use report::{Ends, PeerEnd, Report};
pub use rules::MemberRule;

use crate::error::{Error, Result};
use crate::trace::inputs::{Inputs, has_event};
use crate::trace::judge::{JudgeFlag, JudgeOptions, Judgement, LogJudge};
use crate::trace::reader::Content;

/// A run has a file for each peer at most.
const MOST_FILES: usize = 512;

/// The judge of logs of a group.
pub struct MemberLog;

impl LogJudge for MemberLog {
    fn flags(&self) -> &'static [JudgeFlag] {
        &[
            JudgeFlag { name: "membership", has_value: false },
            JudgeFlag { name: "on-request", has_value: true },
        ]
    }

    fn help(&self) -> &'static str {
        "  --membership       read the lines as those of synod member, whatever else is among them
  --on-request LIST  the members that were removed on request, which nobody calls unreachable, as in
                     4,5 or none. Otherwise the highest member that falls silent after the leader
                     has crashed counts as removed on request (the fourth case of the exercise)
"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<MemberDialect>(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        let mut judge = MemberJudge::with(MemberOptions::of(options)?);
        read(inputs, options, |input, found| {
            judge.take(input, found);
        })?;
        judge.finish().judgement(&names, options)
    }
}

impl MemberOptions {
    /// What the flags say.
    ///
    /// # Errors
    /// A list is none of peers.
    pub fn of(options: &JudgeOptions<'_>) -> Result<Self> {
        let on_request = options.flags.get("on-request").map(|text| match text.as_str() {
            "none" => Ok(BTreeSet::new()),
            list => peers("--on-request", list),
        });
        let expect = options.expect.as_deref().map(|list| peers("--expect", list));
        let named = options.hosts.is_some();
        Ok(Self { on_request: on_request.transpose()?, expect: expect.transpose()?, named })
    }
}

/// `1,2,3`, with or without brackets.
fn peers(flag: &str, text: &str) -> Result<BTreeSet<u16>> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let peer = |id: &str| match id.trim().parse() {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(Error::Usage(format!("{flag} {id:?}: this is not a number from 1 to 65535"))),
    };
    inner.split(',').map(str::trim).map(peer).collect()
}

/// Reads the inputs of one run in turn: always that which is behind with its views, so that what
/// is kept of a long run does not grow with it.
///
/// # Errors
/// An input cannot be read, or there are too many.
pub fn read(
    inputs: Inputs,
    options: &JudgeOptions<'_>,
    mut take: impl FnMut(u16, &Found<'_>),
) -> Result<()> {
    if inputs.names.len() > MOST_FILES {
        return Err(Error::Usage(format!(
            "more than {MOST_FILES} files; a run has one for each peer at most, so give each run \
             by itself"
        )));
    }
    let view = |found: &Found<'_>| match &found.content {
        Content::Event(entry) => Some(entry.line.view_id),
        _ => None,
    };
    let lines = |input, found: Option<&Found<'_>>| found.into_iter().for_each(|f| take(input, f));
    inputs.read(&options.names(), view, lines).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::event::{Statement, ViewLine};

    fn view(peer_id: u16, view_id: u64, list: &[u16]) -> String {
        let words = Statement::Members(list.iter().copied().collect());
        ViewLine { peer_id, view_id, leader: list[0], words }.to_string()
    }

    fn judge(lines: &[(u16, String)]) -> Vec<String> {
        let mut rules = MemberJudge::new([9].into());
        for (peer, line) in lines {
            rules.line(*peer, line);
        }
        rules.reasons().to_vec()
    }

    #[test]
    fn a_good_run_passes_and_every_way_to_fail_is_named() {
        let dead = "{peer_id: 1, view_id: 1, leader: 1, message:\"peer 2 unreachable\"}";
        let crash = "{peer_id: 1, view_id: 1, leader: 1, message:\"crashing\"}";
        let wrong = "{peer_id: 1, view_id: 1, leader: 1, message:\"peer 2 (leader) unreachable\"}";
        let (zero, one) = ((1, view(1, 0, &[1])), (1, view(1, 1, &[1, 2])));
        let good = [zero.clone(), one.clone(), (1, dead.into()), (1, view(1, 2, &[1]))];
        assert_eq!(judge(&good), Vec::<String>::new());
        assert_eq!(judge(&[(1, view(1, 3, &[1, 9])), (1, view(1, 4, &[1]))]), Vec::<String>::new());
        for (lines, want) in [
            (vec![one.clone(), zero.clone()], "installs view 0 after view 1"),
            (vec![one.clone(), one.clone()], "installs view 1 after view 1"),
            (vec![one.clone(), (2, view(2, 1, &[2, 3]))], "view 1 has two lists"),
            (vec![(1, one.1.replace("leader: 1", "leader: 3"))], "not by its lowest"),
            (vec![(3, view(3, 1, &[1, 2]))], "without itself"),
            (vec![one.clone(), (1, view(1, 2, &[1]))], "never called unreachable"),
            (vec![(2, one.1.clone())], "a line of another:"),
            (vec![(1, "panic".into())], "of another form"),
            (vec![(1, crash.into()), one.clone()], "has crashed and goes on"),
            (vec![(1, wrong.into())], "names the wrong leader"),
        ] {
            let reasons = judge(&lines);
            assert!(reasons.iter().any(|reason| reason.contains(want)), "{want}: {reasons:?}");
        }
    }

    /// The leader crashes, and the next one finishes what was pending while it is still listed.
    #[test]
    fn after_a_take_over_the_new_leader_is_named_and_the_dead_one_no_more() {
        let says = |peer: u16, leader: u16, text: &str| {
            let words = Statement::Message(text.into());
            (peer, ViewLine { peer_id: peer, view_id: 5, leader, words }.to_string())
        };
        let run = |leader: u16, three: bool| {
            let mut lines: Vec<_> =
                (1..=3).map(|peer| (peer, view(peer, 5, &[1, 2, 3, 9]))).collect();
            lines.push(says(1, 1, "crashing"));
            lines.push(says(2, 1, "peer 1 (leader) unreachable"));
            if three {
                lines.push(says(3, 1, "peer 1 (leader) unreachable"));
            }
            let taken =
                |peer| view(peer, 6, &[1, 2, 3]).replace("leader: 1", &format!("leader: {leader}"));
            lines.extend([(2, taken(2)), (3, taken(3))]);
            judge(&lines)
        };
        assert_eq!(run(2, true), Vec::<String>::new());
        for (leader, three, want) in [
            (1, true, "view 6 is led by peer1, which crashed in view 5"),
            (3, true, "has not called all of [1,2] unreachable"),
            (2, false, "peer3 installs view 6, led by peer2 and not by its lowest"),
        ] {
            let reasons = run(leader, three);
            assert!(reasons.iter().any(|reason| reason.contains(want)), "{want}: {reasons:?}");
        }
    }
}
