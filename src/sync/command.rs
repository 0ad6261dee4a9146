//! `synod sync`: keep the same copy of a file as other peers.

mod address;
mod bodies;
mod files;
mod voice;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::lines::Lines;
use super::{Peer, Setup};
use crate::command::printer::Printer;
use crate::command::{args, complain, identity, sockets};
use crate::error::{Doing, Error, Result};
use crate::node::disk::{Disk, Owner};
use crate::node::{Address, Config, Level, Node, Sockets};
use crate::process::{PeerId, Process};
use crate::sync::version::FileId;
use address::{DEFAULT_PORT, Network, address};
pub(super) use bodies::Shell;
use files::Files;
pub(super) use voice::Voice;

const DEFAULT_FILE: &str = "blockchain.txt";
/// Beyond this many peers are told that there is no room.
const MOST_PEERS: usize = 64;
const MAX_SIZE: u64 = 64 << 20;
/// The hello is a short line.
const LONGEST_TOKEN: usize = 256;

pub(crate) const HELP: &str = "\
usage: synod sync [--file PATH] [--port P] [ADDR ...] [options]

Keep the same copy of a file as all other peers. Without addresses: host the file and wait. With
addresses: connect to those peers too, again and again until they are there; any graph of peers
will do. ADDR is an IPv4 or IPv6 address or a name, with :PORT behind it if that is not 43069, as in
192.0.2.7, [::1]:43070 and host:43070.

Of two edits that did not know of each other one wins at all peers, and the other is kept beside the
file as NAME.conflict-COUNTER-PEER. Where both files were there before the program, the file of the
side that was dialled wins. A deleted file is put back.

Whoever can connect to the port and knows the token can read and write the file.

flags:
  --file PATH        the file (blockchain.txt); its state is kept beside it, in .synod-sync
  --port P           the TCP port to listen on (43069)
  --interval SECS    from one look at the file to the next (0.5)
  --max-size BYTES   the longest file that is sent or taken (67108864)
  --print            also print what was received, if it is text of at most 4 KiB
  --json             print JSON lines instead, for synod check and synod draw
  --token WORD       what all peers of the group know (none); it is sent in the clear
  --bind IP          listen on this address only
  --allow LIST       accept connections from these networks only, as in 192.0.2.0/24,::1
  --until-eof        end when standard input ends

exit codes:
  0  standard input has ended, with --until-eof
  2  a flag, the file, its state or the machine was at fault

example:
  synod sync --file notes.txt 192.0.2.7
";

