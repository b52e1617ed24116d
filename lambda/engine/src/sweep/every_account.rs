//! Sweeps all accounts at once. One that breaks or is not reached before the deadline is reported as such; the others
//! are served.

use std::collections::BTreeMap;

use tokio::task::{Id, JoinSet};

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

/// Sweeps every account of the scope.
pub(super) async fn every_account(one: &AccountSweep, scope: Scope, mut records: Records) -> AccountResults {
    let unserved = scope.unserved.into_iter().map(|unserved| unserved.report).collect();
    let mut swept =
        AccountResults { accounts: unserved, coverage: Coverage::default(), reached_all: true, knows_all: true };
    let mut running = JoinSet::new();
    let mut waiting: BTreeMap<Id, (AccountId, String)> = BTreeMap::new();
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
        let one = one.clone();
        let who = (scoped.policy.account.clone(), scoped.name.clone());
        let task = running.spawn(async move { sweep_one(&one, &scoped, known).await });
        waiting.insert(task.id(), who);
    }
    loop {
        match in_time(one.deadline.abandon(), running.join_next_with_id()).await {
            Some(None) => break,
            Some(Some(Ok((id, outcome)))) => {
                waiting.remove(&id);
                // Who is being contained may keep us busy: that says nothing of the others, and its mails say it of it.
                let is_contained = outcome.report.state.is_some_and(State::is_contained);
                swept.reached_all &= outcome.in_time || is_contained;
                swept.coverage += outcome.coverage;
                swept.accounts.push(outcome.report);
            }
            Some(Some(Err(broken))) => {
                let Some((account, name)) = waiting.remove(&broken.id()) else { continue };
                tracing::error!(account = %account, error = %broken, "the sweep of an account broke");
                swept.lose(account, &name, format!("its sweep broke off: {broken}"));
            }
            None => {
                running.abort_all();
                for (account, name) in std::mem::take(&mut waiting).into_values() {
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
