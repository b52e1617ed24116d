//! Ends a halt: undoes from the journal what somebody asks to have back, and gives the account its grace.

use std::sync::Arc;

use runawaytrain_core::containment::ActionResult;
use runawaytrain_core::containment::Containment;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::history::Summary;
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::mail;
use runawaytrain_core::plan::Action;
use runawaytrain_core::policy::{AccountPolicy, RoleResponse, UserResponse};
use runawaytrain_core::report::{AccountReport, Answer};
use runawaytrain_core::state::{self, State};
use runawaytrain_core::undo::{Wish, undo};

use crate::contain::Executor;
use crate::notify;
use crate::observe::Eyes;
use crate::ports::{JournalEntry, LedgerError, Ports};
use crate::record;
use crate::scope::Scoped;
use crate::sweep::Invocation;

/// Releases one account. Refused with 400 where there is nothing to release or somebody is containing it; killed
/// half-way, the account is still halted and the release can be asked for again.
pub(crate) async fn release(
    ports: &Ports,
    eyes: &Eyes,
    invocation: &Invocation,
    scoped: &Scoped,
    wish: &Wish,
) -> Answer {
    let policy = &scoped.policy;
    let account = &policy.account;
    let stored = match ports.ledger.load(account).await {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            return Answer::refused(format!("Account {account} was never swept, so there is nothing to release."));
        }
        Err(failure) => {
            return Answer::failed(format!(
                "The state of account {account} could not be read, so nothing was touched: {failure}"
            ));
        }
    };
    let halt = match (&stored.record.state, &stored.record.halt) {
        // Also one that was released before: what failed then, or was not named, can be asked for later.
        (_, Some(halt)) => halt.clone(),
        (state, _) => {
            return Answer::refused(format!(
                "Account {account} is {state} and was never halted or frozen: there is nothing to release."
            ));
        }
    };
    let journal = match ports.ledger.journal(account, &halt.id).await {
        Ok(journal) => journal,
        Err(failure) => {
            return Answer::failed(format!(
                "The journal of halt {} could not be read, so nothing was touched: {failure}",
                halt.id
            ));
        }
    };
    // Seen afresh: what is given back depends on when users and keys were made, and the grace on what runs now.
    let mut closely = policy.clone();
    // Whatever the policy leaves alone today, an earlier one may have had locked.
    (closely.contain.users, closely.contain.roles) = (UserResponse::Deactivate, RoleResponse::RevokeSessions);
    let observation = eyes.look_closely(&closely, invocation.deadline.stop_work()).await;
    let done = performed(&journal);
    // The quarantine can be lifted from the payer; everything else needs a way into the account.
    if let Some(failure) =
        observation.unreachable.as_ref().filter(|_| done.iter().any(|action| *action != Action::Freeze))
    {
        return Answer::failed(format!("Account {account} could not be entered, so nothing was touched: {failure}"));
    }
    // What cannot be seen is not gone: to go on would leave it locked and call the account released.
    let identities = [observation.users.failure(), observation.roles.failure()];
    let names_identities = !(wish.users.is_empty() && wish.roles.is_empty() && wish.keys.is_empty());
    if let Some(failure) =
        identities.into_iter().flatten().next().filter(|_| names_identities && observation.unreachable.is_none())
    {
        return Answer::failed(format!(
            "The identities of account {account} could not be read, so nothing was touched: {failure}"
        ));
    }
    let (holding, stored) =
        match record::acquire(ports, &invocation.id, &stored, stored.record.clone(), Vec::new()).await {
            Ok(Some(held)) => held,
            Ok(None) | Err(LedgerError::Conflict | LedgerError::LeaseLost) => {
                return Answer::refused(format!(
                    "Account {account} is being contained by another invocation. Try again in a minute."
                ));
            }
            Err(LedgerError::Failed(failure)) => {
                return Answer::failed(format!(
                    "The release of account {account} could not be recorded, so nothing was touched: {failure}"
                ));
            }
        };
    let plan = undo(policy, &done, &observation, wish, halt.tripped, ports.clock.now());
    let holding = Arc::new(holding);
    let executor = Executor::new(account.clone(), Arc::clone(&holding), invocation.deadline);
    let outcomes = executor.run(&plan).await;
    drop(executor);
    let now = ports.clock.now();
    // A group or fleet that is back launches what it wants, as a start does.
    let brings_back = |action: &Action| {
        matches!(action, Action::StartInstances { .. } | Action::ResumeGroup { .. } | Action::RestoreFleet { .. })
    };
    let started = outcomes.iter().any(|outcome| brings_back(&outcome.action) && outcome.result == ActionResult::Done);
    // What came back is counted by looking: the trip's numbers may rest on what had been seen by then.
    let running = if started {
        Summary::of(policy, &eyes.look_closely(policy, invocation.deadline.cut_off()).await)
    } else {
        Summary::of(policy, &observation)
    };
    let record = state::released(&stored.record, policy, &running, started, now);
    let notice = mail::released(policy, &record, &outcomes, plan.left(), now);
    let written = match Arc::try_unwrap(holding) {
        Ok(holding) => holding.give_back(record, vec![notice]).await.map(|_| ()),
        Err(_) => Err(LedgerError::LeaseLost),
    };
    if let Err(error) = written {
        return Answer::failed(format!(
            "Account {account} is still halted, for its release could not be recorded ({error}). Ask for it again."
        ));
    }
    tracing::warn!(account = %account, "released by an operator");
    let notices = notify::drain(ports).await;
    let failed = outcomes.iter().filter(|outcome| matches!(outcome.result, ActionResult::Failed { .. })).count();
    let but = if failed > 0 { format!(" {failed} steps failed; see the outcomes.") } else { String::new() };
    let containment = Containment { outcomes, ..Containment::default() };
    let mut report =
        AccountReport::new(account.clone(), &scoped.name, scoped.mode).with_plan(&plan).with_containment(&containment);
    report.state = Some(State::Released);
    Answer::released(format!("Account {account} is released.{but}"), report, notices)
}

/// The calls that AWS took, or may have taken: an entry without an outcome, or without an answer, may have happened.
/// Nobody but us attaches the quarantine, so one that was there already is ours as well.
fn performed(journal: &[JournalEntry]) -> Vec<Action> {
    let may_have_happened = |entry: &&JournalEntry| match &entry.concluded {
        None | Some((_, ActionResult::Done)) => true,
        Some((_, ActionResult::AlreadySo)) => entry.action == Action::Freeze,
        Some((_, ActionResult::Failed { failure })) => failure.kind == FailureKind::Unavailable,
    };
    journal.iter().filter(may_have_happened).map(|entry| entry.action.clone()).collect()
}

/// The account as the policy sees it, for an answer that needs no organization: a release must work while Organizations
/// does not.
pub(crate) fn scoped(policy: AccountPolicy, account: &AccountId) -> Scoped {
    Scoped { name: policy.name.clone().unwrap_or_else(|| account.to_string()), mode: policy.mode, policy }
}
