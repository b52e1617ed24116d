//! Sends what waits in the outbox. A mail leaves it only when SNS took it.

use std::sync::Arc;

use jiff::SignedDuration;

use runawaytrain_core::message::report::NoticeTotals;
use runawaytrain_core::vocabulary::failure::Failure;

use crate::ports::{Clock, Notifier, Outbox, OutboxItem, Ports};

/// How long a claimed mail is another invocation's business. Longer than any publish takes, shorter than a tick.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// Carries mails from the outbox to the notifier. It can look into no account.
#[derive(Clone)]
pub struct Mailer {
    outbox: Arc<dyn Outbox>,
    notifier: Arc<dyn Notifier>,
    clock: Arc<dyn Clock>,
}

impl Mailer {
    /// A mailer over the ports of a deployment.
    pub fn new(ports: &Ports) -> Self {
        Self {
            outbox: Arc::clone(&ports.outbox),
            notifier: Arc::clone(&ports.notifier),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Sends every mail that waits and that nobody else is sending. One that fails stays for the next invocation and
    /// does not hold up the others.
    pub async fn deliver(&self) -> NoticeTotals {
        let mut totals = NoticeTotals::default();
        let waiting = match self.outbox.waiting().await {
            Ok(waiting) => waiting,
            Err(failure) => {
                tracing::error!(error = %failure, "the outbox could not be read");
                totals.errors.push(format!("the outbox could not be read: {failure}"));
                return totals;
            }
        };
        for item in waiting {
            let (account, kind) = (&item.notice.account, item.notice.kind.name());
            match self.send(&item).await {
                Ok(true) => {
                    totals.sent += 1;
                    tracing::info!(account = %account, kind, "mailed: {}", item.notice.subject);
                }
                Ok(false) => totals.waiting += 1,
                Err(failure) => {
                    totals.waiting += 1;
                    tracing::error!(account = %account, kind, error = %failure, "a mail could not be sent; it stays in the outbox");
                    totals.errors.push(format!("the {kind} mail about {account} waits: {failure}"));
                }
            }
        }
        totals
    }

    /// True when SNS took it, false when another invocation is at it.
    async fn send(&self, item: &OutboxItem) -> Result<bool, Failure> {
        if !self.outbox.claim(&item.id, self.clock.now(), self.clock.after(CLAIM)).await? {
            return Ok(false);
        }
        let (notice, account) = (&item.notice, &item.notice.account);
        if let Err(failure) = self.notifier.send(&notice.list, &notice.subject, &notice.body).await {
            if let Err(kept) = self.outbox.unclaim(&item.id).await {
                tracing::warn!(account = %account, error = %kept, "a claim could not be given back; it runs out by itself");
            }
            return Err(failure);
        }
        if let Err(failure) = self.outbox.clear(&item.id).await {
            // It was sent. The worst that follows is the same mail once more after the claim ran out; better than none.
            tracing::warn!(account = %account, error = %failure, "a sent mail could not be cleared from the outbox");
        }
        Ok(true)
    }
}
