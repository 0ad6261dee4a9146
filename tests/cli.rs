//! The command line and the hostsfile: every refusal is one line that says what to do, exit code 2
//! and an empty standard output.

mod common;

use std::net::TcpListener;
use std::path::Path;

use common::{Cluster, End, Program, Scratch, free_ports, synod};

const GOOD: &str = "127.0.0.1:%:proposer1\n127.0.0.2:%:acceptor1\n127.0.0.3:%:acceptor1\n";

/// Runs a peer with this hostsfile. In the text, `%` is a free port.
fn run(hosts: impl AsRef<[u8]>, words: &str) -> End {
    let scratch = Scratch::new();
    let port = free_ports(1)[0].to_string();
    let text = hosts.as_ref();
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.replace('%', &port).into_bytes(),
        Err(_) => text.to_vec(),
    };
    let mut command = synod(words);
    command.current_dir(scratch.path("")).args(["-h", "hosts"]);
    scratch.file("hosts", text);
    Program::start(command).end()
}

/// The one line of this refusal.
fn refusal(end: &End) -> &str {
    assert_eq!((end.code, &end.out), (Some(2), &vec![]), "{end:#?}");
    let hint = end.err.last().filter(|line| line.starts_with("try: synod "));
    assert_eq!(end.err.len() - usize::from(hint.is_some()), 1, "not one line: {end:#?}");
    let line = end.err[0].strip_prefix("synod: ");
    line.unwrap_or_else(|| panic!("it does not say whose it is: {end:#?}"))
}

/// A usage error: also points at the help.
fn usage(end: &End) -> &str {
    assert_eq!(end.err.last().map(String::as_str), Some("try: synod paxos --help"), "{end:#?}");
    refusal(end)
}

#[test]
fn a_flag_that_cannot_be_used_is_refused_with_its_reason() {
    for (words, want) in [
        ("-v XY", "-v \"XY\": a value is exactly one character"),
        ("-v=", "-v \"\": a value is exactly one character"),
        ("-v X -t -1", "-t \"-1\": a time is a number of seconds from 0 up"),
        ("-v X -t soon", "-t \"soon\": a time"),
        ("-v X -t NaN", "-t \"NaN\": a time"),
        ("-v X -t inf", "-t \"inf\": a time"),
        ("-v X -t 1e300", "-t \"1e300\": a time"),
        ("-v X -t 1e10", "-t \"1e10\": a time is at most 1000000000 seconds"),
        ("-v X -t=", "-t \"\": a time"),
        ("-v X --wait -0.1", "--wait \"-0.1\": a time"),
        ("-v X --id 0", "--id \"0\": this is not a number from 1 to 65535"),
        ("-v X --id one", "--id \"one\": this is not a number"),
        ("-v X --id 4", "--id 4: hosts has no such peer; give an id from 1 to 3"),
        ("-v X --id 99999", "--id \"99999\": this is not a number"),
        ("-v X --port 0", "--port \"0\": this is not a number"),
        ("-v X --port 70000", "--port \"70000\": this is not a number"),
        ("-v X --speed 9", "--speed"),
        ("-v X -q", "-q"),
        ("-v X further", "further"),
        ("--until-eof=yes", "yes"),
    ] {
        let end = run(GOOD, words);
        assert!(usage(&end).contains(want), "{words}: {want}: {end:#?}");
    }
}

#[test]
fn a_flag_without_its_value_is_refused() {
    for flag in ["-h", "-v", "-t", "--id", "--port", "--wait", "--data", "--trace"] {
        let end = Program::start(synod(flag)).end();
        assert!(usage(&end).contains(flag), "{flag}: {end:#?}");
    }
    let end = Program::start(synod("-v X")).end();
    assert!(usage(&end).contains("which hostsfile? name it with -h HOSTSFILE"), "{end:#?}");
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let raw = std::ffi::OsStr::from_bytes(b"\xff");
    let mut command = synod("-h hosts -v");
    command.arg(raw);
    let end = Program::start(command).end();
    assert!(usage(&end).contains("not UTF-8"), "{end:#?}");
}

