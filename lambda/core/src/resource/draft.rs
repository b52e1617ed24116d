//! A plan in the making: the steps of one kind of resource, and what it leaves alone.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::vocabulary::failure::{Failure, FailureKind};
use crate::vocabulary::ids::Region;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::{clean, count};

/// Actions that must follow one another. Different lanes do not wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The account as a whole: the policies on it.
    Account,
    /// What runs in one region and nothing there would launch again.
    Loose(Region),
    /// What runs in one region on behalf of something that would launch it again, and whatever launches there.
    Region(Region),
    /// One principal with credentials of its own, such as `user alice`.
    Principal(String),
    /// The sessions of one principal that has no others, such as `role lab`.
    Sessions(String),
    /// What opens the account to a principal.
    Credentials(String),
}

/// Something that was considered and is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// What, in words.
    pub item: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why something is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum SkipReason {
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
    /// Machinery of the account, by its name: only its sessions so far are revoked.
    Machinery {
        /// Whose it is.
        whose: String,
    },
    /// Machinery of the account that a policy above the account keeps everybody from changing, us too.
    Guarded {
        /// Whose it is.
        whose: String,
    },
    /// Nobody in an account can lock its root user.
    RootUser {
        /// Whether it has access keys.
        keys: Option<bool>,
        /// Whether it has a console password.
        password: Option<bool>,
        /// Whether it has an MFA device.
        mfa: Option<bool>,
        /// Whether a policy of ours denies it everything.
        frozen: bool,
        /// Whether the policy wants them deleted, and we were not permitted to.
        denied: bool,
    },
    /// Whether the root user has keys or a password could not be seen.
    RootUnseen {
        /// What went wrong.
        failure: Failure,
    },
    /// It cannot be stopped, and the policy leaves what cannot be stopped.
    Unstoppable,
    /// A stop would erase its local disks, it was not launched lately, and the policy leaves such instances.
    LocalDisks {
        /// Its type.
        #[serde(rename = "type")]
        instance_type: String,
        /// Whether it has local disks for certain; else nobody has said so far.
        certain: bool,
        /// What it costs in an hour, where that is known.
        per_hour: Option<Usd>,
    },
    /// It bills whether anything runs on it or not, and a halt does not give it up.
    BillsOn {
        /// What ends it.
        command: String,
    },
    /// It could not be looked at, and bills on where it is there.
    MayBillOn {
        /// What went wrong.
        failure: Failure,
    },
    /// The policy calls its region closed.
    ClosedRegion,
    /// No quarantine policy is deployed.
    NoQuarantine,
    /// The service control policy is not deployed.
    NoPolicy,
    /// A user that is to be deleted and on whom something still hangs.
    NotBareYet,
    /// A service runs it; EC2 refuses to stop it directly.
    ManagedBy {
        /// Which service.
        service: String,
    },
    /// A release gives it back only when it is named.
    NotNamed,
    /// A release starts what the halt stopped only when it is told to.
    NotStarted,
    /// What launches by itself would start something: it comes back only when a release is told to start.
    NotResumed,
    /// A group some of whose members do not run: it would take them for unhealthy and terminate them.
    MembersStopped {
        /// How many.
        members: usize,
    },
    /// What launches by itself comes back after what is started in its region.
    StartsFirst,
    /// It was launched shortly before the halt, or since.
    LaunchedLately,
    /// EC2 took the start, and it stopped again.
    FellBack,
    /// Its protections were taken off without a look at which it had.
    ProtectionUnknown,
    /// It was made shortly before the halt, or since: a thief may have made it.
    Suspicious {
        /// When it was made; `None` where that is not known.
        created: Option<Timestamp>,
    },
    /// A role of which only old sessions were revoked: those stay dead, and new ones work already.
    OldSessions,
    /// A stop erased it.
    Erased,
    /// It was deleted: it must be made anew.
    Gone,
    /// The halt did not touch it, so there is nothing to undo.
    NotOurs,
    /// An earlier release gave it back.
    GivenBack,
    /// It could not be seen well enough to act on it.
    Unseen {
        /// What went wrong.
        failure: Failure,
    },
}

