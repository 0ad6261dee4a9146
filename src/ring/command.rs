//! `synod ring`: be one peer of a circular distributed hash table.

mod jobs;
mod options;
mod ports;
mod store;
mod writer;

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use lexopt::Parser;

use super::message::{Fact, FileOrder, Input};
use super::{Peer, Setup, lines};
use crate::command::complain;
use crate::command::printer::Printer;
use crate::error::{Doing, Result};
use crate::node::{Config, Level, Node, Observer, Sockets};
use crate::process::{Output, PeerId};
use jobs::Jobs;
pub(crate) use options::HELP;
pub(super) use options::{FREE_FLAGS, Options, PORTS_APART, id};
use store::Store;
use writer::{Incoming, Logs, NotWritten};

/// Prints, writes logs, and has the peer's orders done.
struct Shell {
    me: PeerId,
    out: Printer,
    err: Printer,
    logs: Logs,
    incoming: Incoming,
    jobs: Arc<Jobs>,
}

impl Shell {
    fn obey(&mut self, order: &FileOrder) {
        let done = match order {
            FileOrder::Create(id, name) => self.incoming.create(*id, *name),
            FileOrder::Write(id, at, bytes) => self.incoming.write(*id, *at, &bytes.0),
            FileOrder::Discard(id) => {
                self.incoming.discard(*id);
                return;
            }
            FileOrder::Finish(id) => {
                let done = self.incoming.flush();
                self.see_to(done);
                // Flushing it to the disk takes time, and nobody else is to wait for that.
                let file = self.incoming.take(*id);
                return self.jobs.finish(*id, file);
            }
            order => return self.jobs.put(order.clone()),
        };
        self.see_to(done);
    }

    fn see_to(&self, written: std::result::Result<(), NotWritten>) {
        if let Err((id, why)) = written {
            say(&self.err, self.me, &why);
            self.jobs.not_stored(id);
        }
    }
}

fn say(err: &Printer, me: PeerId, text: &str) {
    err.print(format!("{me}: {text}\n").as_bytes());
}

impl Observer<Peer> for Shell {
    fn observe(&mut self, output: &Output<Peer>) {
        let Output::Report(fact) = output else { return };
        match fact {
            Fact::Log(entry) => self.logs.add(entry),
            Fact::Order(order) => self.obey(order),
            Fact::Note(note) => say(&self.err, self.me, &lines::said(*note)),
            fact => {
                if let Some(lines) = lines::printed(fact) {
                    self.out.print(lines.as_bytes());
                }
            }
        }
    }

    /// While the other side has something to do, what has come and gone is written.
    fn after_frames(&mut self) {
        let done = self.incoming.flush();
        self.see_to(done);
        if let Err(why) = self.logs.write() {
            say(&self.err, self.me, &why);
        }
    }

    fn sees_traffic(&self) -> bool {
        false
    }
}

/// What a person means by a line.
fn understand(line: &str) -> std::result::Result<Input, String> {
    let lower = line.trim().to_ascii_lowercase();
    let mut words = lower.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("quit"), None, _) => Ok(Input::Quit),
        (Some("request"), Some(name), None) => match name.parse() {
            Ok(name) => Ok(Input::Request(name)),
            Err(why) => Err(format!("request {name}: {why}")),
        },
        (Some("request"), None, _) => Err("request what? a name is four digits, as in 2012".into()),
        _ => Err(format!("{:?} is no command; type request NNNN or quit", line.trim())),
    }
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let begun = Instant::now();
    let options = Options::parse(parser)?;
    let me = options.me.peer();
    let hosts = options.hosts()?;
    let store = Store::open(&options.dir, options.me)?;
    let (out, err) = Printer::of_both(me).doing(|| "starting to print".into())?;
    let own = hosts.get(&me).cloned().unwrap_or_default();
    let ports = match ports::open(&own, &options, |text| say(&err, me, text)) {
        Ok(ports) => ports,
        Err(error) => {
            complain(&format!("{me}: {error}\n"));
            return Ok(ExitCode::from(2));
        }
    };
    let setup = Setup {
        me: options.me,
        successors: options.successors,
        contact: options.contact,
        terms: options.terms,
        ping: options.ping,
        misses: options.misses,
        fingers: options.fingers,
        seed: RandomState::new().hash_one(0_u8),
    };
    let at = |port: u16| ports::addresses(&hosts, me, port);
    let (peers, bulk) = (at(options.base_port), at(options.base_port + PORTS_APART));
    let jobs = Arc::new(Jobs::new(store.clone()));
    let shell = Shell {
        me,
        out: out.clone(),
        err: err.clone(),
        logs: Logs::new(&options, begun),
        incoming: Incoming::new(store),
        jobs: Arc::clone(&jobs),
    };
    let link_err = err.clone();
    let talk = Box::new(move |level: Level, text: &str| {
        if level == Level::Trouble {
            say(&link_err, me, text);
        }
    });
    let config = Config {
        me,
        fingerprint: format!("ring at {}", options.base_port),
        peers,
        strict_address: true,
        bodies: Some(Arc::clone(&jobs) as _),
        say: talk,
    };
    let sockets = Sockets {
        streams: Some(ports.streams),
        on_demand: true,
        datagrams: Some(ports.pings),
        bulk: Some((ports.data, bulk)),
        ..Sockets::default()
    };
    let node = Node::start(config, Peer::new(setup), None, Box::new(shell), sockets)?;
    jobs.start(&node)?;
    let ends = options.until_eof;
    node.read_inputs(io::stdin(), understand, move || ends.then_some(Input::End))?;
    let code = node.run();
    out.finish();
    err.finish();
    code.map(ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_commands_are_understood_in_any_case_and_nothing_else() {
        let name = "0012".parse().expect("a name");
        for (line, want) in [
            ("quit", Input::Quit),
            (" QUIT \r", Input::Quit),
            ("request 0012", Input::Request(name)),
            ("Request   0012", Input::Request(name)),
        ] {
            assert_eq!(understand(line), Ok(want), "{line}");
        }
        for line in
            ["", "quit now", "request", "request 12", "request 0012 0013", "request ../2", "x"]
        {
            assert!(understand(line).is_err(), "{line}");
        }
    }
}
