//! The root user, of whom every account says something.

use super::case::{Case, cases};
use super::stage::{Stage, root};

pub(super) const CASES: &[Case] = cases![the_root_user_is_summed_up];

async fn the_root_user_is_summed_up(stage: &dyn Stage) {
    let seen = root(stage).await.unwrap();
    assert_eq!((seen.keys, seen.mfa), (Some(false), Some(false)), "in an account in which nothing was done yet");
}
