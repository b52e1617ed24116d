//! Looks into one account, every enabled region at once. Read-only by construction: it is given an observer and nothing
//! else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{Role, Roles, User, Users};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::launchers::Launchers;
use runawaytrain_core::observation::{Instance, Observation, Quarantine, Seen};
use runawaytrain_core::policy::{AccountPolicy, RoleResponse, UserResponse};
use runawaytrain_core::price::{PriceKey, Prices};
use runawaytrain_core::spend::Charges;
use runawaytrain_core::vcpus::Vcpus;

use crate::ports::{Freshness, Observer, UserDetail};
use crate::pricing::PriceMemory;
use crate::spending::{Awaited, Spending};

/// An observer, and how many of its calls may be under way at once over all accounts.
#[derive(Clone)]
pub struct Eyes {
    observer: Arc<dyn Observer>,
    permits: Arc<Semaphore>,
    prices: PriceMemory,
}

/// Calls under way at once, over all accounts and regions. AWS's quotas are per account and region, so this bounds only
/// our own sockets.
const MOST_CALLS: usize = 256;

impl Eyes {
    /// Eyes over an observer, which know what instances cost.
    pub fn new(observer: Arc<dyn Observer>, prices: PriceMemory) -> Self {
        Self { observer, permits: Arc::new(Semaphore::new(MOST_CALLS)), prices }
    }

