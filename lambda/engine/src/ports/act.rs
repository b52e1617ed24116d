use async_trait::async_trait;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::plan::Action;

/// What an action came to when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performed {
    /// AWS took it.
    Done,
    /// The thing was gone already: a key, password, policy or user that does not exist needs no removing.
    AlreadySo,
}

/// Changes accounts, one API call an action.
#[async_trait]
pub trait Actuator: Send + Sync {
    /// Performs one action. Nothing is retried here beyond what the SDK retries; batches are not split here.
    ///
    /// `StopInstances` with an empty list is refused as `Invalid` without a call: to EC2 an empty list means all.
    async fn perform(&self, account: &AccountId, action: &Action) -> Result<Performed, Failure>;
}
