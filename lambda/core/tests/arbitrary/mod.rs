//! Random policies, observations and circumstances, and what AWS would show after a plan was carried out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests break loudly")]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{
    AccessKey, Belongings, Lockout, OtherCredential, Role, RoleLock, Roles, User, Users,
};
use runawaytrain_core::ids::{
    AccountId, FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UserName,
};
use runawaytrain_core::launchers::{Fleet, FleetKind, Group, Launchers, SpotRequest};
use runawaytrain_core::mode::Mode;
use runawaytrain_core::money::Usd;
use runawaytrain_core::observation::{Instance, Observation, Phase, Quarantine, Seen};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_core::planner::{Circumstances, Refusals};
use runawaytrain_core::policy::{
    AccountPolicy, Contain, Exempt, InstanceResponse, Limits, NotifyList, RoleResponse, UnstoppableResponse,
    UserResponse,
};
use runawaytrain_core::price::{Price, PriceKey, PriceSource, Tenancy};
use runawaytrain_core::spend::Charge;
use runawaytrain_core::trust::{Family, Outsider};
use runawaytrain_core::vcpus::Vcpus;

pub const TRIPPED: i64 = 1_795_316_400;

pub fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(TRIPPED + seconds).unwrap()
}

pub fn instance_id(number: u32) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}"))
}

fn failure() -> Failure {
    Failure {
        operation: "ec2:DescribeInstances".to_owned(),
        kind: FailureKind::Denied,
        code: None,
        detail: String::new(),
        named: Vec::new(),
    }
}

fn seen<T: std::fmt::Debug + Clone + 'static>(
    of: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Seen<T>> {
    prop_oneof![9 => of.prop_map(Ok), 1 => Just(Err(failure()))]
}

fn instances() -> impl Strategy<Value = Vec<Instance>> {
    let spot = prop::option::weighted(0.2, (0u32..5).prop_map(|number| SpotRequestId::new(format!("sir-{number}"))));
    let managed = prop::option::weighted(0.1, Just("eks.amazonaws.com".to_owned()));
    let one = (0u32..40, 1u32..200, any::<bool>(), managed, spot).prop_map(
        |(number, vcpus, pending, managed_by, spot_request)| Instance {
            id: instance_id(number),
            instance_type: "m5.large".to_owned(),
            vcpus: Vcpus { count: vcpus, estimated: false },
            phase: if pending { Phase::Pending } else { Phase::Running },
            spot_request,
            managed_by,
            operation: "RunInstances".to_owned(),
            tenancy: Tenancy::Shared,
            launched: None,
        },
    );
    // An id is in one place and has one nature.
    prop::collection::vec(one, 0..12).prop_map(|mut list| {
        list.sort_by(|one, other| one.id.cmp(&other.id));
        list.dedup_by(|one, other| one.id == other.id);
        list
    })
}

fn launchers() -> impl Strategy<Value = Launchers> {
    let groups = prop::collection::btree_map(0u32..5, any::<bool>(), 0..3);
    let fleets = prop::collection::btree_map(0u32..5, (any::<bool>(), 0u64..3), 0..3);
    let requests = prop::collection::btree_map(0u32..5, (any::<bool>(), any::<bool>()), 0..3);
    (groups, fleets, requests).prop_map(|(groups, fleets, requests)| Launchers {
        groups: groups
            .into_iter()
            .map(|(number, suspended)| Group {
                name: GroupName::new(format!("group-{number}")),
                suspended,
                created: None,
            })
            .collect(),
        fleets: fleets
            .into_iter()
            .map(|(number, (spot, target))| {
                let kind = if spot { FleetKind::Spot } else { FleetKind::Ec2 };
                Fleet { id: FleetId::new(format!("fleet-{number}")), kind, target, created: None }
            })
            .collect(),
        spot_requests: requests
            .into_iter()
            .map(|(number, (open, persistent))| SpotRequest {
                id: SpotRequestId::new(format!("sir-{number}")),
                open,
                persistent,
            })
            .collect(),
    })
}

