//! The right to contain an account, and the journal of what was done with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use runawaytrain_core::containment::ActionResult;
use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::HaltId;
use runawaytrain_core::mail::Notice;
use runawaytrain_core::plan::Action;
use runawaytrain_core::state::AccountRecord;

use crate::ports::{Commit, EntryId, JournalEntry, Lease, LeaseMove, Ledger, LedgerError, Performed, Ports, Stored};

/// How long a lease holds unless it is renewed: a killed invocation blocks the next one no longer than this.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it is renewed: two renewals may fail before it is lost.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// A held lease that renews itself until it is given back or dropped.
pub struct Holding {
    ports: Ports,
    lease: Lease,
    halt: HaltId,
    lost: Arc<AtomicBool>,
    until: Arc<AtomicUntil>,
    next_entry: AtomicU64,
    renewal: JoinHandle<()>,
}

/// Why an action was not performed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotPerformed {
    /// Somebody else contains the account now: this holder must change nothing more.
    #[error("the lease is lost; another invocation contains the account now")]
    LeaseLost,
    /// The journal could not be written, or AWS refused.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Writes `record` with its mails and takes the lease in the same transaction.
pub async fn acquire(
    ports: &Ports,
    invocation: &str,
    stored: &Stored,
    record: AccountRecord,
    notices: Vec<Notice>,
) -> Result<Option<(Holding, Stored)>, LedgerError> {
    let Some(halt) = record.halt.as_ref().map(|halt| halt.id.clone()) else { return Ok(None) };
    let now = ports.clock.now();
    let until = later(now, LEASE);
    let lease = LeaseMove::Acquire { expected: stored.version, holder: invocation.to_owned(), now, until };
    let stored = ports.ledger.commit(Commit { record, lease, notices, peak: None, at: now }).await?;
    let Some(lease) = stored.lease.clone() else { return Ok(None) };
    Ok(Some((Holding::new(ports.clone(), lease, halt), stored)))
}

impl Holding {
    fn new(ports: Ports, lease: Lease, halt: HaltId) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let until = Arc::new(AtomicUntil::new(lease.until));
        let renewal = tokio::spawn(renew(ports.clone(), lease.clone(), Arc::clone(&lost), Arc::clone(&until)));
        Self { ports, lease, halt, lost, until, next_entry: AtomicU64::new(1), renewal }
    }

    /// The lease as a condition for a write.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether this holder may still change anything. Judged by our own clock against the time last written, so that a
    /// holder that slept through its lease notices by itself before it asks anybody.
    pub fn is_alive(&self) -> bool {
        !self.lost.load(Ordering::Acquire) && self.ports.clock.now() < self.until.get()
    }

    /// Performs one action, journaled before and after. Nothing is done that could not be written down first.
    pub async fn perform(
        &self,
        account: &runawaytrain_core::ids::AccountId,
        action: &Action,
    ) -> Result<Performed, NotPerformed> {
        if !self.is_alive() {
            return Err(NotPerformed::LeaseLost);
        }
        let id = EntryId { fence: self.lease.fence, number: self.next_entry.fetch_add(1, Ordering::Relaxed) };
        let entry = JournalEntry {
            id: id.clone(),
            halt: self.halt.clone(),
            action: action.clone(),
            intended: self.ports.clock.now(),
            concluded: None,
        };
        self.check(self.ports.ledger.intend(&self.lease, &entry).await)?;
        // The journal's answer may have taken longer than the lease lasts.
        if !self.is_alive() {
            return Err(NotPerformed::LeaseLost);
        }
        let result = self.ports.actuator.perform(account, action).await;
        let outcome = match &result {
            Ok(Performed::Done) => ActionResult::Done,
            Ok(Performed::AlreadySo) => ActionResult::AlreadySo,
            Err(failure) => ActionResult::Failed { failure: failure.clone() },
        };
        match self.ports.ledger.conclude(&self.lease, &self.halt, &id, self.ports.clock.now(), &outcome).await {
            Err(LedgerError::Failed(failure)) => {
                // The intent stands in the journal; what came of it is in the log and in the report.
                tracing::error!(account = %account, entry = %id, error = %failure, "an outcome could not be journaled: {action}: {outcome}");
            }
            other => self.check(other)?,
        }
        Ok(result?)
    }

    /// Writes the record and gives the lease back.
    pub async fn give_back(self, record: AccountRecord, notices: Vec<Notice>) -> Result<Stored, LedgerError> {
        self.renewal.abort();
        let (ledger, at): (&dyn Ledger, Timestamp) = (&*self.ports.ledger, self.ports.clock.now());
        ledger
            .commit(Commit {
                peak: record.hour.clone(),
                record,
                lease: LeaseMove::Release(self.lease.clone()),
                notices,
                at,
            })
            .await
    }

    fn check(&self, written: Result<(), LedgerError>) -> Result<(), NotPerformed> {
        match written {
            Ok(()) => Ok(()),
            Err(LedgerError::Failed(failure)) => Err(NotPerformed::Failed(failure)),
            Err(LedgerError::LeaseLost | LedgerError::Conflict) => {
                self.lost.store(true, Ordering::Release);
                Err(NotPerformed::LeaseLost)
            }
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(ports: Ports, lease: Lease, lost: Arc<AtomicBool>, until: Arc<AtomicUntil>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let next = later(ports.clock.now(), LEASE);
        match ports.ledger.renew(&lease, next).await {
            Ok(()) => until.set(next),
            Err(LedgerError::Failed(failure)) => {
                tracing::warn!(account = %lease.account, error = %failure, "the lease could not be renewed; trying again")
            }
            Err(LedgerError::LeaseLost | LedgerError::Conflict) => {
                tracing::warn!(account = %lease.account, fence = lease.fence, "the lease was taken over; this invocation changes nothing more in the account");
                lost.store(true, Ordering::Release);
                return;
            }
        }
    }
}

/// A point in time that two tasks share, in whole milliseconds.
struct AtomicUntil(std::sync::atomic::AtomicI64);

impl AtomicUntil {
    fn new(at: Timestamp) -> Self {
        Self(std::sync::atomic::AtomicI64::new(at.as_millisecond()))
    }

    fn get(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Acquire)).unwrap_or(Timestamp::MIN)
    }

    fn set(&self, at: Timestamp) {
        self.0.store(at.as_millisecond(), Ordering::Release);
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
