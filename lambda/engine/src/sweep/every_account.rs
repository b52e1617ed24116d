//! Sweeps all accounts, many at once. One that breaks or is not reached before the deadline is reported as such; the others
//! are served.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;

use crate::account::{AccountOutcome, AccountSweep};
use crate::deadline::in_time;
use crate::ports::{Records, UnreadableRecord, VersionedRecord};
use crate::scope::{Scope, ScopedAccount};

/// What came of all accounts.
pub(super) struct AccountResults {
    /// Each of them, by its id, those that were not served among them.
    pub accounts: Vec<AccountReport>,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
    /// Whether every account was reached before the deadline.
    pub reached_all: bool,
    /// Whether every record could be read.
    pub knows_all: bool,
}

impl AccountResults {
    fn lose(&mut self, account: AccountId, name: &str, why: impl Into<String>) {
        self.reached_all = false;
        self.coverage += Coverage { seen: 0, expected: 1 };
        self.accounts.push(AccountReport::unserved(account, name, why));
    }
}

/// Accounts whose looks are under way at once: enough that the calls keep each other company, and no more, for what is
/// being seen of an account takes some hundred KB.
const MOST_ACCOUNTS: usize = 128;

/// How long an account counts among those. Whoever takes longer is being contained, is throttled or does not answer;
/// none of that is a reason for the others to wait.
const TURN: Duration = Duration::from_secs(3);

/// Sweeps every account of the scope: first those in which something was going on when they were last seen.
pub(super) async fn every_account(one: &AccountSweep, scope: Scope, mut records: Records) -> AccountResults {
    let unserved = scope.unserved.into_iter().map(|unserved| unserved.report).collect();
    let mut swept =
        AccountResults { accounts: unserved, coverage: Coverage::default(), reached_all: true, knows_all: true };
    let mut waiting: Vec<Waiting> = Vec::new();
    for scoped in scope.accounts {
        if scoped.mode == Mode::Pass {
            let units_unknown = scoped.units_unknown.as_ref().map(Failure::to_string);
            let report = AccountReport::new(scoped.policy.account, &scoped.name, Mode::Pass);
            swept.accounts.push(AccountReport { units_unknown, ..report });
            continue;
        }
        let account = &scoped.policy.account;
        let known = match records.unreadable.remove(account) {
            Some(unreadable) => {
                swept.knows_all = false;
                Err(unreadable)
            }
            None => Ok(records.readable.remove(account)),
        };
        waiting.push(Waiting { scoped, known });
    }
    // A stable order, reversed: they are taken from the end.
    waiting.sort_by_cached_key(|waiting| Reverse(waiting.urgency()));
    waiting.reverse();
    let turns = Arc::new(Semaphore::new(MOST_ACCOUNTS));
    let mut running = JoinSet::new();
    let mut begun: BTreeMap<Id, (AccountId, String)> = BTreeMap::new();
    loop {
        let step = async {
            tokio::select! {
                biased;
                Some(ended) = running.join_next_with_id() => Step::Ended(Box::new(ended)),
                Ok(turn) = Arc::clone(&turns).acquire_owned(), if !waiting.is_empty() => Step::Turn(turn),
                else => Step::Over,
            }
        };
        match in_time(one.deadline.abandon(), step).await {
            Some(Step::Over) => break,
            Some(Step::Turn(turn)) => {
                let Some(Waiting { scoped, known }) = waiting.pop() else { continue };
                let one = one.clone();
                let who = (scoped.policy.account.clone(), scoped.name.clone());
                let task = running.spawn(async move {
                    let mut sweep = Box::pin(sweep_one(&one, &scoped, known));
                    let soon = timeout(TURN, &mut sweep).await;
                    drop(turn);
                    match soon {
                        Ok(outcome) => outcome,
                        Err(_) => sweep.await,
                    }
                });
                begun.insert(task.id(), who);
            }
            Some(Step::Ended(ended)) => match *ended {
                Ok((id, outcome)) => {
                    begun.remove(&id);
                    // Who is being contained may keep us busy: that says nothing of the others, and its mails say it of
                    // it.
                    let is_contained = outcome.report.state.is_some_and(State::is_contained);
                    swept.reached_all &= outcome.in_time || is_contained;
                    swept.coverage += outcome.coverage;
                    swept.accounts.push(outcome.report);
                }
                Err(broken) => {
                    let Some((account, name)) = begun.remove(&broken.id()) else { continue };
                    tracing::error!(account = %account, error = %broken, "the sweep of an account broke");
                    swept.lose(account, &name, format!("its sweep broke off: {broken}"));
                }
            },
            None => {
                running.abort_all();
                let never = waiting.drain(..).map(|waiting| (waiting.scoped.policy.account, waiting.scoped.name));
                for (account, name) in std::mem::take(&mut begun).into_values().chain(never) {
                    tracing::error!(account = %account, "not finished before the deadline");
                    swept.lose(account, &name, "not finished before the deadline; the next sweep takes it up again");
                }
                break;
            }
        }
    }
    swept.accounts.sort_by(|one, other| one.account.cmp(&other.account));
    swept
}

/// An account that is not begun yet, with what is known of it.
struct Waiting {
    scoped: ScopedAccount,
    known: Result<Option<VersionedRecord>, UnreadableRecord>,
}

impl Waiting {
    /// Who comes first: whose halt is under way, then who is contained or cannot be told, then who had the most
    /// running.
    fn urgency(&self) -> (bool, bool, u64) {
        match &self.known {
            Err(_) => (false, true, u64::MAX),
            Ok(None) => (false, true, 0),
            Ok(Some(VersionedRecord { record, .. })) => (
                record.state == State::Halting,
                record.state.is_contained(),
                record.regions.running.values().fold(0, |sum, running| sum.saturating_add(*running)),
            ),
        }
    }
}

/// What comes next.
enum Step {
    Turn(OwnedSemaphorePermit),
    Ended(Box<Result<(Id, AccountOutcome), JoinError>>),
    Over,
}

async fn sweep_one(
    one: &AccountSweep,
    scoped: &ScopedAccount,
    known: Result<Option<VersionedRecord>, UnreadableRecord>,
) -> AccountOutcome {
    let mut outcome = match known {
        Ok(known) => one.run(scoped, known).await,
        Err(unreadable) => one.run_without_record(scoped, &unreadable).await,
    };
    for gap in &outcome.report.gaps {
        tracing::warn!(account = %outcome.report.account, at = gap.at, code = gap.code, "not seen: {}", gap.reason);
    }
    outcome.report.units_unknown = scoped.units_unknown.as_ref().map(Failure::to_string);
    outcome
}
