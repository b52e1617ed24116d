//! A random account past its limit, a random policy for it, and what may go wrong while it is halted.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::users::{AccessKey, Credential, OtherCredential, UserAttachment};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{FleetId, GroupName, InstanceId, KeyId, SpotRequestId, UserName};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{
    Fault, Life, SimAccount, SimFleet, SimGroup, SimSpotRequest, SimUser, Stubborn, Testbed, failure,
};
use serde_json::json;

use crate::common::{PAYER, QUIET, id, policy};

pub const LAB: &str = "444444444444";
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-south-1"];
const ROLES: [(&str, &str); 6] = [
    ("lab", "/"),
    ("notebook", "/service/"),
    ("deploy", "/"),
    ("RunawayTrainResponder", "/"),
    ("stacksets-exec-0123", "/"),
    ("AWSServiceRoleForAutoScaling", "/aws-service-role/autoscaling.amazonaws.com/"),
];

pub fn never_touched(role: &str) -> bool {
    ["RunawayTrainResponder", "AWSServiceRoleForAutoScaling"].contains(&role)
}

#[derive(Debug, Clone)]
pub struct Machine {
    region: usize,
    stop_protected: bool,
    termination_protected: bool,
    unstoppable: bool,
    spot: bool,
    managed: bool,
    denied: bool,
}

#[derive(Debug, Clone)]
pub struct Lab {
    machines: Vec<Machine>,
    groups: Vec<(usize, u32)>,
    fleets: Vec<(usize, u64)>,
    users: Vec<(Vec<bool>, bool, Vec<bool>)>,
    roles: Vec<(usize, bool)>,
    /// What the month stands at, and what the hours of a report before this one cost.
    charged: Option<u64>,
    hours: Vec<u64>,
}

#[derive(Debug, Clone)]
pub struct Rules {
    /// Of burn, of a day and of a month.
    money: (Option<u64>, Option<u64>, Option<u64>),
    users: &'static str,
    roles: &'static str,
    unstoppable: &'static str,
    instances: &'static str,
    quarantine: bool,
    models: bool,
    lockdown: bool,
    exempt_machines: Vec<prop::sample::Index>,
    exempt_users: Vec<usize>,
    exempt_roles: Vec<usize>,
}

#[derive(Debug, Clone)]
pub struct Wrong {
    faults: Vec<(usize, usize, u32)>,
    ledger: bool,
}

const OPERATIONS: [&str; 18] = [
    "ec2:DescribeInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
    "ec2:ModifyInstanceAttribute",
    "autoscaling:",
    "ec2:ModifyFleet",
    "iam:GetAccountAuthorizationDetails",
    "iam:ListUsers",
    "iam:ListAccessKeys",
    "iam:PutUserPolicy",
    "iam:PutRolePolicy",
    "iam:AttachUserPolicy",
    "iam:AttachRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:ListEntitiesForPolicy",
    "iam:ListRoles",
    "organizations:AttachPolicy",
];
const KINDS: [FailureKind; 5] = [
    FailureKind::Throttled,
    FailureKind::Unavailable,
    FailureKind::Denied,
    FailureKind::QuotaFull,
    FailureKind::Contended,
];

pub fn arbitrary_lab() -> impl Strategy<Value = Lab> {
    let machine =
        (
            0..REGIONS.len(),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.05),
        )
            .prop_map(|(region, stop_protected, termination_protected, unstoppable, spot, managed, denied)| {
                Machine { region, stop_protected, termination_protected, unstoppable, spot, managed, denied }
            });
    let user = (prop::collection::vec(any::<bool>(), 0..3), any::<bool>(), prop::collection::vec(any::<bool>(), 0..3));
    (
        prop::collection::vec(machine, 6..20),
        prop::collection::vec((0..REGIONS.len(), 0u32..4), 0..12),
        prop::collection::vec((0..REGIONS.len(), 1u64..4), 0..2),
        prop::collection::vec(user, 0..4),
        prop::collection::vec((0..ROLES.len(), any::<bool>()), 0..4),
        prop::option::of(0u64..2000),
        prop::collection::vec(0u64..40, 0..40),
    )
        .prop_map(|(machines, groups, fleets, users, roles, charged, hours)| Lab {
            machines,
            groups,
            fleets,
            users,
            roles,
            charged,
            hours,
        })
}

/// One in which nothing is denied to us.
pub fn arbitrary_permitted_lab() -> impl Strategy<Value = Lab> {
    arbitrary_lab().prop_map(|mut lab| {
        lab.machines.iter_mut().for_each(|machine| machine.denied = false);
        lab
    })
}

