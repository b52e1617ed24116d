//! Reading the organization.

use std::time::Duration;

use async_trait::async_trait;
use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::{Belongings, Lockout, Role, User};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::launchers::{Fleet, Group, Launchers, SpotRequest};
use runawaytrain_core::observation::{Instance, Phase};
use runawaytrain_core::plan::Belonging;
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_core::trust::Outsider;
use runawaytrain_core::vcpus::Vcpus;
use runawaytrain_engine::ports::{Directory, Freshness, Member, Observer, UserDetail};
use tokio::time::Instant;

use super::{Inner, World};
use crate::account::{SimAccount, SimUser};
use crate::instance::{Life, SimInstance};

/// How long the adapter remembers an account's regions: a thief who enables one hides in it until then.
const REGIONS_FRESH: Duration = Duration::from_secs(15 * 60);

/// How long the adapter remembers the organization's accounts.
const ACCOUNTS_FRESH: Duration = Duration::from_secs(4 * 60);

#[async_trait]
impl Directory for World {
    async fn accounts(&self, freshness: Freshness) -> Result<Vec<Member>, Failure> {
        let good_for = if freshness == Freshness::Now { Duration::from_secs(30) } else { ACCOUNTS_FRESH };
        let remembered = self.lock().members.clone();
        if let Some((_, members)) = remembered.filter(|(since, _)| since.elapsed() < good_for) {
            return Ok(members);
        }
        self.pass("organizations:ListAccounts", None, None).await?;
        let member = |(account, known): (&AccountId, &SimAccount)| Member { account: account.clone(), name: known.name.clone(), lifecycle: known.lifecycle.clone() };
        let members: Vec<Member> = self.lock().accounts.iter().map(member).collect();
        self.lock().members = Some((Instant::now(), members.clone()));
        Ok(members)
    }
}

impl World {
    fn look<T>(&self, operation: &str, account: &AccountId, read: impl FnOnce(&mut SimAccount) -> T) -> Option<T> {
        let mut inner = self.lock();
        inner.looks += 1;
        let Inner { accounts, hooks, .. } = &mut *inner;
        let known = accounts.get_mut(account)?;
        known.settle();
        let seen = read(known);
        hooks.iter_mut().for_each(|react| react(operation, account, known));
        Some(seen)
    }

    /// What the adapter remembers of an account's regions, as long as it does.
    fn remembered_regions(&self, account: &AccountId) -> Option<Vec<Region>> {
        self.lock().regions.get(account).filter(|(since, _)| since.elapsed() < REGIONS_FRESH).map(|(_, regions)| regions.clone())
    }
}

