//! The kill matrix in `docs/checks.md`: it has every mutant, each caught twice, and what it says of
//! the exploration is what is written down beside the exploration's own tests.

use std::collections::{BTreeMap, BTreeSet};

use synod::member::sim::MemberSim;
use synod::paxos::sim::PaxosSim;
use synod::protocols::simulated;
use synod::ready::sim::ReadySim;
use synod::ring::sim::RingSim;
use synod::sim::harness::{Failure, Simulated, known_failure};
use synod::sim::mutant::{Guard, MutantLabel};
use synod::store::sim::StoreSim;
use synod::sync::sim::SyncSim;

/// The rows of the matrix, cell by cell, by mutant.
fn matrix() -> BTreeMap<&'static str, Vec<&'static str>> {
    let checks = include_str!("../docs/checks.md");
    let from = checks.find("\n## The kill matrix\n").expect("the page has the matrix");
    let rows = checks[from..].lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim));
    let all = cells.filter_map(|mut cells| Some((cells.next()?, cells.collect())));
    all.filter(|(name, _)| !name.starts_with("mutant")).collect()
}

#[test]
fn every_mutant_has_a_name_of_its_own_and_a_label() {
    for (sim, least) in simulated().into_iter().zip([43, 8, 23, 5, 13, 21]) {
        let catalogue = sim.mutants();
        let names: BTreeSet<&str> = catalogue.iter().map(|label| label.name).collect();
        assert_eq!(names.len(), catalogue.len());
        assert!(names.len() >= least, "only {}", names.len());
        for MutantLabel { name, does, seen, .. } in catalogue {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
            assert!(does.ends_with('.') && seen.ends_with('.'), "{name}");
        }
    }
    let paxos = simulated()[0];
    assert!(paxos.matrix_row("half-is-a-quorum", u64::MAX).is_some());
    assert!(paxos.matrix_row("unbroken", u64::MAX).is_none());
}

#[test]
fn the_matrix_has_every_mutant_each_caught_twice() {
    let all = simulated();
    let mut names: Vec<&str> =
        all.iter().flat_map(|sim| sim.mutants()).map(|label| label.name).collect();
    names.sort_unstable();
    let matrix = matrix();
    assert_eq!(matrix.keys().copied().collect::<Vec<_>>(), names);
    let count = format!(" {} mutants", names.len());
    for text in [include_str!("../README.md"), include_str!("../docs/checks.md")] {
        assert!(text.contains(&count), "a document counts other than{count}");
    }
    for (name, cells) in matrix {
        let properties = if cells[0] == "·" { 0 } else { cells[0].split(", ").count() };
        let others = cells[1..].iter().filter(|cell| **cell != "·" && !cell.starts_with('0'));
        // Of what was explored two of three checks, of the others two properties will do.
        let is_explored = cells.len() > 2;
        let kills = others.count() + if is_explored { properties.min(1) } else { properties };
        assert!(kills >= 2, "{name}: {cells:?}");
    }
}

#[test]
fn the_matrix_says_what_was_explored() {
    let matrix = matrix();
    for line in include_str!("explore/mutants.txt").lines() {
        let (name, how) = line.split_once('\t').expect("a name and how");
        assert_eq!(matrix[name].last(), Some(&if how.is_empty() { "·" } else { how }), "{name}");
    }
}

/// True if the item is defined in the text: its name ends where that of the definition does.
fn defines(text: &str, item: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c));
    text.match_indices(item).any(|(at, _)| ends(&text[at + item.len()..]))
}

/// The rules that the mutant's known failure breaks, played to its end: properties of the
/// simulator, and rules of the judge of the lines.
fn broken<S: Simulated>(name: &str) -> Vec<String> {
    let mutant = S::mutants().find(|mutant| mutant.name == name).expect("it is in the catalogue");
    let Failure { scenario, seed, .. } = known_failure::<S>(mutant).expect("it is known");
    let run = scenario.to_the_end().record(seed);
    let properties = run.outcome.violated.iter().map(|property| property.name.to_owned());
    properties.chain(run.judged.into_iter().flatten()).collect()
}

#[test]
fn every_mutant_breaks_the_rule_that_it_names_and_names_the_source_that_keeps_it() {
    let broken = [
        broken::<PaxosSim>,
        broken::<ReadySim>,
        broken::<MemberSim>,
        broken::<SyncSim>,
        broken::<RingSim>,
        broken::<StoreSim>,
    ];
    let mut wrong = Vec::new();
    for (sim, broken) in simulated().into_iter().zip(broken) {
        for MutantLabel { name, guard: Guard { rule, file, item, step }, .. } in sim.mutants() {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if !defines(&text, item) || step.is_empty() {
                wrong.push(format!("{name}: {file} has no {item}"));
            }
            let broken = broken(name);
            if !broken.iter().any(|found| defines(found, rule)) {
                wrong.push(format!("{name}: {rule} is none of {broken:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
