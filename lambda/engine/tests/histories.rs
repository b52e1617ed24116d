//! Whatever halts, kills, failures and releases an account has gone through: a release of everything gives it back as
//! it was.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod university;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Scene, id};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runawaytrain_core::message::report::{Answer, Report};
use runawaytrain_core::policy::{AccountPolicy, UserResponse};
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::UserName;
use runawaytrain_testbed::{Fault, Life, SimAccount, SimUser};
use serde_json::{Value, json};
use university::{LAB, arbitrary_lab, arbitrary_policy, build, policy_of};

/// Something that happens to the account.
#[derive(Debug, Clone)]
enum Step {
    /// A sweep, or an order to halt.
    Halt { ordered: bool },
    /// A release of some of its users and keys, with or without a start.
    Release { named: bool, half: bool, start: bool },
    /// Hours pass, and a thief launches some.
    Relapse,
    /// Somebody joins.
    Newcomer,
    /// A call begins to fail, so many times.
    Fault { operation: usize, kind: usize, times: u32 },
}

const OPERATIONS: [&str; 15] = [
    "ec2:StopInstances",
    "ec2:StartInstances",
    "ec2:TerminateInstances",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyFleet",
    "autoscaling:SuspendProcesses",
    "autoscaling:ResumeProcesses",
    "iam:GetAccountAuthorizationDetails",
    "iam:ListUsers",
    "iam:PutUserPolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAccessKey",
    "organizations:AttachPolicy",
    "organizations:DetachPolicy",
    "ec2:DescribeInstances",
];
const KINDS: [FailureKind; 3] = [FailureKind::Throttled, FailureKind::Unavailable, FailureKind::Denied];

/// Each step, and after how many milliseconds whoever takes it is killed.
fn arbitrary_history() -> impl Strategy<Value = Vec<(Step, Option<u64>)>> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|ordered| Step::Halt { ordered }),
        3 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(named, half, start)| Step::Release { named, half, start }),
        2 => Just(Step::Relapse),
        1 => Just(Step::Newcomer),
        2 => (0..OPERATIONS.len(), 0..KINDS.len(), 1u32..6)
            .prop_map(|(operation, kind, times)| Step::Fault { operation, kind, times }),
    ];
    prop::collection::vec((step, prop::option::weighted(0.4, 0u64..20_000)), 1..8)
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

/// Runs a history in virtual time.
fn in_virtual_time<T>(history: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(history)
}

/// Everything that has a name, for a release of all of it.
fn everything(account: &SimAccount, half: bool) -> Value {
    let users: Vec<String> = account.users.keys().map(ToString::to_string).collect();
    let roles: Vec<String> = account.roles.keys().map(ToString::to_string).collect();
    let of_user = |user: &SimUser| {
        let others = user.others.iter().map(|other| other.credential.id().to_owned());
        user.keys.iter().map(|key| key.id.to_string()).chain(others).collect::<Vec<_>>()
    };
    let keys: Vec<String> = account.users.values().flat_map(of_user).collect();
    let groups = account.regions.values().flat_map(|region| region.groups.keys().map(ToString::to_string));
    // What an earlier release started was launched then, as far as EC2 tells.
    let instances = account.regions.values().flat_map(|region| &region.instances);
    let instances = instances.map(|instance| instance.id.to_string());
    let names: Vec<String> = users.iter().chain(&roles).chain(&keys).cloned().chain(groups).chain(instances).collect();
    let some = |all: Vec<String>| all.into_iter().step_by(if half { 2 } else { 1 }).collect::<Vec<_>>();
    json!({ "action": "release", "account": LAB, "users": some(users), "roles": some(roles), "keys": some(keys),
        "trust": names, "start": true })
}

async fn take(scene: &Scene, step: &Step, killed: Option<u64>, number: usize, before: &mut SimAccount) {
    let world = &scene.testbed.world;
    let event = match step {
        Step::Halt { ordered: false } => json!({}),
        Step::Halt { ordered: true } => json!({ "action": "halt", "account": LAB, "reason": "a test" }),
        Step::Release { named, half, start } => {
            let mut event = world.with(&id(LAB), |account| everything(account, *half));
            if !named {
                (event["users"], event["roles"], event["keys"]) = (json!([]), json!([]), json!([]));
            }
            event["start"] = json!(start);
            event
        }
        Step::Relapse => {
            tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
            world.with(&id(LAB), |account| {
                (0..3).for_each(|_| drop(account.launch("us-east-1", "c5.large", Life::Running)))
            });
            return;
        }
        Step::Newcomer => {
            world.with(&id(LAB), |account| {
                let user = SimUser::new(account.now());
                let name = UserName::new(format!("newcomer-{number}"));
                account.users.insert(name.clone(), user.clone());
                before.users.insert(name, user);
            });
            return;
        }
        Step::Fault { operation, kind, times } => {
            let fault = Fault::always(OPERATIONS[*operation], KINDS[*kind]).in_account(&id(LAB)).times(*times);
            return world.fault(fault);
        }
    };
    match killed {
        Some(millis) => drop(tokio::time::timeout(Duration::from_millis(millis), scene.send(event)).await),
        None => drop(scene.send(event).await),
    }
    tokio::time::sleep(Duration::from_secs(70)).await;
}

