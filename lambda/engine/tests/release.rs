//! Halting by order, giving back, and what follows.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, report_of, seeded, user};
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::message::report::{Answer, Report};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::KeyId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::ports::{Clock, States};
use runawaytrain_testbed::{Fault, Life, SimAccount};
use serde_json::json;

/// A scene whose physics account is halted; users and keys are old enough to be above suspicion.
async fn halted() -> Scene {
    let testbed = seeded();
    make_old(&testbed, |_, _| true);
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!(state(&scene).await, State::Halted);
    scene
}

fn make_old(testbed: &runawaytrain_testbed::Testbed, which: impl Fn(&str, Option<&KeyId>) -> bool) {
    let old = testbed.clock.now().checked_sub(SignedDuration::from_hours(24 * 30)).unwrap();
    let new = testbed.clock.now().checked_sub(SignedDuration::from_hours(24)).unwrap();
    testbed.world.with(&id(PHYSICS), |account: &mut SimAccount| {
        for (name, found) in &mut account.users {
            found.created = if which(name.as_str(), None) { old } else { new };
            for key in &mut found.keys {
                key.created = Some(if which(name.as_str(), Some(&key.id)) { old } else { new });
            }
        }
    });
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state
}

fn left(answer: &Answer) -> Vec<(String, String)> {
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    report.accounts[0].plan.skipped.iter().map(|left| (left.item.clone(), left.reason.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_release_gives_back_what_is_named_and_nothing_else() {
    let scene = halted().await;
    let answer = scene
        .send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"], "keys": ["AKIAALICE0"] }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert!(scene.can_act(PHYSICS, "alice") && !scene.can_act(PHYSICS, "bob"));
    scene.testbed.world.with(&id(PHYSICS), |account| {
        let active: Vec<bool> = account.users[&user("alice")].keys.iter().map(|key| key.active).collect();
        assert_eq!(active, [true, false], "a key comes back only by its id");
    });
    assert_eq!(scene.billable(PHYSICS), 0, "instances start only when asked for");
    assert_eq!(state(&scene).await, State::Released);
    let left = left(&answer);
    assert!(left.iter().any(|(item, reason)| item == "user bob" && reason.contains("does not name it")), "{left:?}");
    assert_eq!(scene.mails("Released"), 1);

    for _ in 0..3 {
        scene.tick().await;
    }
    assert_eq!(state(&scene).await, State::Released, "no re-halt");
    assert!(scene.can_act(PHYSICS, "alice"));
    assert_eq!((scene.mails("HALT"), scene.mails("Released")), (1, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn started_instances_do_not_halt_the_account_again_but_a_relapse_does() {
    let scene = halted().await;
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    assert_eq!(scene.billable(PHYSICS), 9);
    for _ in 0..3 {
        scene.tick().await;
        assert_eq!((state(&scene).await, scene.billable(PHYSICS)), (State::Released, 9));
    }
    scene.testbed.world.with(&id(PHYSICS), |account| {
        (0..5).for_each(|_| drop(account.launch("ap-south-1", "t2.micro", Life::Running)))
    });
    scene.tick().await;
    assert_eq!(
        (state(&scene).await, scene.billable(PHYSICS)),
        (State::Halted, 0),
        "five more than at the release are past the limit of four"
    );
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (2, 2), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_the_limits_hold_in_full() {
    let scene = halted().await;
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    tokio::time::sleep(Duration::from_secs(4 * 3600)).await;
    scene.tick().await;
    assert_eq!(state(&scene).await, State::Halted, "nine are still more than four");
}

#[tokio::test(start_paused = true)]
async fn in_the_grace_the_other_limits_hold_in_full() {
    let testbed = seeded();
    let scene = Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "limits": { "vcpus": 100 } } } })));
    scene.send(json!({})).await;
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    scene.testbed.world.with(&id(PHYSICS), |account| drop(account.launch("us-east-1", "p5.48xlarge", Life::Running)));
    scene.tick().await;
    assert_eq!(state(&scene).await, State::Halted);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_shortly_before_the_trip_stays_locked() {
    let testbed = seeded();
    make_old(&testbed, |name, key| name == "alice" && key.is_none_or(|key| key.as_str().ends_with('0')));
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice", "bob"], "keys": ["AKIAALICE0", "AKIAALICE1"] })).await;
    assert!(!scene.can_act(PHYSICS, "bob"));
    let left = left(&answer);
    for item in ["user bob", "key AKIAALICE1 of user alice"] {
        assert!(
            left.iter().any(|(found, reason)| found == item && reason.contains("close to the halt")),
            "{item}: {left:?}"
        );
    }
    scene.testbed.world.with(&id(PHYSICS), |account| {
        assert_eq!(account.users[&user("alice")].keys.iter().map(|key| key.active).collect::<Vec<_>>(), [true, false]);
    });
}

#[tokio::test(start_paused = true)]
async fn what_the_halt_did_not_touch_is_not_ours_to_give_back() {
    let scene = halted().await;
    let answer =
        scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["zoe"], "keys": ["AKIAZOE"] })).await;
    let left = left(&answer);
    assert_eq!(left.iter().filter(|(_, reason)| reason.contains("nothing to undo")).count(), 2, "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_of_what_is_not_halted_or_cannot_be_entered_touches_nothing() {
    let scene = halted().await;
    let calls = scene.testbed.world.calls().len();
    for (account, says) in [(QUIET, "never halted or frozen"), ("999999999999", "never swept")] {
        let answer = scene.send(json!({ "action": "release", "account": account })).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(says), "{}", answer.body);
    }
    scene.testbed.world.with(&id(PHYSICS), |account| account.enrolled = false);
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"] })).await;
    assert_eq!(answer.status, 500);
    assert_eq!(scene.testbed.world.calls().len(), calls);
    assert_eq!(state(&scene).await, State::Halted);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_killed_leaves_the_account_halted_and_can_be_asked_for_again() {
    let scene = halted().await;
    let release = json!({ "action": "release", "account": PHYSICS, "users": ["alice"] });
    assert!(tokio::time::timeout(Duration::from_millis(360), scene.send(release.clone())).await.is_err());
    assert_eq!(state(&scene).await, State::Halted);
    let asked = scene.testbed.clock.elapsed();
    assert_eq!(scene.send(release).await.status, 200);
    let waited = scene.testbed.clock.elapsed() - asked;
    assert!(waited > Duration::from_secs(50), "the killed one's lease still held: {waited:?}");
    assert_eq!(state(&scene).await, State::Released);
}

