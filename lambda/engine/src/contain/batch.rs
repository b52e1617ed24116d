//! Stops instances in batches. One bad id must not save the others.

use runawaytrain_core::containment::{ActionResult, Outcome};
use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::{InstanceId, Region};
use runawaytrain_core::plan::Action;

use super::Executor;

/// Performs one stop; when EC2 refuses the batch because of a member, the offenders are taken out and everyone is tried again.
/// Throttling never splits a batch: more calls would only be throttled more.
pub(super) async fn perform(executor: &Executor, action: Action) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut waiting = vec![action];
    while let Some(action) = waiting.pop() {
        let outcome = executor.perform(action).await;
        match (&outcome.action, &outcome.result) {
            (Action::StopInstances { region, instances }, ActionResult::Failed { failure }) if failure.kind.blames_an_item() && instances.len() > 1 => {
                waiting.extend(split(region, instances, failure));
            }
            _ => outcomes.push(outcome),
        }
    }
    outcomes
}

/// The innocent together and each suspect alone, where AWS named some of them; otherwise two halves.
/// Every id of the batch is in exactly one part, so a wrong hint costs a call and never an instance.
fn split(region: &Region, instances: &[InstanceId], failure: &Failure) -> Vec<Action> {
    let stop = |instances: Vec<InstanceId>| Action::StopInstances { region: region.clone(), instances };
    let (suspects, innocent): (Vec<_>, Vec<_>) = instances.iter().cloned().partition(|id| failure.named.contains(id));
    if suspects.is_empty() || innocent.is_empty() {
        let (first, second) = instances.split_at(instances.len() / 2);
        return vec![stop(second.to_vec()), stop(first.to_vec())];
    }
    // The last is tried first: the many before the few.
    suspects.into_iter().map(|id| stop(vec![id])).chain([stop(innocent)]).collect()
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::failure::FailureKind;

    use super::*;

    fn ids(names: &[&str]) -> Vec<InstanceId> {
        names.iter().copied().map(InstanceId::new).collect()
    }

    fn parts(instances: &[&str], named: &[&str]) -> Vec<Vec<InstanceId>> {
        let failure = Failure { operation: String::new(), kind: FailureKind::NotFound, code: None, detail: String::new(), named: ids(named) };
        split(&Region::new("r"), &ids(instances), &failure)
            .into_iter()
            .map(|action| if let Action::StopInstances { instances, .. } = action { instances } else { Vec::new() })
            .collect()
    }

    #[test]
    fn suspects_are_tried_alone_and_the_rest_together() {
        assert_eq!(parts(&["a", "b", "c", "d"], &["b"]), [ids(&["b"]), ids(&["a", "c", "d"])]);
    }

    #[test]
    fn without_a_useful_hint_the_batch_is_halved() {
        assert_eq!(parts(&["a", "b", "c"], &[]), [ids(&["b", "c"]), ids(&["a"])]);
        assert_eq!(parts(&["a", "b"], &["a", "b"]), [ids(&["b"]), ids(&["a"])]);
        assert_eq!(parts(&["a", "b"], &["elsewhere"]), [ids(&["b"]), ids(&["a"])]);
    }
}
