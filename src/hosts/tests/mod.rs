//! What the hostsfile's tests share: [`syntax`] has the text, [`file`] the bytes, [`meaning`] what
//! the lines say together, and [`generated`] texts and files that nobody thought of.

mod file;
mod generated;
mod meaning;
mod syntax;

use super::*;

fn parse(text: &str) -> Hosts {
    Hosts::parse(text, "f").unwrap_or_else(|error| panic!("{text:?} is refused: {error}"))
}

fn with_roles(text: &str) -> Hosts {
    let hosts = parse(text);
    hosts.require_roles().unwrap_or_else(|error| panic!("{text:?} is refused: {error}"));
    hosts
}

/// What the steps up to the roles say about this text.
fn refusal(text: &str) -> String {
    let result = Hosts::parse(text, "f").and_then(|hosts| hosts.require_roles());
    result.expect_err(&format!("{text:?} is accepted")).to_string()
}

/// Each text is refused with a message that begins and goes on like this.
fn assert_refused(table: &[(&str, &str, &str)]) {
    for (text, place, reason) in table {
        let message = refusal(text);
        assert!(message.starts_with(&format!("{place}: ")), "{text:?}: {message}");
        assert!(message.contains(reason), "{text:?}: {message}");
        assert!(message.contains("; "), "{text:?} is refused without advice: {message}");
        assert!(!message.contains(char::is_control), "{text:?}: {message:?}");
    }
}

fn summary(hosts: &Hosts) -> Vec<String> {
    hosts.peers.iter().map(|p| format!("{}@{}={p}", p.id.0, p.line)).collect()
}
