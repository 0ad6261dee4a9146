use super::*;

#[test]
fn each_form_of_a_line_is_understood() {
    let table = [
        ("peer1:acceptor1", "peer1", None, "acceptor1"),
        ("peer1:3001:acceptor1,learner2", "peer1", Some(3001), "acceptor1,learner2"),
        ("peer1", "peer1", None, ""),
        ("peer1:65535", "peer1", Some(65535), ""),
        ("[::1]:3001:acceptor", "::1", Some(3001), "acceptor"),
        ("[::1]:acceptor", "::1", None, "acceptor"),
        ("[::1]:1", "::1", Some(1), ""),
        ("[::1]", "::1", None, ""),
        ("[0:0:0:0:0:0:0:1]", "::1", None, ""),
        ("[::ffff:127.0.0.1]:7", "::ffff:127.0.0.1", Some(7), ""),
        ("10.0.0.1:proposer4294967295", "10.0.0.1", None, "proposer4294967295"),
        (
            " Peer_1.a-b : 3001 : learner , acceptor2,\tproposer1 ",
            "Peer_1.a-b",
            Some(3001),
            "proposer1,acceptor2,learner",
        ),
        ("[ ::1 ] : 3001 : acceptor1", "::1", Some(3001), "acceptor1"),
        ("peer1:acceptor1,acceptor1,acceptor01", "peer1", None, "acceptor1"),
        ("3001:acceptor1", "3001", None, "acceptor1"),
        ("acceptor1", "acceptor1", None, ""),
    ];
    for (text, host, port, roles) in table {
        let hosts = parse(text);
        let [peer] = &hosts.peers[..] else { panic!("{text:?} is not one peer: {hosts:?}") };
        assert_eq!((peer.host.as_str(), peer.port), (host, port), "{text:?}");
        assert_eq!(peer.roles_text(), roles, "{text:?}");
    }
}

#[test]
fn an_empty_line_is_no_peer() {
    assert_eq!(summary(&parse("\n\na\n \t \nb\n\n")), ["1@3=a", "2@5=b"]);
}

#[test]
fn a_comment_is_no_peer() {
    assert_eq!(summary(&parse("# x:y:z\na\n  #b\nc")), ["1@2=a", "2@4=c"]);
}

#[test]
fn the_ends_of_lines_and_a_byte_order_mark_do_not_matter() {
    let plain = parse("a:acceptor1\nb:3001\n");
    assert_eq!(parse("\u{feff}a:acceptor1\r\nb:3001\r\n"), plain);
    assert_eq!(parse("a:acceptor1\nb:3001"), plain);
    assert_eq!(summary(&parse("\u{feff}# comment\r\n\r\na\r\n")), ["1@3=a"]);
}

#[test]
fn what_is_no_line_of_a_hostsfile_is_refused() {
    assert_refused(&[
        ("", "f:1", "names no peer"),
        ("\n# only\n \n", "f:1", "names no peer"),
        ("a:acceptor1\nb:elector1", "f:2", "unknown role \"elector1\"; roles are proposerK"),
        ("a:acceptors", "f:1", "unknown role \"acceptors\""),
        ("a:acceptor0", "f:1", "\"acceptor0\" needs a number"),
        ("a:learner-1", "f:1", "\"learner-1\" needs a number"),
        ("a:learner+1", "f:1", "\"learner+1\" needs a number"),
        ("a:proposer1.5", "f:1", "\"proposer1.5\" needs a number"),
        ("a:acceptor 1", "f:1", "\"acceptor 1\" needs a number"),
        ("a:acceptor4294967296", "f:1", "needs a number from 1 to 4294967295"),
        ("a:acceptor1,,", "f:1", "empty role"),
        ("a:,acceptor1", "f:1", "empty role"),
        ("a:acceptor1,,learner1", "f:1", "empty role"),
        ("a:", "f:1", "empty role"),
        ("a:3001:", "f:1", "empty role"),
        ("#\n\na:0:acceptor1", "f:3", "port \"0\" is not a number from 1 to 65535"),
        ("a:0", "f:1", "port \"0\""),
        ("a:65536:acceptor1", "f:1", "port \"65536\""),
        ("a:65536", "f:1", "port \"65536\""),
        ("a:-1", "f:1", "port \"-1\""),
        ("a:+3001:acceptor1", "f:1", "port \"+3001\""),
        ("a:30x1", "f:1", "port \"30x1\""),
        ("a::acceptor1", "f:1", "port \"\""),
        ("a:acceptor1:learner1", "f:1", "port \"acceptor1\""),
        ("a:1:acceptor1:learner1", "f:1", "too many colons"),
        (":acceptor1", "f:1", "no host"),
        (" : 3001 : acceptor1", "f:1", "no host"),
        ("a b:acceptor1", "f:1", "host \"a b\" has ' '"),
        ("a\u{a0}b:acceptor1", "f:1", "has '\\u{a0}'"),
        ("a\u{1b}[2J:acceptor1", "f:1", "host \"a\\u{1b}[2J\" has '\\u{1b}'"),
        ("a\0:acceptor1", "f:1", "has '\\0'"),
        ("a\rb:acceptor1", "f:1", "has '\\r'"),
        ("a,b:acceptor1", "f:1", "has ','"),
        ("a:acc\u{7}", "f:1", "unknown role \"acc\\u{7}\""),
        ("a:3\u{7}", "f:1", "port \"3\\u{7}\""),
        ("a\n\u{feff}b", "f:2", "has '\\u{feff}'"),
    ]);
}