#[async_trait]
impl Observer for World {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        if let Some(regions) = self.remembered_regions(account).filter(|_| freshness == Freshness::Cached) {
            return Ok(regions);
        }
        self.enter("ec2:DescribeRegions", account, None).await?;
        let regions: Vec<Region> = self.look("ec2:DescribeRegions", account, |known| known.regions.keys().cloned().collect()).unwrap_or_default();
        self.lock().regions.insert(account.clone(), (Instant::now(), regions.clone()));
        Ok(regions)
    }

    async fn instances(&self, account: &AccountId, region: &Region) -> Result<Vec<Instance>, Failure> {
        self.enter("ec2:DescribeInstances", account, Some(region)).await?;
        let seen = |known: &mut SimAccount| Some(known.regions.get(region)?.instances.iter().filter_map(instance).collect());
        Ok(self.look("ec2:DescribeInstances", account, seen).flatten().unwrap_or_default())
    }

    async fn launchers(&self, account: &AccountId, region: &Region) -> Result<Launchers, Failure> {
        self.enter("autoscaling:DescribeAutoScalingGroups", account, Some(region)).await?;
        let seen = |known: &mut SimAccount| {
            let of = known.regions.get(region)?;
            Some(Launchers {
                groups: of.groups.iter().map(|(name, group)| Group { name: name.clone(), suspended: group.suspended, created: Some(group.created) }).collect(),
                fleets: of.fleets.iter().map(|(id, fleet)| Fleet { id: id.clone(), kind: fleet.kind, target: fleet.target, created: Some(fleet.created) }).collect(),
                spot_requests: of.spot_requests.iter().map(|(id, request)| SpotRequest { id: id.clone(), open: request.open, persistent: request.persistent }).collect(),
            })
        };
        Ok(self.look("autoscaling:DescribeAutoScalingGroups", account, seen).flatten().unwrap_or_default())
    }

    async fn roles(&self, account: &AccountId) -> Result<Vec<Role>, Failure> {
        self.enter("iam:ListRoles", account, None).await?;
        let lock = self.pass("iam:GetRolePolicy", Some(account), None).await;
        let seen = |known: &mut SimAccount| {
            let role = |(name, role): (&_, &crate::account::SimRole)| Role {
                name: Clone::clone(name),
                path: role.path.clone(),
                created: Some(role.created),
                outsiders: if role.foreign { vec![Outsider::Account(thiefs_account())] } else { Vec::new() },
                lock: lock.clone().map(|()| *role.lock.written()),
            };
            known.roles.iter().map(role).collect()
        };
        Ok(self.look("iam:ListRoles", account, seen).unwrap_or_default())
    }

    async fn quarantined(&self, account: &AccountId) -> Result<Option<bool>, Failure> {
        self.pass("organizations:ListPoliciesForTarget", Some(account), None).await?;
        if self.lock().no_quarantine {
            return Ok(None);
        }
        Ok(Some(self.look("organizations:ListPoliciesForTarget", account, |known| *known.quarantine.written()).unwrap_or_default()))
    }

    async fn users(&self, account: &AccountId, detail: UserDetail) -> Result<Vec<User>, Failure> {
        self.enter("iam:ListUsers", account, None).await?;
        let keys = self.pass("iam:ListAccessKeys", Some(account), None).await;
        let seen = |known: &mut SimAccount| {
            let user = |(name, user): (&_, &SimUser)| User {
                name: Clone::clone(name),
                created: Some(user.created),
                lockout: Ok(*user.lockout.written()),
                keys: keys.clone().map(|()| user.keys.clone()),
                console: Ok(user.console),
                others: Ok(user.others.clone()),
                belongings: (detail == UserDetail::Everything).then(|| Ok(belongings(user))),
            };
            known.users.iter().map(user).collect()
        };
        Ok(self.look("iam:ListUsers", account, seen).unwrap_or_default())
    }
}

/// An account outside of every organization here.
fn thiefs_account() -> AccountId {
    AccountId::parse("666666666666").expect("an account id")
}

fn instance(instance: &SimInstance) -> Option<Instance> {
    let phase = match instance.life {
        Life::Pending(_) => Phase::Pending,
        Life::Running => Phase::Running,
        Life::Stopped | Life::Terminated => return None,
    };
    let (id, instance_type) = (instance.id.clone(), instance.instance_type.clone());
    let vcpus = Vcpus::of(None, None, &instance_type);
    Some(Instance { id, instance_type, vcpus, phase, spot_request: instance.spot_request.clone(), managed_by: instance.managed_by.clone(), launched: None })
}

fn belongings(user: &SimUser) -> Belongings {
    let mut all = Belongings::default();
    if *user.lockout.written() != Lockout::Absent {
        all.inline_policies.push(LOCKOUT_POLICY.to_owned());
    }
    for belonging in &user.belongings {
        let list = match belonging {
            Belonging::MfaDevice(_) => &mut all.mfa_devices,
            Belonging::Group(_) => &mut all.groups,
            Belonging::AttachedPolicy(_) => &mut all.attached_policies,
            Belonging::InlinePolicy(_) => &mut all.inline_policies,
            // A deactivated virtual device belongs to nobody and hinders nothing; credentials are listed with the others.
            Belonging::VirtualMfaDevice(_) | Belonging::Certificate(_) | Belonging::SshKey(_) | Belonging::ServiceCredential(_) => continue,
        };
        list.push(belonging.id().to_owned());
    }
    all
}
