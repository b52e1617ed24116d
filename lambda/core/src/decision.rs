//! The decision, and what follows from it for the record and for people.

mod contained;
mod decide;
mod exception;
mod freeze;
mod kept;
mod news;
mod permissions;
mod release;
mod shut_out;
mod transition;

pub use contained::{since_midnight, still_contained};
pub use decide::{Case, Cause, Decision};
pub use exception::{excepted, revoked};
pub use freeze::{freeze_outcome, frozen, thawed};
pub use kept::Kept;
pub use news::{End, News, tells_outcome};
pub use permissions::{after_simulation, asks_simulator, may_be_ours};
pub use release::{Release, released};
pub use shut_out::{Place, ShutOut, ShutOuts};
pub use transition::{after_sweep, contained, trip, with_whole_before};
