//! Stops, terminates or starts instances in batches. One bad id must not save the others.

use runawaytrain_core::containment::{ActionResult, Outcome};
use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::InstanceId;
use runawaytrain_core::plan::Action;

use super::Executor;

/// Performs one batch; when EC2 refuses the batch because of a member, the offenders are taken out and everyone is
/// tried again. Throttling never splits a batch: more calls would only be throttled more.
pub(super) async fn perform(executor: &Executor, action: Action) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut waiting = vec![action];
    while let Some(action) = waiting.pop() {
        let outcome = executor.perform(action).await;
        let parts = match &outcome.result {
            ActionResult::Failed { failure } if failure.kind.blames_an_item() => split(&outcome.action, failure),
            _ => Vec::new(),
        };
        if parts.is_empty() {
            outcomes.push(outcome);
        } else {
            waiting.extend(parts);
        }
    }
    outcomes
}

/// The innocent together and each suspect alone, where AWS named some of them; otherwise two halves. Nothing for a
/// single one. Every id of the batch is in exactly one part, so a wrong hint costs a call and never an instance.
fn split(action: &Action, failure: &Failure) -> Vec<Action> {
    let instances = action.instances();
    if instances.len() < 2 {
        return Vec::new();
    }
    let part = |some: Vec<InstanceId>| action.for_instances(some);
    let (suspects, innocent): (Vec<_>, Vec<_>) = instances.iter().cloned().partition(|id| failure.named.contains(id));
    if suspects.is_empty() || innocent.is_empty() {
        let (first, second) = instances.split_at(instances.len() / 2);
        return [second, first].into_iter().filter_map(|half| part(half.to_vec())).collect();
    }
    // The last is tried first: the many before the few.
    suspects.into_iter().map(|id| vec![id]).chain([innocent]).filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::failure::FailureKind;
    use runawaytrain_core::ids::Region;

    use super::*;

    fn ids(names: &[&str]) -> Vec<InstanceId> {
        names.iter().copied().map(InstanceId::new).collect()
    }

    fn parts(instances: &[&str], named: &[&str]) -> Vec<Vec<InstanceId>> {
        let failure = Failure {
            operation: String::new(),
            kind: FailureKind::NotFound,
            code: None,
            detail: String::new(),
            named: ids(named),
        };
        let stop = Action::StopInstances { region: Region::new("r"), instances: ids(instances) };
        split(&stop, &failure).iter().map(|action| action.instances().to_vec()).collect()
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

    #[test]
    fn a_single_one_cannot_be_split() {
        assert!(parts(&["a"], &["a"]).is_empty());
    }
}
