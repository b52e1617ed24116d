//! Identities that were made shortly before a halt, or since. A halt locks them like all others; people must look at who made them.

use jiff::Timestamp;

use crate::identity::{Roles, Users};
use crate::observation::Observation;
use crate::policy::AccountPolicy;
use crate::protected::never_touched;
use crate::text::clean;

/// What was made within the policy's suspicion before the trip, or since, in words. A role among them may trust somebody outside of the
/// account, who takes a new session whenever the old one is revoked.
pub fn suspects(policy: &AccountPolicy, observation: &Observation, tripped: Timestamp) -> Vec<String> {
    let since = tripped.checked_sub(policy.suspicion).unwrap_or(Timestamp::MIN);
    let lately = |created: Option<Timestamp>| created.filter(|created| *created > since);
    let mut found = Vec::new();
    if let Users::Looked(Ok(users)) = &observation.users {
        for user in users {
            let name = clean(user.name.as_str());
            found.extend(lately(user.created).map(|created| format!("user {name}, made at {created}")));
            let keys = user.keys.as_deref().unwrap_or_default().iter().map(|key| (key.id.to_string(), key.created));
            let others = user.others.as_deref().unwrap_or_default().iter().map(|other| (other.credential.to_string(), other.created));
            found.extend(keys.chain(others).filter_map(|(what, created)| Some(format!("{what} of user {name}, made at {}", lately(created)?))));
        }
    }
    if let Roles::Looked(Ok(roles)) = &observation.roles {
        let ours = |role: &&crate::identity::Role| never_touched(role).is_none_or(|role| role.forgeable);
        let made = |role: &crate::identity::Role| Some(format!("role {}, made at {}: see whom it trusts", clean(role.name.as_str()), lately(role.created)?));
        found.extend(roles.iter().filter(ours).filter_map(made));
    }
    found
}
