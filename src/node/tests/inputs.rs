//! Lines of a text are inputs, in their order, and what is none harms nothing.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::frame::MAX_LINE;
use super::super::{Config, Node, Observer};
use crate::process::{Effects, Output, PeerId, Process};

/// Remembers what it is asked.
struct Asked(Vec<u64>);

impl Process for Asked {
    const PROTOCOL: &'static str = "asked/1";
    type Message = ();
    type Record = ();
    type Timer = ();
    type Fact = ();
    type Input = u64;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, (): (), _: &mut Effects<Self>) {}

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn input(&mut self, input: u64, _: &mut Effects<Self>) {
        self.0.push(input);
    }

    fn objection(&self, _: PeerId, (): &()) -> Option<String> {
        None
    }
}

struct Nobody;

impl Observer<Asked> for Nobody {
    fn observe(&mut self, _: &Output<Asked>) {}
}

#[test]
fn each_line_is_an_input_and_the_end_may_be_one_and_bad_lines_are_told() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    let config = Config {
        me: PeerId(1),
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(move |_, line| lines.lock().unwrap().push(line.to_owned())),
    };
    let observer = Box::new(Nobody);
    let node =
        Node::new(config, Asked(Vec::new()), None, observer, [None, None], BTreeMap::new(), 0);
    let longest = "0".repeat(MAX_LINE - 1) + "5\n";
    let too_long = std::io::repeat(b'7').take(10 * MAX_LINE as u64);
    let text = Cursor::new("1\nbad\x1b\n\n2\r\n".to_owned() + &longest).chain(too_long);
    let last = "0".repeat(MAX_LINE - 1) + "3";
    let text = text.chain(Cursor::new("\n\u{fffd}\n".to_owned() + &last));
    let parse = |line: &str| line.parse().map_err(|_| format!("{line:?}: not a number: {line}"));
    node.read_inputs(text, parse, || Some(99)).unwrap();
    let deadline = Some(Instant::now() + Duration::from_secs(30));
    let asked =
        node.wait_until(deadline, |asked| (asked.0.last() == Some(&99)).then(|| asked.0.clone()));
    assert_eq!(asked, Some(vec![1, 2, 5, 3, 99]));
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[0].contains("not a number: bad") && !said[0].contains('\x1b'), "{said:?}");
    assert_eq!(said[2], "a line of more than 65536 bytes is no input");
}
