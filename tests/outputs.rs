//! What a command writes: nothing that it or anybody else still needs is lost by it.

mod common;

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Cluster, Program, Scratch, synod};

/// A folder with a hostsfile, a journal, the lines of a group and a script.
fn folder() -> Scratch {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Scratch::new();
    for (name, from) in [
        ("hosts.txt", "hostsfiles/hostsfile-testcase2.txt"),
        ("run.jsonl", "tests/draw/duel.jsonl"),
        ("views.log", "tests/draw/views-timed.log"),
    ] {
        fs::copy(root.join(from), scratch.path(name)).expect(from);
    }
    scratch
}

/// Runs a command there.
fn within(scratch: &Scratch, words: &str) -> Command {
    let mut command = synod(words);
    command.current_dir(scratch.path("")).stdin(Stdio::null());
    command
}

fn refused(scratch: &Scratch, words: &str, want: &str) {
    let output = within(scratch, words).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words}: {said}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("try: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains(want), "{words}: {said}");
}

#[test]
fn no_file_is_read_and_written_or_written_twice() {
    let scratch = folder();
    // Another name for the same file is no other file.
    std::os::unix::fs::symlink("hosts.txt", scratch.path("link.svg")).expect("a link");
    for (name, link) in
        [("hosts.txt", "hosts.svg"), ("run.jsonl", "run.svg"), ("views.log", "v.svg")]
    {
        fs::hard_link(scratch.path(name), scratch.path(link)).expect("a link");
    }
    let names = ["hosts.txt", "run.jsonl", "views.log"];
    let whole = names.map(|name| fs::read(scratch.path(name)).expect(name));
    for words in [
        "draw run.jsonl --format svg -o run.jsonl",
        "draw run.jsonl --format svg -o ./run.jsonl",
        "draw views.log --format svg -o views.log",
        "draw run.jsonl --hosts hosts.txt -o hosts.txt",
        "draw run.jsonl -o run.svg",
        "draw views.log -o v.svg",
        "draw run.jsonl --hosts hosts.txt -o hosts.svg",
        "draw views.log --hosts hosts.txt -o hosts.svg",
        "local hosts.txt --trace hosts.txt",
        "local hosts.txt --draw hosts.txt",
        "local hosts.txt --draw link.svg",
        "local hosts.txt --trace hosts.svg",
        "local hosts.txt --draw hosts.svg",
        "local --trace run.jsonl --draw run.svg",
        "local --trace new.svg --draw new.svg",
        "local --trace new.svg --draw ./new.svg",
        "local member hosts.txt --draw hosts.txt",
        "local member hosts.txt --draw hosts.svg",
        "-h hosts.txt --id 2 --trace hosts.txt",
        "-h hosts.txt --id 2 --trace hosts.svg",
        "sim --replay run.jsonl --trace run.jsonl",
        "sim --replay run.jsonl --trace run.svg",
        "sim member --seed 1 --trace one.svg --draw one.svg",
    ] {
        if words.starts_with("sim") && cfg!(not(feature = "simulator")) {
            continue;
        }
        refused(&scratch, words, "the same file would be written");
    }
    // Standard input has a name as well.
    let input = File::open(scratch.path("run.jsonl")).expect("is there");
    let mut draw = within(&scratch, "draw --format svg -o run.jsonl");
    assert_eq!(draw.stdin(input).output().expect("it runs").status.code(), Some(2));
    for (name, whole) in names.iter().zip(whole) {
        assert_eq!(fs::read(scratch.path(name)).expect(name), whole, "{name}");
    }
    assert!(!scratch.path("new.svg").exists() && !scratch.path("one.svg").exists());
}

#[test]
fn a_part_of_a_run_in_which_nothing_is_is_not_drawn() {
    let scratch = folder();
    for words in [
        "draw run.jsonl --from 9000",
        "draw run.jsonl --from 300ms --to 100ms",
        "draw run.jsonl --from @1000",
        "draw run.jsonl --number 77",
        "draw views.log --from 9000",
    ] {
        refused(&scratch, words, "nothing of the run is in this part: the whole has @1 to @");
    }
}

