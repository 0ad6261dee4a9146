//! The same decision on real sockets: the runtime, its threads and this machine's network, with
//! every pair of peers as far apart as in the simulated run ([`delay`]).
//!
//! A runtime never stops its threads, so every decision has a process of its own:
//! `synod sim --sockets`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::delay;
use super::world::{Times, World};
use crate::error::{Doing, Error, Result};
use crate::node::{Address, Config, Node, Observer};
use crate::paxos::{Fact, Peer, Setup};
use crate::process::{Output, PeerId};

/// How long the proposer waits for all of its links: in a wide area they take a while.
const LINK_WAIT: Duration = Duration::from_secs(4);
/// A decision that takes longer will not come.
const LONGEST: Duration = Duration::from_secs(60);

/// Something that a peer said, and when.
type Said = (PeerId, Instant, Fact);

/// Tells what its peer says.
struct Stopwatch {
    me: PeerId,
    said: Sender<Said>,
}

impl Observer<Peer> for Stopwatch {
    fn observe(&mut self, output: &Output<Peer>) {
        if let Output::Report(fact) = output {
            let _ = self.said.send((self.me, Instant::now(), fact.clone()));
        }
    }

    fn sees_traffic(&self) -> bool {
        false
    }
}

/// Lets the peers of this world agree once.
///
/// # Errors
/// The machine gives no more sockets or threads, or no decision came.
pub(super) fn decide(world: &World) -> Result<Times> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "listening".into());
    let listeners = world.cast.setups.iter().map(bind).collect::<Result<Vec<_>>>()?;
    let own = |listener: &TcpListener| listener.local_addr().doing(|| "listening".into());
    let own = listeners.iter().map(own).collect::<Result<Vec<SocketAddr>>>()?;
    let (sender, said) = channel();
    let mut present = 0;
    for (listener, setup) in listeners.into_iter().zip(&world.cast.setups) {
        // Where an absent one would listen, nobody does.
        if world.site.absent.contains(&setup.me) {
            continue;
        }
        let address = |to: PeerId| {
            let way = Duration::from_micros(world.way_us(setup.me, to));
            let at = delay::open(own[usize::from(to.0) - 1], way)?;
            Ok((to, Address { host: at.ip().to_string(), port: at.port() }))
        };
        let links = setup.roles.links_of(setup.me).into_iter().map(address);
        let config = Config {
            me: setup.me,
            fingerprint: "scale".into(),
            peers: links.collect::<Result<_>>()?,
            strict_address: false,
            bodies: None,
            say: Box::new(|_, _| {}),
        };
        let peer = Peer::new(Arc::new(Setup { link_wait: LINK_WAIT, ..Setup::clone(setup) }));
        let watch = Stopwatch { me: setup.me, said: sender.clone() };
        Node::start(config, peer, None, Box::new(watch), listener)?;
        present += 1;
    }
    times(&said, present)
}

/// From the first question to the first who knows the choice, and to the last.
fn times(said: &Receiver<Said>, peers: usize) -> Result<Times> {
    let deadline = Instant::now() + LONGEST;
    let (mut begun, mut decided, mut knowing) = (None, None, 0);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok((peer, at, fact)) = said.recv_timeout(left) else {
            let why = format!("{knowing} of {peers} peers know a choice after {LONGEST:?}");
            return Err(Error::Input(why));
        };
        match fact {
            Fact::Proposing { .. } => _ = begun.get_or_insert(at),
            Fact::Chose { .. } => {
                let begun = begun.unwrap_or(at);
                let ms = at.saturating_duration_since(begun).as_secs_f64() * 1e3;
                let decided = *decided.get_or_insert(ms);
                knowing += 1;
                if knowing == peers {
                    return Ok(Times { decided_ms: decided, known_ms: ms });
                }
            }
            Fact::Contradiction { .. } => {
                return Err(Error::Input(format!("{peer} has heard of two choices")));
            }
            _ => {}
        }
    }
}

/// Runs `synod sim --sockets` this many times at once, and returns the middle of what they print.
///
/// # Errors
/// A process does not start, or fails.
pub(super) fn again(args: &[String], times: usize) -> Result<Times> {
    let program = std::env::current_exe().doing(|| "looking for this program".into())?;
    let start = |_| {
        let mut command = Command::new(&program);
        command.args(["sim", "--sockets"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().doing(|| "starting a process".into())
    };
    let children = (0..times).map(start).collect::<Result<Vec<_>>>()?;
    let mut decided = Vec::new();
    let mut known = Vec::new();
    for child in children {
        let output = child.wait_with_output().doing(|| "waiting for a process".into())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = Times::read(&text).filter(|_| output.status.success());
        let found = found.ok_or_else(|| {
            Error::Input(format!("synod sim --sockets {} failed", args.join(" ")))
        })?;
        decided.push(found.decided_ms);
        known.push(found.known_ms);
    }
    let middle = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Ok(Times { decided_ms: middle(decided), known_ms: middle(known) })
}