    /// Begins to look into an account: its regions are known when this returns, their instances come in with
    /// [`Watch::next`]. What has not answered by `until` is not waited for: it is a gap.
    pub async fn watch(&self, account: &AccountId, freshness: Freshness, until: Option<Instant>) -> Watch {
        let (eyes, observation) = (self.clone(), Observation::new(account.clone()));
        let mut watch = Watch {
            eyes,
            observation,
            regions: Vec::new(),
            asked: BTreeSet::new(),
            under_way: FuturesUnordered::new(),
            until,
            cut: false,
            priced: BTreeSet::new(),
        };
        let regions = in_time(until, self.regions(account, freshness)).await;
        watch.cut = regions.is_none();
        match regions.unwrap_or_else(|| Err(not_answered(REGIONS))) {
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
    pub async fn look_closely(&self, policy: &AccountPolicy, until: Option<Instant>) -> Observation {
        let mut watch = self.watch(&policy.account, Freshness::Now, until).await;
        watch.look_closer(policy);
        while watch.next().await {}
        watch.observation
    }

    /// The same observation with a price for all that was seen, where that takes no longer than a moment: what an
    /// account burns decides who is halted first where not all can be.
    pub async fn priced(&self, observation: &Observation) -> Observation {
        const A_MOMENT: Duration = Duration::from_secs(2);
        let of = observation.instances().map(|(region, instance)| (PriceKey::of(region, instance), instance.vcpus));
        let wanted: BTreeMap<PriceKey, Vcpus> = of.filter(|(key, _)| !observation.prices.contains_key(key)).collect();
        let mut priced = observation.clone();
        if let Ok(prices) = tokio::time::timeout(A_MOMENT, self.prices.of(wanted)).await {
            priced.prices.extend(prices);
        }
        priced
    }

    /// Looks whether the quarantine is attached, and at nothing else.
    pub async fn look_at_quarantine(&self, account: &AccountId, until: Option<Instant>) -> Seen<Option<bool>> {
        let _permit = self.permits.acquire().await;
        in_time(until, self.observer.quarantined(account)).await.unwrap_or_else(|| Err(not_answered(QUARANTINE)))
    }

    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Seen<Vec<Region>> {
        let _permit = self.permits.acquire().await;
        let regions = self.observer.regions(account, freshness).await?;
        if regions.is_empty() {
            // Every account has regions. To take none for an answer would make an account that nobody looked at look
            // empty.
            return Err(Failure {
                operation: REGIONS.to_owned(),
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
    Prices(Prices),
    Spend(Arc<Spending>),
    Region(Region, Seen<Vec<Instance>>),
    Launchers(Region, Seen<Launchers>),
    Users(Seen<Vec<User>>),
    Roles(Seen<Vec<Role>>),
    Quarantine(Seen<Option<bool>>),
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Region(Region),
    Launchers(Region),
    Users,
    Roles,
    Quarantine,
}

impl Sighting {
    /// What it answers, where its absence would be a gap: prices and spend are a second opinion.
    fn answers(&self) -> Option<Asked> {
        Some(match self {
            Self::Prices(_) | Self::Spend(_) => return None,
            Self::Region(region, _) => Asked::Region(region.clone()),
            Self::Launchers(region, _) => Asked::Launchers(region.clone()),
            Self::Users(_) => Asked::Users,
            Self::Roles(_) => Asked::Roles,
            Self::Quarantine(_) => Asked::Quarantine,
        })
    }
}

impl Asked {
    /// What stands in the place of an answer that did not come in time.
    fn unanswered(self) -> Sighting {
        match self {
            Self::Region(region) => Sighting::Region(region, Err(not_answered("ec2:DescribeInstances"))),
            Self::Launchers(region) => {
                Sighting::Launchers(region, Err(not_answered("autoscaling:DescribeAutoScalingGroups")))
            }
            Self::Users => Sighting::Users(Err(not_answered("iam:ListUsers"))),
            Self::Roles => Sighting::Roles(Err(not_answered("iam:ListRoles"))),
            Self::Quarantine => Sighting::Quarantine(Err(not_answered(QUARANTINE))),
        }
    }
}

const REGIONS: &str = "ec2:DescribeRegions";
const QUARANTINE: &str = "organizations:ListPoliciesForTarget";

fn not_answered(operation: &str) -> Failure {
    let detail = "it did not answer before the invocation's end".to_owned();
    Failure { operation: operation.to_owned(), kind: FailureKind::Unavailable, code: None, detail, named: Vec::new() }
}

/// Waits no longer than until a time; `None` when it has come.
async fn in_time<T>(until: Option<Instant>, what: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => tokio::time::timeout_at(until, what).await.ok(),
        None => Some(what.await),
    }
}

/// An observation that is still growing.
pub struct Watch {
    eyes: Eyes,
    observation: Observation,
    regions: Vec<Region>,
    asked: BTreeSet<Asked>,
    under_way: FuturesUnordered<BoxFuture<'static, Sighting>>,
    until: Option<Instant>,
    cut: bool,
    priced: BTreeSet<PriceKey>,
}

impl Watch {
    /// Waits for what the account spent, too, beside all else. `charges` are those that are known from before.
    pub fn hold_against(&mut self, charges: Charges, spending: Awaited) {
        self.observation.spend.charges = charges;
        self.under_way.push(Box::pin(async move { Sighting::Spend(spending.await) }));
    }

    /// Prices of what was seen and has none yet, asked for once.
    fn ask_for_prices(&mut self) {
        let memory = self.eyes.prices.clone();
        let of =
            self.observation.instances().map(|(region, instance)| (PriceKey::of(region, instance), instance.vcpus));
        let wanted: BTreeMap<PriceKey, Vcpus> = of.filter(|(key, _)| !self.priced.contains(key)).collect();
        if !wanted.is_empty() {
            self.priced.extend(wanted.keys().cloned());
            self.under_way.push(Box::pin(async move { Sighting::Prices(memory.of(wanted).await) }));
        }
    }

    /// Whether something did not answer before the invocation's end.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// What has been seen so far.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Waits for the next answer and takes it in; false when none is left.
    pub async fn next(&mut self) -> bool {
        match in_time(self.until, self.under_way.next()).await {
            Some(Some(sighting)) => self.take_in(sighting),
            Some(None) => return false,
            // True once more: what did not answer is news as well. Spend and prices that did not come are no reason to
            // call it cut.
            None => {
                self.cut = !self.asked.is_empty();
                self.under_way.clear();
                std::mem::take(&mut self.asked).into_iter().for_each(|asked| self.take_in(asked.unanswered()));
            }
        }
        true
    }

    fn take_in(&mut self, sighting: Sighting) {
        if let Some(asked) = sighting.answers() {
            self.asked.remove(&asked);
        }
        let new_instances = matches!(sighting, Sighting::Region(_, Ok(_)));
        let seen = &mut self.observation;
        match sighting {
            Sighting::Region(region, instances) => drop(seen.regions.insert(region, instances)),
            Sighting::Launchers(region, launchers) => drop(seen.launchers.insert(region, launchers)),
            Sighting::Users(users) => seen.users = Users::Looked(users),
            Sighting::Roles(roles) => seen.roles = Roles::Looked(roles),
            Sighting::Quarantine(Ok(None)) => seen.quarantine = Quarantine::Undeployed,
            Sighting::Quarantine(Ok(Some(attached))) => seen.quarantine = Quarantine::Looked(Ok(attached)),
            Sighting::Quarantine(Err(failure)) => seen.quarantine = Quarantine::Looked(Err(failure)),
            Sighting::Prices(prices) => seen.prices.extend(prices),
            Sighting::Spend(spending) => {
                if let Some(charge) = spending.charge(&seen.account) {
                    seen.spend.charges = seen.spend.charges.with(charge);
                }
                seen.spend.hours = spending.hours(&seen.account);
            }
        }
        if new_instances {
            self.ask_for_prices();
        }
    }

    fn ask<F>(&mut self, what: Asked, call: impl FnOnce(Arc<dyn Observer>) -> F + Send + 'static)
    where
        F: Future<Output = Sighting> + Send,
    {
        self.asked.insert(what);
        self.under_way.push(self.eyes.look(call));
    }

    /// Looks at what a halt needs and a verdict does not: the quarantine, what would launch again in each region, users
    /// and roles; each only where the policy wants something of it.
    pub fn look_closer(&mut self, policy: &AccountPolicy) {
        let account = self.observation.account.clone();
        let contain = policy.contain;
        // The quarantine first: it is what keeps the account from growing while the rest is under way.
        if contain.quarantine {
            let account = account.clone();
            self.ask(Asked::Quarantine, |observer| async move {
                Sighting::Quarantine(observer.quarantined(&account).await)
            });
        }
        if self.observation.unreachable.is_some() {
            // The quarantine is the payer's own business; all else needs a way into the account.
            return;
        }
        for region in self.regions.clone() {
            let account = account.clone();
            self.ask(Asked::Launchers(region.clone()), |observer| async move {
                let launchers = observer.launchers(&account, &region).await;
                Sighting::Launchers(region, launchers)
            });
        }
        let detail = match contain.users {
            UserResponse::Deactivate | UserResponse::DeleteCredentials => Some(UserDetail::Credentials),
            UserResponse::DeleteUsers => Some(UserDetail::Everything),
            UserResponse::Leave => None,
        };
        if let Some(detail) = detail {
            let account = account.clone();
            self.ask(
                Asked::Users,
                move |observer| async move { Sighting::Users(observer.users(&account, detail).await) },
            );
        }
        if contain.roles != RoleResponse::Leave {
            self.ask(Asked::Roles, |observer| async move { Sighting::Roles(observer.roles(&account).await) });
        }
    }

    fn look_at_instances(&mut self, region: Region) {
        let account = self.observation.account.clone();
        self.ask(Asked::Region(region.clone()), |observer| async move {
            let instances = observer.instances(&account, &region).await;
            Sighting::Region(region, instances)
        });
    }
}
