//! What IAM's policy simulator says of our role.

use std::collections::BTreeMap;

use async_trait::async_trait;
use runawaytrain_core::plan::permissions::{Question, Value};
use runawaytrain_core::resource::{Caller, SIMULATE};
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::Simulator;

use super::World;

#[async_trait]
impl Simulator for World {
    /// Every fault that denies a call for good stands for a policy. Where several do, the organization's is told before
    /// the boundary, and that before the role's own. Our own policies exempt the role.
    async fn simulate(
        &self,
        account: &AccountId,
        question: &Question,
    ) -> Result<BTreeMap<&'static str, DeniedBy>, Failure> {
        self.call(Caller::Member, SIMULATE, account, None).await?;
        let region = question.context.iter().find_map(|(key, value)| match value {
            Value::Text(region) if *key == "aws:RequestedRegion" => Some(Region::new(region.clone())),
            Value::Text(_) | Value::Flag(_) => None,
        });
        let inner = self.lock();
        let denied = question.actions.iter().filter_map(|action| {
            let by = inner.faults.iter().filter_map(|fault| fault.denies(action, account, region.as_ref())).min();
            Some((*action, by?))
        });
        Ok(denied.collect())
    }
}
