//! IAM roles: their sessions, and whom they admit.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::policy::trust::admitted;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::deny_all::DENY_ALL;
use runawaytrain_core::resource::roles::{Action, Role, RoleLock};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName};
use runawaytrain_engine::ports::Performed;
use serde_json::json;

use crate::resource::answer::{Answer, refused};
use crate::resource::deny_all::{A_BOUNDARY, DATED_DENY, Managed, WHOLE_DENY};
use crate::resource::view::View;
use crate::time::{Lagged, ago, session_limit};
use crate::tokens::Tokens;

/// Roles a page.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub const ROLES_A_PAGE: usize = 1000;

/// Characters that all inline policies of a role may have.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const ROLE_INLINE: usize = 10_240;

/// The roles of an account.
pub type SimRoles = BTreeMap<RoleName, SimRole>;

/// An IAM role.
#[derive(Debug, Clone)]
pub struct SimRole {
    /// Its path.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Our policy on it, which bites some seconds after it was written.
    pub lock: Lagged<RoleLock>,
    /// AWS's deny on it, and its boundary.
    pub managed: Managed,
    /// Characters of its other inline policies.
    pub inline: usize,
    /// How many managed policies are attached to it, AWS's deny aside.
    pub attached: usize,
    /// When the session that a thief holds was issued, if one does.
    pub session: Option<Timestamp>,
    /// Its trust policy, in AWS's words.
    pub trust: String,
    /// Whether a policy above the account keeps everybody from changing it.
    pub guarded: bool,
}

impl SimRole {
    /// A role at the root path that EC2 alone may assume, and that nobody holds a session of.
    pub fn new(created: Timestamp) -> Self {
        let (path, lock) = ("/".to_owned(), Lagged::new(RoleLock::Absent));
        let (managed, trust) = (Managed::default(), Trust::Service("ec2.amazonaws.com".to_owned()).document());
        Self { path, created, lock, managed, inline: 0, attached: 0, session: None, trust, guarded: false }
    }

    /// Whether the thief's session still opens anything at this moment.
    pub fn can_act(&self) -> bool {
        let is_open = |issued| match self.lock.in_force() {
            RoleLock::Denied => false,
            RoleLock::RevokedBefore(time) => issued >= *time,
            RoleLock::Absent | RoleLock::Altered => true,
        };
        !self.managed.denies() && self.session.is_some_and(is_open)
    }

    /// Writes our inline policy, if its others leave room for it.
    fn write_ours(&mut self, action: &Action, lock: RoleLock, length: usize) -> Answer {
        if self.inline + length > ROLE_INLINE {
            return Err(refused(action, FailureKind::QuotaFull));
        }
        self.lock.write(lock);
        Ok(Performed::Done)
    }

    /// Whether somebody may take a session of it without anything that opens this account.
    pub fn opens_from_outside(&self, own: &AccountId) -> bool {
        admitted(&self.trust, own).iter().any(|principal| !principal.is_inside(own))
    }
}

/// Whom a role trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// An account, inside or outside of the organization.
    Account(String),
    /// An identity provider.
    Federated(String),
    /// A service.
    Service(String),
}

/// An account outside of every organization here: the thief's own.
const FOREIGN: &str = "666666666666";

impl Trust {
    /// The trust policy that says so.
    pub fn document(&self) -> String {
        let (kind, named, action) = match self {
            Self::Account(id) => ("AWS", format!("arn:aws:iam::{id}:root"), "sts:AssumeRole"),
            Self::Federated(name) if name.contains(":saml-provider/") => {
                ("Federated", name.clone(), "sts:AssumeRoleWithSAML")
            }
            Self::Federated(name) => ("Federated", name.clone(), "sts:AssumeRoleWithWebIdentity"),
            Self::Service(name) => ("Service", name.clone(), "sts:AssumeRole"),
        };
        let statement = json!({ "Effect": "Allow", "Principal": { kind: named }, "Action": action });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    }

    /// The thief's own account.
    pub fn foreign() -> Self {
        Self::Account(FOREIGN.to_owned())
    }
}

