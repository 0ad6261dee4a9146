//! A running group whose ports are attacked goes on deciding.
//!
//! In every test peer1 has X chosen, then strangers do what they do, then peer5 comes with Y: it
//! must find X, under a low number, so nobody was blocked.

mod clients;
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use clients::{Client, hello, hello_of, status};
use common::{Cluster, Program, random, until};
use synod::hosts::Hosts;
use synod::node::disk::{Disk, Owner};
use synod::paxos::{Peer, ProposalNumber, Record, Roles, Setup};
use synod::process::{PeerId, Process as _};

/// One more than the largest proposal number.
const TOO_LARGE: u64 = 1 << 53;

/// Peers 1 to 4, with X chosen.
fn decided() -> Cluster {
    let mut cluster = Cluster::of_file("hostsfile-testcase2.txt");
    for id in 1..=4 {
        cluster.run(id, if id == 1 { "-v X --wait 0" } else { "" });
    }
    assert_eq!(cluster.choice(1..=4), "X");
    cluster
}

/// The proof that nothing was harmed.
fn assert_it_goes_on(mut cluster: Cluster) {
    cluster.start(5, "-v Y");
    assert_eq!(cluster.choice(1..=5), "X");
    for id in 1..=5 {
        assert!(cluster.peer(id).is_running());
        let name = format!("peer{id}: ");
        for line in cluster.peer(id).err() {
            let tame = line.starts_with(&name) && !line.chars().any(char::is_control);
            assert!(tame && line.len() < 400, "peer{id} says {line:?}");
            assert!(!line.contains("panicked"), "{line}");
        }
    }
    let printed = cluster.finish(&[1, 2, 3, 4, 5]);
    let highest = printed[&5].iter().map(|line| line.number).max();
    assert!(highest < Some(1_000), "somebody's number was in its way: {highest:?}");
}

#[test]
fn random_bytes_harm_nobody() {
    let cluster = decided();
    for round in 0..60 {
        let mut client = Client::to(&cluster, 1 + round % 4);
        let bytes: Vec<u8> = (0..=random() % 300).flat_map(|_| random().to_le_bytes()).collect();
        client.say(&bytes);
        client.say("\n");
        client.is_cut_off();
    }
    assert_it_goes_on(cluster);
}

#[test]
fn a_line_of_a_gibibyte_is_cut_off_early_and_not_held() {
    let mut cluster = decided();
    let before = status(cluster.peer(2), "VmRSS");
    let chunk = vec![b'x'; 64 * 1024];
    let mut clients = [Client::to(&cluster, 2), Client::posing_as(5, &cluster, 2)];
    for client in &mut clients {
        let taken = (0..(1 << 30) / chunk.len()).take_while(|_| client.say(&chunk)).count();
        // What the system's own buffers take does not count as read.
        assert!(taken < 1024, "{taken} chunks of 64 KiB were taken");
    }
    cluster.peer(2).says("rejected 127.0.0.1: a line of more than 1024 bytes");
    cluster.peer(2).says("closed the connection from peer5 (127.0.0.1): a line of more than 65536");
    let most = status(cluster.peer(2), "VmHWM");
    assert!(most <= before + 2048, "from {before} KiB to {most} KiB");
    assert_it_goes_on(cluster);
}

#[test]
fn deeply_nested_json_harms_nobody() {
    let cluster = decided();
    for (open, close) in [("[", "]"), ("{\"message\":", "}")] {
        for (times, posing) in [(80, false), (5_000, true)] {
            let line = format!("{}1{}\n", open.repeat(times), close.repeat(times));
            let mut client =
                if posing { Client::posing_as(5, &cluster, 3) } else { Client::to(&cluster, 3) };
            client.is_cut_off_by(&line);
        }
    }
    assert_it_goes_on(cluster);
}

