//! What a picture says of the whole run.

use super::{Known, PaxosDiagram, messages};
use crate::paxos::judge::dialect::Number;
use crate::trace::counts::plural;
use crate::trace::diagram::labels::span;
use crate::trace::diagram::{Alarm, Arrow, ArrowEnd};
use crate::visible::visible;

/// The rule that no two values are chosen.
const TWO_VALUES: &str = "one-value";

fn under(number: Option<Number>) -> String {
    number.map_or(String::new(), |number| format!(" under {number}"))
}

impl PaxosDiagram {
    /// What was chosen, and how long it took until everybody knew; true if a rule was broken.
    pub(super) fn title(&self, peers: usize, alarms: &[Alarm]) -> (String, bool) {
        if self.choices.len() > 1 {
            let choice = |(value, number): (&String, &Option<Number>)| {
                format!("{}{}", messages::value(value), under(*number))
            };
            let all: Vec<String> = self.choices.iter().map(choice).collect();
            return (format!("More than one value is chosen: {}", all.join(", ")), true);
        }
        let is_bad = alarms.iter().any(|alarm| !alarm.is_suspicion);
        let Some((value, number)) = self.choices.first_key_value() else {
            // Nobody may have lived to print what the votes have chosen.
            let title = match alarms.iter().find(|alarm| alarm.rule == TWO_VALUES) {
                Some(two) => format!("By the votes {}", visible(&two.sentence)),
                None => format!("Nothing is chosen in {}", plural(self.extent.total, "line")),
            };
            return (title, is_bad);
        };
        let knowing: Vec<&Known> =
            self.peers.values().filter(|peer| peer.chose.is_some()).collect();
        let last = knowing.iter().filter_map(|peer| peer.chose?.0).max();
        let after = match (last, self.first_sent_us) {
            (Some(last), Some(first)) if last >= first => format!(" after {}", span(last - first)),
            _ => String::new(),
        };
        let whom = match knowing.len() {
            all if all >= peers => "all".into(),
            some => format!("{some} of {peers}"),
        };
        let value = messages::value(value);
        (format!("{value} chosen{}, known to {whom}{after}", under(*number)), is_bad)
    }

    /// What is left out, `nowhere` lines of nobody and `cut` messages, and which flags would show
    /// more.
    pub(super) fn remarks(&self, nowhere: usize, cut: usize) -> (Vec<String>, Vec<String>) {
        let (mut remarks, mut advice) = self.extent.remarks();
        if self.suppressed > 0 {
            let suppressed = plural(self.suppressed, "event");
            remarks.push(format!(
                "{suppressed} left out that tell nothing new: new links, and notices of the choice \
                 to peers that know it."
            ));
            advice.push("--all draws what tells nothing new".into());
        }
        if self.roles.is_none() {
            remarks.push("Roles are inferred from the messages.".into());
            advice.push("--hosts FILE names the roles".into());
        }
        if self.peers.keys().any(|peer| self.is_silent(*peer)) {
            remarks.push(
                "What a proposer tells itself as its own acceptor is not printed: its promises and \
                 votes are drawn as they must be."
                    .into(),
            );
        }
        if self.lost > 0 {
            let lost = plural(self.lost, "line");
            remarks.push(format!(
                "{lost} of journals were lost: what is drawn as never received may have been."
            ));
        }
        if nowhere > 0 {
            let nowhere = plural(nowhere as u64, "line");
            remarks.push(format!("{nowhere} left out: they do not say which peer received."));
        }
        if cut > 0 {
            let cut = plural(cut as u64, "message");
            remarks.push(format!("{cut} cut in two: no order puts each receipt after its send."));
        }
        (remarks, advice)
    }
}

/// How much there is to see.
pub(super) fn summary(peers: usize, arrows: &[Arrow]) -> String {
    let count = |fits: fn(&Arrow) -> bool| arrows.iter().filter(|arrow| fits(arrow)).count();
    let mut parts = vec![plural(peers as u64, "peer"), plural(arrows.len() as u64, "message")];
    let lost = count(|arrow| arrow.end == ArrowEnd::Lost);
    let refused = count(|arrow| arrow.refused);
    if lost > 0 {
        parts.push(format!("{lost} never received"));
    }
    let in_flight = count(|arrow| arrow.end == ArrowEnd::InFlight);
    if in_flight > 0 {
        parts.push(format!("{in_flight} under way at the end"));
    }
    if refused > 0 {
        parts.push(plural(refused as u64, "refusal"));
    }
    parts.join(" · ")
}
