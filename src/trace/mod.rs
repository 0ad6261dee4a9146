//! What a run printed: read, judged and drawn, whatever the protocol.
//!
//! Here is what the judges of all protocols share: what stands in front of a line ([`prefix`]), a
//! forgiving scanner of one object ([`object`]), one reader of located lines ([`reader`]) and one
//! merge of several inputs ([`inputs`]), and what a judge reports ([`findings`], [`report`]). A
//! protocol's judge is a [`LogJudge`](judge::LogJudge). [`journal`] is the form of a protocol that
//! has none of its own. [`diagram`] draws. What a line *means* is known in the protocols' folders.

pub mod counts;
pub mod diagram;
pub mod fault;
pub mod findings;
pub mod inputs;
pub mod journal;
pub mod judge;
pub mod object;
pub mod prefix;
pub mod reader;
pub mod report;

/// How many peers are kept apart; lines of further ones are counted and not judged.
pub const MOST_PEERS: usize = 256;
