//! IAM roles: their sessions are revoked, or the role is denied whole.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::observation::{Gap, Need, Observation, Seen, Subject};
use crate::policy::never_touched::{NeverTouched, never_touched};
use crate::policy::trust::ExternalPrincipal;
use crate::policy::{AccountPolicy, RoleResponse};
use crate::resource::act::{Act, Description, Part, Undo};
use crate::resource::case::{Age, HaltCase, ReleaseCase, Standing, Suspicion};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Resource, Scope};
use crate::vocabulary::ids::{Region, RoleName};
use crate::vocabulary::text::clean;

/// IAM roles.
pub struct Roles;

/// The name of the inline policy that revokes a role's sessions.
pub const REVOKE_POLICY: &str = "RunawayTrainRevoke";

/// How far ahead of its call a revocation reaches, as in IAM's console: clocks differ, and a policy takes some seconds
/// to hold everywhere.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html>
pub const REVOKE_AHEAD: SignedDuration = SignedDuration::from_secs(30);

/// Our inline policy on a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleLock {
    /// There is none.
    Absent,
    /// Sessions issued before this time are denied everything.
    RevokedBefore(Timestamp),
    /// Everything is denied to every session.
    Denied,
    /// A policy of its name is there with other words in it: somebody changed it.
    Altered,
}

/// One IAM role as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// Its path, such as `/aws-service-role/ecs.amazonaws.com/`.
    pub path: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Who outside of its account may take a session of it, by its trust policy. Services and identity providers are
    /// not listed.
    pub admits: Vec<ExternalPrincipal>,
    /// Our policy on it.
    pub lock: Seen<RoleLock>,
}

/// What changes a role. None carries a time: sessions are dated when the call is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Deny everything to the sessions of a role that were issued before the call. New sessions work.
    RevokeSessions {
        /// Which.
        role: RoleName,
    },
    /// Deny everything to a role's sessions, present and future.
    DenyRole {
        /// Which.
        role: RoleName,
    },
    /// Lift the deny, but for sessions that were issued before the call. Only a release that names the role does this.
    LiftRole {
        /// Which.
        role: RoleName,
    },
}

impl Action {
    /// The role that it is about.
    pub fn role(&self) -> &RoleName {
        match self {
            Self::RevokeSessions { role } | Self::DenyRole { role } | Self::LiftRole { role } => role,
        }
    }
}

const PUT: &str = "iam:PutRolePolicy";

impl Act for Action {
    fn describe(&self) -> Description {
        match self {
            Self::RevokeSessions { .. } => Description::new(PUT, Part::Lock, "role", "cut off from its sessions"),
            Self::DenyRole { .. } => Description::new(PUT, Part::Lock, "role", "denied everything"),
            Self::LiftRole { .. } => Description::new(PUT, Part::GiveBack, "role", "given back"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::RevokeSessions { .. } => Undo::NotNeeded,
            Self::DenyRole { role } => Undo::By(Self::LiftRole { role }),
            Self::LiftRole { .. } => Undo::IsUndo,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = clean(self.role().as_str());
        match self {
            Self::RevokeSessions { .. } => write!(f, "revoke the sessions of role {role}"),
            Self::DenyRole { .. } => write!(f, "deny everything to role {role}"),
            Self::LiftRole { .. } => {
                write!(f, "lift the deny from role {role}, but for sessions that were issued before")
            }
        }
    }
}

impl Subject for Roles {
    type Sight = Vec<Role>;
    const NAME: &'static str = "roles";
    const NEED: Need = Need::Halt;

    fn gaps(roles: &Vec<Role>) -> Vec<Gap> {
        let gap = |role: &Role| {
            let failure = role.lock.as_ref().err()?.clone();
            Some(Gap { at: format!("role {}", role.name), failure })
        };
        roles.iter().filter_map(gap).collect()
    }
}

impl Resource for Roles {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const READS: &'static [&'static str] = &["iam:ListRoles", "iam:GetRolePolicy"];
    const CALLS: &'static [&'static str] = &[PUT];

    fn is_wanted(policy: &AccountPolicy) -> bool {
        policy.contain.roles != RoleResponse::Leave
    }

    fn plan(case: &HaltCase<'_>, _: Option<&Region>, roles: &Vec<Role>, _: &Observation, draft: &mut Draft<Action>) {
        roles.iter().for_each(|role| plan_role(case, role, draft));
    }

