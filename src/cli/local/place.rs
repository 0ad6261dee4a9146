//! Where a local run takes place: the hostsfile with loopback addresses, and its ports.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error, Result};
use crate::hosts::{Host, Hosts};

/// Where free ports are looked for. From 32768 up the system itself takes ports for outgoing
/// connections, and one of those could be in the way when a peer starts.
const PORTS: Range<u16> = 20_000..32_768;
/// Runs whose process ids follow each other begin to look so many ports apart: between the moment
/// when a run finds a port and the one when its peer binds it, no other run takes it.
const STRIDE: u64 = 64;
/// How many ports are tried.
const TRIES: usize = 5_000;
/// The generated hostsfile in a data directory.
const KEPT: &str = "hostsfile.txt";
/// The same while it is written.
const UNFINISHED: &str = "hostsfile.txt.unfinished";

/// A file of the run; a temporary one goes with this value.
pub(super) struct RunFile {
    path: PathBuf,
    temporary: bool,
}

impl RunFile {
    /// A name in the temporary directory that nobody else uses.
    pub(super) fn temporary(extension: &str) -> Self {
        let name = format!("synod-{}-{:016x}.{extension}", std::process::id(), random());
        Self { path: std::env::temp_dir().join(name), temporary: true }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The journal of a run. Peers that keep their state go on where they were, and so does their
/// journal; others begin anew, and an older run in the same file would contradict them.
pub(super) fn journal(given: Option<&Path>, durable: bool) -> Result<RunFile> {
    // A pipe has nothing to begin anew, and opening it would wait for its reader.
    let is_file = |path: &&Path| fs::metadata(path).map_or(true, |found| !is_stream(&found));
    if let Some(path) = given.filter(|_| !durable).filter(is_file) {
        fs::write(path, "").doing(|| format!("trace file {}", path.display()))?;
    }
    Ok(match given {
        Some(path) => RunFile { path: path.to_owned(), temporary: false },
        None => RunFile::temporary("jsonl"),
    })
}

/// True of pipes, terminals and the like.
fn is_stream(found: &Metadata) -> bool {
    !found.is_file() && !found.is_dir()
}

/// Refuses a journal that cannot be read back for the picture.
pub(super) fn check_readable(journal: &Path) -> Result<()> {
    if fs::metadata(journal).is_ok_and(|found| is_stream(&found)) {
        return Err(Error::Usage(format!(
            "--draw reads the journal back, and {} is not a regular file; name another for --trace",
            journal.display()
        )));
    }
    Ok(())
}

/// A generated hostsfile.
pub(super) struct Place {
    /// What it says.
    pub(super) hosts: Hosts,
    path: PathBuf,
    /// Goes with this value.
    temporary: Option<RunFile>,
}

impl Place {
    /// Writes the hostsfile for a run. In a data directory it is kept and used again: the ports are
    /// part of its fingerprint, and durable state belongs to a fingerprint. Whoever names a data
    /// directory holds its [`lock`].
    pub(super) fn new(given: &Hosts, data: Option<&Path>) -> Result<Self> {
        let Some(dir) = data else {
            let file = RunFile::temporary("txt");
            let hosts = relocate(given)?;
            write(&file.path, &hosts)?;
            return Ok(Self { hosts, path: file.path.clone(), temporary: Some(file) });
        };
        let path = dir.join(KEPT);
        if !path.try_exists().doing(|| path.display().to_string())? {
            let hosts = relocate(given)?;
            keep(dir, &path, &hosts)?;
            return Ok(Self { hosts, path, temporary: None });
        }
        let hosts = Hosts::read(&path)?;
        let roles = |hosts: &Hosts| {
            hosts.peers.iter().map(|peer: &Host| peer.roles.clone()).collect::<Vec<_>>()
        };
        if roles(&hosts) != roles(given) {
            return Err(Error::Input(format!(
                "{} was made for other roles, and the promises beside it hold for those; use the \
                 old hostsfile, or another directory",
                path.display()
            )));
        }
        Ok(Self { hosts, path, temporary: None })
    }

    /// Where the hostsfile is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Everybody has read the hostsfile: a temporary one goes.
    pub(super) fn release(&mut self) {
        self.temporary = None;
    }
}

fn write(path: &Path, hosts: &Hosts) -> Result<()> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
            file.write_all(hosts.to_string().as_bytes())?;
            file.sync_all()
        });
    written.doing(|| format!("writing the hostsfile {}", path.display()))
}

