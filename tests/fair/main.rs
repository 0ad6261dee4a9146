//! Is the judge of Paxos ever unjust, and what does it miss? A corpus of logs made for the purpose,
//! by programs that share nothing with the judge.
//!
//! Right logs come from synod's own simulator (`synods`) and from a small Paxos as students write
//! it (`textbook`). They are printed in every dialect that programs of this exercise have been seen
//! to speak (`print`), and collected as people collect logs: merged in any order, with their
//! beginnings lost, cut in the middle of a line (`cuts`). None may be accused.
//!
//! `SEEDS=n cargo test --test fair` plays n times as many runs; the tables that are printed with
//! `-- --nocapture` say how often each dialect is accused. `EXAMPLES=n` prints with them the
//! shortest logs that are accused, of n classes.

#![allow(clippy::print_stdout)] // tables are the outcome

mod cluster;
mod cuts;
mod guilt;
mod log;
mod print;
mod prng;
mod synods;
mod textbook;
mod verdict;
mod wrong;

use std::collections::BTreeSet;

use cuts::{CUTS, Collected, Sharing, collect, cut_at, merge};
use log::{Ack, Act, Kind, Line, Run};
use print::{ACKS, Dialect, Front, Ids, LAB, Numbers};
use prng::Prng;
use synod::paxos::judge::KnownRoles;
use textbook::{CASTS, Program};
use verdict::{Found, Tally, accusations, judge};
use wrong::MISTAKES;

