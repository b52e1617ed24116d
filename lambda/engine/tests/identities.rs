//! What it takes to lock out an account with many users and roles, and to keep it so, in virtual time.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{PHYSICS, REGIONS, Scene, id, policy, report_of};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::resource::{Act, Action, Part, roles};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{GroupName, Region, RoleName, UserName};
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::{Journal, States};
use runawaytrain_testbed::{Fault, Life, SimAccount, SimGroup, SimRole, SimUser, Testbed, least_time};
use serde_json::json;

const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// An account past its limit, with so many users, each with a key and every other one with a password, and so many
/// roles.
fn crowded(users: usize, roles: usize) -> Testbed {
    let testbed = Testbed::new();
    let old = jiff::Timestamp::UNIX_EPOCH;
    let mut physics = REGIONS[..3]
        .iter()
        .fold(SimAccount::new("physics", &REGIONS), |account, region| account.running(region, 3, "t2.micro"));
    for number in 0..20 {
        let groups = &mut physics.regions.get_mut(&Region::new(REGIONS[number % REGIONS.len()])).unwrap().groups;
        groups.insert(GroupName::new(format!("group-{number}")), SimGroup::new(0, "t2.micro", old));
    }
    for number in 0..users {
        physics = physics.user(&format!("user-{number:04}"), 1, number % 2 == 0);
    }
    for number in 0..roles {
        physics.roles.insert(RoleName::new(format!("role-{number:03}")), SimRole::new(old));
    }
    testbed.world.add(&id(PHYSICS), physics);
    testbed
}

/// The calls of IAM so far, by operation.
fn of_iam(scene: &Scene) -> BTreeMap<String, usize> {
    let mut all = scene.testbed.world.requests();
    all.retain(|operation, _| operation.starts_with("iam:"));
    all
}

async fn calls_of_a_tick(scene: &Scene) -> BTreeMap<String, usize> {
    let before = of_iam(scene);
    scene.tick().await;
    let mut calls = of_iam(scene);
    for (operation, made) in before {
        *calls.get_mut(&operation).unwrap() -= made;
    }
    calls.retain(|_, made| *made > 0);
    calls
}

#[tokio::test(start_paused = true)]
async fn a_hundred_users_and_five_hundred_roles_are_proven_locked_as_fast_as_iam_takes_the_locks() {
    const ROLES: u32 = 500;
    let testbed = crowded(100, 500);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    let halt = report_of(&answer, PHYSICS).halt.as_ref().unwrap();
    let took = Duration::from_secs_f64(halt.seconds.unwrap());
    // Nothing is proven before the last role's policy bites, five seconds after it was written.
    let floor = least_time("iam:PutRolePolicy", ROLES) + Duration::from_secs(5);
    let calls = of_iam(&scene);
    println!("{took:?} where {floor:?} is the least; {} calls: {calls:?}", calls.values().sum::<usize>());
    assert!(took >= floor, "{took:?}: the quotas do not hold");
    assert!(took <= Duration::from_secs(30), "{took:?} where {floor:?} is the least");
}

/// The first revocations do not reach to the last: sessions that the last could still take are revoked a second time,
/// and that must be the end of it.
#[tokio::test(start_paused = true)]
async fn no_role_is_revoked_a_third_time_where_there_are_a_thousand_or_iam_is_slow() {
    for (number, share) in [(1000, 1.0), (1000, 0.3)] {
        let testbed = crowded(2, number);
        testbed.world.with_scarce_quotas(share);
        let scene = Scene::new(testbed, policy(json!({})));
        let mut answer = scene.tick().await;
        for _ in 0..2 {
            answer = scene.tick().await;
        }
        assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted), "{number} roles");
        let record = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record;
        let journal = scene.testbed.ledger.entries(&id(PHYSICS), &record.halt.unwrap().id).await.unwrap();
        let mut revoked = BTreeMap::new();
        for entry in journal {
            if let Action::Roles(action @ roles::Action::RevokeSessions { .. }) = &entry.action {
                *revoked.entry(action.role().clone()).or_insert(0) += 1;
            }
        }
        assert_eq!(revoked.len(), number);
        assert!(revoked.values().all(|times| *times <= 2), "{number} roles: {:?}", revoked.values().max());
    }
}

