//! A network of several hosts on this one, whose packets take their time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

/// Namespaces 1, 2..., each with the address 10.77.0.N; gone with the value.
pub(crate) struct Network {
    carrier: Child,
    names: Vec<String>,
}

impl Network {
    /// So many hosts, how many seconds a packet takes from one to another, and how many more in
    /// every other ten seconds. `None`, and a word on standard error, where the machine cannot do
    /// that.
    pub(crate) fn new(hosts: usize, one_way: f64, wave: f64) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/delay.py");
        let carrier = Command::new("python3")
            .args([script, &hosts.to_string(), &one_way.to_string(), &wave.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut carrier) = carrier else {
            skip("no python3");
            return None;
        };
        let mut line = String::new();
        let out = carrier.stdout.take().expect("is piped");
        BufReader::new(out).read_line(&mut line).expect("is text");
        let names: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if line.starts_with("synod-test-") {
            return Some(Self { carrier, names });
        }
        let code = carrier.wait().expect("it is our child").code();
        assert_eq!(code, Some(77), "the network cannot be made: {line}");
        skip(line.trim_end());
        None
    }

    /// Runs a command on this host.
    pub(crate) fn on(&self, host: u16, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.names[usize::from(host) - 1]]);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }

    /// `cut` drops every packet from now on, `heal` ends that.
    pub(crate) fn order(&mut self, order: &str) {
        let orders = self.carrier.stdin.as_mut().expect("is piped");
        writeln!(orders, "{order}").expect("it listens");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It cleans up when its input ends.
        drop(self.carrier.stdin.take());
        let _ = self.carrier.wait();
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
fn skip(why: &str) {
    eprintln!("skipped: a network with delays cannot be made here: {why}");
}
