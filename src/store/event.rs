//! The lines of `store`: the name in them, and how calls and their returns are written. A history
//! is nothing but such lines; the journal of a run has more.

use serde::Serialize;

use crate::trace::journal::Journalled;

/// The logs of `store`.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreLog;

impl Journalled for StoreLog {
    const NAME: &'static str = "store";
}

/// How the text of a call begins; JSON follows.
pub const CALL: &str = "call ";
/// How the text of a return begins; JSON follows, as the protocol's facts have it.
pub const RETURN: &str = "return ";

/// The text of a call. The id is no other call's of the same history.
pub fn called(id: u64, key: &impl Serialize, operation: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Called<'a, K, O> {
        id: u64,
        key: &'a K,
        operation: &'a O,
    }
    let called = Called { id, key, operation };
    CALL.to_owned() + &serde_json::to_string(&called).expect("strings and integers serialize")
}
