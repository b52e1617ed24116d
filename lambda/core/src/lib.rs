//! What runawaytrain knows and how it judges: the model, the policy, the decision and the plan.
//!
//! Everything here is pure. There is no I/O, no clock, no async and no AWS type: time and observations are handed in,
//! verdicts and plans come out as data. That is what makes a halt testable by the ten thousand, and a drill the same
//! decision as the real thing.
//!
//! The modules are listed in the way of the data. Each uses only those above it; a test holds them to that.

pub mod vocabulary;

pub mod contract;

pub mod measure;

pub mod policy;

pub mod observation;

pub mod resource;

pub mod verdict;

pub mod plan;

pub mod record;

pub mod decision;

pub mod message;
