//! Strangers, and peers that mean it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::common::{PATIENCE, until};
use crate::peers::{Ring, pdf};

/// Somebody who has the ports of peer 20, and does what no peer does.
struct Rogue {
    base: u16,
    listener: TcpListener,
    data: UdpSocket,
    pings: UdpSocket,
}

const ROGUE: u16 = 20;

impl Rogue {
    fn new(base: u16) -> Self {
        let udp = |port: u16| {
            let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let listener = TcpListener::bind(("127.0.0.1", base + ROGUE)).unwrap();
        let (pings, data) = (udp(base + ROGUE), udp(base + ROGUE + 10_000));
        Self { base, listener, data, pings }
    }

    fn hello(&self) -> String {
        format!(
            "{{\"hello\":{{\"protocol\":\"ring/1\",\"peer\":{ROGUE},\
             \"fingerprint\":\"ring at {}\"}}}}\n",
            self.base
        )
    }

    /// A connection to this peer, after the hellos.
    fn dial(&self, id: u16) -> BufReader<TcpStream> {
        let at = SocketAddr::from(([127, 0, 0, 1], self.base + id));
        let stream = TcpStream::connect_timeout(&at, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(self.hello().as_bytes()).unwrap();
        let answer = line(&mut stream);
        assert!(answer.contains("\"hello\""), "{answer}");
        stream.get_mut().write_all(b"\"ping\"\n").unwrap();
        assert_eq!(line(&mut stream), "\"pong\"\n");
        stream
    }

    fn says(&self, id: u16, message: &str) {
        let mut stream = self.dial(id);
        let frame = format!("{{\"message\":{message}}}\n\"ping\"\n");
        stream.get_mut().write_all(frame.as_bytes()).unwrap();
        // It has been read once what comes behind it is answered, or the connection is closed.
        let answer = line(&mut stream);
        assert!(answer.is_empty() || answer.contains("pong") || answer.contains("refused"));
    }

    /// Waits for a message with this in it, on a connection that the peer makes.
    fn hears(&self, part: &str) -> String {
        self.listener.set_nonblocking(true).unwrap();
        loop {
            let (stream, _) = until("a connection", || self.listener.accept().ok());
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut stream = BufReader::new(stream);
            line(&mut stream);
            stream.get_mut().write_all(self.hello().as_bytes()).unwrap();
            loop {
                match line(&mut stream) {
                    end if end.is_empty() => break,
                    ping if ping.contains("\"ping\"") => {
                        stream.get_mut().write_all(b"\"pong\"\n").unwrap();
                    }
                    found if found.contains(part) => return found,
                    _ => {}
                }
            }
        }
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let _ = stream.read_line(&mut line);
    line
}

/// True if the ring does what it is for.
fn is_well(ring: &mut Ring) {
    ring.store(5, "0004.pdf", &pdf(999));
    let before = count(ring, "The file is received.");
    ring.types(1, "request 0004");
    ring.prints_times(1, "The file is received.", before + 1);
    assert_eq!(fs::read(ring.received(1, "0004")).unwrap(), pdf(999));
}

fn count(ring: &Ring, text: &str) -> usize {
    ring.programs[&1].out().iter().filter(|line| *line == text).count()
}

/// Datagrams of every kind, from a port that no peer has, and from another address.
#[test]
fn datagrams_from_where_no_peer_is_change_nothing() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all("400 0");
    let strangers = ["127.0.0.1:0", "127.0.0.2:0"].map(|at| UdpSocket::bind(at).unwrap());
    for round in 0..200_u8 {
        for stranger in &strangers {
            for port in [ring.base + 1, ring.base + 10_001] {
                let kind = round % 10;
                let mut bytes = vec![kind];
                bytes.extend([0; 8]);
                bytes.extend([0, 0, 0, 0, 0, 0, 0, round, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 7]);
                bytes.truncate(if round % 3 == 0 { 5 } else { bytes.len() });
                stranger.send_to(&bytes, ("127.0.0.1", port)).unwrap();
            }
        }
    }
    is_well(&mut ring);
    let known = |line: &String| line.contains(" Peer 5.") || line.contains(" Peer 9.");
    let pings = ring.programs[&1].out();
    assert!(pings.iter().filter(|line| line.starts_with("A ping")).all(known), "{pings:#?}");
    assert!(!pings.iter().any(|line| line.contains("no longer alive")));
}

#[test]
fn a_departure_from_another_address_is_refused() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all("400 0");
    // From the address of no peer, in the name of peer 5.
    let script = "import socket,sys\n\
        s=socket.socket(); s.bind(('127.0.0.2',0)); s.settimeout(20)\n\
        s.connect(('127.0.0.1',int(sys.argv[1])))\n\
        h='{\"hello\":{\"protocol\":\"ring/1\",\"peer\":5,\"fingerprint\":\"ring at %s\"}}\\n'\n\
        s.sendall((h%sys.argv[2]).encode())\n\
        print(s.recv(1000).decode())\n";
    let mut python = std::process::Command::new("python3");
    python.args(["-c", script, &(ring.base + 1).to_string(), &ring.base.to_string()]);
    let answer = String::from_utf8(python.output().unwrap().stdout).unwrap();
    assert!(answer.contains("refused"), "{answer}");
    is_well(&mut ring);
    assert!(!ring.programs[&1].out().iter().any(|line| line.contains("will depart")));
}

#[test]
fn messages_that_no_peer_sends_cost_the_connection_and_nothing_else() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all("400 0");
    let rogue = Rogue::new(ring.base);
    for message in [
        "{\"request\":{\"id\":1,\"attempt\":0,\"asker\":20,\"name\":\"../x\",\"hops\":1}}",
        "{\"request\":{\"id\":2,\"attempt\":0,\"asker\":20,\"name\":10000,\"hops\":1}}",
        "{\"request\":{\"id\":3,\"attempt\":0,\"asker\":256,\"name\":1,\"hops\":1}}",
        "{\"request\":{\"id\":4,\"attempt\":0,\"asker\":20,\"name\":1,\"hops\":60000}}",
        "{\"successors\":[1,2,3,4,5,6,7]}",
        "{\"depart\":[5,9,1]}",
        "\"departed\"",
        "{\"successors\":[20,20,20]}",
        "\"join\"",
        "{\"found\":{\"key\":1,\"purpose\":\"join\",\"predecessor\":20,\
          \"successors\":[20],\"hops\":1}}",
        "{\"response\":{\"id\":5,\"name\":1,\"size\":18446744073709551615,\
          \"patience\":9,\"hops\":1}}",
        "{\"accept\":{\"id\":5}}",
        "{\"failed\":{\"id\":5,\"why\":\"leaving\"}}",
        "{\"moved\":{\"name\":4}}",
        "{\"move\":{\"name\":4,\"size\":1,\"is_pdf\":true}}",
        "{\"offer\":{\"name\":4,\"size\":1,\"is_pdf\":true}}",
    ] {
        rogue.says(1, message);
    }
    let length = "{\"with_body\":{\"length\":4,\"message\":\
                  {\"move\":{\"name\":77,\"size\":4,\"is_pdf\":true}}}}\nevil\n";
    rogue.dial(1).get_mut().write_all(length.as_bytes()).unwrap();
    is_well(&mut ring);
    assert!(!ring.dir(1).join("0077.pdf").exists());
    let out = ring.programs[&1].out();
    assert!(!out.iter().any(|line| line.contains("My first successor")), "{out:#?}");
}

