//! What the commands of a protocol share.
//!
//! A protocol's folder has its own command: its flags, its help, and the process that it starts.
//! What does not differ between protocols is here. [`args`] reads flags, [`identity`] finds which
//! line of the hostsfile a process is, [`sockets`] binds it, [`data`] opens its directory;
//! [`printer`] writes lines without ever blocking, [`prose`] decides which sentences are printed,
//! [`journal`] keeps the full record, [`outputs`] refuses files that would be lost, [`colour`] says
//! where colours are read, and [`paced`] shows a text at the pace of its reader. [`live`] is a
//! whole run of a protocol that is judged while it goes on.
//!
//! Nothing here knows a protocol.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use lexopt::Parser;

use crate::error::{Doing, Result};
use crate::hosts::Hosts;

pub mod args;
pub mod colour;
pub mod data;
pub mod identity;
pub mod journal;
pub mod live;
pub mod outputs;
pub mod paced;
pub mod printer;
pub mod prose;
pub mod sockets;

/// A command of a protocol beside the one that is a peer.
pub struct Beside {
    /// What is typed.
    pub name: &'static str,
    /// What it is for, in half a line.
    pub summary: &'static str,
    /// Its help.
    pub help: &'static str,
    /// Runs it.
    pub run: fn(Parser) -> Result<ExitCode>,
}

/// Prints data. That nobody reads it any more, as in `| head`, is no error; a full disk is.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.doing(|| "writing to standard output".into()),
    }
}

/// Prose; where standard error is closed there is nobody to tell.
pub fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says that standard input is read, if it is a terminal, lest the program seem to hang.
pub fn tell_of_terminal(instead: &str) {
    if io::stdin().is_terminal() {
        complain(&format!("synod: waiting for standard input; end it with Ctrl-D, or {instead}\n"));
    }
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Starts a thread. A machine that has no room for it is an error, not a panic.
///
/// # Errors
/// The system gives no more threads.
pub fn spawn(body: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().spawn(body).doing(|| "starting a thread".into())?;
    Ok(())
}

/// Reads a hostsfile, and tells people what in it is odd.
///
/// # Errors
/// It cannot be read, or is not of the form.
pub fn hosts(path: &Path) -> Result<Hosts> {
    let hosts = Hosts::read(path)?;
    for warning in &hosts.warnings {
        complain(&format!("synod: {warning}\n"));
    }
    Ok(hosts)
}
