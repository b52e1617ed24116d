//! Sends what waits in the outbox. A mail leaves it only when SNS took it.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::message::Notice;
use runawaytrain_core::message::mail::digest;
use runawaytrain_core::message::report::NoticeTotals;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::Failure;

use crate::ports::{Clock, Notifier, Outbox, OutboxItem, Ports};

/// How long a claimed mail is another invocation's business. Longer than any publish takes, shorter than a tick.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// So often is a mail offered to an account's own list before it goes to the default one: a list whose topic is missing
/// must not keep a halt from reaching anybody.
const TRIES_BEFORE_THE_DEFAULT: u32 = 6;

/// From so many on, mails of one kind to one list become one: each account's own numbers are worth a mail of their own
/// as long as people read them.
const DIGEST_FROM: usize = 4;

/// So many mails are sent at once.
const AT_A_TIME: usize = 8;

/// So many calls of the outbox are made at once for the mails that go out as one.
const CALLS_AT_A_TIME: usize = 32;

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

    /// Puts in a mail that comes with no record: see [`Outbox::add`].
    pub async fn add(&self, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> Result<bool, Failure> {
        self.outbox.add(notice, at, quiet).await
    }

    /// Sends every mail that waits and that nobody else is sending: those of one kind to one list as one. One that
    /// fails stays for the next invocation and does not hold up the others.
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
        let mut sent = stream::iter(parcels(waiting)).map(|parcel| self.send(parcel)).buffer_unordered(AT_A_TIME);
        while let Some(delivery) = sent.next().await {
            totals.sent += delivery.sent;
            totals.waiting += delivery.waiting;
            totals.errors.extend(delivery.error);
        }
        totals
    }

    /// Sends the mails of a parcel that nobody else is at.
    async fn send(&self, parcel: Vec<OutboxItem>) -> Delivery {
        let mut delivery = Delivery::default();
        let mut claimed = Vec::with_capacity(parcel.len());
        let claims = stream::iter(parcel).map(async |item| {
            let claim = self.outbox.claim(&item.id, self.clock.now(), self.clock.after(CLAIM)).await;
            (item, claim)
        });
        // Thousands of them are claimed, sent and cleared well within a claim's time. In their order, for the first
        // says what to do.
        let mut claims = claims.buffered(CALLS_AT_A_TIME);
        while let Some((item, claim)) = claims.next().await {
            match claim {
                Ok(true) => claimed.push(item),
                Ok(false) => delivery.waiting += 1,
                Err(failure) => delivery.fail(&item.notice, 1, &failure),
            }
        }
        drop(claims);
        let Some(first) = claimed.first() else { return delivery };
        let (notice, mails) = (&first.notice, claimed.len());
        let (kind, list) = (notice.kind, self.list_of(first));
        let notices: Vec<_> = claimed.iter().map(|item| &item.notice).collect();
        let of_many = if mails > 1 { digest(&notices) } else { None };
        let (subject, body, chat) = match &of_many {
            Some((subject, body, chat)) => (subject, body, chat),
            None => (&notice.subject, &notice.body, &notice.chat),
        };
        let sent = self.notifier.send(list, subject, body, chat).await;
        let is_sent = sent.is_ok();
        match sent {
            Ok(()) => {
                delivery.sent += mails;
                tracing::info!(account = %notice.account, kind = kind.name(), mails, "mailed: {}", notice.subject);
            }
            Err(failure) => delivery.fail(notice, mails, &failure),
        }
        let settled = stream::iter(claimed).map(async |item| {
            let account = &item.notice.account;
            if is_sent {
                if let Err(failure) = self.outbox.clear(&item.id).await {
                    // It was sent. The worst that follows is the same mail once more after the claim ran out; better
                    // than none.
                    tracing::warn!(account = %account, error = %failure, "a sent mail could not be cleared from the outbox");
                }
            } else if let Err(failure) = self.outbox.unclaim(&item.id).await {
                tracing::warn!(account = %account, error = %failure, "a claim could not be given back; it runs out by itself");
            }
        });
        settled.buffer_unordered(CALLS_AT_A_TIME).collect::<()>().await;
        delivery
    }

    /// Its own list; the default one where its own did not take it some times.
    fn list_of<'a>(&self, item: &'a OutboxItem) -> &'a NotifyList {
        if item.tries < TRIES_BEFORE_THE_DEFAULT { &item.notice.list } else { &NotifyList::Default }
    }
}

/// What came of one parcel.
#[derive(Default)]
struct Delivery {
    sent: usize,
    waiting: usize,
    error: Option<String>,
}

impl Delivery {
    fn fail(&mut self, notice: &Notice, mails: usize, failure: &Failure) {
        let (account, kind) = (&notice.account, notice.kind.name());
        self.waiting += mails;
        tracing::error!(account = %account, kind, mails, error = %failure, "a mail could not be sent; it stays in the outbox");
        self.error = Some(format!("the {kind} mail about {account} waits: {failure}"));
    }
}

/// The mails that go out as one, oldest first.
fn parcels(waiting: Vec<OutboxItem>) -> Vec<Vec<OutboxItem>> {
    let mut parcels: Vec<Vec<OutboxItem>> = Vec::new();
    for item in waiting {
        let joins = |parcel: &&mut Vec<OutboxItem>| {
            let fits = |other: &OutboxItem| {
                other.notice.kind == item.notice.kind
                    && other.notice.list == item.notice.list
                    && other.notice.account != item.notice.account
                    && other.tries == item.tries
            };
            item.notice.kind.of_many().is_some() && parcel.iter().all(fits)
        };
        match parcels.iter_mut().find(joins) {
            Some(parcel) => parcel.push(item),
            None => parcels.push(vec![item]),
        }
    }
    let alone = |parcel: Vec<OutboxItem>| {
        if parcel.len() < DIGEST_FROM { parcel.into_iter().map(|item| vec![item]).collect() } else { vec![parcel] }
    };
    parcels.into_iter().flat_map(alone).collect()
}
