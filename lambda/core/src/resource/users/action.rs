//! The calls that change a user.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::credential::{Credential, UserAttachment};
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::deny_all::Calls;
use crate::vocabulary::ids::{KeyId, UserName};
use crate::vocabulary::text::clean;

/// The calls by which a user is denied.
pub(super) const DENIES: Calls =
    Calls { inline: "iam:PutUserPolicy", attach: "iam:AttachUserPolicy", bound: "iam:PutUserPermissionsBoundary" };

/// What changes a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Put the inline deny on a user.
    DenyUser {
        /// Who.
        user: UserName,
    },
    /// Attach AWS's policy that denies everything: where the user's inline policies leave no room for ours.
    AttachDenyToUser {
        /// Who.
        user: UserName,
    },
    /// Make AWS's policy that denies everything the permissions boundary: where as many policies are attached as may
    /// be.
    BoundUser {
        /// Who.
        user: UserName,
        /// The boundary that was there, by its ARN: a release puts it back.
        before: Option<String>,
    },
    /// Make an access key inactive.
    DeactivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Make another long-lived credential inactive.
    DeactivateCredential {
        /// Whose.
        user: UserName,
        /// Which.
        credential: Credential,
    },
    /// Delete an access key.
    DeleteKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Delete the console password.
    DeleteLogin {
        /// Whose.
        user: UserName,
    },
    /// Delete another long-lived credential.
    DeleteCredential {
        /// Whose.
        user: UserName,
        /// Which.
        credential: Credential,
    },
    /// Remove one thing that hangs on a user.
    RemoveAttachment {
        /// Whose.
        user: UserName,
        /// What.
        attachment: UserAttachment,
    },
    /// Delete a user.
    DeleteUser {
        /// Who.
        user: UserName,
    },
    /// Lift the deny, but for sessions that were issued before the call: a session outlives the key that made it by up
    /// to 36 hours, and a thief's must not come back to life with the user. Only a release that names the user does
    /// this.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
    LiftDeny {
        /// Who.
        user: UserName,
    },
    /// Detach AWS's policy that denies everything. Never before the sessions so far are denied by ours.
    DetachDenyFromUser {
        /// Who.
        user: UserName,
    },
    /// Put the permissions boundary back that was there before, or take ours off where there was none. Never before the
    /// sessions so far are denied by our inline policy.
    RestoreUserBoundary {
        /// Who.
        user: UserName,
        /// Its ARN.
        boundary: Option<String>,
    },
    /// Make an access key active. Only a release that names the key does this.
    ActivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Make another long-lived credential active. Only a release that names the credential does this.
    ActivateCredential {
        /// Whose.
        user: UserName,
        /// Which.
        credential: Credential,
    },
}

impl Action {
    /// The user that it is about.
    pub fn user(&self) -> &UserName {
        match self {
            Self::DenyUser { user }
            | Self::AttachDenyToUser { user }
            | Self::BoundUser { user, .. }
            | Self::DetachDenyFromUser { user }
            | Self::RestoreUserBoundary { user, .. }
            | Self::DeactivateKey { user, .. }
            | Self::DeactivateCredential { user, .. }
            | Self::DeleteKey { user, .. }
            | Self::DeleteLogin { user }
            | Self::DeleteCredential { user, .. }
            | Self::RemoveAttachment { user, .. }
            | Self::DeleteUser { user }
            | Self::LiftDeny { user }
            | Self::ActivateKey { user, .. }
            | Self::ActivateCredential { user, .. } => user,
        }
    }
}

