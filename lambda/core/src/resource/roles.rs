//! IAM roles: their sessions are revoked, or the role is denied whole.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::observation::{Gap, Need, Observation, Seen, Subject};
use crate::policy::known_roles::{Class, KnownRole, known};
use crate::policy::trust::Principal;
use crate::policy::{AccountPolicy, RoleResponse};
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::case::{Age, Done, HaltCase, Refusals, ReleaseCase, Standing, Suspicion, Touched};
use crate::resource::deny_all::{Calls, DenyAll, NO_ROOM, Way};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Depth, Resource, Scope};
use crate::resource::target::Target;
use crate::vocabulary::failure::Failure;
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

/// How many roles a second IAM takes at the least; it states no rate, and this is a quarter of our guess. Sessions are
/// revoked a second time where the first revocation did not reach to the end of the last one. The second reaches as far
/// as all of them take at this pace, or they would have to be revoked for ever.
const ROLES_A_SECOND: u32 = 5;
/// The furthest that a revocation reaches: sessions that are issued meanwhile are no thief's, and are denied as well.
const FURTHEST: SignedDuration = SignedDuration::from_mins(20);

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
    /// Who may take a session of it, by its trust policy: from outside of its account or inside.
    pub admits: Vec<Principal>,
    /// Our policy on it.
    pub lock: Seen<RoleLock>,
    /// AWS's deny on it. Where it could not be seen none is taken for granted: a lock is planned again.
    pub deny_all: Seen<DenyAll>,
    /// Its permissions boundary by ARN; looked at only where it may have to be replaced.
    pub boundary: Option<Seen<Option<String>>>,
}

/// What changes a role. None carries a time: sessions are dated when the call is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Deny everything to the sessions of a role that were issued before the call, and for a while after it. New
    /// sessions work.
    RevokeSessions {
        /// Which.
        role: RoleName,
        /// How far ahead of the call it reaches. Journals of earlier versions do not say it.
        #[serde(default = "revoke_ahead")]
        ahead: SignedDuration,
    },
    /// Deny everything to a role's sessions, present and future.
    DenyRole {
        /// Which.
        role: RoleName,
    },
    /// Attach AWS's policy that denies everything to a role: where its inline policies leave no room for ours.
    AttachDenyToRole {
        /// Which.
        role: RoleName,
    },
    /// Make AWS's policy that denies everything the permissions boundary of a role: where as many policies are attached
    /// as may be.
    BoundRole {
        /// Which.
        role: RoleName,
        /// The boundary that was there, by its ARN: a release puts it back.
        before: Option<String>,
    },
    /// Detach AWS's policy that denies everything. Never before the sessions so far are denied by ours.
    DetachDenyFromRole {
        /// Which.
        role: RoleName,
    },
    /// Put the permissions boundary back that was there before, or take ours off where there was none. Never before the
    /// sessions so far are denied by our inline policy.
    RestoreRoleBoundary {
        /// Which.
        role: RoleName,
        /// Its ARN.
        boundary: Option<String>,
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
            Self::RevokeSessions { role, .. }
            | Self::DenyRole { role }
            | Self::AttachDenyToRole { role }
            | Self::BoundRole { role, .. }
            | Self::DetachDenyFromRole { role }
            | Self::RestoreRoleBoundary { role, .. }
            | Self::LiftRole { role } => role,
        }
    }
}

/// The calls by which a role is denied.
const DENIES: Calls =
    Calls { inline: "iam:PutRolePolicy", attach: "iam:AttachRolePolicy", bound: "iam:PutRolePermissionsBoundary" };

