//! The calls that change a user.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::credential::{Credential, UserAttachment};
use crate::resource::act::{Act, Description, Part, Undo};
use crate::vocabulary::ids::{KeyId, UserName};
use crate::vocabulary::text::clean;

/// What changes a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Put the inline deny on a user.
    DenyUser {
        /// Who.
        user: UserName,
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

impl Act for Action {
    fn describe(&self) -> Description {
        use Part::{GiveBack, Lock, Strip};
        let (operation, part, noun, verb) = match self {
            Self::DenyUser { .. } => ("iam:PutUserPolicy", Lock, "user", "denied everything"),
            Self::LiftDeny { .. } => ("iam:PutUserPolicy", GiveBack, "user", "given back"),
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

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::DenyUser { user } => Undo::By(Self::LiftDeny { user }),
            Self::DeactivateKey { user, key } => Undo::By(Self::ActivateKey { user, key }),
            Self::DeactivateCredential { user, credential } => Undo::By(Self::ActivateCredential { user, credential }),
            Self::DeleteKey { .. }
            | Self::DeleteLogin { .. }
            | Self::DeleteCredential { .. }
            | Self::RemoveAttachment { .. }
            | Self::DeleteUser { .. } => Undo::Never,
            Self::LiftDeny { .. } | Self::ActivateKey { .. } | Self::ActivateCredential { .. } => Undo::IsUndo,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = clean(self.user().as_str());
        match self {
            Self::DenyUser { .. } => write!(f, "deny everything to user {user}"),
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
