//! What the rules are played on, and short words for what they do most.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::capacity::Holdings;
use runawaytrain_core::resource::fleets::{Fleet, FleetKind};
use runawaytrain_core::resource::groups::Group;
use runawaytrain_core::resource::instances::Instance;
use runawaytrain_core::resource::quarantine::Attachments;
use runawaytrain_core::resource::roles::REVOKE_AHEAD;
use runawaytrain_core::resource::roles::Role;
use runawaytrain_core::resource::root::RootCredentials;
use runawaytrain_core::resource::spot_requests::SpotRequest;
use runawaytrain_core::resource::users::{Credential, User, UserAttachments};
use runawaytrain_core::resource::{Action, Depth, Kind, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, FleetId, InstanceId, Region, RoleName, UnitId, UserName};
use runawaytrain_engine::ports::{Look, Performed, Ports};

/// An account, our ports into it, and the hands of its people.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The ports, of a guard with each of the service control policies.
    fn ports(&self) -> &Ports;
    /// The ports of a guard for which no service control policy is deployed.
    fn without_policies(&self) -> Ports;
    /// A member of the organization with our role in it, in which nothing was done yet. us-east-1 (home) and us-west-2
    /// are enabled.
    fn account(&self) -> &AccountId;

    /// Another member, without our role in it.
    async fn unenrolled(&self) -> AccountId;
    /// Our role is made in a member.
    async fn enroll(&self, account: &AccountId);
    /// Our role is deleted in a member.
    async fn expel(&self, account: &AccountId);

    /// Makes an organizational unit in another one, or right under the root.
    async fn unit(&self, inside: Option<&UnitId>) -> UnitId;
    /// Moves an account into a unit.
    async fn put_into(&self, account: &AccountId, unit: &UnitId);

    /// Makes more than one page of something, and says what it is called. Panics where the service does not page: there
    /// it would show nothing.
    async fn crowd(&self, of: Crowd) -> BTreeSet<String>;

    /// Launches a `t2.micro`.
    async fn launch(&self, region: &Region, machine: Machine) -> InstanceId;
    /// Stops an instance.
    async fn stop(&self, region: &Region, instance: &InstanceId);
    /// Terminates an instance.
    async fn terminate(&self, region: &Region, instance: &InstanceId);
    /// Makes an Auto Scaling group that wants no instance yet.
    async fn group(&self, region: &Region, name: &str);
    /// Makes a fleet of type `maintain` that wants so many instances.
    async fn fleet(&self, region: &Region, kind: FleetKind, target: u64) -> FleetId;
    /// Allocates a Dedicated Host for `m5.large`.
    async fn host(&self, region: &Region) -> String;

    /// Makes a user with so many keys and, if wished, a console password. What it calls is permitted.
    async fn user(&self, name: &str, keys: u32, console: bool);
    /// Puts it into a group, attaches a policy, writes one into it, gives it a virtual MFA device.
    async fn furnish(&self, user: &UserName) -> UserAttachments;
    /// Uploads an SSH key of a user.
    async fn ssh_key(&self, user: &UserName) -> Credential;
    /// Makes a role at the path `/service/`.
    async fn role(&self, name: &str);
    /// Makes a service-linked role.
    async fn service_role(&self) -> RoleName;
    /// Writes other words into our deny on a user.
    async fn alter_lockout(&self, user: &UserName);
    /// Writes other words into our deny on a role.
    async fn alter_role_lock(&self, role: &RoleName);
    /// Gives a user or a role a permissions boundary, by its ARN.
    async fn bound(&self, whom: Identity<'_>) -> String;
    /// Leaves a user or a role no room for another policy of a kind.
    async fn fill(&self, whom: Identity<'_>, with: Filling);
    /// Whether the first key that was made of a user still opens anything, once IAM agrees with itself.
    async fn can_act(&self, user: &UserName) -> bool;
}

/// Who has policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// A user.
    User(&'a UserName),
    /// A role.
    Role(&'a RoleName),
}

/// What IAM has a quota of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Characters of inline policies.
    Inline,
    /// Managed policies that are attached.
    Attached,
}

/// What there may be more of than a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// Members of the organization, by id.
    Accounts,
    /// Instances at home, by id.
    Instances,
    /// Auto Scaling groups at home, by name.
    Groups,
    /// Users, by name.
    Users,
    /// Roles, by name.
    Roles,
}

/// How an instance is bought, and where it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// It runs.
    Running,
    /// It was launched in this moment.
    Pending,
    /// Of a one-time Spot request. It runs.
    SpotOnce,
    /// Of a persistent Spot request. It runs.
    SpotPersistent,
}

/// A region that every account has.
pub(super) fn home() -> Region {
    Region::new("us-east-1")
}

