//! IAM roles: their sessions, and whom they admit.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use runawaytrain_core::observation::Seen;
use runawaytrain_core::policy::trust::admitted;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::deny_all::DENY_ALL;
use runawaytrain_core::resource::roles::{Action, REVOKE_AHEAD, Role, RoleLock};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName};
use runawaytrain_engine::patience::Round;
use runawaytrain_engine::ports::Performed;
use serde_json::json;

use crate::resource::answer::{Answer, refused};
use crate::resource::deny_all::{A_BOUNDARY, DATED_DENY, Managed, WHOLE_DENY};
use crate::resource::details::{AT_A_TIME, DENIED, DETAILS, DETAILS_A_PAGE, PAGE_WAITS};
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

    /// As a list of roles with their policies shows it. IAM has left boundaries out of it.
    fn seen(&self, name: &RoleName, own: &AccountId, denied: &Seen<()>) -> Role {
        Role {
            name: name.clone(),
            path: self.path.clone(),
            created: Some(self.created),
            admits: admitted(&self.trust, own),
            lock: Ok(*self.lock.written()),
            deny_all: denied.clone().map(|()| self.managed.seen()),
            boundary: None,
        }
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
pub(crate) async fn look(
    view: &impl View<SimRoles>,
    own: &AccountId,
    depth: Depth,
    within: Duration,
    so_far: &(dyn Fn(Vec<Role>) + Send + Sync),
) -> Result<Vec<Role>, Failure> {
    // Whose boundary is AWS's deny.
    let bound = view.ask(DENIED).await;
    let seen = |roles: &SimRoles| {
        let seen = |(name, role): (&RoleName, &SimRole)| (name.clone(), role.seen(name, own, &bound));
        roles.iter().map(seen).collect()
    };
    let roles =
        match view.pages(DETAILS, DETAILS_A_PAGE, seen, &PAGE_WAITS, |some: &[Role]| so_far(some.to_vec())).await {
            Err(failure) if failure.kind == FailureKind::Denied => one_by_one(view, own, within).await?,
            answer => answer?,
        };
    let round = Round::of(within);
    let with_boundary = async |role: Role| {
        let is_open = !matches!(role.lock, Ok(RoleLock::Denied | RoleLock::RevokedBefore(_)));
        let boundary = match depth {
            Depth::Whole if is_open => {
                Some(round.ask("iam:GetRole", role.name.as_str(), || view.ask("iam:GetRole")).await)
            }
            Depth::Locks | Depth::Usual | Depth::Whole => None,
        };
        let read = |roles: &SimRoles| Some(roles.get(&role.name)?.managed.boundary.written().clone());
        match boundary {
            None => Some(role),
            Some(Err(failure)) => Some(Role { boundary: Some(Err(failure)), ..role }),
            Some(Ok(())) => {
                let boundary = view.show("iam:GetRole", read).flatten()?;
                Some(Role { boundary: Some(Ok(boundary)), ..role })
            }
        }
    };
    let roles = stream::iter(roles).map(with_boundary).buffer_unordered(AT_A_TIME).filter_map(std::future::ready);
    Ok(roles.collect().await)
}

/// A call a role: for whom the stack of the account is older than the list of all.
async fn one_by_one(view: &impl View<SimRoles>, own: &AccountId, within: Duration) -> Result<Vec<Role>, Failure> {
    const LOCK: &str = "iam:GetRolePolicy";
    let denied = futures::join!(view.ask(DENIED), view.ask(DENIED));
    let denied = denied.0.and(denied.1);
    let names = |roles: &SimRoles| roles.keys().map(|name| (name.clone(), name.clone())).collect();
    let listed = view.list("iam:ListRoles", ROLES_A_PAGE, names).await?;
    let round = Round::of(within);
    let one = async |name: RoleName| {
        let lock = round.ask(LOCK, name.as_str(), || view.ask(LOCK)).await;
        let role = view.show(LOCK, |roles| roles.get(&name).map(|role| role.seen(&name, own, &denied))).flatten()?;
        Some(Role { lock: lock.and(role.lock), ..role })
    };
    let roles = stream::iter(listed).map(one).buffer_unordered(AT_A_TIME).filter_map(std::future::ready);
    Ok(roles.collect().await)
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
        Action::RevokeSessions { ahead, .. } => {
            role.write_ours(action, RoleLock::RevokedBefore(session_limit(now, *ahead)), DATED_DENY)
        }
        Action::LiftRole { .. } => {
            role.write_ours(action, RoleLock::RevokedBefore(session_limit(now, REVOKE_AHEAD)), DATED_DENY)
        }
        Action::DenyRole { .. } => role.write_ours(action, RoleLock::Denied, WHOLE_DENY),
        Action::AttachDenyToRole { .. } => role.managed.attach(action, role.attached),
        Action::DetachDenyFromRole { .. } => role.managed.detach(),
        Action::BoundRole { .. } => role.managed.bound(Some(DENY_ALL)),
        Action::RestoreRoleBoundary { boundary, .. } => role.managed.bound(boundary.as_deref()),
    }
}

/// `role NAME [path P] [session] [guarded] [foreign | trusts account|federated|service WHOM] [inline N] [attached N]
/// [bounded] [made D]`: `session` is one that a thief may hold, `foreign` a trust in an account outside the
/// organization; `inline` are characters of its inline policies, `attached` managed policies, `bounded` says that it
/// has a boundary.
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
