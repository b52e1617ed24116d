//! Calls that are denied to us whatever they are about: an organization's own guardrail, or a permission that our role
//! lacks. What is behind open doors is done; what is behind shut ones is asked for a few times a sweep, and never
//! called locked.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{PAYER, PHYSICS, REGIONS, Scene, id, policy, report_of, seeded};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::State;
use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{Region, RoleName};
use runawaytrain_engine::ports::{Clock, States};
use runawaytrain_testbed::{Fault, SimAccount, SimRole, SimUser, Testbed};
use serde_json::json;

/// What a guardrail that lets only named roles write IAM denies to ours.
const IAM_WRITES: [&str; 8] = [
    "iam:Put",
    "iam:Attach",
    "iam:Detach",
    "iam:Update",
    "iam:Delete",
    "iam:Remove",
    "iam:DeactivateMFADevice",
    "iam:CreateRole",
];
/// So many calls a door, at most, in the first sweep of a halt …
const FIRST: usize = 32;
/// … and in each sweep after that.
const LATER: usize = 2;
/// A sweep that gives up on shut doors takes no longer.
const SOON: Duration = Duration::from_secs(30);

/// The seeded organization, with more roles in the account that runs away: each with a session that a thief holds.
fn with_roles(number: usize) -> Testbed {
    let testbed = seeded();
    add_roles(&testbed, number);
    testbed
}

fn add_roles(testbed: &Testbed, number: usize) {
    let old = testbed.clock.now() - SignedDuration::from_hours(24 * 60);
    testbed.world.with(&id(PHYSICS), |known| {
        let role = || SimRole { session: Some(old), ..SimRole::new(old) };
        known.roles.extend((0..number).map(|number| (RoleName::new(format!("role-{number}")), role())));
    });
}

fn deny(testbed: &Testbed, operations: &[&str]) {
    for operation in operations {
        testbed.world.fault(Fault::always(operation, FailureKind::Denied).in_account(&id(PHYSICS)));
    }
}