impl Act for Action {
    fn describe(&self) -> Description {
        use Part::{GiveBack, Lock};
        let (operation, part, noun, verb) = match self {
            Self::RevokeSessions { .. } => (DENIES.inline, Lock, "role", "cut off from sessions so far"),
            Self::DenyRole { .. } => (DENIES.inline, Lock, "role", "denied everything"),
            Self::AttachDenyToRole { .. } => (DENIES.attach, Lock, "role", "denied everything"),
            Self::BoundRole { .. } => (DENIES.bound, Lock, "role", "denied everything"),
            Self::DetachDenyFromRole { .. } => ("iam:DetachRolePolicy", GiveBack, "policy of ours", "detached"),
            Self::RestoreRoleBoundary { boundary: Some(_), .. } => (DENIES.bound, GiveBack, "boundary", "restored"),
            Self::RestoreRoleBoundary { boundary: None, .. } => {
                ("iam:DeleteRolePermissionsBoundary", GiveBack, "boundary", "restored")
            }
            Self::LiftRole { .. } => (DENIES.inline, GiveBack, "role", "given back"),
        };
        Description::new(operation, part, noun, verb)
    }

    /// A thief may change the boundary behind the halt, and sessions may have to be revoked anew: it is the same role's
    /// all the same.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::BoundRole { role, .. }, Self::BoundRole { role: other, .. })
            | (Self::RevokeSessions { role, .. }, Self::RevokeSessions { role: other, .. })
            | (Self::RestoreRoleBoundary { role, .. }, Self::RestoreRoleBoundary { role: other, .. }) => role == other,
            _ => self == other,
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::RevokeSessions { .. } => Undo::NotNeeded,
            Self::DenyRole { role } => Undo::By(Self::LiftRole { role }),
            Self::AttachDenyToRole { role } => Undo::By(Self::DetachDenyFromRole { role }),
            Self::BoundRole { role, before } => Undo::By(Self::RestoreRoleBoundary { role, boundary: before }),
            Self::DetachDenyFromRole { .. } | Self::RestoreRoleBoundary { .. } | Self::LiftRole { .. } => Undo::IsUndo,
        }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match self {
            Self::DenyRole { role } | Self::AttachDenyToRole { role } | Self::BoundRole { role, .. } => {
                Some(Asked::Role(role.as_str()))
            }
            Self::RevokeSessions { .. }
            | Self::DetachDenyFromRole { .. }
            | Self::RestoreRoleBoundary { .. }
            | Self::LiftRole { .. } => None,
        }
    }

    fn principal(&self) -> Option<&str> {
        Some(self.role().as_str())
    }

    fn waits_for(&self, before: &Self) -> bool {
        let opens = matches!(self, Self::DetachDenyFromRole { .. } | Self::RestoreRoleBoundary { .. });
        opens && matches!(before, Self::LiftRole { .. }) && self.role() == before.role()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = clean(self.role().as_str());
        match self {
            Self::RevokeSessions { .. } => write!(f, "revoke the sessions of role {role}"),
            Self::DenyRole { .. } => write!(f, "deny everything to role {role}"),
            Self::AttachDenyToRole { .. } => write!(f, "attach AWSDenyAll to role {role}"),
            Self::BoundRole { .. } => write!(f, "make AWSDenyAll the permissions boundary of role {role}"),
            Self::DetachDenyFromRole { .. } => write!(f, "detach AWSDenyAll from role {role}"),
            Self::RestoreRoleBoundary { boundary: Some(arn), .. } => {
                write!(f, "put the permissions boundary {} of role {role} back", clean(arn))
            }
            Self::RestoreRoleBoundary { boundary: None, .. } => {
                write!(f, "take the permissions boundary off role {role}")
            }
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
        let of = |role: &Role| {
            let boundary = role.boundary.as_ref().and_then(|seen| seen.as_ref().err());
            let failures: Vec<Failure> = role.lock.as_ref().err().into_iter().chain(boundary).cloned().collect();
            let at = format!("role {}", role.name);
            failures.into_iter().map(move |failure| Gap { at: at.clone(), failure })
        };
        roles.iter().flat_map(of).collect()
    }
}

