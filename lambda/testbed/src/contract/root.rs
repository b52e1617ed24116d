//! The root user, of whom every account says something.

use runawaytrain_core::resource::root::Action;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Stage, perform, root};

pub(super) const CASES: &[Case] = cases![the_root_user_is_summed_up, what_root_has_not_needs_no_deleting,];

async fn the_root_user_is_summed_up(stage: &dyn Stage) {
    let seen = root(stage).await.unwrap();
    assert_eq!((seen.keys, seen.mfa), (Some(false), Some(false)), "in an account in which nothing was done yet");
}

/// By a session as root of the account, in an organization with centralized root access.
async fn what_root_has_not_needs_no_deleting(stage: &dyn Stage) {
    for action in [Action::DeleteRootKeys, Action::DeleteRootPassword] {
        assert_eq!(perform(stage, action).await, Ok(Performed::AlreadyDone), "{action}");
    }
}
