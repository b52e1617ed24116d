//! Ends a halt: undoes from the journal what somebody asks to have back, and gives the account its grace.

mod undoing;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep};

use runawaytrain_core::decision::{self, News};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, Answer, NoticeTotals};
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{self, Changes, Containment, HaltJournal};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, EarlierHalt};
use runawaytrain_core::resource::{Caller, Kind, ReleaseRequest, Scope};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;

use crate::contain::Executor;
use crate::contain::lease::{HeldLease, Leases, may_change_it};
use crate::deadline::{Invocation, has_come};
use crate::notify::Mailer;
use crate::observe::{Attention, Collector, Ground};
use crate::ports::{Clock, Commit, Journal, JournalEntry, Lease, LeaseMove, States, StoreError, VersionedRecord};
use crate::scope::ScopedAccount;

use undoing::{Undoing, Undone};

/// So long whoever contains the account is waited for: longer than the lease of one that was killed, and what it did last.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How often it is looked whether it has ended.
const POLL: Duration = Duration::from_secs(2);
/// A holder that writes the record as it knows it may write over the request.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How often a release is begun anew because somebody wrote the record meanwhile.
const RACES: usize = 3;

/// What a release rests on.
pub(crate) struct Release<'a> {
    pub states: &'a dyn States,
    pub journal: &'a dyn Journal,
    pub leases: &'a Leases,
    pub collector: &'a Collector,
    pub mailer: &'a Mailer,
    pub clock: &'a dyn Clock,
    pub invocation: &'a Invocation,
}

