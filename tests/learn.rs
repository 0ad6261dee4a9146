//! `synod learn`: every claim of every step, and what happens where it cannot go on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a terminal shows at once; one line is the prompt's.
const ROWS: usize = 24;
const COLUMNS: usize = 80;

const BUGS: [&str; 4] =
    ["ignores-accepted-values", "half-is-a-quorum", "accept-below-promise", "fresh-start"];

/// Runs a line of shell in this directory, in which `synod` is this program. Exit code, standard
/// output, standard error.
fn shell(dir: &Path, line: &str, typed: &str) -> (Option<i32>, String, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_synod"));
    let path = format!(
        "{}:{}",
        program.parent().expect("a program is in a directory").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut child = Command::new("sh")
        .args(["-c", line])
        .current_dir(dir)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    // It may be gone already.
    let _ = child.stdin.take().expect("is piped").write_all(typed.as_bytes());
    let output = child.wait_with_output().expect("it is our child");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A lesson that has run through in a pipe: where its files are, and its steps.
struct Taken {
    scratch: TempDir,
    steps: Vec<String>,
}

impl Taken {
    fn new(bug: &str) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let line = format!("synod learn --bug {bug} --dir 'the files'");
        let (code, out, err) = shell(scratch.path(), &line, "");
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let steps: Vec<String> = out.split("Step ").skip(1).map(str::to_owned).collect();
        assert_eq!(steps.len(), 8, "{out}");
        for (step, number) in steps.iter().zip(1..) {
            assert!(step.starts_with(&format!("{number} of 8: ")), "{step}");
        }
        Self { scratch, steps }
    }

    fn dir(&self) -> std::path::PathBuf {
        self.scratch.path().join("the files")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(name)).expect("it was written")
    }
}

#[test]
fn every_step_fits_a_small_terminal() {
    for bug in BUGS {
        for step in Taken::new(bug).steps {
            let step = step.split("\nIn ").next().expect("the last one has the farewell behind it");
            assert!(step.trim_end().lines().count() < ROWS - 1, "{bug}: {step}");
            // "Step " was cut off.
            let wide = |line: &&str| line.chars().count() > COLUMNS;
            assert_eq!(step.lines().find(wide), None, "{bug}");
        }
    }
}

#[test]
fn the_two_lines_stand_in_the_journal() {
    for bug in BUGS {
        let taken = Taken::new(bug);
        let journal = taken.read("bug.jsonl");
        let mut proved = 0;
        let proof = &taken.steps[5];
        assert!(proof.contains("VIOLATED: one-value: two values are chosen"), "{proof}");
        for shown in proof.split("\n  line ").skip(1) {
            let (head, json) = shown.split_once('\n').expect("a head and the line");
            let (number, sentence) = head.split_once(": ").expect("its number and what it says");
            assert!(sentence.contains("peer"), "{head}");
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            let json = json.split("\n\n").next().expect("it ends");
            let line = journal.lines().nth(number.parse::<usize>().unwrap() - 1).unwrap();
            assert_eq!(squeeze(json), squeeze(line), "{bug}: line {number}");
            proved += 1;
        }
        assert_eq!(proved, 2, "{proof}");
    }
}

#[test]
fn the_source_shown_is_the_source() {
    for bug in BUGS {
        let taken = Taken::new(bug);
        let mut lines = taken.steps[6].lines().skip(2);
        let (file, item) = lines.next().unwrap().split_once(", ").expect("a file and an item");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let source: Vec<&str> = text.lines().collect();
        let mut last = 0;
        for line in lines.skip(1).take_while(|line| !line.is_empty()) {
            let (number, shown) = line.trim_start().split_once(' ').expect("its number");
            last = number.parse().unwrap();
            assert_eq!(source[last - 1].trim(), shown.trim(), "{file}:{number}");
        }
        assert!(last > 0, "{file}");
        // They belong to the item that is named: it is the last one defined before their end.
        let defined = source[..last].iter().rfind(|line| line.trim_start().contains("fn "));
        let item = format!("{}(", item.trim_end_matches(':'));
        assert!(defined.is_some_and(|line| line.contains(&item)), "{file}: {item} {defined:?}");
    }
}

#[test]
fn what_a_step_says_to_type_does_what_it_says() {
    for bug in BUGS {
        let taken = Taken::new(bug);
        let names = ["bug.jsonl", "bug.html", "fixed.jsonl", "fixed.html", "bug.schedule", "hosts"];
        let before = names.map(|name| taken.read(name));
        assert!(taken.steps[0].contains("\n$ cd 'the files'\n"), "{}", taken.steps[0]);
        let mut typed = Vec::new();
        for line in
            taken.steps.iter().filter_map(|step| step.split("\nIn ").next()).flat_map(str::lines)
        {
            let Some(line) = line.strip_prefix("$ synod ") else { continue };
            let (code, out, err) = shell(&taken.dir(), &format!("synod {line}"), "");
            let is_violated = line.starts_with("check bug.jsonl");
            assert_eq!(code, Some(i32::from(is_violated)), "{line}: {out}{err}");
            typed.push((line, out));
        }
        let [replay, draw, check, repair, again] = &typed[..] else { panic!("{typed:?}") };
        assert!(replay.1.starts_with("VIOLATED: "), "{replay:?}");
        assert!(draw.1.contains("peer1") && draw.1.contains("is chosen"), "{draw:?}");
        assert!(check.1.contains("VIOLATED: one-value: "), "{check:?}");
        assert_eq!(repair.1, "no property violated\n");
        assert!(again.1.contains("\nclean: ") && !again.1.contains("VIOLATED"), "{again:?}");
        // The lesson has shown what the commands do.
        assert_eq!(names.map(|name| taken.read(name)), before, "{bug}");
        for page in ["bug", "fixed"] {
            let line = format!("synod draw {page}.jsonl --hosts hosts -o again.html");
            assert_eq!(shell(&taken.dir(), &line, "").0, Some(0));
            assert_eq!(taken.read("again.html"), taken.read(&format!("{page}.html")));
        }
    }
}

