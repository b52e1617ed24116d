//! From a halt's journal to the plan of its release: what we did is undone, as far as it can be and as far as somebody
//! asks for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::identity::{Role, Roles, User, Users};
use crate::ids::{FleetId, GroupName, InstanceId, Region, RoleName, UserName};
use crate::observation::Observation;
use crate::plan::{Action, Belonging, Lane, Left, LeftReason, MOST_INSTANCES_A_CALL, Plan, Protection};
use crate::planner::revoke_before;
use crate::policy::AccountPolicy;

/// What an operator asks to have back. No identity comes back unless it is named: a stolen key must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Users whose lockout is lifted.
    pub users: BTreeSet<UserName>,
    /// Roles whose sessions are no longer denied.
    pub roles: BTreeSet<RoleName>,
    /// Access keys and other credentials that are made active again, each by its id.
    pub keys: BTreeSet<String>,
    /// Whether the instances that were stopped are started.
    pub start: bool,
}

/// Plans a release. `done` are the calls of the halt that were, or may have been, taken by AWS; `seen` is what stands
/// now, and `now` when that is. What was made within the policy's suspicion before the trip, or since, stays as the
/// halt left it: the thief may have made it.
pub fn undo(
    policy: &AccountPolicy,
    done: &[Action],
    seen: &Observation,
    wish: &Wish,
    tripped: Timestamp,
    now: Timestamp,
) -> Plan {
    let suspect_from = tripped.checked_sub(policy.suspicion).unwrap_or(Timestamp::MIN);
    let sessions_before = revoke_before(now);
    let denied = done
        .iter()
        .filter_map(|action| if let Action::DenyRole { role } = action { Some(role) } else { None })
        .collect();
    let known = Known::of(seen);
    let mut draft = Draft {
        wish,
        suspect_from,
        sessions_before,
        denied,
        known,
        lanes: BTreeMap::new(),
        left: Vec::new(),
        met: Met::default(),
    };
    let mut stopped: BTreeMap<&Region, BTreeSet<&InstanceId>> = BTreeMap::new();
    let mut terminated = BTreeSet::new();
    let mut relaunch = Vec::new();
    let doomed: BTreeSet<&InstanceId> = done
        .iter()
        .filter_map(|action| match action {
            Action::Unprotect { instance, against: Protection::Termination, .. } => Some(instance),
            _ => None,
        })
        .collect();
    for action in done.iter().collect::<BTreeSet<_>>() {
        match action {
            Action::Freeze => draft.add(Lane::Account, Action::Thaw),
            Action::SuspendGroup { region, group } => {
                let made = draft.known.groups.get(&(region, group)).copied();
                relaunch.push((
                    format!("Auto Scaling group {group} in {region}"),
                    made,
                    Action::ResumeGroup { region: region.clone(), group: group.clone() },
                ));
            }
            Action::ZeroFleet { region, fleet, kind, target } => {
                let restore =
                    Action::RestoreFleet { region: region.clone(), fleet: fleet.clone(), kind: *kind, target: *target };
                relaunch.push((
                    format!("fleet {fleet} in {region}"),
                    draft.known.fleets.get(&(region, fleet)).copied(),
                    restore,
                ));
            }
            Action::CancelSpotRequests { region, requests } => {
                draft.leave(format!("{} Spot requests in {region}", requests.len()), LeftReason::Gone)
            }
            // What was to be terminated has had both protections taken off unseen: to put them on might add one that
            // was never there.
            Action::Unprotect { instance, .. } if doomed.contains(instance) => {}
            Action::Unprotect { region, instance, against } => {
                draft.add(
                    Lane::Region(region.clone()),
                    Action::Protect { region: region.clone(), instance: instance.clone(), against: *against },
                );
            }
            Action::StopInstances { region, instances } => stopped.entry(region).or_default().extend(instances),
            Action::TerminateInstances { instances, .. } => terminated.extend(instances),
            Action::DenyUser { user } => draft.deny(user),
            Action::DeactivateKey { user, key } => {
                draft.credential(user, key.as_str(), Action::ActivateKey { user: user.clone(), key: key.clone() })
            }
            Action::DeactivateCredential { user, credential } => {
                draft.credential(
                    user,
                    credential.id(),
                    Action::ActivateCredential { user: user.clone(), credential: credential.clone() },
                );
            }
            Action::RevokeSessions { role, .. } | Action::DenyRole { role } => draft.role(role),
            Action::DeleteKey { user, key } => draft.gone(key.as_str(), format!("key {key} of user {user}")),
            Action::DeleteLogin { user } => draft.leave(format!("console password of user {user}"), LeftReason::Gone),
            Action::RemoveBelonging { user, belonging } if !matches!(belonging, Belonging::VirtualMfaDevice(_)) => {
                draft.gone(belonging.id(), format!("{belonging} of user {user}"));
            }
            Action::DeleteUser { user } => draft.leave(format!("user {user}"), LeftReason::Gone),
            // An earlier release's own steps need no undoing.
            Action::RemoveBelonging { .. }
            | Action::Thaw
            | Action::ResumeGroup { .. }
            | Action::RestoreFleet { .. }
            | Action::Protect { .. }
            | Action::StartInstances { .. }
            | Action::LiftDeny { .. }
            | Action::ActivateKey { .. }
            | Action::ActivateCredential { .. }
            | Action::LiftRole { .. } => {}
        }
    }
    for (region, instances) in stopped {
        let ids: Vec<InstanceId> = instances.into_iter().filter(|id| !terminated.contains(id)).cloned().collect();
        if wish.start {
            for chunk in ids.chunks(MOST_INSTANCES_A_CALL) {
                draft.add(
                    Lane::Region(region.clone()),
                    Action::StartInstances { region: region.clone(), instances: chunk.to_vec() },
                );
            }
        } else if !ids.is_empty() {
            draft.leave(format!("{} stopped instances in {region}", ids.len()), LeftReason::NotStarted);
        }
    }
    // After the start: a group that is resumed while its members are stopped takes them for unhealthy and terminates
    // them.
    for (item, made, action) in relaunch {
        if let Action::ResumeGroup { region, .. } | Action::RestoreFleet { region, .. } = &action {
            // To name it is not asked for: it is the account's machinery, unless it came with the thief.
            draft.give_back(item, made, true, Lane::Region(region.clone()), action.clone());
        }
    }
    if !terminated.is_empty() {
        draft.leave(format!("{} terminated instances", terminated.len()), LeftReason::Gone);
    }
    draft.strangers();
    Plan::new(draft.lanes, draft.left)
}