impl Release<'_> {
    /// Releases one account. Refused with 400 where there is nothing to release or somebody is containing it; killed
    /// half-way, the account is still halted and the release can be asked for again.
    pub async fn run(&self, scoped: &ScopedAccount, request: &ReleaseRequest) -> Answer {
        match self.try_run(scoped, request).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn try_run(&self, scoped: &ScopedAccount, request: &ReleaseRequest) -> Result<Answer, Answer> {
        let (policy, account) = (&scoped.policy, &scoped.policy.account);
        for _ in 0..RACES {
            let known = self.unheld(account).await?;
            if known.record.restored.is_some() && !known.record.state.is_contained() {
                return Ok(self.given_back_already(scoped, &known.record));
            }
            let journals = self.journals(&known.record).await?;
            // Seen afresh: what is given back depends on when things were made, and the grace on what runs now.
            let until = self.invocation.deadline.stop_work();
            let ground = Ground::new(policy, &known.record.regions);
            let seen = self.collector.look_closely(ground, Attention::Release, until).await;
            may_begin(account, &Changes::of(&journals), &seen, request)?;
            let record = AccountRecord { release_requested: None, ..known.record.clone() };
            match self.leases.acquire(&self.invocation.id, &known, record, Vec::new()).await {
                Ok(Some((lease, known))) => {
                    let running = Summary::of(policy, &seen);
                    let regions = known.record.regions.after(&seen, &running);
                    let record = AccountRecord { regions, ..known.record };
                    let lease = Arc::new(lease);
                    let executor = Executor::new(account.clone(), Arc::clone(&lease), self.invocation.deadline);
                    let (collector, deadline) = (self.collector, self.invocation.deadline);
                    let undoing = Undoing { collector, deadline, policy, request, executor, journals, seen };
                    let undone = undoing.run().await;
                    return self.record(scoped, request, &record, lease, &running, undone).await;
                }
                // Somebody wrote the record while we looked: it may be halted anew.
                Ok(None) | Err(StoreError::Conflict | StoreError::LeaseLost) => {}
                Err(StoreError::Failed(failure)) => {
                    return Err(Answer::failed(format!(
                        "The release of account {account} could not be recorded, so nothing was touched: {failure}"
                    )));
                }
            }
        }
        Err(Answer::refused(format!(
            "Account {account} is being contained by another invocation. Try again in a minute."
        )))
    }

    /// Writes down what a release came to, with its mail, and gives the lease back.
    async fn record(
        &self,
        scoped: &ScopedAccount,
        request: &ReleaseRequest,
        record: &AccountRecord,
        lease: Arc<HeldLease>,
        running: &Summary,
        undone: Undone,
    ) -> Result<Answer, Answer> {
        let (policy, account, now) = (&scoped.policy, &scoped.policy.account, self.clock.now());
        let Undone { plan, outcomes, back } = undone;
        let restored = plan.skipped().iter().all(|skipped| skipped.reason.is_final())
            && plan::remaining(plan.actions(), &outcomes).is_empty();
        let tripped = record.halt.as_ref().map(|halt| halt.tripped);
        let record = decision::released(record, policy, decision::Release { running, back: &back, restored }, now);
        let news = News::Released {
            tripped,
            grace: record.grace.clone(),
            outcomes: outcomes.clone(),
            skipped: plan.skipped().to_vec(),
            trusted: request.trust.iter().cloned().collect(),
            at: now,
        };
        let state = record.state;
        let written = match Arc::try_unwrap(lease) {
            Ok(lease) => lease.give_back(record, mail::write(policy, &news)).await.map(drop),
            Err(_) => Err(StoreError::LeaseLost),
        };
        written.map_err(|error| {
            Answer::failed(format!(
                "Account {account} is still halted, for its release could not be recorded ({error}). Ask for it again."
            ))
        })?;
        tracing::warn!(account = %account, "released by an operator");
        let notices = self.mailer.deliver().await;
        // What was cut off has no outcome: not to have failed is not to be done.
        let undone = plan::remaining(plan.actions(), &outcomes).len();
        let but = match undone {
            0 => String::new(),
            _ => format!(" But {} not done: see the outcomes, and ask for it again.", steps(undone)),
        };
        let containment = Containment { outcomes, ..Containment::default() };
        let mut report = AccountReport::new(account.clone(), &scoped.name, scoped.mode)
            .with_plan(&plan)
            .with_containment(&containment);
        report.state = Some(state);
        Ok(Answer::released(format!("Account {account} is released.{but}"), report, notices, undone))
    }

    /// The record of a halted account once nobody contains it. Whoever does is asked to end: a halt that resists would
    /// else hold the account from tick to tick. Whoever let its lease run out may have made a call that is still to land:
    /// what changes the account after it was looked at would not be given back.
    async fn unheld(&self, account: &AccountId) -> Result<VersionedRecord, Answer> {
        let end = Some(Instant::now() + LONGEST_WAIT);
        loop {
            let known = self.halted(account).await?;
            let now = self.clock.now();
            let is_held = |lease: &Lease| may_change_it(lease, now) && lease.holder != self.invocation.id;
            if !known.lease.as_ref().is_some_and(is_held) {
                return Ok(known);
            }
            if has_come(end) || has_come(self.invocation.deadline.stop_work()) {
                return Err(Answer::refused(format!(
                    "Account {account} is being contained by another invocation, which was asked to end and has not. \
                     Try again in a minute."
                )));
            }
            let asked = known.record.release_requested;
            if asked.is_none_or(|asked| now.duration_since(asked) > ASKED_AGAIN_AFTER) {
                let record = AccountRecord { release_requested: Some(now), ..known.record };
                let lease = LeaseMove::None { expected: known.version };
                let request = Commit { record, lease, notices: Vec::new(), peak: None, at: now };
                match self.states.commit(request).await {
                    // Somebody was faster: it is read anew.
                    Ok(_) | Err(StoreError::Conflict | StoreError::LeaseLost) => {}
                    Err(StoreError::Failed(failure)) => return Err(not_read(account, &failure)),
                }
            }
            sleep(POLL).await;
        }
    }

    /// The record of a halted account; also of one that was released before: what failed then, or was not named, can be
    /// asked for later.
    async fn halted(&self, account: &AccountId) -> Result<VersionedRecord, Answer> {
        let known = self.states.load(account).await.map_err(|failure| not_read(account, &failure))?;
        let Some(known) = known else {
            return Err(Answer::refused(format!("Account {account} was never swept, so there is nothing to release.")));
        };
        if known.record.halt.is_none() {
            return Err(Answer::refused(format!(
                "Account {account} is {} and was never halted or frozen: there is nothing to release.",
                known.record.state
            )));
        }
        Ok(known)
    }

    /// The journals of every halt of which something may stand: what an earlier one locked, the last one found locked
    /// already.
    async fn journals(&self, record: &AccountRecord) -> Result<Vec<HaltJournal>, Answer> {
        let mut journals = Vec::new();
        for EarlierHalt { id, tripped } in record.halts() {
            let entries = self.journal.entries(&record.account, &id).await.map_err(|failure| {
                Answer::failed(format!("The journal of halt {id} could not be read, so nothing was touched: {failure}"))
            })?;
            let call = |entry: JournalEntry| (entry.action, entry.concluded.map(|(_, result)| result));
            journals.push(HaltJournal { tripped, calls: entries.into_iter().map(call).collect() });
        }
        Ok(journals)
    }

    /// What the people of the account changed since is theirs: it is not undone once more.
    fn given_back_already(&self, scoped: &ScopedAccount, record: &AccountRecord) -> Answer {
        let mut report = AccountReport::new(record.account.clone(), &scoped.name, scoped.mode);
        report.state = Some(record.state);
        let body = format!("Account {} was released already, and nothing is left to give back.", record.account);
        Answer::released(body, report, NoticeTotals::default(), 0)
    }
}

