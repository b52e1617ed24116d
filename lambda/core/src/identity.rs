//! IAM users and their long-lived credentials, as far as a halt needs to know them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{KeyId, RoleName, UserName};
use crate::observation::{Gap, Seen};
use crate::plan::Belonging;
use crate::trust::Outsider;

/// The state of our inline deny on a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lockout {
    /// There is none.
    Absent,
    /// It stands exactly as we wrote it.
    InForce,
    /// What a release leaves of it: only sessions issued before this time are denied everything.
    SessionsBefore(Timestamp),
    /// A policy of its name is there with other words in it: somebody changed it.
    Altered,
}

/// One long-term access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id.
    pub id: KeyId,
    /// Whether it opens anything.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// What else IAM wants removed before it deletes a user, besides its credentials.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongings {
    /// Names of inline policies, ours among them.
    pub inline_policies: Vec<String>,
    /// ARNs of attached managed policies.
    pub attached_policies: Vec<String>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Serial numbers of MFA devices; a virtual one's is an ARN.
    pub mfa_devices: Vec<String>,
}

/// A long-lived credential that is neither an access key nor a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCredential {
    /// Which: a certificate, an SSH key or a service-specific credential.
    pub credential: Belonging,
    /// Whether it opens anything.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
}

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
    pub outsiders: Vec<Outsider>,
    /// Our policy on it.
    pub lock: Seen<RoleLock>,
}

/// The roles of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roles {
    /// Nobody asked.
    NotLooked,
    /// All pages of them, or why not.
    Looked(Seen<Vec<Role>>),
}

impl Roles {
    /// Why the roles as a whole could not be read, if they could not.
    pub fn failure(&self) -> Option<&Failure> {
        if let Self::Looked(Err(failure)) = self { Some(failure) } else { None }
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        match self {
            Self::NotLooked => Vec::new(),
            Self::Looked(Err(failure)) => vec![Gap { at: "roles".to_owned(), failure: failure.clone() }],
            Self::Looked(Ok(roles)) => roles
                .iter()
                .filter_map(|role| {
                    Some(Gap { at: format!("role {}", role.name), failure: role.lock.as_ref().err()?.clone() })
                })
                .collect(),
        }
    }
}

/// One IAM user as it was seen. Each part may have failed on its own: the rest is still good for a lockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Our deny on it.
    pub lockout: Seen<Lockout>,
    /// Its access keys.
    pub keys: Seen<Vec<AccessKey>>,
    /// Whether it has a console password.
    pub console: Seen<bool>,
    /// Its other long-lived credentials: signing certificates, SSH keys, service-specific credentials.
    pub others: Seen<Vec<OtherCredential>>,
    /// What must go before it can be deleted; looked at only where the policy says so.
    pub belongings: Option<Seen<Belongings>>,
}

impl User {
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        let belongings = self.belongings.as_ref().and_then(|seen| seen.as_ref().err());
        [
            self.lockout.as_ref().err(),
            self.keys.as_ref().err(),
            self.console.as_ref().err(),
            self.others.as_ref().err(),
            belongings,
        ]
        .into_iter()
        .flatten()
    }
}

/// The users of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Users {
    /// Nobody asked: a sweep counts instances, only a halt or a drill needs identities.
    NotLooked,
    /// All pages of them, or why not.
    Looked(Seen<Vec<User>>),
}

impl Users {
    /// Why the users as a whole could not be read, if they could not.
    pub fn failure(&self) -> Option<&Failure> {
        if let Self::Looked(Err(failure)) = self { Some(failure) } else { None }
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        match self {
            Self::NotLooked => Vec::new(),
            Self::Looked(Err(failure)) => vec![Gap { at: "users".to_owned(), failure: failure.clone() }],
            Self::Looked(Ok(users)) => users
                .iter()
                .flat_map(|user| {
                    user.failures().map(|failure| Gap { at: format!("user {}", user.name), failure: failure.clone() })
                })
                .collect(),
        }
    }
}
