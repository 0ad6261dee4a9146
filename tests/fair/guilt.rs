//! Wrong runs before the judge: which mistakes are found, and who is accused of what is none.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::cuts::{Sharing, collect, merge, places};
use super::known::{Examples, examples};
use super::print::{ACKS, Dialect, Front, Ids, LAB, Shown};
use super::prng::Prng;
use super::verdict::{Found, accusations, charges, judge, shown, shows};
use super::wrong::{self, MISTAKES, Mistake, Proof};

/// A wrong run in this dialect: the table gets what the judge says, and `misses` the logs that it
/// judges wrongly.
fn try_mistake(
    mistake: &Mistake,
    mut dialect: Dialect,
    prng: &mut Prng,
    found: &mut Found,
    misses: &mut Examples,
) {
    // Whose a line is must be known; what is not printed proves nothing.
    let (apart, named, hosts) = (prng.chance(50), prng.chance(50), prng.chance(70));
    let sharing = if apart { Sharing::Each } else { Sharing::One };
    // A file all of whose lines name one peer may be its own, or that of the only one it talks to.
    let foreign = dialect.ids != Ids::Sender && !named;
    if !dialect.front.names_peers() && (!apart || foreign) {
        dialect.front = Front::Compose;
    }
    (dialect.refusals, dialect.itself) = (true, false);
    (dialect.late, dialect.late_receipts, dialect.once) = (false, false, false);
    dialect.bare_prepares = false;
    let short = prng.chance(40);
    let (run, culprits) = wrong::play(mistake, short, false, prng);
    let mut log = dialect.print(&run, prng);
    if prng.chance(50) {
        log = merge(&log, prng);
    }
    let files = collect(&log, sharing, named);
    let roles = hosts.then(|| run.roles());
    let report = judge(&files, roles.clone());
    let places = places(&log, sharing);
    let of = |messages: &[u32]| -> Vec<(u16, u64)> {
        let is_one = |at: &usize| {
            log[*at].of.is_some_and(|line| messages.contains(&run.lines[line].message))
        };
        (0..log.len()).filter(is_one).map(|at| places[at]).collect()
    };
    let guilty = !accusations(&report).is_empty();
    let right = guilty && shows(&report, [&of(&culprits.0), &of(&culprits.1)]);
    found.charges = found.charges.max(charges(&report).count());
    let proof = mistake.proof_in(&dialect, short);
    let proof = if proof == Proof::Proved && !hosts { mistake.without_hosts } else { proof };
    let (all, counted) = match proof {
        Proof::Proved => (&mut found.proved, &mut found.hits),
        Proof::Open => (&mut found.open, &mut found.open_hits),
        Proof::Innocent => (&mut found.innocent, &mut found.accused),
    };
    *all += 1;
    *counted += usize::from(guilty);
    found.shown += usize::from(proof == Proof::Proved && right);
    let wrongly = match proof {
        Proof::Proved => !guilty,
        Proof::Open => false,
        Proof::Innocent => guilty,
    };
    if wrongly {
        let what = if guilty { "accused" } else { "missed" };
        let length = if short { "short" } else { "long" };
        let (ids, acks, values) = (dialect.ids, dialect.acks, dialect.shown);
        let class = format!("{what}: {}, {length}, {ids:?}, {acks:?}, {values:?}", mistake.name);
        let places = format!("lines {:?} and {:?}", of(&culprits.0), of(&culprits.1));
        let labels = [mistake.name.into(), dialect.to_string(), places];
        let is = if guilty { "right" } else { "wrong" };
        let text = shown(is, &labels, roles.as_ref(), &files, &report);
        let known = misses.entry(class).or_insert((usize::MAX, String::new()));
        if log.len() < known.0 {
            *known = (log.len(), text);
        }
    }
}

/// What the judge made of all wrong runs.
pub(crate) struct Outcome {
    /// By mistake, in their order.
    pub(crate) table: Vec<(&'static str, Found)>,
    /// By habit: how many logs prove their mistake, and of how many it is found.
    pub(crate) habits: BTreeMap<String, (usize, usize)>,
    /// Logs that are judged wrongly.
    pub(crate) examples: Examples,
}

/// Plays every mistake in every dialect, so many times.
pub(crate) fn outcome(seeds: u64) -> Outcome {
    let (table, habits, examples) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut outcome = Outcome { table, habits, examples };
    for (number, mistake) in (0..).zip(MISTAKES) {
        let mut found = Found::default();
        for seed in 0..seeds {
            let mut prng = Prng::new(seed * 1000 + number);
            for ids in [Ids::Sender, Ids::Printer, Ids::Other] {
                for acks in ACKS {
                    for shown in [Shown::HeldOrAsked, Shown::Held, Shown::Nothing] {
                        let drawn = Dialect::draw(&mut prng, ids, *acks);
                        let dialect = Dialect { shown, ..drawn };
                        let before = (found.proved, found.hits);
                        let misses = &mut outcome.examples;
                        try_mistake(mistake, dialect, &mut prng, &mut found, misses);
                        for habit in dialect.labels().into_iter().take(3) {
                            let (proved, hits) = outcome.habits.entry(habit).or_default();
                            *proved += found.proved - before.0;
                            *hits += found.hits - before.1;
                        }
                    }
                }
            }
        }
        outcome.table.push((mistake.name, found));
    }
    outcome
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "found of those proved, by right lines | of open | accused of innocent | most"
        )?;
        for (name, found) in &self.table {
            let Found { proved, hits, shown, charges, open, open_hits, innocent, accused } = found;
            writeln!(
                f,
                "{name:32} {hits:5} of {proved:4}, {shown:4} | {open_hits:4} of {open:4} | \
                 {accused:4} of {innocent:4} | {charges}"
            )?;
        }
        for (habit, (proved, hits)) in &self.habits {
            writeln!(f, "{habit:32} {hits:5} of {proved:4}")?;
        }
        f.write_str(&examples(&self.examples))
    }
}

/// What is called innocent is letter by letter what is printed if all acceptors do as they should;
/// what is called proved and is an acceptor's mistake is not. Says where that is not so.
pub(crate) fn twins() -> Vec<String> {
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        for (seed, acks) in (0..).zip(ACKS) {
            for shown in [Shown::HeldOrAsked, Shown::Held, Shown::Nothing] {
                let dialect = Dialect { acks: *acks, shown, ..LAB };
                let text = |honest| -> Vec<String> {
                    let (run, _) = wrong::play(mistake, false, honest, &mut Prng::new(seed));
                    let log = dialect.print(&run, &mut Prng::new(0));
                    log.into_iter().map(|line| line.text).collect()
                };
                let (same, proof) = (text(false) == text(true), mistake.proof_in(&dialect, false));
                let is_so = match proof {
                    Proof::Innocent => same,
                    Proof::Proved => !same || !mistake.is_an_acceptors(),
                    Proof::Open => true,
                };
                if !is_so {
                    wrong.push(format!("{}: {dialect}: {proof:?}, same {same}", mistake.name));
                }
            }
        }
    }
    wrong
}
