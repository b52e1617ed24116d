//! What is remembered of an account between two sweeps.

mod account;
mod denied;
mod history;
mod permissions;
mod regions;

pub use account::{
    AccountRecord, EarlierHalt, FreezeReason, Halt, MOST_EARLIER_HALTS, RELEASE_WAIT, State, Unseen, Warned,
};
pub use denied::denied_by_the_organization;
pub use history::{HISTORY_DAYS, HourPeak};
pub use permissions::{Denied, Permissions};
pub use regions::KnownRegions;
