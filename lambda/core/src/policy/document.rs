//! `runawaytrain.yaml` as it is written. These types are its only definition: the JSON Schema that editors and CDK use
//! is made from them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::measure::limit::{LIMITS, Limit};
use crate::vocabulary::ids::{AccountId, InstanceId, Region, RoleName, UnitId, UserName};
use crate::vocabulary::mode::Mode;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::listed;

use super::chat::{self, ChatSettings};
use super::shape::ShapeError;
use super::trusted::TrustedSettings;
use super::values::{self, Bucket, Count, Dollars, Email, KeyPrefix, Schedule, Share, Span, UpTo};

/// Why a policy is refused.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// It is not JSON.
    #[error("the policy is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It does not have the shape of a policy.
    #[error("the policy is not valid: {0}")]
    Shape(#[from] ShapeError),
    /// Accounts that the policy does not name, or that join later, would have nothing that trips.
    /// Spend alone is no limit: it lags by hours.
    #[error(
        "defaults.limits sets none of {}, so nothing would halt an account in time that joins later: set at least one \
         of them",
        keys_of_running()
    )]
    NoLimit,
}

/// The limits on what runs, as a sentence lists them.
fn keys_of_running() -> String {
    let keys: Vec<&str> = LIMITS.iter().filter(|row| row.limit.is_of_running()).map(|row| row.key).collect();
    listed(&keys)
}

/// The runawaytrain policy: who is watched, what is too much, and what is done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The payer (management) account that runs the machinery.
    pub payer: AccountId,
    /// The AWS organization that is watched.
    pub organization: Organization,
    /// How often every account is looked at: 1m to 60m.
    #[serde(default)]
    pub schedule: Schedule,
    /// How far the machine may go anywhere: pass, drill or proceed.
    #[serde(default)]
    pub mode: Mode,
    /// How many accounts may be halted in an hour before the rest are only frozen.
    #[serde(default)]
    pub brake: Brake,
    /// Users, roles and keys made within this time before a halt, or since, are not given back by a release: a thief
    /// may have made them.
    #[serde(default = "default_suspicion")]
    pub suspicion: Span,
    /// How long after a release the limit that had tripped is judged by what was added since.
    #[serde(default = "default_grace")]
    pub grace: Span,
    /// The payer's Cost and Usage Reports, which say what each account spent in each hour. Without this key they are
    /// not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CostReportSettings")]
    pub cur: Option<CostReportSettings>,
    /// Sweeps with many workers at once, for an organization that one function does not sweep in time: a Distributed
    /// Map of Step Functions. Without this key one function sweeps every account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ScaleSettings")]
    pub scale: Option<ScaleSettings>,
    /// Where `runawaytrain drill --live` may launch one instance, to see it found, stopped and given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CanarySettings")]
    pub canary: Option<CanarySettings>,
    /// Chat channels that are shown what the default list is mailed, and the guard's own alarms. They can only read.
    #[serde(default, deserialize_with = "chat::named", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ChatSettings")]
    pub chat: Option<ChatSettings>,
    /// What holds for every account.
    pub defaults: Settings,
    /// What differs for every account of an organizational unit, by the unit's id; also for those of the units inside
    /// of it, and for those that are made in it or moved to it later. Of units inside of each other, the innermost that
    /// sets a key counts, and an account's own entry before all of them.
    #[serde(default)]
    pub units: BTreeMap<UnitId, AccountSettings>,
    /// What differs for one account, by its id.
    #[serde(default)]
    pub accounts: BTreeMap<AccountId, AccountSettings>,
}

/// Where the payer's Cost and Usage Reports are. With `cur: {}` the stack RunawayTrainCostReports makes a bucket and a
/// report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostReportSettings {
    /// The payer's bucket with a report that exists already: that one is read, and none is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bucket")]
    pub bucket: Option<Bucket>,
    /// What the keys of the report's files begin with, up to a slash. Without it: the whole bucket, or `reports/` in
    /// the bucket that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyPrefix")]
    pub prefix: Option<KeyPrefix>,
}

