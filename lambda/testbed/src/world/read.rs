//! Reading the organization.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::{Belongings, Lockout, Role, User};
use runawaytrain_core::ids::{AccountId, FleetId, Region, RoleName, UserName};
use runawaytrain_core::launchers::{Fleet, FleetKind, Group, Launchers, SpotRequest};
use runawaytrain_core::observation::{Instance, Phase};
use runawaytrain_core::plan::Belonging;
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_core::trust::Outsider;
use runawaytrain_core::vcpus::Vcpus;
use runawaytrain_engine::ports::{Directory, Freshness, Member, Observer, UserDetail};
use tokio::time::Instant;

use super::pages::{
    ACCOUNTS_A_PAGE, GROUPS_A_PAGE, IDENTITIES_A_PAGE, INSTANCES_A_PAGE, LAUNCHERS_A_PAGE, Listing, Pages, place,
};
use super::{Inner, World};
use crate::account::{SimAccount, SimFleet, SimRegion, SimUser};
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
        let member = |(account, known): (&AccountId, &SimAccount)| Member {
            account: account.clone(),
            name: known.name.clone(),
            lifecycle: known.lifecycle.clone(),
        };
        let (mut found, mut pages) = (Vec::new(), Pages::new(ACCOUNTS_A_PAGE));
        loop {
            self.pass("organizations:ListAccounts", None, None).await?;
            let (page, more) =
                pages.next(self.lock().accounts.iter().map(|each| (each.0.clone(), member(each))).collect());
            found.extend(page);
            if !more {
                self.lock().members = Some((Instant::now(), found.clone()));
                return Ok(found);
            }
        }
    }
}

impl World {
    pub(super) fn look<T>(
        &self,
        operation: &str,
        account: &AccountId,
        read: impl FnOnce(&mut SimAccount) -> T,
    ) -> Option<T> {
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
        self.lock()
            .regions
            .get(account)
            .filter(|(since, _)| since.elapsed() < REGIONS_FRESH)
            .map(|(_, regions)| regions.clone())
    }

    /// One of a region's lists of what launches instances.
    async fn in_region<K: Ord + Clone, V, T>(
        &self,
        listing: Listing<'_>,
        of: impl Fn(&SimRegion) -> &BTreeMap<K, V>,
        seen: impl Fn((&K, &V)) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        let region = listing.region;
        let all = |known: &SimAccount| {
            let list = region.and_then(|region| known.regions.get(region)).map(&of);
            list.into_iter().flatten().map(|each| (each.0.clone(), seen(each))).collect()
        };
        Ok(self.list(listing, all).await?.into_iter().flatten().collect())
    }
}

