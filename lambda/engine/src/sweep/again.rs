//! Waits for an account that another invocation contains, and sweeps it once more after it.
//!
//! A burst meets a halt that its own beginning set off. To hand its messages back to SQS would hide them for longer
//! than the function's timeout, each time; to wait some seconds makes of the whole burst exactly one more sweep.

use std::collections::BTreeSet;
use std::time::Duration;

use runawaytrain_core::message::report::{Report, Totals};
use runawaytrain_core::vocabulary::ids::AccountId;
use tokio::time::{Instant, sleep};

use super::Guard;
use super::disposition::{Disposition, SweepAnswer};
use crate::contain::lease::LEASE;
use crate::deadline::Invocation;
use crate::trigger::Selection;

/// How long it waits: a holder that died is found out within a lease. One that lives longer is at a hard case, and
/// other accounts' launches must not wait behind it.
const PATIENCE: Duration = LEASE.unsigned_abs();
/// How often it looks.
const LOOKS: Duration = Duration::from_secs(2);

impl Guard {
    /// Sweeps again, once, what could not be judged because another invocation contained it.
    pub(super) async fn again(&self, source: &str, swept: &mut SweepAnswer, invocation: &Invocation) {
        let unjudged: BTreeSet<AccountId> = swept
            .dispositions
            .iter()
            .filter(|(_, disposition)| matches!(disposition, Disposition::Unjudged(_)))
            .map(|(account, _)| account.clone())
            .collect();
        let busy = self.busy(&unjudged, invocation).await;
        if busy.is_empty() {
            return;
        }
        tracing::info!(accounts = busy.len(), "waiting for another invocation that contains an account");
        let patience = Instant::now() + PATIENCE;
        let end = invocation.deadline.stop_work().map_or(patience, |stop| stop.min(patience));
        let mut still = busy.clone();
        while !still.is_empty() && Instant::now() + LOOKS < end {
            sleep(LOOKS).await;
            still = self.busy(&still, invocation).await;
        }
        let free: BTreeSet<AccountId> = busy.difference(&still).cloned().collect();
        if !free.is_empty() {
            let after = self.proceed(source, &Selection::Only(free), None, invocation).await;
            merge(swept, after);
        }
    }

    /// Which of these accounts somebody else holds the lease of. One whose state cannot be read is not waited for.
    async fn busy(&self, accounts: &BTreeSet<AccountId>, invocation: &Invocation) -> BTreeSet<AccountId> {
        let mut busy = BTreeSet::new();
        for account in accounts {
            if let Ok(Some(stored)) = self.states.load(account).await
                && stored.lease.is_some_and(|lease| lease.holder != invocation.id && lease.until > self.clock.now())
            {
                busy.insert(account.clone());
            }
        }
        busy
    }
}

/// Puts what came of the second sweep in the place of what the first could not do. What was counted as seen stays as it
/// is.
fn merge(swept: &mut SweepAnswer, after: SweepAnswer) {
    let (Some(Report::Sweep(report)), Some(Report::Sweep(again))) = (&mut swept.answer.report, after.answer.report)
    else {
        return;
    };
    for account in again.accounts {
        if let Some(before) = report.accounts.iter_mut().find(|before| before.account == account.account) {
            *before = account;
        }
    }
    report.complete &= again.complete;
    report.finished = again.finished;
    report.totals = Totals::of(&report.accounts);
    report.notices.sent += again.notices.sent;
    report.notices.waiting = again.notices.waiting;
    report.notices.errors.extend(again.notices.errors);
    swept.answer.body = report.totals.sentence();
    swept.dispositions.extend(after.dispositions);
}
