mod model;
use model::{Exploration, bounds::Bounds};
use stateright::{Checker, Model};
use synod::paxos::Peer;
fn main() {
    let args: Vec<u16> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let mut b = Bounds::new(args[0], args[1]);
    b.rounds = args[2] as u8;
    b.crashes = args[3] as u8;
    b.symmetry = args[4] != 0;
    b.reduce = args[5] != 0;
    let secs = args.get(6).copied().unwrap_or(60);
    let t = std::time::Instant::now();
    let mut e = Exploration::new(b, Peer::new);
    e.clock.until = Some(t + std::time::Duration::from_secs(secs.into()));
    let checker = e.checker().spawn_dfs().join();
    println!("{} unique {} gen {} depth {} {:?} met {:?}", checker.model().clock.rang(), checker.unique_state_count(), checker.state_count(), checker.max_depth(), t.elapsed(), checker.model().met());
    for (n, p) in checker.discoveries() {
        println!("  {n}: {} steps", p.into_actions().len());
    }
}
