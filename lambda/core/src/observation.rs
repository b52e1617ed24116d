//! What was seen of an account, and what could not be seen.

mod gap;
mod subject;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::measure::price::Prices;
use crate::measure::spend::Spend;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::{AccountId, Region};

pub use gap::{Coverage, Gap};
pub use subject::{Need, Seen, Subject};

/// An account as it was seen. It grows while the answers come in; what was never asked is simply not in it.
///
/// It knows no kind of resource: each kind puts in what a look brought and takes it out again under its own type.
#[derive(Clone)]
pub struct Observation {
    /// Whose it is.
    pub account: AccountId,
    /// Why nothing at all could be seen: the role could not be assumed, or its regions not listed.
    pub unreachable: Option<Failure>,
    /// What the instances cost, as far as that was asked. One whose price is not here has not been asked for yet.
    pub prices: Prices,
    /// What was spent, as far as that is known. What is not known is no gap: billing lags by hours, and may be switched
    /// off.
    pub spend: Spend,
    answers: BTreeMap<Place, Option<Answer>>,
    /// How many of the looks that a verdict rests on are not seen, by region.
    unseen: BTreeMap<Option<Region>, usize>,
}

/// Of what, and where. What a verdict rests on comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    need: Need,
    name: &'static str,
    region: Option<Region>,
}

impl Place {
    fn of<S: Subject>(region: Option<&Region>) -> Self {
        Self { need: S::NEED, name: S::NAME, region: region.cloned() }
    }
}

#[derive(Clone)]
struct Answer {
    /// The place, as a gap names it.
    at: String,
    sight: Seen<Arc<dyn Any + Send + Sync>>,
    /// What could not be seen inside of what was.
    parts: Vec<Gap>,
}

impl Observation {
    /// An account at which nobody has looked yet.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            unreachable: None,
            prices: Prices::new(),
            spend: Spend::default(),
            answers: BTreeMap::new(),
            unseen: BTreeMap::new(),
        }
    }

    /// Says that a verdict rests on this look: until it is answered, every number is a lower bound.
    pub fn expect<S: Subject>(&mut self, region: Option<&Region>) {
        let place = Place::of::<S>(region);
        if !self.answers.contains_key(&place) {
            self.put(place, None);
        }
    }

    /// Takes in what a look brought, in the place of what was there before.
    pub fn see<S: Subject>(&mut self, region: Option<&Region>, seen: Seen<S::Sight>) {
        let parts = seen.as_ref().map(S::gaps).unwrap_or_default();
        let sight = seen.map(|sight| Arc::new(sight) as Arc<dyn Any + Send + Sync>);
        self.put(Place::of::<S>(region), Some(Answer { at: S::place(region), sight, parts }));
    }

    fn put(&mut self, place: Place, answer: Option<Answer>) {
        let is_seen = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| answer.sight.is_ok());
        if place.need == Need::Verdict {
            let unseen = self.unseen.entry(place.region.clone()).or_default();
            *unseen -= usize::from(self.answers.get(&place).is_some_and(|before| !is_seen(before)));
            *unseen += usize::from(!is_seen(&answer));
        }
        self.answers.insert(place, answer);
    }

    fn answers(&self) -> impl Iterator<Item = (&Place, &Answer)> {
        self.answers.iter().filter_map(|(place, answer)| Some((place, answer.as_ref()?)))
    }

    /// What was seen in one place; `None` where nobody looked, or has not answered yet.
    pub fn of<S: Subject>(&self, region: Option<&Region>) -> Option<Result<&S::Sight, &Failure>> {
        self.answers.get(&Place::of::<S>(region))?.as_ref()?.read::<S>()
    }

    /// What was seen in every region, and where it could not be seen.
    pub fn by_region<S: Subject>(&self) -> impl Iterator<Item = (&Region, Result<&S::Sight, &Failure>)> {
        self.answers()
            .filter(|(place, _)| place.name == S::NAME)
            .filter_map(|(place, answer)| Some((place.region.as_ref()?, answer.read::<S>()?)))
    }

    /// What was seen in every region, as far as it was.
    pub fn sights<S: Subject>(&self) -> impl Iterator<Item = (&Region, &S::Sight)> {
        self.by_region::<S>().filter_map(|(region, seen)| Some((region, seen.ok()?)))
    }

    /// The regions in which something was answered.
    pub fn regions(&self) -> BTreeSet<Region> {
        self.answers().filter_map(|(place, _)| place.region.clone()).collect()
    }

    /// Everything that was asked for and not seen.
    pub fn gaps(&self) -> Vec<Gap> {
        let whole = self.unreachable.iter().map(|failure| Gap { at: "account".to_owned(), failure: failure.clone() });
        let places = self.answers().flat_map(|(_, answer)| {
            let unseen = answer.sight.as_ref().err();
            let unseen = unseen.map(|failure| Gap { at: answer.at.clone(), failure: failure.clone() });
            unseen.into_iter().chain(answer.parts.iter().cloned())
        });
        whole.chain(places).collect()
    }

    /// Whether every region that there is was seen. While it is not, every count is a lower bound.
    pub fn is_whole(&self) -> bool {
        self.unreachable.is_none() && self.coverage().is_full()
    }

    /// Regions seen and regions expected: a region counts as seen once everything that a verdict rests on was seen in
    /// it. An account that could not be entered at all counts as one place not seen.
    pub fn coverage(&self) -> Coverage {
        let seen = self.unseen.values().filter(|unseen| **unseen == 0).count();
        Coverage { seen, expected: self.unseen.len().max(1) }
    }
}

impl Answer {
    fn read<S: Subject>(&self) -> Option<Result<&S::Sight, &Failure>> {
        match &self.sight {
            Ok(sight) => sight.downcast_ref().map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.answers().map(|(place, answer)| (place, answer.sight.as_ref().map(|_| "seen")));
        f.debug_struct("Observation")
            .field("account", &self.account)
            .field("unreachable", &self.unreachable)
            .field("answers", &answered.collect::<Vec<_>>())
            .field("spend", &self.spend)
            .finish_non_exhaustive()
    }
}
