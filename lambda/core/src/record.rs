//! What is remembered of an account between two sweeps.

mod account;
mod history;

pub use account::{AccountRecord, Halt, State, Unseen, Warned};
pub use history::{HISTORY_DAYS, HourPeak};
