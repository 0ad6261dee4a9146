//! Threads and locks. The locks of the runtime are those of the standard library, or those of
//! `shuttle`, which tries schedules one after the other: see `tests/schedules.rs`.

use std::thread;

use crate::error::{Doing, Result};

#[cfg(all(test, shuttle))]
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(all(test, shuttle)))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

/// Every critical section is free of code that can panic on what comes from outside.
pub(super) const UNPOISONED: &str = "no thread panics while it holds the lock";
/// The stack of a thread. Only what is touched takes memory.
const STACK: usize = 256 * 1024;

/// Starts a thread.
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(body)
        .doing(|| "starting a thread".into())?;
    Ok(())
}