#[test]
fn a_wrong_hello_is_refused_with_its_reason() {
    let cluster = decided();
    let fingerprint = Hosts::read(&cluster.hosts()).expect("is in use").fingerprint(3000);
    let with = |protocol: &str, peer: &str| hello_of(protocol, peer, &fingerprint);
    for (victim, line, want) in [
        (2, with("paxos/2", "1"), "peer1 speaks paxos/2, peer2 speaks paxos/1"),
        (2, with("", "1"), "peer1 speaks , peer2 speaks paxos/1"),
        (
            3,
            hello_of("paxos/1", "1", "0000000000000000"),
            "the hostsfiles of peer1 and peer3 differ",
        ),
        (3, with("paxos/1", "3"), "both sides say that they are peer3"),
        (4, with("paxos/1", "6"), "the hostsfile of peer4 has no peer6"),
        (4, with("paxos/1", "0"), "the hostsfile of peer4 has no peer0"),
        (4, with("paxos/1", "65536"), "no hello: "),
        (2, with("paxos/1", "-1"), "no hello: "),
        (2, with("paxos/1", "\"1\""), "no hello: "),
        (2, "\"ping\"\n".into(), "its first frame is not a hello"),
        (3, "{\"message\":{\"prepare\":{\"number\":5,\"value\":\"Y\"}}}\n".into(), "its first"),
        (3, "\n".into(), "no hello: "),
        (3, "null\n".into(), "no hello: "),
        (4, with("paxos/1", "1").replace('}', ",\"more\":1}"), "no hello: "),
    ] {
        let mut client = Client::to(&cluster, victim);
        client.say(&line);
        let answer = client.hears().unwrap_or_default();
        assert!(answer.starts_with(&format!("{{\"refused\":\"{want}")), "{line}: {answer}");
        client.is_cut_off();
    }
    // A second hello is no ping.
    let mut client = Client::to(&cluster, 2);
    client.say(hello(&cluster, 5).repeat(2));
    assert!(client.hears().is_some_and(|line| line.starts_with("{\"hello\":")));
    assert_eq!(client.hears().as_deref(), Some("{\"refused\":\"its second frame is not a ping\"}"));
    let mut client = Client::to(&cluster, 2);
    client.say(&(hello(&cluster, 5) + "junk\n"));
    assert!(client.hears().is_some_and(|line| line.starts_with("{\"hello\":")));
    let answer = client.hears().unwrap_or_default();
    assert!(answer.starts_with("{\"refused\":\"no ping: "), "{answer}");
    assert_it_goes_on(cluster);
}

#[test]
fn a_strangers_words_cannot_break_or_colour_a_line() {
    let mut cluster = decided();
    let evil = "\\u001b[31m\\npeer2: X is chosen\\r";
    let fingerprint = hello(&cluster, 5);
    for line in [
        format!("{{\"{evil}\":1}}\n"),
        hello_of(evil, "5", ""),
        hello_of("paxos/1", "5", evil),
        fingerprint.replace("peer\"", &format!("{evil}\"")),
    ] {
        let mut client = Client::to(&cluster, 2);
        client.is_cut_off_by(&line);
    }
    let mut client = Client::posing_as(5, &cluster, 2);
    client.is_cut_off_by(&format!("{{\"message\":{{\"{}\":1}}}}\n", evil.repeat(900)));
    cluster.peer(2).says("closed the connection from peer5");
    assert_it_goes_on(cluster);
}

#[test]
fn json_of_another_shape_costs_the_connection_and_nothing_else() {
    let cluster = decided();
    let prepare = |number: &str| format!("{{\"prepare\":{{\"number\":{number},\"value\":\"Y\"}}}}");
    let max = u64::MAX.to_string();
    let ack = |answers: u64, min: u64| {
        format!(
            "{{\"prepare_ack\":{{\"answers\":{answers},\"min_proposal\":{min},\
             \"accepted\":null,\"asked\":\"Y\"}}}}"
        )
    };
    let too_large = TOO_LARGE.to_string();
    let messages = [
        prepare(&max),
        prepare(&too_large),
        prepare("18446744073709551616"),
        prepare("1e300"),
        prepare("5.0"),
        prepare("-5"),
        prepare("0"),
        prepare("\"5\""),
        prepare("null"),
        prepare("5").replace("\"Y\"", "\"YY\""),
        prepare("5").replace("\"Y\"", "\"\""),
        prepare("5").replace("\"Y\"", "7"),
        prepare("5").replace("prepare", "promise"),
        prepare("5").replace('}', ",\"more\":1}"),
        ack(TOO_LARGE, TOO_LARGE),
        ack(5, u64::MAX),
        ack(5, 5),
        "{\"prepare\":{}}".into(),
        "[]".into(),
        "\"ping\"".into(),
    ];
    let frames = messages.iter().map(|message| format!("{{\"message\":{message}}}\n"));
    let others = ["\"pong\"\n", "{\"refused\":\"no\"}\n", "{}\n", "[1]\n", "\"\n", "\u{0}\n"];
    for (frame, victim) in frames.chain(others.map(str::to_owned)).zip((2..=4).cycle()) {
        let mut client = Client::posing_as(5, &cluster, victim);
        client.is_cut_off_by(&frame);
    }
    assert_it_goes_on(cluster);
}

/// A question of a proposer, as a frame.
fn ask(kind: &str, number: u64) -> String {
    format!("{{\"message\":{{\"{kind}\":{{\"number\":{number},\"value\":\"Z\"}}}}}}\n")
}

