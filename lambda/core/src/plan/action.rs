//! The calls that change an account, each with what undoes it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UserName};
use crate::launchers::FleetKind;
use crate::text::{clean, count};

/// The most instances in one StopInstances call: its resource bucket holds 1,000 tokens, one an instance.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub const MOST_INSTANCES_A_CALL: usize = 1000;

/// What an instance is protected against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// `disableApiStop`: neither stop nor terminate through the API.
    Stop,
    /// `disableApiTermination`: no terminate through the API.
    Termination,
}

/// One call that changes the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Attach the quarantine SCP to the account. Undone by [`Action::Thaw`].
    Freeze,
    /// Suspend all processes of an Auto Scaling group. Undone by [`Action::ResumeGroup`].
    SuspendGroup {
        /// Where.
        region: Region,
        /// Which.
        group: GroupName,
    },
    /// Set a fleet's target capacity to zero without terminating what runs. Undone by [`Action::RestoreFleet`].
    ZeroFleet {
        /// Where.
        region: Region,
        /// Which.
        fleet: FleetId,
        /// Which kind.
        kind: FleetKind,
        /// What it wanted.
        target: u64,
    },
    /// Cancel Spot requests that are not fulfilled, or whose instance is about to be terminated. Cannot be undone.
    CancelSpotRequests {
        /// Where.
        region: Region,
        /// Which; never empty.
        requests: Vec<SpotRequestId>,
    },
    /// Take a protection off one instance that refused because of it. Undone by [`Action::Protect`].
    Unprotect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what it is protected.
        against: Protection,
    },
    /// Stop instances of one region, at most [`MOST_INSTANCES_A_CALL`] of them. Undone by [`Action::StartInstances`].
    StopInstances {
        /// Where.
        region: Region,
        /// Which; never empty, for an empty list means *all* to EC2.
        instances: Vec<InstanceId>,
    },
    /// Terminate instances, at most [`MOST_INSTANCES_A_CALL`] of them. Cannot be undone.
    TerminateInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
    /// Put the inline deny on a user. Undone by [`Action::LiftDeny`].
    DenyUser {
        /// Whom.
        user: UserName,
    },
    /// Make an access key inactive. Undone by [`Action::ActivateKey`].
    DeactivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Make another long-lived credential inactive. Undone by [`Action::ActivateCredential`].
    DeactivateCredential {
        /// Whose.
        user: UserName,
        /// Which: a certificate, an SSH key or a service-specific credential.
        credential: Belonging,
    },
    /// Delete an access key. Cannot be undone.
    DeleteKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Delete the console password. Cannot be undone.
    DeleteLogin {
        /// Whose.
        user: UserName,
    },
    /// Remove one thing of a user. Cannot be undone.
    RemoveBelonging {
        /// Whose.
        user: UserName,
        /// What.
        belonging: Belonging,
    },
    /// Delete a user. Cannot be undone.
    DeleteUser {
        /// Whom.
        user: UserName,
    },
    /// Deny everything to a role's sessions that were issued before a time. Needs no undoing: new sessions work.
    RevokeSessions {
        /// Which.
        role: RoleName,
        /// Before when.
        before: Timestamp,
    },
    /// Deny everything to a role's sessions, present and future. Undone by [`Action::LiftRole`].
    DenyRole {
        /// Which.
        role: RoleName,
    },
    /// Undo [`Action::Freeze`].
    Thaw,
    /// Undo [`Action::SuspendGroup`].
    ResumeGroup {
        /// Where.
        region: Region,
        /// Which.
        group: GroupName,
    },
    /// Undo [`Action::ZeroFleet`].
    RestoreFleet {
        /// Where.
        region: Region,
        /// Which.
        fleet: FleetId,
        /// Which kind.
        kind: FleetKind,
        /// What it wanted.
        target: u64,
    },
    /// Undo [`Action::Unprotect`].
    Protect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what.
        against: Protection,
    },
    /// Undo [`Action::StopInstances`]. Only a release that asks for it does this.
    StartInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
    /// Undo [`Action::DenyUser`], but for sessions that were issued before a time: a session outlives the key that made
    /// it by up to 36 hours, and a thief's must not come back to life with the user. Only a release that names the user
    /// does this.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
    LiftDeny {
        /// Whom.
        user: UserName,
        /// Sessions issued before this stay denied.
        before: Timestamp,
    },
    /// Undo [`Action::DeactivateKey`]. Only a release that names the key does this.
    ActivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Undo [`Action::DeactivateCredential`]. Only a release that names the credential does this.
    ActivateCredential {
        /// Whose.
        user: UserName,
        /// Which.
        credential: Belonging,
    },
    /// Undo [`Action::DenyRole`], but for sessions that were issued before a time. Only a release that names the role
    /// does this.
    LiftRole {
        /// Which.
        role: RoleName,
        /// Sessions issued before this stay denied.
        before: Timestamp,
    },
}

