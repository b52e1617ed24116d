use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::resource::Action;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;

/// What an action came to when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performed {
    /// AWS took it.
    Done,
    /// The thing was gone already: a key, password, policy or user that does not exist needs no removing.
    AlreadyDone,
}

/// Changes accounts, one API call an action.
#[async_trait]
pub trait Actuator: Send + Sync {
    /// Makes ready to change an account, so that the first call need not wait for it. Nothing is changed, and what goes
    /// wrong with it is what the first call then says.
    async fn prepare(&self, account: &AccountId);

    /// Performs one action. Nothing is retried here beyond what the SDK retries; batches are not split here.
    ///
    /// `now` is the time of the call, for an action that dates what it writes: sessions issued before it are revoked.
    ///
    /// An action about an empty list is refused as `Invalid` without a call: to EC2 an empty list means all.
    async fn perform(&self, account: &AccountId, action: &Action, now: Timestamp) -> Result<Performed, Failure>;
}
