mod damage;
mod names;

use std::path::Path;
use std::{fs, io};

use tempfile::TempDir;

use super::form::SECTOR;
use super::*;
use crate::process::{Effects, NoInput, PeerId};

/// Remembers every record, and believes none twice in a row.
#[derive(Debug, Default, PartialEq, Eq)]
struct Notes(Vec<String>);

impl Process for Notes {
    const PROTOCOL: &'static str = "test/1";
    type Message = ();
    type Record = String;
    type Timer = ();
    type Fact = ();
    type Input = NoInput;

    fn restore(&mut self, record: String) {
        self.0.push(record);
    }

    fn disbelieves(&self, record: &String) -> Option<String> {
        (self.0.last() == Some(record)).then(|| format!("{record} is there twice"))
    }

    fn snapshot(&self) -> Vec<String> {
        self.0.clone()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, (): (), _: &mut Effects<Self>) {}

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, (): &()) -> Option<String> {
        None
    }
}

fn owner(peer: u16, fingerprint: &str) -> Owner {
    Owner { protocol: "test/1".into(), peer: PeerId(peer), fingerprint: fingerprint.into() }
}

/// Opens the log and gives what it restores.
fn open(dir: &Path) -> Result<(Disk, Vec<String>, Option<String>)> {
    let mut notes = Notes::default();
    let (disk, cut) = Disk::open(dir, &owner(3, "f"), &mut notes)?;
    Ok((disk, notes.0, cut))
}

/// Appends these records and makes them durable with one flush.
fn flush(disk: &Disk, records: &[&str]) {
    let count = records.iter().map(|record| disk.append(record)).max().unwrap();
    disk.commit(count).unwrap();
}

fn log(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("log")).unwrap()
}

/// A log with these flushes, each a list of records.
fn written(flushes: &[&[&str]]) -> (TempDir, Vec<u8>) {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    for records in flushes {
        flush(&disk, records);
    }
    let bytes = log(dir.path());
    (dir, bytes)
}

fn refusal(dir: &Path) -> String {
    match open(dir) {
        Ok((_, restored, _)) => panic!("it was opened and gave {restored:?}"),
        Err(error) => error.to_string(),
    }
}

/// The lines of a log, each with its newline.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn what_was_committed_comes_back_in_its_order() {
    let (dir, _) = written(&[&["a", "b"], &["c"]]);
    let (disk, restored, cut) = open(dir.path()).unwrap();
    assert_eq!(restored, ["a", "b", "c"]);
    assert_eq!(cut, None);
    flush(&disk, &["d"]);
    drop(disk);
    assert_eq!(open(dir.path()).unwrap().1, ["a", "b", "c", "d"]);
}

#[test]
fn every_line_fills_whole_sectors_and_says_what_the_module_says() {
    // Texts of every length around a sector's end.
    for length in (440..480).chain(950..990) {
        let (dir, bytes) = written(&[&[&"x".repeat(length)], &["b"]]);
        for line in lines(&bytes) {
            assert_eq!((line.len() % SECTOR, line[0]), (0, b'\t'), "{length}");
        }
        assert_eq!(open(dir.path()).unwrap().1, ["x".repeat(length), "b".into()]);
    }
    let (_dir, bytes) = written(&[&["a"]]);
    let text = String::from_utf8(bytes).unwrap();
    let header = r#"{"form":2,"generation":1,"protocol":"test/1","peer":3,"fingerprint":"f"}"#;
    let texts: Vec<&str> = text.lines().map(|line| line[44..].trim_end()).collect();
    assert_eq!(texts, [header, "[]", r#"["a"]"#]);
}

#[test]
fn one_flush_serves_all_who_wait() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    let counts: Vec<u64> = (0..10).map(|n| disk.append(&n.to_string())).collect();
    disk.commit(counts[0]).unwrap();
    assert_eq!(disk.durable(), counts[9]);
    assert_eq!(lines(&log(dir.path())).len(), 3, "the owner, the snapshot and one flush");
}

#[test]
fn a_record_is_not_durable_before_its_commit() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    disk.append(&"a");
    assert_eq!(disk.durable(), 0);
    drop(disk);
    assert_eq!(open(dir.path()).unwrap().1, Vec::<String>::new());
}

/// The old file is read and never written: whoever has it open sees it unchanged.
#[test]
fn an_incarnation_begins_with_a_new_file_of_the_next_generation() {
    let (dir, first) = written(&[&["a"], &["b"]]);
    fs::write(dir.path().join("log"), [&first[..], &[0; 600]].concat()).unwrap();
    let mut old = File::open(dir.path().join("log")).unwrap();
    for generation in 2..5 {
        let (_, restored, cut) = open(dir.path()).unwrap();
        assert_eq!((restored.len(), cut.is_some()), (2, generation == 2));
        let text = String::from_utf8(log(dir.path())).unwrap();
        assert!(text.contains(&format!(r#""generation":{generation},"#)), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(r#"["a","b"]"#), "{text}");
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut old, &mut bytes).unwrap();
    assert_eq!(bytes, [&first[..], &[0; 600]].concat());
}

/// In one incarnation and over incarnations, however many records there are.
#[test]
fn a_log_that_has_grown_is_replaced_by_its_snapshot() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    let path = dir.path().join("log");
    let text = "x".repeat(60_000);
    let (mut replaced, mut longest) = (0, 0);
    for round in 0..100 {
        let count = disk.append(&format!("{round} {text}"));
        if disk.is_long() {
            // What is pending goes with the log, what comes later stays behind the snapshot.
            disk.replace(&[format!("up to {round}")]);
            assert!(!disk.is_long(), "asked once");
            flush(&disk, &["later"]);
            replaced += 1;
        }
        disk.commit(count).unwrap();
        longest = fs::metadata(&path).unwrap().len().max(longest);
    }
    assert!((4..10).contains(&replaced), "{replaced}");
    assert!(longest < SHORT + 2 * 61_000, "{longest}");
    assert_eq!(disk.durable(), 100 + replaced);
    let header = String::from_utf8(log(dir.path())[..SECTOR].to_vec()).unwrap();
    assert!(header.contains(&format!(r#""generation":{},"#, 1 + replaced)), "{header}");
    drop(disk);
    let (_, restored, cut) = open(dir.path()).unwrap();
    assert!(restored[0].starts_with("up to "), "{}", &restored[0][..10]);
    assert_eq!((restored[1].as_str(), cut), ("later", None));
    assert!(restored.last().unwrap().starts_with("99 "));
}

/// A state larger than the bound is not written again for each record.
#[test]
fn a_large_snapshot_may_be_followed_by_more() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    let text = "x".repeat(700_000);
    flush(&disk, &["a", &text]);
    flush(&disk, &["b", &text]);
    assert!(disk.is_long());
    disk.replace(&["b", &text]);
    flush(&disk, &["c", &text]);
    assert!(!disk.is_long(), "it begins with 1.4 MB");
    for _ in 0..6 {
        flush(&disk, &["d", &text]);
    }
    assert!(!disk.is_long());
    flush(&disk, &["e", &text]);
    assert!(disk.is_long(), "it has 7 MB");
}