#[async_trait]
impl Observer for World {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        if let Some(regions) = self.remembered_regions(account).filter(|_| freshness == Freshness::Cached) {
            return Ok(regions);
        }
        self.enter("ec2:DescribeRegions", account, None).await?;
        let regions: Vec<Region> = self
            .look("ec2:DescribeRegions", account, |known| known.regions.keys().cloned().collect())
            .unwrap_or_default();
        self.lock().regions.insert(account.clone(), (Instant::now(), regions.clone()));
        Ok(regions)
    }

    async fn instances(&self, account: &AccountId, region: &Region) -> Result<Vec<Instance>, Failure> {
        // EC2 pages first and filters then: a page may be short, or empty, and not the last.
        let all = |known: &SimAccount| {
            let all = known.regions.get(region).map(|of| &of.instances);
            all.into_iter().flatten().map(|each| (place(&each.id), instance(each))).collect()
        };
        let listing =
            Listing { operation: "ec2:DescribeInstances", account, region: Some(region), size: INSTANCES_A_PAGE };
        Ok(self.list(listing, all).await?.into_iter().flatten().collect())
    }

    async fn launchers(&self, account: &AccountId, region: &Region) -> Result<Launchers, Failure> {
        let listing = |operation, size| Listing { operation, account, region: Some(region), size };
        let groups = self.in_region(
            listing("autoscaling:DescribeAutoScalingGroups", GROUPS_A_PAGE),
            |of| &of.groups,
            |(name, group)| {
                Some(Group { name: name.clone(), suspended: group.suspended, created: Some(group.created) })
            },
        );
        let fleets = |operation, kind| {
            let seen = move |(id, fleet): (&FleetId, &SimFleet)| {
                (fleet.kind == kind).then(|| Fleet {
                    id: id.clone(),
                    kind,
                    target: fleet.target,
                    created: Some(fleet.created),
                })
            };
            self.in_region(listing(operation, LAUNCHERS_A_PAGE), |of| &of.fleets, seen)
        };
        let spot_requests = self.in_region(
            listing("ec2:DescribeSpotInstanceRequests", LAUNCHERS_A_PAGE),
            |of| &of.spot_requests,
            |(id, request)| Some(SpotRequest { id: id.clone(), open: request.open, persistent: request.persistent }),
        );
        let (ec2_fleets, spot_fleets) =
            (fleets("ec2:DescribeFleets", FleetKind::Ec2), fleets("ec2:DescribeSpotFleetRequests", FleetKind::Spot));
        let (groups, mut fleets, mut spot_fleets, spot_requests) =
            tokio::try_join!(groups, ec2_fleets, spot_fleets, spot_requests)?;
        fleets.append(&mut spot_fleets);
        Ok(Launchers { groups, fleets, spot_requests })
    }

    async fn roles(&self, account: &AccountId) -> Result<Vec<Role>, Failure> {
        let listing = Listing { operation: "iam:ListRoles", account, region: None, size: IDENTITIES_A_PAGE };
        let named =
            self.list(listing, |known| known.roles.keys().map(|name| (name.clone(), name.clone())).collect()).await?;
        let lock = self.enter("iam:GetRolePolicy", account, None).await;
        let seen = |known: &mut SimAccount| {
            let role = |name: RoleName| {
                let role = known.roles.get(&name)?;
                let outsiders = if role.foreign { vec![Outsider::Account(thiefs_account())] } else { Vec::new() };
                Some(Role {
                    name,
                    path: role.path.clone(),
                    created: Some(role.created),
                    outsiders,
                    lock: lock.clone().map(|()| *role.lock.written()),
                })
            };
            named.into_iter().filter_map(role).collect()
        };
        Ok(self.look("iam:GetRolePolicy", account, seen).unwrap_or_default())
    }

    async fn quarantined(&self, account: &AccountId) -> Result<Option<bool>, Failure> {
        if self.lock().no_quarantine {
            return Ok(None);
        }
        self.pass("organizations:ListPoliciesForTarget", Some(account), None).await?;
        Ok(Some(
            self.look("organizations:ListPoliciesForTarget", account, |known| *known.quarantine.written())
                .unwrap_or_default(),
        ))
    }

    async fn users(&self, account: &AccountId, detail: UserDetail) -> Result<Vec<User>, Failure> {
        let listing = Listing { operation: "iam:ListUsers", account, region: None, size: IDENTITIES_A_PAGE };
        let named =
            self.list(listing, |known| known.users.keys().map(|name| (name.clone(), name.clone())).collect()).await?;
        let keys = self.enter("iam:ListAccessKeys", account, None).await;
        let seen = |known: &mut SimAccount| {
            // One that vanished since it was listed is left out.
            let user = |name: UserName| {
                let user = known.users.get(&name)?;
                Some(User {
                    name,
                    created: Some(user.created),
                    lockout: Ok(*user.lockout.written()),
                    keys: keys.clone().map(|()| user.keys.clone()),
                    console: Ok(user.console),
                    others: Ok(user.others.clone()),
                    belongings: (detail == UserDetail::Everything).then(|| Ok(belongings(user))),
                })
            };
            named.into_iter().filter_map(user).collect()
        };
        Ok(self.look("iam:ListAccessKeys", account, seen).unwrap_or_default())
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
    Some(Instance {
        id,
        instance_type,
        vcpus,
        phase,
        spot_request: instance.spot_request.clone(),
        managed_by: instance.managed_by.clone(),
        operation: "RunInstances".to_owned(),
        tenancy: Default::default(),
        launched: None,
    })
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
            // A deactivated virtual device belongs to nobody and hinders nothing; credentials are listed with the
            // others.
            Belonging::VirtualMfaDevice(_)
            | Belonging::Certificate(_)
            | Belonging::SshKey(_)
            | Belonging::ServiceCredential(_) => continue,
        };
        list.push(belonging.id().to_owned());
    }
    all
}
