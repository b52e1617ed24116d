//! What a halt will do: immutable data that leaves its executor no choices, with a reason for everything left alone.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{Region, RoleName, UserName};
use crate::text::clean;

mod action;

pub use action::{Action, Belonging, MOST_INSTANCES_A_CALL, Protection};

/// Actions that must follow one another. Different lanes do not wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The account as a whole: its quarantine.
    Account,
    /// One region's instances.
    Region(Region),
    /// One user's credentials.
    User(UserName),
    /// One role's sessions.
    Role(RoleName),
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
    /// The policy leaves all roles of this account.
    RolesLeft,
    /// Never touched anywhere, whatever the policy says.
    NeverTouched {
        /// Whose it is.
        whose: String,
        /// Whether a thief could have made one that looks like it.
        forgeable: bool,
    },
    /// It cannot be stopped, and the policy leaves what cannot be stopped.
    Unstoppable,
    /// No quarantine policy is deployed.
    NoQuarantine,
    /// A user that is to be deleted and on whom something still hangs.
    NotBareYet,
    /// A service runs it; EC2 refuses to stop it directly.
    ManagedBy {
        /// Which service.
        service: String,
    },
    /// A release gives it back only when it is named.
    NotNamed,
    /// A release starts the instances that the halt stopped only when it is told to.
    NotStarted,
    /// It was made shortly before the halt, or since: a thief may have made it.
    Suspicious {
        /// When it was made; `None` where that is not known.
        created: Option<Timestamp>,
    },
    /// A role of which only old sessions were revoked: those stay dead, and new ones work already.
    OldSessions,
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

    /// The part of the plan that freezes the account, and nothing else.
    #[must_use]
    pub fn only_freeze(&self) -> Self {
        Self {
            lanes: self
                .lanes
                .iter()
                .filter(|(lane, _)| **lane == Lane::Account)
                .map(|(lane, actions)| (lane.clone(), actions.clone()))
                .collect(),
            left: self.left.clone(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

impl fmt::Display for LeftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt => f.write_str("exempt by the policy"),
            Self::RolesLeft => f.write_str("the policy leaves the roles of this account"),
            Self::NeverTouched { whose, forgeable: false } => write!(f, "never touched: {whose}"),
            Self::NeverTouched { whose, forgeable: true } => {
                write!(f, "never touched: {whose}, by its name; make sure that it is what it says")
            }
            Self::Unstoppable => {
                f.write_str("cannot be stopped, and the policy leaves what cannot be stopped: it still runs and bills")
            }
            Self::NotBareYet => f.write_str("deleted in the next pass, once nothing hangs on it any more"),
            Self::NoQuarantine => f.write_str("no quarantine policy is deployed"),
            Self::UsersLeft => f.write_str("the policy leaves the users of this account"),
            Self::ManagedBy { service } => write!(f, "managed by {}, which alone can stop it", clean(service)),
            Self::NotStarted => f.write_str("stay stopped: the release does not say \"start\":true"),
            Self::NotNamed => f.write_str("stays as it is: the release does not name it"),
            Self::Suspicious { created: Some(created) } => {
                write!(f, "stays as the halt left it: made at {created}, close to the halt or since")
            }
            Self::Suspicious { created: None } => {
                f.write_str("stays as the halt left it: when it was made is not known")
            }
            Self::OldSessions => {
                f.write_str("new sessions of it work already; those from before the halt stay revoked")
            }
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
