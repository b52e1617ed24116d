//! What is the payer's, and holds for every account.

use crate::resource::quarantine::QuarantinePolicy;

/// The payer's own things.
#[derive(Debug, Default)]
pub(crate) struct SimPayer {
    /// The policy that a halt attaches.
    pub quarantine: QuarantinePolicy,
}
