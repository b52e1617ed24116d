//! Sweeps the accounts of launches, and what another invocation contains once that has ended.
//!
//! A burst meets the halt that its own beginning set off, in batch after batch. To hand its messages back to SQS would
//! hide them for longer than the function's timeout, each time. So one invocation waits for the halt's end and sweeps
//! once more, and all others that come meanwhile have nothing to do: that sweep begins after their launches. Where it
//! does not come to it, the messages of the one that waited come back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runawaytrain_core::message::report::{Answer, Report, Totals};
use runawaytrain_core::vocabulary::ids::AccountId;
use tokio::time::{Instant, sleep};

use super::Guard;
use super::disposition::{Disposition, SweepAnswer};
use crate::contain::lease::LEASE;
use crate::deadline::Invocation;
use crate::ports::Lease;
use crate::trigger::Selection;

/// How long it waits: a holder that died is found out within a lease. One that lives longer is at a hard case, and
/// other accounts' launches must not wait behind it.
const PATIENCE: Duration = LEASE.unsigned_abs();
/// How often it looks.
const LOOKS: Duration = Duration::from_secs(2);

impl Guard {
    /// Sweeps accounts in which something was launched, each once.
    pub(super) async fn sweep_launches(
        &self,
        source: &str,
        accounts: &BTreeSet<AccountId>,
        invocation: &Invocation,
    ) -> SweepAnswer {
        if let Some(voided) = self.voided() {
            return SweepAnswer::without_accounts(voided);
        }
        // Whoever contains an account looks into it all the time, at the same quotas.
        let mut held = self.held(accounts, invocation).await;
        let free: BTreeSet<AccountId> =
            accounts.iter().filter(|account| !held.contains_key(*account)).cloned().collect();
        let mut swept = SweepAnswer::without_accounts(Answer::done("Nothing was swept."));
        if !free.is_empty() {
            swept = self.proceed(source, &Selection::Only(free), None, invocation).await;
            let unjudged = swept.unjudged();
            held.extend(self.held(&unjudged, invocation).await);
        }
        if !held.is_empty() {
            self.sweep_after(source, held, &mut swept, invocation).await;
        }
        swept
    }

    /// Sweeps once more what others contain, once that has ended. Where somebody waits for that already, it does.
    async fn sweep_after(
        &self,
        source: &str,
        mut held: BTreeMap<AccountId, Lease>,
        swept: &mut SweepAnswer,
        invocation: &Invocation,
    ) {
        for (account, lease) in std::mem::take(&mut held) {
            // Where nobody can tell, one too many waits.
            if self.states.wait_for(&lease, &invocation.id).await.unwrap_or(true) {
                held.insert(account, lease);
            } else {
                let why = "another invocation sweeps the account once its containment has ended";
                swept.dispositions.insert(account, Disposition::Covered(why.to_owned()));
            }
        }
        if held.is_empty() {
            return;
        }
        tracing::info!(accounts = held.len(), "waiting for another invocation that contains an account");
        let waiting: BTreeSet<AccountId> = held.keys().cloned().collect();
        let patience = Instant::now() + PATIENCE;
        let end = invocation.deadline.stop_work().map_or(patience, |stop| stop.min(patience));
        while !held.is_empty() && Instant::now() + LOOKS < end {
            sleep(LOOKS).await;
            held = self.held(&held.into_keys().collect(), invocation).await;
        }
        let free: BTreeSet<AccountId> = waiting.into_iter().filter(|account| !held.contains_key(account)).collect();
        for (account, Lease { holder, until, .. }) in held {
            let why = format!("invocation {holder} is containing the account (its lease holds until {until})");
            swept.dispositions.insert(account, Disposition::Unjudged(why));
        }
        if !free.is_empty() {
            let after = self.proceed(source, &Selection::Only(free), None, invocation).await;
            merge(swept, after);
        }
    }

    /// The leases that others hold on some of these accounts. One whose state cannot be read is not waited for.
    async fn held(&self, accounts: &BTreeSet<AccountId>, invocation: &Invocation) -> BTreeMap<AccountId, Lease> {
        let mut held = BTreeMap::new();
        for account in accounts {
            if let Ok(Some(stored)) = self.states.load(account).await
                && let Some(lease) = stored.lease
                && lease.holder != invocation.id
                && lease.until > self.clock.now()
            {
                held.insert(account.clone(), lease);
            }
        }
        held
    }
}

/// Puts what came of the second sweep beside the first, and in the place of what that could not do. What was counted as
/// seen stays as it is.
fn merge(swept: &mut SweepAnswer, after: SweepAnswer) {
    swept.dispositions.extend(after.dispositions);
    let (Some(Report::Sweep(report)), Some(Report::Sweep(again))) = (&mut swept.answer.report, &after.answer.report)
    else {
        if swept.answer.report.is_none() {
            swept.answer = after.answer;
        }
        return;
    };
    for account in &again.accounts {
        match report.accounts.iter_mut().find(|before| before.account == account.account) {
            Some(before) => *before = account.clone(),
            None => report.accounts.push(account.clone()),
        }
    }
    report.accounts.sort_by(|one, other| one.account.cmp(&other.account));
    report.complete &= again.complete;
    report.finished = again.finished;
    report.totals = Totals::of(&report.accounts);
    report.notices.sent += again.notices.sent;
    report.notices.waiting = again.notices.waiting;
    report.notices.errors.extend(again.notices.errors.iter().cloned());
    swept.answer.body = report.totals.sentence();
}
