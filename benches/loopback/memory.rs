//! What an idle peer holds in memory, and what a thousand silent strangers cost.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{free_ports, hosts_text};

const STRANGERS: u64 = 1000;

/// Resident memory in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Prints the table.
pub fn report() {
    let ports = free_ports(5);
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    fs::write(&hosts, hosts_text(&ports)).unwrap();
    // The program as it is shipped, if the Makefile has built it.
    let program = env::var("SYNOD_STATIC").unwrap_or(env!("CARGO_BIN_EXE_synod").into());
    let mut peers: Vec<_> = (1..=5)
        .map(|id| {
            Command::new(&program)
                .arg("-h")
                .arg(&hosts)
                .args(["--id", &id.to_string(), "-v", "X"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    thread::sleep(Duration::from_secs(3));
    let pid = peers[1].id();
    let idle = resident(pid);
    let strangers: Vec<TcpStream> =
        (0..STRANGERS).map(|_| TcpStream::connect(("127.0.0.1", ports[1])).unwrap()).collect();
    thread::sleep(Duration::from_secs(2));
    let crowded = resident(pid);
    drop(strangers);
    for peer in &mut peers {
        peer.kill().unwrap();
        peer.wait().unwrap();
    }
    let size = fs::metadata(&program).unwrap().len() / 1024;
    println!("memory and size (KiB)");
    println!("  {:<46} {idle:>8}", "an idle acceptor that has decided, resident");
    let each = (crowded - idle) * 1024 / STRANGERS;
    let name = "each of 1,000 silent connections, resident";
    println!("  {name:<46} {:>8}", format!("{}.{}", each / 1024, each % 1024 * 10 / 1024));
    println!("  {:<46} {size:>8}", "the binary");
}
