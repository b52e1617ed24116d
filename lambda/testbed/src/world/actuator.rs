//! Changing the organization's accounts.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::resource::{Act, Action, Kind};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Actuator, Performed};

use super::{Call, Inner, World};
use crate::faults::failure;
use crate::resource;

#[async_trait]
impl Actuator for World {
    async fn prepare(&self, _: &AccountId) {}

    async fn perform(&self, account: &AccountId, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
        let operation = action.operation();
        let kind = action.kind();
        assert!(kind.calls().contains(&operation), "{} does not say that it calls {operation}", kind.name());
        // What needs no asking is refused without a call.
        if action.names_nothing() || (kind == Kind::Quarantine && self.payer.policies.are_missing()) {
            return Err(failure(operation, FailureKind::Invalid));
        }
        self.lock().calls.push(Call { account: account.clone(), action: action.clone(), after: self.clock.elapsed() });
        self.call(kind.actor(), operation, account, action.region()).await?;
        if kind == Kind::Root && !self.payer.root_access.load(Ordering::Relaxed) {
            return Err(failure(operation, FailureKind::Denied));
        }
        let mut inner = self.lock();
        let Inner { accounts, quotas, .. } = &mut *inner;
        let known = accounts.get_mut(account).ok_or_else(|| failure(operation, FailureKind::NotFound))?;
        known.settle();
        let admit = |number| match (quotas, action.region()) {
            (Some(quotas), Some(region)) => quotas.admit_instances(account, region, operation, number),
            (None, _) | (_, None) => true,
        };
        resource::perform(known, action, now, admit)
    }
}
