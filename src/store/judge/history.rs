//! Calls and returns, as lines state them. Bytes stay as JSON has them: they are only compared.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rules::StoreRule;
use crate::store::event::{CALL, RETURN};
use crate::trace::findings::Witness;

/// How much of a duration a clock that runs too fast may take for the whole, in parts of a
/// hundred.
const LEAST_PER_CENT: u64 = 85;

/// A condition of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Only {
    #[default]
    Always,
    Absent,
    Present,
    Version(u64),
    Equal(String),
    Different(String),
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    Read,
    Set {
        value: String,
        #[serde(default)]
        only: Only,
        #[serde(default)]
        lifetime: serde_json::Value,
    },
    Delete {
        #[serde(default)]
        only: Only,
    },
    Append(String),
    Add(i64),
    Live(Option<u64>),
    All(Option<u64>, Vec<serde_json::Value>),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Came {
    Value(Option<String>, serde_json::Value),
    Done(Option<String>),
    NotDone(Option<String>),
    Number(i64),
    Length(u64),
    Invalid(String),
    All(Vec<serde_json::Value>),
    Unknown,
    Unavailable,
    Busy,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Told {
    pub(super) version: u64,
    pub(super) outcome: Came,
}

/// A call and its return.
///
/// Places are times, doubled: of the same microsecond calls come first, so that what may have been
/// at the same time is taken to have been. The order of lines says less: threads and files compete.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) asked: Asked,
    pub(super) begun: u64,
    /// The last place of all, if it has not returned or nobody knows what came of it.
    pub(super) ended: u64,
    /// None: it may have been done, or may be done later.
    pub(super) told: Option<Told>,
    pub(super) lines: Vec<Witness>,
}

/// A history, by keys.
#[derive(Default)]
pub(super) struct History {
    pub(super) keys: BTreeMap<String, Vec<Call>>,
    open: BTreeMap<u64, (String, usize)>,
    time_us: u64,
    pub(super) calls: u64,
    pub(super) returns: u64,
    pub(super) unknown: u64,
}

#[derive(Deserialize)]
struct Called {
    id: u64,
    key: String,
    operation: Asked,
}

#[derive(Deserialize)]
struct Returned {
    id: u64,
    reply: Told,
}

impl History {
    /// Takes a line's text; false if it is none of a history.
    ///
    /// # Errors
    /// It begins like one, and is none.
    pub(super) fn take(&mut self, text: &str, at_us: u64, line: Witness) -> Result<bool, String> {
        self.time_us = at_us;
        if let Some(json) = text.strip_prefix(CALL) {
            let called = serde_json::from_str(json).map_err(|why| why.to_string())?;
            self.called(called, line)?;
        } else if let Some(json) = text.strip_prefix(RETURN) {
            let returned = serde_json::from_str(json).map_err(|why| why.to_string())?;
            self.returned(returned, line)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn called(&mut self, called: Called, line: Witness) -> Result<(), String> {
        let Called { id, key, operation: asked } = called;
        let calls = self.keys.entry(key.clone()).or_default();
        if self.open.insert(id, (key, calls.len())).is_some() {
            return Err(format!("call {id} was made before"));
        }
        self.calls += 1;
        let (begun, lines) = (self.time_us.saturating_mul(2), vec![line]);
        calls.push(Call { id, asked, begun, ended: u64::MAX, told: None, lines });
        Ok(())
    }

    fn returned(&mut self, returned: Returned, line: Witness) -> Result<(), String> {
        let Returned { id, reply } = returned;
        let Some((key, at)) = self.open.remove(&id) else {
            return Err(format!("call {id} returns and is not open"));
        };
        self.returns += 1;
        let Some(call) = self.keys.get_mut(&key).and_then(|calls| calls.get_mut(at)) else {
            return Ok(());
        };
        call.lines.push(line);
        if reply.outcome == Came::Unknown {
            self.unknown += 1;
            return Ok(());
        }
        (call.ended, call.told) = (self.time_us.saturating_mul(2) | 1, Some(reply));
        Ok(())
    }
}

impl Call {
    /// True if it may have changed something, and nobody knows; several at once tell too little.
    pub(super) fn is_loose(&self) -> bool {
        let is_open = self.told.is_none() && self.asked != Asked::Read;
        is_open || matches!(self.asked, Asked::All(..))
    }

    /// The version that it has made.
    pub(super) fn made(&self) -> Option<u64> {
        let told = self.told.as_ref()?;
        let is_made = match (&self.asked, &told.outcome) {
            (Asked::Read | Asked::All(..), _) => false,
            (_, Came::Done(_) | Came::Number(_) | Came::Length(_)) => true,
            _ => false,
        };
        is_made.then_some(told.version)
    }

    /// What it has seen and not changed: the version, 0 where there is no value.
    pub(super) fn seen(&self) -> Option<u64> {
        let told = self.told.as_ref()?;
        let is_seen = match told.outcome {
            Came::Value(..) | Came::NotDone(_) | Came::Invalid(_) => true,
            // Several at once: the last version, which may be their own.
            Came::All(_) => told.version > 0,
            _ => false,
        };
        is_seen.then_some(told.version)
    }

    /// The value that it has seen there, if it tells.
    pub(super) fn seen_value(&self) -> Option<&str> {
        match &self.told.as_ref()?.outcome {
            Came::Value(value, _) | Came::NotDone(value) => value.as_deref(),
            _ => None,
        }
    }

    /// From which place on the register that it makes may have expired.
    pub(super) fn expires(&self) -> Option<u64> {
        let ms = match &self.asked {
            Asked::Set { lifetime, .. } => lifetime.get("milliseconds")?.as_u64()?,
            Asked::Live(ms) => (*ms)?,
            // Nobody looks into these.
            Asked::All(..) => 0,
            _ => return None,
        };
        Some(self.begun.saturating_add(ms.saturating_mul(2 * 10 * LEAST_PER_CENT)))
    }

    /// What is judged of it.
    pub(super) fn rules(&self) -> impl Iterator<Item = StoreRule> + use<> {
        let seen = self.seen();
        let is_conditional = *self.only() != Only::Always && self.told.is_some();
        [
            (StoreRule::Distinct, self.made().is_some()),
            (StoreRule::Order, self.made().or(seen).is_some()),
            (StoreRule::Value, self.seen_value().is_some()),
            (StoreRule::Absence, seen == Some(0)),
            (StoreRule::Compared, is_conditional),
        ]
        .into_iter()
        .filter_map(|(rule, is_judged)| is_judged.then_some(rule))
    }

    /// The condition of a change.
    pub(super) fn only(&self) -> &Only {
        match &self.asked {
            Asked::Set { only, .. } | Asked::Delete { only } => only,
            _ => &Only::Always,
        }
    }
}
