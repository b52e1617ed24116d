use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::contract::{METRICS, Metric, MetricRow};
use runawaytrain_core::message::report::Totals;
use runawaytrain_core::observation::Coverage;

/// What is measured of a sweep of the whole organization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepMetrics {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: SignedDuration,
    /// Whether it reached every account. Only a complete sweep is a heartbeat.
    pub complete: bool,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
    /// Sums over all accounts.
    pub totals: Totals,
    /// Accounts whose halt stands, or is being proven.
    pub halted: usize,
    /// Accounts that are frozen.
    pub frozen: usize,
    /// Accounts that the brake had frozen when it began, and that wait for people.
    pub waiting: usize,
}

impl SweepMetrics {
    /// Each metric that this sweep has something to say of. Where nothing could be seen, what runs is not known, which
    /// is not nothing.
    pub fn values(&self) -> Vec<(&'static MetricRow, f64)> {
        let seen = |number: f64| (self.coverage.seen > 0).then_some(number);
        let value = |metric| match metric {
            // A sweep that did not reach every account says nothing, so that the alarm on missing data goes off.
            Metric::Heartbeat => self.complete.then_some(1.0),
            Metric::Coverage => Some(self.coverage.percent()),
            Metric::Instances => seen(self.totals.instances as f64),
            Metric::Vcpus => seen(self.totals.vcpus as f64),
            Metric::Burn => seen(self.totals.burn.dollars()),
            Metric::Halted => Some(self.halted as f64),
            Metric::Frozen => Some(self.frozen as f64),
            Metric::Waiting => Some(self.waiting as f64),
            Metric::Unserved => Some(self.totals.unserved as f64),
            Metric::Duration => Some(self.took.as_secs_f64()),
        };
        METRICS.iter().filter_map(|row| Some((row, value(row.metric)?))).collect()
    }
}

/// Emits metrics.
pub trait Metrics: Send + Sync {
    /// Emits the metrics of one sweep of the whole organization. Where that fails, the alarm on the missing heartbeat is
    /// what says so.
    fn emit(&self, sweep: &SweepMetrics);
}
