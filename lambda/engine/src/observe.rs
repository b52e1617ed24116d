//! Looks into one account, every enabled region at once. Read-only by construction: it is given an observer and nothing else.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{Role, Roles, User, Users};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::launchers::Launchers;
use runawaytrain_core::observation::{Instance, Observation, Quarantine, Seen};
use runawaytrain_core::policy::{AccountPolicy, RoleResponse, UserResponse};

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
        let mut watch = Watch { eyes: self.clone(), observation: Observation::new(account.clone()), regions: Vec::new(), under_way: FuturesUnordered::new() };
        match self.regions(account, freshness).await {
            Ok(regions) => {
                watch.observation.expected_regions = Some(regions.len());
                watch.regions.clone_from(&regions);
                for region in regions {
                    watch.look_at_instances(region);
                }
            }
            Err(failure) => watch.observation.unreachable = Some(failure),
        }
        watch
    }

    /// Looks at everything that a halt of this account is about, asking anew for the regions, and waits for all of it.
    pub async fn look_closely(&self, policy: &AccountPolicy) -> Observation {
        let mut watch = self.watch(&policy.account, Freshness::Now).await;
        watch.look_closer(policy);
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

    /// One look, within the bound on calls.
    fn look<F>(&self, call: impl FnOnce(Arc<dyn Observer>) -> F + Send + 'static) -> BoxFuture<'static, Sighting>
    where
        F: Future<Output = Sighting> + Send,
    {
        let eyes = self.clone();
        Box::pin(async move {
            let _permit = eyes.permits.acquire().await;
            call(Arc::clone(&eyes.observer)).await
        })
    }
}

enum Sighting {
    Region(Region, Seen<Vec<Instance>>),
    Launchers(Region, Seen<Launchers>),
    Users(Seen<Vec<User>>),
    Roles(Seen<Vec<Role>>),
    Quarantine(Seen<Option<bool>>),
}

/// An observation that is still growing.
pub struct Watch {
    eyes: Eyes,
    observation: Observation,
    regions: Vec<Region>,
    under_way: FuturesUnordered<BoxFuture<'static, Sighting>>,
}

impl Watch {
    /// What has been seen so far.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Waits for the next answer and takes it in; false when none is left.
    pub async fn next(&mut self) -> bool {
        let Some(sighting) = self.under_way.next().await else { return false };
        let seen = &mut self.observation;
        match sighting {
            Sighting::Region(region, instances) => drop(seen.regions.insert(region, instances)),
            Sighting::Launchers(region, launchers) => drop(seen.launchers.insert(region, launchers)),
            Sighting::Users(users) => seen.users = Users::Looked(users),
            Sighting::Roles(roles) => seen.roles = Roles::Looked(roles),
            Sighting::Quarantine(Ok(None)) => seen.quarantine = Quarantine::Undeployed,
            Sighting::Quarantine(Ok(Some(attached))) => seen.quarantine = Quarantine::Looked(Ok(attached)),
            Sighting::Quarantine(Err(failure)) => seen.quarantine = Quarantine::Looked(Err(failure)),
        }
        true
    }

    /// Looks at what a halt needs and a verdict does not: the quarantine, what would launch again in each region, users and roles;
    /// each only where the policy wants something of it.
    pub fn look_closer(&mut self, policy: &AccountPolicy) {
        let account = self.observation.account.clone();
        let contain = policy.contain;
        // The quarantine first: it is what keeps the account from growing while the rest is under way.
        if contain.quarantine {
            let account = account.clone();
            self.under_way.push(self.eyes.look(|observer| async move { Sighting::Quarantine(observer.quarantined(&account).await) }));
        }
        if self.observation.unreachable.is_some() {
            // The quarantine is the payer's own business; all else needs a way into the account.
            return;
        }
        for region in self.regions.clone() {
            let account = account.clone();
            self.under_way.push(self.eyes.look(|observer| async move {
                let launchers = observer.launchers(&account, &region).await;
                Sighting::Launchers(region, launchers)
            }));
        }
        let detail = match contain.users {
            UserResponse::Deactivate | UserResponse::DeleteCredentials => Some(UserDetail::Credentials),
            UserResponse::DeleteUsers => Some(UserDetail::Everything),
            UserResponse::Leave => None,
        };
        if let Some(detail) = detail {
            let account = account.clone();
            self.under_way.push(self.eyes.look(move |observer| async move { Sighting::Users(observer.users(&account, detail).await) }));
        }
        if contain.roles != RoleResponse::Leave {
            self.under_way.push(self.eyes.look(|observer| async move { Sighting::Roles(observer.roles(&account).await) }));
        }
    }

    fn look_at_instances(&mut self, region: Region) {
        let account = self.observation.account.clone();
        self.under_way.push(self.eyes.look(|observer| async move {
            let instances = observer.instances(&account, &region).await;
            Sighting::Region(region, instances)
        }));
    }
}
