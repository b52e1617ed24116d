//! Executes plans and nothing else, under a lease, and proves what came of it.

mod batch;
pub mod brake;
pub mod call;
mod doors;
mod executor;
pub mod lease;
mod pace;
mod residue;
mod verify;

pub use executor::{Executor, RunningLanes};
pub use verify::{NotFrozen, Proof, Task, Verified, verify, verify_freeze};
