//! Commands that tell of the server.

use std::sync::atomic::Ordering;

use super::resp::Replies;
use super::shared::Server;

/// The version of Redis whose commands these are, for clients that ask.
const REDIS: &str = "7.4.0";
/// How many keys SCAN returns at once, unless told otherwise.
const SCAN_COUNT: usize = 10;
const MOST_SCANNED: usize = 1000;

/// Answers HELLO.
pub(super) fn hello(server: &Server, out: &mut Replies) {
    let three = out.is_three;
    out.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS)] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.number(if three { 3 } else { 2 });
    out.bulk(b"id");
    out.number(i64::from(server.me.0));
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
}

/// Answers everything that is not about registers or the connection.
pub(super) fn answer(server: &Server, name: &str, words: &[Vec<u8>], out: &mut Replies) {
    let first = words.first().map(|word| String::from_utf8_lossy(word).to_uppercase());
    match (name, first.as_deref()) {
        ("PING", None) => out.status("PONG"),
        ("PING" | "ECHO", Some(_)) if words.len() == 1 => out.bulk(&words[0]),
        ("SELECT", Some("0"))
        | ("CLIENT", Some("SETNAME" | "SETINFO" | "NO-EVICT" | "NO-TOUCH")) => out.status("OK"),
        ("SELECT", Some(_)) => out.error("ERR DB index is out of range"),
        ("COMMAND", Some("COUNT")) => out.number(0),
        ("COMMAND", _) => out.array(0),
        ("CLIENT", Some("ID")) => out.number(i64::from(server.me.0)),
        ("CLIENT", Some("GETNAME")) => out.null(),
        ("CONFIG", Some("GET")) => config(words, out),
        ("INFO", _) => out.bulk(info(server).as_bytes()),
        ("DBSIZE", None) => {
            let count = server.node.look(|peer| peer.registers().count());
            out.number(i64::try_from(count).unwrap_or(i64::MAX));
        }
        ("SCAN", Some(_)) => scan(server, words, out),
        _ => {
            let shown = name.to_lowercase().chars().take(128).collect::<String>();
            let words = words.iter().take(8).map(|word| {
                format!("'{}' ", String::from_utf8_lossy(&word[..word.len().min(128)]))
            });
            out.error(&format!(
                "ERR unknown command '{shown}', with args beginning with: {}",
                words.collect::<String>()
            ));
        }
    }
}

/// What tools ask for before they measure.
fn config(words: &[Vec<u8>], out: &mut Replies) {
    let known = [("save", ""), ("appendonly", "yes"), ("appendfsync", "always")];
    let wanted =
        |name: &str| words[1..].iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let found: Vec<_> = known.into_iter().filter(|(name, _)| wanted(name)).collect();
    out.map(found.len());
    for (name, value) in found {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
}

fn info(server: &Server) -> String {
    let (keys, near) = server.node.look(|peer| (peer.registers().count(), peer.connected_peers()));
    let uptime = server.begun.elapsed().as_secs();
    let clients = server.clients.load(Ordering::Relaxed);
    let calls = server.calls.made.load(Ordering::Relaxed);
    let (me, peers, port) = (server.me, server.peers, server.port);
    format!(
        "# Server\r\nredis_version:{REDIS}\r\nsynod_version:{}\r\ntcp_port:{port}\r\n\
         uptime_in_seconds:{uptime}\r\n\r\n# Clients\r\nconnected_clients:{clients}\r\n\r\n\
         # Stats\r\ntotal_commands_processed:{calls}\r\n\r\n# Synod\r\npeer:{}\r\npeers:{peers}\
         \r\nconnected_peers:{near}\r\n\r\n# Keyspace\r\ndb0:keys={keys},expires=0,avg_ttl=0\r\n",
        env!("CARGO_PKG_VERSION"),
        me.0
    )
}

/// Keys of this peer's own registers, in their order; the cursor is how many were passed. A key
/// that comes or goes meanwhile may be missed or told twice.
fn scan(server: &Server, words: &[Vec<u8>], out: &mut Replies) {
    let number = |word: &Vec<u8>| std::str::from_utf8(word).ok()?.parse::<usize>().ok();
    let Some(cursor) = number(&words[0]) else { return out.error("ERR invalid cursor") };
    let (mut count, mut prefix) = (SCAN_COUNT, Vec::new());
    for pair in words[1..].chunks(2) {
        match pair {
            [name, value] if name.eq_ignore_ascii_case(b"count") => match number(value) {
                Some(wanted) if wanted > 0 => count = wanted.min(MOST_SCANNED),
                _ => return out.error("ERR value is not an integer or out of range"),
            },
            // Of patterns those that are a beginning.
            [name, value] if name.eq_ignore_ascii_case(b"match") => {
                let Some((b'*', head)) = value.split_last() else {
                    return out.error("ERR MATCH takes a beginning and *");
                };
                prefix = head.to_vec();
            }
            _ => return out.error("ERR syntax error"),
        }
    }
    let (keys, is_more) = server.node.look(|peer| {
        let all = peer.registers().behind(None).filter(|(_, held)| held.register.value.is_some());
        let mut rest = all.skip(cursor).map(|(key, _)| key.clone());
        let keys: Vec<_> = rest.by_ref().take(count).collect();
        (keys, rest.next().is_some())
    });
    let next = if is_more { cursor + keys.len() } else { 0 };
    out.array(2);
    out.bulk(next.to_string().as_bytes());
    let keys: Vec<_> = keys.into_iter().filter(|key| key.starts_with(&prefix)).collect();
    out.array(keys.len());
    for key in keys {
        out.bulk(&key);
    }
}
