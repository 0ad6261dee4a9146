use super::*;

fn ids(hosts: &[u16]) -> BTreeSet<PeerId> {
    hosts.iter().copied().map(PeerId).collect()
}

#[test]
fn one_host_and_port_is_one_peer() {
    assert_refused(&[
        ("a:acceptor1\n#\nA:learner1", "f:3", "A has the host and port of line 1"),
        (
            "a:1:acceptor1\nb:acceptor1\na:01:acceptor1",
            "f:3",
            "a:1 has the host and port of line 1",
        ),
        ("[::1]:7\n[0::1]:7", "f:2", "[::1]:7 has the host and port of line 1"),
    ]);
    let hosts = parse("a\na:1\na:2\n#\nA:3000\nb:3000");
    hosts.check_ports(3001).expect("with this default, no two are the same");
    let error = hosts.check_ports(3000).expect_err("a is A:3000 now").to_string();
    assert!(error.starts_with("f:5: A:3000 has the host and port of line 1;"), "{error}");
    let error = hosts.check_ports(2).expect_err("a is a:2 now").to_string();
    assert!(error.starts_with("f:3: a:2 has the host and port of line 1;"), "{error}");
}

#[test]
fn roles_that_do_not_fit_together_are_refused() {
    assert_refused(&[
        ("a:acceptor1\n\nb\nc:proposer1", "f:3", "b has no roles; add them, as in b:acceptor1"),
        ("[::1]:7", "f:1", "[::1]:7 has no roles"),
        ("a:proposer2\nb:acceptor\n#\nc:proposer2", "f:4", "proposer2 is on line 1 already"),
        ("a:proposer\nb:acceptor\nc:proposer2", "f:1", "beside another proposer on line 3"),
        ("a:proposer2\nb:acceptor\nc:proposer", "f:3", "beside another proposer on line 1"),
        ("a:proposer\nb:acceptor\nc:proposer", "f:1", "beside another proposer on line 3"),
        ("a:proposer1,proposer2\nb:acceptor", "f:1", "proposer1 and proposer2 on one line"),
        ("a:proposer1,proposer\nb:acceptor", "f:1", "proposer and proposer1 on one line"),
        ("a:proposer1\nb:acceptor2,learner1", "f:1", "proposer1 has no acceptors"),
        ("a:proposer\nb:acceptor2", "f:1", "proposer1 has no acceptors"),
        ("a:acceptor1,proposer1\nb:proposer2", "f:2", "proposer2 has no acceptors"),
    ]);
}

#[test]
fn roles_may_be_absent_where_nobody_asks_for_them() {
    let hosts = parse("one\ntwo\nthree:3002\nfour:acceptor1");
    assert_eq!(hosts.peers.iter().filter(|peer| peer.roles.is_empty()).count(), 3);
}

#[test]
fn a_number_ties_acceptors_and_learners_to_one_proposer() {
    let hosts = with_roles(
        "a:proposer1,acceptor1\nb:acceptor1,acceptor2\nc:acceptor\nd:proposer7,learner1\n\
         e:learner,acceptor7\nf:learner7",
    );
    assert_eq!(hosts.proposers(), ids(&[1, 4]));
    assert_eq!(hosts.acceptors_of(PeerId(1)), ids(&[1, 2, 3]));
    assert_eq!(hosts.acceptors_of(PeerId(4)), ids(&[3, 5]));
    assert_eq!(hosts.learners_of(PeerId(1)), ids(&[4, 5]));
    assert_eq!(hosts.learners_of(PeerId(4)), ids(&[5, 6]));
    for nobody in [0, 2, 7, u16::MAX] {
        assert_eq!(hosts.acceptors_of(PeerId(nobody)), ids(&[]), "{nobody} is no proposer");
    }
}

#[test]
fn a_lone_proposer_without_a_number_is_proposer_1() {
    let hosts = with_roles("a:acceptor1\nb:proposer\nc:learner1\nd:acceptor2");
    assert_eq!(hosts.proposers(), ids(&[2]));
    assert_eq!(hosts.acceptors_of(PeerId(2)), ids(&[1]));
    assert_eq!(hosts.learners_of(PeerId(2)), ids(&[3]));
}

#[test]
fn an_id_counts_peers_and_not_lines() {
    let hosts = parse("#\na\n\nb");
    assert_eq!(hosts.get(PeerId(2)).map(|peer| peer.host.as_str()), Some("b"));
    assert_eq!(hosts.get(PeerId(0)), None);
    assert_eq!(hosts.get(PeerId(3)), None);
}

#[test]
fn the_fingerprint_is_the_one_that_earlier_versions_made() {
    let hosts = parse("peer1:proposer1\n[::1]:3001:acceptor1,learner\npeer3");
    // Computed by another program from the text "1 peer1 3000 proposer1\n2 ::1 3001 ...".
    assert_eq!(hosts.fingerprint(3000), "f82df57283aa1a62");
}

#[test]
fn the_fingerprint_overlooks_how_a_file_is_written() {
    let plain = parse("a:acceptor1,learner2\nb:3001:proposer1\n").fingerprint(3000);
    assert_eq!(plain.len(), 16);
    for same in [
        "# who\n\na:acceptor1,learner2\r\nb:3001:proposer1",
        " A : learner2 , acceptor1,learner2\nb:03001: proposer1\n",
        "a:3000:acceptor1,learner2\nB:3001:proposer1\n",
    ] {
        assert_eq!(parse(same).fingerprint(3000), plain, "{same:?}");
    }
}

#[test]
fn the_fingerprint_sees_every_difference_of_meaning() {
    let texts = [
        "a:acceptor1\nb:3001:proposer1",
        "b:3001:proposer1\na:acceptor1",
        "a:acceptor1\nb:3001:proposer1\nc:acceptor1",
        "c:acceptor1\nb:3001:proposer1",
        "a:3002:acceptor1\nb:3001:proposer1",
        "a:acceptor\nb:3001:proposer1",
        "a:acceptor2\nb:3001:proposer1",
        "a:learner1\nb:3001:proposer1",
        "a:acceptor1,learner1\nb:3001:proposer1",
        "a\nb:3001:proposer1",
        "a:acceptor1\nb:3001:proposer",
    ];
    let mut seen: BTreeSet<_> = texts.iter().map(|text| parse(text).fingerprint(3000)).collect();
    seen.insert(parse(texts[0]).fingerprint(3003)); // line a has no port of its own
    assert_eq!(seen.len(), texts.len() + 1);
}

#[test]
fn other_addresses_leave_ids_and_roles_alone() {
    let given = with_roles("# five\npeer1:proposer1\n\npeer2:9:acceptor,learner\npeer3:acceptor1");
    let addresses = [("127.0.0.1".into(), 3001), ("127.0.0.1".into(), 3002), ("::1".into(), 3001)];
    let local = given.with_addresses(&addresses);
    let text = "127.0.0.1:3001:proposer1\n127.0.0.1:3002:acceptor,learner\n[::1]:3001:acceptor1\n";
    assert_eq!(local.to_string(), text);
    assert_eq!(parse(text), local);
}

#[test]
#[should_panic(expected = "one address for each peer")]
fn too_few_addresses_are_a_bug() {
    let _ = parse("a\nb").with_addresses(&[("c".into(), 1)]);
}
