//! A whole simulated deployment.

use std::sync::Arc;

use runawaytrain_engine::ports::Ports;

use crate::clock::SimClock;
use crate::ledger::MemoryLedger;
use crate::mailbox::Mailbox;
use crate::metrics::MemoryMetrics;
use crate::reports::MemoryReports;
use crate::world::World;

/// The organization, the memory, the mail and the clock.
#[derive(Clone)]
pub struct Testbed {
    /// The organization.
    pub world: Arc<World>,
    /// The state table.
    pub ledger: Arc<MemoryLedger>,
    /// SNS.
    pub mailbox: Arc<Mailbox>,
    /// S3.
    pub reports: Arc<MemoryReports>,
    /// CloudWatch.
    pub metrics: Arc<MemoryMetrics>,
    /// Virtual time.
    pub clock: Arc<SimClock>,
}

impl Testbed {
    /// An empty organization at a fixed moment. Needs a tokio runtime, for time is tokio's.
    pub fn new() -> Self {
        let clock = Arc::new(SimClock::new());
        Self {
            world: Arc::new(World::new(Arc::clone(&clock))),
            ledger: Arc::new(MemoryLedger::default()),
            mailbox: Arc::new(Mailbox::default()),
            reports: Arc::new(MemoryReports::new(Arc::clone(&clock))),
            metrics: Arc::new(MemoryMetrics::default()),
            clock,
        }
    }

    /// The ports that the engine takes.
    pub fn ports(&self) -> Ports {
        Ports {
            directory: self.world.clone(),
            observer: self.world.clone(),
            actuator: self.world.clone(),
            simulator: self.world.clone(),
            states: self.ledger.clone(),
            journal: self.ledger.clone(),
            peaks: self.ledger.clone(),
            outbox: self.ledger.clone(),
            slots: self.ledger.clone(),
            notifier: self.mailbox.clone(),
            metrics: self.metrics.clone(),
            price_list: self.world.clone(),
            price_book: self.ledger.clone(),
            billing: self.world.clone(),
            spend_book: self.ledger.clone(),
            report_store: self.reports.clone(),
            sweep_store: self.reports.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Default for Testbed {
    fn default() -> Self {
        Self::new()
    }
}
