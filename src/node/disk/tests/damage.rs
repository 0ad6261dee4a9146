//! What is not as it was written: refused wherever no crash can have left it.

use std::io::Cursor;

use proptest::prelude::{Strategy as _, any};
use proptest::test_runner::Config as ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::node::disk::form::PREFIX;
use crate::node::disk::replay::{Found, replay};

/// What a log with these bytes restores, and how much of it is torn.
fn read(bytes: &[u8]) -> Result<(Vec<String>, Found)> {
    let mut notes = Notes::default();
    let found = replay(Cursor::new(bytes), &owner(3, "f"), &mut notes)?;
    Ok((notes.0, found))
}

#[track_caller]
fn assert_refused(bytes: &[u8], what: impl Fn() -> String) {
    match read(bytes) {
        Ok(found) => panic!("{}: it gave {found:?}", what()),
        Err(error) => {
            let text = error.to_string();
            let told = text.contains("is damaged: ") || text.contains("belongs to");
            assert!(told, "{}: {text}", what());
        }
    }
}

/// What is torn off; the records of the other lines are restored.
#[track_caller]
fn assert_torn(bytes: &[u8], records: &[String], torn: usize, what: impl Fn() -> String) {
    let (restored, found) = read(bytes).unwrap_or_else(|error| panic!("{}: {error}", what()));
    assert_eq!((found.torn, restored), (torn as u64, records.to_vec()), "{}", what());
}

/// A header, a snapshot of two records and three lines; all begin with the same text, so that no
/// place in a line is special. The middle one has two sectors, the last one three.
fn log() -> Vec<u8> {
    let (dir, _) = written(&[&["old"], &["older"]]);
    let (disk, _, _) = open(dir.path()).unwrap();
    flush(&disk, &["one"]);
    flush(&disk, &["two", &"2".repeat(600)]);
    flush(&disk, &["three", &"3".repeat(1200)]);
    super::log(dir.path())
}

/// How the lines of [`log`] are as bytes.
const SIZES: [usize; 5] = [512, 512, 512, 1024, 1536];

#[test]
fn the_log_of_these_tests_is_what_they_take_it_for() {
    let bytes = log();
    let sizes: Vec<usize> = lines(&bytes).iter().map(|line| line.len()).collect();
    assert_eq!(sizes, SIZES);
    let (restored, found) = read(&bytes).unwrap();
    assert_eq!(restored.len(), 7);
    assert_eq!(found, Found { generation: 2, torn: 0 });
}

#[test]
fn every_flipped_bit_and_every_overwritten_byte_is_refused() {
    let whole = log();
    let mut bytes = whole.clone();
    for at in 0..whole.len() {
        let flipped = (0..8).map(|bit| whole[at] ^ (1 << bit));
        for byte in flipped.chain(*b"\0 \n\t\r0~\xff") {
            if byte != whole[at] {
                bytes[at] = byte;
                assert_refused(&bytes, || format!("byte {at} is {byte}"));
            }
        }
        bytes[at] = whole[at];
    }
}