#[test]
fn a_proposer_without_a_value_is_refused_with_its_line() {
    let end = run(format!("# comment\n\n{GOOD}"), "--id 1");
    assert_eq!(
        usage(&end),
        "hosts:3: peer1 is a proposer and needs a value: give it with -v VALUE"
    );
}

#[test]
fn a_hostsfile_that_cannot_be_read_is_refused() {
    let scratch = Scratch::new();
    let directory = scratch.path("").display().to_string();
    let missing = scratch.path("none").display().to_string();
    for (path, want) in [
        (missing.as_str(), "No such file"),
        (directory.as_str(), "this is a directory; name the hostsfile itself"),
        ("/dev/null", "the file names no peer"),
        ("/dev/zero", "longer than 1048576 bytes"),
        ("/proc/self/mem", "reading the hostsfile /proc/self/mem: "),
    ] {
        let end = Program::start(synod(&format!("-v X -h {path}"))).end();
        let line = refusal(&end);
        assert!(line.contains(want) && line.contains(path), "{path}: {line}");
    }
}

#[test]
fn a_hostsfile_of_other_bytes_is_refused() {
    let ten_megabytes = "peer1:acceptor1\n".repeat(10 << 16);
    let binary: Vec<u8> = (0..=255).collect();
    let latin: &[u8] = b"peer1:acceptor1\npeer2:\xe4cceptor1\n";
    for (content, want) in [
        (ten_megabytes.as_bytes(), "hosts: longer than 1048576 bytes; a hostsfile has one short"),
        (&binary, "hosts:2: this is not UTF-8 text"),
        (latin, "hosts:2: this is not UTF-8 text; save the file as UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "hosts:1: host \"\\u{7f}ELF"),
    ] {
        let end = run(content, "--id 1");
        let line = refusal(&end);
        assert!(line.starts_with(want), "{want}: {line}");
        assert!(line.len() < 300, "it shows too much of the file: {line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn a_line_that_cannot_be_used_is_refused_with_file_line_and_reason() {
    for (line, want) in [
        ("a:boss1", "unknown role \"boss1\"; roles are proposerK, acceptorK and learnerK"),
        ("a:acceptors", "unknown role \"acceptors\""),
        ("a:acceptor0", "role \"acceptor0\" needs a number from 1 to 4294967295 or none"),
        ("a:acceptor1x", "role \"acceptor1x\" needs a number"),
        ("a:acceptor+1", "role \"acceptor+1\" needs a number"),
        ("a:acceptor4294967296", "role \"acceptor4294967296\" needs a number"),
        ("a:acceptor1,,", "an empty role"),
        ("a:", "an empty role"),
        ("a:0:acceptor1", "port \"0\" is not a number from 1 to 65535"),
        ("a:65536:acceptor1", "port \"65536\" is not a number"),
        ("a:1:acceptor1:learner1", "too many colons"),
        (":acceptor1", "no host before the colon"),
        ("a b:acceptor1", "host \"a b\" has ' ' in it"),
        ("[::1:acceptor1", "a [ without its ]"),
        ("::1:acceptor1", "an IPv6 address without brackets"),
        ("a", "a has no roles; add them, as in a:acceptor1"),
        ("127.0.0.1:%:acceptor1", "127.0.0.1:"),
        ("a:proposer1", "proposer1 is on line 1 already; give it its own number"),
        ("a:proposer2", "proposer2 has no acceptors; give some line the role acceptor2"),
        ("a:proposer2,proposer3", "proposer2 and proposer3 on one line"),
        ("a:proposer", "proposer without a number beside another proposer on line 1"),
    ] {
        let end = run(format!("{GOOD}# comment\n\n{line}\n"), "--id 1 -v X");
        let text = refusal(&end);
        let reason = text.strip_prefix("hosts:6: ");
        assert!(reason.is_some_and(|reason| reason.starts_with(want)), "{want}: {text}");
    }
}

#[test]
fn the_same_host_and_port_twice_is_refused_also_by_way_of_the_default() {
    let end = run("127.0.0.1:%:proposer1\n127.0.0.1:%:acceptor1\n", "--id 1 -v X");
    assert!(refusal(&end).contains("has the host and port of line 1"), "{end:#?}");
    let end = run("a:proposer1\na:4000:acceptor1\n", "--id 1 -v X --port 4000");
    assert!(refusal(&end).starts_with("hosts:2: a:4000 has the host and port of line 1"));
}

#[test]
fn an_empty_file_and_too_many_peers_are_refused() {
    for text in ["", "\n\n", "# nobody\n"] {
        let end = run(text, "--id 1 -v X");
        assert!(refusal(&end).contains("the file names no peer; write one a line"), "{end:#?}");
    }
    let many: Vec<String> = (0..256).map(|n| format!("host{n}:acceptor1")).collect();
    let end = run(many.join("\n"), "--id 1");
    assert!(refusal(&end).starts_with("hosts:256: more than 255 peers"), "{end:#?}");
    let end = run(format!("a:acceptor1{}\n", ",acceptor1".repeat(1000)), "--id 1");
    assert!(refusal(&end).starts_with("hosts:1: longer than 8192 bytes"), "{end:#?}");
}

#[test]
fn proposers_whose_majorities_need_not_meet_are_refused_with_the_majorities_named() {
    let apart = "a:proposer1\nb:acceptor1\nc:acceptor1,acceptor2\nd:acceptor2\ne:proposer2\n\
                 f:acceptor1\ng:acceptor2\n";
    let want = "two values could be chosen: peer1 needs only peer2, peer6, and peer5 only \
                peer4, peer7, which have no peer in common; add acceptor2 to line 2 (peer2) and \
                acceptor1 to line 4 (peer4)";
    for id in [1, 3, 5] {
        let end = run(apart, &format!("--id {id} -v X"));
        assert!(refusal(&end).contains(want), "{end:#?}");
    }
    let scratch = Scratch::new();
    let hosts = scratch.file("hosts", apart);
    let end = Program::start(synod(&format!("local {}", hosts.display()))).end();
    assert!(refusal(&end).contains(want), "{end:#?}");
    // Whoever follows the advice gets further.
    let advised = apart.replace("b:acceptor1\n", "b:acceptor1,acceptor2\n");
    let advised = advised.replace("d:acceptor2\n", "d:acceptor2,acceptor1\n");
    let end = run(&advised, "--id 99 -v X");
    assert!(refusal(&end).contains("has no such peer"), "{end:#?}");
}

#[test]
fn odd_roles_are_read_and_told_once() {
    let end = run("a:Proposer1\nb:acceptor1,\n", "--id 99 -v X");
    let told: Vec<&str> = end.err.iter().filter(|l| l.contains("read as")).map(|l| &**l).collect();
    assert_eq!(told.len(), 2, "{end:#?}");
    assert!(told[0].ends_with("hosts:1: roles in capital letters; read as a:proposer1"));
}

#[test]
fn lines_that_are_all_this_machine_need_an_id() {
    let text = "127.0.0.1:5001:proposer1\n127.0.0.1:5002:acceptor1\n127.0.0.1:5003:acceptor1\n";
    let end = run(text, "-v X");
    let line = refusal(&end);
    for want in ["peer1 (line 1", "peer2 (line 2", "peer3 (line 3", "say which with --id"] {
        assert!(line.contains(want), "{want}: {line}");
    }
}

#[test]
fn when_no_line_is_this_machine_it_says_what_was_tried() {
    // 192.0.2.0/24 is for documentation; the names end as no real name may.
    let end = run("192.0.2.1:proposer1\nnobody.invalid:acceptor1\n", "-v X");
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
    assert!(end.err[0].contains("no line names this machine; give its id with --id"), "{end:#?}");
    assert!(end.err.iter().any(|line| line.contains("peer1 (line 1): 192.0.2.1 is 192.0.2.1,")));
    assert!(end.err.iter().any(|line| line.contains("peer2 (line 2): nobody.invalid does not")));
}

#[test]
fn a_port_in_use_is_refused() {
    let cluster = Cluster::of_file("hostsfile-testcase1.txt");
    let held = TcpListener::bind(("127.0.0.1", cluster.ports[1])).expect("is free");
    let end = Program::start(cluster.command(2, "")).end();
    let line = end.err.last().cloned().unwrap_or_default();
    assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
    let port = cluster.ports[1];
    let want = format!("synod: listening on port {port}: another process uses the port; ");
    assert_eq!(line, want + "is this peer running already?");
    drop(held);
}

#[test]
fn a_trace_file_that_cannot_be_written_is_refused() {
    let cluster = Cluster::of_file("hostsfile-testcase1.txt");
    let end = Program::start(cluster.command(2, "--trace /proc/none/trace")).end();
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
    assert!(end.err.iter().any(|line| line.contains("trace file /proc/none/trace: ")), "{end:#?}");
}

#[test]
fn the_version_is_data_and_ends_with_0() {
    for words in ["-V", "--version", "local -V", "local --version"] {
        let end = Program::start(synod(words)).end();
        assert_eq!((end.code, end.err.len()), (Some(0), 0), "{words}: {end:#?}");
        // Behind it stands the commit, if the build knew it.
        let (version, commit) = (concat!("synod ", env!("CARGO_PKG_VERSION")), &end.out[0]);
        let commit = commit.strip_prefix(version).expect("the version");
        let is_one = commit.starts_with(" (") && commit.ends_with(')');
        assert!(end.out.len() == 1 && (commit.is_empty() || is_one), "{words}: {end:#?}");
    }
}

#[test]
fn without_arguments_the_overview_comes_with_exit_code_2() {
    let end = Program::start(synod("")).end();
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
    assert!(end.err.iter().any(|line| line.starts_with("usage: synod -h HOSTSFILE")));
}

#[test]
fn the_projects_own_hostsfiles_can_all_be_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostsfiles");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("is there") {
        let path = entry.expect("can be read").path();
        if path.ends_with("hosts-ring.txt") {
            // Of another form: ids that are no numbers of lines.
            continue;
        }
        // Far enough to read the whole file: there is no such peer.
        let without_roles = ["", "-member", "-sync", "-store-swarm"]
            .iter()
            .any(|kind| path.ends_with(format!("hostsfile{kind}.txt")));
        let protocol = if without_roles { "member" } else { "paxos" };
        let words = format!("{protocol} --id 60000 -h {}", path.display());
        let end = Program::start(synod(&words)).end();
        let refused = end.err[0].contains("has no such peer; give an id from 1 to");
        assert!(end.code == Some(2) && end.out.is_empty() && refused, "{end:#?}");
        count += 1;
    }
    assert!(count >= 5);
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for words in ["--help", "local --help", "--version"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux");
        let output = synod(words).stdout(full).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.starts_with("synod: writing to standard output: "), "{words}: {said}");
        assert_eq!(said.lines().count(), 1, "{words}: {said}");
    }
    let end = Program::start_reading(synod("--help"), 0).end();
    assert_eq!((end.code, end.err.len()), (Some(0), 0), "nobody reads: {end:#?}");
}

#[test]
fn a_name_in_a_refusal_cannot_steer_the_terminal() {
    for (name, want) in [("\u{1b}[2J", "\\u{1b}[2J: "), ("a\u{202e}b", "a\\u{202e}b: ")] {
        let mut command = synod("check");
        command.arg(name);
        let end = Program::start(command).end();
        assert!(refusal(&end).contains(want), "{end:#?}");
    }
}