/// To read what opens the account to each user takes minutes of IAM's quota: each pass of a halt gets further than the
/// last, and none keeps what runs from being looked at.
#[tokio::test(start_paused = true)]
async fn a_halt_of_thousands_of_users_is_proven_however_slow_iam_is() {
    for (number, share) in [(1500, 0.3), (5000, 1.0)] {
        let testbed = crowded(number, 20);
        testbed.world.with_scarce_quotas(share);
        let scene = Scene::new(testbed, policy(json!({})));
        let launch = async {
            tokio::time::sleep(Duration::from_secs(450)).await;
            scene.testbed.world.with(&id(PHYSICS), |known| drop(known.launch(REGIONS[1], "t2.micro", Life::Running)));
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(scene.billable(PHYSICS), 0, "while people are still being locked out");
        };
        let tick = async || {
            tokio::time::sleep(Duration::from_secs(300)).await;
            scene.send_within(json!({}), Deadline::within(Duration::from_secs(900))).await
        };
        tokio::join!(tick(), launch);
        let record = async || scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record;
        let mut sweeps = 1;
        while record().await.state != State::Halted && sweeps < 4 {
            tick().await;
            sweeps += 1;
        }
        println!("{number} users at {share} of IAM's quota: {sweeps} sweeps");
        assert_eq!(record().await.state, State::Halted, "{number} users at {share} of the quota");
        let in_force = scene.testbed.world.with(&id(PHYSICS), |known| {
            let is_out = |user: &&SimUser| *user.lockout.written() == Lockout::InForce && !user.holds_credential();
            known.users.values().filter(is_out).count()
        });
        assert_eq!(in_force, number);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_launched_while_people_are_locked_out_is_stopped_before_the_last_of_them_is() {
    let testbed = crowded(2, 1000);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    let launch = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        scene.testbed.world.with(&id(PHYSICS), |known| drop(known.launch(REGIONS[1], "t2.micro", Life::Running)));
    };
    tokio::join!(scene.send(json!({})), launch);
    assert_eq!(scene.billable(PHYSICS), 0);
    let calls = scene.testbed.world.calls();
    let last = |operation: &str| {
        calls.iter().rfind(|call| call.action.operation() == operation).map(|call| call.after).unwrap()
    };
    assert!(last("ec2:StopInstances") < Duration::from_secs(50), "{:?}", last("ec2:StopInstances"));
    assert!(last("iam:PutRolePolicy") > last("ec2:StopInstances"));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_meets_a_halt_under_way_asks_iam_for_nothing() {
    let mut asked = Vec::new();
    for others in [0, 3] {
        let scene = Scene::new(crowded(100, 500), policy(json!({})));
        let meanwhile = async {
            for _ in 0..others {
                tokio::time::sleep(Duration::from_secs(3)).await;
                let answer = scene.send(json!({})).await;
                let report = report_of(&answer, PHYSICS);
                assert!(report.error.as_ref().is_some_and(|why| why.contains("is containing")), "{report:?}");
            }
        };
        tokio::join!(scene.send(json!({})), meanwhile);
        asked.push(of_iam(&scene));
    }
    assert_eq!(asked[0], asked[1]);
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_an_account_that_is_being_halted_says_all_that_a_halt_would_do() {
    let testbed = crowded(2, 1000);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    let drill = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await
    };
    let (_, answer) = tokio::join!(scene.send(json!({})), drill);
    let plan = serde_json::to_string(&report_of(&answer, PHYSICS).plan).unwrap();
    assert!(plan.contains("revoke the sessions of role"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_thief_with_five_thousand_users_delays_neither_the_stops_nor_the_freeze_nor_the_first_denies() {
    let testbed = crowded(5000, 20);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send_within(json!({}), Deadline::within(Duration::from_secs(60))).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let calls = scene.testbed.world.calls();
    let times = |is_it: &dyn Fn(&Action) -> bool| {
        calls.iter().filter(|call| is_it(&call.action)).map(|call| call.after).collect::<Vec<_>>()
    };
    let (stops, freezes) =
        (times(&|action| action.part() == Part::Stop), times(&|action| action.part() == Part::Freeze));
    let denies = times(&|action| action.operation() == "iam:PutUserPolicy");
    let soon = Duration::from_secs(1);
    assert!(freezes[0] < soon && *stops.last().unwrap() < soon, "{freezes:?}, {stops:?}");
    // A user is denied as soon as the first page names it, and a hundred at once are what IAM takes.
    assert!(denies[99] < Duration::from_secs(2), "{:?}", &denies[..100]);
    // The rest as fast as IAM takes them, until the invocation ends.
    let in_force = scene.testbed.world.with(&id(PHYSICS), |known| {
        known.users.values().filter(|user| *user.lockout.written() == Lockout::InForce).count()
    });
    assert!(in_force > 700, "{in_force} are denied");
}

#[tokio::test(start_paused = true)]
async fn to_keep_a_halt_costs_pages_and_once_an_hour_what_opens_the_account_to_each_user() {
    let scene = Scene::new(crowded(100, 500), policy(json!({})));
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    let made = |calls: &BTreeMap<String, usize>, operation: &str| calls.get(operation).copied().unwrap_or_default();
    let mut whole = 0;
    for _ in 0..24 {
        let calls = calls_of_a_tick(&scene).await;
        assert_eq!(made(&calls, DETAILS), 1 + 2, "a page of users and two of roles: {calls:?}");
        match made(&calls, "iam:ListAccessKeys") {
            0 => assert!(calls.values().sum::<usize>() < 10, "{calls:?}"),
            100 => whole += 1,
            some => panic!("{some} users' keys were read"),
        }
    }
    assert_eq!(whole, 2, "in two hours");
    // A key that somebody makes for a user who is denied opens nothing, and is switched off within the hour.
    scene.testbed.world.with(&id(PHYSICS), |known| {
        known.users.get_mut(&UserName::new("user-0001")).unwrap().keys[0].active = true;
    });
    for _ in 0..12 {
        scene.tick().await;
        assert!(!scene.can_act(PHYSICS, "user-0001"));
    }
    assert!(!scene.testbed.world.with(&id(PHYSICS), |known| known.users[&UserName::new("user-0001")].keys[0].active));
    // One whose deny was taken off is looked at whole at once.
    scene.testbed.world.with(&id(PHYSICS), |known| {
        let user = known.users.get_mut(&UserName::new("user-0002")).unwrap();
        user.lockout.write(Lockout::Absent);
        user.keys[0].active = true;
    });
    scene.tick().await;
    let user = scene.testbed.world.with(&id(PHYSICS), |known| known.users[&UserName::new("user-0002")].clone());
    assert_eq!((*user.lockout.written(), user.keys[0].active), (Lockout::InForce, false));
}

/// Nor does what is denied for good, and does not keep the halt from being proven.
#[tokio::test(start_paused = true)]
async fn what_is_denied_in_a_proven_halt_is_asked_for_again_once_an_hour() {
    let testbed = crowded(10, 20);
    testbed.world.with(&id(PHYSICS), |known| known.root.keys = Some(true));
    let scene = Scene::new(
        testbed,
        policy(json!({ "defaults": {
        "limits": { "instances": 4 }, "notify": ["cloud@example.edu"], "contain": { "root": "delete-credentials" },
    } })),
    );
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    let asked = || scene.testbed.world.requests().get("sts:AssumeRoot").copied().unwrap_or_default();
    let before = asked();
    for _ in 0..24 {
        scene.tick().await;
    }
    assert!((2..=4).contains(&(asked() - before)), "{} times in two hours", asked() - before);
    scene.testbed.world.with_root_access();
    for _ in 0..12 {
        scene.tick().await;
    }
    assert_eq!(scene.testbed.world.with(&id(PHYSICS), |known| known.root.keys), Some(false), "once it is permitted");
}

#[tokio::test(start_paused = true)]
async fn where_the_stack_is_older_than_the_function_users_and_roles_are_asked_about_one_by_one() {
    let scene = Scene::new(crowded(10, 20), policy(json!({})));
    scene.testbed.world.fault(Fault::always(DETAILS, FailureKind::Denied));
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    let calls = of_iam(&scene);
    assert!(calls["iam:GetUserPolicy"] >= 10 && calls["iam:GetRolePolicy"] >= 20, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_throttled_never_becomes_a_call_a_user() {
    let scene = Scene::new(crowded(10, 20), policy(json!({})));
    scene.testbed.world.fault(Fault::always(DETAILS, FailureKind::Throttled).times(6));
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    let calls = of_iam(&scene);
    let one_by_one = ["iam:ListUsers", "iam:ListRoles", "iam:GetUserPolicy", "iam:GetRolePolicy"];
    assert!(one_by_one.iter().all(|call| !calls.contains_key(*call)), "{calls:?}");
}
