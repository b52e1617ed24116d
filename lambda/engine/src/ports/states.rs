use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use runawaytrain_core::message::Notice;
use runawaytrain_core::record::{AccountRecord, HourPeak, State};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;

/// The right to contain one account. Whoever holds the highest fence may write; a holder that slept through its lease
/// may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which account.
    pub account: AccountId,
    /// Who holds it: the invocation's id.
    pub holder: String,
    /// Grows by one with every holder.
    pub fence: u64,
    /// Until when it holds unless renewed. Compared by us, never left to DynamoDB's time-to-live, which may take days.
    pub until: Timestamp,
}

/// An account's record as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionedRecord {
    /// The record.
    pub record: AccountRecord,
    /// Grows by one with every write; 0 for a record that was never written.
    pub version: u64,
    /// Who is containing the account, if anybody. May have expired.
    pub lease: Option<Lease>,
}

/// What is remembered of all accounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    /// What could be read.
    pub readable: BTreeMap<AccountId, VersionedRecord>,
    /// What could not.
    pub unreadable: BTreeMap<AccountId, UnreadableRecord>,
}

impl Records {
    /// The accounts of which something is remembered.
    pub fn accounts(&self) -> impl Iterator<Item = RememberedAccount> {
        let readable = self.readable.values().map(|known| RememberedAccount::of(&known.record));
        let unreadable = self.unreadable.keys();
        readable.chain(unreadable.map(|account| RememberedAccount { account: account.clone(), name: None, path: None }))
    }
}

/// What is remembered of an account while Organizations does not say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedAccount {
    /// Which account.
    pub account: AccountId,
    /// What it was called, where that can be told.
    pub name: Option<String>,
    /// Where in the organization it was when our role last worked in it.
    pub path: Option<String>,
}

impl RememberedAccount {
    /// What its record says.
    pub fn of(record: &AccountRecord) -> Self {
        Self { account: record.account.clone(), name: record.name.clone(), path: record.path.clone() }
    }
}

/// A record that this version cannot read: a later one wrote it, or it is damaged. Nothing writes over it, for what
/// halts did to the account is known by it alone.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadableRecord {
    /// Where the account stood when it was written, where that can be told.
    pub state: Option<State>,
    /// Why it cannot be read.
    pub failure: Failure,
}

/// What a write does to the lease, and what it takes for granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseMove {
    /// Nothing. The version must be `expected`.
    None {
        /// The version that was read.
        expected: u64,
    },
    /// Takes the lease with a new fence. The version must be `expected`, and no lease may hold at `now`.
    Acquire {
        /// The version that was read.
        expected: u64,
        /// Who takes it.
        holder: String,
        /// What time it is.
        now: Timestamp,
        /// Until when it shall hold.
        until: Timestamp,
    },
    /// Keeps the lease. The fence must be this lease's.
    Hold(Lease),
    /// Gives the lease back. The fence must be this lease's.
    Release(Lease),
}

/// One atomic write: the record, its mails and its hour, or nothing of it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The record to store.
    pub record: AccountRecord,
    /// What happens to the lease, and the condition of the write.
    pub lease: LeaseMove,
    /// Mails that must go out if, and only if, this is stored.
    pub notices: Vec<Notice>,
    /// The hour's peak, where it grew.
    pub peak: Option<HourPeak>,
    /// When this is written; orders the outbox.
    pub at: Timestamp,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StoreError {
    /// Somebody else was faster, or holds the lease. What was to be written rests on old data.
    #[error("another invocation was faster")]
    Conflict,
    /// The lease was taken over. The holder must change nothing more.
    #[error("the lease was taken over by another invocation")]
    LeaseLost,
    /// The store itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Every account's record, and the lease on it. Every write is conditional.
#[async_trait]
pub trait States: Send + Sync {
    /// Every account's record, all pages, strongly consistent.
    async fn load_all(&self) -> Result<Records, Failure>;

    /// The records of these accounts, and of no other, strongly consistent.
    async fn load_some(&self, accounts: &BTreeSet<AccountId>) -> Result<Records, Failure>;

    /// The records of all accounts that stand so, all pages, strongly consistent.
    async fn load_in(&self, state: State) -> Result<Records, Failure>;

    /// One account's record, strongly consistent.
    async fn load(&self, account: &AccountId) -> Result<Option<VersionedRecord>, Failure>;

    /// Writes a record with all that belongs to it, or nothing. Returns what is stored now.
    async fn commit(&self, commit: Commit) -> Result<VersionedRecord, StoreError>;

    /// Prolongs a lease, if its fence is still the highest.
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError>;

    /// Takes for an invocation the place of the one that waits for the end of a lease, atomically; false when another has
    /// it. Each fence has one, which nobody gives back.
    async fn wait_for(&self, lease: &Lease, who: &str) -> Result<bool, Failure>;
}
