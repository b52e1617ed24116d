//! Ends a halt: undoes from the journal what somebody asks to have back, and gives the account its grace.

use std::sync::Arc;

use runawaytrain_core::decision::{self, News};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, Answer};
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{self, ActionResult, Containment, Outcome};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::{Act, Action, Caller, Kind, Part, Refusals, ReleaseRequest, Scope};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;

use crate::contain::Executor;
use crate::contain::lease::Leases;
use crate::deadline::Invocation;
use crate::notify::Mailer;
use crate::observe::{Attention, Collector, Ground};
use crate::ports::{Clock, Journal, JournalEntry, States, StoreError, VersionedRecord};
use crate::scope::ScopedAccount;

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
        let (policy, deadline) = (&scoped.policy, self.invocation.deadline);
        let account = &policy.account;
        let (known, halt) = self.halted(account).await?;
        let journal = self.journal.entries(account, &halt.id).await.map_err(|failure| {
            Answer::failed(format!(
                "The journal of halt {} could not be read, so nothing was touched: {failure}",
                halt.id
            ))
        })?;
        let done = performed(&journal);
        // Seen afresh: what is given back depends on when users and keys were made, and the grace on what runs now.
        let ground = || Ground::new(policy, &known.record.regions);
        let seen = self.collector.look_closely(ground(), Attention::Release, deadline.stop_work()).await;
        // The quarantine can be lifted from the payer; everything else needs a way into the account.
        if let Some(failure) =
            seen.unreachable.as_ref().filter(|_| done.iter().any(|action| action.part() != Part::Freeze))
        {
            return Err(Answer::failed(format!(
                "Account {account} could not be entered, so nothing was touched: {failure}"
            )));
        }
        // What cannot be seen is not gone: to go on would leave it locked and call the account released.
        if let Some(failure) =
            unseen_identities(&seen).filter(|_| request.names_identities() && seen.unreachable.is_none())
        {
            return Err(Answer::failed(format!(
                "The identities of account {account} could not be read, so nothing was touched: {failure}"
            )));
        }
        let (lease, known) =
            match self.leases.acquire(&self.invocation.id, &known, known.record.clone(), Vec::new()).await {
                Ok(Some(held)) => held,
                Ok(None) | Err(StoreError::Conflict | StoreError::LeaseLost) => {
                    return Err(Answer::refused(format!(
                        "Account {account} is being contained by another invocation. Try again in a minute."
                    )));
                }
                Err(StoreError::Failed(failure)) => {
                    return Err(Answer::failed(format!(
                        "The release of account {account} could not be recorded, so nothing was touched: {failure}"
                    )));
                }
            };
        let plan = plan::undo(policy, &done, &seen, request, halt.tripped);
        let lease = Arc::new(lease);
        let executor = Executor::new(account.clone(), Arc::clone(&lease), deadline);
        let outcomes = executor.run(&plan).await;
        drop(executor);
        let now = self.clock.now();
        let is_back =
            |outcome: &Outcome| outcome.action.part() == Part::Restart && outcome.result == ActionResult::Done;
        let started = outcomes.iter().any(is_back);
        // What came back is counted by looking: the trip's numbers may rest on what had been seen by then.
        let none = Refusals::default();
        let looked = if started {
            let (ground, attention) = (Ground::new(policy, &known.record.regions), Attention::Halt(policy, &none));
            &self.collector.look_closely(ground, attention, deadline.cut_off()).await
        } else {
            &seen
        };
        let running = Summary::of(policy, looked);
        let regions = known.record.regions.after(looked, &running);
        let record = AccountRecord { regions, ..decision::released(&known.record, policy, &running, started, now) };
        let news = News::Released {
            grace: record.grace.clone(),
            outcomes: outcomes.clone(),
            skipped: plan.skipped().to_vec(),
            at: now,
        };
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
        let undone = plan::remaining(&plan, &outcomes).len();
        let but = match undone {
            0 => String::new(),
            _ => format!(" But {} not done: see the outcomes, and ask for it again.", steps(undone)),
        };
        let containment = Containment { outcomes, ..Containment::default() };
        let mut report = AccountReport::new(account.clone(), &scoped.name, scoped.mode)
            .with_plan(&plan)
            .with_containment(&containment);
        report.state = Some(State::Released);
        Ok(Answer::released(format!("Account {account} is released.{but}"), report, notices))
    }

    /// The record of a halted account, and its halt; also of one that was released before: what failed then, or was not
    /// named, can be asked for later.
    async fn halted(&self, account: &AccountId) -> Result<(VersionedRecord, Halt), Answer> {
        let known = self.states.load(account).await.map_err(|failure| not_read(account, &failure))?;
        let Some(known) = known else {
            return Err(Answer::refused(format!("Account {account} was never swept, so there is nothing to release.")));
        };
        match known.record.halt.clone() {
            Some(halt) => Ok((known, halt)),
            None => Err(Answer::refused(format!(
                "Account {account} is {} and was never halted or frozen: there is nothing to release.",
                known.record.state
            ))),
        }
    }
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

/// The calls that AWS took, or may have taken. Nobody but us attaches the quarantine, so one that was there already is
/// ours as well.
fn performed(journal: &[JournalEntry]) -> Vec<Action> {
    let may_have_happened = |entry: &&JournalEntry| match &entry.concluded {
        None | Some((_, ActionResult::Done)) => true,
        Some((_, ActionResult::AlreadyDone)) => entry.action.part() == Part::Freeze,
        Some((_, ActionResult::Failed { failure })) => failure.kind.may_have_been_taken(),
    };
    journal.iter().filter(may_have_happened).map(|entry| entry.action.clone()).collect()
}

/// The account as the policy sees it, for an answer that needs no organization: a release must work while Organizations
/// does not.
pub(crate) fn scoped(policy: AccountPolicy, account: &AccountId) -> ScopedAccount {
    ScopedAccount {
        name: policy.name.clone().unwrap_or_else(|| account.to_string()),
        mode: policy.mode,
        policy,
        path: None,
    }
}