#[test]
fn every_pair_of_neighbouring_bytes_is_refused_whichever_bits_are_flipped() {
    // Short lines only: a pair is at most in two of them.
    let (_dir, whole) = written(&[&["a"], &["b"]]);
    let mut bytes = whole.clone();
    for at in 0..whole.len() - 1 {
        let bits = (0..8).flat_map(|one| (0..8).map(move |two| (1 << one, 1 << two)));
        let cleared =
            [(whole[at], whole[at + 1]), (0xff, 0xff), (whole[at], 1), (1, whole[at + 1])];
        for (one, two) in bits.chain(cleared) {
            (bytes[at], bytes[at + 1]) = (whole[at] ^ one, whole[at + 1] ^ two);
            assert_refused(&bytes, || format!("bytes {at} and next are flipped by {one}, {two}"));
        }
        (bytes[at], bytes[at + 1]) = (whole[at], whole[at + 1]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_few_damaged_bytes_anywhere_are_refused(
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..9)
    ) {
        let whole = log();
        let mut bytes = whole.clone();
        for (at, byte) in damage {
            bytes[at.index(whole.len())] = byte;
        }
        if bytes != whole {
            prop_assert!(read(&bytes).is_err());
        }
    }

    /// Whatever a file holds, reading ends, and what is torn is never more than the last line.
    #[test]
    fn any_bytes_behind_a_good_log_are_refused_or_torn(
        tail in proptest::collection::vec(
            proptest::prop_oneof![4 => proptest::strategy::Just(0_u8), 1 => any::<u8>()], 0..1500,
        ).prop_filter("a log of these is a log", |tail| !tail.is_empty())
    ) {
        let whole = log();
        let torn = tail.len() as u64;
        if let Ok((restored, found)) = read(&[whole, tail].concat()) {
            prop_assert_eq!((restored.len(), found.torn), (7, torn));
        }
    }
}

/// A log's lines, and the records of all but the last one, which is never in the first two.
fn cases() -> Vec<(Vec<u8>, usize, Vec<String>)> {
    [&[][..], &[&["a"][..]], &[&["a"], &["bb", "cc"]]]
        .into_iter()
        .flat_map(|before: &[&[&str]]| {
            [vec!["x"], vec!["y", "z"], vec![&*"long ".repeat(100)], vec![&*"long ".repeat(260)]]
                .map(|last| {
                    let flushes: Vec<&[&str]> = before.iter().copied().chain([&last[..]]).collect();
                    let (_dir, whole) = written(&flushes);
                    let last = lines(&whole).last().unwrap().len();
                    let records = before.concat().iter().map(ToString::to_string).collect();
                    (whole.clone(), whole.len() - last, records)
                })
        })
        .collect()
}

/// Every end of the last line that a crash can leave: any set of its sectors unwritten, and any
/// length of the file.
#[test]
fn a_torn_last_line_is_left_out_whichever_sectors_and_bytes_are_missing() {
    for (whole, start, records) in cases() {
        let sectors = (whole.len() - start) / SECTOR;
        for unwritten in 0..1 << sectors {
            let mut bytes = whole.clone();
            for sector in (0..sectors).filter(|sector| unwritten >> sector & 1 == 1) {
                bytes[start + sector * SECTOR..][..SECTOR].fill(0);
            }
            for end in start..=whole.len() {
                if end < whole.len() || unwritten > 0 {
                    let what = || format!("{unwritten:b} of {sectors} unwritten, {end}");
                    assert_torn(&bytes[..end], &records, end - start, what);
                }
            }
        }
    }
}

#[test]
fn what_does_not_begin_like_a_line_is_no_torn_one_however_short_it_is() {
    let (_dir, whole) = written(&[&["a"]]);
    for length in 1..100 {
        assert_refused(&[&whole[..], &vec![b'0'; length]].concat(), || format!("{length} bytes"));
        // One that does may be a torn one as long as it has not said how long it is.
        let bytes = [&whole[..], b"\t", &vec![b'0'; length - 1]].concat();
        let what = || format!("a mark and {length} bytes");
        if length < PREFIX {
            assert_torn(&bytes, &["a".into()], length, what);
        } else {
            assert_refused(&bytes, what);
        }
    }
}

#[test]
fn the_header_and_the_snapshot_are_never_torn() {
    let (_dir, whole) = written(&[&["a"]]);
    for end in 0..2 * SECTOR {
        assert_refused(&whole[..end], || format!("{end} bytes are left"));
    }
    for sector in 0..2 {
        let mut bytes = whole[..2 * SECTOR].to_vec();
        bytes[sector * SECTOR..][..SECTOR].fill(0);
        assert_refused(&bytes, || format!("sector {sector}"));
    }
}

/// Every set of sectors: damage, unless all that is left can be the rest of one line in flight.
#[test]
fn unwritten_sectors_before_the_last_line_are_damage() {
    let whole = log();
    let sectors = whole.len() / SECTOR;
    let last = sectors - SIZES[4] / SECTOR;
    let (mut refused, mut torn) = (0, 0);
    for unwritten in 1_usize..1 << sectors {
        let is_unwritten = |sector: usize| unwritten >> sector & 1 == 1;
        let mut bytes = whole.clone();
        for sector in (0..sectors).filter(|sector| is_unwritten(*sector)) {
            bytes[sector * SECTOR..][..SECTOR].fill(0);
        }
        let first = unwritten.trailing_zeros() as usize;
        // Nothing is left that begins or ends another line than the last.
        let begins_a_line = [2, 3].contains(&first);
        if first >= last || begins_a_line && (first..=last).all(is_unwritten) {
            let left_out = whole.len() - first.min(last) * SECTOR;
            assert_eq!(read(&bytes).unwrap().1.torn, left_out as u64, "{unwritten:b}");
            torn += 1;
        } else {
            assert_refused(&bytes, || format!("{unwritten:b}"));
            refused += 1;
        }
    }
    assert_eq!((refused, torn), (240, 15));
}

#[test]
fn a_part_of_a_sector_that_reads_as_nul_is_damage() {
    let (_dir, whole) = written(&[&["a"], &["long ".repeat(100).as_str()]]);
    let start = whole.len() - 2 * SECTOR;
    for (from, to) in (start..whole.len()).flat_map(|from| {
        let sector = from / SECTOR * SECTOR;
        [from + 1, from + 7, sector + SECTOR - 1, sector + SECTOR, sector + SECTOR + 1]
            .map(|to| (from, to.min(whole.len())))
    }) {
        let aligned = from % SECTOR == 0 && to % SECTOR == 0;
        if from < to && !aligned {
            let mut bytes = whole.clone();
            bytes[from..to].fill(0);
            assert_refused(&bytes, || format!("{from}..{to}"));
        }
    }
}

/// Each line at each place, instead of the one there or in front of it.
#[test]
fn lines_that_are_swapped_repeated_missing_or_of_an_earlier_file_are_refused() {
    let (dir, earlier) = written(&[&["a"], &["b"], &["c"], &["d"]]);
    let (disk, _, _) = open(dir.path()).unwrap();
    for record in ["e", "f", "g"] {
        flush(&disk, &[record]);
    }
    let present = super::log(dir.path());
    let (earlier, present) = (lines(&earlier), lines(&present));
    let whole = present.concat();
    let refuse = |lines: Vec<&[u8]>, what: &str| {
        let bytes = lines.concat();
        // A log without its last lines is a log as it was before them.
        if !whole.starts_with(&bytes) {
            assert_refused(&bytes, || what.to_owned());
        }
    };
    for at in 0..=present.len() {
        for line in present.iter().chain(&earlier) {
            let mut lines = present.clone();
            lines.insert(at, line);
            refuse(lines, "inserted");
            if at < present.len() {
                let mut lines = present.clone();
                lines[at] = line;
                refuse(lines, "replaced");
            }
        }
        for to in at..=present.len() {
            refuse([&present[..at], &present[to..]].concat(), "missing");
        }
        for other in 0..present.len().min(at) {
            let mut lines = present.clone();
            lines.swap(other, at - 1);
            refuse(lines, "swapped");
        }
        // The end of an earlier file behind the beginning of this one, and the other way round.
        for from in usize::from(at == 0)..earlier.len() {
            refuse([&present[..at], &earlier[from..]].concat(), "from an earlier file");
        }
        if at >= 2 {
            refuse([&earlier[..2], &present[at - 1..]].concat(), "behind an earlier snapshot");
        }
    }
}

/// A complete line, torn by a later one: nothing but one whole line was ever in flight.
#[test]
fn a_second_line_behind_a_broken_one_is_damage() {
    let whole = log();
    let lines = lines(&whole);
    for broken in 1..lines.len() - 1 {
        for kept in [0, 1, 44, 511, 513, lines[broken].len() - 1] {
            let kept = &lines[broken][..kept.min(lines[broken].len() - 1)];
            let hole = vec![0; lines[broken].len() - kept.len()];
            for hole in [&hole[..], &[]] {
                let bytes = [&lines[..broken].concat(), kept, hole, &lines[broken + 1..].concat()];
                if kept.len() + hole.len() > 0 {
                    assert_refused(&bytes.concat(), || format!("line {broken}, {}", kept.len()));
                }
            }
        }
    }
}

#[test]
fn a_record_that_contradicts_the_others_is_damage() {
    let (dir, _) = written(&[&["a"], &["b"]]);
    flush(&open(dir.path()).unwrap().0, &["c", "c"]);
    assert!(refusal(dir.path()).contains("log: line 3 is damaged: c is there twice"));
}

#[test]
fn records_of_another_kind_are_damage() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    let count = disk.append(&7);
    disk.commit(count).unwrap();
    drop(disk);
    assert!(refusal(dir.path()).contains("line 3 is damaged: its records are of another kind"));
}

#[test]
fn what_is_refused_is_left_as_it_is() {
    let (dir, mut bytes) = written(&[&["a"], &["b"]]);
    bytes[3 * SECTOR + 100] ^= 4;
    fs::write(dir.path().join("log"), &bytes).unwrap();
    assert!(refusal(dir.path()).contains("log: line 4 is damaged: its checksum is wrong"));
    assert_eq!(super::log(dir.path()), bytes);
    // A line of two sectors, of which one is there and ends as a line does.
    let (_dir, whole) = written(&[&["a"], &["long ".repeat(100).as_str()]]);
    bytes = whole[..whole.len() - SECTOR].to_vec();
    *bytes.last_mut().unwrap() = b'\n';
    fs::write(dir.path().join("log"), &bytes).unwrap();
    let why = "log: line 4 is damaged: it is shorter than it announces";
    assert!(refusal(dir.path()).contains(why));
    assert!(!dir.path().join("log.new").exists());
}
