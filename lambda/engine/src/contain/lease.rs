//! The right to contain an account, and the journal of what was done with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use runawaytrain_core::message::Notice;
use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::resource::{Act, Action, Part, quarantine};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};

use crate::contain::call::{self, Call, Step};
use crate::patience::while_busy;
use crate::ports::{
    Actuator, Clock, Commit, Conclusion, EntryId, Journal, JournalEntry, Lease, LeaseMove, Performed, Ports, States,
    StoreError, VersionedRecord,
};

/// How long a lease holds unless it is renewed: a killed invocation blocks the next one no longer than this.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// A call that was made while a lease held may land so long after its end: one call is tried for 25 seconds in all, and
/// clocks disagree a little.
pub const LANDING: SignedDuration = SignedDuration::from_secs(30);
/// IAM takes some four seconds until a deny bites everywhere; until then whoever it is about can assume roles.
const DENY_BITES_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// How often it is renewed.
pub const RENEWAL: Duration = Duration::from_secs(20);
/// How often it is looked whether somebody asks for a release, and how soon a renewal that failed is tried again.
const LOOK: Duration = Duration::from_secs(5);

/// Gives out leases. What they rest on: the records, the journal, and whatever changes accounts, which is reached only
/// through a lease.
#[derive(Clone)]
pub struct Leases {
    states: Arc<dyn States>,
    journal: Arc<dyn Journal>,
    actuator: Arc<dyn Actuator>,
    clock: Arc<dyn Clock>,
}

/// A held lease that renews itself until it is given back or dropped.
pub struct HeldLease {
    of: Leases,
    lease: Lease,
    halt: HaltId,
    lost: Arc<AtomicBool>,
    until: Arc<SharedTime>,
    next_entry: AtomicU64,
    /// Whether somebody waits to release the account.
    requested: watch::Receiver<bool>,
    locked_out: SharedTime,
    renewal: JoinHandle<()>,
}

/// What is waited before a call is made again.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// How long.
    pub time: Duration,
    /// Whether the call is not made again where somebody asks for a release meanwhile.
    pub yields: bool,
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

