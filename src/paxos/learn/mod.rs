//! Learn Paxos by breaking it: the lessons of `synod learn`.
//!
//! # What a lesson is
//!
//! Paxos is a few rules, and each of them looks as if one could do without it. So a lesson takes
//! one away. It is a bug from the catalogue of [mutants](super::mutants) and the script of a run
//! with two proposers and three acceptors: the least number in which two majorities are different
//! and still meet. The reader sees the run up to the point where the rule matters, is asked what
//! the rule is, sees the bug break it, reads the two lines that prove it and the source that
//! prevents it, and goes one step back: the same script without the bug.
//!
//! # Nothing is canned
//!
//! A [lesson](lessons) has the script and a few sentences. All else is made when it is shown, by
//! the parts of the program that anybody can call: the simulator plays the script, with the bug and
//! without it; the judge of `synod check` reads the two journals and knows nothing of the bug;
//! `synod draw`'s page is drawn from the same lines. [`story`] tells a journal in sentences. The
//! source is the text that this program was compiled from. The commands that a step shows do the
//! same again on the files that the lesson has written.
//!
//! # Files
//!
//! All of them are written before the first step, so leaving early, or Ctrl-C, costs nothing. No
//! file is ever overwritten: a directory that has anything else in it is refused.

mod lessons;
mod run;
mod steps;
mod story;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Parser;

use crate::command::paced::Pacing;
use crate::command::{args, print};
use crate::error::{Doing, Error, Result};
use lessons::{LESSONS, Lesson};
use run::Runs;

/// Where the files go if nothing else is said.
const DIRECTORY: &str = "synod-learn";
/// So many names are tried.
const MOST_DIRECTORIES: u32 = 99;

/// The command.
///
/// # Errors
/// A flag is wrong, or a file cannot be written.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (mut lesson, mut dir, mut no_pause, mut list) = (&LESSONS[0], None, false, false);
    args::flags(parser, |name, parser| {
        match name {
            "--bug" => lesson = named(&args::text(name, parser.value()?)?)?,
            "--dir" => dir = Some(args::directory(name, parser.value()?)?),
            "--no-pause" => no_pause = true,
            "--list" => list = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if list {
        let line = |lesson: &Lesson| format!("{}\t{}\n", lesson.bug, lesson.about);
        print(&LESSONS.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let runs = Runs::of(lesson)?;
    let dir = match dir {
        Some(dir) => {
            write(&dir, &runs.files)?;
            dir
        }
        None => write_somewhere(&runs.files)?,
    };
    steps::show(lesson, &runs, &dir, Pacing::new(no_pause))?;
    Ok(ExitCode::SUCCESS)
}

fn named(name: &str) -> Result<&'static Lesson> {
    LESSONS.iter().find(|lesson| lesson.bug == name).ok_or_else(|| {
        Error::Usage(format!(
            "--bug {name:?}: there is no lesson on it; synod learn --list has all"
        ))
    })
}

/// Writes the files into the first directory that may be used.
fn write_somewhere(files: &[(&str, String)]) -> Result<PathBuf> {
    for number in 1..=MOST_DIRECTORIES {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let dir = PathBuf::from(format!("{DIRECTORY}{more}"));
        if foreign(&dir, files)?.is_none() {
            write(&dir, files)?;
            return Ok(dir);
        }
    }
    Err(Error::Usage(format!("{DIRECTORY} and all others are taken; name a directory with --dir")))
}

/// Writes the files into this directory.
fn write(dir: &Path, files: &[(&str, String)]) -> Result<()> {
    if let Some(other) = foreign(dir, files)? {
        let other = other.display();
        return Err(Error::Usage(format!(
            "--dir: {other} is not of this lesson; name a directory that is new or empty"
        )));
    }
    fs::create_dir_all(dir).doing(|| format!("creating {}", dir.display()))?;
    for (name, text) in files {
        let path = dir.join(name);
        if path.exists() {
            continue;
        }
        let written = fs::write(&path, text);
        if written.is_err() {
            // Half a file would be taken for somebody else's.
            let _ = fs::remove_file(&path);
        }
        written.doing(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What stands in the directory's way: itself if it is none, or what in it is not one of these
/// files, word for word.
fn foreign(dir: &Path, files: &[(&str, String)]) -> Result<Option<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound && !dir.is_symlink() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(Some(dir.into())),
        entries => entries.doing(|| format!("reading {}", dir.display()))?,
    };
    for entry in entries {
        let path = entry.doing(|| format!("reading {}", dir.display()))?.path();
        let same = |(name, text): &(&str, String)| {
            path.file_name().is_some_and(|own| own == *name)
                && path.is_file()
                && fs::read(&path).is_ok_and(|found| found == text.as_bytes())
        };
        if !files.iter().any(same) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