/// Writes the hostsfile of a data directory, whole or not at all: a part of it would be refused, or
/// taken for the whole, by every later run.
fn keep(dir: &Path, path: &Path, hosts: &Hosts) -> Result<()> {
    let unfinished = RunFile { path: dir.join(UNFINISHED), temporary: true };
    // One that a killed run left; nobody else is here.
    let _ = fs::remove_file(&unfinished.path);
    write(&unfinished.path, hosts)?;
    let renamed = fs::rename(&unfinished.path, path);
    renamed
        .and_then(|()| File::open(dir)?.sync_all())
        .doing(|| format!("writing the hostsfile {}", path.display()))
}

/// Makes a data directory, or finds it there, and keeps other runs out of it while the file is
/// open.
pub(super) fn lock(dir: &Path) -> Result<File> {
    let what = || format!("data directory {}", dir.display());
    fs::create_dir_all(dir).doing(what)?;
    let lock = File::open(dir).doing(what)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Input(format!("{} is in use by another run", what())))
        }
        Err(TryLockError::Error(error)) => Err(error).doing(what),
    }
}

/// The same peers on free ports of the loopback interface.
fn relocate(hosts: &Hosts) -> Result<Hosts> {
    let span = u64::from(PORTS.end - PORTS.start);
    let first = first_offset(std::process::id());
    let mut taken = BTreeSet::new();
    let ports = (0..TRIES as u64).map(|n| (first + n) % span);
    // Held until all are found, so that no port is found twice. Nobody has connected to these
    // listeners, so the peers can bind the same ports right after.
    let mut held = Vec::new();
    for offset in ports {
        if held.len() == hosts.peers.len() {
            break;
        }
        let port = PORTS.start + u16::try_from(offset).unwrap_or(0);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
            taken.insert(port);
        }
    }
    if held.len() < hosts.peers.len() {
        return Err(Error::Input(format!(
            "found only {} free ports of {} between {} and {}",
            held.len(),
            hosts.peers.len(),
            PORTS.start,
            PORTS.end
        )));
    }
    let addresses: Vec<_> =
        taken.into_iter().map(|port| (Ipv4Addr::LOCALHOST.to_string(), port)).collect();
    Ok(hosts.with_addresses(&addresses))
}

/// Where in the range the run of this process begins to look.
fn first_offset(process: u32) -> u64 {
    u64::from(process) * STRIDE % u64::from(PORTS.end - PORTS.start)
}

fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn peers_are_moved_to_free_ports_of_their_own_that_the_system_gives_to_nobody() {
        let lines = "peer1:proposer1\npeer2:acceptor1\npeer3:acceptor1\n";
        let hosts = Hosts::parse(lines, "f").expect("a good file");
        let moved = relocate(&hosts).expect("there are free ports");
        assert!(moved.peers.iter().all(|peer| peer.host == "127.0.0.1"));
        let ports: BTreeSet<u16> = moved.peers.iter().filter_map(|peer| peer.port).collect();
        assert_eq!(ports.len(), 3, "{ports:?}");
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn runs_that_start_together_look_for_ports_in_places_of_their_own() {
        for process in [1, 190, 4_194_304 - 100] {
            let places: Vec<u64> = (0..100).map(|n| first_offset(process + n)).collect();
            for (n, one) in places.iter().enumerate() {
                let apart = |other: &u64| one.abs_diff(*other) >= STRIDE;
                assert!(places[..n].iter().all(apart), "{process} and {n} more: {one}");
            }
        }
    }

    #[test]
    fn a_journal_begins_anew_unless_its_peers_go_on_and_a_pipe_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, pipe) = (dir.path().join("file"), dir.path().join("pipe"));
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("there is mkfifo").success());
        fs::write(&file, "old").expect("a file");
        let text = || fs::read_to_string(&file).expect("it stays");
        drop(journal(Some(&file), true));
        assert_eq!(text(), "old");
        drop(journal(Some(&file), false));
        assert_eq!(text(), "");
        // Whoever opened it would wait for its reader.
        assert!(journal(Some(&pipe), false).is_ok());
        assert!(journal(Some(dir.path()), false).is_err(), "a directory is no file");
        assert!(check_readable(&pipe).is_err());
        for path in [&file, dir.path(), &dir.path().join("new")] {
            assert!(check_readable(path).is_ok(), "{}", path.display());
        }
        let own = journal(None, false).expect("a name");
        fs::write(own.path(), "some").expect("a file");
        let path = own.path().to_owned();
        drop(own);
        assert!(!path.exists());
    }
}
