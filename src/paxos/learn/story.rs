//! A run in plain sentences, told from its journal.

use std::collections::{BTreeMap, BTreeSet};

use crate::paxos::event::{Action, Event, MessageType};

/// What is told of a run: a sentence for what each peer hears, and who holds what in the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    /// The sentences, and what each acceptor holds after it.
    told: Vec<(String, Holds)>,
}

/// What the acceptors hold.
type Holds = BTreeMap<u16, String>;

impl Story {
    /// The story of this journal.
    pub(super) fn of(journal: &str) -> Self {
        let events = journal.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
        let events: Vec<Event> = events.collect();
        let answers = events.iter().filter(|event| is_answer(event));
        let mut holds: Holds = answers.map(|event| (event.peer_id, "nothing".to_owned())).collect();
        let (mut story, mut started) = (Self::default(), BTreeSet::new());
        for event in events {
            let at = event.journal.at.unwrap_or(event.peer_id);
            if is_answer(&event) || is_start(&event) && holds.contains_key(&at) {
                holds.insert(at, vote(&event).unwrap_or_else(|| "nothing".into()));
            }
            let is_again = is_start(&event) && !started.insert(at);
            if let Some(sentence) = sentence(&event, is_again) {
                story.push(sentence, holds.clone());
            }
        }
        story
    }

    /// What a line of a journal says about a message, whichever end wrote it.
    pub(super) fn sentence(line: &str) -> Option<String> {
        let mut event: Event = serde_json::from_str(line).ok()?;
        if event.action == Action::Sent {
            event.action = Action::Received;
        }
        sentence(&event, false)
    }

    /// Adds a sentence. The same question to another peer goes into the sentence before.
    fn push(&mut self, sentence: String, holds: Holds) {
        if let Some((asks, question)) = sentence.split_once(':')
            && let Some((by, to)) = asks.split_once(" asks ")
            && let Some((last, _)) = self.told.last_mut()
            && last.starts_with(&format!("{by} asks "))
            && let Some(asked) = last.strip_suffix(&format!(":{question}"))
        {
            *last = format!("{asked} and {to}:{question}");
        } else {
            self.told.push((sentence, holds));
        }
    }

    /// The part up to the first sentence that has these words, and the rest.
    pub(super) fn parted(mut self, words: &str) -> (Self, Self) {
        let end = self.told.iter().position(|(sentence, _)| sentence.contains(words));
        let rest = self.told.split_off(end.map_or(self.told.len(), |end| end + 1));
        (self, Self { told: rest })
    }

    /// The sentences, a line each.
    pub(super) fn lines(&self) -> String {
        self.told.iter().flat_map(|(sentence, _)| ["    ", sentence, "\n"]).collect()
    }

    /// What each acceptor that ever answers holds in the end, in a line.
    pub(super) fn holds(&self) -> String {
        let held = self.told.last().map_or_else(Holds::new, |(_, holds)| holds.clone());
        let each: Vec<String> =
            held.iter().map(|(peer, vote)| format!("peer{peer} holds {vote}")).collect();
        each.join(", ")
    }
}

fn is_start(event: &Event) -> bool {
    event.action == Action::Started
}

/// True if an acceptor answers here.
fn is_answer(event: &Event) -> bool {
    let kind = event.message_type;
    event.action == Action::Sent
        && matches!(kind, Some(MessageType::PrepareAck | MessageType::AcceptAck))
}

/// What an acceptor has accepted, as an event of its own tells it.
fn vote(event: &Event) -> Option<String> {
    let (value, number) = (event.message_value.as_deref()?, event.journal.accepted_proposal?);
    Some(format!("{value} under {number}"))
}

/// What happened, if it is told: what is received tells both ends of a message.
fn sentence(event: &Event, is_again: bool) -> Option<String> {
    let (by, number) = (event.peer_id, event.proposal_num.unwrap_or_default());
    let value = event.message_value.as_deref().unwrap_or_default();
    if is_again {
        let remembers = vote(event).map(|vote| format!("promised {number}, accepted {vote}"));
        let remembers = remembers.unwrap_or_else(|| "nothing".into());
        return Some(format!("peer{by} crashes. It starts again and remembers: {remembers}"));
    }
    if event.action == Action::Chose {
        return Some(format!("peer{by} knows that {value} is chosen"));
    }
    if event.action != Action::Received {
        return None;
    }
    let to = event.journal.to.unwrap_or_default();
    let asked = event.journal.answers.unwrap_or_default();
    let refused = format!("peer{by} refuses {asked}, because it has promised {number}");
    Some(match event.message_type? {
        MessageType::Prepare => format!("peer{by} asks peer{to}: prepare({number})"),
        MessageType::Accept => format!("peer{by} asks peer{to}: accept({number}, {value})"),
        MessageType::PrepareAck | MessageType::AcceptAck if asked < number => refused,
        MessageType::PrepareAck => {
            let vote = vote(event).unwrap_or_else(|| "nothing".into());
            format!("peer{by} promises {number}; it has accepted {vote}")
        }
        MessageType::AcceptAck => format!("peer{by} accepts {value} under {number}"),
        MessageType::Chose | MessageType::Chosen => return None,
    })
}
