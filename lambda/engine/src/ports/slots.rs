use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;

/// What slots are taken for. Those of one pool say nothing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotPool {
    /// Halts.
    Halts,
    /// Freezes for purchases, where several workers sweep at once.
    Purchases,
}

/// How many accounts may be halted or frozen within a time, counted over all invocations.
#[async_trait]
pub trait Slots: Send + Sync {
    /// Takes one of `most` slots of a pool for an account, atomically; slots taken before `since` are free again. False when all
    /// are taken. An account that has one keeps it: two invocations that meet the same runaway account take one slot.
    async fn take(
        &self,
        pool: SlotPool,
        account: &AccountId,
        most: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Failure>;
}