impl Resource for Roles {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const READS: &'static [&'static str] = &[
        "iam:GetAccountAuthorizationDetails",
        "iam:ListRoles",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListEntitiesForPolicy",
    ];
    const CALLS: &'static [&'static str] =
        &[DENIES.inline, DENIES.attach, DENIES.bound, "iam:DeleteRolePermissionsBoundary", "iam:DetachRolePolicy"];

    fn target(_: &str) -> Target {
        Target::Role
    }

    fn samples() -> Vec<Action> {
        let role = || RoleName::new("any");
        vec![
            Action::RevokeSessions { role: role(), ahead: REVOKE_AHEAD },
            Action::DenyRole { role: role() },
            Action::AttachDenyToRole { role: role() },
            Action::BoundRole { role: role(), before: None },
            Action::DetachDenyFromRole { role: role() },
            Action::RestoreRoleBoundary { role: role(), boundary: None },
            Action::RestoreRoleBoundary { role: role(), boundary: Some("any".to_owned()) },
            Action::LiftRole { role: role() },
        ]
    }

    fn is_wanted(policy: &AccountPolicy) -> bool {
        policy.contain.roles != RoleResponse::Leave
    }

    fn depth(policy: &AccountPolicy, refusals: &Refusals) -> Depth {
        match policy.contain.roles {
            RoleResponse::RevokeSessions | RoleResponse::Deny if refusals.has_any(DENIES.attach) => Depth::Whole,
            RoleResponse::RevokeSessions | RoleResponse::Deny | RoleResponse::Leave => Depth::Usual,
        }
    }

    fn plan(case: &HaltCase<'_>, _: Option<&Region>, roles: &Vec<Role>, _: &Observation, draft: &mut Draft<Action>) {
        roles.iter().for_each(|role| plan_role(case, role, roles.len(), draft));
    }

    fn undo(case: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        let denies = |action: &Action| action.part() == Part::Lock && !matches!(action, Action::RevokeSessions { .. });
        let done: Vec<&Action> = touched.standing.iter().map(|done| done.action).collect();
        let denied: BTreeSet<&RoleName> =
            done.iter().filter(|action| denies(action)).map(|action| action.role()).collect();
        let mut known = BTreeSet::new();
        for Done { action, suspicion } in touched.standing.iter().filter(|done| done.action.part() == Part::Lock) {
            let role = action.role();
            if !known.insert(role) {
                continue;
            }
            let item = format!("role {role}");
            let standing = Standing::of(seen.of::<Roles>(None), |known| known.name == *role, |known| known.created);
            if matches!(standing, Standing::Present { .. }) && !denied.contains(role) {
                draft.skip(item, SkipReason::OldSessions);
                continue;
            }
            match case.withheld(standing, case.request.roles.contains(role), *suspicion, role.as_str()) {
                Some(reason) => draft.skip(item, reason),
                None => give_back(role, &done, seen, draft),
            }
        }
        for role in case.request.roles.iter().filter(|role| !known.contains(role)) {
            let was_it = |undone: &Action| undone.part() == Part::Lock && undone.role() == role;
            draft.skip(format!("role {role}"), touched.no_longer(was_it));
        }
    }

    /// Each role that admits an outsider is named, whatever its age: its trust may be the thief's work, and where the
    /// role is left alone the way in stays open.
    fn suspects(policy: &AccountPolicy, suspicion: Suspicion, seen: &Observation) -> Vec<String> {
        let mut found = Vec::new();
        // What IAM lets nobody make or change is not a thief's.
        let roles = seen.of::<Roles>(None).and_then(Result::ok).into_iter().flatten();
        let is_reserved = |role: &Role| {
            known(&role.name, &role.path, &policy.account).is_some_and(|known| known.class == Class::Reserved)
        };
        for role in roles.filter(|role| !is_reserved(role)) {
            let name = clean(role.name.as_str());
            let lately = match suspicion.of(role.created) {
                Age::Younger => role.created,
                Age::Older | Age::Unknown => None,
            };
            let outsiders: Vec<String> = outsiders(policy, role).map(ToString::to_string).collect();
            let admits = if outsiders.is_empty() { None } else { Some(format!("admits {}", outsiders.join(", "))) };
            let is_denied_by_aws = role.is_denied_by_aws() && role.lock != Ok(RoleLock::Denied);
            if is_denied_by_aws && !policy.exempts_role(&role.name) {
                found.push(format!("role {name}: whatever runs by it stands still, for it is {NO_ROOM}"));
            }
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
                "Sessions of IAM roles that were issued before this are denied everything; roles that outsiders may \
                 assume are denied whole. New sessions of the others work, but what runs already keeps its old one \
                 until it fetches another: a Lambda function until its environments are recycled, which takes hours, \
                 an exempt instance for up to six hours.",
            ),
            RoleResponse::Deny => Some("IAM roles are denied everything."),
            RoleResponse::Leave => None,
        }
    }
}