#[test]
fn a_line_that_is_refused_is_shown() {
    let shown = |text: &str| refusal(text).rsplit_once("; the line is: ").map(|it| it.1.to_owned());
    assert_eq!(shown("a:acceptor1\n b:elector1 \r\n").as_deref(), Some("b:elector1"));
    assert_eq!(shown("b:elector1\u{1b}[2J").as_deref(), Some("b:elector1\\u{1b}[2J"));
    let long = shown(&format!("a:{}", "x".repeat(4000))).expect("is shown");
    assert_eq!((long.chars().count(), long.ends_with('…')), (81, true));
}

#[test]
fn an_ipv6_address_is_asked_to_wear_brackets() {
    assert_refused(&[
        ("::1", "f:1", "without brackets; write it as in [::1]:3001:acceptor1"),
        ("::1:acceptor1", "f:1", "without brackets"),
        ("::1:3001:acceptor1", "f:1", "without brackets"),
        ("fe80::1 : acceptor1", "f:1", "without brackets"),
        ("1:2:3:4:5:6:7:8:3001:acceptor1", "f:1", "without brackets"),
        ("[::1:acceptor1", "f:1", "a [ without its ]"),
        ("[]:acceptor1", "f:1", "\"\" is not an IPv6 address"),
        ("[peer1]:acceptor1", "f:1", "\"peer1\" is not an IPv6 address"),
        ("[127.0.0.1]:acceptor1", "f:1", "\"127.0.0.1\" is not an IPv6 address"),
        ("[fe80::1%eth0]:acceptor1", "f:1", "not an IPv6 address"),
        ("[::1]3001:acceptor1", "f:1", "\"3001:acceptor1\" after the ]"),
        ("[::1]:", "f:1", "empty role"),
    ]);
}

#[test]
fn sizes_are_bounded() {
    let peers = |count| {
        let lines: Vec<_> = (1..=count).map(|i| format!("p{i}:acceptor\n")).collect();
        lines.concat()
    };
    assert_eq!(parse(&peers(MAX_PEERS)).peers.len(), MAX_PEERS);
    let too_many = peers(MAX_PEERS + 1);
    let full = format!("#{}\na:acceptor1", "x".repeat(MAX_LINE_BYTES - 1));
    let too_long = format!("#{}\na:acceptor1", "x".repeat(MAX_LINE_BYTES));
    parse(&full);
    assert_refused(&[
        (&too_many, "f:256", "more than 255 peers"),
        (&too_long, "f:1", "longer than 8192 bytes"),
    ]);
    let wordy = refusal(&format!("a:{}", "é".repeat(4000)));
    assert!(wordy.len() < 400, "a message quotes a piece only: {wordy}");
}

#[test]
fn capital_roles_and_a_last_comma_are_read_and_told() {
    let text = "a:Proposer1\nb:3001:ACCEPTOR1, Learner1 ,\nC:acceptor1,\nd:acceptor1\n";
    let hosts = Hosts::parse(text, "f").expect("all of it can be read");
    let plain = "a:proposer1\nb:3001:acceptor1,learner1\nC:acceptor1\nd:acceptor1\n";
    assert_eq!(hosts.peers, Hosts::parse(plain, "f").expect("is plain").peers);
    assert_eq!(
        hosts.warnings,
        [
            "f:1: roles in capital letters; read as a:proposer1",
            "f:2: roles in capital letters and a comma after the last one; read as \
             b:3001:acceptor1, learner1 ",
            "f:3: a comma after the last role; read as C:acceptor1",
        ]
    );
    for refused in ["a:acceptor1,,", "a:,", "a:acceptor1,JUDGE,", "a:Acceptor1,,learner1"] {
        assert!(Hosts::parse(refused, "f").is_err(), "{refused}");
    }
}
