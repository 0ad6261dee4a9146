//! `synod store`: be one peer of a key-value store.

mod calls;
pub(crate) mod client;
mod commands;
mod http;
mod info;
mod resp;
mod server;
mod shared;

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use lexopt::Parser;

use super::{Peer, Setup};
use crate::command::identity::{Identity, addresses};
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::command::{args, data, sockets};
use crate::error::{Doing, Error, Result};
use crate::hosts::{Host, Hosts};
use crate::node::{Config, Level, Node};

use calls::{Calls, Hands};
use shared::Server;

/// The port of lines that give none.
const DEFAULT_PORT: u16 = 6390;
/// Redis' own.
const CLIENT_PORT: u16 = 6379;
/// More peers make every write slower, and nothing safer.
const MOST_PEERS: usize = 15;

pub(crate) const HELP: &str = "\
usage: synod store -h HOSTSFILE --data DIR [options]

Be one peer of a key-value store: linearizable, durable, without a leader. Every line of the
hostsfile is a peer; it needs no roles. Each key is decided by a majority of the peers, and any peer
can be asked. Clients speak Redis' protocol, as redis-cli does, or HTTP on the same port: GET, PUT
and DELETE of /kv/KEY.

An error that begins with UNKNOWN means that nobody knows whether the change was made; any other
error means that it was not, and will not be. A new peer begins with --new; one that has lost its
disk, or has only an old copy of it, with --rejoin, and then all other peers must be up.

flags:
  -h FILE            the hostsfile; its first line that is not a comment is peer 1, and so on
  --data DIR         what this peer must not forget
  --new              DIR is empty because the peer is new; without it an empty directory is refused
  --rejoin           what was in DIR is lost or old: all is fetched from the other peers
  --memory           keep nothing on disk: a peer that starts asks all others what they know first
  --client-port P    the port for clients (6379)
  --client-bind IP   the address for clients (127.0.0.1); 0.0.0.0 for all
  --auth FILE        clients must first say the word in FILE, which is sent in the clear
  --history FILE     append a line for every call and return to FILE, for synod check
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the port of lines that give none (6390)
  --strict-address   reject peers that come from another address than the file gives them
  --verbose          also tell what is usual
  --until-eof        end when standard input ends

exit codes:
  0  standard input has ended, with --until-eof
  2  a flag, a file, the disk or the machine was at fault

example:
  synod store -h hostsfiles/hostsfile-local.txt --id 1 --data /tmp/peer1 --new
";

// Each is a flag of its own.
#[allow(clippy::struct_excessive_bools)]
struct Options {
    data: Option<PathBuf>,
    is_new: bool,
    rejoin: bool,
    memory: bool,
    client_port: u16,
    client_bind: IpAddr,
    auth: Option<PathBuf>,
    history: Option<PathBuf>,
    strict_address: bool,
    verbose: bool,
}

