use std::collections::BTreeMap;

use async_trait::async_trait;

use runawaytrain_core::plan::permissions::Question;
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure};
use runawaytrain_core::vocabulary::ids::AccountId;

/// AWS's policy simulator in an account: it says whether calls would be allowed, and makes none of them.
#[async_trait]
pub trait Simulator: Send + Sync {
    /// Which of the calls would be denied, and by whose policy; all pages. Where it leaves one of them out, nothing is
    /// known, which is a failure.
    async fn simulate(
        &self,
        account: &AccountId,
        question: &Question,
    ) -> Result<BTreeMap<&'static str, DeniedBy>, Failure>;
}
