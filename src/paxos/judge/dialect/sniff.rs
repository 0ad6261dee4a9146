//! A look at the head of an input: whose is it, and whom does `peer_id` mean?

use std::collections::BTreeSet;

use super::entry::Entry;
use crate::paxos::event::{Action, MessageType};
use crate::trace::prefix::{Names, peer_named};

/// What the lines at the head of an input have in common.
#[derive(Clone, Debug, Default)]
pub struct Sniff {
    /// Who sent or chose something.
    speakers: BTreeSet<u16>,
    /// Who asked, and who answered.
    proposers: BTreeSet<u16>,
    acceptors: BTreeSet<u16>,
    /// The `peer_id`s of received questions and of received answers.
    asked_by: BTreeSet<u16>,
    answered_by: BTreeSet<u16>,
    /// Received lines whose `peer_id` is, and is not, the peer known to print them.
    printers: usize,
    senders: usize,
    /// Lines that say themselves whose they are.
    named: usize,
    unnamed: usize,
}

/// What follows from a sniff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conclusion {
    /// The one peer that printed the whole input.
    pub(super) owner: Option<u16>,
    /// True if `peer_id` is the printer's, on received lines too.
    pub(super) means_printer: bool,
}

/// More ids than this in one input are noise.
const MOST_IDS: usize = 1024;

impl Sniff {
    /// Takes a line; `printer` is the peer whose name stands in front of it.
    pub(super) fn add(&mut self, entry: &Entry<'_>, printer: Option<u16>) {
        if entry.is_journal {
            self.named += 1;
            return;
        }
        let tally = if printer.is_some() { &mut self.named } else { &mut self.unnamed };
        *tally += 1;
        if self.speakers.len() + self.asked_by.len() + self.answered_by.len() > MOST_IDS {
            return;
        }
        let id = entry.peer_id;
        let question =
            matches!(entry.message_type, Some(MessageType::Prepare | MessageType::Accept));
        match entry.action {
            Action::Received => {
                match printer {
                    Some(printer) if printer == id => self.printers += 1,
                    Some(_) => self.senders += 1,
                    None => {}
                }
                let ids = if question { &mut self.asked_by } else { &mut self.answered_by };
                ids.insert(id);
            }
            Action::Sent => {
                self.speakers.insert(id);
                let ids = if question { &mut self.proposers } else { &mut self.acceptors };
                ids.insert(id);
            }
            Action::Chose => {
                self.speakers.insert(id);
            }
            Action::Started | Action::Connected | Action::Noted | Action::Lost => {}
        }
    }

    /// What follows, given the name of the file, which may name a peer.
    pub(super) fn conclude(&self, input: &str, names: &Names) -> Conclusion {
        let mut heard = self.asked_by.union(&self.answered_by);
        let lone = match (self.speakers.len(), self.speakers.first()) {
            (1, Some(lone)) => Some(*lone),
            _ => None,
        };
        let means_printer = if self.printers + self.senders > 0 {
            self.printers > self.senders
        } else if let Some(lone) = lone {
            let first = heard.next();
            first == Some(&lone) && heard.next().is_none()
        } else {
            // Only a proposer asks and only an acceptor answers: the other way round, `peer_id`
            // is not the sender's.
            let count = |ids: &BTreeSet<u16>, these: &BTreeSet<u16>, not: &BTreeSet<u16>| {
                ids.iter().filter(|id| these.contains(id) && !not.contains(id)).count()
            };
            let printer = count(&self.asked_by, &self.acceptors, &self.proposers)
                + count(&self.answered_by, &self.proposers, &self.acceptors);
            let sender = count(&self.asked_by, &self.proposers, &self.acceptors)
                + count(&self.answered_by, &self.acceptors, &self.proposers);
            printer > sender
        };
        // Among named lines an unnamed one is nobody's.
        let one_voice = self.unnamed > 0 && self.named == 0;
        let owner = match lone {
            Some(lone) => Some(lone),
            None if self.speakers.is_empty() => {
                let stem = input.rsplit(['/', '\\']).next().unwrap_or(input);
                peer_named(stem.split('.').next().unwrap_or(stem), names)
            }
            None => None,
        };
        Conclusion { owner: owner.filter(|_| one_voice), means_printer }
    }
}

impl Conclusion {
    pub(super) fn in_words(self, name: &str) -> Vec<String> {
        let owner = self.owner.map(|owner| {
            format!("{name}: taken for the lines of peer{owner}, who alone speaks in it")
        });
        let means_printer = self.means_printer.then(|| {
            format!(
                "{name}: peer_id is taken for the peer that prints, also where it receives, so \
                 the senders of what is received are not known"
            )
        });
        owner.into_iter().chain(means_printer).collect()
    }
}
