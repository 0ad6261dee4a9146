//! Which peer of which hostsfile a process is: the flags that every peer command has.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lexopt::Parser;

use super::{args, spawn};
use crate::error::{Error, Result};
use crate::hosts::{Host, Hosts, ThisMachine, identify};
use crate::node::Address;
use crate::process::PeerId;

/// What the flags say.
pub struct Identity {
    file: Option<PathBuf>,
    /// Of lines that give none.
    pub port: u16,
    id: Option<u16>,
    until_eof: bool,
}

impl Identity {
    /// Reads all flags of a command whose hostsfile means this port where a line gives none; `own`
    /// takes the flags of that command alone.
    ///
    /// # Errors
    /// A flag that nobody takes, or a value that is none.
    pub fn read(
        port: u16,
        parser: Parser,
        mut own: impl FnMut(&str, &mut Parser) -> Result<bool>,
    ) -> Result<Self> {
        let mut identity = Self { file: None, port, id: None, until_eof: false };
        args::flags(parser, |name, parser| {
            match name {
                "-h" => identity.file = Some(parser.value()?.into()),
                "--id" => identity.id = Some(args::number(name, parser.value()?)?),
                "--port" => identity.port = args::number(name, parser.value()?)?,
                "--until-eof" => identity.until_eof = true,
                _ => return own(name, parser),
            }
            Ok(true)
        })?;
        Ok(identity)
    }

    /// The hostsfile, if it was named.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the hostsfile.
    ///
    /// # Errors
    /// None is named, or it cannot be read.
    pub fn hosts(&self) -> Result<Hosts> {
        let hosts = super::hosts(&args::hostsfile(self.file.clone())?)?;
        hosts.check_ports(self.port)?;
        Ok(hosts)
    }

    /// The line that this process is.
    ///
    /// # Errors
    /// No line is this machine, or several are.
    pub fn find<'a>(&self, hosts: &'a Hosts) -> Result<&'a Host> {
        let me = identify(hosts, self.id, &ThisMachine)?;
        hosts.get(me).ok_or_else(|| Error::Input(format!("{me} is not in the file")))
    }

    /// Where in the file a line stands, for messages.
    pub fn place(&self, host: &Host) -> String {
        format!("{}:{}", self.file().unwrap_or(Path::new("")).display(), host.line)
    }

    /// The port of a line.
    pub fn port_of(&self, host: &Host) -> u16 {
        host.port.unwrap_or(self.port)
    }

    /// Ends the process with its standard input, if asked to.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn end_with_input(&self) -> Result<()> {
        if self.until_eof { end_with_input() } else { Ok(()) }
    }
}

/// Ends the process with its standard input: a parent that dies takes its children with it.
///
/// # Errors
/// The system gives no more threads.
pub fn end_with_input() -> Result<()> {
    spawn(|| {
        let mut ignored = [0; 64];
        let mut input = io::stdin().lock();
        loop {
            match input.read(&mut ignored) {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        std::process::exit(0);
    })
}

/// Where these peers are, by the hostsfile.
pub fn addresses<'a>(
    peers: impl IntoIterator<Item = &'a Host>,
    default_port: u16,
) -> BTreeMap<PeerId, Address> {
    let address =
        |host: &Host| Address { host: host.host.clone(), port: host.port.unwrap_or(default_port) };
    peers.into_iter().map(|host| (host.id, address(host))).collect()
}
