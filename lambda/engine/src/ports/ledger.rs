use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use runawaytrain_core::containment::ActionResult;
use runawaytrain_core::failure::Failure;
use runawaytrain_core::history::HourPeak;
use runawaytrain_core::ids::{AccountId, HaltId};
use runawaytrain_core::mail::Notice;
use runawaytrain_core::plan::Action;
use runawaytrain_core::state::AccountRecord;

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
pub struct Stored {
    /// The record.
    pub record: AccountRecord,
    /// Grows by one with every write; 0 for a record that was never written.
    pub version: u64,
    /// Who is containing the account, if anybody. May have expired.
    pub lease: Option<Lease>,
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
pub enum LedgerError {
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

/// A journal entry's place: unique within a halt, in the order of the intents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The fence of the holder that wrote it.
    pub fence: u64,
    /// Its number with that holder.
    pub number: u64,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}#{:08}", self.fence, self.number)
    }
}

/// One API call of a halt: what was intended, and what came of it. An entry without a result may or may not have
/// happened.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Its place.
    pub id: EntryId,
    /// The halt.
    pub halt: HaltId,
    /// The call.
    pub action: Action,
    /// When it was intended.
    pub intended: Timestamp,
    /// What came of it and when.
    pub concluded: Option<(Timestamp, ActionResult)>,
}

/// The key of a mail in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingId(pub String);

/// A mail that SNS has not taken yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its key.
    pub id: PendingId,
    /// The mail.
    pub notice: Notice,
}

/// The memory: state, journal, outbox and history. Every write is conditional.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Every account's record, all pages, strongly consistent.
    async fn load_all(&self) -> Result<BTreeMap<AccountId, Stored>, Failure>;

    /// One account's record, strongly consistent.
    async fn load(&self, account: &AccountId) -> Result<Option<Stored>, Failure>;

    /// Writes a record with all that belongs to it, or nothing. Returns what is stored now.
    async fn commit(&self, commit: Commit) -> Result<Stored, LedgerError>;

    /// Prolongs a lease, if its fence is still the highest.
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), LedgerError>;

    /// Writes down what is about to be done, if the lease's fence is still the highest. Only then may it be done.
    async fn intend(&self, lease: &Lease, entry: &JournalEntry) -> Result<(), LedgerError>;

    /// Writes down what came of it, if the lease's fence is still the highest.
    async fn conclude(
        &self,
        lease: &Lease,
        halt: &HaltId,
        id: &EntryId,
        at: Timestamp,
        result: &ActionResult,
    ) -> Result<(), LedgerError>;

    /// The journal of a halt, in order, all pages.
    async fn journal(&self, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure>;

    /// Takes one of `most` slots for an account, atomically over all invocations; slots taken before `since` are free
    /// again. False when all are taken. An account that has one keeps it: two invocations that meet the same runaway
    /// account take one slot.
    async fn take_slot(
        &self,
        account: &AccountId,
        most: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Failure>;

    /// The mails that wait, oldest first, all pages.
    async fn outbox(&self) -> Result<Vec<Pending>, Failure>;

    /// Claims a mail for sending until a time, so that two invocations do not both send it. False when another holds it
    /// at `now` or it is gone.
    async fn claim(&self, id: &PendingId, now: Timestamp, until: Timestamp) -> Result<bool, Failure>;

    /// Gives a claim back: SNS did not take the mail, and whoever comes next may try at once.
    async fn unclaim(&self, id: &PendingId) -> Result<(), Failure>;

    /// Removes a mail that SNS took.
    async fn clear(&self, id: &PendingId) -> Result<(), Failure>;
}