/// One that vanished since it was listed is left out.
pub(crate) async fn look(view: &impl View<SimRoles>, own: &AccountId, depth: Depth) -> Result<Vec<Role>, Failure> {
    const LOCK: &str = "iam:GetRolePolicy";
    const DENIED: &str = "iam:ListEntitiesForPolicy";
    let names = |roles: &SimRoles| roles.keys().map(|name| (name.clone(), name.clone())).collect();
    let listed = view.list("iam:ListRoles", ROLES_A_PAGE, names).await?;
    // Where AWS's deny is attached, and where it is the boundary.
    let (lock, attached, bound) = futures::join!(view.ask(LOCK), view.ask(DENIED), view.ask(DENIED));
    let boundary = match depth {
        Depth::Usual => None,
        Depth::Whole => Some(view.ask("iam:GetRole").await),
    };
    let seen = |roles: &SimRoles| {
        let role = |name: RoleName| {
            let role = roles.get(&name)?;
            Some(Role {
                name,
                path: role.path.clone(),
                created: Some(role.created),
                admits: admitted(&role.trust, own),
                lock: lock.clone().map(|()| *role.lock.written()),
                deny_all: attached.clone().and(bound.clone()).map(|()| role.managed.seen()),
                boundary: boundary.clone().map(|asked| asked.map(|()| role.managed.boundary.written().clone())),
            })
        };
        listed.into_iter().filter_map(role).collect()
    };
    Ok(view.show(LOCK, seen).unwrap_or_default())
}

pub(crate) fn perform(roles: &mut SimRoles, action: &Action, now: Timestamp) -> Answer {
    let Some(role) = roles.get_mut(action.role()) else {
        return match action {
            Action::LiftRole { .. }
            | Action::DetachDenyFromRole { .. }
            | Action::RestoreRoleBoundary { boundary: None, .. } => Ok(Performed::AlreadyDone),
            Action::RevokeSessions { .. }
            | Action::DenyRole { .. }
            | Action::AttachDenyToRole { .. }
            | Action::BoundRole { .. }
            | Action::RestoreRoleBoundary { boundary: Some(_), .. } => Err(refused(action, FailureKind::NotFound)),
        };
    };
    if role.guarded {
        return Err(refused(action, FailureKind::Denied));
    }
    // A service's own role, or Identity Center's.
    if role.path.starts_with("/aws-") {
        return Err(refused(action, FailureKind::Unsupported));
    }
    match action {
        Action::RevokeSessions { .. } | Action::LiftRole { .. } => {
            role.write_ours(action, RoleLock::RevokedBefore(session_limit(now)), DATED_DENY)
        }
        Action::DenyRole { .. } => role.write_ours(action, RoleLock::Denied, WHOLE_DENY),
        Action::AttachDenyToRole { .. } => role.managed.attach(action, role.attached),
        Action::DetachDenyFromRole { .. } => role.managed.detach(),
        Action::BoundRole { .. } => role.managed.bound(Some(DENY_ALL)),
        Action::RestoreRoleBoundary { boundary, .. } => role.managed.bound(boundary.as_deref()),
    }
}

/// `role NAME [path P] [session] [guarded] [foreign | trusts account|federated|service WHOM] [inline N] [attached N] [bounded]
/// [made D]`: `session` is one that a thief may hold, `foreign` a trust in an account outside the organization; `inline`
/// are characters of its inline policies, `attached` managed policies, `bounded` says that it has a boundary.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<impl FnOnce(&mut SimRoles, Timestamp) + Send + use<>, String> {
    const SESSION_AGE: Duration = Duration::from_secs(600);
    let name = words.owned()?;
    let path = words.after("path").map_or(Ok("/".to_owned()), |_| words.owned())?;
    let session = words.after("session").is_some();
    let guarded = words.after("guarded").is_some();
    let trust = if words.after("foreign").is_some() {
        Some(Trust::foreign())
    } else {
        words.after("trusts").map(|()| trust(words)).transpose()?
    };
    let inline = words.after("inline").map_or(Ok(0), |()| words.number())?;
    let attached = words.after("attached").map_or(Ok(0), |()| words.number())?;
    let bounded = words.after("bounded").is_some();
    let age = words.age()?;
    Ok(move |roles: &mut SimRoles, now| {
        let session = session.then(|| ago(now, SESSION_AGE));
        let boundary = Lagged::new(bounded.then(|| A_BOUNDARY.to_owned()));
        let managed = Managed { boundary, ..Managed::default() };
        let mut role = SimRole { path, session, guarded, inline, attached, managed, ..SimRole::new(ago(now, age)) };
        if let Some(trust) = trust {
            role.trust = trust.document();
        }
        roles.insert(RoleName::new(name), role);
    })
}

/// `account ID`, `federated NAME` or `service NAME`.
fn trust(words: &mut Tokens<'_>) -> Result<Trust, String> {
    Ok(match words.next()? {
        "account" => Trust::Account(words.owned()?),
        "federated" => Trust::Federated(words.owned()?),
        "service" => Trust::Service(words.owned()?),
        unknown => return Err(format!("nobody trusts {unknown:?}: account, federated or service")),
    })
}