fn parse(parser: Parser) -> Result<(Identity, Options)> {
    let mut options = Options {
        data: None,
        is_new: false,
        rejoin: false,
        memory: false,
        client_port: CLIENT_PORT,
        client_bind: Ipv4Addr::LOCALHOST.into(),
        auth: None,
        history: None,
        strict_address: false,
        verbose: false,
    };
    let identity = Identity::read(DEFAULT_PORT, parser, |name, parser| {
        match name {
            "--data" => options.data = Some(args::directory(name, parser.value()?)?),
            "--new" => options.is_new = true,
            "--rejoin" => options.rejoin = true,
            "--memory" => options.memory = true,
            "--client-port" => options.client_port = args::number(name, parser.value()?)?,
            "--client-bind" => {
                let text = args::text(name, parser.value()?)?;
                let none = || Error::Usage(format!("{name} {text:?}: this is no IP address"));
                options.client_bind = text.parse().map_err(|_| none())?;
            }
            "--auth" => options.auth = Some(parser.value()?.into()),
            "--history" => options.history = Some(parser.value()?.into()),
            "--strict-address" => options.strict_address = true,
            "--verbose" => options.verbose = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let refuse = |text: &str| Err(Error::Usage(text.into()));
    match (&options.data, options.memory) {
        (Some(_), true) => return refuse("--data and --memory: choose one"),
        (None, false) => return refuse("where is the data? name a directory with --data DIR"),
        _ => {}
    }
    if options.memory && (options.is_new || options.rejoin) {
        return refuse("--memory says what --new and --rejoin say: such a peer asks the others");
    }
    if options.is_new && options.rejoin {
        return refuse("--new and --rejoin: choose one");
    }
    Ok((identity, options))
}

/// What the directory must be for what the flags say of it.
///
/// A peer whose disk is gone must not be taken for a new one: it has made promises.
fn check_data(options: &Options) -> Result<()> {
    let Some(dir) = &options.data else { return Ok(()) };
    let is_empty = match fs::read_dir(dir) {
        Ok(mut entries) => {
            entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).doing(|| format!("data directory {}", dir.display())),
    };
    let dir = dir.display();
    match (is_empty, options.is_new, options.rejoin) {
        (true, false, false) => Err(Error::Usage(format!(
            "{dir} is empty: say --new for a peer that has never run, and --rejoin for one that \
             has lost its disk"
        ))),
        (false, false, true) => Err(Error::Usage(format!(
            "{dir} is not empty: move what is there away before --rejoin"
        ))),
        (false, true, _) => {
            Err(Error::Usage(format!("{dir} is not empty: a peer that has run is not --new")))
        }
        _ => Ok(()),
    }
}

/// The word that clients must say.
fn word(file: &Path) -> Result<Vec<u8>> {
    let text = fs::read(file).doing(|| format!("--auth {}", file.display()))?;
    let word = text.trim_ascii();
    if word.is_empty() {
        return Err(Error::Input(format!("--auth {}: there is no word in it", file.display())));
    }
    Ok(word.to_vec())
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (identity, options) = parse(parser)?;
    let hosts = identity.hosts()?;
    if hosts.peers.len() > MOST_PEERS {
        return Err(Error::Input(format!(
            "{}: {} peers; a store has at most {MOST_PEERS}",
            hosts.name(),
            hosts.peers.len()
        )));
    }
    let host = identity.find(&hosts)?;
    check_data(&options)?;
    let err = Printer::of_words(host.id).doing(|| "starting to print".into())?;
    let prose = Prose::new(host.id, err.clone(), options.verbose);
    let result = serve(&identity, &options, &hosts, host, &prose);
    err.finish();
    result
}

/// Runs the peer; returns only if it cannot start or its disk fails.
fn serve(
    identity: &Identity,
    options: &Options,
    hosts: &Hosts,
    host: &Host,
    prose: &Prose,
) -> Result<ExitCode> {
    let (me, port) = (host.id, identity.port_of(host));
    let word = options.auth.as_deref().map(word).transpose()?;
    let clients = TcpListener::bind((options.client_bind, options.client_port))
        .doing(|| format!("listening for clients on port {}", options.client_port))?;
    let listener = sockets::streams(host, port)?;
    let peers = u16::try_from(hosts.peers.len()).unwrap_or(u16::MAX);
    // A peer alone has nobody to ask.
    let (rejoin, is_volatile) = (options.rejoin && peers > 1, options.memory && peers > 1);
    // JSON keeps 53 bits.
    let nonce = RandomState::new().hash_one(0) >> 11;
    let mut peer = Peer::new(Setup { me, peers, rejoin, is_volatile, nonce });
    let fingerprint = hosts.fingerprint(identity.port);
    let disk = data::open(options.data.as_deref(), &mut peer, me, &fingerprint, prose)?;
    let open = |path: &PathBuf| {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.doing(|| format!("--history {}", path.display()))
    };
    let history = options.history.as_ref().map(open).transpose()?;
    let calls = Calls::new(me, RandomState::new().hash_one(1), history);
    let link_prose = prose.clone();
    let config = Config {
        me,
        fingerprint,
        peers: addresses(hosts.peers.iter().filter(|peer| peer.id != me), identity.port),
        strict_address: options.strict_address,
        bodies: None,
        say: Box::new(move |level, text| link_prose.say(level, text)),
    };
    identity.end_with_input()?;
    let hands = Hands { calls: Arc::clone(&calls), prose: prose.clone() };
    let node = Node::start(config, peer, disk, Box::new(hands), listener)?;
    let server = Arc::new(Server {
        node: Arc::clone(&node),
        calls,
        me,
        peers: usize::from(peers),
        port: options.client_port,
        clients: AtomicUsize::new(0),
        begun: Instant::now(),
        word,
    });
    server::open(&server, clients)?;
    let place = format!("{}:{}", options.client_bind, options.client_port);
    prose.say(Level::Trouble, &format!("serves clients on {place}"));
    node.run().map(ExitCode::from)
}