fn user(number: u32) -> impl Strategy<Value = User> {
    let lockout = prop_oneof![
        Just(Lockout::Absent),
        Just(Lockout::InForce),
        Just(Lockout::Altered),
        (-100i64..100).prop_map(|seconds| Lockout::SessionsBefore(moment(seconds)))
    ];
    let keys = prop::collection::vec(any::<bool>(), 0..3).prop_map(move |active| {
        active
            .into_iter()
            .enumerate()
            .map(|(index, active)| AccessKey { id: KeyId::new(format!("AKIA{number}{index}")), active, created: None })
            .collect::<Vec<_>>()
    });
    let others = prop::collection::vec(any::<bool>(), 0..2).prop_map(move |active| {
        let other = |(index, active)| OtherCredential {
            credential: Belonging::SshKey(format!("APKA{number}{index}")),
            active,
            created: None,
        };
        active.into_iter().enumerate().map(other).collect::<Vec<_>>()
    });
    let belongings = prop::collection::vec("[a-z]{1,5}", 0..3).prop_map(|names| Belongings {
        groups: names.clone(),
        inline_policies: names,
        ..Belongings::default()
    });
    (seen(lockout), seen(keys), seen(any::<bool>()), seen(others), prop::option::of(seen(belongings))).prop_map(
        move |(lockout, keys, console, others, belongings)| User {
            name: UserName::new(format!("user-{number}")),
            created: None,
            lockout,
            keys,
            console,
            others,
            belongings,
        },
    )
}

fn users() -> impl Strategy<Value = Users> {
    let list = prop::collection::btree_set(0u32..20, 0..6)
        .prop_flat_map(|numbers| numbers.into_iter().map(user).collect::<Vec<_>>());
    prop_oneof![1 => Just(Users::NotLooked), 5 => seen(list).prop_map(Users::Looked)]
}

/// The organization that the account belongs to.
pub const ORGANIZATION: &str = "o-exampleorg";

/// Names of roles, never-touched ones among them.
pub const ROLES: [(&str, &str); 9] = [
    ("lab", "/"),
    ("deploy", "/"),
    ("notebook", "/service/"),
    ("RunawayTrainResponder", "/"),
    ("stacksets-exec-0123", "/"),
    ("cdk-hnb659fds-deploy-role", "/"),
    ("OrganizationAccountAccessRole", "/"),
    ("AWSServiceRoleForAutoScaling", "/aws-service-role/autoscaling.amazonaws.com/"),
    ("AWSReservedSSO_Admin_1", "/aws-reserved/sso.amazonaws.com/"),
];

fn roles() -> impl Strategy<Value = Roles> {
    let lock = prop_oneof![
        Just(RoleLock::Absent),
        Just(RoleLock::Altered),
        Just(RoleLock::Denied),
        (-100i64..100).prop_map(|seconds| RoleLock::RevokedBefore(moment(seconds)))
    ];
    let outsider = prop_oneof![
        Just(Outsider::Anybody),
        Just(Outsider::Organizations(vec![ORGANIZATION.to_owned()])),
        Just(Outsider::Account(account())),
        Just(Outsider::Account(AccountId::parse("666666666666").unwrap())),
    ];
    let role =
        (0..ROLES.len(), seen(lock), prop::option::weighted(0.3, outsider)).prop_map(|(index, lock, outsider)| {
            let (name, path) = ROLES[index];
            Role {
                name: RoleName::new(name),
                path: path.to_owned(),
                created: None,
                outsiders: outsider.into_iter().collect(),
                lock,
            }
        });
    let list = prop::collection::vec(role, 0..6).prop_map(|mut list| {
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list.dedup_by(|one, other| one.name == other.name);
        list
    });
    prop_oneof![1 => Just(Roles::NotLooked), 5 => seen(list).prop_map(Roles::Looked)]
}

