//! What the calls of several kinds share.

use runawaytrain_core::observation::Seen;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::Performed;

/// Users or roles looked at at a time. IAM does not state its quotas; more of them at a time were throttled rather than
/// faster.
pub(super) const AT_A_TIME: usize = 8;

/// Sends one call; its failure carries the name that IAM gives it.
macro_rules! done {
    ($operation:expr, $call:expr) => {
        $call.send().await.map(|_| Performed::Done).map_err(|error| $crate::failure::of($operation, &error))
    };
}
pub(super) use done;

/// What is to be removed and does not exist is removed.
pub(super) fn gone_is_fine(answer: Result<Performed, Failure>) -> Result<Performed, Failure> {
    match answer {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(Performed::AlreadyDone),
        answer => answer,
    }
}

/// What is not found is absent; everything else is not known.
pub(super) fn absent<T>(failure: Failure, value: T) -> Seen<T> {
    if failure.kind == FailureKind::NotFound { Ok(value) } else { Err(failure) }
}
