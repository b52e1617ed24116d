use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::policy::NotifyList;

/// Sends mail.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Publishes one mail to a notify list's topic. `Ok` means that SNS took it.
    async fn send(&self, list: &NotifyList, subject: &str, body: &str) -> Result<(), Failure>;
}

/// What is measured of a sweep of the whole organization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it reached every account. Only a complete sweep is a heartbeat.
    pub complete: bool,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
}

/// Emits metrics.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// Emits the metrics of one sweep of the whole organization.
    async fn beat(&self, beat: Beat) -> Result<(), Failure>;
}