#[test]
fn a_number_of_another_peer_blocks_nobody() {
    let mut cluster = decided();
    let largest = TOO_LARGE - 1;
    for (victim, posing, kind, number, want) in [
        (2, 5, "prepare", largest, "9007199254740991 belongs to peer1, not to peer5"),
        (2, 5, "accept", largest, "9007199254740991 belongs to peer1, not to peer5"),
        (3, 5, "prepare", 6, "6 belongs to peer1, not to peer5"),
        (3, 4, "prepare", 9, "peer3 is no acceptor of peer4"),
        (1, 4, "prepare", 9, "peer1 is no acceptor of peer4"),
        (4, 5, "chosen", 7, "7 belongs to no proposer"),
    ] {
        // The true peer4 is there and may take its place back before a word is said.
        until(want, || {
            let mut client = Client::posing_as(posing, &cluster, victim);
            client.say(ask(kind, number));
            client.is_cut_off();
            cluster.peer(victim).err().iter().any(|line| line.contains(want)).then_some(())
        });
        let line = cluster.peer(victim).says(want);
        assert!(line.contains("closed the connection from peer"), "{line}");
    }
    assert_it_goes_on(cluster);
}

#[test]
fn the_last_number_under_the_name_of_its_owner_blocks_nobody() {
    let mut cluster = decided();
    let largest = TOO_LARGE - 1;
    let want = "ignores number 9007199254740991 of peer1: it is far above all others";
    for victim in 2..=4 {
        // The true peer1 may take its place back before a word is said.
        until(want, || {
            let mut client = Client::posing_as(1, &cluster, victim);
            for kind in ["prepare", "accept"] {
                client.say(ask(kind, largest));
            }
            client.say("\"ping\"\n");
            client.hears();
            cluster.peer(victim).err().iter().any(|line| line.contains(want)).then_some(())
        });
    }
    assert_it_goes_on(cluster);
}

#[test]
fn a_proposer_whose_numbers_are_used_up_says_so_and_exits_with_1() {
    let mut cluster = Cluster::of_file("hostsfile-testcase2.txt");
    for id in 2..=4 {
        cluster.run(id, "");
    }
    // The last number of peer1, as an earlier incarnation of it would have written it down.
    let dir = cluster.scratch.path("used-up");
    let fingerprint = Hosts::read(&cluster.hosts()).expect("is in use").fingerprint(3000);
    let owner = Owner { protocol: Peer::PROTOCOL.into(), peer: PeerId(1), fingerprint };
    let roles = Roles { peers: 5, proposers: BTreeMap::new() };
    let (delay, link_wait) = (Duration::ZERO, Duration::ZERO);
    let setup = Setup { me: PeerId(1), roles, candidate: None, delay, link_wait };
    let (disk, _) = Disk::open(&dir, &owner, &mut Peer::new(setup.into())).expect("a new log");
    let last = ProposalNumber::new(TOO_LARGE - 1).expect("the last one");
    let written = disk.append(&Record::LastNumber(last));
    disk.commit(written).expect("the disk is sound");
    drop(disk);
    let words = format!("-v X --wait 0 --data {}", dir.display());
    let end = Program::start(cluster.command(1, &words)).end();
    assert_eq!((end.code, end.out.len()), (Some(1), 0), "{end:#?}");
    assert_eq!(
        end.err.last().map(String::as_str),
        Some("peer1: no proposal number is left above those seen; ends")
    );
    // The others do without it.
    cluster.start(5, "-v Y --wait 0");
    assert_eq!(cluster.choice(2..=5), "Y");
}

#[test]
fn one_byte_at_a_time_is_as_good_as_any_other_way() {
    let mut cluster = decided();
    let mut client = Client::to(&cluster, 2);
    let text = format!(
        "{}\"ping\"\n{{\"message\":{{\"prepare\":{{\"number\":5,\"value\":\"é\"}}}}}}\n\"ping\"\n",
        hello(&cluster, 5)
    );
    for byte in text.as_bytes() {
        assert!(client.say([*byte]));
        std::thread::yield_now();
    }
    assert!(client.hears().is_some_and(|line| line.starts_with("{\"hello\":")));
    assert_eq!(client.hears().as_deref(), Some("\"pong\""));
    assert_eq!(client.hears().as_deref(), Some("\"pong\""), "after the message");
    let line = cluster.peer(2).prints("\"message_value\":\"é\"");
    assert!(line.contains("\"peer_id\":5,\"action\":\"received\",\"message_type\":\"prepare\""));
    drop(client);
    // Number 5 is promised now. Asked again by the true peer5 it is promised again.
    assert_it_goes_on(cluster);
}

