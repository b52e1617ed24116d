use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::record::HourPeak;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;

/// What ran at the most in each hour, kept for advice on limits. The guard only writes it, with the commits of records;
/// whoever advises reads it.
#[async_trait]
pub trait Peaks: Send + Sync {
    /// An account's hours since a time, the oldest first, all pages. An hour that nobody looked into is left out: what
    /// ran in it is not known, which is not nothing.
    async fn peaks(&self, account: &AccountId, since: Timestamp) -> Result<Vec<HourPeak>, Failure>;
}