/// Whether a release may begin on what was seen. What cannot be seen is not gone: to go on would leave it locked and
/// call the account released.
fn may_begin(
    account: &AccountId,
    changes: &Changes,
    seen: &Observation,
    request: &ReleaseRequest,
) -> Result<(), Answer> {
    // Our policies can be taken off from the payer; everything else needs a way into the account.
    let needs_a_way_in = || changes.standing().any(|(action, _)| action.kind().caller() != Caller::Payer);
    if let Some(failure) = seen.unreachable.as_ref().filter(|_| needs_a_way_in()) {
        return Err(Answer::failed(format!(
            "Account {account} could not be entered, so nothing was touched: {failure}"
        )));
    }
    let asks_for_them = request.names_identities() && seen.unreachable.is_none();
    if let Some(failure) = unseen_identities(seen).filter(|_| asks_for_them) {
        return Err(Answer::failed(format!(
            "The identities of account {account} could not be read, so nothing was touched: {failure}"
        )));
    }
    Ok(())
}

/// Why what an account holds as a whole, rather than by region, could not be read: its users and roles.
fn unseen_identities(seen: &Observation) -> Option<&Failure> {
    let of_the_account = |kind: &&Kind| kind.scope() == Scope::Account && kind.caller() == Caller::Member;
    Kind::ALL.iter().filter(of_the_account).find_map(|kind| kind.answer(seen, None)?.err())
}

fn steps(number: usize) -> String {
    let were = if number == 1 { "was" } else { "were" };
    format!("{} {were}", count(number as u64, "step"))
}

fn not_read(account: &AccountId, failure: &Failure) -> Answer {
    Answer::failed(format!("The state of account {account} could not be read, so nothing was touched: {failure}"))
}

/// The account as the policy sees it, for an answer that needs no organization: a release must work while Organizations
/// does not.
pub(crate) fn scoped(policy: AccountPolicy, account: &AccountId) -> ScopedAccount {
    ScopedAccount {
        name: policy.name.clone().unwrap_or_else(|| account.to_string()),
        mode: policy.mode,
        policy,
        place: None,
        units: Vec::new(),
        units_unknown: None,
    }
}
