//! Work with files that takes its time: a thread of its own does it, and tells the peer.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::store::Store;
use super::writer::Part;
use crate::command::{complain, spawn};
use crate::error::Result;
use crate::node::body::Outgoing;
use crate::node::{Bodies, Node};
use crate::process::PeerId;
use crate::ring::Peer;
use crate::ring::message::{FileOrder, Input, Message, Stored, TransferId};
use crate::ring::transfer::Payload;

/// Something to do.
enum Job {
    FileOrder(FileOrder),
    Finish(TransferId, Option<Part>),
    NotStored(TransferId),
}

/// What is to be done.
pub(super) struct Jobs {
    store: Store,
    sender: Sender<Job>,
    /// Until the thread is started.
    receiver: Mutex<Option<Receiver<Job>>>,
    node: OnceLock<Weak<Node<Peer>>>,
}

impl Jobs {
    pub(super) fn new(store: Store) -> Self {
        let (sender, receiver) = channel();
        let receiver = Mutex::new(Some(receiver));
        Self { store, sender, receiver, node: OnceLock::new() }
    }

    /// Begins to do them. What was ordered before has waited.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn start(self: &Arc<Self>, node: &Arc<Node<Peer>>) -> Result<()> {
        let _ = self.node.set(Arc::downgrade(node));
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (jobs, node) = (Arc::clone(self), Arc::downgrade(node));
        spawn(move || {
            let mut open = BTreeMap::new();
            for job in receiver.into_iter().flatten() {
                let Some(node) = node.upgrade() else { return };
                if let Some(input) = jobs.perform(job, &mut open) {
                    node.input(input);
                }
            }
        })
    }

    pub(super) fn put(&self, order: FileOrder) {
        let _ = self.sender.send(Job::FileOrder(order));
    }

    pub(super) fn finish(&self, id: TransferId, part: Option<Part>) {
        let _ = self.sender.send(Job::Finish(id, part));
    }

    pub(super) fn not_stored(&self, id: TransferId) {
        let _ = self.sender.send(Job::NotStored(id));
    }

    fn perform(&self, job: Job, open: &mut BTreeMap<TransferId, File>) -> Option<Input> {
        let order = match job {
            Job::FileOrder(order) => order,
            Job::NotStored(id) => return Some(Input::NotStored { id }),
            Job::Finish(id, part) => {
                let stored = part.is_some_and(|part| match self.install(&part) {
                    Ok(()) => true,
                    Err(error) => {
                        tell(&format!("cannot keep {}: {error}", part.path.display()));
                        let _ = fs::remove_file(&part.path);
                        false
                    }
                });
                return Some(if stored { Input::Stored { id } } else { Input::NotStored { id } });
            }
        };
        match order {
            FileOrder::Open(id, name) => match self.store.file(name) {
                Ok((file, size)) => {
                    open.insert(id, file);
                    Some(Input::Opened { id, size })
                }
                Err(error) => {
                    if error.kind() != ErrorKind::NotFound {
                        tell(&format!("file {name}: {error}"));
                    }
                    Some(Input::NotThere { id })
                }
            },
            FileOrder::Read(id, at, length) => {
                let bytes = open.get(&id).map_or_else(Vec::new, |file| read(file, at, length));
                Some(Input::Chunk { id, at, bytes: Payload(bytes) })
            }
            FileOrder::Close(id) => {
                open.remove(&id);
                None
            }
            FileOrder::List => Some(Input::Files(self.store.list().unwrap_or_else(|error| {
                tell(&format!("cannot list the files: {error}"));
                Vec::new()
            }))),
            FileOrder::Look(from, name) => {
                Some(Input::Has { from, name, is_here: self.store.has(name) })
            }
            FileOrder::Remove(name) => {
                for is_pdf in [true, false] {
                    let _ = fs::remove_file(self.store.path(name, is_pdf));
                }
                None
            }
            // Done where segments come in.
            FileOrder::Create(..)
            | FileOrder::Write(..)
            | FileOrder::Finish(_)
            | FileOrder::Discard(_) => None,
        }
    }

    /// Flushes a file that has come whole, and gives it its name.
    fn install(&self, part: &Part) -> io::Result<()> {
        part.file.sync_all()?;
        fs::rename(&part.path, self.store.received(part.name))?;
        self.store.flush()
    }

    /// Takes the content of a file that moves here. One that is here already is never replaced.
    fn take(&self, file: Stored, body: &mut dyn Read) -> io::Result<()> {
        let path = self.store.moving(file.name);
        let mut part = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        let done = io::copy(&mut body.take(file.size), &mut part).and_then(|length| {
            if length != file.size || body.read(&mut [0])? > 0 {
                return Err(io::Error::other("it is not as long as it was said to be"));
            }
            part.sync_all()?;
            if self.store.has(file.name) {
                return Err(io::Error::other("such a file is here already"));
            }
            fs::hard_link(&path, self.store.path(file.name, file.is_pdf))?;
            self.store.flush()
        });
        let _ = fs::remove_file(&path);
        done
    }
}

fn tell(text: &str) {
    complain(&format!("{text}\n"));
}

/// So many bytes from there on, or as many as there are.
fn read(file: &File, mut at: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut come = 0;
    while come < bytes.len() {
        match file.read_at(&mut bytes[come..], at) {
            Ok(0) => break,
            Ok(count) => (come, at) = (come + count, at + count as u64),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tell(&format!("cannot read a file that is sent: {error}"));
                break;
            }
        }
    }
    bytes.truncate(come);
    bytes
}

impl Bodies<Peer> for Jobs {
    fn open(&self, _: PeerId, message: &Message) -> io::Result<Outgoing> {
        let Message::Move(stored) = message else {
            return Err(io::Error::other("this message has no body"));
        };
        let file = File::open(self.store.path(stored.name, stored.is_pdf))?;
        // If it is shorter now, the receiver sees that.
        if file.metadata()?.len() != stored.size {
            return Err(io::Error::other("the file has changed"));
        }
        Ok((stored.size, Box::new(file.take(stored.size).chain(io::repeat(0)))))
    }

    fn receive(&self, from: PeerId, message: &Message, body: &mut dyn Read) -> io::Result<()> {
        let node = self.node.get().and_then(Weak::upgrade);
        let (Message::Move(file), Some(node)) = (message, node) else {
            return Err(ErrorKind::NotFound.into());
        };
        let expects = |peer: &Peer| Some(peer.expects(from, file));
        if node.wait_until(Some(std::time::Instant::now()), expects) != Some(true) {
            return Err(ErrorKind::NotFound.into());
        }
        self.take(*file, body)
    }
}
