//! Quorum arithmetic, and nothing else.
//!
//! A quorum is a strict majority of a proposer's own acceptors. Safety relies on one fact: any two
//! quorums share an acceptor. Within one set of acceptors that is arithmetic; between the sets of
//! two proposers it depends on the hostsfile, and [`disjoint_majorities`] decides it.

use std::collections::BTreeSet;

use crate::process::PeerId;

/// A set of acceptors.
pub type Acceptors = BTreeSet<PeerId>;

/// How many of `members` are a strict majority. (Not `members / 2`: two halves need not meet.)
pub fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// True if `votes` holds a majority of `members`. A peer that is no member does not count, and a
/// set cannot count anybody twice.
pub fn is_quorum(members: &Acceptors, votes: &Acceptors) -> bool {
    is_quorum_of(members, |member| votes.contains(member))
}

/// The same of those for whom `votes` is true.
pub fn is_quorum_of(members: &Acceptors, votes: impl Fn(&PeerId) -> bool) -> bool {
    let count = members.iter().filter(|member| votes(member)).count();
    !members.is_empty() && count >= majority(members.len())
}

/// A majority of `a` and a majority of `b` that share nobody, if there are such.
///
/// Each majority is best filled with acceptors that the other set lacks; the two are disjoint if
/// what is still missing can be shared out among the common ones.
pub fn disjoint_majorities(a: &Acceptors, b: &Acceptors) -> Option<(Acceptors, Acceptors)> {
    let common: Vec<PeerId> = a.intersection(b).copied().collect();
    let mut of_a: Acceptors = a.difference(b).copied().take(majority(a.len())).collect();
    let mut of_b: Acceptors = b.difference(a).copied().take(majority(b.len())).collect();
    let (lacks_a, lacks_b) = (majority(a.len()) - of_a.len(), majority(b.len()) - of_b.len());
    if lacks_a + lacks_b > common.len() {
        return None;
    }
    of_a.extend(&common[..lacks_a]);
    of_b.extend(&common[lacks_a..lacks_a + lacks_b]);
    Some((of_a, of_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(bits: u32) -> Acceptors {
        (0..16).filter(|i| bits & (1 << i) != 0).map(|i| PeerId(i + 1)).collect()
    }

    #[test]
    fn a_majority_is_more_than_half() {
        for (members, want) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4), (101, 51)] {
            assert_eq!(majority(members), want, "of {members}");
        }
    }

    #[test]
    fn strangers_and_repetition_do_not_make_a_quorum() {
        let members = set(0b0111);
        assert!(!is_quorum(&members, &set(0b1001)), "peer4 is no acceptor");
        assert!(is_quorum(&members, &set(0b0101)));
        assert!(!is_quorum(&set(0), &set(0)), "nobody is no quorum of nobody");
    }

    /// Every pair of acceptor sets among six peers, against a search through all their majorities.
    #[test]
    fn disjoint_majorities_are_found_exactly_where_a_search_finds_them() {
        let majorities = |of: u32| {
            (1..64u32).filter(move |m| m & !of == 0 && m.count_ones() * 2 > of.count_ones())
        };
        for a in 0..64u32 {
            for b in 0..64u32 {
                let exist = majorities(a).any(|x| majorities(b).any(|y| x & y == 0));
                let found = disjoint_majorities(&set(a), &set(b));
                assert_eq!(found.is_some(), exist, "{a:06b} {b:06b}");
                if let Some((x, y)) = found {
                    assert!(x.is_disjoint(&y));
                    assert!(is_quorum(&set(a), &x) && x.is_subset(&set(a)));
                    assert!(is_quorum(&set(b), &y) && y.is_subset(&set(b)));
                }
            }
        }
    }
}
