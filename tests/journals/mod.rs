//! What the journals of one group prove by themselves, told without the judge of `synod check`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The lines of every peer, over all its incarnations.
pub(crate) type Journals = BTreeMap<u16, Vec<Value>>;

/// Reads one peer's journal.
pub(crate) fn read(path: &Path) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut lines = Vec::new();
    let mut torn = None;
    for line in text.lines() {
        match (serde_json::from_str::<Value>(line), torn.take()) {
            (Ok(event), None) => lines.push(event),
            // Half a line is what a kill in the middle of a write leaves, and only that.
            (Ok(event), Some(_)) if event["action"] == "started" => lines.push(event),
            (Err(error), None) => torn = Some(format!("{error}: {line}")),
            (_, Some(why)) => return Err(why),
        }
    }
    Ok(lines)
}

/// True if this line is of that message, sent or received.
pub(crate) fn is(line: &Value, action: &str, kind: &str) -> bool {
    line["action"] == action && line["message_type"] == kind
}

/// An acceptor's promise, as its own journal shows it, never goes down; not by a restart either.
fn promises_are_kept(id: u16, lines: &[Value]) -> Result<(), String> {
    let mut promised = 0;
    for line in lines {
        let shows = line["action"] == "started"
            || is(line, "sent", "prepare_ack")
            || is(line, "sent", "accept_ack") && line["answers"] == line["accepted_proposal"];
        if shows {
            let now = line["proposal_num"].as_u64().unwrap_or(0);
            if now < promised {
                return Err(format!("peer{id} promised {promised}, now {line}"));
            }
            promised = now;
        }
    }
    Ok(())
}

/// What an acceptor said that it accepted is what it finds after a restart, or something newer.
fn acceptances_are_kept(id: u16, lines: &[Value]) -> Result<(), String> {
    let mut accepted = (0, Value::Null);
    for line in lines {
        let shows = line["action"] == "started"
            || is(line, "sent", "prepare_ack")
            || is(line, "sent", "accept_ack");
        if !shows {
            continue;
        }
        let number = line["accepted_proposal"].as_u64().unwrap_or(0);
        // Without an acceptance the value of an ack is only an echo.
        let value = if number == 0 { Value::Null } else { line["message_value"].clone() };
        if number < accepted.0 || number == accepted.0 && value != accepted.1 {
            let (number, value) = accepted;
            return Err(format!("peer{id} accepted {value} under {number}, now {line}"));
        }
        accepted = (number, value);
    }
    Ok(())
}

/// A proposer never uses a number of an earlier attempt again.
fn numbers_rise(id: u16, lines: &[Value]) -> Result<(), String> {
    let (mut last, mut incarnations_last) = (0, 0);
    for line in lines {
        if line["action"] == "started" {
            incarnations_last = last;
            // A number that was durable but not sent yet may be higher than the last one sent.
            let found = line["last_proposal"].as_u64().unwrap_or(0);
            if found < last {
                return Err(format!("peer{id} used {last}, and finds {found} on its disk"));
            }
        } else if is(line, "sent", "prepare") {
            let number = line["proposal_num"].as_u64().unwrap_or(0);
            if number < last || number <= incarnations_last {
                return Err(format!("peer{id} uses {number} after {last}"));
            }
            last = number;
        }
    }
    Ok(())
}

/// Each number has one value in all journals; the numbers under which `majority` acceptors
/// accepted have one value together, and nobody names another as chosen. Returns that value.
fn one_value(journals: &Journals, majority: usize) -> Result<String, String> {
    let mut values: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    let mut votes: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for line in journals.values().flatten() {
        let number = |key: &str| line[key].as_u64();
        let value = line["message_value"].as_str();
        let kind = line["message_type"].as_str();
        let about = match kind {
            Some("accept" | "chose" | "chosen") => number("proposal_num"),
            Some("prepare_ack" | "accept_ack") => number("accepted_proposal"),
            _ => None,
        };
        let (Some(about), Some(value)) = (about, value) else { continue };
        values.entry(about).or_default().insert(value);
        if matches!(kind, Some("chose" | "chosen")) {
            named.insert(value);
        }
        if kind == Some("accept_ack")
            && number("accepted_proposal") == number("answers")
            && let Some(sender) = number("peer_id")
        {
            votes.entry(about).or_default().insert(sender);
        }
    }
    if let Some((number, values)) = values.iter().find(|(_, values)| values.len() > 1) {
        return Err(format!("number {number} has the values {values:?}"));
    }
    let chosen = votes.iter().filter(|(_, voters)| voters.len() >= majority);
    let chosen: BTreeSet<&str> = chosen.flat_map(|(number, _)| &values[number]).copied().collect();
    match chosen.iter().collect::<Vec<_>>()[..] {
        [value] if named.iter().all(|other| other == value) => Ok((*value).to_owned()),
        _ => Err(format!("majorities chose {chosen:?}, peers name {named:?}; votes {votes:?}")),
    }
}

/// No lost promise, no lost acceptance, no number used twice, no second value. Returns the value.
pub(crate) fn judge(journals: &Journals, majority: usize) -> Result<String, String> {
    for (id, lines) in journals {
        promises_are_kept(*id, lines)?;
        acceptances_are_kept(*id, lines)?;
        numbers_rise(*id, lines)?;
    }
    one_value(journals, majority)
}
