//! `synod sim`
#![allow(missing_docs)]
pub mod claims;
pub mod journal;
pub mod play;
pub mod stage;
use crate::error::Result;
use crate::sim::Faults;
use std::process::ExitCode;
pub(super) const HELP: &str = "";
pub(super) fn run(mut parser: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::ValueExt;
    let preset = parser.value()?.string()?;
    let n: u64 = parser.value()?.parse()?;
    let s = play::Scenario::new(5, 2, Faults::preset(&preset).unwrap());
    let t = std::time::Instant::now();
    let (mut steps, mut sent, mut crashes, mut rounds, mut maxr,mut maxv) = (0, 0, 0, 0, 0,0);
    for seed in 0..n {
        let o = s.play(seed);
        steps += o.counts.steps;
        sent += o.counts.sent;
        crashes += o.counts.crashes;
        rounds += o.tally.rounds;
        maxr = maxr.max(o.tally.rounds_healed);
        maxv=maxv.max(o.virtual_us);
        if let Some(b) = o.breach {
            println!("{seed} {b:?} {:?}", o.counts);
            break;
        }
    }
    let e = t.elapsed().as_secs_f64();
    println!("{} runs/s; steps {} sent {} crashes {} rounds {} a run; max rounds healed {maxr} {maxv}", n as f64 / e, steps as f64 / n as f64, sent as f64 / n as f64, crashes as f64 / n as f64, rounds as f64 / n as f64);
    Ok(ExitCode::SUCCESS)
}
