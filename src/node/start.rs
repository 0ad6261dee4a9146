//! What a node is told, and how it starts.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use super::admission::{Admission, Allow};
use super::body::Bodies;
use super::clock::Timers;
use super::disk::Disk;
use super::link::{Address, Kind, Link, session};
use super::log::Say;
use super::outbox::{Observer, Outbox};
use super::sync::{Condvar, Mutex, spawn};
use super::udp::{Datagrams, receive};
use super::unlisted::Unlisted;
use super::{Core, Node, OWN_THREAD, Wakes, tcp};
use crate::error::Result;
use crate::process::{PeerId, Process};

/// What the runtime needs to know beside the process.
pub struct Config<P: Process> {
    /// Which peer this is.
    pub me: PeerId,
    /// What peers must have in common, compared in the hello.
    pub fingerprint: String,
    /// The peers to link with, and where they listen.
    pub peers: BTreeMap<PeerId, Address>,
    /// Reject a peer that comes from an address which its name does not resolve to.
    pub strict_address: bool,
    /// What moves the bodies of messages, where the protocol has such.
    pub bodies: Option<Arc<dyn Bodies<P>>>,
    /// Where lines for people go.
    pub say: Say,
}

/// Over what a node talks. A `TcpListener` alone is streams on standing links.
#[derive(Default)]
pub struct Sockets {
    /// Where peers connect; without it there are no links.
    pub streams: Option<TcpListener>,
    /// Dial a peer when there is something to send, and close the link when there was nothing for
    /// a while, instead of keeping a link with every peer. `connected` then says little.
    pub on_demand: bool,
    /// How many peers that [`Config::peers`] does not list may be connected at once: they choose
    /// their ids themselves, and the fingerprint is a token that the group has agreed on.
    pub unlisted: usize,
    /// Where such peers listen: a connection with each is always kept up.
    pub dial: Vec<Address>,
    /// Who may connect, by the address; all if there is no such rule.
    pub allow: Option<Allow>,
    /// Where datagrams come and go.
    pub datagrams: Option<UdpSocket>,
    /// A second socket for datagrams, and where the peers have theirs: for those messages of which
    /// [`Process::is_bulk`] is true.
    pub bulk: Option<(UdpSocket, BTreeMap<PeerId, Address>)>,
    /// Tell of every datagram that was dropped.
    pub report_strays: bool,
}

impl From<TcpListener> for Sockets {
    fn from(listener: TcpListener) -> Self {
        Self { streams: Some(listener), ..Self::default() }
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// Starts the threads and feeds [`Process::start`]. `process` must have been given the
    /// records of `disk` already.
    ///
    /// # Errors
    /// The system gives no more threads, or the disk failed.
    pub fn start(
        config: Config<P>,
        process: P,
        disk: Option<Disk>,
        observer: Box<dyn Observer<P>>,
        sockets: impl Into<Sockets>,
    ) -> Result<Arc<Self>> {
        assert!(P::MAX_BODY == 0 || config.bodies.is_some(), "somebody moves the bodies");
        let Sockets { streams, on_demand, unlisted, dial, allow, datagrams, bulk, report_strays } =
            sockets.into();
        let datagrams =
            datagrams.map(|socket| Datagrams::new(socket, &config.peers, report_strays));
        let bulk = bulk.map(|(socket, peers)| Datagrams::new(socket, &peers, report_strays));
        let datagrams = [datagrams, bulk];
        let kind = if on_demand { Kind::OnDemand } else { Kind::Standing };
        let links = match streams {
            Some(_) => config.peers.clone(),
            None => BTreeMap::new(),
        };
        let link = |peer, at, kind| Arc::new(Link::new(peer, at, kind).with_lines_of(P::MAX_LINE));
        let links = links.into_iter().map(|(peer, at)| (peer, link(peer, at, kind))).collect();
        let node = Self::new(config, process, disk, observer, datagrams, links, unlisted);
        // The first event comes before any other can.
        node.step(Process::start);
        let own = Arc::clone(&node);
        spawn(OWN_THREAD, move || own.keep_going())?;
        if let Some(listener) = streams {
            tcp::open(&node, listener, allow)?;
        }
        receive::open(&node)?;
        let standing = node.links.values().filter(|_| !on_demand).cloned();
        let dialled = dial.into_iter().map(|at| link(node.me, at, Kind::Address));
        for link in standing.chain(dialled) {
            let of_link = Arc::clone(&node);
            spawn(&link.peer.to_string(), move || session::keep(&of_link, &link))?;
        }
        Ok(node)
    }

    /// A node that does nothing by itself yet.
    pub(super) fn new(
        config: Config<P>,
        process: P,
        disk: Option<Disk>,
        observer: Box<dyn Observer<P>>,
        datagrams: [Option<Datagrams>; 2],
        links: BTreeMap<PeerId, Arc<Link>>,
        unlisted: usize,
    ) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            me: config.me,
            fingerprint: config.fingerprint,
            strict_address: config.strict_address,
            core: Mutex::new(Core {
                process,
                timers: Timers::default(),
                ends: BTreeMap::new(),
                outputs: Outbox::default(),
                sees_traffic: observer.sees_traffic(),
                appended: 0,
                waiting: 0,
                settling: 0,
                wakes: Wakes::default(),
                failure: None,
                halting: false,
                ended: None,
            }),
            changed: Condvar::new(),
            left: Condvar::new(),
            due: Condvar::new(),
            room: Condvar::new(),
            over: Condvar::new(),
            itself: itself.clone(),
            begun: Instant::now(),
            datagrams,
            disk,
            links,
            unlisted: Unlisted::new(unlisted),
            bodies: config.bodies,
            observer: Mutex::new(observer),
            admission: Admission::default(),
            say: config.say,
        })
    }
}
