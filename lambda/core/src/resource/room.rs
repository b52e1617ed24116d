//! What every kind of resource says about itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::measure::price::{PriceKey, Prices};
use crate::measure::summary::Summary;
use crate::measure::vcpus::Vcpus;
use crate::observation::{Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::Act;
use crate::resource::case::{HaltCase, Refusals, ReleaseCase, Suspicion, Touched};
use crate::resource::draft::{Draft, Skipped};
use crate::resource::target::Target;
use crate::vocabulary::ids::Region;

/// Where a kind of resource is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In each region.
    Region,
    /// Once an account.
    Account,
}

/// With whose credentials its calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// In the member account, through our role there.
    Member,
    /// In the payer account: it works without a way into the member.
    Payer,
}

/// How closely a kind is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Whether it is locked out still, and what must be known to lock it out again where it is not.
    Locks,
    /// What must be known to lock it out or to stop it.
    #[default]
    Usual,
    /// All that must be known to delete it, to deny it in the last of the ways, or to start it again, too.
    Whole,
}

/// How what was started stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Revival {
    /// How many are on their way.
    pub under_way: usize,
    /// What came to run and does not, and why that is.
    pub fallen: Vec<Skipped>,
}

/// What a release brought back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Returned {
    /// What runs of it.
    pub running: Summary,
    /// How many instances are to be launched by what launches by itself.
    pub expected: u64,
}

impl Returned {
    /// Whether it is nothing.
    pub fn is_nothing(&self) -> bool {
        self.running.instances == 0 && self.running.exempt == 0 && self.expected == 0
    }
}

/// One kind of resource: what was seen of it, what it counts and costs, what a halt plans, what a release undoes, its
/// words. Its look is described by [`Subject`], its calls by [`Act`].
pub trait Resource: Subject {
    /// The calls that change it.
    type Action: Act + Ord;
    /// Where it is looked at.
    const SCOPE: Scope;
    /// With whose credentials it is looked at.
    const CALLER: Caller = Caller::Member;
    /// With whose credentials it is changed.
    const ACTOR: Caller = Self::CALLER;
    /// What a look calls, in IAM's spelling. The first stands for the look where it was not answered.
    const READS: &'static [&'static str];
    /// What its actions call.
    const CALLS: &'static [&'static str];
    /// What runs and bills, in the singular, for a kind of which that is said.
    const WORKLOAD: Option<&'static str> = None;

    /// Whether what runs in its region is stopped only once this was looked at there: it may launch again what is
    /// stopped.
    const HOLDS_UP_STOPS: bool = true;

    /// What one of these calls is granted on.
    fn target(call: &str) -> Target;

    /// One call of each sort: what describes these describes all of its calls.
    fn samples() -> Vec<Self::Action>;

    /// Whether a halt under this policy wants anything of it.
    fn is_wanted(_policy: &AccountPolicy) -> bool {
        true
    }

    /// How closely a release looks at it.
    const RELEASE_DEPTH: Depth = Depth::Usual;

    /// How closely a halt under this policy looks at it, after what refused in it.
    fn depth(_policy: &AccountPolicy, _refusals: &Refusals) -> Depth {
        Depth::Usual
    }

    /// How closely a halt that is proven looks at it from then on, but for once an hour.
    fn standing_depth(policy: &AccountPolicy, refusals: &Refusals) -> Depth {
        Self::depth(policy, refusals)
    }

    /// What of it is as the halt wants it, down to what takes a call of its own for each thing to see: the next looks
    /// of the same invocation ask for that only where something changed. `None` where that costs nothing to see again.
    fn settled(_policy: &AccountPolicy, _sight: &Self::Sight) -> Option<Self::Sight> {
        None
    }

    /// Adds what was seen of it in one place, as it counts and costs.
    fn count(
        _policy: &AccountPolicy,
        _region: Option<&Region>,
        _sight: &Self::Sight,
        _prices: &Prices,
        _summary: &mut Summary,
    ) {
    }

    /// Which prices what was seen in a place depends on.
    fn price_keys(_region: Option<&Region>, _sight: &Self::Sight) -> BTreeMap<PriceKey, Vcpus> {
        BTreeMap::new()
    }

    /// Plans the halt of what was seen in one place. In a region it is called once every kind of the region has
    /// answered. After everything in the plan succeeded, the plan of the next observation is empty.
    fn plan(
        case: &HaltCase<'_>,
        region: Option<&Region>,
        sight: &Self::Sight,
        observation: &Observation,
        draft: &mut Draft<Self::Action>,
    );

    /// Plans the halt of what could not be seen. That it could not is noted already.
    fn plan_unseen(
        _case: &HaltCase<'_>,
        _region: Option<&Region>,
        _observation: &Observation,
        _draft: &mut Draft<Self::Action>,
    ) {
    }

    /// Plans what undoes the calls that still stand. `seen` is what stands now.
    fn undo(
        case: &ReleaseCase<'_>,
        touched: &Touched<'_, Self::Action>,
        seen: &Observation,
        draft: &mut Draft<Self::Action>,
    );

    /// What runs for a thing of this name, by id: whoever names a group means its instances, too.
    fn members(_name: &str, _seen: &Observation) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// How what a release started stands now.
    fn revival(_started: &[&Self::Action], _seen: &Observation) -> Revival {
        Revival::default()
    }

    /// Adds what a release brought back by these calls.
    fn bring_back(_policy: &AccountPolicy, _done: &[&Self::Action], _seen: &Observation, _back: &mut Returned) {}

    /// What people must look at after a halt: what was made within the suspicion, or lets somebody in from outside.
    fn suspects(_policy: &AccountPolicy, _suspicion: Suspicion, _seen: &Observation) -> Vec<String> {
        Vec::new()
    }

    /// What a halt under this policy does to it, in one sentence for the mail that says so.
    fn announce(_policy: &AccountPolicy) -> Option<&'static str> {
        None
    }
}
