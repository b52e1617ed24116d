//! What is the payer's, and holds for every account.

use std::sync::atomic::AtomicBool;

use crate::resource::quarantine::PayersPolicies;

/// The payer's own things.
#[derive(Debug, Default)]
pub(crate) struct SimPayer {
    /// The policies that a halt attaches.
    pub policies: PayersPolicies,
    /// Whether centralized root access is enabled in IAM.
    pub root_access: AtomicBool,
}
