//! An observation that is still growing.
//!
//! Each look is a task of its own: it goes on, and gives back its permit, whatever whoever waits for it is doing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use runawaytrain_core::measure::price::{PriceKey, Prices};
use runawaytrain_core::measure::spend::Charges;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::{Need, Observation, Seen};
use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Kind, Scope, Sight};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

use super::collector::{Attention, Collector, not_answered};
use super::spend::{SharedSpend, Spending};
use crate::deadline::in_time;
use crate::ports::{Freshness, Look};

/// The looks into one account that are under way, and what they brought so far. Dropped, it breaks them off.
pub struct Collection {
    collector: Collector,
    observation: Observation,
    regions: Vec<Region>,
    /// Looks without an answer. Prices and spend are not among them: they are a second opinion, and no gap.
    awaited: BTreeSet<Look>,
    /// Looks that a verdict does not need and that were asked for all the same.
    closer: BTreeSet<Look>,
    tasks: JoinSet<Sighting>,
    until: Option<Instant>,
    cut: bool,
    priced: BTreeSet<PriceKey>,
}

/// What a task brought.
enum Sighting {
    Look(Look, Seen<Sight>),
    Prices(Prices),
    Spend(Arc<Spending>),
}

impl Collection {
    /// Begins to look into an account: its regions are known when this returns, what is in them comes in with
    /// [`Collection::next`]. What has not answered by `until` is not waited for: it is a gap.
    pub async fn begin(
        collector: Collector,
        account: &AccountId,
        freshness: Freshness,
        until: Option<Instant>,
    ) -> Self {
        let regions = in_time(until, collector.regions(account, freshness)).await;
        let mut collection = Self {
            collector,
            observation: Observation::new(account.clone()),
            regions: Vec::new(),
            awaited: BTreeSet::new(),
            closer: BTreeSet::new(),
            tasks: JoinSet::new(),
            until,
            cut: regions.is_none(),
            priced: BTreeSet::new(),
        };
        match regions.unwrap_or_else(|| Err(not_answered(DESCRIBE_REGIONS))) {
            Ok(regions) => {
                collection.regions = regions;
                for kind in Kind::ALL.iter().filter(|kind| kind.need() == Need::Verdict) {
                    for region in collection.places(*kind) {
                        kind.expect(&mut collection.observation, region.as_ref());
                        collection.ask(Look::at(*kind, region.as_ref()));
                    }
                }
            }
            Err(failure) => collection.observation.unreachable = Some(failure),
        }
        collection
    }

    /// Looks at what a halt or a release needs and a verdict does not. What was looked at so is not looked at again.
    pub fn look_closer(&mut self, attention: Attention<'_>) {
        // In the order of the list: the quarantine first, for it keeps the account from growing while the rest is under
        // way.
        for kind in Kind::ALL.iter().filter(|kind| kind.need() == Need::Halt && attention.wants(**kind)) {
            let is_open = match kind.caller() {
                Caller::Payer => true,
                Caller::Member => self.observation.unreachable.is_none(),
            };
            if is_open {
                for region in self.places(*kind) {
                    let look = Look { depth: attention.depth(*kind), ..Look::at(*kind, region.as_ref()) };
                    if self.closer.insert(look.clone()) {
                        self.ask(look);
                    }
                }
            }
        }
    }

    /// Waits for what the account spent, too, beside all else. `charges` are those that are known from before.
    pub fn hold_against(&mut self, charges: Charges, spend: SharedSpend) {
        self.observation.spend.charges = charges;
        self.tasks.spawn(async move { Sighting::Spend(spend.await) });
    }

    /// What has been seen so far.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// What has been seen; nothing more is waited for.
    pub fn into_observation(self) -> Observation {
        self.observation
    }

    /// Whether something did not answer before the invocation's end.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// Waits for the next answer and takes it in; false when none is left. Nothing is lost where it is not waited for
    /// to the end.
    pub async fn next(&mut self) -> bool {
        match in_time(self.until, self.tasks.join_next()).await {
            Some(Some(Ok(sighting))) => self.take_in(sighting),
            Some(Some(Err(broken))) => {
                tracing::error!(account = %self.observation.account, error = %broken, "a look broke");
            }
            // What broke has not answered; that is news as well.
            Some(None) => return self.give_up(),
            // Spend and prices that did not come are no reason to call it cut.
            None => {
                self.cut |= !self.awaited.is_empty();
                self.tasks = JoinSet::new();
                self.give_up();
            }
        }
        true
    }

    /// Takes whatever is still awaited for unanswered; false where nothing is.
    fn give_up(&mut self) -> bool {
        let awaited = std::mem::take(&mut self.awaited);
        let any = !awaited.is_empty();
        for look in awaited {
            let failure = not_answered(look.kind.first_read());
            self.take_in(Sighting::Look(look, Err(failure)));
        }
        any
    }

    fn take_in(&mut self, sighting: Sighting) {
        let seen = &mut self.observation;
        match sighting {
            Sighting::Look(look, sight) => {
                self.awaited.remove(&look);
                let may_cost = sight.is_ok() && look.kind.need() == Need::Verdict;
                look.kind.see(seen, look.region.as_ref(), sight);
                if may_cost {
                    let wanted = look.kind.price_keys(seen, look.region.as_ref());
                    self.ask_for_prices(wanted);
                }
            }
            Sighting::Prices(prices) => seen.prices.extend(prices),
            Sighting::Spend(spending) => {
                if let Some(charge) = spending.charge(&seen.account) {
                    seen.spend.charges = seen.spend.charges.with(charge);
                }
                seen.spend.hours = spending.hours(&seen.account);
            }
        }
    }

    /// Prices of what was seen and has none yet, asked for once.
    fn ask_for_prices(&mut self, mut wanted: BTreeMap<PriceKey, Vcpus>) {
        wanted.retain(|key, _| !self.priced.contains(key));
        if !wanted.is_empty() {
            self.priced.extend(wanted.keys().cloned());
            let collector = self.collector.clone();
            self.tasks.spawn(async move { Sighting::Prices(collector.prices(wanted).await) });
        }
    }

    fn ask(&mut self, look: Look) {
        self.awaited.insert(look.clone());
        let (collector, account) = (self.collector.clone(), self.observation.account.clone());
        self.tasks.spawn(async move {
            let seen = collector.ask(&account, &look).await;
            Sighting::Look(look, seen)
        });
    }

    /// Where a kind is looked at.
    fn places(&self, kind: Kind) -> Vec<Option<Region>> {
        match kind.scope() {
            Scope::Region => self.regions.iter().cloned().map(Some).collect(),
            Scope::Account => vec![None],
        }
    }
}

impl Collector {
    /// Looks at everything that a halt or a release of this account is about, asking anew for the regions, and waits
    /// for all of it; what has not answered by `until` is a gap.
    pub async fn look_closely(
        &self,
        account: &AccountId,
        attention: Attention<'_>,
        until: Option<Instant>,
    ) -> Observation {
        let mut collection = Collection::begin(self.clone(), account, Freshness::Now, until).await;
        collection.look_closer(attention);
        while collection.next().await {}
        collection.into_observation()
    }
}
