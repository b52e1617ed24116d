//! CloudWatch.

use std::sync::Mutex;

use async_trait::async_trait;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_engine::ports::{Metrics, SweepMetrics};

/// Keeps what is measured of every sweep.
#[derive(Debug, Default)]
pub struct MemoryMetrics {
    sweeps: Mutex<Vec<SweepMetrics>>,
}

impl MemoryMetrics {
    /// Every sweep so far.
    pub fn sweeps(&self) -> Vec<SweepMetrics> {
        self.sweeps.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Metrics for MemoryMetrics {
    async fn emit(&self, sweep: SweepMetrics) -> Result<(), Failure> {
        self.sweeps.lock().expect("not poisoned").push(sweep);
        Ok(())
    }
}