/// How a sweep is divided among workers. Each of them is an invocation of the same function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ScaleSettings {
    /// The most accounts that one worker sweeps.
    pub accounts_per_worker: UpTo<1_000>,
    /// The most workers that sweep at once. Each needs one of the concurrent executions that Lambda gives the payer in
    /// us-east-1, and whatever else runs there needs some as well.
    pub max_concurrency: UpTo<1_000>,
}

impl Default for ScaleSettings {
    /// A worker of so many accounts takes ten seconds, and two rounds of twenty workers sweep twenty thousand.
    fn default() -> Self {
        Self { accounts_per_worker: UpTo::nearest(500), max_concurrency: UpTo::nearest(20) }
    }
}

/// Where a live drill may launch. Choose an account in which nobody works: the drill has it halted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanarySettings {
    /// The account; not the payer. Its own `limits.instances` has to be 0.
    pub account: AccountId,
    /// The region.
    #[serde(deserialize_with = "values::named_region")]
    #[schemars(with = "String", regex(pattern = values::REGION))]
    pub region: Region,
}

/// A wrong limit must not stop a university: past so many halts in an hour, accounts are frozen and people are mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Brake {
    /// The most halts in any sixty minutes; ordered ones are not counted and not braked.
    pub halts_per_hour: Count,
}

impl Default for Brake {
    /// Ten: more accounts than a thief was ever seen to burn at once, fewer than a mistyped default limit would hit.
    fn default() -> Self {
        Self { halts_per_hour: Count::nearest(10) }
    }
}

/// A week: stolen keys are often tried out days before they are used.
fn default_suspicion() -> Span {
    Span::days(7)
}

/// Half a working day: long enough to bring an account's work back up, short enough that a relapse is caught the same
/// day.
fn default_grace() -> Span {
    Span::hours(4)
}

/// The AWS organization that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Organization {
    /// The organization's id, o-….
    #[serde(deserialize_with = "values::organization")]
    #[schemars(regex(pattern = values::ORGANIZATION))]
    pub id: String,
    /// The root's id, r-…: every account under it is enrolled.
    #[serde(default, deserialize_with = "values::root", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = values::ROOT))]
    pub root: Option<String>,
    /// Organizational units to enroll, ou-…, instead of the whole root: 50 at the most.
    #[serde(default, deserialize_with = "values::units", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = values::MOST_UNITS), inner(regex(pattern = values::UNIT)))]
    pub ous: Vec<String>,
    /// Regions in which member accounts get launch-event rules.
    #[serde(default, deserialize_with = "values::regions", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = values::REGION)))]
    pub regions: Vec<Region>,
    /// The region that the stack with the roles of each account is deployed in; without it us-east-1. Choose it once:
    /// the names of roles are the account's, so a stack in another region could not take them over.
    #[serde(default, deserialize_with = "values::region", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = values::REGION))]
    pub member_region: Option<Region>,
    /// Regions that a service control policy of the organization denies to its accounts: they are not looked at, and
    /// not missed.
    #[serde(default, deserialize_with = "values::closed_regions", skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = values::REGION)))]
    pub closed_regions: BTreeSet<Region>,
}

/// What holds for every account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Strictly more than a limit halts the account. At least one of them must be set.
    pub limits: LimitSettings,
    /// The default notify list: who is mailed. It is also the payer's list.
    #[serde(deserialize_with = "values::list")]
    #[schemars(length(min = 1))]
    pub notify: Vec<Email>,
    /// What a halt does.
    #[serde(default)]
    pub contain: ContainSettings,
    /// What is never touched and never counted.
    #[serde(default)]
    pub exempt: Exempt,
    /// Who outside of an account may assume its roles.
    #[serde(default)]
    pub trusted: TrustedSettings,
}

/// What differs for one account, or for all of an organizational unit. Limits and contain are merged key by key, notify
/// replaces the list, exempt and trusted add to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// What people call the account or the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// How far the machine may go here, within the mode of the policy: an account's own entry counts before its units'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Mode")]
    pub mode: Option<Mode>,
    /// Strictly more than a limit halts the account.
    #[serde(default)]
    pub limits: LimitSettings,
    /// A notify list instead of the default one, or of the unit around it.
    #[serde(default, deserialize_with = "values::own_list", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Email>", length(min = 1))]
    pub notify: Option<Vec<Email>>,
    /// What a halt does.
    #[serde(default)]
    pub contain: ContainSettings,
    /// What is never touched and never counted, besides the defaults and the units around it.
    #[serde(default)]
    pub exempt: Exempt,
    /// Who outside of an account may assume its roles, besides the defaults and the units around it.
    #[serde(default)]
    pub trusted: TrustedSettings,
}

