//! Identities that people must look at after a halt: those that were made shortly before it, or since, and roles that
//! somebody outside of the organization may assume.

use jiff::Timestamp;

use crate::identity::{Roles, Users};
use crate::observation::Observation;
use crate::policy::AccountPolicy;
use crate::protected::never_touched;
use crate::text::clean;

/// What was made within the policy's suspicion before the trip, or since, in words; and each role that admits somebody
/// from outside of the organization, whatever its age: its trust may be the thief's work, and where the role is left
/// alone the way in stays open.
pub fn suspects(policy: &AccountPolicy, observation: &Observation, tripped: Timestamp) -> Vec<String> {
    let since = tripped.checked_sub(policy.suspicion).unwrap_or(Timestamp::MIN);
    let lately = |created: Option<Timestamp>| created.filter(|created| *created > since);
    let mut found = Vec::new();
    if let Users::Looked(Ok(users)) = &observation.users {
        for user in users {
            let name = clean(user.name.as_str());
            found.extend(lately(user.created).map(|created| format!("user {name}, made at {created}")));
            let keys = user.keys.as_deref().unwrap_or_default().iter().map(|key| (key.id.to_string(), key.created));
            let others = user
                .others
                .as_deref()
                .unwrap_or_default()
                .iter()
                .map(|other| (other.credential.to_string(), other.created));
            found
                .extend(keys.chain(others).filter_map(|(what, created)| {
                    Some(format!("{what} of user {name}, made at {}", lately(created)?))
                }));
        }
    }
    if let Roles::Looked(Ok(roles)) = &observation.roles {
        // What IAM lets nobody make or change is not a thief's.
        for role in roles.iter().filter(|role| never_touched(role).is_none_or(|role| role.forgeable)) {
            let name = clean(role.name.as_str());
            let strangers: Vec<String> = policy.strangers(role).map(ToString::to_string).collect();
            let admits = if strangers.is_empty() { String::new() } else { format!("admits {}", strangers.join(", ")) };
            found.extend(match (lately(role.created), admits.is_empty()) {
                (Some(created), true) => Some(format!("role {name}, made at {created}: see whom it trusts")),
                (Some(created), false) => Some(format!("role {name}, made at {created}: it {admits}")),
                (None, false) => Some(format!("role {name} {admits}: see who changed its trust, and when")),
                (None, true) => None,
            });
        }
    }
    found
}
