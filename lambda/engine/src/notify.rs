//! Sends what waits in the outbox. A mail leaves it only when SNS took it.

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::failure::Failure;
use runawaytrain_core::report::NoticeTotals;

use crate::ports::{Pending, Ports};

/// How long a claimed mail is another invocation's business. Longer than any publish takes, shorter than a tick.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// Sends every mail that waits and that nobody else is sending. One that fails stays for the next invocation and does
/// not hold up the others.
pub async fn drain(ports: &Ports) -> NoticeTotals {
    let mut totals = NoticeTotals::default();
    let waiting = match ports.ledger.outbox().await {
        Ok(waiting) => waiting,
        Err(failure) => {
            tracing::error!(error = %failure, "the outbox could not be read");
            totals.errors.push(format!("the outbox could not be read: {failure}"));
            return totals;
        }
    };
    for pending in waiting {
        match send(ports, &pending).await {
            Ok(true) => {
                totals.sent += 1;
                tracing::info!(account = %pending.notice.account, kind = pending.notice.kind.name(), "mailed: {}", pending.notice.subject);
            }
            Ok(false) => totals.waiting += 1,
            Err(failure) => {
                totals.waiting += 1;
                tracing::error!(account = %pending.notice.account, kind = pending.notice.kind.name(), error = %failure, "a mail could not be sent; it stays in the outbox");
                totals.errors.push(format!(
                    "the {} mail about {} waits: {failure}",
                    pending.notice.kind.name(),
                    pending.notice.account
                ));
            }
        }
    }
    totals
}

/// True when SNS took it, false when another invocation is at it.
async fn send(ports: &Ports, pending: &Pending) -> Result<bool, Failure> {
    let now = ports.clock.now();
    if !ports.ledger.claim(&pending.id, now, later(now, CLAIM)).await? {
        return Ok(false);
    }
    if let Err(failure) = ports.courier.send(&pending.notice.list, &pending.notice.subject, &pending.notice.body).await
    {
        if let Err(kept) = ports.ledger.unclaim(&pending.id).await {
            tracing::warn!(account = %pending.notice.account, error = %kept, "a claim could not be given back; it runs out by itself");
        }
        return Err(failure);
    }
    if let Err(failure) = ports.ledger.clear(&pending.id).await {
        // It was sent. The worst that follows is the same mail once more after the claim ran out; better than none.
        tracing::warn!(account = %pending.notice.account, error = %failure, "a sent mail could not be cleared from the outbox");
    }
    Ok(true)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