pub fn arbitrary_policy() -> impl Strategy<Value = Rules> {
    let users = prop::sample::select(vec!["deactivate", "delete-credentials", "delete-users", "leave"]);
    let roles = prop::sample::select(vec!["revoke-sessions", "deny", "leave"]);
    let unstoppable = prop::sample::select(vec!["terminate", "leave"]);
    let instances = prop::sample::select(vec!["stop", "stop", "stop", "terminate"]);
    let exempt = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..2),
        prop::collection::vec(0usize..4, 0..2),
        prop::collection::vec(0usize..ROLES.len(), 0..2),
    );
    let limit = || prop::option::of(0u64..1000);
    let money = (limit(), limit(), limit());
    let policies = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    (users, roles, unstoppable, instances, policies, exempt, money).prop_map(
        |(users, roles, unstoppable, instances, policies, (exempt_machines, exempt_users, exempt_roles), money)| {
            let (quarantine, models, lockdown) = policies;
            Rules {
                money,
                users,
                roles,
                unstoppable,
                instances,
                quarantine,
                models,
                lockdown,
                exempt_machines,
                exempt_users,
                exempt_roles,
            }
        },
    )
}

pub fn arbitrary_wrong() -> impl Strategy<Value = Wrong> {
    (prop::collection::vec((0..OPERATIONS.len(), 0..KINDS.len(), 1u32..12), 0..4), prop::bool::weighted(0.1))
        .prop_map(|(faults, ledger)| Wrong { faults, ledger })
}

/// Calls that deny somebody, refused for good.
pub fn arbitrary_refusals() -> impl Strategy<Value = Vec<(&'static str, FailureKind)>> {
    let calls = OPERATIONS.into_iter().filter(|call| call.starts_with("iam:Put") || call.starts_with("iam:Attach"));
    let calls = calls.chain(["organizations:AttachPolicy"]).collect::<Vec<_>>();
    let kinds = vec![FailureKind::Denied, FailureKind::QuotaFull, FailureKind::Other];
    prop::collection::vec((prop::sample::select(calls), prop::sample::select(kinds)), 0..6)
}

impl Wrong {
    pub fn inflict(&self, testbed: &Testbed) {
        for (operation, kind, times) in &self.faults {
            testbed.world.fault(Fault::always(OPERATIONS[*operation], KINDS[*kind]).in_account(&id(LAB)).times(*times));
        }
        if self.ledger {
            let ledger = testbed.ledger.clone();
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(700)).await;
                ledger.break_with(Some(failure("dynamodb:TransactWriteItems", FailureKind::Unavailable)));
                tokio::time::sleep(std::time::Duration::from_secs(3)).await;
                ledger.break_with(None);
            });
        }
    }

    /// Whether calls are denied to us for a while.
    pub fn denies(&self) -> bool {
        self.faults.iter().any(|(_, kind, _)| KINDS[*kind] == FailureKind::Denied)
    }

    /// Entries that may stand in the journal without a call: the lease was lost between the two.
    pub fn lost_intents(&self) -> usize {
        if self.ledger { 64 } else { 0 }
    }
}

fn user_name(number: usize) -> String {
    format!("user-{number}")
}

