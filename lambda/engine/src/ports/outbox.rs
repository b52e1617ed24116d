use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::message::Notice;
use runawaytrain_core::vocabulary::failure::Failure;

/// The key of a mail in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub String);

/// A mail that SNS has not taken yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    /// Its key.
    pub id: OutboxId,
    /// The mail.
    pub notice: Notice,
    /// How often SNS did not take it.
    pub tries: u32,
}

/// The mails that wait for SNS. They come in with a commit of the record that they are about, where there is one.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The mails that wait, oldest first, all pages.
    async fn waiting(&self) -> Result<Vec<OutboxItem>, Failure>;

    /// Claims a mail for sending until a time, so that two invocations do not both send it. False when another holds it
    /// at `now` or it is gone.
    async fn claim(&self, id: &OutboxId, now: Timestamp, until: Timestamp) -> Result<bool, Failure>;

    /// Gives a claim back and counts the try: SNS did not take the mail, and whoever comes next may try at once.
    async fn unclaim(&self, id: &OutboxId) -> Result<(), Failure>;

    /// Puts in a mail that comes with no record, unless one of its kind about its account was put in within `quiet`
    /// before `at`. Whether it was put in.
    async fn add(&self, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> Result<bool, Failure>;

    /// Removes a mail that SNS took.
    async fn clear(&self, id: &OutboxId) -> Result<(), Failure>;
}
