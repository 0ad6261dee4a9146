use proptest::prelude::*;

use super::*;

fn contents(of: u64) -> Contents {
    Contents { digest: Digest(of.into()), size: of }
}

/// `2b` is an edit with counter 2 by author b; the first of a list made the content.
fn version(edits: &str, of: u64) -> Version {
    let edit = |edit: &str| {
        let (counter, by) = edit.split_at(edit.len() - 1);
        (FileId(u64::from(by.as_bytes()[0])), counter.parse().expect("a counter"))
    };
    let (by, counter) = edit(edits.split(' ').next().expect("an edit"));
    let seen = edits.split(' ').map(edit).collect();
    Version { stamp: Stamp { counter, by }, contents: contents(of), seen }
}

fn told(meeting: &Meeting) -> String {
    let edits = |version: &Version| {
        let name = |by: &FileId| char::from(u8::try_from(by.0).expect("a letter"));
        let seen = version.seen.iter().map(|(by, counter)| format!("{counter}{}", name(by)));
        let stamp = format!("{}{}", version.stamp.counter, name(&version.stamp.by));
        format!("{stamp} of {}", seen.collect::<Vec<_>>().join(" "))
    };
    match meeting {
        Meeting::Keep => "keep".into(),
        Meeting::Adopt(next) => format!("adopt {}", edits(next)),
        Meeting::Take { next, is_conflict: false } => format!("take {}", edits(next)),
        Meeting::Take { next, is_conflict: true } => format!("conflict {}", edits(next)),
    }
}

#[test]
fn what_two_peers_do_when_they_meet() {
    for (ours, theirs, what, of_host, of_guest) in [
        ("1a", "1a", "the same", "keep", "keep"),
        ("1a", "2a", "newer", "take 2a of 2a", "take 2a of 2a"),
        ("2a", "1a", "older", "keep", "keep"),
        ("2b 1a", "1a", "older by another", "keep", "keep"),
        ("1a", "1b", "a conflict lost", "conflict 1b of 1a 1b", "conflict 1b of 1a 1b"),
        ("1b", "1a", "a conflict won", "keep", "keep"),
        ("2a", "1b", "the higher counter wins", "keep", "keep"),
        ("1b", "1b 1a", "ours gave way to itself", "take 1b of 1a 1b", "take 1b of 1a 1b"),
        ("0a", "0b", "found by both", "conflict 0b of 0a 0b", "keep"),
        ("0b", "0a", "found by both", "conflict 0a of 0a 0b", "keep"),
        ("0b", "1a", "an edit is above what was found", "conflict 1a of 1a 0b", "the same"),
        ("0b 0a", "0a 0b", "a circle of found files", "keep", "keep"),
        ("0a 0b", "0b 0a", "a circle of found files", "take 0b of 0a 0b", "take 0b of 0a 0b"),
    ] {
        let (ours, theirs_too) = (version(ours, 1), version(theirs, 2));
        let theirs = if what == "the same" { version(theirs, 1) } else { theirs_too };
        assert_eq!(told(&ours.meet(&theirs, true)), of_host, "{what}: {ours:?} {theirs:?}");
        let of_guest = if of_guest == "the same" { of_host } else { of_guest };
        assert_eq!(told(&ours.meet(&theirs, false)), of_guest, "{what}: {ours:?} {theirs:?}");
    }
    // Equal content is never a conflict.
    for (ours, theirs, want) in [
        ("1a", "1b", "adopt 1b of 1a 1b"),
        ("1b", "1a", "adopt 1b of 1a 1b"),
        ("0a", "0b", "adopt 0b of 0a 0b"),
        ("1a", "3b 1a", "adopt 3b of 1a 3b"),
        ("3b 1a", "1a", "keep"),
    ] {
        let meeting = version(ours, 1).meet(&version(theirs, 1), true);
        assert_eq!(told(&meeting), want, "{ours} meets {theirs}");
    }
}

#[test]
fn an_edit_is_above_all_that_it_has_seen() {
    let old = version("4b 2a", 1);
    let new = old.edited(FileId(97), contents(2), 0);
    assert_eq!(new, version("5a 4b", 2));
    assert!(new.has_seen(&old) && !old.has_seen(&new) && new.objection().is_none());
    assert_eq!(old.edited(FileId(97), contents(2), 9).stamp.counter, 9, "the clock is ahead");
}