pub fn observation() -> impl Strategy<Value = Observation> {
    let quarantine = prop_oneof![
        Just(Quarantine::NotLooked),
        Just(Quarantine::Undeployed),
        seen(any::<bool>()).prop_map(Quarantine::Looked)
    ];
    let regions =
        prop::collection::btree_map(0u32..6, (seen(instances()), prop::option::weighted(0.9, seen(launchers()))), 0..6);
    // A price for each region or not, and what was charged so far or not.
    let money =
        (prop::collection::vec(prop::option::of((1u64..10_000_000, any::<bool>())), 6), prop::option::of(0f64..5000.0));
    (regions, users(), roles(), quarantine, money).prop_map(|(regions, users, roles, quarantine, (prices, charged))| {
        let mut observation = Observation::new(account());
        let charge = charged.map(|dollars| Charge { amount: Usd::from_dollars(dollars), at: moment(-3600) });
        observation.spend.charges = charge.map(|charge| observation.spend.charges.with(charge)).unwrap_or_default();
        for (number, price) in prices.into_iter().enumerate() {
            let Some((micros, listed)) = price else { continue };
            let (instance_type, operation, tenancy) =
                ("m5.large".to_owned(), "RunInstances".to_owned(), Tenancy::Shared);
            let source = if listed { PriceSource::List } else { PriceSource::Estimate };
            let key = PriceKey { region: Region::new(format!("r-{number}")), instance_type, operation, tenancy };
            observation.prices.insert(key, Price { per_hour: Usd::micros(micros), source });
        }
        observation.expected_regions = Some(regions.len());
        for (number, (instances, launchers)) in regions {
            let region = Region::new(format!("r-{number}"));
            observation.regions.insert(region.clone(), instances);
            if let Some(launchers) = launchers {
                observation.launchers.insert(region, launchers);
            }
        }
        Observation { users, roles, quarantine, ..observation }
    })
}

pub fn policy() -> impl Strategy<Value = AccountPolicy> {
    let users = prop_oneof![
        Just(UserResponse::Deactivate),
        Just(UserResponse::DeleteCredentials),
        Just(UserResponse::DeleteUsers),
        Just(UserResponse::Leave)
    ];
    let roles = prop_oneof![Just(RoleResponse::RevokeSessions), Just(RoleResponse::Deny), Just(RoleResponse::Leave)];
    let instances = prop_oneof![3 => Just(InstanceResponse::Stop), 1 => Just(InstanceResponse::Terminate)];
    let unstoppable = prop_oneof![Just(UnstoppableResponse::Terminate), Just(UnstoppableResponse::Leave)];
    let contain = (instances, unstoppable, users, roles, any::<bool>()).prop_map(
        |(instances, unstoppable, users, roles, quarantine)| Contain {
            instances,
            unstoppable,
            users,
            roles,
            quarantine,
        },
    );
    let exempt = (
        prop::collection::btree_set(0u32..20, 0..5),
        prop::collection::btree_set(0..ROLES.len(), 0..3),
        prop::collection::btree_set(0u32..40, 0..5),
    );
    let money = (prop::option::of(0f64..40.0), prop::option::of(0f64..4000.0));
    (prop::option::of(0u64..30), prop::option::of(0u64..400), money, 0.01f64..=1.0, contain, exempt).prop_map(
        |(instances, vcpus, (burn, spend_month), warn, contain, exempt)| AccountPolicy {
            account: account(),
            name: None,
            mode: Mode::Proceed,
            limits: Limits {
                instances,
                vcpus,
                burn: burn.map(Usd::from_dollars),
                spend_24h: None,
                spend_month: spend_month.map(Usd::from_dollars),
                warn,
            },
            contain,
            exempt: Exempt {
                users: exempt.0.into_iter().map(|number| UserName::new(format!("user-{number}"))).collect(),
                roles: exempt.1.into_iter().map(|index| RoleName::new(ROLES[index].0)).collect(),
                instances: exempt.2.into_iter().map(instance_id).collect(),
            },
            notify: NotifyList::Default,
            suspicion: SignedDuration::from_hours(168),
            grace: SignedDuration::from_hours(4),
            family: Arc::new(Family { organization: ORGANIZATION.to_owned(), accounts: BTreeSet::from([account()]) }),
        },
    )
}

/// Circumstances of a halt in which some instances have refused already.
pub fn circumstances() -> impl Strategy<Value = Circumstances> {
    let some = || prop::collection::btree_set((0u32..40).prop_map(instance_id), 0..4);
    (0i64..60, some(), some(), some()).prop_map(|(age, stop_protected, termination_protected, unstoppable)| {
        Circumstances {
            tripped: moment(0),
            now: moment(age),
            locked_out: moment(0),
            refusals: Refusals { stop_protected, termination_protected, unstoppable },
        }
    })
}

