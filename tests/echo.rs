//! The echo counter of `examples/echo`, a protocol of one's own, on sockets.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use synod::node::{Address, Config, Node, Observer, Sockets};
use synod::process::{Output, PeerId, Process as _};

#[path = "../examples/echo/protocol.rs"]
mod protocol;

use protocol::{Counted, Echo, Setup};

struct Nobody;

impl Observer<Echo> for Nobody {
    fn observe(&mut self, _output: &Output<Echo>) {}

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}

#[test]
fn peers_on_sockets_count_to_the_goal() {
    let listeners: BTreeMap<PeerId, TcpListener> = (1..=3)
        .map(|id| (PeerId(id), TcpListener::bind("127.0.0.1:0").expect("a free port")))
        .collect();
    let address = |listener: &TcpListener| Address {
        host: "127.0.0.1".into(),
        port: listener.local_addr().expect("it is bound").port(),
    };
    let addresses: BTreeMap<PeerId, Address> =
        listeners.iter().map(|(id, listener)| (*id, address(listener))).collect();
    let nodes: Vec<_> = listeners
        .into_iter()
        .map(|(me, listener)| {
            let mut peers = addresses.clone();
            peers.remove(&me);
            let setup = Setup { others: peers.keys().copied().collect(), goal: 3 };
            let config = Config {
                me,
                fingerprint: "f".into(),
                peers,
                strict_address: false,
                bodies: None,
                say: Box::new(|_, _| {}),
            };
            let sockets = Sockets::from(listener);
            Node::start(config, Echo::new(setup), None, Box::new(Nobody), sockets)
                .expect("it starts")
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    for node in nodes {
        let done =
            node.wait_until(Some(deadline), |echo| (echo.snapshot() == [Counted(3)]).then_some(()));
        assert!(done.is_some(), "it has not counted to 3");
    }
}
