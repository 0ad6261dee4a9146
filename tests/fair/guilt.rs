//! Wrong runs before the judge: which mistakes are found, and who is accused of what is none.

use std::collections::BTreeMap;

use super::cuts::{Sharing, collect, merge, places};
use super::known::Examples;
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

/// What is found of every mistake, and logs that are judged wrongly.
pub(crate) fn findings(seeds: u64) -> (Vec<(&'static str, Found)>, Examples) {
    let mut misses = BTreeMap::new();
    let mut table = Vec::new();
    for (number, mistake) in (0..).zip(MISTAKES) {
        let mut found = Found::default();
        for seed in 0..seeds {
            let mut prng = Prng::new(seed * 1000 + number);
            for ids in [Ids::Sender, Ids::Printer, Ids::Other] {
                for acks in ACKS {
                    for shown in [Shown::HeldOrAsked, Shown::Held, Shown::Nothing] {
                        let drawn = Dialect::draw(&mut prng, ids, *acks);
                        let dialect = Dialect { shown, ..drawn };
                        try_mistake(mistake, dialect, &mut prng, &mut found, &mut misses);
                    }
                }
            }
        }
        table.push((mistake.name, found));
    }
    (table, misses)
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
