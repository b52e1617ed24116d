//! What was made of an account place by place, kept for the next decision: of thousands of instances in many regions, a
//! look into one says nothing new of the others.

use std::collections::BTreeMap;

use crate::measure::price::{Price, PriceKey};
use crate::measure::summary::Summary;
use crate::observation::{Observation, Seal};
use crate::plan::{self, Plan};
use crate::policy::AccountPolicy;
use crate::resource::{Action, Circumstances, Draft, Kind};
use crate::vocabulary::ids::Region;

/// The sums and the plan of each place. A decision that keeps them comes to the same as one that does not: each is used
/// again only where all that it was made of is as it was.
#[derive(Default)]
pub struct Kept {
    policy: Option<AccountPolicy>,
    circumstances: Option<Circumstances>,
    places: BTreeMap<Option<Region>, Place>,
}

/// What was made of one place, and of what.
struct Place {
    seal: Seal,
    /// What the prices of what was seen there were, those that were missing too.
    prices: Vec<(PriceKey, Option<Price>)>,
    /// Whether the organization denies the region.
    is_denied: bool,
    summary: Summary,
    /// What a halt does there, under the circumstances.
    draft: Option<Draft<Action>>,
}

impl Kept {
    /// Takes in what was seen since.
    pub(super) fn renew(&mut self, policy: &AccountPolicy, observation: &Observation) {
        if self.policy.as_ref() != Some(policy) {
            *self = Self { policy: Some(policy.clone()), ..Self::default() };
        }
        let seals = observation.seals();
        self.places.retain(|region, _| seals.contains_key(&region.as_ref()));
        for (region, seal) in seals {
            let key = region.cloned();
            if !self.places.get(&key).is_some_and(|place| place.holds(region, &seal, observation)) {
                self.places.insert(key, Place::of(policy, region, seal, observation));
            }
        }
    }

    /// As [`Summary::of`].
    pub(super) fn summary(&self, observation: &Observation) -> Summary {
        let mut summary = Summary { lower_bound: !observation.is_whole(), ..Summary::default() };
        self.places.values().for_each(|place| summary.take_in(&place.summary));
        summary
    }

    /// As [`plan::plan`].
    pub(super) fn plan(
        &mut self,
        policy: &AccountPolicy,
        observation: &Observation,
        circumstances: Circumstances,
    ) -> Plan {
        if self.circumstances.as_ref() != Some(&circumstances) {
            self.places.values_mut().for_each(|place| place.draft = None);
        }
        let mut whole = Draft::new();
        for (region, place) in &mut self.places {
            let of_place = || plan::of_place(policy, observation, &circumstances, region.as_ref());
            whole.append(place.draft.get_or_insert_with(of_place).clone());
        }
        self.circumstances = Some(circumstances);
        whole.into()
    }
}

impl Place {
    fn of(policy: &AccountPolicy, region: Option<&Region>, seal: Seal, observation: &Observation) -> Self {
        let keys = Kind::ALL.iter().flat_map(|kind| kind.price_keys(observation, region).into_keys());
        let price = |key: PriceKey| {
            let price = observation.prices.get(&key).copied();
            (key, price)
        };
        Self {
            seal,
            prices: keys.map(price).collect(),
            is_denied: is_denied(region, observation),
            summary: Summary::of_place(policy, observation, region),
            draft: None,
        }
    }

    /// Whether all that it was made of is as it was.
    fn holds(&self, region: Option<&Region>, seal: &Seal, observation: &Observation) -> bool {
        let is_same = |(key, price): &(PriceKey, Option<Price>)| observation.prices.get(key) == price.as_ref();
        self.seal == *seal && self.is_denied == is_denied(region, observation) && self.prices.iter().all(is_same)
    }
}

fn is_denied(region: Option<&Region>, observation: &Observation) -> bool {
    region.is_some_and(|region| observation.denied.contains(region))
}
