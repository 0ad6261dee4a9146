use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A file that is gone when the test is over.
struct TempFile(PathBuf);

impl TempFile {
    fn with(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("synod-hosts-{}-{name}", std::process::id()));
        fs::write(&path, content).expect("the temporary directory can be written to");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_files_of_the_repository_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostsfiles");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("hostsfiles/ is there") {
        let path = entry.expect("hostsfiles/ can be listed").path();
        // That of the ring has a form of its own.
        if path.ends_with("hosts-ring.txt") {
            continue;
        }
        let hosts = Hosts::read(&path).unwrap_or_else(|error| panic!("{error}"));
        hosts.check_ports(3000).unwrap_or_else(|error| panic!("{error}"));
        count += 1;
    }
    assert!(count >= 5, "{count} files");
}

#[test]
fn a_file_is_read_like_its_text() {
    let file = TempFile::with("good", b"\xef\xbb\xbfa:acceptor1\r\n");
    assert_eq!(summary(&Hosts::read(&file.0).expect("a good file")), ["1@1=a:acceptor1"]);
    let file = TempFile::with("bad-role", b"a:acceptor1\nb:judge\n");
    let error = Hosts::read(&file.0).expect_err("no role").to_string();
    assert!(error.starts_with(&format!("{}:2: unknown role", file.0.display())), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error =
        Hosts::read(Path::new("/nowhere/hosts\u{1b}.txt")).expect_err("missing").to_string();
    assert!(error.starts_with("reading the hostsfile /nowhere/hosts\u{fffd}.txt: "), "{error}");
}

#[test]
fn a_directory_is_no_hostsfile() {
    let error = Hosts::read(Path::new("/")).expect_err("a directory").to_string();
    assert_eq!(error, "/: this is a directory; name the hostsfile itself");
}

#[test]
fn a_binary_file_is_refused_with_its_line() {
    for (content, line) in [(&b"\xff\xfea\0"[..], 1), (b"a\nb\xc3\n", 2), (b"a\nb\n\x80", 3)] {
        let file = TempFile::with(&format!("binary{line}"), content);
        let error = Hosts::read(&file.0).expect_err("binary").to_string();
        let place = format!("{}:{line}: this is not UTF-8", file.0.display());
        assert!(error.starts_with(&place), "{error}");
    }
}

#[test]
fn no_more_of_a_file_is_read_than_the_limit() {
    let full = usize::try_from(MAX_FILE_BYTES).expect("it fits");
    let content = "a:acceptor1\n".to_owned() + &"\n".repeat(full);
    let file = TempFile::with("full", &content.as_bytes()[..full]);
    Hosts::read(&file.0).expect("exactly the limit");
    let file = TempFile::with("longer", &content.as_bytes()[..=full]);
    let error = Hosts::read(&file.0).expect_err("a byte more").to_string();
    assert!(error.contains(": longer than 1048576 bytes; "), "{error}");
    // This one has no end at all.
    let error = Hosts::read(Path::new("/dev/zero")).expect_err("endless").to_string();
    assert!(error.contains(": longer than 1048576 bytes; "), "{error}");
}

#[test]
fn a_file_and_a_machine_have_their_own_names() {
    assert_eq!(Hosts::parse("peer1\n", "the file").unwrap().name(), "the file");
    let uname = std::process::Command::new("uname").arg("-n").output().expect("there is uname");
    let name = String::from_utf8(uname.stdout).unwrap();
    assert_eq!(ThisMachine.name().as_deref(), Some(name.trim()));
}
