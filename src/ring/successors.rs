//! The successors of a peer: two that it pings, and a third that it holds for the day on which both
//! die.
//!
//! The list goes round from the peer, and its own key ends it where the ring is that small:
//! `[b, me]` in a ring of two, `[me]` where it is alone. A list that ends otherwise and is shorter
//! than three is not known any further.

use std::collections::BTreeMap;
use std::time::Duration;

use super::key::Key;

/// How many successors are known: the third only for the case that the other two die together.
pub const KNOWN: usize = 3;

/// The successors of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Successors {
    me: Key,
    list: Vec<Key>,
    /// Those that have departed or died, each until when others may still take it for alive.
    gone: BTreeMap<Key, Duration>,
    /// The second must be asked for: what stands there was said before a peer was lost.
    is_broken: bool,
}

impl Successors {
    /// Those of `me`, which knows two.
    pub fn new(me: Key, first: Key, second: Key) -> Self {
        let second = if second == first { me } else { second };
        let list = list(me, [first, second]);
        Self { me, list, gone: BTreeMap::new(), is_broken: false }
    }

    /// Those of a peer that is alone.
    pub fn alone(me: Key) -> Self {
        Self::new(me, me, me)
    }

    /// The first; the peer itself if it is alone.
    pub fn first(&self) -> Key {
        self.list[0]
    }

    /// The second, which in a ring of two is the peer itself; none as long as it must be asked for.
    pub fn second(&self) -> Option<Key> {
        let second = if self.is_alone() { Some(self.me) } else { self.list.get(1).copied() };
        second.filter(|_| !self.is_broken)
    }

    /// Whom it pings: the first, and the second if that is another one.
    pub fn pinged(&self) -> impl Iterator<Item = (Key, bool)> + '_ {
        let others = self.list.iter().take(2).filter(|key| **key != self.me);
        others.copied().zip([false, true])
    }

    /// All that are known, the nearest first.
    pub fn list(&self) -> &[Key] {
        &self.list
    }

    /// True if there is nobody else.
    pub fn is_alone(&self) -> bool {
        self.first() == self.me
    }

    /// True if the first must be asked for its own.
    pub fn must_ask(&self) -> bool {
        !self.is_alone() && (self.is_broken || self.list.len() < 2)
    }

    /// True if this peer has departed or died a while ago.
    pub fn is_gone(&self, peer: Key) -> bool {
        self.gone.contains_key(&peer)
    }

    /// Forgets who was gone long enough ago that nobody takes them for alive any more.
    pub fn forget_gone(&mut self, now: Duration) {
        self.gone.retain(|_, until| *until > now);
    }

    /// `from` says that these are its own successors. True if that changes the first two.
    pub fn learn(&mut self, from: Key, its: &[Key]) -> bool {
        let is_known = its.first().is_some_and(|next| !self.is_gone(*next));
        if from != self.first() || self.is_alone() || !is_known {
            return false;
        }
        let alive = its.iter().take_while(|key| !self.gone.contains_key(key));
        let next = list(self.me, [from].into_iter().chain(alive.copied()));
        // Someone who has not heard of all of us must not turn the order round.
        if !is_in_order(self.me, &next) {
            return false;
        }
        let before = (self.first(), self.second());
        (self.list, self.is_broken) = (next, false);
        before != (self.first(), self.second())
    }

    /// This peer does not answer any more. True if it was one of the first two.
    pub fn lose(&mut self, peer: Key, until: Duration) -> bool {
        self.gone.insert(peer, until);
        let Some(at) = self.list.iter().position(|key| *key == peer) else { return false };
        if peer == self.me {
            return false;
        }
        self.list.retain(|key| *key != peer);
        if self.list.is_empty() {
            self.list.push(self.me);
        }
        self.is_broken = (self.is_broken || at < 2) && !self.is_alone();
        at < 2
    }

    /// This peer departs, and says who its own successors are. True if that changes the first two.
    pub fn depart(&mut self, peer: Key, its: &[Key], until: Duration) -> bool {
        self.gone.insert(peer, until);
        let Some(at) = self.list.iter().position(|key| *key == peer && *key != self.me) else {
            return false;
        };
        let kept = self.list[..at].iter().copied();
        let alive = its.iter().take_while(|key| !self.gone.contains_key(key)).copied();
        let next = list(self.me, kept.chain(alive));
        if next.is_empty() || !is_in_order(self.me, &next) {
            return self.lose(peer, until);
        }
        self.list = next;
        at < 2
    }

    /// This peer stands between this one and its first successor from now on. True if it does.
    pub fn join(&mut self, peer: Key) -> bool {
        self.gone.remove(&peer);
        let is_here = peer != self.me && peer.is_between(self.me, self.first());
        if is_here {
            self.list.insert(0, peer);
            self.list.truncate(KNOWN);
        }
        is_here
    }

    /// This peer is alive, whatever was said.
    pub fn revive(&mut self, peer: Key) {
        self.gone.remove(&peer);
    }
}

