//! What every check stands on.

use crate::cloud::{Cloud, Identity};
use crate::policy_file::PolicyFile;

/// The account, what is to be deployed there, and who we are.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The account.
    pub cloud: &'a Cloud,
    /// What is to be deployed there.
    pub policy: &'a PolicyFile,
    /// Whom AWS takes us for.
    pub identity: &'a Identity,
}
