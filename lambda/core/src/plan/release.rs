//! From a halt's journal to the plan of its release: what we did is undone, as far as it can be and as far as somebody
//! asks for it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::observation::Observation;
use crate::plan::Plan;
use crate::policy::AccountPolicy;
use crate::resource::{Act, Action, Draft, Kind, ReleaseCase, ReleaseRequest, SkipReason, Suspicion};

/// Plans a release. `done` are the calls of the halt that were, or may have been, taken by AWS; `seen` is what stands
/// now. What was made within the policy's suspicion before the trip, or since, stays as the halt left it: the thief may
/// have made it.
///
/// Nothing is called in a region that the policy calls closed: what the halt did there stays as it is.
///
/// The kinds come in the reverse order of a halt: a group that is resumed while its members are stopped takes them for
/// unhealthy and terminates them.
pub fn undo(
    policy: &AccountPolicy,
    done: &[Action],
    seen: &Observation,
    request: &ReleaseRequest,
    tripped: Timestamp,
) -> Plan {
    let case = ReleaseCase { request, suspicion: Suspicion::before(tripped, policy) };
    let mut draft = Draft::new();
    let is_closed = |action: &&Action| action.region().is_some_and(|region| policy.closed_regions.contains(region));
    let (closed, done): (Vec<&Action>, Vec<&Action>) = done.iter().partition(is_closed);
    for region in closed.into_iter().filter_map(Act::region).collect::<BTreeSet<_>>() {
        draft.skip(format!("what the halt did in {region}"), SkipReason::ClosedRegion);
    }
    let done: Vec<Action> = done.into_iter().cloned().collect();
    Kind::ALL.iter().rev().for_each(|kind| kind.undo(&case, &done, seen, &mut draft));
    draft.into()
}
