//! From the journals of an account's halts to the plan of a release: what we did is undone, as far as it can be and as
//! far as somebody asks for it.

use std::collections::BTreeSet;

use crate::observation::Observation;
use crate::plan::{Changes, Plan};
use crate::policy::AccountPolicy;
use crate::resource::{
    Act, Action, Draft, Kind, Part, ReleaseCase, ReleaseRequest, Returned, SkipReason, Start, Suspicion,
};

/// Plans a release. `changes` is what halts changed and no release has undone yet; `seen` is what stands now. What was
/// made within the policy's suspicion before the trip, or since, stays as the halt left it: the thief may have made it.
///
/// Nothing is called in a region that the policy calls closed: what the halt did there stays as it is.
///
/// The kinds come in the reverse order of a halt: what launches by itself comes back after what it launched. Where
/// something has to run first, that is said, and the plan of the next look has it.
pub fn undo(policy: &AccountPolicy, changes: &Changes, seen: &Observation, request: &ReleaseRequest) -> Plan {
    let request = &with_members(request, seen);
    let suspected = |(action, tripped): (&Action, _)| (action.clone(), Suspicion::before(tripped, policy));
    let standing: Vec<(Action, Suspicion)> = changes.standing().map(suspected).collect();
    let (mut draft, mut restarting) = (Draft::new(), BTreeSet::new());
    let is_closed = |(action, _): &(Action, Suspicion)| {
        action.region().is_some_and(|region| policy.closed_regions.contains(region))
    };
    let (closed, standing): (Vec<_>, Vec<_>) = standing.into_iter().partition(is_closed);
    for region in closed.iter().filter_map(|(action, _)| action.region()).collect::<BTreeSet<_>>() {
        draft.skip(format!("what the halt did in {region}"), SkipReason::ClosedRegion);
    }
    for kind in Kind::ALL.iter().rev() {
        let case = ReleaseCase { request, restarting: &restarting };
        kind.undo(&case, &standing, changes.undone(), seen, &mut draft);
        let restarts = draft.steps.iter().map(|(_, action)| action).filter(|action| action.part() == Part::Restart);
        restarting = restarts.filter_map(Act::region).cloned().collect();
    }
    draft.into()
}

/// The same request, with the instances of each group that it names.
fn with_members(request: &ReleaseRequest, seen: &Observation) -> ReleaseRequest {
    let and_members = |names: &BTreeSet<String>| -> BTreeSet<String> {
        let members = names.iter().flat_map(|name| Kind::ALL.iter().flat_map(|kind| kind.members(name, seen)));
        members.chain(names.iter().cloned()).collect()
    };
    let start = match &request.start {
        Start::Named(names) => Start::Named(and_members(names)),
        other @ (Start::Nothing | Start::All) => other.clone(),
    };
    ReleaseRequest { start, trust: and_members(&request.trust), ..request.clone() }
}

/// What a release brought back by these calls, as far as it was seen.
pub fn brought_back(policy: &AccountPolicy, done: &[Action], seen: &Observation) -> Returned {
    let mut back = Returned::default();
    Kind::ALL.iter().for_each(|kind| kind.bring_back(policy, done, seen, &mut back));
    back
}
