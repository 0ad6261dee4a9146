//! What people do to a right log that leaves it right: they collect it in some order, lose its
//! beginning, or stop a peer while it prints.

use std::collections::{BTreeMap, BTreeSet};

use super::log::Run;
use super::print::{Front, Printed};
use super::prng::Prng;

/// Files: their names and texts.
pub(crate) type Files = Vec<(String, String)>;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Nothing,
    /// The first lines of each peer.
    Beginnings,
    /// The first lines of the merged log.
    Beginning,
    /// All lines of some peers.
    Peers,
    /// The last lines of each peer, which was killed before they left its buffer.
    Ends,
    /// The last line of each file, from some byte on.
    Bytes,
    /// The first lines of each file, up to some byte.
    Head,
}

/// Which peers share a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// All of them.
    One,
    /// Every other one.
    Two,
    /// None.
    Each,
}

pub(crate) const CUTS: &[Cut] =
    &[Cut::Nothing, Cut::Beginnings, Cut::Beginning, Cut::Peers, Cut::Ends, Cut::Bytes, Cut::Head];

/// How a log is collected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collected {
    pub(crate) cut: Cut,
    /// Which peers share a file.
    pub(crate) files: Sharing,
    /// In one file, the peers' lines are interleaved in another way.
    pub(crate) merged: bool,
    /// The names of the files say whose they are.
    pub(crate) named: bool,
    /// There is a hostsfile.
    pub(crate) hosts: bool,
}

impl Collected {
    pub(crate) fn draw(prng: &mut Prng, cut: Cut) -> Self {
        Self {
            cut,
            files: prng.pick(&[
                Sharing::One,
                Sharing::One,
                Sharing::Two,
                Sharing::Each,
                Sharing::Each,
            ]),
            merged: prng.chance(50),
            named: prng.chance(50),
            hosts: prng.chance(50),
        }
    }

    pub(crate) fn labels(self, front: Front) -> Vec<String> {
        let whose = match (self.files, self.named) {
            (Sharing::Each, true) => "a file for each peer, named",
            (Sharing::Each, false) => "a file for each peer",
            (Sharing::One, _) if !front.names_peers() => "one file, no names in front",
            (Sharing::One, _) => "one file",
            (Sharing::Two, _) if !front.names_peers() => "two files, no names in front",
            (Sharing::Two, _) => "two files",
        };
        let hosts = if self.hosts { "--hosts" } else { "no --hosts" };
        vec![format!("lost {:?}", self.cut), whose.into(), hosts.into()]
    }

    /// The files that become of a log.
    pub(crate) fn files(self, run: &Run, log: &[Printed], prng: &mut Prng) -> Files {
        let mut log = log.to_vec();
        match self.cut {
            Cut::Beginnings => {
                let mut left: BTreeMap<u16, usize> =
                    (1..=run.peers).map(|peer| (peer, prng.below(12))).collect();
                log.retain(|line| spare(&mut left, line.peer));
            }
            Cut::Beginning => {
                log.drain(..prng.below(log.len() + 1));
            }
            Cut::Peers => {
                let gone: BTreeSet<u16> = (1..=run.peers).filter(|_| prng.chance(35)).collect();
                log.retain(|line| !gone.contains(&line.peer));
            }
            Cut::Ends => {
                let mut left: BTreeMap<u16, usize> =
                    (1..=run.peers).map(|peer| (peer, prng.below(8))).collect();
                log.reverse();
                log.retain(|line| spare(&mut left, line.peer));
                log.reverse();
            }
            Cut::Nothing | Cut::Bytes | Cut::Head => {}
        }
        if self.merged {
            log = merge(&log, prng);
        }
        let mut files = collect(&log, self.files, self.named);
        prng.shuffle(&mut files);
        if self.cut == Cut::Bytes {
            for (_, text) in &mut files {
                let line = text.trim_end_matches('\n').rfind('\n').map_or(0, |end| end + 1);
                cut_at(text, line + prng.below(text.len() - line + 1));
            }
        }
        if self.cut == Cut::Head {
            for (_, text) in &mut files {
                let mut start = prng.below(text.len().min(1000) + 1);
                while !text.is_char_boundary(start) {
                    start += 1;
                }
                text.drain(..start);
            }
        }
        files
    }
}

/// Counts a line of this peer against what is to be left out.
fn spare(left: &mut BTreeMap<u16, usize>, peer: u16) -> bool {
    let left = left.entry(peer).or_default();
    *left = left.saturating_sub(1);
    *left == 0
}

pub(crate) fn cut_at(text: &mut String, mut at: usize) {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
}

impl Sharing {
    /// Which file a peer's lines go to.
    fn file(self, peer: u16) -> u16 {
        match self {
            Self::One => 0,
            Self::Two => peer % 2,
            Self::Each => peer,
        }
    }
}

/// The files that these lines go to.
pub(crate) fn collect(log: &[Printed], sharing: Sharing, named: bool) -> Files {
    let mut files: BTreeMap<u16, String> = BTreeMap::new();
    for line in log {
        let file = files.entry(sharing.file(line.peer)).or_default();
        file.push_str(&line.text);
        file.push('\n');
    }
    let name = |file: u16| match (sharing, named) {
        (Sharing::Each, true) => format!("peer{file}.log"),
        _ => format!("{}.out", char::from(b'a' + u8::try_from(file % 26).unwrap_or(0))),
    };
    files.into_iter().map(|(file, text)| (name(file), text)).collect()
}

/// Where each line comes to stand in these files: which file, and which line of it.
pub(crate) fn places(log: &[Printed], sharing: Sharing) -> Vec<(u16, u64)> {
    let files: BTreeSet<u16> = log.iter().map(|line| sharing.file(line.peer)).collect();
    let mut lengths: BTreeMap<u16, u64> = BTreeMap::new();
    let place = |line: &Printed| {
        let file = sharing.file(line.peer);
        let length = lengths.entry(file).or_default();
        *length += 1;
        let index = files.iter().position(|other| *other == file).expect("is among them");
        (u16::try_from(index).expect("one of a few"), *length)
    };
    log.iter().map(place).collect()
}

/// Another interleaving in which each peer's lines keep their order.
pub(crate) fn merge(log: &[Printed], prng: &mut Prng) -> Vec<Printed> {
    let mut slots: Vec<u16> = log.iter().map(|line| line.peer).collect();
    // Sometimes a peer's lines come in a block.
    match prng.below(4) {
        0 => {
            let mut peers: Vec<u16> =
                slots.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            prng.shuffle(&mut peers);
            let place = |peer: &u16| peers.iter().position(|other| other == peer);
            slots.sort_by_key(place);
        }
        _ => prng.shuffle(&mut slots),
    }
    let mut queues: BTreeMap<u16, Vec<&Printed>> = BTreeMap::new();
    for line in log.iter().rev() {
        queues.entry(line.peer).or_default().push(line);
    }
    let next = |peer: u16| queues.get_mut(&peer).and_then(Vec::pop).expect("as many as slots");
    slots.into_iter().map(next).cloned().collect()
}
