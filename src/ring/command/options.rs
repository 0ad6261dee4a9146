//! The flags of `synod ring`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use crate::command::args;
use crate::error::{Doing, Error, Result};
use crate::process::PeerId;
use crate::ring::key::Key;
use crate::ring::successors::is_in_order;
use crate::ring::transfer::{Chance, MOST_MSS, MOST_WINDOW, Terms};

/// Where each peer is that has one.
pub(super) type PeerHosts = BTreeMap<PeerId, String>;

/// The port for files lies so far above the other one.
pub(in crate::ring) const PORTS_APART: u16 = 10_000;
const BASE_PORT: u16 = 50_000;
/// The most bytes that may be under way of one transfer.
const MOST_UNDER_WAY: u64 = 16 << 20;

pub(crate) const HELP: &str = "\
usage: synod ring ID SUCC1 SUCC2 MSS DROP [options]
       synod ring ID MSS DROP --join PEER [options]

Be one peer of a circular distributed hash table. Ids are 0 to 255. SUCC1 and SUCC2 are the next two
peers going round; in a ring of one all three are the same. MSS is the number of bytes per segment
of a file, DROP the probability, 0 to 1, with which a segment is not sent. With --join the peer
finds its place itself, through any PEER of the ring.

Standard input takes two commands: request NNNN fetches the file of that name, and quit leaves the
ring. A file NNNN.pdf or NNNN is stored at the first peer at or after NNNN mod 256. It arrives as
received_file_NNNN_ID.pdf. The segments that are sent and received are written to
responding_log.txt and requesting_log.txt.

Whoever can reach the ports can fetch files, and can take itself for a peer of the same host.

flags:
  --join PEER        join the ring that this peer is in
  --dir DIR          where the files and logs are (.)
  --own-logs         the names of the logs end in _ID.txt
  --base-port P      peer ID has TCP and UDP port P + ID, and UDP port P + 10000 + ID (50000)
  --hosts FILE       where the peers are, a line ID HOST each; otherwise all are on this machine
  --ping SECS        from one ping to the next (5)
  --misses N         so many pings in a row without an answer are a death (3)
  --window N         so many segments may be under way, up to 1024 (1: stop and wait)
  --give-up N        end a transfer after so many time-outs in a row of one segment (60)
  --fingers          keep shortcuts across the ring, so that requests take fewer hops
  --until-eof        end when standard input ends

exit codes:
  0  it has left the ring, or standard input has ended, with --until-eof
  2  a flag, a file or the machine was at fault

example:
  synod ring 8 10 12 400 0.1
";

/// Flags that `synod local ring` hands on as they are.
pub(in crate::ring) const FREE_FLAGS: &[&str] = &["--misses", "--window", "--give-up"];

/// What the command line says.
#[derive(Debug)]
pub(in crate::ring) struct Options {
    pub(super) me: Key,
    pub(super) successors: (Key, Key),
    pub(super) contact: Option<Key>,
    pub(super) terms: Terms,
    pub(super) ping: Duration,
    pub(super) misses: u32,
    pub(super) fingers: bool,
    pub(super) dir: PathBuf,
    pub(super) own_logs: bool,
    pub(super) base_port: u16,
    hosts: Option<PathBuf>,
    pub(super) until_eof: bool,
}

fn usage(text: String) -> Error {
    Error::Usage(text)
}

/// An id.
pub(in crate::ring) fn id(what: &str, value: OsString) -> Result<Key> {
    let text = args::text(what, value)?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| is_number).map(Key);
    id.ok_or_else(|| usage(format!("{what} {text:?}: an id is a number from 0 to 255")))
}