/// At most [`KNOWN`] keys, up to `me`.
fn list(me: Key, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
    let mut list: Vec<Key> = Vec::new();
    for key in keys {
        if list.len() == KNOWN || list.contains(&key) {
            break;
        }
        list.push(key);
        if key == me {
            break;
        }
    }
    list
}

/// True if these follow each other going round from `me`, at most once.
pub fn is_in_order(me: Key, list: &[Key]) -> bool {
    let far = |key: &Key| if *key == me { 256 } else { u16::from(me.distance_to(*key)) };
    list.windows(2).all(|pair| far(&pair[0]) < far(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(30);

    fn keys(list: &[u8]) -> Vec<Key> {
        list.iter().map(|key| Key(*key)).collect()
    }

    fn of(me: u8, first: u8, second: u8) -> Successors {
        Successors::new(Key(me), Key(first), Key(second))
    }

    #[test]
    fn after_a_death_the_second_becomes_the_first_and_the_next_is_asked_for() {
        let mut table = of(3, 4, 5);
        assert!(table.lose(Key(4), LATER));
        assert_eq!((table.first(), table.second()), (Key(5), None));
        assert!(table.must_ask());
        assert!(table.learn(Key(5), &keys(&[8, 10])));
        assert_eq!((table.first(), table.second()), (Key(5), Some(Key(8))));
        assert_eq!(table.list(), keys(&[5, 8, 10]));
    }

    #[test]
    fn a_dead_second_is_not_taken_again_from_one_who_has_not_noticed() {
        let mut table = of(3, 4, 5);
        assert!(table.lose(Key(5), LATER));
        assert!(!table.learn(Key(4), &keys(&[5, 8])), "the dead one");
        assert!(table.must_ask());
        assert!(table.learn(Key(4), &keys(&[8, 10])));
        assert!(!table.must_ask());
        table.forget_gone(LATER);
        assert!(!table.is_gone(Key(5)));
    }

    #[test]
    fn two_that_die_together_leave_the_third() {
        let mut table = of(3, 4, 5);
        table.learn(Key(4), &keys(&[5, 8]));
        table.lose(Key(4), LATER);
        table.lose(Key(5), LATER);
        assert_eq!((table.first(), table.must_ask()), (Key(8), true));
    }

    #[test]
    fn the_last_one_notices_that_it_is_alone() {
        let mut table = of(1, 5, 9);
        table.learn(Key(5), &keys(&[9, 1]));
        assert_eq!(table.list(), keys(&[5, 9, 1]));
        assert!(table.lose(Key(5), LATER) && table.lose(Key(9), LATER));
        assert!(table.is_alone() && !table.must_ask());
        assert_eq!(table.second(), Some(Key(1)));
        assert!(table.join(Key(7)));
        assert_eq!((table.first(), table.second()), (Key(7), Some(Key(1))));
    }

    #[test]
    fn who_departs_leaves_its_own_successors() {
        // The example of the assignment: 10 quits.
        let mut eight = of(8, 10, 12);
        assert!(eight.depart(Key(10), &keys(&[12, 15, 1]), LATER));
        assert_eq!((eight.first(), eight.second()), (Key(12), Some(Key(15))));
        let mut five = of(5, 8, 10);
        assert!(five.depart(Key(10), &keys(&[12, 15, 1]), LATER));
        assert_eq!((five.first(), five.second()), (Key(8), Some(Key(12))));
        assert!(!five.depart(Key(10), &keys(&[12, 15]), LATER), "once");
        // In a ring of two.
        let mut two = of(1, 5, 1);
        assert!(two.depart(Key(5), &keys(&[1]), LATER));
        assert!(two.is_alone());
    }

    #[test]
    fn a_newcomer_stands_before_the_first_and_nowhere_else() {
        let mut table = of(4, 8, 10);
        assert!(!table.join(Key(9)) && !table.join(Key(4)) && !table.join(Key(8)));
        assert!(table.join(Key(5)));
        assert_eq!(table.list(), keys(&[5, 8, 10]));
    }

    #[test]
    fn what_turns_the_order_round_is_not_believed() {
        let mut table = of(4, 8, 10);
        assert!(!table.learn(Key(8), &keys(&[5, 12])));
        assert!(!table.learn(Key(10), &keys(&[12])), "only the first is asked");
        assert!(table.learn(Key(8), &keys(&[9, 10])));
        assert!(is_in_order(Key(200), &keys(&[250, 3, 200])));
        assert!(!is_in_order(Key(200), &keys(&[3, 250])));
    }
}
