//! The shell of a peer: looks at the file, moves contents, and does what the peer plans.
//!
//! One thread does all that concerns the file itself, so that nothing comes between a look and what
//! follows from it but what other programs do. Contents are received by the threads of their
//! connections, each into a file of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::files::{Files, Found, Look, receive};
use super::voice::Voice;
use crate::command::spawn;
use crate::error::Result;
use crate::node::Bodies;
use crate::node::Node;
use crate::node::body::Outgoing;
use crate::process::PeerId;
use crate::sync::version::{Digest, Version};
use crate::sync::{Input, Message, Peer, Plan};

/// After this long a content must have come at [`SLOWEST`] bytes a second, on average: a link that
/// gives a byte now and then must not keep others from being asked.
const GRACE: Duration = Duration::from_secs(30);
const SLOWEST: u64 = 1024;

/// The shell of one peer.
pub(in crate::sync) struct Shell {
    files: Files,
    voice: Voice,
    node: OnceLock<Weak<Node<Peer>>>,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    /// Contents that have come.
    aside: BTreeMap<Digest, PathBuf>,
    /// How many have begun to come.
    count: u64,
    /// There is something to do.
    is_woken: bool,
}

const UNPOISONED: &str = "no thread panics while it holds the lock";

impl Shell {
    pub(super) fn new(files: Files, voice: Voice) -> Self {
        let (node, state, woken) = (OnceLock::new(), Mutex::default(), Condvar::new());
        Self { files, voice, node, state, woken }
    }

    /// Looks at the file from now on.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn start(
        self: &Arc<Self>,
        node: &Arc<Node<Peer>>,
        interval: Duration,
    ) -> Result<()> {
        let _ = self.node.set(Arc::downgrade(node));
        let (shell, node) = (Arc::clone(self), Arc::clone(node));
        spawn(move || {
            let (mut look, mut said) = (None, None);
            loop {
                shell.pass(&node, &mut look, &mut said);
                shell.rest(interval);
            }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// A plan is ready.
    pub(in crate::sync) fn wake(&self) {
        self.state().is_woken = true;
        self.woken.notify_one();
    }

    /// The file as text, if it is that.
    pub(in crate::sync) fn text(&self, longest: u64) -> Option<String> {
        self.files.text(longest)
    }

    fn rest(&self, length: Duration) {
        let state = self.state();
        let rested = self.woken.wait_timeout_while(state, length, |state| !state.is_woken);
        rested.expect(UNPOISONED).0.is_woken = false;
    }

    /// Looks at the file, and sees the plan through, if there is one.
    fn pass(&self, node: &Node<Peer>, look: &mut Option<Look>, said: &mut Option<String>) {
        let mut kept = None;
        loop {
            let mut now = self.files.look(look.as_ref());
            self.tell(node, look.as_ref().map(|look| &look.found), &now.found, said);
            let plan = node.wait_until(Some(Instant::now()), Peer::plan);
            let Some(plan) = plan else {
                *look = Some(now);
                break;
            };
            // A copy that was made for another plan is made again under its name.
            let done = self.install(plan, &mut now, &mut kept);
            *look = Some(now);
            match done {
                Ok(true) => {
                    self.state().aside.remove(&plan.contents.digest);
                    if let Some(name) = kept.take() {
                        self.voice.kept(&name);
                    }
                    node.input(Input::Installed);
                }
                Ok(false) => {}
                Err(error) => {
                    let text = format!("cannot replace {}: {error}", self.files.name());
                    if said.replace(text.clone()) != Some(text.clone()) {
                        self.voice.say(&format!("{text}; it stays as it is, and is tried again"));
                    }
                    node.input(Input::NotInstalled);
                }
            }
        }
        self.drop_useless(node);
    }

    /// Tells the peer what was found, if that is news.
    fn tell(
        &self,
        node: &Node<Peer>,
        last: Option<&Found>,
        now: &Found,
        said: &mut Option<String>,
    ) {
        if last == Some(now) {
            return;
        }
        node.input(match now {
            Found::File(contents) => Input::Found(*contents),
            Found::Missing => Input::Missing,
            Found::Unusable(why) => {
                let text = format!("{}: {why}", self.files.name());
                if said.replace(text.clone()) != Some(text.clone()) {
                    self.voice.say(&text);
                }
                Input::Unusable
            }
        });
    }

    /// Puts a content in its place. False if the file has changed meanwhile.
    fn install(&self, plan: Plan, look: &mut Look, kept: &mut Option<String>) -> io::Result<bool> {
        let aside = self.state().aside.get(&plan.contents.digest).cloned();
        let aside = aside.ok_or_else(|| io::Error::other("what has come is not there any more"))?;
        *kept = plan.kept.map(|stamp| self.files.keep(stamp, look)).transpose()?;
        self.files.replace(&aside, plan.contents, look)
    }

    /// Removes contents that have come and have no use any more.
    fn drop_useless(&self, node: &Node<Peer>) {
        let held: Vec<Digest> = self.state().aside.keys().copied().collect();
        for digest in held {
            let is_needed = node.wait_until(Some(Instant::now()), |peer| Some(peer.needs(digest)));
            if is_needed == Some(false)
                && let Some(path) = self.state().aside.remove(&digest)
            {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Receives a content that was asked for.
    fn take(
        &self,
        node: &Node<Peer>,
        from: PeerId,
        version: &Version,
        body: &mut dyn Read,
    ) -> io::Result<()> {
        let number = {
            let mut state = self.state();
            state.count += 1;
            state.count
        };
        let path = self.files.incoming(number);
        node.input(Input::Arriving(from));
        let begun = Instant::now();
        let goes_on = |came: u64| {
            let took = begun.elapsed();
            let is_slow = took > GRACE && came / took.as_secs().max(1) < SLOWEST;
            if is_slow { Err(io::Error::other("it comes too slowly")) } else { Ok(()) }
        };
        let received = receive(&path, version.contents, body, goes_on);
        if received.is_err() {
            let _ = fs::remove_file(&path);
            node.input(Input::Dropped(from));
            return received;
        }
        let old = self.state().aside.insert(version.contents.digest, path);
        if let Some(old) = old {
            let _ = fs::remove_file(old);
        }
        Ok(())
    }
}

impl Bodies<Peer> for Shell {
    fn open(&self, _: PeerId, message: &Message) -> io::Result<Outgoing> {
        let Message::Content(version) = message else {
            return Err(io::Error::other("this message has no body"));
        };
        let file = self.files.read(version.contents)?;
        // If it is cut while it is sent, the receiver sees that it is another content.
        Ok((version.contents.size, Box::new(file.chain(io::repeat(0)))))
    }

    fn receive(&self, from: PeerId, message: &Message, body: &mut dyn Read) -> io::Result<()> {
        let node = self.node.get().and_then(Weak::upgrade);
        let (Message::Content(version), Some(node)) = (message, node) else {
            return Err(io::Error::other("nothing was asked for"));
        };
        let expects = |peer: &Peer| Some(peer.expects(from, version));
        if node.wait_until(Some(Instant::now()), expects) != Some(true) {
            // Mostly it was asked for, and is not wanted any more.
            return Err(io::ErrorKind::NotFound.into());
        }
        self.take(&node, from, version, body)
    }
}
