use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

fn owner(peer: u16, fingerprint: &str) -> Owner {
    Owner { protocol: "test/1".into(), peer: PeerId(peer), fingerprint: fingerprint.into() }
}

/// Opens the log and gives what it restores.
fn open(dir: &Path) -> Result<(Disk, Vec<String>, Option<String>)> {
    let mut restored = Vec::new();
    let (disk, cut) = Disk::open(dir, &owner(3, "f"), |record| restored.push(record))?;
    Ok((disk, restored, cut))
}

/// A log with these flushes, each a list of records.
fn written(flushes: &[&[&str]]) -> (TempDir, Vec<u8>) {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    for records in flushes {
        let count = records.iter().map(|record| disk.append(record)).max().unwrap();
        disk.commit(count).unwrap();
    }
    let bytes = fs::read(dir.path().join("log")).unwrap();
    (dir, bytes)
}

fn refusal(dir: &Path) -> String {
    match open(dir) {
        Ok((_, restored, _)) => panic!("it was opened and gave {restored:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_was_committed_comes_back_in_its_order() {
    let (dir, _) = written(&[&["a", "b"], &["c"]]);
    let (disk, restored, cut) = open(dir.path()).unwrap();
    assert_eq!(restored, ["a", "b", "c"]);
    assert_eq!(cut, None);
    let count = disk.append(&"d");
    disk.commit(count).unwrap();
    drop(disk);
    assert_eq!(open(dir.path()).unwrap().1, ["a", "b", "c", "d"]);
}

#[test]
fn one_flush_serves_all_who_wait() {
    let dir = TempDir::new().unwrap();
    let (disk, _, _) = open(dir.path()).unwrap();
    let counts: Vec<u64> = (0..10).map(|n| disk.append(&n.to_string())).collect();
    disk.commit(counts[0]).unwrap();
    assert_eq!(disk.durable(), counts[9]);
    let lines = fs::read_to_string(dir.path().join("log")).unwrap().lines().count();
    assert_eq!(lines, 2, "the owner and one flush");
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

/// Every length that a crash can leave of the last flush, with the rest missing or unwritten.
#[test]
fn a_torn_last_line_is_cut_off_at_any_byte_and_the_log_goes_on() {
    let (dir, whole) = written(&[&["a"], &["last", "flush"]]);
    let path = dir.path().join("log");
    let before = whole[..whole.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for kept in before..whole.len() {
        for hole in [false, true] {
            let mut torn = whole[..kept].to_vec();
            if hole {
                torn.resize(whole.len(), 0);
            }
            fs::write(&path, &torn).unwrap();
            let (disk, restored, cut) = open(dir.path()).unwrap();
            assert_eq!(restored, ["a"], "{kept} bytes kept, hole {hole}");
            assert_eq!(cut.is_some(), torn.len() > before, "{kept} bytes kept, hole {hole}");
            let count = disk.append(&"next");
            disk.commit(count).unwrap();
            drop(disk);
            assert_eq!(open(dir.path()).unwrap().1, ["a", "next"]);
        }
    }
}

/// Sectors are written in any order: the middle of the last line may be missing.
#[test]
fn a_hole_in_the_last_line_is_a_torn_line() {
    let (dir, mut bytes) = written(&[&["a"], &["a long last flush"]]);
    let end = bytes.len();
    bytes[end - 12..end - 4].fill(0);
    fs::write(dir.path().join("log"), &bytes).unwrap();
    assert_eq!(open(dir.path()).unwrap().1, ["a"]);
}

/// Any changed byte that no crash can explain is refused, in every line, the last one too.
#[test]
fn damage_is_refused_wherever_it_is() {
    let (dir, whole) = written(&[&["a"], &["b"], &["c"]]);
    let path = dir.path().join("log");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x01;
        fs::write(&path, &bytes).unwrap();
        let text = refusal(dir.path());
        let told = text.contains("damaged") || text.contains("belongs to");
        assert!(told && text.contains("log"), "byte {at}: {text}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "and nothing is touched");
    }
}

#[test]
fn a_hole_with_a_good_line_behind_it_is_damage() {
    let (dir, mut bytes) = written(&[&["a"], &["b"], &["c"]]);
    let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    bytes[second..second + 20].fill(0);
    fs::write(dir.path().join("log"), &bytes).unwrap();
    assert!(refusal(dir.path()).contains("line 2 is damaged"));
}

#[test]
fn an_empty_log_is_damage_and_not_a_fresh_start() {
    let (dir, whole) = written(&[&["a"]]);
    let first = whole.iter().position(|b| *b == b'\n').unwrap();
    for kept in [0, 1, first] {
        fs::write(dir.path().join("log"), &whole[..kept]).unwrap();
        assert!(refusal(dir.path()).contains("line 1 is damaged"), "{kept} bytes kept");
    }
}

#[test]
fn a_lost_log_is_not_a_fresh_start() {
    let (dir, _) = written(&[&["a"]]);
    fs::remove_file(dir.path().join("log")).unwrap();
    assert!(refusal(dir.path()).contains("promises are lost"));
}

#[test]
fn a_crash_while_the_log_is_made_leaves_a_new_directory() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log.new"), "0000").unwrap();
    assert_eq!(open(dir.path()).unwrap().1, Vec::<String>::new());
}

#[test]
fn a_log_of_another_peer_or_another_hostsfile_is_refused() {
    let (dir, _) = written(&[&["a"]]);
    for (owner, want) in [
        (owner(4, "f"), "belongs to peer3, not to peer4"),
        (owner(3, "g"), "another hostsfile"),
        (Owner { protocol: "other/1".into(), ..owner(3, "f") }, "belongs to test/1"),
    ] {
        let error = Disk::open(dir.path(), &owner, |_: String| {}).err().unwrap();
        assert!(error.to_string().contains(want), "{error}");
    }
}

#[test]
fn a_directory_has_one_user() {
    let (dir, _) = written(&[&["a"]]);
    let first = open(dir.path()).unwrap();
    assert!(refusal(dir.path()).contains("in use by another process"));
    drop(first);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn a_log_that_is_no_file_is_refused() {
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("log")).unwrap();
    assert!(refusal(dir.path()).contains("is no regular file"));
}
