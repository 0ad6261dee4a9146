//! A process that ends itself: what it has said leaves before, if it can.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::super::link::Kind;
use super::*;
use crate::process::Effect;

/// Nobody looks.
struct Nobody;

impl Observer<Loud> for Nobody {
    fn observe(&mut self, _: &Output<Loud>) {}

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}

/// A node with one link, whose other end is in our hands.
fn linked() -> (Arc<Node<Loud>>, Arc<Link>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(5))).unwrap();
    let (other_end, _) = listener.accept().unwrap();
    let address = Address { host: "127.0.0.1".into(), port };
    let link = Arc::new(Link::new(OTHER, address, Kind::Standing));
    link.set_up(Arc::new(stream), Vec::new());
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    let links = [(OTHER, Arc::clone(&link))].into();
    let node = Node::new(config, Loud(peer()), None, Box::new(Nobody), [None, None], links, 0);
    (node, link, other_end)
}

fn end(node: &Node<Loud>) -> Duration {
    node.step(|_, out| out.push(Effect::Halt(3)));
    let begun = Instant::now();
    assert_eq!(node.run().unwrap(), 3);
    begun.elapsed()
}

#[test]
fn an_end_waits_a_while_for_what_a_peer_does_not_take() {
    let (node, link, mut other_end) = linked();
    while link.push(&[b'x'; 1024]) {
        link.flush();
    }
    let took = end(&node);
    assert!(took >= DRAIN_TIMEOUT && took < DRAIN_TIMEOUT * 20, "{took:?}");
    // Once it is taken there is nothing to wait for.
    thread::spawn(move || while other_end.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {});
    while !link.is_drained() {
        link.flush_slow();
    }
    let took = end(&node);
    assert!(took < DRAIN_TIMEOUT, "{took:?}");
}