impl SkipReason {
    /// It could not be seen.
    pub fn unseen(failure: &Failure) -> Self {
        Self::Unseen { failure: failure.clone() }
    }

    /// Nobody looked.
    pub(crate) fn not_looked() -> Self {
        Self::Unseen { failure: Failure::own("the look", FailureKind::NotBegun, "") }
    }

    /// Whether there was nothing to undo before the release began: once it has, what it gave back looks the same.
    pub fn is_of_the_beginning(&self) -> bool {
        matches!(self, Self::NotOurs | Self::GivenBack | Self::Erased)
    }

    /// Whether no later release can do anything about it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::OldSessions
            | Self::Gone
            | Self::Erased
            | Self::NotOurs
            | Self::GivenBack
            | Self::ProtectionUnknown => true,
            Self::Exempt
            | Self::UsersLeft
            | Self::RolesLeft
            | Self::NeverTouched { .. }
            | Self::Machinery { .. }
            | Self::Guarded { .. }
            | Self::RootUser { .. }
            | Self::RootUnseen { .. }
            | Self::Unstoppable
            | Self::LocalDisks { .. }
            | Self::BillsOn { .. }
            | Self::MayBillOn { .. }
            | Self::NoQuarantine
            | Self::NoPolicy
            | Self::NotBareYet
            | Self::ClosedRegion
            | Self::ManagedBy { .. }
            | Self::NotNamed
            | Self::NotStarted
            | Self::NotResumed
            | Self::MembersStopped { .. }
            | Self::StartsFirst
            | Self::LaunchedLately
            | Self::FellBack
            | Self::Suspicious { .. }
            | Self::Unseen { .. } => false,
        }
    }
}

/// What one kind of resource plans: its steps in their order, each in its lane, and what it leaves alone.
#[derive(Debug, Clone)]
pub struct Draft<A> {
    /// The steps.
    pub steps: Vec<(Lane, A)>,
    /// Steps after all others of their lane.
    pub last: Vec<(Lane, A)>,
    /// What is left alone.
    pub skipped: Vec<Skipped>,
}

impl<A> Draft<A> {
    /// Nothing planned yet.
    pub fn new() -> Self {
        Self { steps: Vec::new(), last: Vec::new(), skipped: Vec::new() }
    }

    /// Adds a step after those that are in its lane already.
    pub fn add(&mut self, lane: Lane, action: A) {
        self.steps.push((lane, action));
    }

    /// Adds a step after all others of its lane, those of other kinds too.
    pub fn add_last(&mut self, lane: Lane, action: A) {
        self.last.push((lane, action));
    }

    /// Leaves something alone.
    pub fn skip(&mut self, item: impl Into<String>, reason: SkipReason) {
        self.skipped.push(Skipped { item: item.into(), reason });
    }

    /// Takes in what another kind plans, after all that is here.
    pub fn append<B: Into<A>>(&mut self, other: Draft<B>) {
        self.steps.extend(other.steps.into_iter().map(|(lane, action)| (lane, action.into())));
        self.last.extend(other.last.into_iter().map(|(lane, action)| (lane, action.into())));
        self.skipped.extend(other.skipped);
    }
}

