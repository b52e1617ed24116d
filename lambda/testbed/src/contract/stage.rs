use std::collections::BTreeSet;

use async_trait::async_trait;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::{Belongings, Role, User};
use runawaytrain_core::ids::{AccountId, FleetId, InstanceId, Region, RoleName, UserName};
use runawaytrain_core::launchers::{FleetKind, Launchers};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_engine::ports::{Performed, Ports, UserDetail};

/// An account, our ports into it, and the hands of its people.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The ports, of a guard with a quarantine policy.
    fn ports(&self) -> &Ports;
    /// The ports of a guard for which no quarantine policy is deployed.
    fn without_quarantine(&self) -> Ports;
    /// A member of the organization with our role in it, in which nothing was done yet. us-east-1 (home) and us-west-2
    /// are enabled.
    fn account(&self) -> &AccountId;

    /// Another member, without our role in it.
    async fn stranger(&self) -> AccountId;
    /// Our role is made in a member.
    async fn enroll(&self, account: &AccountId);
    /// Our role is deleted in a member.
    async fn expel(&self, account: &AccountId);

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

    /// Makes a user with so many keys and, if wished, a console password. What it calls is permitted.
    async fn user(&self, name: &str, keys: u32, console: bool);
    /// Puts it into a group, attaches a policy, writes one into it, gives it a virtual MFA device.
    async fn furnish(&self, user: &UserName) -> Belongings;
    /// Uploads an SSH key of a user.
    async fn ssh_key(&self, user: &UserName) -> Belonging;
    /// Makes a role at the path `/service/`.
    async fn role(&self, name: &str);
    /// Makes a service-linked role.
    async fn service_role(&self) -> RoleName;
    /// Writes other words into our deny on a user.
    async fn alter_lockout(&self, user: &UserName);
    /// Writes other words into our deny on a role.
    async fn alter_role_lock(&self, role: &RoleName);
    /// Whether the first key that was made of a user still opens anything, once IAM agrees with itself.
    async fn can_act(&self, user: &UserName) -> bool;
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

pub(super) async fn perform(stage: &dyn Stage, action: Action) -> Result<Performed, FailureKind> {
    let answer = stage.ports().actuator.perform(stage.account(), &action).await;
    answer.map_err(|failure| {
        println!("  {action}: {failure}");
        failure.kind
    })
}

pub(super) async fn running(stage: &dyn Stage, region: &Region) -> BTreeSet<InstanceId> {
    let seen = stage.ports().observer.instances(stage.account(), region).await.unwrap();
    let ids: BTreeSet<InstanceId> = seen.iter().map(|instance| instance.id.clone()).collect();
    assert_eq!(ids.len(), seen.len(), "an instance is seen once");
    ids
}

pub(super) async fn launchers(stage: &dyn Stage, region: &Region) -> Launchers {
    stage.ports().observer.launchers(stage.account(), region).await.unwrap()
}

pub(super) async fn users(stage: &dyn Stage, detail: UserDetail) -> Vec<User> {
    stage.ports().observer.users(stage.account(), detail).await.unwrap()
}

pub(super) async fn user(stage: &dyn Stage, name: &UserName) -> User {
    let users = users(stage, UserDetail::Everything).await;
    users.into_iter().find(|user| user.name == *name).unwrap_or_else(|| panic!("user {name} is not seen"))
}

pub(super) async fn role(stage: &dyn Stage, name: &RoleName) -> Role {
    let roles = stage.ports().observer.roles(stage.account()).await.unwrap();
    roles.into_iter().find(|role| role.name == *name).unwrap_or_else(|| panic!("role {name} is not seen"))
}
