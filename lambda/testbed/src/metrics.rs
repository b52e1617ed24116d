//! CloudWatch.

use std::sync::Mutex;

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

impl Metrics for MemoryMetrics {
    fn emit(&self, sweep: &SweepMetrics) {
        self.sweeps.lock().expect("not poisoned").push(*sweep);
    }
}