/// One call of each sort.
pub(super) fn samples() -> Vec<Action> {
    let (user, key, id) = (|| UserName::new("any"), || KeyId::new("any"), || "any".to_owned());
    let mut samples = vec![
        Action::DenyUser { user: user() },
        Action::AttachDenyToUser { user: user() },
        Action::BoundUser { user: user(), before: None },
        Action::DeactivateKey { user: user(), key: key() },
        Action::DeleteKey { user: user(), key: key() },
        Action::DeleteLogin { user: user() },
        Action::DeleteUser { user: user() },
        Action::LiftDeny { user: user() },
        Action::DetachDenyFromUser { user: user() },
        Action::RestoreUserBoundary { user: user(), boundary: None },
        Action::RestoreUserBoundary { user: user(), boundary: Some(id()) },
        Action::ActivateKey { user: user(), key: key() },
    ];
    for credential in [Credential::Certificate(id()), Credential::SshKey(id()), Credential::ServiceCredential(id())] {
        samples.push(Action::DeactivateCredential { user: user(), credential: credential.clone() });
        samples.push(Action::DeleteCredential { user: user(), credential: credential.clone() });
        samples.push(Action::ActivateCredential { user: user(), credential });
    }
    let attachments = [
        UserAttachment::MfaDevice(id()),
        UserAttachment::VirtualMfaDevice(id()),
        UserAttachment::Group(id()),
        UserAttachment::AttachedPolicy(id()),
        UserAttachment::InlinePolicy(id()),
    ];
    samples.extend(attachments.map(|attachment| Action::RemoveAttachment { user: user(), attachment }));
    samples
}

impl Act for Action {
    fn describe(&self) -> Description {
        use Part::{GiveBack, Lock, Strip};
        let (operation, part, noun, verb) = match self {
            Self::DenyUser { .. } => (DENIES.inline, Lock, "user", "denied everything"),
            Self::AttachDenyToUser { .. } => (DENIES.attach, Lock, "user", "denied everything"),
            Self::BoundUser { .. } => (DENIES.bound, Lock, "user", "denied everything"),
            Self::LiftDeny { .. } => (DENIES.inline, GiveBack, "user", "given back"),
            Self::DetachDenyFromUser { .. } => ("iam:DetachUserPolicy", GiveBack, "policy of ours", "detached"),
            Self::RestoreUserBoundary { boundary: Some(_), .. } => (DENIES.bound, GiveBack, "boundary", "restored"),
            Self::RestoreUserBoundary { boundary: None, .. } => {
                ("iam:DeleteUserPermissionsBoundary", GiveBack, "boundary", "restored")
            }
            Self::DeleteUser { .. } => ("iam:DeleteUser", Strip, "user", "deleted"),
            Self::DeactivateKey { .. } => ("iam:UpdateAccessKey", Strip, "access key", "switched off or deleted"),
            Self::DeleteKey { .. } => ("iam:DeleteAccessKey", Strip, "access key", "switched off or deleted"),
            Self::ActivateKey { .. } => ("iam:UpdateAccessKey", GiveBack, "access key", "switched on"),
            Self::DeleteLogin { .. } => ("iam:DeleteLoginProfile", Strip, "console password", "removed"),
            Self::DeactivateCredential { credential, .. } => {
                (credential.update(), Strip, "other credential", "switched off")
            }
            Self::ActivateCredential { credential, .. } => {
                (credential.update(), GiveBack, "other credential", "switched on")
            }
            Self::DeleteCredential { credential, .. } => (credential.delete(), Strip, "other credential", "deleted"),
            Self::RemoveAttachment { attachment, .. } => {
                (attachment.remove(), Strip, "attachment of a user", "removed")
            }
        };
        Description::new(operation, part, noun, verb)
    }