/// Limits; each may be absent, but every account needs one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// The most EC2 instances, pending and running, over all regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Count")]
    pub instances: Option<Count>,
    /// The most vCPUs of pending and running instances, over all regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Count")]
    pub vcpus: Option<Count>,
    /// The most US dollars an hour that what runs now may cost, by AWS's price list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dollars")]
    pub burn: Option<Dollars>,
    /// The most US dollars an account may spend in 24 hours, by its Cost and Usage Reports, which lag by hours.
    #[serde(default, rename = "spend24h", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dollars")]
    pub spend_24h: Option<Dollars>,
    /// The most US dollars an account may be charged in a calendar month, by AWS's own estimate, which lags by hours.
    /// Every sweep judges each account by the amount that holds for it. Alarms only have it looked at a little earlier:
    /// there is one at the amount of the defaults, and one at an account's own; a unit's amount has none.
    #[serde(default, rename = "spendMonth", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dollars")]
    pub spend_month: Option<Dollars>,
    /// The most US dollars of commitments and subscriptions that may be bought in two days, by the Cost and Usage
    /// Reports. An account that is past it is frozen and mailed about, and not halted for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dollars")]
    pub purchases: Option<Dollars>,
    /// The share of a limit from which people are warned: above 0, at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Share")]
    pub warn: Option<Share>,
}

impl LimitSettings {
    /// What is set for a limit, in its unit: money in millionths of a US dollar.
    pub fn of(&self, limit: Limit) -> Option<u64> {
        let number = |count: Count| u64::from(count.get());
        let usd = |dollars: Dollars| Usd::from_dollars(dollars.get()).as_micros();
        match limit {
            Limit::Instances => self.instances.map(number),
            Limit::Vcpus => self.vcpus.map(number),
            Limit::Burn => self.burn.map(usd),
            Limit::Spend24h => self.spend_24h.map(usd),
            Limit::SpendMonth => self.spend_month.map(usd),
            Limit::Purchases => self.purchases.map(usd),
        }
    }
}

/// What a halt does, where it differs from the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainSettings {
    /// What happens to pending and running instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InstanceResponse")]
    pub instances: Option<InstanceResponse>,
    /// What happens to instances that cannot be stopped: one-time Spot, instance-store roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UnstoppableResponse")]
    pub unstoppable: Option<UnstoppableResponse>,
    /// What happens to instances with local disks (instance store), which a stop erases.
    #[serde(default, rename = "instanceStore", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InstanceStoreResponse")]
    pub instance_store: Option<InstanceStoreResponse>,
    /// What happens to IAM users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserResponse")]
    pub users: Option<UserResponse>,
    /// What happens to IAM roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RoleResponse")]
    pub roles: Option<RoleResponse>,
    /// What happens to the root user's access keys and console password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RootResponse")]
    pub root: Option<RootResponse>,
    /// Whether the quarantine SCP is attached: it denies growth, not what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub quarantine: Option<bool>,
    /// Whether the quarantine denies invoking models (Amazon Bedrock) as well: what the account runs on them stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub models: Option<bool>,
    /// Whether a halt locks the account down: an SCP denies everything to everybody in it but our own roles. It ends
    /// every session, root's and those of IAM Identity Center too, and breaks every call that is made for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub lockdown: Option<bool>,
}

/// What a halt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contain {
    /// What happens to pending and running instances.
    pub instances: InstanceResponse,
    /// What happens to instances that cannot be stopped.
    pub unstoppable: UnstoppableResponse,
    /// What happens to instances with local disks.
    pub instance_store: InstanceStoreResponse,
    /// What happens to IAM users.
    pub users: UserResponse,
    /// What happens to IAM roles.
    pub roles: RoleResponse,
    /// What happens to the root user's credentials.
    pub root: RootResponse,
    /// Whether the quarantine SCP is attached.
    pub quarantine: bool,
    /// Whether the SCP is attached beside it that denies invoking models.
    pub models: bool,
    /// Whether the SCP is attached that denies everything to everybody but our own roles.
    pub lockdown: bool,
}

