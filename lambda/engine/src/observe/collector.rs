//! Looks into one account, every enabled region and every kind at once.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use runawaytrain_core::measure::price::{PriceKey, Prices};
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::{Observation, Seen};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Depth, Kind, Refusals, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

use crate::deadline::in_time;
use crate::observe::prices::PriceMemory;
use crate::patience::Patience;
use crate::ports::{Freshness, Look, Observer, Terms};

/// Calls under way at once, over all accounts and regions. AWS's quotas are per account and region, so this bounds only
/// our own sockets.
const MOST_CALLS: usize = 256;

/// An observer, how many of its calls may be under way at once over all accounts, and what things cost.
#[derive(Clone)]
pub struct Collector {
    observer: Arc<dyn Observer>,
    /// Who is asked which regions there are, where nothing is known of an account's own.
    payer: AccountId,
    permits: Arc<Semaphore>,
    prices: PriceMemory,
}

/// What a close look is for.
#[derive(Debug, Clone, Copy)]
pub enum Attention<'a> {
    /// A halt: what the policy wants something of, as closely as what refused in it asks for. Of what the look before
    /// it in the same invocation saw settled it asks only whether it changed, and the next one is made in a moment.
    Halt(&'a AccountPolicy, &'a Refusals, Option<&'a Observation>),
    /// The same where no other look follows: a drill, or a halt that is proven, once an hour.
    Review(&'a AccountPolicy, &'a Refusals),
    /// A halt that is proven, between two close looks: whether it still holds.
    Standing(&'a AccountPolicy, &'a Refusals),
    /// A freeze: what is done to the account from outside.
    Freeze(&'a AccountPolicy),
    /// A release: everything. Whatever the policy leaves alone today, an earlier one may have had locked.
    Release,
}

impl Attention<'_> {
    pub(super) fn wants(self, kind: Kind) -> bool {
        match self {
            Self::Halt(policy, ..) | Self::Review(policy, _) | Self::Standing(policy, _) => kind.is_wanted(policy),
            Self::Freeze(policy) => kind.is_wanted(policy) && kind.caller() == Caller::Payer,
            Self::Release => true,
        }
    }

    pub(super) fn depth(self, kind: Kind) -> Depth {
        match self {
            Self::Halt(policy, refusals, _) | Self::Review(policy, refusals) => kind.depth(policy, refusals),
            Self::Standing(policy, refusals) => kind.standing_depth(policy, refusals),
            Self::Freeze(_) => Depth::Usual,
            Self::Release => kind.release_depth(),
        }
    }

    /// How long things are asked about one by one, where at least half of the time until then is for what follows.
    pub(super) fn within(self, until: Option<Instant>) -> Duration {
        /// As long as instances may run on that were launched since the look began.
        const IN_A_HALT: Duration = Duration::from_secs(10);
        const AT_MOST: Duration = Duration::from_secs(300);
        let half = until.map_or(AT_MOST, |until| until.saturating_duration_since(Instant::now()) / 2);
        match self {
            Self::Halt(..) | Self::Standing(..) | Self::Freeze(_) => IN_A_HALT.min(half),
            Self::Review(..) | Self::Release => AT_MOST.min(half),
        }
    }

    /// What of a kind need not be seen anew.
    pub(super) fn settled(self, kind: Kind, region: Option<&Region>) -> Option<Sight> {
        match self {
            Self::Halt(policy, _, earlier) => kind.settled(policy, earlier?, region),
            Self::Review(..) | Self::Standing(..) | Self::Freeze(_) | Self::Release => None,
        }
    }
}

impl Collector {
    /// A collector over an observer, which knows what things cost.
    pub fn new(observer: Arc<dyn Observer>, payer: AccountId, prices: PriceMemory) -> Self {
        Self { observer, payer, permits: Arc::new(Semaphore::new(MOST_CALLS)), prices }
    }

    /// One look by itself.
    pub async fn look(&self, account: &AccountId, look: &Look, until: Option<Instant>) -> Seen<Sight> {
        in_time(until, self.ask(account, look, until, Terms::default()))
            .await
            .unwrap_or_else(|| Err(not_answered(look.kind.first_read())))
    }