/// What stands now, by name.
struct Known<'a> {
    users: BTreeMap<&'a UserName, &'a User>,
    roles: BTreeMap<&'a RoleName, &'a Role>,
    /// When each was made.
    groups: BTreeMap<(&'a Region, &'a GroupName), Option<Timestamp>>,
    fleets: BTreeMap<(&'a Region, &'a FleetId), Option<Timestamp>>,
}

impl<'a> Known<'a> {
    fn of(seen: &'a Observation) -> Self {
        let users = if let Users::Looked(Ok(list)) = &seen.users { list.as_slice() } else { &[] };
        let roles = if let Roles::Looked(Ok(list)) = &seen.roles { list.as_slice() } else { &[] };
        let launchers =
            || seen.launchers.iter().filter_map(|(region, launchers)| Some((region, launchers.as_ref().ok()?)));
        Self {
            users: users.iter().map(|user| (&user.name, user)).collect(),
            roles: roles.iter().map(|role| (&role.name, role)).collect(),
            groups: launchers()
                .flat_map(|(region, of)| of.groups.iter().map(move |group| ((region, &group.name), group.created)))
                .collect(),
            fleets: launchers()
                .flat_map(|(region, of)| of.fleets.iter().map(move |fleet| ((region, &fleet.id), fleet.created)))
                .collect(),
        }
    }

