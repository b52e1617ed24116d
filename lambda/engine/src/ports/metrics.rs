use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::observation::Coverage;
use runawaytrain_core::vocabulary::failure::Failure;

/// What is measured of a sweep of the whole organization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepMetrics {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it reached every account. Only a complete sweep is a heartbeat.
    pub complete: bool,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
    /// Accounts that the brake had frozen when it began, and that wait for people.
    pub waiting: usize,
}

/// Emits metrics.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Emits the metrics of one sweep of the whole organization.
    async fn emit(&self, sweep: SweepMetrics) -> Result<(), Failure>;
}
