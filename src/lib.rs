//! # synod: Paxos you can run, read and trust
//!
//! Start with [`process`]: it is the contract that everything else keeps. A protocol is a value
//! that turns events into effects; drivers feed it. Then read [`paxos`], which is the protocol,
//! and [`node`], which runs it on sockets, files and clocks.
//!
//! ```text
//! main ── cli ──┬── paxos ─────── process      protocols: no I/O at all
//!               ├── ready ─────── process      the readiness barrier
//!               ├── member ────── process      membership, failure detection, a leader
//!               ├── node ──────── process      driver: threads, sockets, disk, clock
//!               ├── sim ───────── process      driver: one queue, a virtual clock, a seed
//!               ├── trace                      lines of a run, read and judged
//!               └── hosts                      the hostsfile
//! ```
//!
//! The arrows are a law (a test holds them): protocols import only `process`; `node` and `sim` are
//! generic over `Process` and name no protocol; `trace` shares no code with the protocol that it
//! judges; `cli` is the only place where a protocol meets a driver.

pub mod cli;
pub mod error;
pub mod fnv;
pub mod hosts;
pub mod member;
pub mod node;
pub mod paxos;
pub mod process;
pub mod ready;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod trace;
pub mod visible;
