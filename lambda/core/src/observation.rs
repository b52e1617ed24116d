//! What was seen of an account, and what could not be seen.

mod gap;
mod subject;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::measure::price::Prices;
use crate::measure::spend::Spend;
use crate::vocabulary::failure::{Failure, FailureKind};
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
    /// Why nothing at all could be seen: the role could not be assumed, or nobody knows where to look.
    pub unreachable: Option<Failure>,
    /// The regions that it has enabled now, or why they could not be listed: then those are looked at that are known
    /// from before, and what was enabled since is a gap. `None` where nobody asked.
    pub listed: Option<Seen<BTreeSet<Region>>>,
    /// Regions that are not listed any more, with how many instances were last seen running there. To disable a region
    /// ends nothing in it, it only keeps everybody from looking.
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
    pub disabled: BTreeMap<Region, u64>,
    /// Regions that the organization denies to its accounts, as far as can be told: to be refused there is no gap, as
    /// long as the account answers elsewhere.
    pub denied: BTreeSet<Region>,
    /// What the instances cost, as far as that was asked. One whose price is not here has not been asked for yet.
    pub prices: Prices,
    /// What was spent, as far as that is known. What is not known is no gap: billing lags by hours, and may be switched
    /// off.
    pub spend: Spend,
    answers: BTreeMap<Place, Option<Arc<Answer>>>,
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

struct Answer {
    /// The place, as a gap names it.
    at: String,
    sight: Seen<Arc<dyn Any + Send + Sync>>,
    /// What could not be seen inside of what was.
    parts: Vec<Gap>,
}

/// All that was answered about one place so far. It equals another only where nothing was answered anew in between.
#[derive(Clone)]
pub struct Seal(Vec<(&'static str, Option<Arc<Answer>>)>);

impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Option<Arc<Answer>>, &Option<Arc<Answer>>)| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let pairs = self.0.iter().zip(&other.0);
        self.0.len() == other.0.len()
            && pairs.into_iter().all(|(one, other)| one.0 == other.0 && same((&one.1, &other.1)))
    }
}

