//! Looking into the organization's accounts.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::SignedDuration;
use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Sight};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::{Clock, Freshness, Look, Observer, Terms};

use super::World;
use crate::resource;

/// How long the adapter remembers an account's regions: a thief who enables one hides in it until then.
const REGIONS_FRESH: SignedDuration = SignedDuration::from_mins(15);

impl World {
    /// What the adapter remembers of an account's regions, as long as it does.
    fn remembered_regions(&self, account: &AccountId) -> Option<Vec<Region>> {
        let now = self.clock.now();
        let inner = self.lock();
        let remembered = inner.regions.get(account).filter(|(since, _)| now.duration_since(*since) < REGIONS_FRESH);
        remembered.map(|(_, regions)| regions.clone())
    }
}

#[async_trait]
impl Observer for World {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        if let Some(regions) = self.remembered_regions(account).filter(|_| freshness == Freshness::Cached) {
            return Ok(regions);
        }
        self.call(Caller::Member, DESCRIBE_REGIONS, account, Some(&Region::new(HOME_REGION))).await?;
        let enabled = self.show(DESCRIBE_REGIONS, account, |known| known.enabled().cloned().collect());
        let regions: Vec<Region> = enabled.unwrap_or_default();
        self.lock().regions.insert(account.clone(), (self.clock.now(), regions.clone()));
        Ok(regions)
    }

    async fn every_region(&self, account: &AccountId) -> Result<Vec<Region>, Failure> {
        self.call(Caller::Member, DESCRIBE_REGIONS, account, Some(&Region::new(HOME_REGION))).await?;
        let every: BTreeSet<Region> =
            self.lock().accounts.values().flat_map(|known| known.regions.keys().cloned()).collect();
        Ok(every.into_iter().collect())
    }

    async fn look_on(&self, account: &AccountId, look: &Look, terms: Terms<'_>) -> Result<Sight, Failure> {
        resource::look(self, account, look, terms).await
    }
}
