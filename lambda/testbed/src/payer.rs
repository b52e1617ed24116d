//! What is the payer's, and holds for every account.

use std::sync::atomic::AtomicBool;

use crate::resource::quarantine::QuarantinePolicy;

/// The payer's own things.
#[derive(Debug, Default)]
pub(crate) struct SimPayer {
    /// The policy that a halt attaches.
    pub quarantine: QuarantinePolicy,
    /// Whether centralized root access is enabled in IAM.
    pub root_access: AtomicBool,
}