impl Observation {
    /// An account at which nobody has looked yet.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            unreachable: None,
            listed: None,
            disabled: BTreeMap::new(),
            denied: BTreeSet::new(),
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
        self.put(Place::of::<S>(region), Some(Arc::new(Answer { at: S::place(region), sight, parts })));
    }

    fn put(&mut self, place: Place, answer: Option<Arc<Answer>>) {
        let is_seen = |answer: &Option<Arc<Answer>>| answer.as_ref().is_some_and(|answer| answer.sight.is_ok());
        if place.need == Need::Verdict {
            let unseen = self.unseen.entry(place.region.clone()).or_default();
            *unseen -= usize::from(self.answers.get(&place).is_some_and(|before| !is_seen(before)));
            *unseen += usize::from(!is_seen(&answer));
        }
        self.answers.insert(place, answer);
    }

    fn answers(&self) -> impl Iterator<Item = (&Place, &Answer)> {
        self.answers.iter().filter_map(|(place, answer)| Some((place, answer.as_deref()?)))
    }

    /// What was answered about each place, the account as a whole first.
    pub fn seals(&self) -> BTreeMap<Option<&Region>, Seal> {
        let mut seals: BTreeMap<Option<&Region>, Seal> = BTreeMap::new();
        for (Place { name, region, .. }, answer) in &self.answers {
            let Seal(answers) = seals.entry(region.as_ref()).or_insert_with(|| Seal(Vec::new()));
            answers.push((*name, answer.clone()));
        }
        seals
    }

    /// What was seen in one place; `None` where nobody looked, or has not answered yet.
    pub fn of<S: Subject>(&self, region: Option<&Region>) -> Option<Result<&S::Sight, &Failure>> {
        self.answers.get(&Place::of::<S>(region))?.as_deref()?.read::<S>()
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

    /// Forgets a region: it turned out that there is nothing to look at.
    pub fn forget(&mut self, region: &Region) {
        self.answers.retain(|place, _| place.region.as_ref() != Some(region));
        self.unseen.remove(&Some(region.clone()));
    }

    /// The regions in which everything that a verdict rests on was seen.
    pub fn seen_regions(&self) -> impl Iterator<Item = &Region> {
        self.unseen.iter().filter(|(_, unseen)| **unseen == 0).filter_map(|(region, _)| region.as_ref())
    }

    /// The regions in which all that a verdict rests on was refused. None where the account answers nowhere: then it is
    /// the account that refuses us, and not a region.
    pub fn refused_regions(&self) -> impl Iterator<Item = &Region> {
        let answers_somewhere = self.answers_somewhere();
        let is_refused = move |region: &&Region| {
            let mut looks = self
                .answers
                .iter()
                .filter(|(place, _)| place.need == Need::Verdict && place.region.as_ref() == Some(*region));
            answers_somewhere && looks.all(|(_, answer)| answer.as_deref().is_some_and(Answer::is_refused))
        };
        self.unseen.keys().filter_map(Option::as_ref).filter(is_refused)
    }

    fn answers_somewhere(&self) -> bool {
        self.unseen.values().any(|unseen| *unseen == 0)
    }

    /// Everything that was asked for and not seen.
    pub fn gaps(&self) -> Vec<Gap> {
        let whole = self.unreachable.iter().map(|failure| Gap { at: "account".to_owned(), failure: failure.clone() });
        let unlisted = self.unlisted().map(|failure| Gap { at: "regions".to_owned(), failure: failure.clone() });
        let answers_somewhere = self.answers_somewhere();
        let is_denied = |place: &Place, answer: &Answer| {
            let here = place.region.as_ref().is_some_and(|region| self.denied.contains(region));
            here && answers_somewhere && answer.is_refused()
        };
        let open = self.answers().filter(|(place, answer)| !is_denied(place, answer));
        let places = open.flat_map(|(_, answer)| {
            let unseen = answer.sight.as_ref().err();
            let unseen = unseen.map(|failure| Gap { at: answer.at.clone(), failure: failure.clone() });
            unseen.into_iter().chain(answer.parts.iter().cloned())
        });
        let disabled = self.disabled.iter().map(|(region, running)| Gap::disabled(region, *running));
        whole.chain(unlisted).chain(places).chain(disabled).collect()
    }

    /// Whether some look that a verdict rests on has not answered yet.
    pub fn is_unfinished(&self) -> bool {
        self.answers.values().any(Option::is_none)
    }

    /// Whether the list of the regions, or a look that a verdict rests on, was throttled.
    pub fn is_throttled(&self) -> bool {
        let is_throttled = |failure: &Failure| failure.kind == FailureKind::Throttled;
        let looks = self.answers().filter(|(place, _)| place.need == Need::Verdict);
        let mut failures = looks.filter_map(|(_, answer)| answer.sight.as_ref().err()).chain(self.unlisted());
        failures.any(is_throttled)
    }

    fn unlisted(&self) -> Option<&Failure> {
        self.listed.as_ref().and_then(|listed| listed.as_ref().err())
    }

    /// Whether every region that there is was seen. While it is not, every count is a lower bound.
    pub fn is_whole(&self) -> bool {
        self.unreachable.is_none() && self.coverage().is_full()
    }

    /// Regions seen and regions expected: a region counts as seen once everything that a verdict rests on was seen in
    /// it. An account that could not be entered at all counts as one place not seen, and so do the regions that a list
    /// which could not be had may name.
    pub fn coverage(&self) -> Coverage {
        let seen = self.unseen.values().filter(|unseen| **unseen == 0).count();
        let denied = self.refused_regions().filter(|region| self.denied.contains(*region)).count();
        let unlisted = usize::from(self.unlisted().is_some());
        let expected = self.unseen.len() - denied + unlisted + self.disabled.len();
        Coverage { seen, expected: expected.max(1) }
    }
}

impl Answer {
    fn is_refused(&self) -> bool {
        self.sight.as_ref().is_err_and(|failure| failure.kind.is_refusal())
    }

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
