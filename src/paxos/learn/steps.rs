//! The steps of a lesson, each a screen.

use std::env;
use std::fmt::Write as _;
use std::path::Path;

use super::lessons::{Excerpt, LESSONS, Lesson};
use super::run::{Finding, Line, Runs};
use super::story::Story;
use crate::command::paced::Pacing;
use crate::command::{print, quoted};
use crate::error::Result;

/// The width of the narrowest terminal that is thought of.
const COLUMNS: usize = 80;
/// How many steps there are.
const STEPS: usize = 8;

const PROBLEM: &str = "\
Several computers must agree on one value: who leads, who got the last seat,
which entry comes next in a log. Messages get lost or come late. Computers crash
and come back. And still there must never be two answers.

Paxos is the protocol for that. Databases, lock services and cluster managers
rest on it or on a close relative.

You will see it at work, break it with one bug, see two answers come about, find
the two lines of the log that prove it, and read the line of the source that
prevents it.

Nothing is canned: this program's simulator plays the runs, and its judge finds
what is wrong. The files of the runs are in a directory. To type the commands
that you will see, open a second terminal and go there:

";

const RULES: &str = "\
A proposer wants a value chosen: peer1 wants X, peer2 wants Y.
An acceptor votes: peer3, peer4, peer5.

A value is chosen once a majority of the acceptors, here two of three, has
accepted it under one number. Any two majorities share an acceptor: everything
else follows from that.

A proposer takes a number n that nobody else uses, and asks two questions. Later
attempts have higher numbers.

    prepare(n)     Promise to accept nothing below n. What have you accepted?
                   It waits for promises from a majority.
    accept(n, v)   Accept the value v under n.
                   If the promises report accepted values, v is the one with the
                   highest number. Only if they report none, v is the proposer's
                   own. Once a majority has accepted it, v is chosen.

An acceptor refuses what is below its promise.
";

/// Shows all steps. Whoever leaves early is told the same in the end.
pub(super) fn show(lesson: &Lesson, runs: &Runs, dir: &Path, pace: Pacing) -> Result<()> {
    let (before, bug) = Story::of(&runs.bug.journal).parted(lesson.until);
    let (_, fixed) = Story::of(&runs.fixed.journal).parted(lesson.until);
    let steps: [(&str, &dyn Fn() -> String); STEPS] = [
        ("One value, whatever happens", &|| format!("{PROBLEM}{}", entrance(dir))),
        ("The rules", &|| RULES.into()),
        ("A run", &|| scene(lesson, &before)),
        ("Your turn", &|| lesson.question.into()),
        ("The bug", &|| break_it(lesson, runs, &bug)),
        ("The proof", &|| prove(runs)),
        ("The line that prevents it", &|| prevent(lesson, runs)),
        ("One step back: the same run without the bug", &|| repair(lesson, runs, &fixed)),
    ];
    for (number, (title, body)) in (1..).zip(steps) {
        pace.show(&format!("Step {number} of {STEPS}: {title}"), &body())?;
        let goes_on = number != 4 || ask(lesson, pace)?;
        if !goes_on || !pace.pause()? {
            break;
        }
    }
    print(&farewell(dir))
}

/// How to get to the files.
fn entrance(dir: &Path) -> String {
    let mut text = format!("$ cd {}\n", quoted(dir));
    let path = env::var_os("PATH").unwrap_or_default();
    let is_known = env::split_paths(&path).any(|dir| dir.join("synod").is_file());
    if let Ok(program) = env::current_exe()
        && !is_known
    {
        let _ = writeln!(text, "$ alias synod={}", quoted(&program)); // a String takes all
    }
    text
}

fn scene(lesson: &Lesson, story: &Story) -> String {
    format!("{}\n{}\nNow {}.\n", lesson.scene, story.lines(), story.holds())
}