impl Role {
    fn is_denied_by_aws(&self) -> bool {
        self.deny_all.as_ref().is_ok_and(|deny| deny.denies())
    }
}

/// Gives a role back that was denied, in whichever ways: the sessions so far stay denied by our inline policy. What of
/// AWS's policy is no longer there was taken off by somebody else, and what took its place is theirs; the first
/// boundary that a halt met is the one that was there before it.
fn give_back(role: &RoleName, done: &[&Action], seen: &Observation, draft: &mut Draft<Action>) {
    draft.add(lane(role), Action::LiftRole { role: role.clone() });
    let roles = seen.of::<Roles>(None).and_then(Result::ok);
    let deny_all = roles.and_then(|roles| roles.iter().find(|known| known.name == *role)).map(|role| &role.deny_all);
    let stands = |is_there: fn(&DenyAll) -> bool| deny_all.is_none_or(|seen| seen.as_ref().map_or(true, is_there));
    let of_it = || done.iter().filter(|action| action.role() == role);
    let attached = of_it().find(|action| matches!(action, Action::AttachDenyToRole { .. }));
    let bound = of_it().find(|action| matches!(action, Action::BoundRole { .. }));
    let ours = [attached.filter(|_| stands(|deny| deny.attached)), bound.filter(|_| stands(|deny| deny.is_boundary))];
    for action in ours.into_iter().flatten() {
        if let Undo::By(undo) = action.undo() {
            draft.add(lane(role), undo);
        }
    }
}

fn lane(role: &RoleName) -> Lane {
    Lane::Sessions(format!("role {role}"))
}

/// Who may take a session of a role from outside of its account, and is not trusted to.
fn outsiders<'a>(policy: &'a AccountPolicy, role: &'a Role) -> impl Iterator<Item = &'a Principal> {
    role.admits.iter().filter(|principal| policy.is_outsider(principal))
}

