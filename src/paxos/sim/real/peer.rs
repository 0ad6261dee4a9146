//! One process of a replay: the runtime with its sockets and its disk, and the protocol, or a
//! mutant of it, behind a gate that obeys what standard input says.
//!
//! On standard output it tells what the replay waits for: that it listens, with whom it is linked,
//! and that an event is over, with how many records it has written.

use std::fmt::Display;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

use super::super::plan::{PaxosParameters as Parameters, PaxosPlan as Plan};
use crate::command::journal::Journal;
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::error::{Doing, Error, Result};
use crate::node::disk::{Disk, Owner};
use crate::node::{Address, Config, Node, Observer};
use crate::paxos::lines::{Lines, gap};
use crate::paxos::{Fact, Message, Peer, Record, Timer, Value};
use crate::process::{Output, PeerId, Process};
use crate::sim::gated::{Gated, GatedFact, Order};
use crate::sim::harness::{OnePeer, RealReplay, Scenario, Simulated, schedule};
use crate::sim::mutant::{Mutable as _, Subject};

/// What peers of a replay have in common.
const FINGERPRINT: &str = "replay";

/// The orders of this protocol's peers.
pub(super) type PeerOrder = Order<Timer, Value>;

/// The simulation whose schedules these are.
pub(in crate::paxos::sim) trait Played:
    Simulated<Peer = Peer, Parameters = Parameters, Plan = Plan>
{
}

impl<S: Simulated<Peer = Peer, Parameters = Parameters, Plan = Plan>> Played for S {}

/// Runs one peer until its standard input ends or it is killed.
pub(super) fn run<S: Played>(replay: &RealReplay, one: &OnePeer) -> Result<ExitCode> {
    let (scenario, played) = schedule::read::<S>(&replay.file)?;
    let me = PeerId(one.id);
    if !(1..=scenario.peers).contains(&one.id) || one.ports.len() != usize::from(scenario.peers) {
        return Err(Error::Usage(format!("--as, --ports: there are {} peers", scenario.peers)));
    }
    let setup = S::setup(&scenario, &played.plan, me, 1);
    let links = links(&scenario, &played.plan, me);
    match scenario.mutant.filter(|_| !replay.without_bug) {
        None => serve(replay, one, &links, Peer::build(setup)),
        Some(mutant) => serve(replay, one, &links, mutant.build(setup)),
    }
}

/// Whom this peer is linked with.
pub(super) fn links<S: Played>(scenario: &Scenario<S>, plan: &Plan, me: PeerId) -> Vec<PeerId> {
    let links = S::config(scenario, plan).links;
    let other = |(one, other): &(PeerId, PeerId)| match me {
        me if me == *one => Some(*other),
        me if me == *other => Some(*one),
        _ => None,
    };
    links.iter().filter_map(other).collect()
}

fn serve<P>(replay: &RealReplay, one: &OnePeer, others: &[PeerId], peer: P) -> Result<ExitCode>
where
    P: Subject<Peer> + Send + 'static,
    P: Process<Message = Message, Record = Record, Timer = Timer, Fact = Fact, Input = Value>,
{
    let me = PeerId(one.id);
    let (tell, words) = Printer::of_both(me).doing(|| "starting to print".into())?;
    let mut orders = BufReader::new(io::stdin());
    let mut first = String::new();
    orders.read_line(&mut first).doing(|| "reading standard input".into())?;
    let first = serde_json::from_str(&first)
        .map_err(|error| Error::Input(format!("standard input: no first order: {error}")))?;
    let mut gated = Gated::new(me, peer, first);
    let owner = Owner { protocol: P::PROTOCOL.into(), peer: me, fingerprint: FINGERPRINT.into() };
    let (disk, _) = Disk::open(&one.data, &owner, &mut gated)?;
    let open = |path: &Path| Journal::open(me, path, words.clone(), gap);
    let journal = replay.trace.as_deref().map(open).transpose()?;
    let unseen = Printer::new(io::sink(), |_| String::new()).doing(|| "a thread".into())?;
    let mut lines = Lines::new(me, unseen, Prose::new(me, words.clone(), false), journal);
    lines.started(gated.inner().process());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "listening".into())?;
    let port = listener.local_addr().doing(|| "listening".into())?.port();
    let address = |id: &PeerId| {
        let port = one.ports[usize::from(id.0) - 1];
        (*id, Address { host: Ipv4Addr::LOCALHOST.to_string(), port })
    };
    let config = Config {
        me,
        fingerprint: FINGERPRINT.into(),
        peers: others.iter().map(address).collect(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    tell.print(format!("listening {port}\n").as_bytes());
    let told = Told { lines, tell, said: Vec::new() };
    let node = Node::start(config, gated, Some(disk), Box::new(told), listener)?;
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| error.to_string());
    node.read_inputs(orders, parse, || Some(PeerOrder::End))?;
    node.run().map(ExitCode::from)
}

/// Writes the journal, and tells the replay what it waits for.
struct Told {
    lines: Lines,
    tell: Printer,
    said: Vec<u8>,
}

impl Told {
    fn say(&mut self, what: impl Display) {
        self.said.extend_from_slice(format!("{what}\n").as_bytes());
    }
}

impl<P> Observer<Gated<P>> for Told
where
    P: Process<Message = Message, Fact = Fact, Timer = Timer>,
{
    fn observe(&mut self, output: &Output<Gated<P>>) {
        let output = match output {
            Output::Report(GatedFact::Linked(peer)) => {
                return self.say(format!("linked {}", peer.0));
            }
            Output::Report(GatedFact::Done(count)) => return self.say(format!("done {count}")),
            Output::Report(GatedFact::Inner(fact)) => Output::Report(fact.clone()),
            Output::Connected(peer) => Output::Connected(*peer),
            Output::Received(from, message) => Output::Received(*from, *message),
            Output::Sent(to, message) => Output::Sent(*to, *message),
        };
        Observer::<Peer>::observe(&mut self.lines, &output);
    }

    fn before_frames(&mut self) {
        Observer::<Peer>::before_frames(&mut self.lines);
    }

    fn after_frames(&mut self) {
        Observer::<Peer>::after_frames(&mut self.lines);
        self.tell.print(&std::mem::take(&mut self.said));
    }
}
