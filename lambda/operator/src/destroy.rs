//! Removes what was deployed, by CloudFormation's own calls: neither the Lambda nor the CDK is needed for that.
//!
//! The guard goes before the roles of the accounts. It would take an account whose roles are being removed for one that
//! thieves have shut it out of, and would freeze it; and it would attach again what is detached.

pub mod found;
pub mod removal;