/// One thing that IAM wants removed before it deletes a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case")]
pub enum Belonging {
    /// A signing certificate.
    Certificate(String),
    /// An SSH public key.
    SshKey(String),
    /// A service-specific credential.
    ServiceCredential(String),
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

impl Belonging {
    /// Its id, serial number, name or ARN.
    pub fn id(&self) -> &str {
        match self {
            Self::Certificate(id)
            | Self::SshKey(id)
            | Self::ServiceCredential(id)
            | Self::MfaDevice(id)
            | Self::VirtualMfaDevice(id)
            | Self::Group(id)
            | Self::AttachedPolicy(id)
            | Self::InlinePolicy(id) => id,
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "signing certificate",
            Self::SshKey(_) => "SSH key",
            Self::ServiceCredential(_) => "service-specific credential",
            Self::MfaDevice(_) => "MFA device",
            Self::VirtualMfaDevice(_) => "virtual MFA device",
            Self::Group(_) => "membership in group",
            Self::AttachedPolicy(_) => "attached policy",
            Self::InlinePolicy(_) => "inline policy",
        }
    }
}

impl fmt::Display for Belonging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun(), clean(self.id()))
    }
}

impl Action {
    /// The user it is about, if it is about one.
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::DenyUser { user }
            | Self::DeactivateKey { user, .. }
            | Self::DeactivateCredential { user, .. }
            | Self::DeleteKey { user, .. }
            | Self::DeleteLogin { user }
            | Self::RemoveBelonging { user, .. }
            | Self::DeleteUser { user }
            | Self::LiftDeny { user, .. }
            | Self::ActivateKey { user, .. }
            | Self::ActivateCredential { user, .. } => Some(user),
            _ => None,
        }
    }

    /// The role it is about, if it is about one.
    pub fn role(&self) -> Option<&RoleName> {
        match self {
            Self::RevokeSessions { role, .. } | Self::DenyRole { role } | Self::LiftRole { role, .. } => Some(role),
            _ => None,
        }
    }

    /// The instances it is about, in one region; none for everything else.
    pub fn instances(&self) -> &[InstanceId] {
        match self {
            Self::StopInstances { instances, .. }
            | Self::TerminateInstances { instances, .. }
            | Self::StartInstances { instances, .. } => instances,
            Self::Unprotect { instance, .. } | Self::Protect { instance, .. } => std::slice::from_ref(instance),
            _ => &[],
        }
    }

    /// The same call for some of its instances: how a batch is taken apart. `None` for calls that are not about a batch
    /// of instances.
    pub fn for_instances(&self, some: Vec<InstanceId>) -> Option<Self> {
        match self {
            Self::StopInstances { region, .. } => Some(Self::StopInstances { region: region.clone(), instances: some }),
            Self::TerminateInstances { region, .. } => {
                Some(Self::TerminateInstances { region: region.clone(), instances: some })
            }
            Self::StartInstances { region, .. } => {
                Some(Self::StartInstances { region: region.clone(), instances: some })
            }
            _ => None,
        }
    }

    /// Whether doing this would do the other as well: the same call, or one for more instances of the same region.
    /// Sessions revoked before a later time are revoked before an earlier one too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::StopInstances { region, instances }, Self::StopInstances { region: there, instances: those })
            | (
                Self::TerminateInstances { region, instances },
                Self::TerminateInstances { region: there, instances: those },
            ) => region == there && those.iter().any(|id| instances.contains(id)),
            (Self::RevokeSessions { role, .. }, Self::RevokeSessions { role: that, .. }) => role == that,
            _ => self == other,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Freeze => f.write_str("attach the quarantine policy"),
            Self::Thaw => f.write_str("detach the quarantine policy"),
            Self::SuspendGroup { region, group } => {
                write!(f, "suspend Auto Scaling group {} in {region}", clean(group.as_str()))
            }
            Self::ResumeGroup { region, group } => {
                write!(f, "resume Auto Scaling group {} in {region}", clean(group.as_str()))
            }
            Self::ZeroFleet { region, fleet, target, .. } => {
                write!(f, "set fleet {fleet} in {region} from {target} to 0")
            }
            Self::RestoreFleet { region, fleet, target, .. } => {
                write!(f, "set fleet {fleet} in {region} back to {target}")
            }
            Self::CancelSpotRequests { region, requests } => {
                write!(f, "cancel {} in {region}: ", count(requests.len() as u64, "Spot request"))?;
                some_of(f, requests)
            }
            Self::Unprotect { region, instance, against } => {
                write!(f, "take {against} off instance {instance} in {region}")
            }
            Self::Protect { region, instance, against } => {
                write!(f, "put {against} back on instance {instance} in {region}")
            }
            Self::StopInstances { region, instances } => batch(f, "stop", region, instances),
            Self::TerminateInstances { region, instances } => batch(f, "terminate", region, instances),
            Self::StartInstances { region, instances } => batch(f, "start", region, instances),
            Self::DenyUser { user } => write!(f, "deny everything to user {}", clean(user.as_str())),
            Self::LiftDeny { user, before } => {
                write!(f, "lift the deny from user {}, but for sessions issued before {before}", clean(user.as_str()))
            }
            Self::DeactivateKey { user, key } => write!(f, "deactivate key {key} of user {}", clean(user.as_str())),
            Self::ActivateKey { user, key } => write!(f, "activate key {key} of user {}", clean(user.as_str())),
            Self::DeactivateCredential { user, credential } => {
                write!(f, "deactivate {credential} of user {}", clean(user.as_str()))
            }
            Self::ActivateCredential { user, credential } => {
                write!(f, "activate {credential} of user {}", clean(user.as_str()))
            }
            Self::DeleteKey { user, key } => write!(f, "delete key {key} of user {}", clean(user.as_str())),
            Self::DeleteLogin { user } => write!(f, "remove the console password of user {}", clean(user.as_str())),
            Self::RemoveBelonging { user, belonging } => {
                let verb = match belonging {
                    Belonging::MfaDevice(_) => "deactivate",
                    Belonging::Group(_) => "end the",
                    Belonging::AttachedPolicy(_) => "detach the",
                    _ => "delete",
                };
                write!(f, "{verb} {belonging} of user {}", clean(user.as_str()))
            }
            Self::DeleteUser { user } => write!(f, "delete user {}", clean(user.as_str())),
            Self::RevokeSessions { role, before } => {
                write!(f, "revoke the sessions of role {} issued before {before}", clean(role.as_str()))
            }
            Self::DenyRole { role } => write!(f, "deny everything to role {}", clean(role.as_str())),
            Self::LiftRole { role, before } => {
                write!(f, "lift the deny from role {}, but for sessions issued before {before}", clean(role.as_str()))
            }
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "the stop protection",
            Self::Termination => "the termination protection",
        })
    }
}

fn batch(f: &mut fmt::Formatter<'_>, verb: &str, region: &Region, instances: &[InstanceId]) -> fmt::Result {
    write!(f, "{verb} {} in {region}: ", count(instances.len() as u64, "instance"))?;
    some_of(f, instances)
}

fn some_of<T: fmt::Display>(f: &mut fmt::Formatter<'_>, ids: &[T]) -> fmt::Result {
    const SHOWN: usize = 5;
    for (index, id) in ids.iter().take(SHOWN).enumerate() {
        write!(f, "{}{id}", if index == 0 { "" } else { ", " })?;
    }
    if ids.len() > SHOWN { write!(f, " and {} more", ids.len() - SHOWN) } else { Ok(()) }
}
