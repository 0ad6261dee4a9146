//! From a file or a text to [`Hosts`]: everything that can be wrong with the text alone.
//!
//! The text comes from a person or from any file that was named by mistake, so sizes are bounded
//! before memory is used, and a message shows what it found escaped and shortened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::net::Ipv6Addr;
use std::num::NonZeroU32;
use std::path::Path;

use super::{Host, Hosts, Role, RoleKind};
use crate::error::{Doing, Error, Result};
use crate::process::PeerId;
use crate::visible::clipped;

/// The most peers that a file may name; the line of one more is refused.
pub const MAX_PEERS: usize = 255;

/// The longest file that is read; of a longer one, this much and a byte.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The longest line, comments included; 255 roles on one line need half of it.
pub const MAX_LINE_BYTES: usize = 8 << 10;

/// How much of a text a message quotes.
const MAX_QUOTED_CHARS: usize = 40;

/// How much of a line that is refused is shown.
const MAX_SHOWN_CHARS: usize = 80;

impl Hosts {
    /// Reads a hostsfile.
    ///
    /// # Errors
    /// The file cannot be read, is a directory, too long or not UTF-8, or [`Hosts::parse`] refuses
    /// what it says.
    pub fn read(path: &Path) -> Result<Self> {
        let name = printable(&path.display().to_string());
        let doing = || format!("reading the hostsfile {name}");
        let file = File::open(path).doing(doing)?;
        if file.metadata().doing(doing)?.is_dir() {
            let why = format!("{name}: this is a directory; name the hostsfile itself");
            return Err(Error::Input(why));
        }
        let mut bytes = Vec::new();
        // The length that metadata gives is no bound: pipes and devices have none.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).doing(doing)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let why = format!(
                "{name}: longer than {MAX_FILE_BYTES} bytes; a hostsfile has one short line a peer"
            );
            return Err(Error::Input(why));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, &name),
            Err(error) => {
                let good = &bytes[..error.valid_up_to()];
                let line = good.split(|byte| *byte == b'\n').count();
                let why = format!("{name}:{line}: this is not UTF-8 text; save the file as UTF-8");
                Err(Error::Input(why))
            }
        }
    }

    /// Parses the text of a hostsfile; `name` is what messages call it.
    ///
    /// # Errors
    /// The first line that cannot be used, as `NAME:LINE: reason; what to do`.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let mut hosts = Self { peers: Vec::new(), warnings: Vec::new(), name: printable(name) };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line_text) in text.lines().enumerate() {
            let line = index + 1;
            if line_text.len() > MAX_LINE_BYTES {
                let why = format!("longer than {MAX_LINE_BYTES} bytes; write one peer a line");
                return Err(hosts.refusal(line, &why));
            }
            let line_text = line_text.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            let (line_text, odd) = straightened(line_text);
            let line_text = line_text.as_str();
            if let Some(odd) = odd {
                let shown = clipped(line_text, MAX_SHOWN_CHARS);
                hosts.warnings.push(format!("{}:{line}: {odd}; read as {shown}", hosts.name));
            }
            let (host, port, roles) = parse_line(line_text).map_err(|why| {
                let shown = clipped(line_text, MAX_SHOWN_CHARS);
                hosts.refusal(line, &format!("{why}; the line is: {shown}"))
            })?;
            let id = u16::try_from(hosts.peers.len() + 1).ok();
            let Some(id) = id.filter(|_| hosts.peers.len() < MAX_PEERS) else {
                let why = format!("more than {MAX_PEERS} peers; remove this line and those after");
                return Err(hosts.refusal(line, &why));
            };
            hosts.peers.push(Host { id: PeerId(id), line, host, port, roles });
        }
        if hosts.peers.is_empty() {
            let why = "the file names no peer; write one a line, as in peer1:acceptor1";
            return Err(hosts.refusal(1, why));
        }
        hosts.check_addresses(None)?;
        Ok(hosts)
    }
}

/// A refusal without its place.
type Parsed<T> = std::result::Result<T, String>;

/// The line with its roles in lower case and without a comma after the last one; and what was
/// odd, if anything was. Names of hosts stay as they are.
fn straightened(line: &str) -> (String, Option<&'static str>) {
    let Some((host, roles)) = line.rsplit_once(':') else { return (line.to_owned(), None) };
    let bare = roles.trim_end();
    let bare = bare.strip_suffix(',').filter(|rest| !rest.trim().is_empty()).unwrap_or(bare);
    let is_role = |role: &str| {
        let lower = role.trim().to_ascii_lowercase();
        RoleKind::ALL.iter().any(|kind| lower.starts_with(kind.name()))
    };
    if !bare.split(',').all(is_role) {
        return (line.to_owned(), None);
    }
    let odd = match (bare != roles.trim_end(), bare.bytes().any(|b| b.is_ascii_uppercase())) {
        (true, true) => "roles in capital letters and a comma after the last one",
        (true, false) => "a comma after the last role",
        (false, true) => "roles in capital letters",
        (false, false) => return (line.to_owned(), None),
    };
    (format!("{host}:{}", bare.to_ascii_lowercase()), Some(odd))
}

