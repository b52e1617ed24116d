//! What the engine needs of the world, in the project's own types, one idea a port. Reading and changing are different
//! ports: an observer cannot act, a notifier cannot look, and each stage is handed only what it needs.

mod actuator;
mod clock;
mod directory;
mod journal;
mod metrics;
mod money;
mod notifier;
mod observer;
mod outbox;
mod peaks;
mod reports;
mod simulator;
mod slots;
mod states;
mod sweeps;

pub use actuator::{Actuator, Performed};
pub use clock::Clock;
pub use directory::{Directory, Freshness, Lifecycle, Member, Members};
pub use journal::{Conclusion, EntryId, Journal, JournalEntry};
pub use metrics::{Metrics, SweepMetrics};
pub use money::{AccountHours, Billing, KnownPrice, Listed, PriceBook, PriceList, ReadReport, SpendBook, SpentHours};
pub use notifier::Notifier;
pub use observer::{Look, Observer, SoFar, Terms};
pub use outbox::{Outbox, OutboxId, OutboxItem};
pub use peaks::Peaks;
pub use reports::{ReportObject, ReportStore, Sink};
pub use simulator::Simulator;
pub use slots::{SlotPool, Slots};
pub use states::{
    Commit, Lease, LeaseMove, Records, RememberedAccount, States, StoreError, UnreadableRecord, VersionedRecord,
};
pub use sweeps::SweepStore;

use std::sync::Arc;

/// All ports of a deployment. Only the guard is handed them all; it gives each stage its own.
#[derive(Clone)]
pub struct Ports {
    /// The organization's accounts.
    pub directory: Arc<dyn Directory>,
    /// Looks into accounts.
    pub observer: Arc<dyn Observer>,
    /// Changes accounts.
    pub actuator: Arc<dyn Actuator>,
    /// Says what our role may do in accounts.
    pub simulator: Arc<dyn Simulator>,
    /// What is remembered of each account.
    pub states: Arc<dyn States>,
    /// What was done to each.
    pub journal: Arc<dyn Journal>,
    /// What ran at the most in each hour.
    pub peaks: Arc<dyn Peaks>,
    /// Mails that wait.
    pub outbox: Arc<dyn Outbox>,
    /// How many may be halted.
    pub slots: Arc<dyn Slots>,
    /// Sends mails.
    pub notifier: Arc<dyn Notifier>,
    /// Emits metrics.
    pub metrics: Arc<dyn Metrics>,
    /// What instances cost.
    pub price_list: Arc<dyn PriceList>,
    /// What is remembered of that.
    pub price_book: Arc<dyn PriceBook>,
    /// What accounts are charged.
    pub billing: Arc<dyn Billing>,
    /// What accounts spent, hour by hour.
    pub spend_book: Arc<dyn SpendBook>,
    /// What AWS writes about that.
    pub report_store: Arc<dyn ReportStore>,
    /// What the steps of a distributed sweep hand to each other.
    pub sweep_store: Arc<dyn SweepStore>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
}
