//! A simulated organization behind the engine's ports: stateful, in virtual time, without randomness of its own.
//!
//! It is a test dependency only. It holds what no emulator is faithful in — lag between a launch and its running,
//! refusals of single members of a batch, regions that hang, IAM that disagrees with itself — so that the engine can be
//! tried against AWS as it is. Time is tokio's: `#[tokio::test(start_paused = true)]` runs minutes of it in
//! milliseconds.
#![allow(clippy::expect_used, clippy::panic, reason = "a test's own world may break loudly: that is a failing test")]

mod account;
mod clock;
pub mod contract;
mod faults;
mod instance;
mod launch_queue;
mod ledger;
mod mailbox;
mod quotas;
mod reports;
pub mod script;
mod thief;
mod time;
mod watcher;
mod world;

pub use account::{SimAccount, SimFleet, SimGroup, SimRegion, SimRole, SimSpotRequest, SimUser};
pub use clock::SimClock;
pub use faults::{Fault, failure};
pub use instance::{Life, SimInstance, Stubborn};
pub use launch_queue::{Batch, LaunchQueue, QueueSettings};
pub use ledger::MemoryLedger;
pub use mailbox::{Mail, Mailbox, Metrics};
pub use reports::{MemoryReports, OBJECTS_A_PAGE};
pub use thief::{Cadence, Intent, Principal, Strategy, Thief};
pub use time::{CONSISTENCY, Lagged};
pub use watcher::{Watched, watch};
pub use world::{ACCOUNTS_A_PAGE, Call, GROUPS_A_PAGE, IDENTITIES_A_PAGE, INSTANCES_A_PAGE, LAUNCHERS_A_PAGE, World};

use std::sync::Arc;

use runawaytrain_engine::ports::Ports;

/// A whole simulated deployment: the organization, the memory, the mail and the clock.
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
    pub metrics: Arc<Metrics>,
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
            metrics: Arc::new(Metrics::default()),
            clock,
        }
    }

    /// The ports that the engine takes.
    pub fn ports(&self) -> Ports {
        Ports {
            directory: self.world.clone(),
            observer: self.world.clone(),
            actuator: self.world.clone(),
            ledger: self.ledger.clone(),
            courier: self.mailbox.clone(),
            pulse: self.metrics.clone(),
            price_list: self.world.clone(),
            price_book: self.ledger.clone(),
            billing: self.world.clone(),
            spend_book: self.ledger.clone(),
            report_store: self.reports.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Default for Testbed {
    fn default() -> Self {
        Self::new()
    }
}
