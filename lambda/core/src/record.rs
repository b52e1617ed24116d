//! What is remembered of an account between two sweeps.

mod account;
mod history;

pub use account::{AccountRecord, FreezeReason, Halt, State, Unseen, Warned};
pub use history::{HISTORY_DAYS, HourPeak};