    /// A thief may change the boundary behind the halt: it is the same user's all the same.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::BoundUser { user, .. }, Self::BoundUser { user: other, .. })
            | (Self::RestoreUserBoundary { user, .. }, Self::RestoreUserBoundary { user: other, .. }) => user == other,
            _ => self == other,
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::DenyUser { user } => Undo::By(Self::LiftDeny { user }),
            Self::AttachDenyToUser { user } => Undo::By(Self::DetachDenyFromUser { user }),
            Self::BoundUser { user, before } => Undo::By(Self::RestoreUserBoundary { user, boundary: before }),
            Self::DeactivateKey { user, key } => Undo::By(Self::ActivateKey { user, key }),
            Self::DeactivateCredential { user, credential } => Undo::By(Self::ActivateCredential { user, credential }),
            Self::DeleteKey { .. }
            | Self::DeleteLogin { .. }
            | Self::DeleteCredential { .. }
            | Self::RemoveAttachment { .. }
            | Self::DeleteUser { .. } => Undo::Never,
            Self::LiftDeny { .. }
            | Self::DetachDenyFromUser { .. }
            | Self::RestoreUserBoundary { .. }
            | Self::ActivateKey { .. }
            | Self::ActivateCredential { .. } => Undo::IsUndo,
        }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match self {
            Self::DenyUser { user } | Self::AttachDenyToUser { user } | Self::BoundUser { user, .. } => {
                Some(Asked::User(user.as_str()))
            }
            Self::DeactivateKey { key, .. } => Some(Asked::Key(key.as_str())),
            Self::DeactivateCredential { credential, .. } => Some(Asked::Key(credential.id())),
            Self::DeleteKey { .. }
            | Self::DeleteLogin { .. }
            | Self::DeleteCredential { .. }
            | Self::RemoveAttachment { .. }
            | Self::DeleteUser { .. }
            | Self::LiftDeny { .. }
            | Self::DetachDenyFromUser { .. }
            | Self::RestoreUserBoundary { .. }
            | Self::ActivateKey { .. }
            | Self::ActivateCredential { .. } => None,
        }
    }

    fn principal(&self) -> Option<&str> {
        Some(self.user().as_str())
    }

    fn waits_for(&self, before: &Self) -> bool {
        let opens = matches!(self, Self::DetachDenyFromUser { .. } | Self::RestoreUserBoundary { .. });
        opens && matches!(before, Self::LiftDeny { .. }) && self.user() == before.user()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = clean(self.user().as_str());
        match self {
            Self::DenyUser { .. } => write!(f, "deny everything to user {user}"),
            Self::AttachDenyToUser { .. } => write!(f, "attach AWSDenyAll to user {user}"),
            Self::BoundUser { .. } => write!(f, "make AWSDenyAll the permissions boundary of user {user}"),
            Self::DetachDenyFromUser { .. } => write!(f, "detach AWSDenyAll from user {user}"),
            Self::RestoreUserBoundary { boundary: Some(arn), .. } => {
                write!(f, "put the permissions boundary {} of user {user} back", clean(arn))
            }
            Self::RestoreUserBoundary { boundary: None, .. } => {
                write!(f, "take the permissions boundary off user {user}")
            }
            Self::LiftDeny { .. } => {
                write!(f, "lift the deny from user {user}, but for sessions that were issued before")
            }
            Self::DeactivateKey { key, .. } => write!(f, "deactivate key {key} of user {user}"),
            Self::ActivateKey { key, .. } => write!(f, "activate key {key} of user {user}"),
            Self::DeactivateCredential { credential, .. } => write!(f, "deactivate {credential} of user {user}"),
            Self::ActivateCredential { credential, .. } => write!(f, "activate {credential} of user {user}"),
            Self::DeleteKey { key, .. } => write!(f, "delete key {key} of user {user}"),
            Self::DeleteLogin { .. } => write!(f, "remove the console password of user {user}"),
            Self::DeleteCredential { credential, .. } => write!(f, "delete {credential} of user {user}"),
            Self::RemoveAttachment { attachment, .. } => {
                let verb = match attachment {
                    UserAttachment::MfaDevice(_) => "deactivate",
                    UserAttachment::Group(_) => "end the",
                    UserAttachment::AttachedPolicy(_) => "detach the",
                    UserAttachment::VirtualMfaDevice(_) | UserAttachment::InlinePolicy(_) => "delete",
                };
                write!(f, "{verb} {attachment} of user {user}")
            }
            Self::DeleteUser { .. } => write!(f, "delete user {user}"),
        }
    }
}