#[test]
fn what_no_honest_peer_can_have_is_refused() {
    assert_eq!(version("2a 2b", 1).objection(), None);
    for wrong in ["1a 2b", "9007199254740993a"] {
        assert!(version(wrong, 1).objection().is_some(), "{wrong}");
    }
    let mut many = version("1a", 1);
    many.seen.extend((0..1024).map(|by| (FileId(by + 1000), 0)));
    assert!(many.objection().is_some_and(|why| why.contains("1025 authors")));
    let mut other = version("1a", 1);
    other.stamp.by = FileId(98);
    assert!(other.objection().is_some());
}

#[test]
fn ids_and_digests_are_hexadecimal_digits_and_nothing_else() {
    let id = |text: &str| serde_json::from_str::<FileId>(&format!("{text:?}")).ok();
    assert_eq!(id("00000000000000ff"), Some(FileId(255)));
    for wrong in
        ["", "ff", "../../../etc/pwd", "00000000000000FF", "+0000000000000ff", "é000000000000ff"]
    {
        assert_eq!(id(wrong), None, "{wrong}");
    }
    assert!(serde_json::from_str::<Digest>("\"../..\"").is_err());
    let json = serde_json::to_string(&version("2b 1a", 7)).expect("it serializes");
    assert_eq!(
        serde_json::from_str::<Version>(&json).expect("it is read back"),
        version("2b 1a", 7)
    );
}

/// Peers that hold a version each, and the copies that they have kept.
struct Group {
    versions: Vec<Version>,
    /// Each edit that nobody has continued from, by its content.
    alive: Vec<u64>,
    kept: Vec<u64>,
    next: u64,
}

impl Group {
    fn new(peers: u64) -> Self {
        let found = |peer| Version::found(FileId(peer), contents(peer));
        let alive = (0..peers).collect();
        Self { versions: (0..peers).map(found).collect(), alive, kept: vec![], next: peers }
    }

    fn edit(&mut self, peer: usize) {
        let version = &mut self.versions[peer];
        self.alive.retain(|edit| *edit != version.contents.size);
        *version = version.edited(FileId(peer as u64), contents(self.next), 0);
        self.alive.push(self.next);
        self.next += 1;
    }

    /// `to` hears what `from` has; the higher number has dialled the lower. True if that mattered.
    fn hear(&mut self, from: usize, to: usize) -> bool {
        let before = self.versions[to].clone();
        let theirs = self.versions[from].clone();
        let next = match before.meet(&theirs, to > from) {
            Meeting::Keep => return false,
            Meeting::Adopt(next) => next,
            Meeting::Take { next, is_conflict } => {
                if is_conflict {
                    self.kept.push(before.contents.size);
                }
                next
            }
        };
        assert!(next.has_seen(&before) && next.has_seen(&theirs));
        assert_eq!(next.objection(), None);
        self.versions[to] = next;
        true
    }
}

proptest! {
    #[test]
    fn in_any_order_all_end_with_one_version_and_no_edit_is_lost(
        peers in 2usize..6,
        steps in prop::collection::vec((any::<bool>(), any::<u8>(), any::<u8>()), 0..60),
        order in any::<u64>(),
    ) {
        let mut group = Group::new(peers as u64);
        for (is_edit, one, other) in steps {
            let (one, other) = (usize::from(one) % peers, usize::from(other) % peers);
            if is_edit {
                group.edit(one);
            } else if one != other {
                group.hear(one, other);
            }
            for edit in &group.alive {
                let held = group.versions.iter().any(|version| version.contents.size == *edit);
                prop_assert!(held || group.kept.contains(edit), "{edit} is gone");
            }
        }
        let best = group.versions.iter().map(|version| version.stamp).max().expect("a peer");
        // A ring, in an order that the seed draws, until nothing changes.
        let mut quiet = 0;
        let mut round = order;
        while quiet < 400 {
            round = round.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let one = usize::try_from(round >> 33).expect("it fits") % peers;
            let step = if round & (1 << 20) == 0 { 1 } else { peers - 1 };
            let other = (one + step) % peers;
            quiet = if group.hear(one, other) { 0 } else { quiet + 1 };
        }
        for version in &group.versions {
            prop_assert_eq!(version, &group.versions[0]);
        }
        // Where there was an edit at all, the highest has won.
        if best.counter > 0 {
            prop_assert_eq!(group.versions[0].stamp, best);
        }
    }
}
