//! What the engine needs of the world, in the project's own types. Reading and changing are different ports: an
//! observer cannot mutate.

mod act;
mod clock;
mod ledger;
mod money;
mod notify;
mod read;
mod reports;

pub use act::{Actuator, Performed};
pub use clock::Clock;
pub use ledger::{Commit, EntryId, JournalEntry, Lease, LeaseMove, Ledger, LedgerError, Pending, PendingId, Stored};
pub use money::{Billing, KnownPrice, PriceBook, PriceList, ReadReport, SpendBook, SpentHours};
pub use notify::{Beat, Courier, Pulse};
pub use read::{Directory, Freshness, Lifecycle, Member, Observer, UserDetail};
pub use reports::{ReportObject, ReportStore, Sink};

use std::sync::Arc;

/// All ports of one invocation.
#[derive(Clone)]
pub struct Ports {
    /// The organization's accounts.
    pub directory: Arc<dyn Directory>,
    /// Eyes.
    pub observer: Arc<dyn Observer>,
    /// Hands.
    pub actuator: Arc<dyn Actuator>,
    /// Memory.
    pub ledger: Arc<dyn Ledger>,
    /// Mail.
    pub courier: Arc<dyn Courier>,
    /// Metrics.
    pub pulse: Arc<dyn Pulse>,
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
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
}
