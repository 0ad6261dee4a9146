//! What a wait finds is durable when it returns.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::disk::media::Media;
use super::*;

/// The real disk; its flushes fail from the moment at which it is told so.
#[derive(Clone, Default)]
struct Failing(Arc<AtomicBool>);

impl Media for Failing {
    fn sync_data(&self, log: &File) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            Err(io::Error::other("no flush"))
        } else {
            log.sync_data()
        }
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync_data(file)
    }
}

/// Nobody looks.
struct Nobody;

impl Observer<Loud> for Nobody {
    fn observe(&mut self, _: &Output<Loud>) {}
}

fn promised(process: &Loud) -> Option<ProposalNumber> {
    process.0.acceptor().min_proposal
}

/// A promise is made, and whoever made it has not flushed it yet.
fn promise(node: &Node<Loud>) -> u64 {
    let mut core = node.lock();
    node.step_locked(&mut core, |process, out| prepare(2).happen(process, out));
    core.appended
}

#[test]
fn what_a_wait_finds_has_been_flushed_when_it_returns() {
    let dir = TempDir::new().unwrap();
    let node = node_on(Failing::default(), Nobody, dir.path()).unwrap();
    let appended = promise(&node);
    let durable = || node.disk.as_ref().unwrap().durable();
    assert!(durable() < appended, "nobody has flushed it");
    assert_eq!(node.wait_until(None, promised), Some(n(2)));
    assert_eq!(durable(), appended);
}

#[test]
fn what_a_wait_finds_and_the_disk_cannot_keep_is_not_found() {
    let (dir, media) = (TempDir::new().unwrap(), Failing::default());
    let node = node_on(media.clone(), Nobody, dir.path()).unwrap();
    promise(&node);
    media.0.store(true, Ordering::Relaxed);
    assert_eq!(node.wait_until(None, promised), None);
    assert!(node.run().is_err(), "the process ends with what the disk said");
}