impl Leases {
    /// Leases over the ports of a deployment.
    pub fn new(ports: &Ports) -> Self {
        Self {
            states: Arc::clone(&ports.states),
            journal: Arc::clone(&ports.journal),
            actuator: Arc::clone(&ports.actuator),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Writes `record` with its mails and takes the lease in the same transaction; `None` where the record names no
    /// halt, so that nothing could be journaled.
    pub async fn acquire(
        &self,
        invocation: &str,
        known: &VersionedRecord,
        record: AccountRecord,
        notices: Vec<Notice>,
    ) -> Result<Option<(HeldLease, VersionedRecord)>, StoreError> {
        let Some(halt) = record.halt.as_ref().map(|halt| halt.id.clone()) else { return Ok(None) };
        let now = self.clock.now();
        let holder = invocation.to_owned();
        let lease = LeaseMove::Acquire { expected: known.version, holder, now, until: self.clock.after(LEASE) };
        let stored = self.states.commit(Commit { record, lease, notices, peak: None, at: now }).await?;
        let Some(lease) = stored.lease.clone() else { return Ok(None) };
        Ok(Some((HeldLease::new(self.clone(), lease, halt), stored)))
    }

    /// Has whatever changes accounts make ready for one, while the right to do so is still being asked for.
    pub fn prepare(&self, account: &AccountId) {
        let (actuator, account) = (Arc::clone(&self.actuator), account.clone());
        tokio::spawn(async move { actuator.prepare(&account).await });
    }

    /// Freezes an account of which no record can be read, so that there is neither a lease nor a journal. To attach the
    /// quarantine twice does no harm, whoever else is at the account, and nobody but us attaches it.
    pub async fn freeze_unrecorded(&self, account: &AccountId) -> Result<Performed, Failure> {
        tracing::warn!(account = %account, "freezing without a record");
        self.actuator.perform(account, &quarantine::Action::Freeze.into(), self.clock.now()).await
    }
}

impl HeldLease {
    fn new(of: Leases, lease: Lease, halt: HaltId) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let until = Arc::new(SharedTime::new(lease.until));
        let (request, requested) = watch::channel(false);
        let renewal = tokio::spawn(renew(of.clone(), lease.clone(), Arc::clone(&lost), Arc::clone(&until), request));
        let locked_out = SharedTime::new(Timestamp::MIN);
        Self { of, lease, halt, lost, until, next_entry: AtomicU64::new(1), requested, locked_out, renewal }
    }

    /// The lease as a condition for a write.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether this holder may still change anything. Judged by our own clock against the time last written, so that a
    /// holder that slept through its lease notices by itself before it asks anybody.
    pub fn is_alive(&self) -> bool {
        call::is_alive(self.lost.load(Ordering::Acquire), self.until.get(), self.of.clock.now())
    }

    /// Whether somebody waits to release the account: whoever halts it ends then.
    pub fn release_is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until somebody does.
    pub async fn release_requested(&self) {
        let mut requested = self.requested.clone();
        if requested.wait_for(|requested| *requested).await.is_err() {
            // Nobody looks any more: the lease is over.
            std::future::pending::<()>().await;
        }
    }

    /// When the last user or role that was locked out under this lease can no longer assume a role: sessions that were
    /// issued until then may be theirs, whenever the role itself was seen to.
    pub fn locked_out(&self) -> Option<Timestamp> {
        Some(self.locked_out.get()).filter(|time| *time > Timestamp::MIN)
    }

    /// Performs one action, journaled before and after. Nothing is done that could not be written down first. `again`
    /// says after which refusals, and after how long, the same call is made again: it stays one entry.
    pub async fn perform(
        &self,
        account: &AccountId,
        action: &Action,
        mut again: impl FnMut(&Failure) -> Option<Wait>,
    ) -> Result<Performed, NotPerformed> {
        if !self.is_alive() {
            return Err(NotPerformed::LeaseLost);
        }
        let id = EntryId { fence: self.lease.fence, number: self.next_entry.fetch_add(1, Ordering::Relaxed) };
        let mut call = Call::new(JournalEntry {
            id: id.clone(),
            halt: self.halt.clone(),
            action: action.clone(),
            intended: self.of.clock.now(),
            concluded: None,
            attempts: 0,
        });
        let (mut attempts, mut last) = (0, Ok(Performed::Done));
        while let Some(step) = call.next(self.is_alive()) {
            match step {
                Step::Intend => {
                    self.written(&id, || self.of.journal.intend(&self.lease, call.entry())).await?;
                    call.intended();
                }
                Step::Make => {
                    attempts += 1;
                    last = self.of.actuator.perform(account, action, self.of.clock.now()).await;
                    let is_taken = last.as_ref().map_or_else(|failure| failure.kind.may_have_been_taken(), |_| true);
                    if action.part() == Part::Lock && is_taken {
                        self.locked_out.raise(self.of.clock.after(DENY_BITES_AFTER));
                    }
                    let waits = match last.as_ref().err().and_then(&mut again) {
                        Some(wait) => self.waits(wait).await,
                        None => false,
                    };
                    if !waits {
                        call.answered(result_of(&last));
                    }
                }
                Step::Conclude(outcome) => {
                    let conclusion = Conclusion { at: self.of.clock.now(), result: outcome.clone(), attempts };
                    let conclude = || self.of.journal.conclude(&self.lease, &self.halt, &id, &conclusion);
                    match self.written(&id, conclude).await {
                        Err(NotPerformed::Failed(failure)) => {
                            // The intent stands in the journal; what came of it is in the log and in the report.
                            tracing::error!(account = %account, entry = %id, error = %failure, "an outcome could not be journaled: {action}: {outcome}");
                        }
                        other => other?,
                    }
                    return Ok(last?);
                }
            }
        }
        // The journal's answer may have taken longer than the lease lasts, and so may a wait.
        Err(NotPerformed::LeaseLost)
    }

    /// Waits, and says whether the call is to be made again.
    pub(super) async fn waits(&self, wait: Wait) -> bool {
        tokio::select! {
            () = sleep(wait.time) => true,
            () = self.release_requested(), if wait.yields => false,
        }
    }

    /// Writes the record and gives the lease back.
    pub async fn give_back(self, record: AccountRecord, notices: Vec<Notice>) -> Result<VersionedRecord, StoreError> {
        let (peak, lease, at) = (record.hour.clone(), LeaseMove::Release(self.lease.clone()), self.of.clock.now());
        let commit = Commit { record, lease, notices, peak, at };
        // It goes on renewing meanwhile: nobody else shall begin before this is written.
        while_busy(&self.lease.account, None, || self.of.states.commit(commit.clone())).await
    }

    /// Writes to the journal, with patience for a table that is busy. The lease is lost only where the table says so.
    async fn written<F: Future<Output = Result<(), StoreError>>>(
        &self,
        id: &EntryId,
        write: impl Fn() -> F,
    ) -> Result<(), NotPerformed> {
        let written = while_busy(id, None, || async {
            let lost = || Failure::own("the journal", FailureKind::NotBegun, "the lease has run out");
            if self.is_alive() { write().await } else { Err(lost().into()) }
        });
        match written.await {
            Ok(()) => Ok(()),
            Err(StoreError::LeaseLost) => {
                self.lost.store(true, Ordering::Release);
                Err(NotPerformed::LeaseLost)
            }
            Err(StoreError::Conflict) => Err(Failure::own("the journal", FailureKind::Contended, "").into()),
            Err(StoreError::Failed(failure)) => Err(failure.into()),
        }
    }
}

fn result_of(answer: &Result<Performed, Failure>) -> ActionResult {
    match answer {
        Ok(Performed::Done) => ActionResult::Done,
        Ok(Performed::AlreadyDone) => ActionResult::AlreadyDone,
        Err(failure) => ActionResult::Failed { failure: failure.clone() },
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(of: Leases, lease: Lease, lost: Arc<AtomicBool>, until: Arc<SharedTime>, request: watch::Sender<bool>) {
    let mut due = Instant::now() + RENEWAL;
    loop {
        sleep(LOOK).await;
        // One that cannot be read now is seen at the next look.
        if let Ok(Some(stored)) = of.states.load(&lease.account).await {
            request.send_if_modified(|known| {
                let is_new = !*known && stored.record.awaits_release(of.clock.now());
                *known |= is_new;
                is_new
            });
        }
        if Instant::now() < due {
            continue;
        }
        let next = of.clock.after(LEASE);
        match of.states.renew(&lease, next).await {
            Ok(()) => {
                until.set(next);
                due = Instant::now() + RENEWAL;
            }
            Err(StoreError::Failed(failure)) => {
                tracing::warn!(account = %lease.account, error = %failure, "the lease could not be renewed; trying again")
            }
            Err(StoreError::Conflict) => {
                tracing::warn!(account = %lease.account, "the lease could not be renewed: its record is written to; trying again")
            }
            Err(StoreError::LeaseLost) => {
                tracing::warn!(account = %lease.account, fence = lease.fence, "the lease was taken over; this invocation changes nothing more in the account");
                lost.store(true, Ordering::Release);
                return;
            }
        }
    }
}

/// Whether the holder of a lease that was not given back may still change the account at a time, by a call that it made
/// while the lease held.
pub fn may_change_it(lease: &Lease, now: Timestamp) -> bool {
    lease.until.checked_add(LANDING).unwrap_or(Timestamp::MAX) > now
}

/// When whoever was locked out under an earlier lease can no longer assume a role, by the journal. A call whose outcome
/// is not written was made while its lease held.
pub fn locked_out(journal: &[JournalEntry]) -> Option<Timestamp> {
    let locks = journal.iter().filter(|entry| entry.action.part() == Part::Lock);
    let ended = locks.filter_map(|entry| match &entry.concluded {
        None => Some(entry.intended.checked_add(LEASE).unwrap_or(Timestamp::MAX)),
        Some((at, ActionResult::Done | ActionResult::AlreadyDone)) => Some(*at),
        Some((at, ActionResult::Failed { failure })) => failure.kind.may_have_been_taken().then_some(*at),
    });
    ended.max()?.checked_add(DENY_BITES_AFTER).ok()
}

/// A point in time that two tasks share, in whole milliseconds.
struct SharedTime(AtomicI64);

impl SharedTime {
    fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_millisecond()))
    }

    fn get(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Acquire)).unwrap_or(Timestamp::MIN)
    }

    /// Sets it to a later time; an earlier one changes nothing.
    fn raise(&self, at: Timestamp) {
        self.0.fetch_max(at.as_millisecond(), Ordering::AcqRel);
    }

    fn set(&self, at: Timestamp) {
        self.0.store(at.as_millisecond(), Ordering::Release);
    }
}
