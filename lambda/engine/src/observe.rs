//! Looks into one account, every enabled region at once. Read-only by construction: it is given an observer and nothing else.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{User, Users};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::observation::{Instance, Observation, Seen};

use crate::ports::{Freshness, Observer, UserDetail};

/// An observer, and how many of its calls may be under way at once over all accounts.
#[derive(Clone)]
pub struct Eyes {
    observer: Arc<dyn Observer>,
    permits: Arc<Semaphore>,
}

/// Calls under way at once, over all accounts and regions. AWS's quotas are per account and region, so this bounds only our own sockets.
const MOST_CALLS: usize = 256;

impl Eyes {
    /// Eyes over an observer.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer, permits: Arc::new(Semaphore::new(MOST_CALLS)) }
    }

    /// Begins to look into an account: its regions are known when this returns, their instances come in with [`Watch::next`].
    pub async fn watch(&self, account: &AccountId, freshness: Freshness) -> Watch {
        let mut watch = Watch { eyes: self.clone(), observation: Observation::new(account.clone()), under_way: FuturesUnordered::new() };
        match self.regions(account, freshness).await {
            Ok(regions) => {
                watch.observation.expected_regions = Some(regions.len());
                for region in regions {
                    watch.under_way.push(self.clone().look(account.clone(), region));
                }
            }
            Err(failure) => watch.observation.unreachable = Some(failure),
        }
        watch
    }

    /// Looks at everything, users included, asking anew for the regions, and waits for all of it.
    pub async fn look_closely(&self, account: &AccountId, users: Option<UserDetail>) -> Observation {
        let mut watch = self.watch(account, Freshness::Now).await;
        if let Some(detail) = users {
            watch.look_at_users(detail);
        }
        while watch.next().await {}
        watch.observation
    }

    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Seen<Vec<Region>> {
        let _permit = self.permits.acquire().await;
        let regions = self.observer.regions(account, freshness).await?;
        if regions.is_empty() {
            // Every account has regions. To take none for an answer would make an account that nobody looked at look empty.
            return Err(Failure {
                operation: "ec2:DescribeRegions".to_owned(),
                kind: FailureKind::Other,
                code: None,
                detail: "it answered without a single region".to_owned(),
                named: Vec::new(),
            });
        }
        Ok(regions)
    }

    fn look(self, account: AccountId, region: Region) -> BoxFuture<'static, Sighting> {
        Box::pin(async move {
            let _permit = self.permits.acquire().await;
            let seen = self.observer.instances(&account, &region).await;
            Sighting::Region(region, seen)
        })
    }
}

enum Sighting {
    Region(Region, Seen<Vec<Instance>>),
    Users(Seen<Vec<User>>),
}

/// An observation that is still growing.
pub struct Watch {
    eyes: Eyes,
    observation: Observation,
    under_way: FuturesUnordered<BoxFuture<'static, Sighting>>,
}

impl Watch {
    /// What has been seen so far.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Waits for the next answer and takes it in; false when none is left.
    pub async fn next(&mut self) -> bool {
        match self.under_way.next().await {
            Some(Sighting::Region(region, seen)) => {
                self.observation.regions.insert(region, seen);
                true
            }
            Some(Sighting::Users(seen)) => {
                self.observation.users = Users::Looked(seen);
                true
            }
            None => false,
        }
    }

    /// Looks at the users as well. Not part of every sweep: users count for nothing until there is a halt.
    pub fn look_at_users(&mut self, detail: UserDetail) {
        let (eyes, account) = (self.eyes.clone(), self.observation.account.clone());
        self.under_way.push(Box::pin(async move {
            let _permit = eyes.permits.acquire().await;
            Sighting::Users(eyes.observer.users(&account, detail).await)
        }));
    }
}
