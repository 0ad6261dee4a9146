//! What became of the mutants, and the table that says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::path::Path;
use std::{fs, io};

use crate::Trial;
use crate::equivalents::Equivalents;
use crate::parts::PARTS;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Caught,
    Survived,
    TimedOut,
    Unbuildable,
    Untried,
}

/// The file of what has become of each.
pub(crate) const FILE: &str = "outcomes.txt";

/// Adds one to the file.
pub(crate) fn append(trial: &Trial, id: usize, outcome: Outcome) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(trial.folder.join(FILE))?;
    let line = format!("{outcome:?}\t{}\n", trial.mutants[id].1.name);
    io::Write::write_all(&mut file, line.as_bytes())
}

/// What the file says, by the names; without those that were not tried.
pub(crate) fn read(folder: &Path) -> io::Result<BTreeMap<String, Outcome>> {
    let all = [Outcome::Caught, Outcome::Survived, Outcome::TimedOut, Outcome::Unbuildable];
    let text = fs::read_to_string(folder.join(FILE))?;
    let line = |line: &str| {
        let (word, name) = line.split_once('\t')?;
        let outcome = all.into_iter().find(|outcome| format!("{outcome:?}") == word)?;
        Some((name.to_string(), outcome))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// Prints a table, and says how many survived that are not on the list.
pub(crate) fn report(trial: &Trial, equivalents: &Equivalents) -> io::Result<usize> {
    let outcomes = trial.outcomes.lock().map_err(|_| io::Error::other("poisoned"))?;
    println!(
        "| part | changes | caught | time-out | equivalent | survived | unbuildable | untried |"
    );
    println!("|:---|---:|---:|---:|---:|---:|---:|---:|");
    let mut survivors = Vec::new();
    let mut whole = String::new();
    for (part, _) in PARTS {
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        let mut listed = 0;
        let here = trial.chosen.iter().filter(|id| trial.mutants[**id].0 == *part);
        let here: Vec<usize> = here.copied().collect();
        for id in &here {
            let name = &trial.mutants[*id].1.name;
            let outcome = outcomes.get(id).copied().unwrap_or(Outcome::Untried);
            let _ = writeln!(whole, "{outcome:?}\t{name}"); // a String takes all
            if outcome == Outcome::Survived && equivalents.contains(name) {
                listed += 1;
                continue;
            }
            *counts.entry(outcome).or_default() += 1;
            if outcome == Outcome::Survived {
                survivors.push(name.clone());
            }
        }
        if here.is_empty() {
            continue;
        }
        let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
        println!(
            "| {part} | {} | {} | {} | {listed} | {} | {} | {} |",
            here.len(),
            count(Outcome::Caught),
            count(Outcome::TimedOut),
            count(Outcome::Survived),
            count(Outcome::Unbuildable),
            count(Outcome::Untried),
        );
    }
    fs::write(trial.folder.join(FILE), whole)?;
    fs::write(trial.folder.join("survivors.txt"), survivors.join("\n") + "\n")?;
    println!("mutants: {} survived", survivors.len());
    for name in &survivors {
        println!("{name}");
    }
    Ok(survivors.len())
}