/// Asks the question, and says what is right; false if the reader leaves.
fn ask(lesson: &Lesson, pace: Pacing) -> Result<bool> {
    let (known, right) = lesson.answers;
    let Some(mut answer) = pace.ask("")? else { return Ok(false) };
    if !answer.is_empty() && !known.contains(&answer.as_str()) {
        let Some(again) = pace.ask(&format!("One of {}: ", known.join(", ")))? else {
            return Ok(false);
        };
        answer = again;
    }
    let word = match answer.as_str() {
        "" => "",
        answer if answer == right => "Right. ",
        _ => "No. ",
    };
    print(&fold(&format!("{word}{}", lesson.why), ""))?;
    Ok(true)
}

fn break_it(lesson: &Lesson, runs: &Runs, story: &Story) -> String {
    let label = &runs.label;
    format!(
        "{}{}\nThe run goes on with it:\n\n{}\n{}\n\
         $ synod sim --replay bug.schedule\n\
         $ synod draw bug.jsonl --hosts hosts   # as a page: bug.html\n",
        fold(&format!("Now the bug {}: {}.", label.name, lesson.about), ""),
        fold(&format!("Seen in: {}", label.seen), ""),
        story.lines(),
        lesson.comes,
    )
}

fn prove(runs: &Runs) -> String {
    let rule = runs.label.guard.rule;
    let mut text = String::from(
        "The judge reads what the peers wrote. It knows nothing of the bug:\n\n\
         $ synod check bug.jsonl --hosts hosts\n\n",
    );
    for (name, shows_lines) in [("one-value", false), (rule, true)] {
        let Some(Finding { sentence, lines, .. }) = runs.bug.about(name) else { continue };
        text += &fold(&format!("VIOLATED: {name}: {sentence}"), "");
        for Line { line, text: json } in lines.iter().filter(|_| shows_lines) {
            let sentence = Story::sentence(json).unwrap_or_default();
            let json = fold(&json.replace(",\"", ", \""), "    ");
            let _ = write!(text, "  line {line}: {sentence}\n{json}");
        }
    }
    text + "\nThese two lines prove it, whatever program wrote them. The exit code is 1.\n"
}

fn prevent(lesson: &Lesson, runs: &Runs) -> String {
    let guard = &runs.label.guard;
    let mut text = format!("{}, {}:\n\n", guard.file, guard.item);
    for (number, line) in Excerpt::lines(&lesson.source) {
        let _ = writeln!(text, "{number:3} {line}");
    }
    format!(
        "{text}\n{}\nRule: {}\n{}",
        lesson.prevents,
        guard.rule,
        fold(&format!("In the algorithm: {}", guard.step), "")
    )
}

fn repair(lesson: &Lesson, runs: &Runs, story: &Story) -> String {
    format!(
        "$ synod sim --replay bug.schedule --without-bug --trace fixed.jsonl\n\n{}\n{}\n\
         $ synod check fixed.jsonl --hosts hosts\n\n{}",
        story.lines(),
        lesson.without,
        fold(&runs.fixed.summary, "")
    )
}

/// What was written, and what to do next.
fn farewell(dir: &Path) -> String {
    let (dir, more) = (quoted(dir), LESSONS.len() - 1);
    format!(
        "In {dir}:\n\
         \x20   bug.html, fixed.html     the two runs as pages: open them in a browser\n\
         \x20   bug.jsonl, fixed.jsonl   what the peers wrote\n\
         \x20   bug.schedule             the script of the run: a step a line; change it\n\
         \x20   hosts                    who proposes and who votes\n\
         \nNext:\n\
         $ synod learn --list   # {more} more bugs to learn from\n\
         $ synod local {dir}/hosts   # five real processes on this machine\n\
         $ synod sim --mutants   # all known ways to get it wrong\n\
         The chapter, with the proof, is src/paxos/mod.rs.\n"
    )
}

/// A text in lines that fit, each behind this indentation.
fn fold(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a line");
        let is_first = last.len() == indent.len();
        if !is_first && last.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(format!("{indent}{word}"));
        } else {
            *last += if is_first { "" } else { " " };
            *last += word;
        }
    }
    lines.iter().map(|line| line.to_owned() + "\n").collect()
}
