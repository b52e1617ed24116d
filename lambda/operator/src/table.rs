//! The guard's table, to be read: what the guard remembers of each account, and what it did there.

use std::sync::Arc;

use jiff::Timestamp;
use runawaytrain_core::record::HourPeak;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_engine::ports::{
    Journal, JournalEntry, Outbox, OutboxItem, Peaks, Ports, Records, States, VersionedRecord,
};

/// The table. Of the ports over it this hands on what reads: whoever holds it can neither write nor act.
#[derive(Clone)]
pub struct Table {
    states: Arc<dyn States>,
    journal: Arc<dyn Journal>,
    peaks: Arc<dyn Peaks>,
    outbox: Arc<dyn Outbox>,
}

impl Table {
    /// The table of these ports.
    pub fn of(ports: &Ports) -> Self {
        Self {
            states: Arc::clone(&ports.states),
            journal: Arc::clone(&ports.journal),
            peaks: Arc::clone(&ports.peaks),
            outbox: Arc::clone(&ports.outbox),
        }
    }

    /// What is remembered of all accounts.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub async fn records(&self) -> Result<Records, Failure> {
        self.states.load_all().await
    }

    /// What is remembered of one account; nothing where nothing is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn record(&self, account: &AccountId) -> Result<Option<VersionedRecord>, Failure> {
        self.states.load(account).await
    }

    /// The journal of a halt, in order.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn journal(&self, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
        self.journal.entries(account, halt).await
    }

    /// The peaks of an account's hours since then.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn peaks(&self, account: &AccountId, since: Timestamp) -> Result<Vec<HourPeak>, Failure> {
        self.peaks.peaks(account, since).await
    }

    /// The mails that SNS has not taken yet.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn waiting(&self) -> Result<Vec<OutboxItem>, Failure> {
        self.outbox.waiting().await
    }
}
