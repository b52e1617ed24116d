//! From an observation to the plan of a halt: everything that must be stopped or locked, and a reason for everything
//! else.

use jiff::Timestamp;

use crate::observation::Observation;
use crate::plan::Plan;
use crate::policy::AccountPolicy;
use crate::resource::{Action, Circumstances, Draft, HaltCase, Kind, Scope, SkipReason, Suspicion};
use crate::vocabulary::ids::Region;

/// Plans the halt of what has been seen. Plans add up: the plan of two regions is the plans of each, so regions can be
/// acted on as they come in. A region is planned once every kind that may launch was looked at in it: to stop first
/// would only set an Auto Scaling group to work. After everything in it succeeded, the plan of the next observation is
/// empty.
pub fn plan(policy: &AccountPolicy, observation: &Observation, circumstances: &Circumstances) -> Plan {
    let mut draft = Draft::new();
    for place in observation.seals().into_keys() {
        draft.append(of_place(policy, observation, circumstances, place));
    }
    draft.into()
}

/// Plans the halt of what has been seen in one place: a region, or the account as a whole.
pub(crate) fn of_place(
    policy: &AccountPolicy,
    observation: &Observation,
    circumstances: &Circumstances,
    region: Option<&Region>,
) -> Draft<Action> {
    let case = HaltCase { policy, circumstances };
    let scope = if region.is_some() { Scope::Region } else { Scope::Account };
    let kinds = || Kind::ALL.iter().copied().filter(move |kind| kind.scope() == scope);
    let is_answered = |kind: Kind| kind.answer(observation, region).is_some();
    let holds_up = |kind: &Kind| scope == Scope::Region && kind.holds_up_stops() && kind.is_wanted(policy);
    let mut draft = Draft::new();
    if kinds().filter(holds_up).all(is_answered) {
        kinds().for_each(|kind| look(kind, &case, region, observation, &mut draft));
    }
    draft
}

fn look(
    kind: Kind,
    case: &HaltCase<'_>,
    region: Option<&Region>,
    observation: &Observation,
    draft: &mut Draft<Action>,
) {
    if let Some(Err(failure)) = kind.answer(observation, region) {
        let at = region.map(|region| format!(" in {region}")).unwrap_or_default();
        draft.skip(format!("{}{at}", kind.name()), SkipReason::unseen(failure));
    }
    kind.plan(case, region, observation, draft);
}

/// What people must look at after a halt: what was made within the policy's suspicion before the trip, or since, and
/// whatever lets somebody in from outside of the organization.
pub fn suspects(policy: &AccountPolicy, observation: &Observation, tripped: Timestamp) -> Vec<String> {
    let suspicion = Suspicion::before(tripped, policy);
    Kind::ALL.iter().flat_map(|kind| kind.suspects(policy, suspicion, observation)).collect()
}
