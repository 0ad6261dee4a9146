//! What has come of a run of Paxos.

use serde::Serialize;

use super::rules::PaxosRule;
use crate::trace::report::Summary;
use crate::visible::visible;

/// What is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choices {
    /// The values that are chosen, by what peers say or by the votes.
    pub chosen: Vec<String>,
}

/// The judgement on a run.
pub type Report = crate::trace::report::Report<Choices>;

impl Summary for Choices {
    type Rule = PaxosRule;
    const EXPECTED: PaxosRule = PaxosRule::ExpectedValue;
    const EVENTS: &'static str = "events";

    fn outcome(&self) -> String {
        match &self.chosen[..] {
            [] => "nothing is chosen".into(),
            [one] => format!("{} is chosen", visible(one)),
            more => {
                let more: Vec<String> = more.iter().map(|value| visible(value)).collect();
                format!("{} are chosen", more.join(" and "))
            }
        }
    }

    fn json(&self) -> impl Serialize {
        self
    }
}
