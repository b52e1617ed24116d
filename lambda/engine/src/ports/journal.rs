use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::resource::Action;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};

use super::states::{Lease, StoreError};

/// A journal entry's place: unique within a halt, in the order of the intents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The fence of the holder that wrote it.
    pub fence: u64,
    /// Its number with that holder.
    pub number: u64,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}#{:08}", self.fence, self.number)
    }
}

/// One API call of a halt: what was intended, and what came of it. An entry without a result may or may not have
/// happened.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Its place.
    pub id: EntryId,
    /// The halt.
    pub halt: HaltId,
    /// The call.
    pub action: Action,
    /// When it was intended.
    pub intended: Timestamp,
    /// What came of it and when.
    pub concluded: Option<(Timestamp, ActionResult)>,
    /// How often it was called until then: a call that is throttled is made again under its one entry.
    pub attempts: u32,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// When.
    pub at: Timestamp,
    /// How the last attempt ended.
    pub result: ActionResult,
    /// How many there were.
    pub attempts: u32,
}

/// What is done to an account, written down before and after.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes down what is about to be done, if the lease's fence is still the highest. Only then may it be done.
    async fn intend(&self, lease: &Lease, entry: &JournalEntry) -> Result<(), StoreError>;

    /// Writes down what came of it, if the lease's fence is still the highest.
    async fn conclude(
        &self,
        lease: &Lease,
        halt: &HaltId,
        id: &EntryId,
        conclusion: &Conclusion,
    ) -> Result<(), StoreError>;

    /// The journal of a halt, in order, all pages.
    async fn entries(&self, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure>;
}
