//! The locks of the runtime: those of the standard library, or those of `shuttle`, which tries
//! schedules one after the other. See `tests/schedules.rs`.

#[cfg(all(test, shuttle))]
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(all(test, shuttle)))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
