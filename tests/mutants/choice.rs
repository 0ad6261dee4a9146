//! Which mutants are asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use crate::parts::PARTS;
use crate::source::Mutant;

/// The files of the program, as the version control system knows them.
pub(crate) fn rust_files() -> io::Result<BTreeSet<String>> {
    let listed = Command::new("git").args(["ls-files", "src"]).output()?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_string).collect())
}

/// Whether a mutant is one of those.
type Filter = Box<dyn Fn(&Mutant) -> bool>;

/// Which mutants the arguments ask for; none if there is nothing to do.
pub(crate) fn chosen(
    arguments: &[String],
    mutants: &[(&str, Mutant)],
    folder: &Path,
) -> io::Result<Option<BTreeSet<usize>>> {
    let mut names = BTreeSet::new();
    let mut only: Option<Filter> = None;
    for argument in arguments {
        match argument.as_str() {
            "--again" => {
                let before = fs::read_to_string(folder.join("survivors.txt"))?;
                let before: BTreeSet<String> = before.lines().map(str::to_string).collect();
                only = Some(Box::new(move |mutant| before.contains(&mutant.name)));
            }
            "--changed" => {
                let Some(changes) = changes()? else { return Ok(None) };
                only = Some(Box::new(move |mutant| {
                    changes.contains(&(mutant.file.clone(), mutant.line))
                }));
            }
            "--list" | "--rest" => {}
            part if PARTS.iter().any(|(name, _)| *name == part) => {
                names.insert(part.to_string());
            }
            other => return Err(io::Error::other(format!("no part is named {other}"))),
        }
    }
    let wanted = |(_, (part, mutant)): &(usize, &(&str, Mutant))| {
        (names.is_empty() || names.contains(*part)) && only.as_ref().is_none_or(|only| only(mutant))
    };
    let chosen: BTreeSet<usize> =
        mutants.iter().enumerate().filter(wanted).map(|(id, _)| id).collect();
    if chosen.is_empty() {
        println!("mutants: nothing to do");
        return Ok(None);
    }
    Ok(Some(chosen))
}

/// The lines that differ from the commit before, or from where the branch left `origin/main`.
fn changes() -> io::Result<Option<BTreeSet<(String, usize)>>> {
    let git = |arguments: &[&str]| -> io::Result<String> {
        let output = Command::new("git").args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_string();
        Ok(if output.status.success() { text } else { String::new() })
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let mut base = git(&["merge-base", "HEAD", "origin/main"])?;
    if base.is_empty() || base == head {
        base = git(&["rev-parse", "--quiet", "--verify", "HEAD^"])?;
    }
    if base.is_empty() {
        println!("mutants: there is no earlier commit to compare with");
        return Ok(None);
    }
    let mut lines = BTreeSet::new();
    let mut file = String::new();
    for line in git(&["diff", "--unified=0", &base, "--", "src"])?.lines() {
        if let Some(name) = line.strip_prefix("+++ b/") {
            file = name.to_string();
        } else if let Some(numbers) = line
            .strip_prefix("@@ ")
            .and_then(|rest| rest.split(' ').nth(1).and_then(|numbers| numbers.strip_prefix('+')))
        {
            let (first, count) = numbers.split_once(',').unwrap_or((numbers, "1"));
            let first: usize = first.parse().map_err(io::Error::other)?;
            let count: usize = count.parse().map_err(io::Error::other)?;
            lines.extend((first..first + count).map(|number| (file.clone(), number)));
        }
    }
    Ok(Some(lines))
}
