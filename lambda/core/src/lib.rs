//! What runawaytrain knows and how it judges: the model, the policy, the decision and the plan.
//!
//! Everything here is pure. There is no I/O, no clock, no async and no AWS type: time and observations are handed in,
//! verdicts and plans come out as data. That is what makes a halt testable by the ten thousand, and a drill the same
//! decision as the real thing.

pub mod containment;
pub mod contract;
pub mod decide;
pub mod failure;
pub mod history;
pub mod identity;
pub mod ids;
pub mod launchers;
pub mod mail;
pub mod mode;
pub mod money;
pub mod observation;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod price;
pub mod protected;
pub mod report;
pub mod spend;
pub mod state;
pub mod suspects;
pub mod text;
pub mod trust;
pub mod undo;
pub mod vcpus;
pub mod verdict;
