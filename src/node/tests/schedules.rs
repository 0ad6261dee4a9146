//! Many ask at once, under thousands of schedules that `shuttle` chooses (`make shuttle`).
//!
//! A real node with a real log is asked by several threads; another one waits for what they bring
//! about. Whatever is said is compared with what had been flushed at that moment: the records are
//! looked for in the flushed bytes and restored in their order. A thread that is never woken is a
//! deadlock, and `shuttle` says so. When a schedule fails it prints the schedule; hand that to
//! `shuttle::replay` with [`ask`].
//!
//! Seen to be found here, each within the schedules of one run:
//!
//! | change | where |
//! |---|---|
//! | released before the flush: `state.durable = target` before the write | `Disk::commit` |
//! | released whether flushed or not: `durable` is `u64::MAX` | `Node::release` |
//! | records counted one short: `needs: self.appended.saturating_sub(1)` | `Core::put` |
//! | records counted one short: `commit(needs.saturating_sub(1))` | `Node::wait_until` |
//! | records counted one too many: `target = state.appended + 1` | `Disk::commit` |
//! | two flushes at once: nobody waits while `state.flushing` | `Disk::commit` |
//! | nobody is told that a flush has ended | `Disk::commit` |
//! | whoever hands over does not look again before it stops | `Node::release` |

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Mutex as Notes;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config as Shuttle, Runner, thread};

use super::super::disk::media::Media;
use super::*;

/// How many schedules each of the two schedulers tries.
const SCHEDULES: usize = 4_000;
/// How many threads ask.
const ASKERS: u64 = 3;

/// The log as the disk has it, and what was said.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    flushed: usize,
    flushing: bool,
    said: usize,
}

impl Seen {
    /// The records that a power loss would leave, in their order.
    fn restored(&self) -> Peer {
        let mut peer = peer();
        let bytes = &self.bytes[..self.flushed];
        for at in (0..bytes.len()).filter(|at| bytes[*at] == b'{') {
            let mut values = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter();
            if let Some(Ok(record)) = values.next() {
                assert_eq!(peer.disbelieves(&record), None, "the log is out of order");
                peer.restore(record);
            }
        }
        peer
    }
}

/// The disk and the world. Every step of it lets the other threads come in between.
#[derive(Clone, Default)]
struct World(Arc<Notes<Seen>>);

impl World {
    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn says(&self, word: &Word) {
        let Word::Message(Message::PrepareAck(ack)) = word else { return };
        self.with(|seen| {
            seen.said += 1;
            let held = *seen.restored().acceptor();
            assert!(held.min_proposal >= Some(ack.min_proposal), "it said {ack:?}, has {held:?}");
        });
    }
}

impl Media for World {
    fn append(&self, log: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.with(|seen| seen.bytes.extend_from_slice(bytes));
        thread::yield_now();
        log.write_all(bytes)
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        let covered = self.with(|seen| {
            assert!(!seen.flushing, "two flushes at once");
            seen.flushing = true;
            seen.bytes.len()
        });
        thread::yield_now();
        self.with(|seen| (seen.flushed, seen.flushing) = (covered, false));
        Ok(())
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync_data(file)
    }

    fn sync_names(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl Observer<Loud> for World {
    fn observe(&mut self, output: &Output<Loud>) {
        if let Output::Report(word) = output {
            self.says(word);
        }
        thread::yield_now();
    }
}

/// One run: each asker brings two numbers of its own and asks for the first one twice.
fn ask() {
    let (dir, world) = (TempDir::new().unwrap(), World::default());
    let node = node_on(world.clone(), world.clone(), dir.path()).unwrap();
    let askers = (0..ASKERS).map(|asker| {
        let node = Arc::clone(&node);
        thread::spawn(move || {
            for number in [2 + asker, 2 + asker, 2 + asker + ASKERS] {
                node.step(|process, out| prepare(number).happen(process, out));
            }
        })
    });
    let askers: Vec<_> = askers.collect();
    let last = n(1 + 2 * ASKERS);
    let promised = |process: &Loud| {
        let promise = process.0.acceptor().min_proposal;
        promise.filter(|promise| *promise >= last)
    };
    let found = node.wait_until(None, promised);
    let restored = world.with(|seen| seen.restored());
    assert!(restored.acceptor().min_proposal >= found, "it waited for what is not durable");
    for asker in askers {
        asker.join().unwrap();
    }
    node.settle();
    let said = world.with(|seen| seen.said);
    assert_eq!(said, 3 * usize::try_from(ASKERS).unwrap(), "every question is answered");
}

fn under(scheduler: impl Scheduler + 'static) {
    let mut config = Shuttle::new();
    config.stack_size = 1 << 18;
    Runner::new(scheduler, config).run(ask);
}

#[test]
fn nothing_is_said_too_early_under_random_schedules() {
    under(RandomScheduler::new(SCHEDULES));
}

/// Of few changes of the running thread, in the worst places.
#[test]
fn nothing_is_said_too_early_under_schedules_with_few_switches() {
    under(PctScheduler::new(4, SCHEDULES));
}