/// The host, the port and the roles of a line, which is trimmed and not empty.
fn parse_line(line: &str) -> Parsed<(String, Option<u16>, BTreeSet<Role>)> {
    let (host, rest) = split_host(line)?;
    let Some(rest) = rest else { return Ok((host, None, BTreeSet::new())) };
    if let Some((port, roles)) = rest.split_once(':') {
        if roles.contains(':') {
            return Err("too many colons; a line is host:roles or host:port:roles".into());
        }
        return Ok((host, Some(parse_port(port.trim())?), parse_roles(roles)?));
    }
    // One field behind the host is the port or the roles: no role begins like a number.
    let field = rest.trim();
    if field.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
        return Ok((host, Some(parse_port(field)?), BTreeSet::new()));
    }
    Ok((host, None, parse_roles(field)?))
}

/// The host, and what stands behind the colon after it, if there is one.
fn split_host(line: &str) -> Parsed<(String, Option<&str>)> {
    if let Some(inside) = line.strip_prefix('[') {
        let Some((address, rest)) = inside.split_once(']') else {
            return Err("a [ without its ]; write an address as in [::1]:3001:acceptor1".into());
        };
        let Ok(address) = address.trim().parse::<Ipv6Addr>() else {
            let found = quoted(address);
            return Err(format!("{found} is not an IPv6 address; brackets are for those only"));
        };
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Ok((address.to_string(), None));
        }
        let Some(rest) = rest.strip_prefix(':') else {
            let found = quoted(rest);
            return Err(format!("{found} after the ]; a colon comes there, as in [::1]:acceptor1"));
        };
        return Ok((address.to_string(), Some(rest)));
    }
    if begins_with_ipv6(line) {
        return Err("an IPv6 address without brackets; write it as in [::1]:3001:acceptor1".into());
    }
    let (host, rest) = line.split_once(':').map_or((line, None), |(host, rest)| (host, Some(rest)));
    let host = host.trim();
    if host.is_empty() {
        return Err("no host before the colon; a line is host:roles or host:port:roles".into());
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if let Some(odd) = host.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "host {} has {odd:?} in it; names are made of letters, digits, '.', '-' and '_'",
            quoted(host)
        ));
    }
    Ok((host.to_owned(), rest))
}

/// True if an IPv6 address ends at some colon or at the end of the line. Where it ends is not
/// said, since `::1:3001` is an address, too.
fn begins_with_ipv6(line: &str) -> bool {
    let mut ends = line.match_indices(':').map(|(at, _)| at).chain([line.len()]);
    ends.any(|at| line[..at].trim().parse::<Ipv6Addr>().is_ok())
}

fn parse_port(text: &str) -> Parsed<u16> {
    match parse_digits(text).and_then(|port| u16::try_from(port.get()).ok()) {
        Some(port) => Ok(port),
        None => Err(format!(
            "port {} is not a number from 1 to 65535; a line is host:port:roles, \
             with commas between roles",
            quoted(text)
        )),
    }
}

fn parse_roles(text: &str) -> Parsed<BTreeSet<Role>> {
    text.split(',').map(|role| parse_role(role.trim())).collect()
}

fn parse_role(text: &str) -> Parsed<Role> {
    if text.is_empty() {
        return Err("an empty role; write roles as in acceptor1,learner1".into());
    }
    let split = |kind: RoleKind| text.strip_prefix(kind.name()).map(|number| (kind, number));
    match RoleKind::ALL.into_iter().find_map(split) {
        Some((kind, "")) => Ok(Role { kind, number: None }),
        // What goes on with a letter (`acceptors`) is another word, not a bad number.
        Some((kind, number)) if !number.starts_with(char::is_alphabetic) => {
            let number = parse_digits(number).ok_or_else(|| {
                let (found, name) = (quoted(text), kind.name());
                format!(
                    "role {found} needs a number from 1 to {} or none; write it as in {name}1",
                    u32::MAX
                )
            })?;
            Ok(Role { kind, number: Some(number) })
        }
        _ => Err(format!(
            "unknown role {}; roles are proposerK, acceptorK and learnerK, \
             with K a positive integer, or without it",
            quoted(text)
        )),
    }
}

/// A positive number of digits alone: `parse` would also take a plus sign.
fn parse_digits(text: &str) -> Option<NonZeroU32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The text in quotes for a message: control characters escaped, and no more than fits a line.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A file's name for messages: it cannot move the cursor or break the line.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