#[test]
fn the_bugs_have_a_list_and_every_one_is_a_mutant() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (_, list, _) = shell(scratch.path(), "synod learn --list", "");
    let names: Vec<&str> = list.lines().filter_map(|line| Some(line.split_once('\t')?.0)).collect();
    assert_eq!(names, BUGS);
    let (_, mutants, _) = shell(scratch.path(), "synod sim paxos --mutants", "");
    for name in names {
        assert!(mutants.contains(&format!("{name}\t")), "{name}");
    }
    let (code, out, err) = shell(scratch.path(), "synod learn --bug half", "");
    assert!(code == Some(2) && out.is_empty() && err.contains("synod learn --list"), "{err}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn nobodys_files_are_overwritten() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path();
    let run = |line: &str| shell(dir, line, "");
    // The same again is no harm, and another lesson takes another name.
    for (bug, count) in [(BUGS[0], 1), (BUGS[0], 1), (BUGS[1], 2), (BUGS[0], 2)] {
        assert_eq!(run(&format!("synod learn --bug {bug}")).0, Some(0));
        assert_eq!(fs::read_dir(dir).unwrap().count(), count, "{bug}");
    }
    let schedule = dir.join("synod-learn/bug.schedule");
    fs::write(&schedule, "mine\n").unwrap();
    assert!(run("synod learn").1.contains("cd synod-learn-3\n"));
    fs::write(dir.join("a-file"), "mine\n").unwrap();
    fs::create_dir(dir.join("other")).unwrap();
    fs::write(dir.join("other/notes"), "mine\n").unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("link")).unwrap();
    for (name, says) in [
        ("synod-learn", "synod-learn/bug.schedule is not of this lesson"),
        ("a-file", "a-file is not of this lesson"),
        ("other", "other/notes is not of this lesson"),
        ("link", "link"),
        ("/proc/nothing", "creating /proc/nothing: "),
        ("''", "name a directory"),
    ] {
        let (code, out, err) = run(&format!("synod learn --dir {name}"));
        assert!(code == Some(2) && out.is_empty() && err.contains(says), "{name}: {err}");
    }
    assert_eq!(fs::read_to_string(&schedule).unwrap(), "mine\n");
}

#[test]
fn a_full_disk_and_closed_streams_are_no_panic() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (code, _, err) = shell(scratch.path(), "synod learn > /dev/full", "");
    assert!(code == Some(2) && err.contains("writing to standard output: "), "{err}");
    for line in ["synod learn <&-", "synod learn | head -2", "synod learn >&-"] {
        let (code, _, err) = shell(scratch.path(), line, "");
        assert_eq!((code, err.as_str()), (Some(0), ""), "{line}");
    }
}

/// What a terminal shows while somebody types this.
fn at_a_terminal(bug: &str, typed: &str) -> String {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let line = format!("script -qec 'synod learn --bug {bug}' /dev/null");
    let (code, shown, err) = shell(scratch.path(), &line, typed);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{shown}");
    let files = fs::read_dir(scratch.path().join("synod-learn")).expect("it was made").count();
    assert_eq!(files, 6, "whenever the reader leaves");
    shown.replace("\r\n", "\n")
}

#[test]
fn at_a_terminal_each_step_waits_and_the_answer_is_judged() {
    for (bug, answer, says) in [
        (BUGS[0], "X", "Right. It must be X."),
        (BUGS[0], "y", "No. It must be X."),
        (BUGS[0], "Z\n x ", "One of x, y: "),
        (BUGS[0], "", "It must be X."),
        (BUGS[1], "1", "Right. One more"),
        (BUGS[2], "yes", "No. It may not."),
        (BUGS[3], "c", "Right. Both its promise"),
    ] {
        let shown = at_a_terminal(bug, &format!("\n\n\n{answer}\n\n\n\n\n\n"));
        assert!(shown.contains("Step 8 of 8: ") && shown.contains("\nNext:\n"), "{shown}");
        assert!(shown.contains(says), "{bug} {answer}: {shown}");
        assert_eq!(shown.matches("(Enter goes on, q leaves)").count(), 8, "{shown}");
    }
}

#[test]
fn the_reader_may_leave_at_any_step() {
    for (typed, last) in
        [("q\n", 1), ("\n\n\nq\n", 4), ("\n\n\nx\nq\n", 4), ("\n\n\n\n\nQ\n", 5), ("", 1)]
    {
        let shown = at_a_terminal(BUGS[0], typed);
        assert!(shown.contains(&format!("Step {last} of 8: ")), "{typed:?}: {shown}");
        assert!(!shown.contains(&format!("Step {} of 8: ", last + 1)), "{typed:?}: {shown}");
        assert!(shown.contains("\nNext:\n"), "{shown}");
    }
}
