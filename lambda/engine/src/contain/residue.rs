//! What is left of a plan when AWS refuses: what may be named and left behind, and what must not.

use runawaytrain_core::observation::Gap;
use runawaytrain_core::plan::{ActionResult, Outcome, Plan};
use runawaytrain_core::resource::{Act, Action, Part};
use runawaytrain_core::vocabulary::failure::FailureKind;

/// So often must the same thing refuse before it is named residue instead of being waited for.
const REFUSALS_UNTIL_RESIDUE: usize = 2;

/// What a refusal says of the thing that refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Nothing: the same call may pass later.
    Passing,
    /// Nothing either: we may not make the call at all, or there is no room for it.
    OfUs,
    /// That it will not.
    OfIts,
}

fn refusal(kind: FailureKind) -> Refusal {
    match kind {
        FailureKind::Throttled
        | FailureKind::Contended
        | FailureKind::WrongState
        | FailureKind::Unavailable
        | FailureKind::NotBegun => Refusal::Passing,
        // A quota that is used up is no property of what it leaves no room for.
        FailureKind::Denied | FailureKind::Credentials | FailureKind::QuotaFull => Refusal::OfUs,
        FailureKind::NotFound
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::Other => Refusal::OfIts,
    }
}

/// Nothing is left to do, or only what has refused for good and may be left behind: an instance that is not known, a
/// key that IAM will not switch off. Not to be permitted to do something is no property of a thing: such a halt is not
/// proven, it has failed. Nor is one in which somebody is not denied, or in which the account may still grow, whatever
/// the reason. A stop that is refused counts for nothing while taking its protection off has merely failed for a
/// moment.
pub(super) fn is_settled(plan: &Plan, earlier: &[Outcome], later: &[Outcome]) -> bool {
    let results = |wanted: &Action| {
        let covers = |outcome: &&Outcome| outcome.action.covers(wanted);
        earlier.iter().chain(later).filter(covers).map(|outcome| &outcome.result).collect::<Vec<_>>()
    };
    let will_not = |wanted: &Action| {
        let is_one = |result: &&&ActionResult| match result {
            ActionResult::Failed { failure } => refusal(failure.kind) == Refusal::OfIts,
            ActionResult::Done | ActionResult::AlreadyDone => false,
        };
        results(wanted).iter().filter(is_one).count() >= REFUSALS_UNTIL_RESIDUE
    };
    let done = |wanted: &Action| results(wanted).iter().any(|result| !matches!(result, ActionResult::Failed { .. }));
    // A batch is settled only when each of its members is.
    let alone = |action: &Action| match action.items().as_slice() {
        [] => vec![action.clone()],
        // One that cannot be taken apart counts as a whole: nothing is settled by vanishing.
        members => members.iter().map(|one| action.with_items(&[*one]).unwrap_or_else(|| action.clone())).collect(),
    };
    plan.actions().flat_map(alone).all(|action| match action.part() {
        Part::Freeze | Part::Lock => false,
        Part::Prepare => done(&action) || will_not(&action),
        Part::Stop | Part::Disarm | Part::Strip | Part::GiveBack | Part::Restart => will_not(&action),
    })
}

/// Whether a pass changed nothing and the next would change nothing either: everything that it tried was refused for
/// good, or was so already, and what it could not see is refused as well.
pub(super) fn was_in_vain(outcomes: &[Outcome], gaps: &[Gap]) -> bool {
    let changed_nothing = |outcome: &Outcome| match &outcome.result {
        ActionResult::Done => false,
        ActionResult::AlreadyDone => true,
        ActionResult::Failed { failure } => match refusal(failure.kind) {
            Refusal::Passing => false,
            Refusal::OfUs | Refusal::OfIts => true,
        },
    };
    outcomes.iter().all(changed_nothing) && gaps.iter().all(|gap| gap.failure.kind.is_refusal())
}