    fn undo(case: &ReleaseCase<'_>, done: &[&Action], seen: &Observation, draft: &mut Draft<Action>) {
        let denied: BTreeSet<&RoleName> = done
            .iter()
            .filter_map(|action| if let Action::DenyRole { role } = action { Some(role) } else { None })
            .collect();
        let mut known = BTreeSet::new();
        for action in done {
            let role = match action {
                Action::RevokeSessions { role } | Action::DenyRole { role } => role,
                Action::LiftRole { .. } => continue,
            };
            if !known.insert(role) {
                continue;
            }
            let item = format!("role {role}");
            let standing = Standing::of(seen.of::<Roles>(None), |known| known.name == *role, |known| known.created);
            if matches!(standing, Standing::Present { .. }) && !denied.contains(role) {
                draft.skip(item, SkipReason::OldSessions);
                continue;
            }
            match case.withheld(standing, case.request.roles.contains(role)) {
                Some(reason) => draft.skip(item, reason),
                None => draft.add(lane(role), Action::LiftRole { role: role.clone() }),
            }
        }
        for role in case.request.roles.iter().filter(|role| !known.contains(role)) {
            draft.skip(format!("role {role}"), SkipReason::NotOurs);
        }
    }

    /// Each role that admits an external principal is named, whatever its age: its trust may be the thief's work, and
    /// where the role is left alone the way in stays open.
    fn suspects(policy: &AccountPolicy, suspicion: Suspicion, seen: &Observation) -> Vec<String> {
        let mut found = Vec::new();
        // What IAM lets nobody make or change is not a thief's.
        let roles = seen.of::<Roles>(None).and_then(Result::ok).into_iter().flatten();
        for role in roles.filter(|role| never_touched(&role.name, &role.path).is_none_or(|role| role.forgeable)) {
            let name = clean(role.name.as_str());
            let lately = match suspicion.of(role.created) {
                Age::Younger => role.created,
                Age::Older | Age::Unknown => None,
            };
            let external: Vec<String> = external(policy, role).map(ToString::to_string).collect();
            let admits = if external.is_empty() { None } else { Some(format!("admits {}", external.join(", "))) };
            found.extend(match (lately, admits) {
                (Some(created), None) => Some(format!("role {name}, made at {created}: see whom it trusts")),
                (Some(created), Some(admits)) => Some(format!("role {name}, made at {created}: it {admits}")),
                (None, Some(admits)) => Some(format!("role {name} {admits}: see who changed its trust, and when")),
                (None, None) => None,
            });
        }
        found
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        match policy.contain.roles {
            RoleResponse::RevokeSessions => Some(
                "Sessions of IAM roles that were issued before this are denied everything; services get new ones by themselves.",
            ),
            RoleResponse::Deny => Some("IAM roles are denied everything."),
            RoleResponse::Leave => None,
        }
    }
}

fn lane(role: &RoleName) -> Lane {
    Lane::Principal(format!("role {role}"))
}

/// Who may take a session of a role and belongs neither to its account nor to the organization.
fn external<'a>(policy: &'a AccountPolicy, role: &'a Role) -> impl Iterator<Item = &'a ExternalPrincipal> {
    role.admits.iter().filter(|principal| !policy.organization.includes(principal))
}

fn plan_role(case: &HaltCase<'_>, role: &Role, draft: &mut Draft<Action>) {
    let item = format!("role {}", role.name);
    if let Some(NeverTouched { whose, forgeable }) = never_touched(&role.name, &role.path) {
        return draft.skip(item, SkipReason::NeverTouched { whose: whose.to_owned(), forgeable });
    }
    if case.policy.exempts_role(&role.name) {
        return draft.skip(item, SkipReason::Exempt);
    }
    // Whoever may take a session from outside takes a new one whenever the old one is revoked. Such a role is denied
    // whole, and so is one that was made shortly before the halt, or since: a release would leave it locked anyway.
    let is_young = match case.suspicion().of(role.created) {
        Age::Younger => true,
        // ListRoles always says when a role was made; to deny one that does not would stop services for nothing.
        Age::Older | Age::Unknown => false,
    };
    let outlives_revocation = is_young || external(case.policy, role).next().is_some();
    let name = role.name.clone();
    let action = match case.policy.contain.roles {
        RoleResponse::Leave => return draft.skip(item, SkipReason::RolesLeft),
        RoleResponse::Deny | RoleResponse::RevokeSessions if role.lock == Ok(RoleLock::Denied) => return,
        RoleResponse::RevokeSessions if !outlives_revocation => match role.lock {
            Ok(RoleLock::RevokedBefore(time)) if time >= case.circumstances.locked_out => return,
            _ => Action::RevokeSessions { role: name },
        },
        RoleResponse::Deny | RoleResponse::RevokeSessions => Action::DenyRole { role: name },
    };
    draft.add(lane(&role.name), action);
}