pub fn build(lab: &Lab) -> Testbed {
    let testbed = Testbed::new();
    let old: Timestamp = testbed.clock.now() - SignedDuration::from_hours(24 * 60);
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS).running("us-east-1", 2, "t2.micro"));
    testbed
        .world
        .add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 2, "t2.micro").user("dora", 1, true));
    let mut account = SimAccount::new("lab", &REGIONS);
    for (number, machine) in lab.machines.iter().enumerate() {
        let region = REGIONS[machine.region];
        let request = SpotRequestId::new(format!("sir-{number}"));
        let made = account.launch(region, "m5.large", Life::Running);
        let instance = account.instance(&made).unwrap();
        instance.launched = old;
        instance.stop_protected = machine.stop_protected;
        instance.termination_protected = machine.termination_protected;
        instance.denied = machine.denied;
        instance.stubborn = machine.unstoppable.then_some(Stubborn::Unstoppable);
        if machine.managed {
            instance.managed_by = Some("eks.amazonaws.com".to_owned());
        } else if machine.spot {
            instance.spot_request = Some(request.clone());
            account.region(region).spot_requests.insert(
                request,
                SimSpotRequest { persistent: true, open: false, instance_type: "m5.large".to_owned() },
            );
        }
    }
    for (number, (region, desired)) in lab.groups.iter().enumerate() {
        let group = SimGroup::new(*desired, "c5.large", Timestamp::UNIX_EPOCH);
        account.region(REGIONS[*region]).groups.insert(GroupName::new(format!("group-{number}")), group);
    }
    for (number, (region, target)) in lab.fleets.iter().enumerate() {
        let fleet = SimFleet {
            kind: FleetKind::Ec2,
            target: *target,
            on_demand: 0,
            instance_type: "c5.large".to_owned(),
            created: Timestamp::UNIX_EPOCH,
        };
        account.region(REGIONS[*region]).fleets.insert(FleetId::new(format!("fleet-{number}")), fleet);
    }
    for (number, (keys, console, others)) in lab.users.iter().enumerate() {
        let mut user = SimUser::new(old);
        user.console = *console;
        user.keys = keys
            .iter()
            .enumerate()
            .map(|(index, active)| AccessKey {
                id: KeyId::new(format!("AKIA{number}{index}")),
                active: *active,
                created: Some(old),
            })
            .collect();
        user.others = others
            .iter()
            .enumerate()
            .map(|(index, active)| OtherCredential {
                credential: Credential::SshKey(format!("APKA{number}{index}")),
                active: *active,
                created: Some(old),
            })
            .collect();
        user.attachments = BTreeSet::from([UserAttachment::Group("students".to_owned())]);
        account.users.insert(UserName::new(user_name(number)), user);
    }
    for (role, session) in &lab.roles {
        let (name, path) = ROLES[*role];
        account = account.role(name, path, session.then_some(old));
    }
    let now = testbed.clock.now();
    account.charge = lab.charged.map(|dollars| Charge { amount: Usd::micros(dollars * 1_000_000), at: now });
    testbed.world.add(&id(LAB), account);
    for (ago, dollars) in (1..).zip(&lab.hours) {
        testbed.ledger.spent(&id(LAB), now - SignedDuration::from_hours(ago), Usd::micros(dollars * 1_000_000));
    }
    testbed
}

pub fn policy_of(rules: &Rules, lab: &Lab) -> Policy {
    let machines: BTreeSet<String> =
        rules.exempt_machines.iter().map(|index| format!("i-{:017x}", index.index(lab.machines.len()) + 1)).collect();
    let users: BTreeSet<String> = rules.exempt_users.iter().map(|number| user_name(*number)).collect();
    let roles: BTreeSet<&str> = rules.exempt_roles.iter().map(|index| ROLES[*index].0).collect();
    let (burn, day, month) = rules.money;
    let money = [("burn", burn), ("spend24h", day), ("spendMonth", month)];
    let money = money.into_iter().filter_map(|(key, dollars)| Some((key.to_owned(), json!(dollars?))));
    let limits: serde_json::Map<_, _> = money.chain([("instances".to_owned(), json!(2))]).collect();
    policy(json!({ "accounts": { LAB: {
        "limits": limits,
        "contain": {
            "users": rules.users, "roles": rules.roles, "unstoppable": rules.unstoppable, "instances": rules.instances,
            "quarantine": rules.quarantine, "models": rules.models, "lockdown": rules.lockdown,
        },
        "exempt": { "users": users, "instances": machines, "roles": roles },
    } } }))
}

/// Instances that may still run after a halt: exempt by the policy, run by a service, or left because they cannot be
/// stopped.
pub fn exempt_instances(testbed: &Testbed, policy: &Policy) -> BTreeSet<InstanceId> {
    let policy = policy.for_account(&id(LAB), None);
    let leaves = policy.contain.unstoppable == runawaytrain_core::policy::UnstoppableResponse::Leave;
    testbed.world.with(&id(LAB), |account| {
        let spared = |instance: &&runawaytrain_testbed::SimInstance| {
            policy.exempts_instance(&instance.id)
                || instance.managed_by.is_some()
                || (leaves && instance.stubborn.is_some())
        };
        account
            .regions
            .values()
            .flat_map(|region| &region.instances)
            .filter(spared)
            .map(|instance| instance.id.clone())
            .collect()
    })
}

/// Instances that nobody may stop, and that the policy does not spare: they run on, and no halt is proven while they
/// do.
pub fn denied_instances(testbed: &Testbed, policy: &Policy) -> BTreeSet<InstanceId> {
    let policy = policy.for_account(&id(LAB), None);
    testbed.world.with(&id(LAB), |account| {
        let denied = account.billable().filter(|(_, instance)| instance.denied && instance.managed_by.is_none());
        denied.map(|(_, instance)| instance.id.clone()).filter(|id| !policy.exempts_instance(id)).collect()
    })
}
