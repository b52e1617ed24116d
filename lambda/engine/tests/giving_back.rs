//! What a release gives back after several halts, and what it leaves to the people of the account.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, REGIONS, Scene, id, policy, seeded, user};
use jiff::Timestamp;
use runawaytrain_core::message::report::{Answer, Report};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::Action;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::quarantine::{self, Policy};
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{FleetId, GroupName, RoleName};
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Call, Fault, Life, SimAccount, SimFleet, SimGroup, Testbed};
use serde_json::json;

/// The seeded organization, with a group and a fleet in the physics account that have nothing to run.
fn with_launchers() -> Testbed {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        *account = account.clone().role("lab", "/", None);
        let keys = account.users.values_mut().flat_map(|user| &mut user.keys);
        keys.for_each(|key| key.created = Some(Timestamp::UNIX_EPOCH));
        let region = account.region(REGIONS[0]);
        let group = SimGroup::new(0, "t2.micro", Timestamp::UNIX_EPOCH);
        region.groups.insert(GroupName::new("web"), group);
        let (kind, instance_type, created) = (FleetKind::Ec2, "t2.micro".to_owned(), Timestamp::UNIX_EPOCH);
        region
            .fleets
            .insert(FleetId::new("fleet-1"), SimFleet { kind, target: 1, on_demand: 0, instance_type, created });
    });
    testbed
}

async fn halted(testbed: Testbed) -> Scene {
    let scene = Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "contain": { "roles": "deny" } } } })));
    scene.send(json!({})).await;
    assert_eq!(state(&scene).await, State::Halted);
    scene
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state
}

/// A second thief, after the grace.
async fn relapsed(scene: &Scene) {
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    with(scene, |account| (0..5).for_each(|_| drop(account.launch(REGIONS[3], "t2.micro", Life::Running))));
    scene.tick().await;
    assert_eq!(state(scene).await, State::Halted);
}

fn with<T>(scene: &Scene, change: impl FnOnce(&mut SimAccount) -> T) -> T {
    scene.testbed.world.with(&id(PHYSICS), change)
}

fn is_lifted(scene: &Scene, name: &str) -> bool {
    with(scene, |account| matches!(*account.users[&user(name)].lockout.written(), Lockout::SessionsBefore(_)))
}

fn left(answer: &Answer) -> Vec<String> {
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    report.accounts[0].plan.skipped.iter().map(|left| format!("{}: {}", left.item, left.reason)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lockdown_is_attached_first_and_given_back_first() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "contain": { "lockdown": true } } } })));
    scene.send(json!({})).await;
    assert_eq!(with(&scene, |account| account.attached_policies()), [true; 3]);
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS })).await;
    assert_eq!((answer.status, with(&scene, |account| account.attached_policies())), (200, [false; 3]));
    let of_policies = |call: Call| match call.action {
        Action::Quarantine(action) => Some(action),
        _ => None,
    };
    let made: Vec<_> = scene.testbed.world.calls().into_iter().filter_map(of_policies).collect();
    let attached = Policy::ALL.map(Policy::attach);
    assert_eq!(made, [attached, Policy::ALL.map(Policy::detach)].concat());
    assert_eq!(attached[0], quarantine::Action::LockDown);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_refused_keeps_no_other_from_being_attached() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "contain": { "lockdown": true } } } })));
    // The lockdown is asked for first: the grant for it is missing, say.
    scene.testbed.world.fault(Fault::always("organizations:AttachPolicy", FailureKind::Denied).times(1));
    scene.send_within(json!({}), Deadline::within(Duration::from_secs(30))).await;
    assert!(with(&scene, |account| account.is_frozen()));
    scene.tick().await;
    assert_eq!(with(&scene, |account| account.attached_policies()), [true; 3], "and is asked for again");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_halt_locked_is_given_back_by_a_later_release() {
    let scene = halted(with_launchers()).await;
    scene.testbed.world.fault(Fault::always("organizations:DetachPolicy", FailureKind::Denied).times(1));
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"] })).await;
    assert!(answer.body.contains("was not done"), "{}", answer.body);
    for _ in 0..2 {
        relapsed(&scene).await;
        let denied = with(&scene, |account| *account.roles[&RoleName::new("lab")].lock.written());
        assert_eq!((denied, with(&scene, |account| *account.quarantine.written())), (RoleLock::Denied, true));
        let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!is_lifted(&scene, "bob"), "it was not named");
        assert!(!with(&scene, |account| *account.quarantine.written()), "an earlier release failed to take it off");
    }
    relapsed(&scene).await;
    let names = json!({ "action": "release", "account": PHYSICS, "users": ["bob", "kjanet"], "roles": ["lab"],
        "keys": ["AKIABOB0"], "start": true });
    let answer = scene.send(names).await;
    assert!(is_lifted(&scene, "bob") && is_lifted(&scene, "kjanet"), "{:?}", left(&answer));
    let (lock, key) = with(&scene, |account| {
        (*account.roles[&RoleName::new("lab")].lock.written(), account.users[&user("bob")].keys[0].active)
    });
    assert!(key && matches!(lock, RoleLock::RevokedBefore(_)), "{key} {lock:?} {:?}", left(&answer));
}