impl Contain {
    /// Of each response the milder one.
    #[must_use]
    pub(super) fn milder(self, other: Self) -> Self {
        use {InstanceResponse as I, InstanceStoreResponse as S, RoleResponse as R, RootResponse as O};
        use {UnstoppableResponse as N, UserResponse as U};
        /// `from` lists them from the mildest on.
        fn of<T: Copy + PartialEq>(from: &[T], one: T, other: T) -> T {
            from.iter().copied().find(|response| [one, other].contains(response)).unwrap_or(one)
        }
        Self {
            instances: of(&[I::Stop, I::Terminate], self.instances, other.instances),
            unstoppable: of(&[N::Leave, N::Terminate], self.unstoppable, other.unstoppable),
            instance_store: of(&[S::Leave, S::Stop], self.instance_store, other.instance_store),
            users: of(&[U::Leave, U::Deactivate, U::DeleteCredentials, U::DeleteUsers], self.users, other.users),
            roles: of(&[R::Leave, R::RevokeSessions, R::Deny], self.roles, other.roles),
            root: of(&[O::Leave, O::DeleteCredentials], self.root, other.root),
            quarantine: self.quarantine && other.quarantine,
            models: self.models && other.models,
            lockdown: self.lockdown && other.lockdown,
        }
    }
}

/// What happens to pending and running instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceResponse {
    /// They are stopped. EBS volumes stay as evidence; instance store, the local disks of some types, is erased.
    #[default]
    Stop,
    /// They are terminated. Cannot be undone.
    Terminate,
}

/// What happens to instances that cannot be stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnstoppableResponse {
    /// They are terminated: they have no disk that would outlive a stop, and they bill.
    #[default]
    Terminate,
    /// They are left running, and named.
    Leave,
}

/// What happens to instances with local disks (instance store), such as c5d, m6id, i4i or p5: a stop erases these
/// disks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceStoreResponse {
    /// They are stopped or terminated as all others: a thief's machine must not run for its scratch disk.
    #[default]
    Stop,
    /// Those that were not launched within `suspicion` before the halt, or since, are left running, and named with what
    /// they cost. So is one of which nobody says whether it has local disks. All others are stopped.
    Leave,
}

/// What happens to IAM roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleResponse {
    /// Sessions issued before the halt are denied everything; new ones work. What runs already keeps its old one until
    /// it fetches another: warm Lambda environments and EC2 instances for hours.
    #[default]
    RevokeSessions,
    /// Everything is denied to every session, present and future.
    Deny,
    /// Roles are left alone.
    Leave,
}

/// What happens to the root user's access keys and console password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RootResponse {
    /// They are left, and named.
    #[default]
    Leave,
    /// They are deleted by centralized root access, which the organization must have enabled. Cannot be undone: root
    /// gets a new password only once the payer allows its recovery (the root task `IAMCreateRootUserPassword`), and new
    /// keys.
    DeleteCredentials,
}

/// What happens to IAM users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UserResponse {
    /// Inline deny, keys inactive, console password removed. Keys can be switched on again; the password cannot be had
    /// back.
    #[default]
    Deactivate,
    /// Inline deny, keys and console password deleted: they must be made anew.
    DeleteCredentials,
    /// The user and all that belongs to it deleted: it must be made anew.
    DeleteUsers,
    /// Users are left alone.
    Leave,
}

/// What is never touched and never counted. It is held here, in the payer, so that a thief cannot add to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exempt {
    /// Names of IAM users.
    #[serde(default, deserialize_with = "values::users", skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>", inner(regex(pattern = values::USER)))]
    pub users: BTreeSet<UserName>,
    /// Names of IAM roles.
    #[serde(default, deserialize_with = "values::roles", skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>", inner(regex(pattern = values::USER)))]
    pub roles: BTreeSet<RoleName>,
    /// Ids of EC2 instances.
    #[serde(default, deserialize_with = "values::instances", skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>", inner(regex(pattern = values::INSTANCE)))]
    pub instances: BTreeSet<InstanceId>,
}
