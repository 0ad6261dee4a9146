//! Receivers that are killed, disks that are full, links that are cut.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::peers::{Peers, connect, noise, until};
use crate::start;

/// Passes bytes on between a guest and its host, and holds back what the host sends beyond a limit.
struct Proxy {
    port: u16,
    /// How many bytes of the host may pass in all.
    limit: Arc<AtomicU64>,
}

impl Proxy {
    fn before(host: u16, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let limit = Arc::new(AtomicU64::new(limit));
        let most = Arc::clone(&limit);
        thread::spawn(move || {
            for guest in listener.incoming().map_while(Result::ok) {
                let (host, most) = (connect(host), Arc::clone(&most));
                host.set_read_timeout(None).unwrap();
                let (up, down) = (guest.try_clone().unwrap(), host.try_clone().unwrap());
                thread::spawn(move || pass(up, down, &AtomicU64::new(u64::MAX)));
                thread::spawn(move || pass(host, guest, &most));
            }
        });
        Self { port, limit }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, most: &AtomicU64) {
    let (mut piece, mut passed) = ([0; 16 * 1024], 0);
    while let Ok(count @ 1..) = from.read(&mut piece) {
        passed += count as u64;
        while passed > most.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn a_receiver_that_is_killed_at_every_tenth_of_a_transfer_keeps_the_old_copy_whole() {
    const SIZE: usize = 4 << 20;
    let peers = Peers::new(2);
    let (old, new) = (noise(SIZE / 2, 1), noise(SIZE, 2));
    peers.write(0, &old);
    let mut programs = start(&peers, &[&[], &[0]]);
    peers.all_hold([1], &old);
    programs.remove(1).kill();
    peers.write(0, &new);
    programs[0].prints("file changed.");
    for tenth in 0..=9 {
        let some = (SIZE as u64) * tenth / 10;
        let proxy = Proxy::before(peers.ports[0], some.max(5_000));
        let mut command = peers.command(1, &[], "");
        command.arg(format!("127.0.0.1:{}", proxy.port));
        let mut guest = crate::common::Program::start(command);
        guest.prints("Connected to peer");
        let came = || {
            let folder = fs::read_dir(peers.folder(1).join(".synod-sync")).unwrap();
            let incoming = folder
                .filter_map(Result::ok)
                .filter(|file| file.file_name().to_string_lossy().starts_with("incoming-"));
            incoming.filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum::<u64>()
        };
        until(&format!("{tenth} tenths have come"), || came() + 300_000 >= some);
        assert_eq!(peers.read(1).unwrap(), old, "the old copy is whole");
        guest.kill();
        assert_eq!(peers.read(1).unwrap(), old, "the old copy is whole");
        proxy.limit.store(u64::MAX, Ordering::Relaxed);
    }
    let _guest = peers.start(1, &[0], "");
    peers.all_hold([1], &new);
    assert!(peers.copies(1).is_empty(), "nobody edited anything here");
}

/// A kill at any moment, also between the rename and its record: what was received is no edit.
#[test]
fn a_receiver_that_is_killed_at_any_moment_goes_on_and_edits_nothing() {
    let peers = Peers::new(2);
    peers.write(0, "0");
    let host = peers.start(0, &[], "");
    for round in 1..20_u64 {
        let mut guest = peers.start(1, &[0], "");
        guest.prints("Connected to peer");
        peers.write(0, round.to_string());
        // A little later each time.
        let deadline = std::time::Instant::now() + std::time::Duration::from_millis(round * 12);
        until("the moment has come", || std::time::Instant::now() >= deadline);
        guest.kill();
    }
    let _guest = peers.start(1, &[0], "");
    peers.all_hold([0, 1], b"19");
    assert!(peers.copies(0).is_empty() && peers.copies(1).is_empty());
    assert!(!host.out().iter().any(|line| line.starts_with("Received:")), "{:#?}", host.out());
}

#[test]
fn a_link_that_is_cut_one_way_is_made_anew() {
    let peers = Peers::new(2);
    peers.write(0, "before");
    let host = peers.start(0, &[], "");
    let proxy = Proxy::before(peers.ports[0], u64::MAX);
    let mut command = peers.command(1, &[], "");
    command.arg(format!("127.0.0.1:{}", proxy.port));
    let guest = crate::common::Program::start(command);
    peers.all_hold([1], b"before");
    // From here on the guest hears nothing, and the host does not know.
    proxy.limit.store(0, Ordering::Relaxed);
    peers.write(1, "heard by the host");
    peers.write(0, "not heard by the guest");
    guest.prints("Peer disconnected");
    proxy.limit.store(u64::MAX, Ordering::Relaxed);
    until("both are equal, and neither is lost", || {
        let all: Vec<_> =
            [0, 1].iter().flat_map(|at| peers.copies(*at)).chain(peers.read(0)).collect();
        peers.read(0) == peers.read(1)
            && [&b"heard by the host"[..], b"not heard by the guest"]
                .iter()
                .all(|text| all.iter().any(|copy| copy == text))
    });
    drop(host);
}

#[test]
fn a_full_disk_is_said_and_the_old_copy_stays_until_there_is_room() {
    let peers = Peers::new(2);
    let folder = peers.folder(1);
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&folder);
    if !mount.output().is_ok_and(|out| out.status.success()) {
        writeln!(std::io::stderr(), "skipped: no file system can be mounted here").unwrap();
        return;
    }
    let tried = std::panic::catch_unwind(|| {
        peers.write(0, "before");
        let _host = peers.start(0, &[], "");
        let guest = peers.start(1, &[0], "");
        peers.all_hold([1], b"before");
        fs::write(folder.join("filler"), vec![0; 1 << 20]).unwrap();
        let large = noise(1_300_000, 3);
        peers.write(0, &large);
        guest.says("No space left on device");
        assert_eq!(peers.read(1).unwrap(), b"before");
        fs::remove_file(folder.join("filler")).unwrap();
        peers.all_hold([1], &large);
    });
    let unmounted = Command::new("umount").arg(&folder).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    tried.unwrap();
    io::stderr().flush().unwrap();
}
