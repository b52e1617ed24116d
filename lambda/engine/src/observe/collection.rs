//! An observation that is still growing.
//!
//! Each look is a task of its own: it goes on, and gives back its permit, whatever whoever waits for it is doing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use runawaytrain_core::measure::price::{PriceKey, Prices};
use runawaytrain_core::measure::spend::Charges;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::{Need, Observation, Seen};
use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Depth, Kind, Scope, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::Region;

use super::collector::{Attention, Collector, deserves_patience, not_answered, patience};
use super::ground::Ground;
use super::spend::{SharedSpend, Spending};
use crate::deadline::{has_come, in_time};
use crate::patience::Patience;
use crate::ports::{Freshness, Look, Terms};

/// The looks into one account that are under way, and what they brought so far. Dropped, it breaks them off.
pub struct Collection {
    collector: Collector,
    ground: Ground,
    observation: Observation,
    /// Where it is looked at.
    regions: BTreeSet<Region>,
    /// At what it is looked in every region.
    kinds: BTreeMap<Kind, Depth>,
    /// Looks without an answer. Prices and spend are not among them: they are a second opinion, and no gap.
    awaited: BTreeSet<Look>,
    tasks: JoinSet<Sighting>,
    /// What looks under way know already.
    so_far: (UnboundedSender<Sighting>, UnboundedReceiver<Sighting>),
    until: Option<Instant>,
    cut: bool,
    priced: BTreeSet<PriceKey>,
}

/// How a look goes about what is asked one by one.
struct Pace {
    settled: Option<Sight>,
    within: Duration,
}

/// What a task brought.
enum Sighting {
    Regions(Seen<BTreeSet<Region>>, Patience),
    Look(Look, Seen<Sight>),
    SoFar(Look, Sight),
    Prices(Prices),
    Spend(Arc<Spending>),
}

/// Where the regions are known from before, the list of now is waited for no longer than this before the looks begin.
const LISTS_WITHIN: Duration = Duration::from_secs(2);

impl Collection {
    /// Begins to look into an account: its regions are known when this returns, what is in them comes in with
    /// [`Collection::next`]. Where somebody is about to look closer anyway, it says for what. Where they cannot be
    /// listed, those are looked at that are known from before, and the list is a gap until it comes. What has not
    /// answered by `until` is not waited for: it is a gap.
    pub async fn begin(
        collector: Collector,
        ground: Ground,
        freshness: Freshness,
        attention: Option<Attention<'_>>,
        until: Option<Instant>,
    ) -> Self {
        let mut collection = Self {
            observation: Observation::new(ground.account.clone()),
            collector,
            ground,
            regions: BTreeSet::new(),
            kinds: BTreeMap::new(),
            awaited: BTreeSet::new(),
            tasks: JoinSet::new(),
            so_far: unbounded_channel(),
            until,
            cut: false,
            priced: BTreeSet::new(),
        };
        collection.observation.denied = collection.ground.denied();
        let of_verdict = || Kind::ALL.iter().copied().filter(|kind| kind.need() == Need::Verdict);
        collection
            .kinds
            .extend(of_verdict().map(|kind| (kind, attention.map_or(Depth::Usual, |attention| attention.depth(kind)))));
        let patience = patience(until, &collection.ground.account);
        collection.list(Duration::ZERO, freshness, patience);
        collection.wait_for_regions().await;
        if collection.observation.unreachable.is_none() {
            for kind in of_verdict().filter(|kind| kind.scope() == Scope::Account) {
                kind.expect(&mut collection.observation, None);
                collection.ask(Look::at(kind, None), None);
            }
        }
        collection
    }

    /// Asks for the regions, after a while.
    fn list(&mut self, wait: Duration, freshness: Freshness, patience: Patience) {
        let (collector, ground) = (self.collector.clone(), self.ground.clone());
        self.tasks.spawn(async move {
            sleep(wait).await;
            let mut listed = collector.regions(&ground.account, freshness).await;
            if freshness == Freshness::Cached && listed.as_ref().is_ok_and(|listed| !ground.is_in(listed)) {
                // Another invocation may have listed them since this one did.
                listed = collector.regions(&ground.account, Freshness::Now).await;
            }
            Sighting::Regions(listed, patience)
        });
    }

    /// Waits until it is known where to look.
    async fn wait_for_regions(&mut self) {
        let known = self.ground.known();
        let soon = (!known.is_empty()).then(|| Instant::now() + LISTS_WITHIN);
        match in_time([soon, self.until].into_iter().flatten().min(), self.tasks.join_next()).await {
            Some(Some(Ok(sighting))) => self.take_in(sighting),
            Some(Some(Err(broken))) => self.broke(&broken),
            Some(None) => {}
            None => self.observation.listed = Some(Err(not_answered(DESCRIBE_REGIONS))),
        }
        if matches!(self.observation.listed, Some(Ok(_))) || self.observation.unreachable.is_some() {
            return;
        }
        let fallback = if known.is_empty() {
            in_time(self.until, self.collector.every_region())
                .await
                .unwrap_or_else(|| Err(not_answered(DESCRIBE_REGIONS)))
        } else {
            Ok(known)
        };
        match fallback {
            Ok(regions) => self.look_in(&regions),
            Err(_) => {
                self.cut |= has_come(self.until);
                let failure = self.observation.listed.take().and_then(Result::err);
                self.observation.unreachable = failure.or_else(|| Some(not_answered(DESCRIBE_REGIONS)));
            }
        }
    }

