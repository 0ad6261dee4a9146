//! HTTP on the same port: one request for each connection, for curl and for probes.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::commands::trouble;
use super::resp::Words;
use super::shared::Server;
use crate::paxos::quorum::majority;
use crate::store::bytes::Bytes;
use crate::store::operation::{Answer, Condition, Lifetime, MAX_KEY, MAX_VALUE, Reply, Request};

/// How long the rest of a request may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest head, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// True if this line begins a request.
pub(super) fn is_request(words: &Words) -> bool {
    words.len() == 3 && words[2].starts_with(b"HTTP/1.")
}

/// A response that ends its connection.
pub(super) fn response(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        504 => "Gateway Timeout",
        _ => "Service Unavailable",
    };
    let mut text = format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n");
    if status != 204 {
        let _ = write!(text, "Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

fn text(status: u16, text: &str) -> Vec<u8> {
    response(status, "text/plain", format!("{text}\n").as_bytes())
}

/// Reads the rest of a request, whose first bytes behind its first line are `rest`, and answers.
pub(super) fn answer(
    server: &Server,
    request: &Words,
    mut rest: Vec<u8>,
    stream: &mut std::net::TcpStream,
    make: impl FnOnce(Vec<(Bytes, Request)>) -> Vec<Reply>,
) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    // A head without any field ends with its first line.
    let head = loop {
        let from = rest.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let end = if rest.starts_with(b"\r\n") { Some(2) } else { from };
        if let Some(end) = end {
            break end;
        }
        if rest.len() > MAX_HEAD || !more(stream, &mut rest)? {
            return Ok(text(400, "the head of the request does not end"));
        }
    };
    let mut body = rest.split_off(head);
    let length = String::from_utf8_lossy(&rest).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    let length = length.unwrap_or(0);
    if length > MAX_VALUE {
        return Ok(text(413, "the value is too long"));
    }
    while body.len() < length {
        if !more(stream, &mut body)? {
            return Ok(text(400, "the body of the request does not end"));
        }
    }
    body.truncate(length);
    let path = String::from_utf8_lossy(&request[1]).into_owned();
    Ok(match (request[0].as_slice(), path.as_str()) {
        (b"GET", "/health") => health(server),
        (b"GET", "/metrics") => response(200, "text/plain; version=0.0.4", &metrics(server)),
        (method, path) => match path.strip_prefix("/kv/").map(unescaped) {
            Some(Some(key)) if !key.is_empty() && key.len() <= MAX_KEY => {
                register(method, key.into(), body, make)
            }
            Some(_) => text(400, "the key is empty, too long, or not escaped as it should be"),
            None => text(404, "there is /health, /metrics and /kv/KEY"),
        },
    })
}

fn more(stream: &mut impl Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let start = into.len();
    into.resize(start + 4096, 0);
    let count = stream.read(&mut into[start..])?;
    into.truncate(start + count);
    Ok(count > 0)
}

/// `%41` is `A`.
fn unescaped(path: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut bytes, mut rest) = (Vec::new(), path.bytes());
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        };
        bytes.push(byte);
    }
    Some(bytes)
}

fn register(
    method: &[u8],
    key: Bytes,
    body: Vec<u8>,
    make: impl FnOnce(Vec<(Bytes, Request)>) -> Vec<Reply>,
) -> Vec<u8> {
    let only = Condition::Always;
    let operation = match method {
        b"GET" => Request::Read,
        b"PUT" => {
            let lifetime = Lifetime::Unlimited;
            Request::Set { value: body.into(), only, lifetime, tells: false }
        }
        b"DELETE" => Request::Delete { only, tells: false },
        _ => return text(405, "GET, PUT or DELETE"),
    };
    let Some(Reply { outcome, .. }) = make(vec![(key, operation)]).into_iter().next() else {
        return text(503, "no reply");
    };
    match (&outcome, trouble(&outcome)) {
        (Answer::Unknown, Some(error)) => text(504, error),
        (_, Some(error)) => text(503, error),
        (Answer::Value(Some(value), _), _) => response(200, "application/octet-stream", value),
        (Answer::Value(None, _) | Answer::NotDone(_), _) => text(404, "there is no value"),
        _ => response(204, "", b""),
    }
}

fn health(server: &Server) -> Vec<u8> {
    let (near, is_full) = server.node.look(|peer| (peer.connected_peers(), peer.serves()));
    let is_well = is_full && near >= majority(server.peers);
    let what = format!("{near} of {} peers are connected", server.peers);
    text(if is_well { 200 } else { 503 }, &what)
}

fn metrics(server: &Server) -> Vec<u8> {
    let (keys, deleted, near) = server.node.look(|peer| {
        let registers = peer.registers();
        (registers.count(), registers.deleted().len(), peer.connected_peers())
    });
    let calls = usize::try_from(server.calls.made.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let clients = server.clients.load(Ordering::Relaxed);
    let rows = [
        ("synod_store_keys", "gauge", "Keys with a value that this peer holds.", keys),
        ("synod_store_deleted", "gauge", "Deleted keys that are not dropped yet.", deleted),
        ("synod_store_connected_peers", "gauge", "Peers that answer, this one included.", near),
        ("synod_store_clients", "gauge", "Connected clients.", clients),
        ("synod_store_calls_total", "counter", "Operations of clients that were answered.", calls),
    ];
    let row = |(name, kind, help, value): (&str, &str, &str, usize)| {
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
    };
    rows.map(row).concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_path_is_unescaped_and_never_half() {
        assert_eq!(unescaped("a%20b/c").as_deref(), Some(&b"a b/c"[..]));
        for bad in ["%", "%4", "%zz", "%+1"] {
            assert_eq!(unescaped(bad), None, "{bad}");
        }
    }
}
