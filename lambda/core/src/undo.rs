//! From a halt's journal to the plan of its release: what we did is undone, as far as it can be and as far as somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::identity::{User, Users};
use crate::ids::{InstanceId, KeyId, Region, UserName};
use crate::plan::{Action, Lane, Left, LeftReason, MOST_INSTANCES_A_CALL, Plan};
use crate::policy::AccountPolicy;

/// What an operator asks to have back. Nothing else comes back: a stolen key must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Users whose lockout is lifted.
    pub users: BTreeSet<UserName>,
    /// Keys that are made active again, each by its id.
    pub keys: BTreeSet<KeyId>,
    /// Whether the instances that were stopped are started.
    pub start: bool,
}

/// Plans a release. `done` are the calls of the halt that were, or may have been, taken by AWS; `users` is what stands now.
/// What was made within the policy's suspicion before the trip, or since, stays locked: the thief may have made it.
pub fn undo(policy: &AccountPolicy, done: &[Action], users: &Users, wish: &Wish, tripped: Timestamp) -> Plan {
    let known: BTreeMap<&UserName, &User> = match users {
        Users::Looked(Ok(list)) => list.iter().map(|user| (&user.name, user)).collect(),
        Users::Looked(Err(_)) | Users::NotLooked => BTreeMap::new(),
    };
    let suspicious = |created: Option<Timestamp>| created.is_none_or(|created| created > before(tripped, policy.suspicion));
    let mut lanes: BTreeMap<Lane, Vec<Action>> = BTreeMap::new();
    let mut left = Vec::new();
    let mut stopped: BTreeMap<&Region, BTreeSet<&InstanceId>> = BTreeMap::new();
    let (mut users_seen, mut keys_seen) = (BTreeSet::new(), BTreeSet::new());
    for action in done.iter().collect::<BTreeSet<_>>() {
        match action {
            Action::StopInstances { region, instances } => stopped.entry(region).or_default().extend(instances),
            Action::DenyUser { user } => {
                users_seen.insert(user);
                let item = format!("user {user}");
                match known.get(user) {
                    None => left.push(Left { item, reason: LeftReason::Gone }),
                    Some(_) if !wish.users.contains(user) => left.push(Left { item, reason: LeftReason::NotNamed }),
                    Some(found) if suspicious(found.created) => left.push(Left { item, reason: LeftReason::Suspicious { created: found.created } }),
                    Some(_) => lanes.entry(Lane::User(user.clone())).or_default().push(Action::LiftDeny { user: user.clone() }),
                }
            }
            Action::DeactivateKey { user, key } => {
                keys_seen.insert(key);
                let item = format!("key {key} of user {user}");
                let found = known.get(user).and_then(|found| found.keys.as_ref().ok()?.iter().find(|known| known.id == *key));
                match found {
                    None => left.push(Left { item, reason: LeftReason::Gone }),
                    Some(_) if !wish.keys.contains(key) => left.push(Left { item, reason: LeftReason::NotNamed }),
                    Some(found) if suspicious(found.created) => left.push(Left { item, reason: LeftReason::Suspicious { created: found.created } }),
                    Some(_) => lanes.entry(Lane::User(user.clone())).or_default().push(Action::ActivateKey { user: user.clone(), key: key.clone() }),
                }
            }
            Action::DeleteKey { user, key } => {
                keys_seen.insert(key);
                left.push(Left { item: format!("key {key} of user {user}"), reason: LeftReason::Gone });
            }
            Action::DeleteLogin { user } => left.push(Left { item: format!("console password of user {user}"), reason: LeftReason::Gone }),
            Action::DeleteUser { user } => left.push(Left { item: format!("user {user}"), reason: LeftReason::Gone }),
            // Named by the user that they belonged to; an earlier release's own steps need no undoing.
            Action::RemoveBelonging { .. } | Action::LiftDeny { .. } | Action::ActivateKey { .. } | Action::StartInstances { .. } => {}
        }
    }
    let strangers = wish.users.iter().filter(|user| !users_seen.contains(user)).map(|user| format!("user {user}"));
    let strange_keys = wish.keys.iter().filter(|key| !keys_seen.contains(key)).map(|key| format!("key {key}"));
    left.extend(strangers.chain(strange_keys).map(|item| Left { item, reason: LeftReason::NotOurs }));
    for (region, instances) in stopped {
        if wish.start {
            let ids: Vec<InstanceId> = instances.into_iter().cloned().collect();
            let starts = ids.chunks(MOST_INSTANCES_A_CALL).map(|chunk| Action::StartInstances { region: region.clone(), instances: chunk.to_vec() });
            lanes.insert(Lane::Region(region.clone()), starts.collect());
        } else {
            left.push(Left { item: format!("{} stopped instances in {region}", instances.len()), reason: LeftReason::NotNamed });
        }
    }
    Plan::new(lanes, left)
}

fn before(tripped: Timestamp, suspicion: SignedDuration) -> Timestamp {
    tripped.checked_sub(suspicion).unwrap_or(Timestamp::MIN)
}
