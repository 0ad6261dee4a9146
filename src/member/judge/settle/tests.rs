use super::*;
use crate::member::judge::{MemberOptions, Reader};
use crate::trace::prefix::Names;

/// The lab's cases, and what no member prints: views after a crash, and a view with two lists.
const RUNS: [&str; 3] = [
    include_str!("../../../../tests/views/case3.log"),
    include_str!("../../../../tests/views/case4.log"),
    "peer1 | {peer_id: 1, view_id: 1, leader: 1, memb_list: [1,2,3]}\n\
     peer1 | {peer_id: 1, view_id: 1, leader: 1, message:\"crashing\"}\n\
     peer1 | {peer_id: 1, view_id: 2, leader: 1, memb_list: [1,2]}\n\
     peer2 | {peer_id: 2, view_id: 2, leader: 2, memb_list: [2,3,4]}\n\
     peer2 | {peer_id: 2, view_id: 3, leader: 2, memb_list: [2]}\n\
     peer2 | {peer_id: 2, view_id: 4, leader: 3, memb_list: [2,3]}\n",
];

/// What is kept of the views that are not settled: members of lists, installations, removals,
/// installations after a crash, leaders, calls.
fn kept(judge: &MemberJudge) -> [usize; 6] {
    let views = judge.views.values();
    let mut kept = [0; 6];
    for seen in views {
        kept[0] += seen.lists.iter().map(|(list, ..)| list.len()).sum::<usize>();
        kept[1] += seen.installed.len();
        kept[2] += seen.removals.len();
        kept[3] += seen.after_crash.len();
        kept[4] += seen.led.len();
    }
    kept[5] = judge.called.values().map(BTreeSet::len).sum();
    kept
}

/// The bound of the memory is a bound of this count.
#[test]
fn what_is_counted_is_what_is_kept_until_it_is_settled() {
    let mut met = [0; 6];
    for run in RUNS {
        let mut judge = MemberJudge::with(MemberOptions::default());
        let mut reader = Reader::new("", run.as_bytes(), Names::new()).expect("in memory");
        while let Some(line) = reader.next_line().expect("in memory") {
            judge.take(0, &line);
            assert_eq!(judge.records, kept(&judge).iter().sum::<usize>(), "{}", line.text);
        }
        met.iter_mut().zip(kept(&judge)).for_each(|(met, kept)| *met += kept);
        while judge.settle_lowest() {
            assert_eq!(judge.records, kept(&judge).iter().sum::<usize>());
        }
        assert_eq!(judge.records, 0);
    }
    assert!(met.iter().all(|kind| *kind > 0), "{met:?}");
}