/// Why a halt spares a role.
enum Sparing {
    /// The policy exempts it.
    Exempt,
    /// It is machinery of the account, by its name.
    Machinery { whose: &'static str },
}

/// How far ahead a revocation of a role reaches that is one of so many: further where one of this halt did not reach
/// far enough.
fn ahead(case: &HaltCase<'_>, role: &Role, roles: usize) -> SignedDuration {
    let was_revoked = matches!(role.lock, Ok(RoleLock::RevokedBefore(time)) if time >= case.circumstances.tripped);
    if !was_revoked {
        return REVOKE_AHEAD;
    }
    let seconds = i64::try_from(roles).unwrap_or(i64::MAX) / i64::from(ROLES_A_SECOND);
    (REVOKE_AHEAD + SignedDuration::from_secs(seconds)).min(FURTHEST)
}

fn revoke_ahead() -> SignedDuration {
    REVOKE_AHEAD
}

fn plan_role(case: &HaltCase<'_>, role: &Role, roles: usize, draft: &mut Draft<Action>) {
    let policy = case.policy;
    let item = format!("role {}", role.name);
    let known = known(&role.name, &role.path, &policy.account);
    let sparing = match known {
        Some(KnownRole { whose, class: class @ (Class::Reserved | Class::Ours) }) => {
            let forgeable = class == Class::Ours;
            return draft.skip(item, SkipReason::NeverTouched { whose: whose.to_owned(), forgeable });
        }
        _ if policy.exempts_role(&role.name) => Some(Sparing::Exempt),
        Some(KnownRole { whose, class: Class::Machinery }) => Some(Sparing::Machinery { whose }),
        None => None,
    };
    let is_doubtful = is_doubtful(case, role, known.is_some());
    let is_whole = match (policy.contain.roles, &sparing) {
        (RoleResponse::Leave, _) => return draft.skip(item, SkipReason::RolesLeft),
        (RoleResponse::Deny, None) => true,
        _ if is_doubtful => true,
        (_, Some(Sparing::Exempt)) => return draft.skip(item, SkipReason::Exempt),
        (_, Some(Sparing::Machinery { .. })) | (RoleResponse::RevokeSessions, None) => false,
    };
    let (refusals, principal) = (&case.circumstances.refusals, role.name.as_str());
    // A policy above the account that keeps us from machinery keeps a thief from it as well: Control Tower has one for
    // its own roles. To ask again at every sweep would change nothing, and that the policy exempts one makes it no less
    // guarded.
    let is_refused = || refusals.is_denied(DENIES.inline, principal);
    if let Some(KnownRole { whose, .. }) = known.filter(|_| is_refused()) {
        return draft.skip(item, SkipReason::Guarded { whose: whose.to_owned() });
    }
    if let Some(Sparing::Machinery { whose }) = sparing.filter(|_| !is_doubtful) {
        draft.skip(item, SkipReason::Machinery { whose: whose.to_owned() });
    }
    let is_done = match role.lock {
        _ if role.is_denied_by_aws() => true,
        Ok(RoleLock::Denied) => true,
        Ok(RoleLock::RevokedBefore(time)) => !is_whole && time >= case.circumstances.locked_out,
        Ok(RoleLock::Absent | RoleLock::Altered) | Err(_) => false,
    };
    if is_done {
        return;
    }
    let name = || role.name.clone();
    let (way, inline) = if is_whole {
        (Way::open(DENIES, refusals, principal), Action::DenyRole { role: name() })
    } else {
        let revoke = Action::RevokeSessions { role: name(), ahead: ahead(case, role, roles) };
        (Way::open_to_revocation(DENIES, refusals, principal), revoke)
    };
    let action = match (way, &role.boundary) {
        (Way::Inline, _) => inline,
        (Way::Boundary, Some(Ok(before))) => Action::BoundRole { role: name(), before: before.clone() },
        // A boundary that is not known could not be put back. The next look is closer, and says it.
        (Way::Attachment | Way::Boundary, _) => Action::AttachDenyToRole { role: name() },
    };
    draft.add(lane(&role.name), action);
}

/// Whether to revoke a role's sessions would hold nobody out, or a thief may have made it. Whoever may take a session
/// from outside takes a new one whenever the old one is revoked; and what was made shortly before the halt, or since, a
/// release would leave locked anyway.
fn is_doubtful(case: &HaltCase<'_>, role: &Role, is_machinery: bool) -> bool {
    let is_young = match case.suspicion().of(role.created) {
        Age::Younger => true,
        // ListRoles always says when a role was made; to deny one that does not would stop services for nothing.
        Age::Older | Age::Unknown => false,
    };
    // In a new account all machinery is young. One of which only those may take a session whom the policy trusts, and
    // nobody in the account, is of no use to a thief.
    let from_outside = |principal: &Principal| !principal.is_inside(&case.policy.account);
    let is_out_of_reach = is_machinery
        && !role.admits.is_empty()
        && role.admits.iter().all(|principal| from_outside(principal) && case.policy.trusted.includes(principal));
    (is_young && !is_out_of_reach) || outsiders(case.policy, role).next().is_some()
}