    /// The same observation with a price for all that was seen, where that takes no longer than a moment: what an
    /// account burns decides who is halted first where not all can be.
    pub async fn priced(&self, observation: &Observation) -> Observation {
        const A_MOMENT: Duration = Duration::from_secs(2);
        let places: Vec<Option<Region>> = observation.regions().into_iter().map(Some).chain([None]).collect();
        let keys = |place: &Option<Region>| {
            Kind::ALL.iter().flat_map(|kind| kind.price_keys(observation, place.as_ref())).collect::<Vec<_>>()
        };
        let mut wanted: BTreeMap<PriceKey, Vcpus> = places.iter().flat_map(keys).collect();
        wanted.retain(|key, _| !observation.prices.contains_key(key));
        let mut priced = observation.clone();
        if let Ok(prices) = tokio::time::timeout(A_MOMENT, self.prices.of(wanted)).await {
            priced.prices.extend(prices);
        }
        priced
    }

    /// One look, within the bound on calls, with patience where it is throttled.
    pub(super) async fn ask(
        &self,
        account: &AccountId,
        look: &Look,
        until: Option<Instant>,
        terms: Terms<'_>,
    ) -> Seen<Sight> {
        let mut patience = patience(until, (account, look));
        loop {
            let seen = {
                let _permit = self.permits.acquire().await;
                self.observer.look_on(account, look, terms).await
            };
            match seen {
                Err(failure) if deserves_patience(failure.kind) => match patience.next() {
                    Some(wait) => sleep(wait).await,
                    None => return Err(failure),
                },
                seen => return seen,
            }
        }
    }

    /// The regions that an account has enabled.
    pub(super) async fn regions(&self, account: &AccountId, freshness: Freshness) -> Seen<BTreeSet<Region>> {
        let _permit = self.permits.acquire().await;
        let regions = self.observer.regions(account, freshness).await?;
        if regions.is_empty() {
            // Every account has regions. To take none for an answer would make an account that nobody looked at look
            // empty.
            return Err(Failure::own(DESCRIBE_REGIONS, FailureKind::Other, "it answered without a single region"));
        }
        Ok(regions.into_iter().collect())
    }

    /// Every region that there is, as the payer is told: where to look in an account of which nothing is known.
    pub(super) async fn every_region(&self) -> Seen<BTreeSet<Region>> {
        let _permit = self.permits.acquire().await;
        Ok(self.observer.every_region(&self.payer).await?.into_iter().collect())
    }

    pub(super) async fn prices(&self, wanted: BTreeMap<PriceKey, Vcpus>) -> Prices {
        self.prices.of(wanted).await
    }
}

/// The patience of one look that is throttled, which leaves at least half of the time until then to what follows.
/// Whoever uses up an account's quota of calls gets most of it and never all: it comes back token by token, and anybody
/// may be the next to ask. It waits without a permit, so that no other account waits for it.
pub(super) fn patience(until: Option<Instant>, whose: impl Hash) -> Patience {
    const LONGEST: Duration = Duration::from_secs(40);
    let now = Instant::now();
    let half = until.map_or(LONGEST, |until| until.saturating_duration_since(now) / 2);
    Patience::new(u32::MAX, Duration::from_secs(1), Duration::from_secs(4))
        .of(whose)
        .until(Some(now + LONGEST.min(half)))
}

/// Whether the same look is made again at once, after a wait. What passes in some other way is looked at again by the
/// next pass or the next sweep.
pub(super) fn deserves_patience(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Throttled => true,
        FailureKind::Credentials
        | FailureKind::Denied
        | FailureKind::Contended
        | FailureKind::QuotaFull
        | FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::Unavailable
        | FailureKind::NotBegun
        | FailureKind::Other => false,
    }
}

pub(super) fn not_answered(operation: &str) -> Failure {
    Failure::own(operation, FailureKind::Unavailable, "it did not answer before the invocation's end")
}
