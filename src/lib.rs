//! # synod: Paxos you can run, read and trust
//!
//! Start with [`process`]: it is the contract that everything else keeps. A protocol is a value
//! that turns events into effects; drivers feed it. Then read [`paxos`], which is the protocol,
//! and [`node`], which runs it on sockets, files and clocks.
//!
//! ```text
//! main ── cli ── protocols ──┬── paxos ─────┐          a folder per protocol: core, command,
//!                            ├── ready ─────┤          judge, simulation, mutants, diagrams
//!                            ├── member ────┤
//!                            ├── sync ──────┤
//!                            ├── ring ──────┤
//!                            └── store ─────┤
//!        ┌────────────┬───────────┬─────────┼──────────┐
//!     command       node         sim      trace      hosts
//!     flags and     threads,     a queue, lines      the
//!     printers      sockets,     a clock, of a run,  hostsfile
//!                   a disk       a seed   diagrams
//!        └────────────┴─────┬─────┘
//!                        process                       the contract
//! ```
//!
//! A test enforces the arrows. What belongs to a protocol lives in its folder; what
//! serves them all knows protocols only as rows of [`protocols::PROTOCOLS`]. A protocol's core
//! imports only `process`: no I/O at all. Its judge shares no code with its core, and recomputes
//! everything from the lines. `node` and `sim` drive any `Process` and name no protocol.

pub mod cli;
pub mod command;
pub mod error;
pub mod fnv;
pub mod hosts;
pub mod member;
pub mod node;
pub mod paxos;
pub mod process;
pub mod protocols;
pub mod ready;
pub mod ring;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod store;
pub mod sync;
pub mod trace;
pub mod visible;