#[test]
fn a_frame_cut_in_the_middle_harms_nobody() {
    let mut cluster = decided();
    let text = hello(&cluster, 5);
    for length in [1, 20, text.len() - 1] {
        let mut client = Client::to(&cluster, 3);
        client.say(&text[..length]);
        client.stream().shutdown(Shutdown::Write).expect("is open");
        client.is_cut_off();
    }
    cluster.peer(3).says("rejected 127.0.0.1: the connection ended in the middle of a line");
    let mut client = Client::posing_as(5, &cluster, 3);
    client.say("{\"message\":{\"prepare\":{\"number\":5,\"val");
    client.stream().shutdown(Shutdown::Write).expect("is open");
    client.is_cut_off();
    cluster.peer(3).says("closed the connection from peer5 (127.0.0.1): the connection ended in");
    assert_it_goes_on(cluster);
}

#[test]
fn a_second_process_with_the_same_identity_ends_or_is_reported() {
    let mut cluster = decided();
    let end = Program::start(cluster.command(3, "")).end();
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "it cannot listen: {end:#?}");
    // One that does not listen, but dials as peer3: both lose their connection to the other in
    // turn, and the true one hears why.
    let want = ": another process says that it is peer3";
    until("word of the other process", || {
        let mut one = Client::posing_as(3, &cluster, 2);
        let mut other = Client::posing_as(3, &cluster, 2);
        one.is_cut_off();
        other.say("\"ping\"\n");
        cluster.peer(3).err().iter().any(|line| line.contains(want)).then_some(())
    });
    assert_it_goes_on(cluster);
}

/// What has been said about clients: lines with this text, and those that count what was left out.
fn said_with(cluster: &mut Cluster, peer: u16, text: &str) -> usize {
    let told = |line: &&String| line.contains(text) || line.ends_with("were left out)");
    cluster.peer(peer).err().iter().filter(told).count()
}

#[test]
fn of_countless_reasons_to_reject_a_client_few_are_said() {
    let mut cluster = decided();
    for number in 0..300 {
        let mut client = Client::to(&cluster, 2);
        client.is_cut_off_by(&hello_of("paxos/1", &format!("\"{number}\""), ""));
    }
    cluster.peer(2).says("rejected 127.0.0.1: no hello: ");
    let lines = said_with(&mut cluster, 2, "rejected");
    // Twenty, and one every two seconds with a count before it.
    assert!((20..100).contains(&lines), "{lines} lines about 300 clients");
    assert_it_goes_on(cluster);
}

/// Somebody else listens where peer5 should, and has another reason for every hello.
#[test]
fn of_countless_reasons_to_refuse_a_link_few_are_said() {
    let mut cluster = decided();
    let listener = TcpListener::bind(("127.0.0.1", cluster.ports[4])).expect("peer5 is not there");
    listener.set_nonblocking(true).expect("an option");
    for number in 0..60 {
        // Who hears from peer5 dials it at once.
        let _client = Client::posing_as(5, &cluster, 2);
        let (stream, _) = until("a dial", || listener.accept().ok());
        let _ = (&stream).write_all(format!("{{\"refused\":\"reason {number}\"}}\n").as_bytes());
    }
    let lines: usize = (2..=4).map(|id| said_with(&mut cluster, id, "no link with peer5")).sum();
    // Five of each peer, and one a minute.
    assert!((1..=30).contains(&lines), "{lines} lines about 60 reasons");
    drop(listener);
    assert_it_goes_on(cluster);
}

/// True where too few files may be open for a crowd of connections.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
fn is_too_small(crowd: usize) -> bool {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let most = line.split_whitespace().nth(3).and_then(|most| most.parse::<usize>().ok());
    let small = most.is_some_and(|most| most < crowd);
    if small {
        eprintln!("skipped: fewer than {crowd} files may be open here");
    }
    small
}

#[test]
fn a_thousand_silent_strangers_cost_little_and_more_are_turned_away() {
    if is_too_small(3_000) {
        return;
    }
    let mut cluster = decided();
    // Now peer2's vote is needed.
    cluster.peer(4).kill();
    let (before, threads) = (status(cluster.peer(2), "VmRSS"), status(cluster.peer(2), "Threads"));
    let mut crowd: Vec<Client> = (0..1_000).map(|_| Client::to(&cluster, 2)).collect();
    let grown = until("a thread for nearly each", || {
        let there = status(cluster.peer(2), "Threads") + 50 >= threads + 1_000;
        there.then(|| status(cluster.peer(2), "VmRSS").saturating_sub(before))
    });
    assert!(grown <= 32 * 1_000, "{grown} KiB for a thousand");
    let too_many = "rejected 127.0.0.1: too many connections without a hello";
    until("the first to be rejected", || {
        crowd.extend((0..200).map(|_| Client::to(&cluster, 2)));
        cluster.peer(2).err().iter().any(|line| line.ends_with(too_many)).then_some(())
    });
    // A known peer gets in all the same.
    cluster.start(5, "-v Y --wait 0");
    assert_eq!(cluster.choice([1, 2, 3, 5]), "X");
    cluster.finish(&[1, 2, 3, 4, 5]);
}