    /// When a credential was made; `None` when it is not there any more, `Some(None)` when its age is not known.
    fn credential(&self, user: &UserName, id: &str) -> Option<Option<Timestamp>> {
        let user = self.users.get(user)?;
        let keys = user.keys.as_deref().unwrap_or_default().iter().map(|key| (key.id.as_str(), key.created));
        let others =
            user.others.as_deref().unwrap_or_default().iter().map(|other| (other.credential.id(), other.created));
        keys.chain(others).find(|(known, _)| *known == id).map(|(_, created)| created)
    }
}

/// Names that the journal knows.
#[derive(Default)]
struct Met {
    users: BTreeSet<UserName>,
    roles: BTreeSet<RoleName>,
    keys: BTreeSet<String>,
}

struct Draft<'a> {
    wish: &'a Wish,
    suspect_from: Timestamp,
    /// Sessions issued before this stay dead: whoever is given back may have lost one to the thief.
    sessions_before: Timestamp,
    /// Roles that were denied whole, rather than only rid of their sessions.
    denied: BTreeSet<&'a RoleName>,
    known: Known<'a>,
    lanes: BTreeMap<Lane, Vec<Action>>,
    left: Vec<Left>,
    met: Met,
}

impl Draft<'_> {
    fn add(&mut self, lane: Lane, action: Action) {
        self.lanes.entry(lane).or_default().push(action);
    }

    fn leave(&mut self, item: String, reason: LeftReason) {
        self.left.push(Left { item, reason });
    }

    /// Gives one identity back, unless it is gone, not named, or under suspicion.
    fn give_back(&mut self, item: String, created: Option<Option<Timestamp>>, named: bool, lane: Lane, action: Action) {
        match created {
            None => self.leave(item, LeftReason::Gone),
            Some(_) if !named => self.leave(item, LeftReason::NotNamed),
            Some(created) if created.is_none_or(|created| created > self.suspect_from) => {
                self.leave(item, LeftReason::Suspicious { created })
            }
            Some(_) => self.add(lane, action),
        }
    }

    fn deny(&mut self, user: &UserName) {
        self.met.users.insert(user.clone());
        let (created, named) = (self.known.users.get(user).map(|found| found.created), self.wish.users.contains(user));
        self.give_back(
            format!("user {user}"),
            created,
            named,
            Lane::User(user.clone()),
            Action::LiftDeny { user: user.clone(), before: self.sessions_before },
        );
    }

    fn credential(&mut self, user: &UserName, id: &str, action: Action) {
        self.met.keys.insert(id.to_owned());
        let (created, named) = (self.known.credential(user, id), self.wish.keys.contains(id));
        self.give_back(format!("key {id} of user {user}"), created, named, Lane::User(user.clone()), action);
    }

    fn role(&mut self, role: &RoleName) {
        if !self.met.roles.insert(role.clone()) {
            return;
        }
        let (created, named) = (self.known.roles.get(role).map(|found| found.created), self.wish.roles.contains(role));
        let item = format!("role {role}");
        if created.is_some() && !self.denied.contains(role) {
            return self.leave(item, LeftReason::OldSessions);
        }
        self.give_back(
            item,
            created,
            named,
            Lane::Role(role.clone()),
            Action::LiftRole { role: role.clone(), before: self.sessions_before },
        );
    }

    fn gone(&mut self, id: &str, item: String) {
        self.met.keys.insert(id.to_owned());
        self.leave(item, LeftReason::Gone);
    }

    /// Names of the wish that the halt never touched.
    fn strangers(&mut self) {
        let users = self.wish.users.difference(&self.met.users).map(|user| format!("user {user}"));
        let roles = self.wish.roles.difference(&self.met.roles).map(|role| format!("role {role}"));
        let keys = self.wish.keys.difference(&self.met.keys).map(|key| format!("key {key}"));
        let strangers: Vec<String> = users.chain(roles).chain(keys).collect();
        self.left.extend(strangers.into_iter().map(|item| Left { item, reason: LeftReason::NotOurs }));
    }
}