/// Peer 20 is the first successor of 9, answers its pings, and sends a file for ever.
#[test]
fn a_responder_that_never_ends_is_ended() {
    let mut ring = Ring::new(&[1, 5, 9, ROGUE]);
    let rogue = Rogue::new(ring.base);
    for id in [1, 5, 9] {
        ring.start(id, "400 0");
    }
    ring.types(9, "request 0015");
    let request = rogue.hears("\"request\"");
    let id = request.split("\"id\":").nth(1).unwrap().split(',').next().unwrap();
    let id: u64 = id.parse().unwrap();
    rogue.says(
        9,
        &format!(
            "{{\"response\":{{\"id\":{id},\"name\":15,\"size\":400,\"patience\":2,\"hops\":1}}}}"
        ),
    );
    ring.prints(9, "Received a response message from peer 20, which has the file 0015.");
    let to = ("127.0.0.1", ring.base + 9 + 10_000);
    let mut segment = vec![4_u8];
    segment.extend(id.to_be_bytes());
    segment.extend(1_u64.to_be_bytes());
    segment.extend(0_u64.to_be_bytes());
    segment.extend(400_u16.to_be_bytes());
    segment.extend([7; 400]);
    // The same again and again, also behind the end of the file; the end mark never comes.
    rogue.data.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let text = "file 0015 is not received from peer 20: nothing has come for too long";
    until(text, || {
        rogue.data.send_to(&segment, to).unwrap();
        let mut behind = segment.clone();
        behind[9..17].copy_from_slice(&401_u64.to_be_bytes());
        rogue.data.send_to(&behind, to).unwrap();
        let _ = rogue.data.recv(&mut [0; 1000]);
        ring.programs[&9].err().iter().any(|line| line.contains(text)).then_some(())
    });
    assert!(!ring.received(9, "0015").exists());
    until("the temporary file goes", || (ring.parts(9) == 0).then_some(()));
    let log = fs::read_to_string(ring.dir(9).join("requesting_log.txt")).unwrap();
    assert!(!log.contains(" 401 "), "what is behind the end is dropped: {log}");
    drop(rogue.pings);
}

#[test]
fn a_thousand_requests_of_one_that_answers_nothing_are_survived() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.store(5, "0005.pdf", &pdf(50_000));
    ring.start_all("400 0");
    let rogue = Rogue::new(ring.base);
    let mut stream = rogue.dial(5);
    for id in 1..=1000 {
        let frame = format!(
            "{{\"message\":{{\"request\":{{\"id\":{id},\"attempt\":0,\"asker\":20,\"name\":5,\
             \"hops\":1}}}}}}\n"
        );
        // It may close the connection of one that does not answer its own.
        while stream.get_mut().write_all(frame.as_bytes()).is_err() {
            stream = rogue.dial(5);
        }
    }
    is_well(&mut ring);
    let told = "A response message, destined for peer 20, has been sent.";
    // It was answered too.
    ring.prints(5, told);
    assert!(ring.programs.get_mut(&5).unwrap().is_running());
}

#[test]
fn a_thousand_requests_typed_at_once_are_answered() {
    let mut ring = Ring::new(&[1, 5, 9]);
    for number in 2..=5 {
        ring.store(5, &format!("000{number}.pdf"), &pdf(100 * number));
    }
    ring.start_all("1400 0");
    for round in 0..1000 {
        ring.types(1, &format!("request 000{}", 2 + round % 4));
    }
    let answered = || {
        let refused = |line: &&String| line.contains("too many requests wait");
        let refused = ring.programs[&1].err().iter().filter(refused).count();
        (count(&ring, "The file is received.") + refused == 1000).then_some(())
    };
    until("each comes to its end", answered);
}
