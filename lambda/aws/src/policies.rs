//! Which service control policies a deployment has for a halt to attach.

use runawaytrain_core::resource::quarantine::Policy;

/// The ids of the service control policies that a halt attaches, such as `p-examplepolicy`, where they are deployed.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Denies whatever makes an account grow.
    pub quarantine: Option<String>,
    /// Denies invoking models.
    pub models: Option<String>,
    /// Denies everything but our own roles.
    pub lockdown: Option<String>,
}

impl Policies {
    pub(crate) fn id(&self, policy: Policy) -> Option<&str> {
        match policy {
            Policy::Quarantine => self.quarantine.as_deref(),
            Policy::Models => self.models.as_deref(),
            Policy::Lockdown => self.lockdown.as_deref(),
        }
    }
}
