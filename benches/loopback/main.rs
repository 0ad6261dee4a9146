//! Figures of the real program on the loopback interface: `make bench`.
//!
//! Every figure stands beside what the machine itself needs for the same, measured in the same run
//! and in turn with it, so that the ratio says something on a noisy machine too.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, missing_docs)]

mod decision;
mod memory;
mod start;

use std::env;
use std::net::TcpListener;
use std::time::Duration;

fn main() {
    // The benchmark starts itself again as its own peers.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.first().map(String::as_str) {
        Some("decision-peer") => decision::peer(&args[1..]),
        Some("echo") => decision::echo(&args[1..]),
        Some("bare-peer") => start::bare_peer(&args[1..]),
        _ => {
            decision::report();
            start::report();
            memory::report();
        }
    }
}

/// Sorted times, and how to read them.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// The time that `percent` of all do not exceed, in microseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[index].as_secs_f64() * 1e6
    }

    pub fn median(&self) -> f64 {
        self.percentile(50)
    }
}

/// A row of a table: a name, the median, the 99th percentile, and a remark.
pub fn row(name: &str, times: &Times, remark: &str) {
    println!("  {name:<46} {:>8.0}  {:>8.0}   {remark}", times.median(), times.percentile(99));
}

/// Free ports, below those that the system takes for outgoing connections.
pub fn free_ports(count: usize) -> Vec<u16> {
    let first = 10_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    let held: Vec<TcpListener> = (first..32_000)
        .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .take(count)
        .collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Test case 2 on these ports: two proposers that share three acceptors.
pub fn hosts_text(ports: &[u16]) -> String {
    let roles = ["proposer1", "acceptor", "acceptor", "acceptor", "proposer2"];
    let lines = ports.iter().zip(roles).map(|(port, roles)| format!("127.0.0.1:{port}:{roles}\n"));
    lines.collect()
}