#[cfg(feature = "simulator")]
#[test]
fn the_simulator_looks_at_its_flags_before_it_plays() {
    let scratch = folder();
    for (words, want) in [
        ("sim --seed 1 --draw x.pdf", "x.pdf: which format?"),
        ("sim --seed 1 --draw x", "x: which format?"),
        ("sim --seed 1 --draw none/x.svg", "writing none/x.svg"),
        ("sim --seed 1 --trace none/x", "writing none/x"),
        ("sim --seed 18446744073709551615", "a seed is below 18446744073709551615"),
        ("sim ready --seed 18446744073709551615", "a seed is below"),
        ("sim --seed 1 --seeds 0..9", "named twice"),
        ("sim --mutant two-leaders", "belongs to synod sim member"),
        ("sim member --mutant half-is-a-quorum", "belongs to synod sim"),
        ("sim --mutant half", "synod sim --mutants lists all"),
        ("sim --plot x.svg", "--plot is for --report"),
        ("sim --explored hosts.txt", "--explored is for --matrix"),
        ("sim --report --peers 3", "--report has worlds and seeds of its own"),
        ("sim member --matrix --seeds 0..1", "--matrix has worlds"),
        ("sim --find-shortest --seeds 0..1", "--find-shortest has worlds"),
    ] {
        refused(&scratch, words, want);
    }
    let names: Vec<_> = fs::read_dir(scratch.path("")).expect("is there").collect();
    assert_eq!(names.len(), 3, "nothing was left: {names:?}");
    // One peer proposes by itself; a picture that nothing is drawn into is spoken of.
    let alone = within(&scratch, "sim --peers 1 --seeds 0..3 --draw q.svg").output().expect("runs");
    assert_eq!(alone.status.code(), Some(0), "{alone:?}");
    assert!(String::from_utf8_lossy(&alone.stderr).contains("nothing is written or drawn"));
    // Files of a run stand beside the picture under names that nobody else uses.
    let drawn = within(&scratch, "sim --seed 3 --draw run.svg").output().expect("runs");
    assert_eq!(drawn.status.code(), Some(0), "{drawn:?}");
    assert!(scratch.path("run.svg.jsonl").exists());
    let kept = fs::read_to_string(scratch.path("run.jsonl")).expect("is there");
    assert!(kept.contains("\"at\":"), "the journal of another run is not touched");
}

#[test]
fn a_peer_with_a_full_standard_output_says_so_and_goes_on_voting() {
    let mut cluster = Cluster::of_file("hostsfile-testcase1.txt");
    // Without peer4 its vote is needed.
    cluster.start(3, "");
    let full = || OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let scratch = Scratch::new();
    let said = scratch.path("said");
    let mut command = cluster.command(2, "");
    command.stdin(Stdio::null()).stdout(full());
    let mut two = command.stderr(File::create(&said).expect("new")).spawn().expect("it starts");
    cluster.start(5, "");
    cluster.start(1, "-v X --wait 0");
    assert_eq!(cluster.choice([1, 3, 5]), "X");
    let line = "nothing more is printed: ";
    let told = || fs::read_to_string(&said).is_ok_and(|text| text.contains(line));
    common::until("the word about the full disk", || told().then_some(()));
    assert!(two.try_wait().expect("our child").is_none(), "it goes on");
    two.kill().and_then(|()| two.wait()).expect("our child");
}

#[test]
fn a_flag_that_no_peer_takes_is_refused_before_they_are_started() {
    for (words, want) in [
        ("local ready --interval 0", "--interval: a period"),
        ("local member --heartbeat 0", "--heartbeat: a period"),
        ("local member --heartbeat x", "--heartbeat \"x\""),
    ] {
        let end = Program::start(synod(words)).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}: {end:#?}");
        assert!(end.err.len() == 2 && end.err[0].contains(want), "{words}: {end:#?}");
    }
}