#[tokio::test(start_paused = true)]
async fn an_order_halts_whatever_the_limits_say_and_names_its_reason() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(json!({ "action": "halt", "account": QUIET, "reason": "keys on a public page" })).await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Halted));
    assert_eq!((scene.billable(QUIET), scene.billable(PHYSICS)), (0, 9), "only the account that was named");
    assert_eq!(scene.mails("HALT quiet 222222222222: ordered: keys on a public page"), 1, "{:?}", scene.subjects());
    scene.send(json!({ "action": "release", "account": QUIET, "start": true })).await;
    scene.tick().await;
    assert_eq!(scene.billable(QUIET), 2);
}

#[tokio::test(start_paused = true)]
async fn an_order_is_bound_by_the_mode_and_needs_an_account() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(json!({ "action": "halt", "account": PAYER })).await;
    assert_eq!(report_of(&answer, PAYER).mode, Mode::Drill);
    assert!(!report_of(&answer, PAYER).plan.actions.is_empty());
    for event in [
        json!({ "action": "halt" }),
        json!({ "action": "halt", "account": "1" }),
        json!({ "action": "halt", "account": 7 }),
        json!({ "action": "release" }),
    ] {
        assert_eq!(scene.send(event.clone()).await.status, 400, "{event}");
    }
    assert!(scene.testbed.world.calls().is_empty());

    let silenced = Scene::with_ceiling(seeded(), policy(json!({})), Mode::Pass);
    let answer = silenced.send(json!({ "action": "halt", "account": PHYSICS })).await;
    assert!(answer.body.starts_with("envaction == pass"), "{}", answer.body);
    assert!(silenced.testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn status_tells_every_accounts_state_and_touches_nothing() {
    let scene = halted().await;
    let (looks, calls) = (scene.testbed.world.looks(), scene.testbed.world.calls().len());
    let answer = scene.send(json!({ "action": "status" })).await;
    let Some(Report::Status(status)) = &answer.report else { panic!("{answer:?}") };
    let states: Vec<_> = status.accounts.iter().map(|record| (record.account.as_str(), record.state)).collect();
    assert_eq!(states, [(PAYER, State::Warned), (PHYSICS, State::Halted), (QUIET, State::Ok)]);
    assert_eq!((scene.testbed.world.looks(), scene.testbed.world.calls().len()), (looks, calls));
    assert_ne!(status.accounts[1].since, Timestamp::UNIX_EPOCH);
}

#[tokio::test(start_paused = true)]
async fn a_step_of_a_release_that_fails_is_named() {
    let scene = halted().await;
    scene.testbed.world.fault(Fault::always("ec2:StartInstances", FailureKind::Unsupported));
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    assert!(answer.body.contains("not done"), "{}", answer.body);
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    assert!(report.accounts[0].outcomes.iter().any(|outcome| outcome.result == "failed"));
}

#[tokio::test(start_paused = true)]
async fn members_of_a_group_are_started_before_the_group_is_resumed() {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        let group = runawaytrain_testbed::SimGroup::new(3, "t2.micro", Timestamp::UNIX_EPOCH);
        account.region("us-east-1").groups.insert(runawaytrain_core::vocabulary::ids::GroupName::new("web"), group);
    });
    testbed.world.with(&id(PHYSICS), |account| {
        let launched = account.region("us-east-1").instances.iter_mut();
        launched.for_each(|instance| instance.launched = Timestamp::UNIX_EPOCH);
    });
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    scene.testbed.world.with(&id(PHYSICS), |account| {
        let lives: Vec<_> = account.region("us-east-1").instances.iter().map(|instance| instance.life).collect();
        assert!(lives.iter().all(|life| *life == Life::Running), "none was taken for unhealthy: {lives:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_was_not_named_can_be_asked_for_later() {
    let scene = halted().await;
    scene.testbed.world.fault(Fault::always("organizations:DetachPolicy", FailureKind::Denied).times(1));
    let first = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"] })).await;
    assert!(first.body.contains("not done"), "{}", first.body);
    assert!(scene.testbed.world.with(&id(PHYSICS), |account| *account.quarantine.written()));
    let second = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["bob"] })).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert!(!scene.testbed.world.with(&id(PHYSICS), |account| *account.quarantine.written()));
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    scene.testbed.world.with(&id(PHYSICS), |account| {
        for name in ["alice", "bob"] {
            let lockout = *account.users[&user(name)].lockout.in_force();
            assert!(
                matches!(lockout, runawaytrain_core::resource::users::Lockout::SessionsBefore(_)),
                "{name}: {lockout:?}"
            );
        }
    });
}

#[tokio::test(start_paused = true)]
async fn identities_that_cannot_be_read_are_not_gone() {
    let scene = halted().await;
    let calls = scene.testbed.world.calls().len();
    for list in ["iam:GetAccountAuthorizationDetails", "iam:ListUsers"] {
        scene.testbed.world.fault(Fault::always(list, FailureKind::Denied));
    }
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"] })).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert_eq!((state(&scene).await, scene.testbed.world.calls().len()), (State::Halted, calls));
}