struct Options {
    file: PathBuf,
    port: u16,
    interval: Duration,
    max_size: u64,
    print: bool,
    json: bool,
    token: String,
    bind: Option<IpAddr>,
    allow: Vec<Network>,
    until_eof: bool,
    dial: Vec<String>,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        file: DEFAULT_FILE.into(),
        port: DEFAULT_PORT,
        interval: Duration::from_millis(500),
        max_size: MAX_SIZE,
        print: false,
        json: false,
        token: String::new(),
        bind: None,
        allow: Vec::new(),
        until_eof: false,
        dial: Vec::new(),
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("file") => options.file = parser.value()?.into(),
            Long("port") => options.port = args::number("--port", parser.value()?)?,
            Long("interval") => options.interval = args::period("--interval", parser.value()?)?,
            Long("max-size") => {
                let text = args::text("--max-size", parser.value()?)?;
                let most = Peer::MAX_BODY;
                let size = text.parse().ok().filter(|size| (1..=most).contains(size));
                options.max_size = size.ok_or_else(|| {
                    Error::Usage(format!("--max-size {text:?}: a number of bytes, 1 to {most}"))
                })?;
            }
            Long("print") => options.print = true,
            Long("json") => options.json = true,
            Long("token") => {
                options.token = args::text("--token", parser.value()?)?;
                if options.token.len() > LONGEST_TOKEN {
                    let most = LONGEST_TOKEN;
                    return Err(Error::Usage(format!("--token: at most {most} bytes")));
                }
            }
            Long("bind") => {
                let text = args::text("--bind", parser.value()?)?;
                let none = || Error::Usage(format!("--bind {text:?}: this is no IP address"));
                options.bind = Some(text.parse().map_err(|_| none())?);
            }
            Long("allow") => {
                options.allow = Network::list(&args::text("--allow", parser.value()?)?)?;
            }
            Long("until-eof") => options.until_eof = true,
            Positional(value) => options.dial.push(args::text("ADDR", value)?),
            Short(_) | Long(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// Listens on the one address that was named, else on both families.
fn listen(bind: Option<IpAddr>, port: u16) -> Result<TcpListener> {
    match bind {
        Some(ip) => Ok(TcpListener::bind((ip, port))?),
        None => sockets::everywhere(port),
    }
}

/// What is known of the file, from the directory beside it.
fn restore(files: &Files, peer: &mut Peer, voice: &Voice) -> Result<Disk> {
    let path = files.state();
    // What it is called on the wire changes with every start, so that is no part of it.
    let (me, fingerprint) = (PeerId(0), String::new());
    let owner = Owner { protocol: Peer::PROTOCOL.into(), peer: me, fingerprint };
    let (disk, cut) = Disk::open(&path, &owner, peer).map_err(|error| {
        // A disk that cannot be written is no reason to remove anything.
        if !error.is_content() {
            return error;
        }
        // What follows is for those who have made promises.
        let text = error.to_string();
        let what = text.split(". This peer may").next().unwrap_or_default();
        Error::Input(format!(
            "{what}; if that cannot be mended, remove {}: then the file is taken as one found \
             without state",
            files.folder().display()
        ))
    })?;
    if let Some(cut) = cut {
        voice.say(&format!("{}: {cut}", path.display()));
    }
    Ok(disk)
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let options = parse(parser)?;
    let dial: Vec<(Address, String)> = options
        .dial
        .iter()
        .map(|typed| Ok((address(typed)?, typed.clone())))
        .collect::<Result<_>>()?;
    let random = |of: u8| RandomState::new().hash_one(of);
    let me = PeerId(u16::try_from(random(1) % 0xffff).unwrap_or(0) + 1);
    let files = Files::open(&options.file, options.max_size)?;
    let listener = match listen(options.bind, options.port) {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("Failed to bind: port {}: {error}\n", options.port));
            return Ok(ExitCode::from(2));
        }
    };
    let (out, err) = Printer::of_both(me).doing(|| "starting to print".into())?;
    let voice = Voice::new(me, files.name(), options.json, out, err.clone());
    let setup =
        Setup { fresh: FileId(random(2)), file: files.name().into(), max_size: options.max_size };
    let mut peer = Peer::new(setup);
    let disk = restore(&files, &mut peer, &voice)?;
    if options.dial.is_empty() && peer.version().is_none() {
        files.create()?;
    }
    files.clear()?;
    if options.until_eof {
        identity::end_with_input()?;
    }
    voice.listening();
    let shell = Arc::new(Shell::new(files, voice.clone()));
    let lines = Lines::new(voice, Arc::clone(&shell), options.print, dial.clone());
    let say = Box::new(move |level: Level, text: &str| {
        if level == Level::Trouble {
            err.print(format!("{text}\n").as_bytes());
        }
    });
    let bodies = Some(Arc::clone(&shell) as _);
    let peers = BTreeMap::new();
    let config =
        Config { me, fingerprint: options.token, peers, strict_address: false, bodies, say };
    let allow = options.allow;
    let sockets = Sockets {
        streams: Some(listener),
        unlisted: MOST_PEERS,
        dial: dial.into_iter().map(|(address, _)| address).collect(),
        allow: (!allow.is_empty())
            .then(|| Box::new(move |ip| allow.iter().any(|network| network.has(ip))) as _),
        ..Sockets::default()
    };
    let node = Node::start(config, peer, Some(disk), Box::new(lines), sockets)?;
    shell.start(&node, options.interval)?;
    node.run().map(ExitCode::from)
}
