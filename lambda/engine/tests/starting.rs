//! What a release starts again, in which order, and what it says of what does not run.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{PHYSICS, REGIONS, Scene, id, policy, seeded};
use jiff::Timestamp;
use runawaytrain_core::message::report::{Answer, Report};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::vocabulary::ids::{FleetId, GroupName, InstanceId};
use runawaytrain_engine::ports::{Clock, States};
use runawaytrain_testbed::{Life, SimAccount, SimFleet, SimGroup, StartFate, Testbed};
use serde_json::{Value, json};

fn web() -> GroupName {
    GroupName::new("web")
}

/// The seeded organization, with a group of three in the physics account, all of them old.
async fn with_group() -> Testbed {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        account.region(REGIONS[0]).groups.insert(web(), SimGroup::new(3, "t2.micro", Timestamp::UNIX_EPOCH));
    });
    // It launches them, and they come to run.
    testbed.world.with(&id(PHYSICS), |_| ());
    tokio::time::sleep(Duration::from_secs(10)).await;
    testbed.world.with(&id(PHYSICS), |account| {
        let all = account.region(REGIONS[0]).instances.iter_mut();
        all.for_each(|instance| instance.launched = Timestamp::UNIX_EPOCH);
    });
    testbed
}

async fn halted(testbed: Testbed) -> Scene {
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!((state(&scene).await, scene.billable(PHYSICS)), (State::Halted, 0));
    scene
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state
}

fn with<T>(scene: &Scene, change: impl FnOnce(&mut SimAccount) -> T) -> T {
    scene.testbed.world.with(&id(PHYSICS), change)
}

async fn release(scene: &Scene, what: Value) -> Vec<String> {
    let mut event = json!({ "action": "release", "account": PHYSICS });
    for (key, value) in what.as_object().unwrap() {
        event[key] = value.clone();
    }
    let answer: Answer = scene.send(event).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    report.accounts[0].plan.skipped.iter().map(|left| format!("{}: {}", left.item, left.reason)).collect()
}

/// The group's members, each with whether it was terminated.
fn members(scene: &Scene) -> Vec<(InstanceId, Life)> {
    with(scene, |account| {
        let all = account.region(REGIONS[0]).instances.iter();
        let members = all.filter(|instance| instance.owner.as_deref() == Some("web"));
        members.map(|instance| (instance.id.clone(), instance.life)).collect()
    })
}

fn is_suspended(scene: &Scene) -> bool {
    with(scene, |account| account.region(REGIONS[0]).groups[&web()].suspended)
}