/// A sweep: how long it took, and how many calls it made of each operation, by region.
async fn sweep(scene: &Scene) -> (Duration, BTreeMap<(&'static str, Option<Region>), usize>) {
    let (began, known) = (scene.testbed.clock.elapsed(), scene.testbed.world.calls().len());
    scene.send(json!({})).await;
    let mut calls = BTreeMap::new();
    for call in &scene.testbed.world.calls()[known..] {
        *calls.entry((call.action.operation(), call.action.region().cloned())).or_default() += 1;
    }
    (scene.testbed.clock.elapsed() - began, calls)
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state
}

/// How many roles still let a thief act, and how many users.
fn open(scene: &Scene) -> (usize, usize) {
    scene.testbed.world.with(&id(PHYSICS), |known| {
        let roles = known.roles.values().filter(|role| role.can_act()).count();
        (roles, known.users.values().filter(|user| user.can_act()).count())
    })
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_on_iam_writes_is_tried_with_a_few_and_spends_no_sweep() {
    let scene = Scene::new(with_roles(400), policy(json!({})));
    deny(&scene.testbed, &IAM_WRITES);
    let (took, calls) = sweep(&scene).await;
    assert!(took < SOON, "{took:?}");
    assert_eq!(scene.billable(PHYSICS), 0);
    assert!(scene.testbed.world.with(&id(PHYSICS), |known| known.is_frozen()));
    assert_eq!((state(&scene).await, open(&scene)), (State::Halting, (400, 3)));
    for ((operation, _), number) in calls.iter().filter(|((operation, _), _)| operation.starts_with("iam:")) {
        assert!((1..=FIRST).contains(number), "{number} times {operation}");
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(300)).await;
        let (took, calls) = sweep(&scene).await;
        assert!(took < SOON, "{took:?}");
        assert!(!calls.is_empty() && calls.values().all(|number| *number <= LATER * 2), "{calls:?}");
        assert_eq!(state(&scene).await, State::Halting);
    }
}

#[tokio::test(start_paused = true)]
async fn a_door_that_opens_is_used_by_the_next_sweep() {
    let scene = Scene::new(with_roles(100), policy(json!({})));
    deny(&scene.testbed, &IAM_WRITES);
    sweep(&scene).await;
    scene.tick().await;
    scene.testbed.world.heal();
    scene.tick().await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!((state(&scene).await, open(&scene)), (State::Halted, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_on_stops_leaves_the_lock_out_alone() {
    let testbed = with_roles(5);
    testbed.world.with(&id(PHYSICS), |known| {
        for _ in 0..200 {
            known.launch("us-east-1", "t2.micro", runawaytrain_testbed::Life::Running);
        }
    });
    let scene = Scene::new(testbed, policy(json!({})));
    deny(&scene.testbed, &["ec2:StopInstances"]);
    let (took, calls) = sweep(&scene).await;
    assert!(took < SOON, "{took:?}");
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!((state(&scene).await, scene.billable(PHYSICS), open(&scene)), (State::Halting, 209, (0, 0)));
    let stops = |calls: &BTreeMap<(&'static str, Option<Region>), usize>| {
        calls.iter().filter(|((operation, _), _)| *operation == "ec2:StopInstances").map(|(_, number)| *number).max()
    };
    assert!(stops(&calls) <= Some(40), "{calls:?}");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let (took, calls) = sweep(&scene).await;
    assert!(took < SOON && stops(&calls) <= Some(20), "{took:?} {calls:?}");
    scene.testbed.world.heal();
    scene.tick().await;
    assert_eq!((state(&scene).await, scene.billable(PHYSICS)), (State::Halted, 0));
}

#[tokio::test(start_paused = true)]
async fn a_missing_grant_for_one_call_leaves_the_other_ways_to_lock() {
    let testbed = with_roles(3);
    testbed.world.with(&id(PHYSICS), |known| {
        let mut crowd = SimAccount::new("crowd", &REGIONS);
        for number in 0..100 {
            crowd = crowd.user(&format!("user-{number}"), 1, false);
        }
        known.users.extend(crowd.users);
    });
    let scene = Scene::new(testbed, policy(json!({})));
    deny(&scene.testbed, &["iam:PutUserPolicy"]);
    let (_, calls) = sweep(&scene).await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!((state(&scene).await, open(&scene)), (State::Halted, (0, 0)));
    let asked = calls[&("iam:PutUserPolicy", None)];
    assert!(asked <= FIRST, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn what_some_refuse_by_themselves_shuts_no_door_to_the_others() {
    let scene = Scene::new(with_roles(100), policy(json!({})));
    let guard = |guarded: bool| {
        scene.testbed.world.with(&id(PHYSICS), |known| {
            for number in (0..100).filter(|number| number % 10 != 0) {
                known.roles.get_mut(&RoleName::new(format!("role-{number}"))).unwrap().guarded = guarded;
            }
        });
    };
    guard(true);
    sweep(&scene).await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!((state(&scene).await, open(&scene)), (State::Halting, (90, 0)), "ten of a hundred are not guarded");
    guard(false);
    scene.tick().await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!((state(&scene).await, open(&scene)), (State::Halted, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_door_was_found_shut_is_asked_before_the_others() {
    let testbed = with_roles(0);
    let scene = Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "contain": { "users": "leave" } } } })));
    add_roles(&scene.testbed, 4);
    scene.testbed.world.with(&id(PHYSICS), |known| known.roles.values_mut().for_each(|role| role.guarded = true));
    sweep(&scene).await;
    // What looked like a shut door was four guarded roles: the fifth is none.
    let old = scene.testbed.clock.now() - SignedDuration::from_hours(24 * 60);
    scene.testbed.world.with(&id(PHYSICS), |known| {
        known.roles.insert(RoleName::new("fifth"), SimRole { session: Some(old), ..SimRole::new(old) });
    });
    scene.tick().await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!(open(&scene).0, 4);
}

#[tokio::test(start_paused = true)]
async fn who_can_open_a_door_is_told_at_once_and_what_came_of_it() {
    let own = json!({ "accounts": { PHYSICS: { "notify": ["physics@example.edu"] } } });
    let scene = Scene::new(with_roles(100), policy(own));
    deny(&scene.testbed, &IAM_WRITES);
    sweep(&scene).await;
    let mails = |beginning: &str| {
        let mails = scene.testbed.mailbox.mails().into_iter();
        let mut mails: Vec<_> = mails.filter(|mail| mail.subject.contains(beginning)).collect();
        mails.sort_by_key(|mail| mail.list != NotifyList::Default);
        mails
    };
    let told = mails("NOT PROVEN");
    let lists: Vec<_> = told.iter().map(|mail| mail.list.clone()).collect();
    assert_eq!(lists, [NotifyList::Default, NotifyList::Own(id(PHYSICS))], "its own people cannot open it");
    assert!(
        told[0].says("iam:PutRolePolicy: 100 roles not cut off from sessions so far: role-0, "),
        "{}",
        told[0].body
    );
    assert!(told[0].says(" and 85 more (denied for each of the 32 that were asked)"), "{}", told[0].body);
    scene.tick().await;
    scene.testbed.world.heal();
    scene.tick().await;
    assert_eq!((mails("NOT PROVEN").len(), mails("Halted").len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_over_twenty_accounts_makes_no_other_late() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    let account = |number: usize| format!("{:012}", 200_000_000_000 + number);
    for number in 0..20 {
        let mut known = SimAccount::new("lab", &REGIONS).running("us-east-1", 9, "t2.micro");
        for user in 0..60 {
            known = known.user(&format!("user-{user}"), 2, true);
        }
        testbed.world.add(&id(&account(number)), known);
    }
    let free = account(19);
    for operation in IAM_WRITES {
        for number in 0..19 {
            testbed.world.fault(Fault::always(operation, FailureKind::Denied).in_account(&id(&account(number))));
        }
    }
    let scene = Scene::new(testbed, policy(json!({ "brake": { "haltsPerHour": 100 } })));
    let began = scene.testbed.clock.elapsed();
    let answer = scene.send(json!({})).await;
    let took = scene.testbed.clock.elapsed() - began;
    assert!(took < SOON, "{took:?}");
    assert_eq!(report_of(&answer, &free).state, Some(State::Halted));
    for number in 0..19 {
        assert_eq!(report_of(&answer, &account(number)).state, Some(State::Halting));
        assert_eq!(scene.billable(&account(number)), 0);
        let lease = scene.testbed.ledger.load(&id(&account(number))).await.unwrap().unwrap().lease;
        assert_eq!(lease, None, "whoever wants to release it need not wait");
    }
}

/// The doors of a halt that a guardrail may shut, each with what it takes to go another way.
const DOORS: [&str; 7] = [
    "iam:PutUserPolicy",
    "iam:AttachUserPolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:UpdateAccessKey",
    "iam:DeleteLoginProfile",
    "iam:PutRolePolicy",
    "ec2:StopInstances",
];

async fn whatever_is_shut(shut: &[bool], users: usize, roles: usize) -> Result<(), TestCaseError> {
    let testbed = with_roles(roles);
    testbed.world.with(&id(PHYSICS), |known| {
        let mut crowd = SimAccount::new("crowd", &REGIONS);
        for number in 0..users {
            crowd = crowd.user(&format!("user-{number}"), 2, number % 3 == 0);
        }
        known.users = crowd.users;
    });
    let is_shut = |door: &str| shut[DOORS.iter().position(|known| *known == door).unwrap()];
    let denied: Vec<&str> = DOORS.into_iter().filter(|door| is_shut(door)).collect();
    let scene = Scene::new(testbed, policy(json!({})));
    deny(&scene.testbed, &denied);
    for round in 0..3 {
        let (took, calls) = sweep(&scene).await;
        prop_assert!(took < SOON, "{took:?}");
        for ((operation, region), number) in calls.iter().filter(|((operation, _), _)| denied.contains(operation)) {
            let most = match (*operation, round) {
                ("ec2:StopInstances", _) => 40,
                (_, 0) => FIRST,
                // One or two things are no door: each is asked once more.
                _ => LATER * 2,
            };
            prop_assert!(*number <= most, "{number} times {operation} in {region:?}, round {round}");
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    // Everything behind open doors is done, and nothing behind a shut one is called so.
    let lockable = ["iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"];
    let users_are_denied = !lockable.iter().all(|door| is_shut(door));
    scene.testbed.world.with(&id(PHYSICS), |known| {
        let is_denied = |user: &SimUser| *user.lockout.written() == Lockout::InForce || user.managed.seen().denies();
        prop_assert!(known.users.values().all(|user| is_denied(user) == users_are_denied));
        let keys = || known.users.values().flat_map(|user| &user.keys);
        prop_assert!(keys().all(|key| key.active == is_shut("iam:UpdateAccessKey")));
        let has_console = |user: &SimUser| user.console && !is_shut("iam:DeleteLoginProfile");
        prop_assert!(!known.users.values().any(has_console));
        let is_revoked = |role: &SimRole| *role.lock.written() != RoleLock::Absent;
        prop_assert!(known.roles.values().all(|role| is_revoked(role) != is_shut("iam:PutRolePolicy")));
        let billable = known.billable().count();
        prop_assert_eq!(billable > 0, is_shut("ec2:StopInstances"));
        Ok(())
    })?;
    let is_whole = (users == 0
        || (users_are_denied && !is_shut("iam:UpdateAccessKey") && !is_shut("iam:DeleteLoginProfile")))
        && (roles == 0 || !is_shut("iam:PutRolePolicy"))
        && !is_shut("ec2:StopInstances");
    let wanted = if is_whole { State::Halted } else { State::Halting };
    prop_assert_eq!(state(&scene).await, wanted, "{:?}", denied);
    Ok(())
}

/// `PROPTEST_CASES=1000` for a longer run.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

fn in_virtual_time<T>(scenario: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(scenario)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_doors_are_shut_the_others_are_used(
        shut in proptest::collection::vec(any::<bool>(), DOORS.len()),
        users in 0..60_usize,
        roles in 0..60_usize,
    ) {
        in_virtual_time(whatever_is_shut(&shut, users, roles))?;
    }
}
