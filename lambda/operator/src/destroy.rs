//! Removes what was deployed, by CloudFormation's own calls: nothing has to be built for that.
//!
//! The guard goes first. It would take an account whose roles are being removed for one that thieves have shut it out
//! of, and would freeze it; and it would attach again what is detached.

pub mod found;
pub mod removal;