fn left(answer: &Answer) -> Vec<String> {
    match &answer.report {
        Some(Report::Release(report)) => {
            let skipped = &report.accounts[0].plan.skipped;
            skipped.iter().map(|left| format!("{}: {}", left.item, left.reason)).collect()
        }
        _ => vec![answer.body.clone()],
    }
}

/// What remains of a deny once old sessions are left out of account: those stay dead for good.
fn gives(lockout: Lockout) -> Lockout {
    if matches!(lockout, Lockout::SessionsBefore(_)) { Lockout::Absent } else { lockout }
}

fn is_as_it_was(
    before: &SimAccount,
    after: &SimAccount,
    policy: &AccountPolicy,
    left: &[String],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(after.attached_policies(), [false; 3], "{:#?}", left);
    for (name, user) in &before.users {
        let Some(now) = after.users.get(name) else {
            prop_assert_eq!(policy.contain.users, UserResponse::DeleteUsers, "{} is gone", name);
            continue;
        };
        prop_assert_eq!(gives(*now.lockout.written()), gives(*user.lockout.written()), "{}: {:#?}", name, left);
        let deletes = !matches!(policy.contain.users, UserResponse::Deactivate | UserResponse::Leave);
        for key in &user.keys {
            let found = now.keys.iter().find(|known| known.id == key.id);
            prop_assert!(found.map_or(deletes, |known| known.active == key.active), "{}: {left:#?}", key.id);
        }
        for other in &user.others {
            let found = now.others.iter().find(|known| known.credential == other.credential);
            let is_as_before = found.map_or(deletes, |known| known.active == other.active);
            prop_assert!(is_as_before, "{:?}: {left:#?}", other.credential);
        }
    }
    for (name, role) in &after.roles {
        let lock = *role.lock.written();
        prop_assert!(matches!(lock, RoleLock::Absent | RoleLock::RevokedBefore(_)), "{name} {lock:?}: {left:#?}");
    }
    for (name, region) in &before.regions {
        let now = &after.regions[name];
        for (group, of) in &region.groups {
            let found = &now.groups[group];
            prop_assert_eq!(found.suspended_processes(), of.suspended_processes(), "{}: {:#?}", group, left);
            prop_assert_eq!(found.desired, of.desired);
        }
        for (fleet, of) in &region.fleets {
            let found = &now.fleets[fleet];
            prop_assert_eq!((found.target, found.on_demand), (of.target, of.on_demand), "{}: {:#?}", fleet, left);
        }
        for instance in region.instances.iter().filter(|instance| instance.owner.is_none()) {
            let Some(found) = now.instances.iter().find(|known| known.id == instance.id) else { continue };
            if found.life == Life::Terminated {
                continue;
            }
            prop_assert!(found.is_billable(), "{} is {:?}: {left:#?}", found.id, found.life);
            let named = left.iter().any(|line| line.starts_with("protections of") && line.contains(found.id.as_str()));
            let protections =
                |known: &runawaytrain_testbed::SimInstance| (known.stop_protected, known.termination_protected);
            prop_assert!(named || protections(found) == protections(instance), "{}: {left:#?}", found.id);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_release_of_everything_gives_everything_back_after_any_history(
        lab in arbitrary_lab(),
        rules in arbitrary_policy(),
        history in arbitrary_history(),
    ) {
        in_virtual_time(async {
            let policy = policy_of(&rules, &lab);
            let scene = Scene::new(build(&lab), policy.clone());
            let mut before = scene.testbed.world.with(&id(LAB), |account| account.clone());
            for (number, (step, killed)) in history.iter().enumerate() {
                take(&scene, step, *killed, number, &mut before).await;
            }
            scene.testbed.world.heal();
            // What is past its limit is halted once more, so that there is something to release whatever came before.
            scene.send(json!({ "action": "halt", "account": LAB, "reason": "the end" })).await;
            let mut lines = BTreeSet::new();
            let mut last = Vec::new();
            for _ in 0..2 {
                let event = scene.testbed.world.with(&id(LAB), |account| everything(account, false));
                let answer = scene.send(event).await;
                prop_assert_eq!(answer.status, 200, "{}", answer.body);
                last = left(&answer);
                lines.extend(last.iter().cloned());
            }
            let after = scene.testbed.world.with(&id(LAB), |account| account.clone());
            let lines: Vec<String> = lines.into_iter().collect();
            is_as_it_was(&before, &after, &policy.for_account(&id(LAB), None), &lines)
                .map_err(|error| TestCaseError::fail(format!("{error}\nlast: {last:#?}")))?;
            Ok(())
        })?;
    }
}
