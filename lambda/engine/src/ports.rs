//! What the engine needs of the world, in the project's own types. Reading and changing are different ports: an observer cannot mutate.

mod act;
mod clock;
mod ledger;
mod notify;
mod read;

pub use act::{Actuator, Performed};
pub use clock::Clock;
pub use ledger::{Commit, EntryId, JournalEntry, Lease, LeaseMove, Ledger, LedgerError, Pending, PendingId, Stored};
pub use notify::{Beat, Courier, Pulse};
pub use read::{Directory, Freshness, Lifecycle, Member, Observer, UserDetail};

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
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
}