/// How many times more runs are played than in a usual run of the tests.
fn seeds() -> u64 {
    number("SEEDS", 1)
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn examples() -> usize {
    usize::try_from(number("EXAMPLES", 3)).expect("a small number")
}

/// Prints a run in every dialect and loses of it what may get lost; all of that goes to the judge.
fn try_everything(run: &Run, source: &str, seed: u64, tally: &mut Tally) {
    let mut prng = Prng::new(seed ^ 0xfa12);
    for ids in [Ids::Sender, Ids::Printer, Ids::Other] {
        for acks in ACKS {
            let dialect = Dialect::draw(&mut prng, ids, *acks);
            let log = dialect.print(run, &mut prng);
            let cut = CUTS[prng.below(CUTS.len())];
            let collected = Collected::draw(&mut prng, cut);
            let files = collected.files(run, &log, &mut prng);
            let report = judge(&files, collected.hosts.then(|| run.roles()));
            let mut labels = dialect.labels();
            labels.extend(collected.labels(dialect.front));
            labels.push(format!("source {source}"));
            let class = format!("{ids:?} {acks:?} {cut:?}");
            tally.add(&labels, &class, &files, &report);
        }
    }
}

#[test]
#[ignore = "the judge takes one reading for granted"]
fn no_right_log_of_synods_own_is_accused() {
    let mut tally = Tally::default();
    for world in synods::WORLDS {
        for seed in 0..15 * seeds() {
            let run = synods::play(world, seed);
            try_everything(&run, world, seed, &mut tally);
        }
    }
    println!("{}", tally.table(examples()));
    assert_eq!(tally.unjust(), 0);
}

#[test]
#[ignore = "the judge takes one reading for granted"]
fn no_right_log_of_a_textbook_program_is_accused() {
    let mut tally = Tally::default();
    for seed in 0..300 * seeds() {
        let mut prng = Prng::new(seed);
        let program = Program::draw(&mut prng);
        let at = prng.below(CASTS.len());
        let run = textbook::play(&program, CASTS[at], &mut prng);
        try_everything(&run, &format!("cast {at}"), seed, &mut tally);
    }
    println!("{}", tally.table(examples()));
    assert_eq!(tally.unjust(), 0);
}

#[test]
#[ignore = "the judge takes one reading for granted"]
fn what_a_log_proves_is_found_and_what_it_does_not_is_held_against_nobody() {
    let (table, misses) = guilt::findings(seeds());
    println!("{:32} found of proved, right lines | found of open | accused of innocent", "mistake");
    let mut bad = Vec::new();
    for (name, found) in table {
        let Found { proved, hits, shown, open, open_hits, innocent, accused } = found;
        println!(
            "{name:32} {hits:5} of {proved:4}, {shown:4} | {open_hits:4} of {open:4} | \
             {accused:4} of {innocent:4}"
        );
        if hits * 100 < proved * 97 || accused > 0 {
            bad.push(name);
        }
    }
    let mut misses: Vec<_> = misses.into_iter().collect();
    misses.sort_by_key(|(_, (length, _))| *length);
    for (class, (_, text)) in misses.iter().take(examples()) {
        println!("\n=== {class}\n{text}");
    }
    assert!(bad.is_empty(), "{bad:?}");
}

/// What of a verdict must not depend on the order of collection.
fn gist(files: &cuts::Files, roles: Option<&KnownRoles>) -> (Vec<&'static str>, BTreeSet<String>) {
    let report = judge(files, roles.cloned());
    (accusations(&report), report.summary.chosen.iter().cloned().collect())
}

/// Short logs, right and wrong ones, with a name in front of each line and without.
#[test]
fn a_thousand_merges_are_judged_alike() {
    let mut prng = Prng::new(13);
    let mut logs: Vec<(String, Run)> = Vec::new();
    for name in [
        "none",
        "accept-below-promise",
        "value-not-taken-over",
        "announced-with-stale-votes",
        "learned-from-minority",
    ] {
        let mistake = MISTAKES.iter().find(|mistake| mistake.name == name).expect(name);
        logs.push((name.into(), wrong::play(mistake, &mut prng).0));
    }
    for at in [1, 3, 5, 2, 6] {
        let (program, cast) = (Program::draw(&mut prng), CASTS[at]);
        logs.push((format!("{program:?} {cast:?}"), textbook::play(&program, cast, &mut prng)));
    }
    let mut differ = Vec::new();
    for ((name, mut run), ids) in logs.into_iter().zip([Ids::Sender, Ids::Printer].iter().cycle()) {
        run.lines.truncate(80);
        for (front, hosts) in [(Front::Compose, true), (Front::Bare, false)] {
            let dialect = Dialect { ids: *ids, front, ..LAB };
            let log = dialect.print(&run, &mut prng);
            let roles = hosts.then(|| run.roles());
            let first = gist(&collect(&log, Sharing::One, false), roles.as_ref());
            for time in 0..500 {
                let files = collect(&merge(&log, &mut prng), Sharing::One, false);
                let again = gist(&files, roles.as_ref());
                if again != first {
                    differ.push(format!("{name}, {dialect}, {time}: {first:?} {again:?}"));
                    break;
                }
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

/// A log in one file ends at any byte; or the last line of one peer's file does.
#[test]
#[ignore = "a number that is cut is taken for whole"]
fn a_log_that_is_cut_at_any_byte_accuses_nobody() {
    let mut tally = Tally::default();
    let mut prng = Prng::new(4);
    for (at, ids) in (1..).zip([Ids::Sender, Ids::Printer, Ids::Other]) {
        let dialect = Dialect { ids, numbers: Numbers::Hundreds, front: Front::Compose, ..LAB };
        let program = Program::draw(&mut prng);
        let mut run = textbook::play(&program, CASTS[at], &mut prng);
        run.lines.truncate(40);
        let log = dialect.print(&run, &mut prng);
        for sharing in [Sharing::One, Sharing::Each] {
            let files = collect(&log, sharing, true);
            for file in 0..files.len() {
                let whole = &files[file].1;
                let last = whole.trim_end().rfind('\n').map_or(0, |end| end + 1);
                let first = if sharing == Sharing::One { 0 } else { last };
                for end in first..whole.len() {
                    let mut cut = files.clone();
                    cut_at(&mut cut[file].1, end);
                    let report = judge(&cut, Some(run.roles()));
                    tally.add(
                        &[format!("{ids:?}, {sharing:?}")],
                        &format!("{ids:?}"),
                        &cut,
                        &report,
                    );
                }
            }
        }
    }
    println!("{}", tally.table(examples()));
    assert_eq!(tally.unjust(), 0);
}

/// What never happens is not tested.
#[test]
fn the_right_runs_are_not_empty() {
    let mut runs: Vec<Run> = Vec::new();
    for seed in 0..100 {
        let mut prng = Prng::new(seed);
        let program = Program::draw(&mut prng);
        runs.push(textbook::play(&program, prng.pick(CASTS), &mut prng));
    }
    let textbooks = runs.len();
    runs.extend(synods::WORLDS.iter().map(|world| synods::play(world, 1)));
    for (source, runs) in [("textbook", &runs[..textbooks]), ("synod", &runs[textbooks..])] {
        let some = |what: &str, is_so: &dyn Fn(&Run) -> bool| {
            assert!(runs.iter().any(is_so), "no run of {source} has {what}");
        };
        let any = |run: &Run, is_so: &dyn Fn(&Line) -> bool| run.lines.iter().any(is_so);
        let ack = |line: &Line, is_so: fn(Ack) -> bool| line.ack.is_some_and(is_so);
        some("a choice", &|run| any(run, &|line| line.act == Act::Chose));
        some("a refusal", &|run| any(run, &|line| ack(line, |ack| !ack.granted)));
        some("a value to take over", &|run| {
            any(run, &|line| {
                line.kind == Kind::PrepareAck && ack(line, |ack| ack.accepted.is_some())
            })
        });
        some("a promise before", &|run| any(run, &|line| ack(line, |ack| ack.before.is_some())));
        some("a message to itself", &|run| {
            any(run, &|line| line.from == line.to && line.act == Act::Sent)
        });
        some("two who choose under different numbers", &|run| {
            let choices = run.lines.iter().filter(|line| line.act == Act::Chose);
            choices.map(|line| line.number).collect::<BTreeSet<_>>().len() > 1
        });
    }
}