#[tokio::test(start_paused = true)]
async fn a_group_comes_back_after_its_members_run_and_not_at_all_without_a_start() {
    let scene = halted(with_group().await).await;
    let left = release(&scene, json!({})).await;
    assert!(
        is_suspended(&scene) && left.iter().any(|line| line.contains("web") && line.contains("stays switched off"))
    );
    let left = release(&scene, json!({ "start": true })).await;
    assert!(!is_suspended(&scene), "{left:?}");
    assert_eq!(members(&scene).len(), 3, "none was replaced");
    assert!(members(&scene).iter().all(|(_, life)| *life == Life::Running), "{:?}", members(&scene));
    let resumed = scene.testbed.world.calls().iter().rposition(|call| call.action.to_string().starts_with("resume"));
    let started = scene.testbed.world.calls().iter().rposition(|call| call.action.to_string().starts_with("start"));
    assert!(started < resumed);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_members_do_not_start_stays_suspended() {
    for fate in [StartFate::NoCapacity, StartFate::FallsBack] {
        let scene = halted(with_group().await).await;
        let (poor, _) = members(&scene)[1].clone();
        with(&scene, |account| account.instance(&poor).unwrap().start = fate);
        let left = release(&scene, json!({ "start": true })).await;
        assert!(left.iter().any(|line| line.contains("group web") && line.contains("1 member")), "{left:?}");
        assert!(is_suspended(&scene));
        let terminated = members(&scene).iter().filter(|(_, life)| *life == Life::Terminated).count();
        assert_eq!((terminated, scene.billable(PHYSICS)), (0, 11), "all others run");

        with(&scene, |account| account.instance(&poor).unwrap().start = StartFate::Runs);
        let left = release(&scene, json!({ "start": [poor.as_str()] })).await;
        assert!(!is_suspended(&scene), "{left:?}");
        assert_eq!((members(&scene).len(), scene.billable(PHYSICS)), (3, 12));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_processes_that_the_halt_suspended_are_resumed_and_a_spot_fleet_gets_its_on_demand_part_back() {
    let testbed = with_group().await;
    let (ours, created) = (BTreeSet::from(["AZRebalance".to_owned()]), Timestamp::UNIX_EPOCH);
    testbed.world.with(&id(PHYSICS), |account| {
        let region = account.region(REGIONS[0]);
        region.groups.get_mut(&web()).unwrap().processes = ours.clone();
        let (kind, instance_type) = (FleetKind::Spot, "t2.micro".to_owned());
        let fleet = SimFleet { kind, target: 3, on_demand: 2, instance_type, created };
        region.fleets.insert(FleetId::new("sfr-1"), fleet);
    });
    let scene = halted(testbed).await;
    assert!(is_suspended(&scene));
    let left = release(&scene, json!({ "start": true })).await;
    with(&scene, |account| {
        let region = account.region(REGIONS[0]);
        let fleet = &region.fleets[&FleetId::new("sfr-1")];
        assert_eq!((fleet.target, fleet.on_demand), (3, 2), "{left:?}");
        assert_eq!(region.groups[&web()].suspended_processes(), ours, "{left:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn what_was_launched_close_to_the_halt_starts_only_by_its_id() {
    let testbed = seeded();
    let now = testbed.clock.now();
    let (young, other) = testbed.world.with(&id(PHYSICS), |account| {
        let launched = (0..2).map(|_| account.launch(REGIONS[3], "c5.large", Life::Running)).collect::<Vec<_>>();
        launched.iter().for_each(|id| account.instance(id).unwrap().launched = now);
        (launched[0].clone(), launched[1].clone())
    });
    let scene = halted(testbed).await;
    let left = release(&scene, json!({ "start": true })).await;
    let line =
        left.iter().find(|line| line.contains("launched close to the halt")).unwrap_or_else(|| panic!("{left:?}"));
    assert!(line.contains(young.as_str()) && line.contains(other.as_str()), "{line}");
    assert_eq!(scene.billable(PHYSICS), 9);
    release(&scene, json!({ "start": [young.as_str()] })).await;
    assert!(with(&scene, |account| account.instance(&young).unwrap().is_billable()));
    assert!(!with(&scene, |account| account.instance(&other).unwrap().is_billable()));
}

#[tokio::test(start_paused = true)]
async fn what_is_named_as_trusted_comes_back_whatever_its_age_and_the_mail_says_so() {
    let testbed = seeded();
    let now = testbed.clock.now();
    testbed.world.with(&id(PHYSICS), |account| {
        for user in account.users.values_mut() {
            user.created = now;
            user.keys.iter_mut().for_each(|key| key.created = Some(now));
        }
        account.region(REGIONS[3]).groups.insert(web(), SimGroup::new(0, "t2.micro", now));
    });
    let scene = halted(testbed).await;
    let event = json!({ "users": ["alice", "bob"], "keys": ["AKIAALICE0", "AKIABOB0"], "start": true });
    let left = release(&scene, event.clone()).await;
    assert!(!scene.can_act(PHYSICS, "alice") && left.iter().any(|line| line.starts_with("user alice")), "{left:?}");
    let mut event = event;
    event["trust"] = json!(["alice", "AKIAALICE0", "web"]);
    release(&scene, event).await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert!(scene.can_act(PHYSICS, "alice") && !scene.can_act(PHYSICS, "bob"));
    with(&scene, |account| assert!(!account.region(REGIONS[3]).groups[&web()].suspended));
    let mail = scene.testbed.mailbox.mails().pop().unwrap();
    assert!(mail.says("AKIAALICE0, alice, web"), "{}", mail.body);
}

#[tokio::test(start_paused = true)]
async fn one_instance_that_ec2_has_no_room_for_does_not_hold_up_the_others() {
    let scene = halted(seeded()).await;
    with(&scene, |account| {
        let first = &mut account.region(REGIONS[0]).instances[0];
        first.start = StartFate::NoCapacity;
    });
    release(&scene, json!({ "start": true })).await;
    assert_eq!(scene.billable(PHYSICS), 8);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_for_none_it_is_not_asked_for_each_by_itself() {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        *account = account.clone().running(REGIONS[3], 400, "p4d.24xlarge");
        account.region(REGIONS[3]).instances.iter_mut().for_each(|instance| instance.start = StartFate::NoCapacity);
    });
    let scene = halted(testbed).await;
    let before = scene.testbed.world.calls().len();
    release(&scene, json!({ "start": true })).await;
    let calls = scene.testbed.world.calls().len() - before;
    assert!(scene.billable(PHYSICS) == 9 && calls < 100, "{calls} calls, {} run", scene.billable(PHYSICS));
}
