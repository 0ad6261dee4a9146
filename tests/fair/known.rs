//! Logs that the judge once took for what they are not, one of each class, in `logs/`; in `open/`
//! those that it still does.
//!
//! The first line of such a file says what the log is: `right`, or `wrong` and proves it; behind
//! a colon, whatever helps. A line `hosts` has the roles as a hostsfile would tell them: the number
//! of peers, and for each proposer its acceptors and its learners. Each input follows a line
//! `--- NAME`, with `, cut` behind the name if its last line has no end. Lines of `***` are what
//! the judge said. The tables of these tests print their examples like this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use synod::paxos::judge::KnownRoles;

use super::cuts::Files;

/// A log of this folder.
pub(crate) struct Known {
    pub(crate) is_right: bool,
    pub(crate) roles: Option<KnownRoles>,
    pub(crate) files: Files,
}

/// Logs that are judged wrongly, the shortest of each class, with their lengths.
pub(crate) type Examples = BTreeMap<String, (usize, String)>;

/// Prints the shortest ones, and keeps them if that is asked for.
pub(crate) fn examples(all: &Examples) -> String {
    let folder = std::env::var_os("KEEP").map(PathBuf::from);
    let count = usize::try_from(number("EXAMPLES", 3)).expect("a small number");
    let mut shortest: Vec<_> = all.iter().collect();
    shortest.sort_by_key(|(_, (length, _))| *length);
    let mut text = String::new();
    for (class, (length, log)) in shortest.into_iter().take(count) {
        writeln!(text, "\n=== {class}: {length} lines\n{log}").expect("a String");
        if let Some(folder) = &folder {
            let name: Vec<&str> = class.split(|c: char| !c.is_alphanumeric()).collect();
            fs::create_dir_all(folder).expect("a folder");
            fs::write(folder.join(name.join("-") + ".txt"), log).expect("a file");
        }
    }
    text
}

/// The number in a variable of the environment.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The inputs, each behind its name.
pub(crate) fn in_text(files: &Files) -> String {
    let mut text = String::new();
    for (name, file) in files {
        let cut = if file.is_empty() || file.ends_with('\n') { "" } else { ", cut" };
        writeln!(text, "--- {name}{cut}\n{}", file.trim_end_matches('\n')).expect("a String");
    }
    text
}

/// The roles in a line.
pub(crate) fn hosts(roles: &KnownRoles) -> String {
    let list =
        |peers: &BTreeSet<u16>| peers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let mut text = format!("hosts {}", roles.peers);
    for (proposer, acceptors) in &roles.acceptors {
        let learners = roles.learners.get(proposer).map(list).unwrap_or_default();
        write!(text, " {proposer}:{}:{learners}", list(acceptors)).expect("a String");
    }
    text + "\n"
}

impl Known {
    pub(crate) fn read(text: &str) -> Self {
        let is_right = text.starts_with("right");
        assert!(is_right || text.starts_with("wrong"), "{text}");
        let (mut roles, mut files) = (None, Files::new());
        let mut is_cut = false;
        for line in text.lines().skip(1) {
            if let Some(line) = line.strip_prefix("hosts ") {
                roles = Some(roles_of(line));
            } else if let Some(name) = line.strip_prefix("--- ") {
                end(&mut files, is_cut);
                is_cut = name.ends_with(", cut");
                files.push((name.trim_end_matches(", cut").into(), String::new()));
            } else if let Some((_, file)) = files.last_mut().filter(|_| !line.starts_with("*** ")) {
                file.push_str(line);
                file.push('\n');
            }
        }
        end(&mut files, is_cut);
        Self { is_right, roles, files }
    }
}

/// An input is complete.
fn end(files: &mut Files, is_cut: bool) {
    if let Some((_, file)) = files.last_mut().filter(|_| is_cut) {
        file.pop();
    }
}

fn roles_of(line: &str) -> KnownRoles {
    let mut words = line.split(' ');
    let mut roles = KnownRoles {
        peers: words.next().and_then(|word| word.parse().ok()).expect("how many peers"),
        ..KnownRoles::default()
    };
    for word in words {
        let mut parts = word.split(':').map(|part| {
            part.split(',').filter_map(|id| id.parse().ok()).collect::<BTreeSet<u16>>()
        });
        let proposer = parts.next().and_then(|ids| ids.first().copied()).expect("a proposer");
        roles.acceptors.insert(proposer, parts.next().expect("acceptors"));
        roles.learners.insert(proposer, parts.next().expect("learners"));
    }
    roles
}