impl<A> Default for Draft<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt => f.write_str("exempt by the policy"),
            Self::RolesLeft => f.write_str("the policy leaves the roles of this account"),
            Self::NeverTouched { whose, forgeable: false } => write!(f, "never touched: {whose}"),
            Self::NeverTouched { whose, forgeable: true } => {
                write!(f, "never touched: {whose}, going by its name; make sure that it really is that")
            }
            Self::Machinery { whose } => {
                write!(
                    f,
                    "left, but for its sessions so far: {whose}, going by its name; make sure that it really is that"
                )
            }
            Self::Guarded { whose } => write!(
                f,
                "left: {whose}, going by its name, which AWS does not let us change: a policy above the account may protect \
                 it; make sure that it really is that"
            ),
            Self::RootUser { keys, password, mfa, frozen, denied } => {
                let has = |has: &Option<bool>, what: &str| match has {
                    Some(true) => format!("has {what}"),
                    Some(false) => format!("has no {}", what.trim_start_matches("a ")),
                    None => format!("may have {what}"),
                };
                let (keys, password) = (has(keys, "access keys"), has(password, "a console password"));
                let mfa = if *mfa == Some(false) { ", without MFA" } else { "" };
                let why = if *denied {
                    "which could not be deleted: sts:AssumeRoot was denied, for which the payer must have enabled \
                     centralized root access in IAM"
                } else {
                    "which a halt cannot take away"
                };
                write!(f, "it {keys} and {password}{mfa}, {why}")?;
                f.write_str(if *frozen { ": while the account is frozen it can call nothing" } else { "" })
            }
            Self::RootUnseen { failure } => {
                write!(f, "whether it has access keys or a console password could not be seen: {failure}")
            }
            Self::Unstoppable => {
                f.write_str("cannot be stopped, and the policy leaves what cannot be stopped: it still runs and bills")
            }
            Self::LocalDisks { instance_type, certain, per_hour } => {
                let has = if *certain { "has" } else { "may have" };
                write!(
                    f,
                    "this {} {has} local disks, which a stop would erase, it was not launched lately, and the policy \
                     leaves such instances: it still runs and bills",
                    clean(instance_type)
                )?;
                per_hour.map_or(Ok(()), |per_hour| write!(f, " USD {per_hour}/hour"))
            }
            Self::BillsOn { command } => write!(
                f,
                "bills on whether or not anything runs on it. A halt keeps it, because AWS may have no other to give. If \
                 nobody needs it, run in the account: {command}"
            ),
            Self::MayBillOn { failure } => {
                write!(f, "could not be looked at; any that there are bill on: {}", failure.brief())
            }
            Self::NotBareYet => f.write_str("deleted in the next pass, once nothing is attached to it any more"),
            Self::ClosedRegion => f.write_str("the policy calls the region closed: nothing is called there"),
            Self::NoQuarantine => f.write_str("no quarantine policy is deployed"),
            Self::NoPolicy => {
                f.write_str("no such service control policy is deployed: update the stack RunawayTrainGuardrails")
            }
            Self::UsersLeft => f.write_str("the policy leaves the users of this account"),
            Self::ManagedBy { service } => write!(f, "managed by {}, which alone can stop it", clean(service)),
            Self::NotStarted => f.write_str("stay stopped: the release says neither --start nor their ids"),
            Self::NotResumed => f.write_str(
                "stays switched off, because it would launch or replace instances: the release does not say --start",
            ),
            Self::MembersStopped { members } => {
                let members = count(*members as u64, "member");
                write!(f, "stays suspended: {members} of it are not running, and it would terminate them")
            }
            Self::StartsFirst => f.write_str("stays switched off until all that is started in its region runs"),
            Self::LaunchedLately => f.write_str(
                "stay stopped: launched close to the halt or since; name those that are yours: --start-only ID",
            ),
            Self::ProtectionUnknown => f.write_str("were removed to terminate it; put back those that it had"),
            Self::FellBack => f.write_str(
                "do not run: EC2 took the start, and they stopped again; see the state transition reason of each",
            ),
            Self::NotNamed => f.write_str("stays as it is: the release does not name it"),
            Self::Suspicious { created: Some(created) } => {
                write!(f, "stays as the halt left it: made at {created}, close to the halt or since")
            }
            Self::Suspicious { created: None } => {
                f.write_str("stays as the halt left it: when it was made is not known")
            }
            Self::OldSessions => f.write_str(
                "new sessions of it work already; those from before the halt stay revoked, so what still holds one \
                 fails until it fetches another: a Lambda function until its environments are recycled, which a \
                 change of its configuration does at once",
            ),
            Self::Erased => f.write_str("erased by the stop: they come back empty"),
            Self::Gone => f.write_str("deleted; it must be made anew"),
            Self::NotOurs => f.write_str("the halt did not touch it, so there is nothing to undo"),
            Self::GivenBack => f.write_str("an earlier release gave it back, so there is nothing to undo"),
            Self::Unseen { failure } => write!(f, "could not be seen: {failure}"),
        }
    }
}