#[tokio::test(start_paused = true)]
async fn a_second_release_leaves_what_the_people_changed_since() {
    let testbed = with_launchers();
    let first = with_launchers().world.with(&id(PHYSICS), |account| account.billable().next().unwrap().1.id.clone());
    testbed.world.with(&id(PHYSICS), |account| account.instance(&first).unwrap().stop_protected = true);
    let scene = halted(testbed).await;
    let release =
        json!({ "action": "release", "account": PHYSICS, "users": ["alice"], "keys": ["AKIAALICE0"], "start": true });
    scene.send(release.clone()).await;
    let (web, fleet) = (GroupName::new("web"), FleetId::new("fleet-1"));
    with(&scene, |account| {
        assert!(account.instance(&first).unwrap().stop_protected);
        let region = account.region(REGIONS[0]);
        assert_eq!((region.groups[&web].suspended, region.fleets[&fleet].target), (false, 1));
        region.groups.get_mut(&web).unwrap().suspended = true;
        region.fleets.get_mut(&fleet).unwrap().target = 0;
        let instance = account.instance(&first).unwrap();
        (instance.life, instance.stop_protected) = (Life::Stopped, false);
        let alice = account.users.get_mut(&user("alice")).unwrap();
        alice.keys[0].active = false;
        alice.lockout.write(Lockout::Absent);
    });
    let calls = scene.testbed.world.calls().len();
    let answer = scene.send(release).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let calls: Vec<String> = scene.testbed.world.calls()[calls..].iter().map(|call| call.action.to_string()).collect();
    assert!(calls.is_empty(), "{calls:?}");
    let left = left(&answer);
    assert!(left.iter().any(|line| line.starts_with("user alice") && line.contains("gave it back")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_after_which_nothing_is_left_is_not_repeated() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "contain": { "users": "leave" } } } })));
    scene.send(json!({})).await;
    let release = json!({ "action": "release", "account": PHYSICS, "start": true });
    scene.send(release.clone()).await;
    let (writes, calls) = (scene.testbed.ledger.writes(), scene.testbed.world.calls().len());
    let answer = scene.send(release).await;
    assert!(answer.status == 200 && answer.body.contains("nothing is left"), "{}", answer.body);
    assert_eq!((scene.testbed.ledger.writes(), scene.testbed.world.calls().len()), (writes, calls));
    assert_eq!(scene.mails("Released"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_ends_a_halt_that_resists_and_need_not_be_asked_for_again() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.testbed.world.fault(Fault::always("ec2:StopInstances", FailureKind::Throttled));
    let (halt, release) = tokio::join!(
        async {
            scene.send(json!({})).await;
            scene.testbed.clock.elapsed()
        },
        async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let asked = scene.testbed.clock.elapsed();
            let answer = scene.send(json!({ "action": "release", "account": PHYSICS })).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            (asked, scene.testbed.clock.elapsed())
        }
    );
    let (asked, released) = release;
    assert!(halt < released && released - asked < Duration::from_secs(30), "{asked:?} {halt:?} {released:?}");
    assert_eq!(state(&scene).await, State::Released);
    scene.tick().await;
    assert_eq!((state(&scene).await, scene.mails("HALT")), (State::Released, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn whoever_asked_for_a_release_and_was_killed_holds_a_halt_off_for_two_minutes_only() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.testbed.world.fault(Fault::always("ec2:StopInstances", FailureKind::Throttled));
    let (_, ()) = tokio::join!(scene.send(json!({})), async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let release = scene.send(json!({ "action": "release", "account": PHYSICS }));
        assert!(tokio::time::timeout(Duration::from_millis(1500), release).await.is_err());
    });
    scene.testbed.world.heal();
    assert_eq!(state(&scene).await, State::Halting);
    scene.send(json!({})).await;
    assert_eq!((state(&scene).await, scene.billable(PHYSICS)), (State::Halting, 9), "somebody waits to release it");
    scene.tick().await;
    assert_eq!((state(&scene).await, scene.billable(PHYSICS)), (State::Halted, 0));
}
