//! What opens an account to a user, and what else hangs on it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::Seen;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::KeyId;
use crate::vocabulary::text::clean;

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

/// A long-lived credential that is neither an access key nor a password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case")]
pub enum Credential {
    /// A signing certificate.
    Certificate(String),
    /// An SSH public key.
    SshKey(String),
    /// A service-specific credential.
    ServiceCredential(String),
}

/// A credential as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCredential {
    /// Which.
    pub credential: Credential,
    /// Whether it opens anything.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// What opens the account to a user. Each part may have failed on its own: the rest is still good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its access keys.
    pub keys: Seen<Vec<AccessKey>>,
    /// Whether it has a console password.
    pub console: Seen<bool>,
    /// Its other long-lived credentials: signing certificates, SSH keys, service-specific credentials.
    pub others: Seen<Vec<OtherCredential>>,
}

impl Credentials {
    /// What could not be seen.
    pub(super) fn failures(&self) -> [Option<&Failure>; 3] {
        [self.keys.as_ref().err(), self.console.as_ref().err(), self.others.as_ref().err()]
    }

    /// Whether nothing opens the account, as far as was seen: what could not be seen may.
    pub(super) fn are_none(&self) -> bool {
        self.keys.as_ref().is_ok_and(Vec::is_empty)
            && self.console == Ok(false)
            && self.others.as_ref().is_ok_and(Vec::is_empty)
    }
}

/// Something that hangs on a user and that IAM wants removed before it deletes the user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case")]
pub enum UserAttachment {
    /// An MFA device, deactivated.
    MfaDevice(String),
    /// A virtual MFA device, deleted after it was deactivated.
    VirtualMfaDevice(String),
    /// A membership in a group.
    Group(String),
    /// An attached managed policy.
    AttachedPolicy(String),
    /// An inline policy.
    InlinePolicy(String),
}

/// Everything of that sort that a user has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAttachments {
    /// Names of inline policies, ours among them.
    pub inline_policies: Vec<String>,
    /// ARNs of attached managed policies.
    pub attached_policies: Vec<String>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Serial numbers of MFA devices; a virtual one's is an ARN.
    pub mfa_devices: Vec<String>,
}

impl Credential {
    /// The call that switches it on or off.
    pub(super) fn update(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "iam:UpdateSigningCertificate",
            Self::SshKey(_) => "iam:UpdateSSHPublicKey",
            Self::ServiceCredential(_) => "iam:UpdateServiceSpecificCredential",
        }
    }

    /// The call that deletes it.
    pub(super) fn delete(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "iam:DeleteSigningCertificate",
            Self::SshKey(_) => "iam:DeleteSSHPublicKey",
            Self::ServiceCredential(_) => "iam:DeleteServiceSpecificCredential",
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Certificate(id) | Self::SshKey(id) | Self::ServiceCredential(id) => id,
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self {
            Self::Certificate(_) => "signing certificate",
            Self::SshKey(_) => "SSH key",
            Self::ServiceCredential(_) => "service-specific credential",
        };
        write!(f, "{noun} {}", clean(self.id()))
    }
}

impl UserAttachment {
    /// The call that removes it.
    pub(super) fn remove(&self) -> &'static str {
        match self {
            Self::MfaDevice(_) => "iam:DeactivateMFADevice",
            Self::VirtualMfaDevice(_) => "iam:DeleteVirtualMFADevice",
            Self::Group(_) => "iam:RemoveUserFromGroup",
            Self::AttachedPolicy(_) => "iam:DetachUserPolicy",
            Self::InlinePolicy(_) => "iam:DeleteUserPolicy",
        }
    }

    /// Its serial number, name or ARN.
    pub fn id(&self) -> &str {
        match self {
            Self::MfaDevice(id)
            | Self::VirtualMfaDevice(id)
            | Self::Group(id)
            | Self::AttachedPolicy(id)
            | Self::InlinePolicy(id) => id,
        }
    }
}

impl fmt::Display for UserAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self {
            Self::MfaDevice(_) => "MFA device",
            Self::VirtualMfaDevice(_) => "virtual MFA device",
            Self::Group(_) => "membership in group",
            Self::AttachedPolicy(_) => "attached policy",
            Self::InlinePolicy(_) => "inline policy",
        };
        write!(f, "{noun} {}", clean(self.id()))
    }
}