/// Another one.
pub(super) fn away() -> Region {
    Region::new("us-west-2")
}

// Short words for what the rules do most.

/// What time it is for an action of which the time does not matter.
pub(super) fn now() -> Timestamp {
    "2026-11-22T03:10:00Z".parse().unwrap()
}

/// What a deny of older sessions is dated by a call at a time: what is issued until it bites is denied, too.
pub(super) fn dated(call: Timestamp) -> Timestamp {
    call + REVOKE_AHEAD
}

pub(super) async fn perform_at(
    stage: &dyn Stage,
    action: impl Into<Action>,
    now: Timestamp,
) -> Result<Performed, Failure> {
    let action = action.into();
    let answer = stage.ports().actuator.perform(stage.account(), &action, now).await;
    if let Err(failure) = &answer {
        println!("  {action}: {failure}");
    }
    answer
}

pub(super) async fn perform(stage: &dyn Stage, action: impl Into<Action>) -> Result<Performed, FailureKind> {
    perform_at(stage, action, now()).await.map_err(|failure| failure.kind)
}

async fn look(stage: &dyn Stage, kind: Kind, region: Option<&Region>) -> Sight {
    stage.ports().observer.look(stage.account(), &Look::at(kind, region)).await.unwrap()
}

/// What a look brought, which must be of the kind that was looked at.
macro_rules! of_kind {
    ($Kind:ident, $look:expr) => {
        match $look.await {
            Sight::$Kind(seen) => seen,
            other => panic!("a look at {} answered with {}", stringify!($Kind), other.kind().name()),
        }
    };
}

pub(super) async fn attachments(stage: &dyn Stage) -> Attachments {
    of_kind!(Quarantine, look(stage, Kind::Quarantine, None))
}

pub(super) async fn groups(stage: &dyn Stage, region: &Region) -> Vec<Group> {
    of_kind!(Groups, look(stage, Kind::Groups, Some(region)))
}

pub(super) async fn fleets(stage: &dyn Stage, region: &Region) -> Vec<Fleet> {
    of_kind!(Fleets, look(stage, Kind::Fleets, Some(region)))
}

pub(super) async fn spot_requests(stage: &dyn Stage, region: &Region) -> Vec<SpotRequest> {
    of_kind!(SpotRequests, look(stage, Kind::SpotRequests, Some(region)))
}

pub(super) async fn capacity(stage: &dyn Stage, region: &Region) -> Holdings {
    of_kind!(Capacity, look(stage, Kind::Capacity, Some(region)))
}

pub(super) async fn instances(stage: &dyn Stage, region: &Region) -> Vec<Instance> {
    of_kind!(Instances, look(stage, Kind::Instances, Some(region)))
}

pub(super) async fn running(stage: &dyn Stage, region: &Region) -> BTreeSet<InstanceId> {
    let seen = instances(stage, region).await;
    let ids: BTreeSet<InstanceId> = seen.iter().map(|instance| instance.id.clone()).collect();
    assert_eq!(ids.len(), seen.len(), "an instance is seen once");
    ids
}

pub(super) async fn users(stage: &dyn Stage, depth: Depth) -> Vec<User> {
    let look = Look { depth, ..Look::at(Kind::Users, None) };
    let seen = async { stage.ports().observer.look(stage.account(), &look).await.unwrap() };
    of_kind!(Users, seen)
}

pub(super) async fn user(stage: &dyn Stage, name: &UserName) -> User {
    let users = users(stage, Depth::Whole).await;
    users.into_iter().find(|user| user.name == *name).unwrap_or_else(|| panic!("user {name} is not seen"))
}

pub(super) async fn roles(stage: &dyn Stage) -> Vec<Role> {
    let look = Look { depth: Depth::Whole, ..Look::at(Kind::Roles, None) };
    let seen = async { stage.ports().observer.look(stage.account(), &look).await.unwrap() };
    of_kind!(Roles, seen)
}

pub(super) async fn root(stage: &dyn Stage) -> Seen<RootCredentials> {
    of_kind!(Root, look(stage, Kind::Root, None))
}

pub(super) async fn role(stage: &dyn Stage, name: &RoleName) -> Role {
    let found = roles(stage).await.into_iter().find(|role| role.name == *name);
    found.unwrap_or_else(|| panic!("role {name} is not seen"))
}

/// Everything that was made is there, and nothing twice.
pub(super) fn assert_all(made: &BTreeSet<String>, seen: impl IntoIterator<Item = impl ToString>) {
    let seen: Vec<String> = seen.into_iter().map(|item| item.to_string()).collect();
    let names: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(names.len(), seen.len(), "something is listed twice");
    let missing: Vec<_> = made.iter().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "{} of {} are not listed, {} among them", missing.len(), made.len(), missing[0]);
}
