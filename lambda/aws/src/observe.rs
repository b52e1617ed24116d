//! Looking into accounts, with sessions that can do nothing else.

mod belongings;
mod credentials;
mod instances;
mod launchers;
mod quarantine;
mod roles;
mod users;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_organizations::Client as Organizations;
use tokio::time::Instant;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{Role, User};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::launchers::Launchers;
use runawaytrain_core::observation::{Instance, Seen};
use runawaytrain_engine::ports::{Freshness, Observer, UserDetail};

use crate::failure;
use crate::sessions::{Purpose, Sessions};

/// How long a sweep trusts an account's list of regions. Enabling one takes a thief minutes; a halt asks anew.
const REGIONS_FRESH: Duration = Duration::from_secs(15 * 60);
/// Users or roles looked at at a time. IAM does not state its quotas; more of them at a time were throttled rather than
/// faster.
const AT_A_TIME: usize = 8;

pub(crate) struct SdkObserver {
    sessions: Arc<Sessions>,
    /// With the payer's own credentials: what is attached to a member is the payer's to see.
    organizations: Organizations,
    quarantine_policy: Option<String>,
    regions: Mutex<HashMap<AccountId, (Instant, Vec<Region>)>>,
}

impl SdkObserver {
    pub(crate) fn new(
        sessions: Arc<Sessions>,
        organizations: Organizations,
        quarantine_policy: Option<String>,
    ) -> Self {
        Self { sessions, organizations, quarantine_policy, regions: Mutex::default() }
    }

    fn known_regions(&self, account: &AccountId) -> Option<Vec<Region>> {
        let known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(account).filter(|(since, _)| since.elapsed() < REGIONS_FRESH).map(|(_, regions)| regions.clone())
    }
}

#[async_trait]
impl Observer for SdkObserver {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        if let Some(regions) = self.known_regions(account).filter(|_| freshness == Freshness::Cached) {
            return Ok(regions);
        }
        let session = self.sessions.get(account, Purpose::Look).await?;
        // Without AllRegions: those that the account has enabled.
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
        let answer = match session.ec2(&Region::new(HOME_REGION)).describe_regions().send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.sessions.blame(&session, failure::of("ec2:DescribeRegions", &error)).await),
        };
        let regions: Vec<Region> =
            answer.regions().iter().filter_map(|region| region.region_name()).map(Region::new).collect();
        let mut known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(account.clone(), (Instant::now(), regions.clone()));
        Ok(regions)
    }

    async fn instances(&self, account: &AccountId, region: &Region) -> Result<Vec<Instance>, Failure> {
        let session = self.sessions.get(account, Purpose::Look).await?;
        match instances::list(&session.ec2(region)).await {
            Ok(instances) => Ok(instances),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }

    async fn launchers(&self, account: &AccountId, region: &Region) -> Result<Launchers, Failure> {
        let session = self.sessions.get(account, Purpose::Look).await?;
        match launchers::list(&session.ec2(region), &session.autoscaling(region)).await {
            Ok(launchers) => Ok(launchers),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }

    async fn roles(&self, account: &AccountId) -> Result<Vec<Role>, Failure> {
        let session = self.sessions.get(account, Purpose::Look).await?;
        match roles::list(&session.iam(), account).await {
            Ok(roles) => Ok(roles),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }

    async fn quarantined(&self, account: &AccountId) -> Result<Option<bool>, Failure> {
        match &self.quarantine_policy {
            Some(policy) => quarantine::attached(&self.organizations, policy, account).await.map(Some),
            None => Ok(None),
        }
    }

    async fn users(&self, account: &AccountId, detail: UserDetail) -> Result<Vec<User>, Failure> {
        let session = self.sessions.get(account, Purpose::Look).await?;
        match users::list(&session.iam(), detail).await {
            Ok(users) => Ok(users),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }
}

/// What is not found is absent; everything else is not known.
fn absent<T>(failure: Failure, value: T) -> Seen<T> {
    if failure.kind == FailureKind::NotFound { Ok(value) } else { Err(failure) }
}