fn count(flag: &str, value: OsString, most: u32) -> Result<u32> {
    let text = args::text(flag, value)?;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| usage(format!("{flag} {text:?}: a number from 1 to {most}")))
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// A flag or a value is wrong, or they do not go together.
    pub(in crate::ring) fn parse(mut parser: Parser) -> Result<Self> {
        let drop = Chance::default();
        let mut options = Self {
            me: Key(0),
            successors: (Key(0), Key(0)),
            contact: None,
            terms: Terms { mss: 1, window: 1, drop, give_up: 60 },
            ping: Duration::from_secs(5),
            misses: 3,
            fingers: false,
            dir: ".".into(),
            own_logs: false,
            base_port: BASE_PORT,
            hosts: None,
            until_eof: false,
        };
        let mut words = Vec::new();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("join") => options.contact = Some(id("--join", parser.value()?)?),
                Long("dir") => options.dir = args::directory("--dir", parser.value()?)?,
                Long("own-logs") => options.own_logs = true,
                Long("base-port") => {
                    options.base_port = args::number("--base-port", parser.value()?)?;
                }
                Long("hosts") => options.hosts = Some(parser.value()?.into()),
                Long("ping") => options.ping = args::period("--ping", parser.value()?)?,
                Long("misses") => options.misses = count("--misses", parser.value()?, 10_000)?,
                Long("window") => {
                    let most = count("--window", parser.value()?, MOST_WINDOW.into())?;
                    options.terms.window = u16::try_from(most).unwrap_or(1);
                }
                Long("give-up") => {
                    options.terms.give_up = count("--give-up", parser.value()?, 10_000)?;
                }
                Long("fingers") => options.fingers = true,
                Long("until-eof") => options.until_eof = true,
                Positional(value) => words.push(value),
                Short(_) | Long(_) => return Err(arg.unexpected().into()),
            }
        }
        options.take_words(words)?;
        options.check()?;
        Ok(options)
    }

    fn take_words(&mut self, words: Vec<OsString>) -> Result<()> {
        let (form, count) = match self.contact {
            None => ("ID SUCC1 SUCC2 MSS DROP", 5),
            Some(_) => ("ID MSS DROP", 3),
        };
        if words.len() != count {
            let given = words.len();
            return Err(usage(format!("{count} arguments are wanted, {form}; {given} are there")));
        }
        let mut words = words.into_iter();
        let mut next = || words.next().unwrap_or_default();
        self.me = id("ID", next())?;
        self.successors = (self.me, self.me);
        if self.contact.is_none() {
            self.successors = (id("SUCC1", next())?, id("SUCC2", next())?);
        }
        self.terms.mss = {
            let text = args::text("MSS", next())?;
            let mss = text.parse().ok().filter(|mss| (1..=MOST_MSS).contains(mss));
            mss.ok_or_else(|| {
                usage(format!("MSS {text:?}: bytes per segment, a number from 1 to {MOST_MSS}"))
            })?
        };
        let text = args::text("DROP", next())?;
        self.terms.drop = text.parse().ok().and_then(Chance::of).ok_or_else(|| {
            usage(format!("DROP {text:?}: a probability is a number from 0 to 1, as in 0.1"))
        })?;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let (me, (first, second)) = (self.me, self.successors);
        if self.contact == Some(me) {
            return Err(usage(format!("--join {me}: a peer cannot join through itself")));
        }
        let is_pair = second == first || second == me;
        if first == me && second != me || !is_pair && !is_in_order(me, &[first, second]) {
            return Err(usage(format!(
                "SUCC1 {first} and SUCC2 {second} are not the next two peers going round from {me}"
            )));
        }
        if self.base_port > u16::MAX - PORTS_APART - 255 {
            let most = u16::MAX - PORTS_APART - 255;
            return Err(usage(format!("--base-port {}: at most {most}", self.base_port)));
        }
        if u64::from(self.terms.mss) * u64::from(self.terms.window) > MOST_UNDER_WAY {
            return Err(usage(format!(
                "--window {} segments of {} bytes: together at most {MOST_UNDER_WAY} bytes",
                self.terms.window, self.terms.mss
            )));
        }
        Ok(())
    }

    /// Where the peers are.
    ///
    /// # Errors
    /// The file of `--hosts` cannot be read, or is not of its form.
    pub(super) fn hosts(&self) -> Result<PeerHosts> {
        let Some(path) = &self.hosts else {
            return Ok((0..=255).map(|id| (Key(id).peer(), "127.0.0.1".into())).collect());
        };
        let text = fs::read_to_string(path).doing(|| format!("reading {}", path.display()))?;
        let mut hosts = PeerHosts::new();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |why: &str| Error::Input(format!("{}:{number}: {why}", path.display()));
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(id), host) = (words.next(), words.next()) else { continue };
            let (Ok(id), Some(host), None) = (id.parse().map(Key), host, words.next()) else {
                return Err(wrong("a line is an id from 0 to 255 and a host, as in 8 peer8"));
            };
            if hosts.insert(id.peer(), host.into()).is_some() {
                return Err(wrong("this id is named twice"));
            }
        }
        if !hosts.contains_key(&self.me.peer()) {
            let path = path.display();
            return Err(Error::Input(format!("{path} does not say where peer {} is", self.me)));
        }
        Ok(hosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn the_five_arguments_are_checked() {
        for line in [
            "8 10 12 400 0.1",
            "0 255 0 1 0",
            "15 1 3 65000 1",
            "1 1 1 400 0",
            "1 5 5 400 0",
            "1 5 1 400 0.5 --base-port 55280",
            "7 400 0 --join 0",
            "3 4 5 400 0 --window 1024",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
        for (line, why) in [
            ("8 10 12 400", "4 are there"),
            ("8 10 12 400 0.1 1", "6 are there"),
            ("256 10 12 400 0.1", "ID \"256\""),
            ("+8 10 12 400 0.1", "ID \"+8\""),
            ("8 x 12 400 0.1", "SUCC1 \"x\""),
            ("8 12 10 400 0.1", "not the next two"),
            ("8 8 10 400 0.1", "not the next two"),
            ("8 10 12 0 0.1", "MSS \"0\""),
            ("8 10 12 65001 0.1", "MSS \"65001\""),
            ("8 10 12 400 1.1", "DROP \"1.1\""),
            ("8 10 12 400 NaN", "DROP \"NaN\""),
            ("8 10 12 400 0.1 --join 1", "3 arguments are wanted"),
            ("8 400 0.1 --join 8", "through itself"),
            ("8 10 12 400 0.1 --misses 0", "--misses"),
            ("8 10 12 400 0.1 --window 1025", "--window"),
            ("8 10 12 65000 0.1 --window 1024", "together at most"),
            ("8 10 12 400 0.1 --base-port 55281", "at most 55280"),
            ("8 10 12 400 0.1 --ping 0", "--ping"),
        ] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
