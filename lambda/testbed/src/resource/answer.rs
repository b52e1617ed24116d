//! What the actions of all kinds have in common.

use runawaytrain_core::resource::Act;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::Performed;

use crate::faults::failure;

/// What an action comes to.
pub(crate) type Answer = Result<Performed, Failure>;

/// Done, unless it was so already.
pub(crate) fn done_if(news: bool) -> Answer {
    Ok(if news { Performed::Done } else { Performed::AlreadyDone })
}

/// An action is refused.
pub(crate) fn refused(action: &impl Act, kind: FailureKind) -> Failure {
    failure(action.operation(), kind)
}
