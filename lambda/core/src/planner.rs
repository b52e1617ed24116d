//! From an observation to a plan: everything that must be stopped or locked, and a reason for everything else.

mod identities;
mod regions;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::containment::{ActionResult, Outcome};
use crate::failure::FailureKind;
use crate::identity::{Roles, Users};
use crate::ids::InstanceId;
use crate::observation::{Observation, Quarantine};
use crate::plan::{Action, Lane, Left, LeftReason, Plan};
use crate::policy::AccountPolicy;

/// The name of the inline policy that locks a user out.
pub const LOCKOUT_POLICY: &str = "RunawayTrainLockout";
/// The name of the inline policy that revokes a role's sessions.
pub const REVOKE_POLICY: &str = "RunawayTrainRevoke";

/// How far ahead the revocation of sessions is dated, as IAM's console does it: clocks differ.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html>
const REVOKE_AHEAD: SignedDuration = SignedDuration::from_secs(30);

/// What a plan rests on besides what was seen: when the halt began, and what was refused in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// When the halt began. Sessions issued before are revoked.
    pub tripped: Timestamp,
    /// What time it is.
    pub now: Timestamp,
    /// When the last user was locked out for good. Until then it could still assume roles: sessions issued before are
    /// revoked.
    pub locked_out: Timestamp,
    /// Instances that refused in this halt, and why.
    pub refusals: Refusals,
}

/// Instances that refused to stop or to be terminated, by the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Stop protection.
    pub stop_protected: BTreeSet<InstanceId>,
    /// Termination protection, or stop protection that hinders a termination.
    pub termination_protected: BTreeSet<InstanceId>,
    /// Can never be stopped.
    pub unstoppable: BTreeSet<InstanceId>,
}

impl Circumstances {
    /// A halt that begins now: nothing has refused yet.
    pub fn at(now: Timestamp) -> Self {
        Self { tripped: now, now, locked_out: now, refusals: Refusals::default() }
    }

    fn revoke_before(&self) -> Timestamp {
        revoke_before(self.now)
    }
}

/// Before when sessions must have been issued that are revoked now.
pub(crate) fn revoke_before(now: Timestamp) -> Timestamp {
    now.checked_add(REVOKE_AHEAD).unwrap_or(now)
}

impl Refusals {
    /// Takes in what was refused, instance by instance. A batch that was refused as a whole says nothing about its
    /// members.
    pub fn learn<'a>(&mut self, outcomes: impl IntoIterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            let (ActionResult::Failed { failure }, [instance]) = (&outcome.result, outcome.action.instances()) else {
                continue;
            };
            match (&outcome.action, failure.kind) {
                (Action::StopInstances { .. }, FailureKind::Protected) => self.stop_protected.insert(instance.clone()),
                (Action::StopInstances { .. }, FailureKind::Unsupported) => self.unstoppable.insert(instance.clone()),
                (Action::TerminateInstances { .. }, FailureKind::Protected) => {
                    self.termination_protected.insert(instance.clone())
                }
                _ => false,
            };
        }
    }
}

/// Plans the halt of what has been seen. Plans add up: the plan of two regions is the plans of each, so regions can be
/// acted on as they come in. A region is planned once both its instances and what would launch them again were looked
/// at: to stop first would only set an Auto Scaling group to work. After everything in it succeeded, the plan of the
/// next observation is empty.
pub fn plan(policy: &AccountPolicy, observation: &Observation, circumstances: &Circumstances) -> Plan {
    let mut draft = Draft { policy, circumstances, lanes: BTreeMap::new(), left: Vec::new() };
    match &observation.quarantine {
        Quarantine::Looked(Ok(false)) => draft.add(Lane::Account, vec![Action::Freeze]),
        // Attaching it twice does no harm; not attaching it may.
        Quarantine::Looked(Err(failure)) => {
            draft.leave("the quarantine's state", LeftReason::Unseen { failure: failure.clone() });
            draft.add(Lane::Account, vec![Action::Freeze]);
        }
        Quarantine::Undeployed => draft.leave("quarantine", LeftReason::NoQuarantine),
        Quarantine::Looked(Ok(true)) | Quarantine::NotLooked => {}
    }
    for (region, seen) in &observation.regions {
        match (seen, observation.launchers.get(region)) {
            (Ok(instances), Some(launchers)) => draft.region(region, instances, launchers),
            (Ok(_), None) => {}
            (Err(failure), _) => {
                draft.leave(&format!("region {region}"), LeftReason::Unseen { failure: failure.clone() })
            }
        }
    }
    match &observation.users {
        Users::NotLooked => {}
        Users::Looked(Ok(users)) => users.iter().for_each(|user| draft.user(user)),
        Users::Looked(Err(failure)) => draft.leave("users", LeftReason::Unseen { failure: failure.clone() }),
    }
    match &observation.roles {
        Roles::NotLooked => {}
        Roles::Looked(Ok(roles)) => roles.iter().for_each(|role| draft.role(role)),
        Roles::Looked(Err(failure)) => draft.leave("roles", LeftReason::Unseen { failure: failure.clone() }),
    }
    Plan::new(draft.lanes, draft.left)
}

/// A plan in the making.
struct Draft<'a> {
    policy: &'a AccountPolicy,
    circumstances: &'a Circumstances,
    lanes: BTreeMap<Lane, Vec<Action>>,
    left: Vec<Left>,
}

impl Draft<'_> {
    fn leave(&mut self, item: &str, reason: LeftReason) {
        self.left.push(Left { item: item.to_owned(), reason });
    }

    fn add(&mut self, lane: Lane, actions: Vec<Action>) {
        self.lanes.entry(lane).or_default().extend(actions);
    }
}