    /// Looks in those of these regions in which it does not yet.
    fn look_in(&mut self, regions: &BTreeSet<Region>) {
        let new: BTreeSet<Region> = self.ground.open(regions).difference(&self.regions).cloned().collect();
        self.regions.extend(new.iter().cloned());
        let by_region = |(kind, _): &(Kind, Depth)| kind.scope() == Scope::Region;
        for (kind, depth) in self.kinds.clone().into_iter().filter(by_region) {
            for region in &new {
                if kind.need() == Need::Verdict {
                    kind.expect(&mut self.observation, Some(region));
                }
                self.ask(Look { depth, ..Look::at(kind, Some(region)) }, None);
            }
        }
    }

    /// The regions as they are now.
    fn adopt(&mut self, listed: BTreeSet<Region>) {
        let open = self.ground.open(&listed);
        for gone in self.regions.difference(&open) {
            self.observation.forget(gone);
        }
        self.awaited.retain(|look| look.region.as_ref().is_none_or(|region| open.contains(region)));
        self.regions.retain(|region| open.contains(region));
        self.observation.disabled = self.ground.disabled(&listed);
        let why = "every region of the account is closed by the policy";
        self.observation.unreachable =
            open.is_empty().then(|| Failure::own(DESCRIBE_REGIONS, FailureKind::Invalid, why));
        self.observation.listed = Some(Ok(listed));
        self.look_in(&open);
    }

    /// Looks at what a halt or a release needs and a verdict does not. What is looked at closely already is not asked
    /// for again.
    pub fn look_closer(&mut self, attention: Attention<'_>) {
        let is_news = |kind: &Kind| kind.need() == Need::Halt && attention.wants(*kind);
        // In the order of the list: the quarantine first, for it keeps the account from growing while the rest is under
        // way.
        for kind in Kind::ALL.iter().copied().filter(is_news) {
            let is_open = match kind.caller() {
                Caller::Payer => true,
                Caller::Member => self.observation.unreachable.is_none(),
            };
            if is_open && self.kinds.insert(kind, attention.depth(kind)).is_none() {
                for region in self.places(kind) {
                    let settled = attention.settled(kind, region.as_ref());
                    let pace = Pace { settled, within: attention.within(self.until) };
                    self.ask(Look { depth: attention.depth(kind), ..Look::at(kind, region.as_ref()) }, Some(pace));
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
        let (tasks, so_far) = (&mut self.tasks, &mut self.so_far.1);
        let answer = async {
            tokio::select! {
                biased;
                Some(sighting) = so_far.recv() => Some(Ok(sighting)),
                ended = tasks.join_next() => ended,
            }
        };
        match in_time(self.until, answer).await {
            Some(Some(Ok(sighting))) => self.take_in(sighting),
            Some(Some(Err(broken))) => self.broke(&broken),
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

    fn broke(&self, broken: &JoinError) {
        tracing::error!(account = %self.observation.account, error = %broken, "a look broke");
    }

    /// Takes whatever is still awaited for unanswered; false where nothing is.
    fn give_up(&mut self) -> bool {
        let any = !self.awaited.is_empty();
        for look in self.awaited.clone() {
            let failure = not_answered(look.kind.first_read());
            self.take_in(Sighting::Look(look, Err(failure)));
        }
        any
    }

    fn take_in(&mut self, sighting: Sighting) {
        let seen = &mut self.observation;
        match sighting {
            Sighting::Regions(Ok(listed), _) => self.adopt(listed),
            // The account lets us in and does not say where: that is a gap. All else keeps us out of it.
            Sighting::Regions(Err(failure), mut patience) if failure.operation == DESCRIBE_REGIONS => {
                tracing::warn!(account = %seen.account, error = %failure, "the regions could not be listed; those that are known from before are looked at");
                let again = patience.next().filter(|_| deserves_patience(failure.kind));
                seen.listed = Some(Err(failure));
                if let Some(wait) = again {
                    self.list(wait, Freshness::Now, patience);
                }
            }
            Sighting::Regions(Err(failure), _) if self.regions.is_empty() => {
                seen.listed = None;
                seen.unreachable = Some(failure);
            }
            // It is looked at already, and each look says by itself that it is kept out.
            Sighting::Regions(Err(failure), _) => seen.listed = Some(Err(failure)),
            // What it brought in the end is known by now, or nobody waits for it any more.
            Sighting::SoFar(look, _) if !self.awaited.contains(&look) => {}
            Sighting::SoFar(look, sight) => look.kind.see(seen, look.region.as_ref(), Ok(sight)),
            Sighting::Look(look, sight) => {
                if !self.awaited.remove(&look) {
                    // Nobody waits for it any more: its region turned out not to be there.
                    return;
                }
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

    fn ask(&mut self, look: Look, pace: Option<Pace>) {
        self.awaited.insert(look.clone());
        let (collector, account, until) = (self.collector.clone(), self.observation.account.clone(), self.until);
        let told = self.so_far.0.clone();
        self.tasks.spawn(async move {
            // Where nobody listens any more, nobody has to be told.
            let so_far = |sight| drop(told.send(Sighting::SoFar(look.clone(), sight)));
            let terms = match &pace {
                Some(Pace { settled, within }) => Terms { settled: settled.as_ref(), within: *within, so_far: &so_far },
                None => Terms { so_far: &so_far, ..Terms::default() },
            };
            let seen = collector.ask(&account, &look, until, terms).await;
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
    pub async fn look_closely(&self, ground: Ground, attention: Attention<'_>, until: Option<Instant>) -> Observation {
        let mut collection = Collection::begin(self.clone(), ground, Freshness::Now, Some(attention), until).await;
        collection.look_closer(attention);
        while collection.next().await {}
        collection.into_observation()
    }
}