/// Everything that a set of actions touches, one entry a thing and a call.
pub fn touched(actions: impl IntoIterator<Item = Action>) -> BTreeSet<String> {
    actions
        .into_iter()
        .flat_map(|action| match (&action, action.instances()) {
            (Action::CancelSpotRequests { region, requests }, _) => {
                requests.iter().map(|id| format!("cancel {region} {id}")).collect()
            }
            (_, []) => vec![action.to_string()],
            (_, instances) => instances
                .iter()
                .map(|id| action.for_instances(vec![id.clone()]).unwrap_or_else(|| action.clone()).to_string())
                .collect(),
        })
        .collect()
}

/// What AWS would show after every action was taken.
pub fn after(observation: &Observation, actions: &[Action]) -> Observation {
    let mut next = observation.clone();
    for action in actions {
        match action {
            Action::Freeze => next.quarantine = Quarantine::Looked(Ok(true)),
            Action::StopInstances { region, instances } | Action::TerminateInstances { region, instances } => {
                if let Some(Ok(list)) = next.regions.get_mut(region) {
                    list.retain(|instance| !instances.contains(&instance.id));
                }
            }
            Action::SuspendGroup { region, .. }
            | Action::ZeroFleet { region, .. }
            | Action::CancelSpotRequests { region, .. } => {
                let Some(Ok(launchers)) = next.launchers.get_mut(region) else { continue };
                match action {
                    Action::SuspendGroup { group, .. } => launchers
                        .groups
                        .iter_mut()
                        .filter(|known| known.name == *group)
                        .for_each(|known| known.suspended = true),
                    Action::ZeroFleet { fleet, .. } => launchers
                        .fleets
                        .iter_mut()
                        .filter(|known| known.id == *fleet)
                        .for_each(|known| known.target = 0),
                    Action::CancelSpotRequests { requests, .. } => {
                        launchers.spot_requests.retain(|known| !requests.contains(&known.id))
                    }
                    _ => {}
                }
            }
            Action::RevokeSessions { role, before } => lock(&mut next, role, RoleLock::RevokedBefore(*before)),
            Action::DenyRole { role } => lock(&mut next, role, RoleLock::Denied),
            Action::Unprotect { .. } => {}
            of_user => change_user(&mut next, of_user),
        }
    }
    next
}

fn lock(next: &mut Observation, role: &RoleName, lock: RoleLock) {
    if let Roles::Looked(Ok(roles)) = &mut next.roles {
        roles.iter_mut().filter(|known| known.name == *role).for_each(|known| known.lock = Ok(lock));
    }
}

fn change_user(next: &mut Observation, action: &Action) {
    let Users::Looked(Ok(users)) = &mut next.users else { return };
    let name = action.user().unwrap();
    if matches!(action, Action::DeleteUser { .. }) {
        return users.retain(|user| user.name != *name);
    }
    let user = users.iter_mut().find(|user| user.name == *name).unwrap();
    match action {
        Action::DenyUser { .. } => user.lockout = Ok(Lockout::InForce),
        Action::DeleteLogin { .. } => user.console = Ok(false),
        Action::DeactivateKey { key, .. } => user
            .keys
            .as_mut()
            .unwrap()
            .iter_mut()
            .filter(|known| known.id == *key)
            .for_each(|known| known.active = false),
        Action::DeleteKey { key, .. } => user.keys.as_mut().unwrap().retain(|known| known.id != *key),
        Action::DeactivateCredential { credential, .. } => {
            user.others
                .as_mut()
                .unwrap()
                .iter_mut()
                .filter(|known| known.credential == *credential)
                .for_each(|known| known.active = false);
        }
        Action::RemoveBelonging { belonging, .. } => {
            if let Ok(others) = &mut user.others {
                others.retain(|known| known.credential != *belonging);
            }
            if let Some(Ok(of)) = &mut user.belongings {
                for list in [&mut of.groups, &mut of.inline_policies, &mut of.attached_policies, &mut of.mfa_devices] {
                    list.retain(|known| known != belonging.id());
                }
            }
        }
        _ => {}
    }
}
