//! The kill matrix in README: it has every mutant, each caught twice, and what it says of the
//! exploration is what is written down beside the exploration's own tests.

use std::collections::BTreeMap;

use synod::cli::sim::beside::{STAGES, Stage};
use synod::paxos::mutants;

/// The rows of the matrix, cell by cell, by mutant.
fn matrix() -> BTreeMap<&'static str, Vec<&'static str>> {
    let readme = include_str!("../README.md");
    let from = readme.find("<summary>The kill matrix").expect("README has the matrix");
    let length = readme[from..].find("</details>").expect("it ends");
    let rows = readme[from..from + length].lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim));
    let heads = ["mutant", "mutant of synod ready", "mutant of synod member"];
    let all = cells.filter_map(|mut cells| Some((cells.next()?, cells.collect())));
    all.filter(|(name, _)| !heads.contains(name)).collect()
}

#[test]
fn the_matrix_has_every_mutant_each_caught_twice() {
    let paxos = mutants::all().map(|mutant| mutant.name);
    let siblings = STAGES.into_iter().flat_map(Stage::bugs).map(|bug| bug.name);
    let mut names: Vec<&str> = paxos.chain(siblings).collect();
    names.sort_unstable();
    let matrix = matrix();
    assert_eq!(matrix.keys().copied().collect::<Vec<_>>(), names);
    for (name, cells) in matrix {
        let claims = if cells[0] == "·" { 0 } else { cells[0].split(", ").count() };
        let others = cells[1..].iter().filter(|cell| **cell != "·" && !cell.starts_with('0'));
        // Of Paxos two of three checks, of the siblings two claims will do.
        let of_paxos = mutants::named(name).is_some();
        let kills = others.count() + if of_paxos { claims.min(1) } else { claims };
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
