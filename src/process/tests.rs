use super::*;

/// A process that leaves to the contract whatever it may.
struct Plain;

impl Process for Plain {
    const PROTOCOL: &'static str = "plain/1";
    type Message = String;
    type Record = String;
    type Timer = ();
    type Fact = ();
    type Input = NoInput;

    fn restore(&mut self, _: String) {}

    fn snapshot(&self) -> Vec<String> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, _: String, _: &mut Effects<Self>) {}

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, _: &String) -> Option<String> {
        None
    }
}

#[test]
fn a_datagram_is_its_message_as_json() {
    let message = "a \"quoted\" word\n".to_string();
    let bytes = Plain::to_datagram(&message);
    assert_eq!(bytes, br#""a \"quoted\" word\n""#);
    assert_eq!(Plain::from_datagram(&bytes), Some(message));
}

#[test]
fn what_is_not_a_message_is_none() {
    for bytes in [&b""[..], b"\"a", b"7", b"a", b"\"a\" \"b\"", b"\"\xff\""] {
        assert_eq!(Plain::from_datagram(bytes), None, "{bytes:?}");
    }
}

/// What is not written for a process refuses nothing, asks for nothing and does nothing.
#[test]
fn what_a_process_leaves_out_has_no_effect() {
    let (mut process, mut out) = (Plain, Effects::<Plain>::new());
    assert_eq!(process.disbelieves(&"any record".to_string()), None);
    assert!(!Plain::has_body(&String::new()) && !Plain::is_bulk(&String::new()));
    assert!(!process.is_due());
    process.disconnected(PeerId(2), &mut out);
    proceed_while_due(&mut process, &mut out);
    assert!(out.is_empty(), "{out:?}");
}
