//! What a halt leaves alone, as far as the policy and the last look say it.

use runawaytrain_core::policy::{AccountPolicy, RoleResponse, UserResponse};
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::resource::NOT_LOOKED_AT;
use runawaytrain_core::vocabulary::text::{clean, count, listed};
use serde::Serialize;

/// Something that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What a halt leaves alone.
pub fn left(record: &AccountRecord, policy: &AccountPolicy) -> Vec<Left> {
    let mut left = Vec::new();
    let mut leave = |what: String, why: &str| left.push(Left { what, why: why.to_owned() });
    let exempt = &policy.exempt;
    for name in &exempt.users {
        leave(format!("user {}", clean(name.as_str())), "exempt by the policy");
    }
    for name in &exempt.roles {
        leave(format!("role {}", clean(name.as_str())), "exempt by the policy");
    }
    let running = record.last.as_ref().map_or(0, |last| last.exempt);
    if running > 0 {
        leave(count(running, "exempt instance"), "exempt by the policy: what of them runs goes on, and bills");
    }
    if policy.contain.users == UserResponse::Leave {
        leave("all users".to_owned(), "the policy leaves the users of this account");
    }
    if policy.contain.roles == RoleResponse::Leave {
        leave("all roles".to_owned(), "the policy leaves the roles of this account");
    }
    for region in &policy.closed_regions {
        leave(format!("region {}", clean(region.as_str())), "the policy calls it closed: nothing is called there");
    }
    for region in &record.regions.refused {
        leave(format!("region {}", clean(region.as_str())), "it refused the guard at the last look");
    }
    let unseen = "nobody looks at these: what of them runs goes on, and bills; the quarantine keeps it from growing";
    leave(listed(&NOT_LOOKED_AT), unseen);
    left
}
