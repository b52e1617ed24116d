//! What a halt will do: immutable data that leaves its executor no choices, with a reason for everything left alone.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{InstanceId, KeyId, Region, UserName};
use crate::text::{clean, count};

/// The most instances in one StopInstances call: its resource bucket holds 1,000 tokens, one an instance.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub const MOST_INSTANCES_A_CALL: usize = 1000;

/// One call that changes the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Stop instances of one region, at most [`MOST_INSTANCES_A_CALL`] of them.
    StopInstances {
        /// Where.
        region: Region,
        /// Which; never empty, for an empty list means *all* to EC2.
        instances: Vec<InstanceId>,
    },
    /// Put the inline deny on a user. Undone by deleting that policy.
    DenyUser {
        /// Whom.
        user: UserName,
    },
    /// Make an access key inactive. Undone by making it active.
    DeactivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
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
    /// Remove one thing that stands in the way of deleting a user. Cannot be undone.
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
    /// Undo [`Action::DenyUser`]. Only a release does this.
    LiftDeny {
        /// Whom.
        user: UserName,
    },
    /// Undo [`Action::DeactivateKey`]. Only a release that names the key does this.
    ActivateKey {
        /// Whose.
        user: UserName,
        /// Which.
        key: KeyId,
    },
    /// Undo [`Action::StopInstances`]. Only a release that asks for it does this.
    StartInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
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

/// Actions that must follow one another. Different lanes do not wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// One region's instances.
    Region(Region),
    /// One user's credentials.
    User(UserName),
}

/// Something that was considered and is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// What, in words.
    pub item: String,
    /// Why.
    pub reason: LeftReason,
}

/// Why something is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum LeftReason {
    /// The policy names it under `exempt`.
    Exempt,
    /// The policy leaves all users of this account.
    UsersLeft,
    /// A service runs it; EC2 refuses to stop it directly.
    ManagedBy {
        /// Which service.
        service: String,
    },
    /// A release gives it back only when it is named.
    NotNamed,
    /// It was made shortly before the halt, or since: a thief may have made it.
    Suspicious {
        /// When it was made; `None` where that is not known.
        created: Option<Timestamp>,
    },
    /// It was deleted: it must be made anew.
    Gone,
    /// The halt did not touch it, so there is nothing to undo.
    NotOurs,
    /// It could not be seen well enough to act on it.
    Unseen {
        /// What went wrong.
        failure: Failure,
    },
}

/// What a halt will do to one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    lanes: BTreeMap<Lane, Vec<Action>>,
    left: Vec<Left>,
}

impl Plan {
    /// A plan of lanes and of things left alone. Lanes without actions vanish.
    pub fn new(lanes: impl IntoIterator<Item = (Lane, Vec<Action>)>, left: Vec<Left>) -> Self {
        Self { lanes: lanes.into_iter().filter(|(_, actions)| !actions.is_empty()).collect(), left }
    }

    /// The lanes, each with its actions in order.
    pub fn lanes(&self) -> impl Iterator<Item = (&Lane, &[Action])> {
        self.lanes.iter().map(|(lane, actions)| (lane, actions.as_slice()))
    }

    /// Every action of every lane.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.lanes.values().flatten()
    }

    /// What is left alone, and why.
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

impl Action {
    /// The user it is about, if it is about one.
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::StopInstances { .. } | Self::StartInstances { .. } => None,
            Self::DenyUser { user }
            | Self::DeactivateKey { user, .. }
            | Self::DeleteKey { user, .. }
            | Self::DeleteLogin { user }
            | Self::RemoveBelonging { user, .. }
            | Self::DeleteUser { user }
            | Self::LiftDeny { user }
            | Self::ActivateKey { user, .. } => Some(user),
        }
    }

    /// Whether doing this would do the other as well: the same call, or a stop of more instances of the same region.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::StopInstances { region, instances }, Self::StopInstances { region: there, instances: those }) => {
                region == there && those.iter().any(|id| instances.contains(id))
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopInstances { region, instances } | Self::StartInstances { region, instances } => {
                const SHOWN: usize = 5;
                let verb = if matches!(self, Self::StopInstances { .. }) { "stop" } else { "start" };
                write!(f, "{verb} {} in {region}: ", count(instances.len() as u64, "instance"))?;
                for (index, id) in instances.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{id}", if index == 0 { "" } else { ", " })?;
                }
                if instances.len() > SHOWN { write!(f, " and {} more", instances.len() - SHOWN) } else { Ok(()) }
            }
            Self::DenyUser { user } => write!(f, "deny everything to user {}", clean(user.as_str())),
            Self::DeactivateKey { user, key } => write!(f, "deactivate key {key} of user {}", clean(user.as_str())),
            Self::DeleteKey { user, key } => write!(f, "delete key {key} of user {}", clean(user.as_str())),
            Self::DeleteLogin { user } => write!(f, "remove the console password of user {}", clean(user.as_str())),
            Self::RemoveBelonging { user, belonging } => write!(f, "{belonging} of user {}", clean(user.as_str())),
            Self::DeleteUser { user } => write!(f, "delete user {}", clean(user.as_str())),
            Self::LiftDeny { user } => write!(f, "lift the deny from user {}", clean(user.as_str())),
            Self::ActivateKey { user, key } => write!(f, "activate key {key} of user {}", clean(user.as_str())),
        }
    }
}

impl fmt::Display for Belonging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, id) = match self {
            Self::Certificate(id) => ("delete signing certificate", id),
            Self::SshKey(id) => ("delete SSH key", id),
            Self::ServiceCredential(id) => ("delete service-specific credential", id),
            Self::MfaDevice(id) => ("deactivate MFA device", id),
            Self::VirtualMfaDevice(id) => ("delete virtual MFA device", id),
            Self::Group(id) => ("end the membership in group", id),
            Self::AttachedPolicy(id) => ("detach policy", id),
            Self::InlinePolicy(id) => ("delete inline policy", id),
        };
        write!(f, "{verb} {}", clean(id))
    }
}

impl fmt::Display for LeftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt => f.write_str("exempt by the policy"),
            Self::UsersLeft => f.write_str("the policy leaves the users of this account"),
            Self::ManagedBy { service } => write!(f, "managed by {}, which alone can stop it", clean(service)),
            Self::NotNamed => f.write_str("stays as it is: the release does not name it"),
            Self::Suspicious { created: Some(created) } => write!(f, "stays locked: made at {created}, close to the halt or since"),
            Self::Suspicious { created: None } => f.write_str("stays locked: when it was made is not known"),
            Self::Gone => f.write_str("deleted; it must be made anew"),
            Self::NotOurs => f.write_str("the halt did not touch it, so there is nothing to undo"),
            Self::Unseen { failure } => write!(f, "could not be seen: {failure}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            writeln!(f, "nothing to do")?;
        }
        for action in self.actions() {
            writeln!(f, "{action}")?;
        }
        for left in &self.left {
            writeln!(f, "leave {}: {}", clean(&left.item), left.reason)?;
        }
        Ok(())
    }
}
