use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

/// What must survive being written and read again.
fn essence(hosts: &Hosts) -> Vec<(PeerId, &str, Option<u16>, &BTreeSet<Role>)> {
    hosts.peers.iter().map(|p| (p.id, p.host.as_str(), p.port, &p.roles)).collect()
}

/// Texts of the pieces that hostsfiles are made of, so that they come close to being right.
fn nearly_a_hostsfile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "B",
        "peer1",
        "127.0.0.1",
        "::1",
        "[",
        "]",
        "[::1]",
        ":",
        ":",
        ":",
        ",",
        "\n",
        "\n",
        "\r\n",
        " ",
        "#",
        "0",
        "1",
        "3001",
        "65536",
        "proposer",
        "acceptor",
        "acceptor1",
        "learner2",
        "\u{feff}",
        "\0",
        "\u{1b}",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

fn any_role() -> impl Strategy<Value = Role> {
    (prop::sample::select(&RoleKind::ALL[..]), any::<u32>())
        .prop_map(|(kind, number)| Role { kind, number: NonZeroU32::new(number % 5) })
}

/// Any file that can be written, with hosts that differ because they begin with the id.
fn any_hosts() -> impl Strategy<Value = Hosts> {
    let name = "[A-Za-z0-9._-]{0,12}".prop_map(|rest| (rest, None));
    let address = any::<u128>().prop_map(|rest| (String::new(), Some(rest)));
    let port = prop::option::of(1..=u16::MAX);
    let roles = prop::collection::btree_set(any_role(), 0..4);
    prop::collection::vec((prop_oneof![name, address], port, roles), 1..8).prop_map(|lines| {
        let peers = lines.into_iter().zip(1..).map(|(((rest, address), port, roles), id)| {
            let address = address.map(|rest| Ipv6Addr::from(u128::from(id) << 112 | rest >> 16));
            let host = address.map_or_else(|| format!("{id}{rest}"), |a| a.to_string());
            Host { id: PeerId(id), line: usize::from(id), host, port, roles }
        });
        Hosts { peers: peers.collect(), warnings: Vec::new(), name: "f".into() }
    })
}

fn check_any_text(text: &str) -> std::result::Result<(), TestCaseError> {
    match Hosts::parse(text, "f\n") {
        Ok(hosts) => {
            let again = parse(&hosts.to_string());
            prop_assert_eq!(essence(&again), essence(&hosts));
            prop_assert_eq!(again.fingerprint(3000), hosts.fingerprint(3000));
            let _ = hosts.require_roles();
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert!(!message.contains(char::is_control), "{:?}", message);
            prop_assert!(message.starts_with("f\u{fffd}:"), "{:?}", message);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_at_all_makes_parse_panic(text in any::<String>()) {
        check_any_text(&text)?;
    }

    #[test]
    fn no_text_close_to_a_hostsfile_makes_parse_panic(text in nearly_a_hostsfile()) {
        check_any_text(&text)?;
    }

    #[test]
    fn what_is_written_reads_back_the_same(hosts in any_hosts()) {
        prop_assert_eq!(parse(&hosts.to_string()), hosts);
    }
}
