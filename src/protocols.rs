//! The table of protocols, a row each: the only place that names them all.
//!
//! To add a protocol is to add a folder and a row here. The command line and its tools know rows.

use std::process::ExitCode;

use lexopt::Parser;

use crate::command::Beside;
use crate::command::live::LiveProtocol;
use crate::error::{Error, Result};
#[cfg(feature = "simulator")]
use crate::sim::harness::AnySim;
use crate::trace::diagram::{MakeDiagram, draw_journal};
use crate::trace::judge::LogJudge;
use crate::{member, paxos, ready, ring, store, sync};

/// What the tools know of a protocol.
pub struct Protocol {
    /// Its name, which is its command and its folder.
    pub name: &'static str,
    /// What its command is for, in half a line.
    pub summary: &'static str,
    /// The help of its command.
    pub help: &'static str,
    /// Its command: be one peer.
    pub run: fn(Parser) -> Result<ExitCode>,
    /// Its other commands.
    pub beside: &'static [Beside],
    /// The judge of logs of finished runs.
    pub log: Option<&'static dyn LogJudge>,
    /// What makes a picture of such a log.
    pub diagram: Option<MakeDiagram>,
    /// A whole run of it, judged while it goes on: for `local` and `judge`.
    pub live: Option<&'static LiveProtocol>,
    /// What the simulator knows of it.
    #[cfg(feature = "simulator")]
    pub sim: Option<&'static dyn AnySim>,
    /// Its lessons: the command `synod learn`.
    #[cfg(feature = "simulator")]
    pub learn: Option<fn(Parser) -> Result<ExitCode>>,
}

impl Protocol {
    /// The error where a tool is asked for what this protocol does not have.
    pub fn has_no(&self, what: &str) -> Error {
        Error::Usage(format!("{} has no {what}", self.name))
    }
}

/// All protocols. The first is meant where none is named.
pub const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "paxos",
        summary: "be one peer of a hostsfile (the default command)",
        help: paxos::command::HELP,
        run: paxos::command::run,
        beside: &[],
        log: Some(&paxos::judge::PaxosLog),
        diagram: Some(paxos::diagram::draw_log),
        live: Some(&paxos::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&paxos::sim::PaxosSim),
        #[cfg(feature = "simulator")]
        learn: Some(paxos::learn::run),
    },
    Protocol {
        name: "ready",
        summary: "wait until all peers of a hostsfile are up",
        help: ready::command::HELP,
        run: ready::command::run,
        beside: &[],
        log: Some(&ready::event::ReadyLog),
        diagram: Some(draw_journal::<ready::event::ReadyLog>),
        live: Some(&ready::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&ready::sim::ReadySim),
        #[cfg(feature = "simulator")]
        learn: None,
    },
    Protocol {
        name: "member",
        summary: "be one member of a group that knows who is in it",
        help: member::command::HELP,
        run: member::command::run,
        beside: &[],
        log: Some(&member::judge::MemberLog),
        diagram: Some(member::diagram::draw_log),
        live: Some(&member::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&member::sim::MemberSim),
        #[cfg(feature = "simulator")]
        learn: None,
    },
    Protocol {
        name: "sync",
        summary: "keep the same copy of a file as other peers",
        help: sync::command::HELP,
        run: sync::command::run,
        beside: &[],
        log: Some(&sync::event::SyncLog),
        diagram: Some(sync::diagram::draw_log),
        live: Some(&sync::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&sync::sim::SyncSim),
        #[cfg(feature = "simulator")]
        learn: None,
    },
    Protocol {
        name: "ring",
        summary: "be one peer of a circular hash table that finds and sends files",
        help: ring::command::HELP,
        run: ring::command::run,
        beside: &[],
        log: Some(&ring::event::RingLog),
        diagram: Some(ring::diagram::draw_log),
        live: Some(&ring::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&ring::sim::RingSim),
        #[cfg(feature = "simulator")]
        learn: None,
    },
    Protocol {
        name: "store",
        summary: "be one peer of a key-value store",
        help: store::command::HELP,
        run: store::command::run,
        beside: store::command::client::COMMANDS,
        log: Some(&store::event::StoreLog),
        diagram: Some(draw_journal::<store::event::StoreLog>),
        live: Some(&store::live::LIVE),
        #[cfg(feature = "simulator")]
        sim: Some(&store::sim::StoreSim),
        #[cfg(feature = "simulator")]
        learn: None,
    },
];

/// The simulated protocols, the default one first.
#[cfg(feature = "simulator")]
pub fn simulated() -> Vec<&'static dyn AnySim> {
    PROTOCOLS.iter().filter_map(|protocol| protocol.sim).collect()
}

/// True if the first argument is the name of a protocol.
pub fn is_named(protocols: &[Protocol], parser: &mut Parser) -> bool {
    let is_name = |word: &std::ffi::OsStr| protocols.iter().any(|p| word == p.name);
    parser.raw_args().is_ok_and(|words| words.peek().is_some_and(is_name))
}

/// Takes the name of a protocol, if the first argument is one. Otherwise it is the first protocol
/// that is meant.
pub fn named<'a>(protocols: &'a [Protocol], parser: &mut Parser) -> &'a Protocol {
    if let Ok(mut words) = parser.raw_args()
        && let Some(found) = words.peek().and_then(|word| protocols.iter().find(|p| word == p.name))
    {
        words.next();
        return found;
    }
    &protocols[0]
}
