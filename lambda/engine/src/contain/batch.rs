//! Takes batches apart. One bad id must not save the others.

use runawaytrain_core::plan::{ActionResult, Outcome};
use runawaytrain_core::resource::{Act, Action};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

/// An action and what it was taken apart into. When AWS refuses a batch because of a member, the offenders are taken
/// out and everyone is tried again.
pub(super) struct Batch {
    waiting: Vec<Action>,
}

impl Batch {
    /// The whole action, to be tried first.
    pub fn new(action: Action) -> Self {
        Self { waiting: vec![action] }
    }

    /// The next part to try.
    pub fn next(&mut self) -> Option<Action> {
        self.waiting.pop()
    }

    /// Takes in what came of a part: an outcome that stands, or nothing where the part is tried again in pieces.
    /// Throttling never splits a batch: more calls would only be throttled more.
    pub fn settle(&mut self, outcome: Outcome) -> Option<Outcome> {
        let pieces = match &outcome.result {
            ActionResult::Failed { failure } if blames_an_item(failure.kind) => split(&outcome.action, failure),
            ActionResult::Failed { .. } | ActionResult::Done | ActionResult::AlreadyDone => Vec::new(),
        };
        if pieces.is_empty() {
            return Some(outcome);
        }
        self.waiting.extend(pieces);
        None
    }
}

/// Whether one member of a batch may be to blame, so that taking it out saves the others. Never true of throttling: to
/// split a batch there would be more calls against the same quota.
fn blames_an_item(kind: FailureKind) -> bool {
    match kind {
        FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid => true,
        FailureKind::Credentials
        | FailureKind::Denied
        | FailureKind::Throttled
        | FailureKind::Contended
        | FailureKind::QuotaFull
        | FailureKind::Unavailable
        | FailureKind::NotBegun
        | FailureKind::Other => false,
    }
}

/// The innocent together and each suspect alone, where AWS named some of them; otherwise two halves. Nothing for a
/// single one. Every id of the batch is in exactly one part, so a wrong hint costs a call and never an instance.
fn split(action: &Action, failure: &Failure) -> Vec<Action> {
    let items = action.items();
    if items.len() < 2 {
        return Vec::new();
    }
    let is_named = |id: &&str| failure.named.iter().any(|named| named == id);
    let (suspects, innocent): (Vec<&str>, Vec<&str>) = items.iter().partition(|id| is_named(id));
    let parts = if suspects.is_empty() || innocent.is_empty() {
        let (first, second) = items.split_at(items.len() / 2);
        vec![second.to_vec(), first.to_vec()]
    } else {
        // The last is tried first: the many before the few.
        suspects.into_iter().map(|id| vec![id]).chain([innocent]).collect()
    };
    parts.iter().filter_map(|part| action.with_items(part)).collect()
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::instances;
    use runawaytrain_core::vocabulary::ids::{InstanceId, Region};

    use super::*;

    fn ids(names: &[&str]) -> Vec<InstanceId> {
        names.iter().copied().map(InstanceId::new).collect()
    }

    fn parts(instances: &[&str], named: &[&str]) -> Vec<Vec<InstanceId>> {
        let named = named.iter().map(ToString::to_string).collect();
        let failure = Failure { named, ..Failure::own("", FailureKind::NotFound, "") };
        let stop = instances::Action::StopInstances { region: Region::new("r"), instances: ids(instances) };
        split(&stop.into(), &failure).iter().map(|part| ids(&part.items())).collect()
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
