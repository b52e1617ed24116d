//! IAM roles: their sessions, and whom they admit.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::policy::trust::ExternalPrincipal;
use runawaytrain_core::resource::roles::{Action, Role, RoleLock};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName};
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::{Answer, refused};
use crate::resource::view::View;
use crate::time::{Lagged, ago, session_limit};
use crate::tokens::Tokens;

/// Roles a page.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub const ROLES_A_PAGE: usize = 1000;

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
    /// When the session that a thief holds was issued, if one does.
    pub session: Option<Timestamp>,
    /// Whether its trust admits an account outside the organization.
    pub admits_external: bool,
}

impl SimRole {
    /// A role at the root path that nobody holds a session of.
    pub fn new(created: Timestamp) -> Self {
        let (path, lock) = ("/".to_owned(), Lagged::new(RoleLock::Absent));
        Self { path, created, lock, session: None, admits_external: false }
    }

    /// Whether the thief's session still opens anything at this moment.
    pub fn can_act(&self) -> bool {
        self.session.is_some_and(|issued| match self.lock.in_force() {
            RoleLock::Denied => false,
            RoleLock::RevokedBefore(time) => issued >= *time,
            RoleLock::Absent | RoleLock::Altered => true,
        })
    }

    /// An account outside of every organization here.
    fn admits(&self) -> Option<ExternalPrincipal> {
        let thiefs = || ExternalPrincipal::Account(AccountId::parse("666666666666").expect("an account id"));
        self.admits_external.then(thiefs)
    }
}

/// One that vanished since it was listed is left out.
pub(crate) async fn look(view: &impl View<SimRoles>) -> Result<Vec<Role>, Failure> {
    const LOCK: &str = "iam:GetRolePolicy";
    let names = |roles: &SimRoles| roles.keys().map(|name| (name.clone(), name.clone())).collect();
    let listed = view.list("iam:ListRoles", ROLES_A_PAGE, names).await?;
    let lock = view.ask(LOCK).await;
    let seen = |roles: &SimRoles| {
        let role = |name: RoleName| {
            let role = roles.get(&name)?;
            Some(Role {
                name,
                path: role.path.clone(),
                created: Some(role.created),
                admits: role.admits().into_iter().collect(),
                lock: lock.clone().map(|()| *role.lock.written()),
            })
        };
        listed.into_iter().filter_map(role).collect()
    };
    Ok(view.show(LOCK, seen).unwrap_or_default())
}

pub(crate) fn perform(roles: &mut SimRoles, action: &Action, now: Timestamp) -> Answer {
    let lock = match action {
        Action::RevokeSessions { .. } | Action::LiftRole { .. } => RoleLock::RevokedBefore(session_limit(now)),
        Action::DenyRole { .. } => RoleLock::Denied,
    };
    match (roles.get_mut(action.role()), action) {
        (None, Action::LiftRole { .. }) => Ok(Performed::AlreadyDone),
        (None, Action::RevokeSessions { .. } | Action::DenyRole { .. }) => Err(refused(action, FailureKind::NotFound)),
        // A service's own role, or Identity Center's.
        (Some(role), _) if role.path.starts_with("/aws-") => Err(refused(action, FailureKind::Unsupported)),
        (Some(role), _) => {
            role.lock.write(lock);
            Ok(Performed::Done)
        }
    }
}

/// `role NAME [path P] [session] [foreign] [made D]`: `session` is one that a thief may hold, `foreign` a trust in
/// an account outside the organization.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<impl FnOnce(&mut SimRoles, Timestamp) + Send + use<>, String> {
    const SESSION_AGE: Duration = Duration::from_secs(600);
    let name = words.owned()?;
    let path = words.after("path").map_or(Ok("/".to_owned()), |_| words.owned())?;
    let [session, admits_external] = ["session", "foreign"].map(|word| words.after(word).is_some());
    let age = words.age()?;
    Ok(move |roles: &mut SimRoles, now| {
        let session = session.then(|| ago(now, SESSION_AGE));
        roles.insert(RoleName::new(name), SimRole { path, session, admits_external, ..SimRole::new(ago(now, age)) });
    })
}
