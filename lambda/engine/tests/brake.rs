//! A wrong limit must not stop a university, and nobody takes our role away unnoticed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::{Action, quarantine};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_testbed::{Fault, SimAccount, Testbed};
use serde_json::{Value, json};

const ACCOUNTS: u64 = 8;

fn account(number: u64) -> String {
    format!("3{number:011}")
}

/// Eight accounts past their limit; the higher the number, the more they burn.
fn runaway_university() -> Testbed {
    let testbed = seeded();
    for number in 0..ACCOUNTS {
        let running = u32::try_from(number).unwrap() + 6;
        testbed.world.add(
            &id(&account(number)),
            SimAccount::new(&format!("lab-{number}"), &REGIONS)
                .running("us-east-1", running, "m5.4xlarge")
                .user("ann", 1, false),
        );
    }
    testbed
}

fn with_brake(halts: u32, more: Value) -> runawaytrain_core::policy::Policy {
    let mut overrides = json!({ "brake": { "haltsPerHour": halts }, "accounts": { PHYSICS: { "mode": "drill" } } });
    for (key, value) in more.as_object().unwrap() {
        overrides[key] = value.clone();
    }
    policy(overrides)
}

fn states(scene: &Scene) -> Vec<State> {
    (0..ACCOUNTS)
        .map(|number| if scene.billable(&account(number)) == 0 { State::Halted } else { State::Frozen })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn past_the_brake_accounts_are_frozen_and_the_slots_go_to_those_that_burn_the_most() {
    let scene = Scene::new(runaway_university(), with_brake(3, json!({})));
    let answer = scene.send(json!({})).await;
    let halted: Vec<bool> =
        (0..ACCOUNTS).map(|number| report_of(&answer, &account(number)).state == Some(State::Halted)).collect();
    assert_eq!(halted, [false, false, false, false, false, true, true, true]);
    for number in 0..5 {
        assert_eq!(report_of(&answer, &account(number)).state, Some(State::Frozen));
        assert!(
            scene.testbed.world.with(&id(&account(number)), |account| *account.quarantine.written()),
            "frozen by the quarantine"
        );
    }
    let frozen: Vec<_> = (0..5).map(|number| id(&account(number))).collect();
    let touched = scene.testbed.world.calls().into_iter().filter(|call| frozen.contains(&call.account));
    assert!(
        touched.into_iter().all(|call| call.action == Action::Quarantine(quarantine::Action::Freeze)),
        "frozen means frozen and nothing else"
    );
    assert_eq!((scene.mails("HALT"), scene.mails("FROZEN, brake")), (3, 5), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn the_brake_is_never_exceeded_within_an_hour_and_lets_go_after_it() {
    let scene = Scene::new(runaway_university(), with_brake(3, json!({})));
    scene.send(json!({})).await;
    for _ in 0..10 {
        scene.tick().await;
        assert_eq!(states(&scene).iter().filter(|state| **state == State::Halted).count(), 3);
    }
    assert_eq!((scene.mails("HALT"), scene.mails("FROZEN, brake")), (3, 5), "no news, no mail: {:?}", scene.subjects());
    for _ in 0..3 {
        scene.tick().await;
    }
    assert_eq!(
        states(&scene).iter().filter(|state| **state == State::Halted).count(),
        6,
        "an hour later three more may be halted"
    );
}

#[tokio::test(start_paused = true)]
async fn two_invocations_share_one_brake() {
    let testbed = runaway_university();
    let (one, other) =
        (Scene::new(testbed.clone(), with_brake(3, json!({}))), Scene::new(testbed, with_brake(3, json!({}))));
    tokio::join!(one.send(json!({})), other.send(json!({})));
    assert_eq!(states(&one).iter().filter(|state| **state == State::Halted).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_order_is_not_braked_and_a_frozen_account_can_be_released() {
    let scene = Scene::new(runaway_university(), with_brake(0, json!({})));
    scene.send(json!({})).await;
    assert!(states(&scene).iter().all(|state| *state == State::Frozen));
    scene.send(json!({ "action": "halt", "account": account(1), "reason": "an attack" })).await;
    assert_eq!(scene.billable(&account(1)), 0);

    for number in [0, 1] {
        let answer = scene.send(json!({ "action": "release", "account": account(number) })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(
            !scene.testbed.world.with(&id(&account(number)), |account| *account.quarantine.written()),
            "one journal has both the freeze and the halt"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_worked_and_is_refused_now_is_a_tamper_alarm_and_freezes_the_account() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.with(&id(QUIET), |account| account.enrolled = false);
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Frozen));
    assert!(scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    assert_eq!(scene.mails("TAMPER quiet 222222222222"), 1, "{:?}", scene.subjects());
    let calls = scene.testbed.world.calls().len();
    scene.tick().await;
    scene.tick().await;
    assert_eq!((scene.mails("TAMPER"), scene.testbed.world.calls().len()), (1, calls), "told and frozen once");

    // The thief takes the policy off? He cannot: it is the payer's. But an admin may, by mistake.
    scene.testbed.world.with(&id(QUIET), |account| account.quarantine.write(false));
    scene.tick().await;
    assert!(scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    let answer = scene.send(json!({ "action": "release", "account": QUIET })).await;
    assert_eq!(answer.status, 200, "a freeze is lifted from the payer: {}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_never_let_us_in_is_no_tamper_alarm() {
    let testbed = seeded();
    testbed.world.with(&id(QUIET), |account| account.enrolled = false);
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    scene.tick().await;
    assert_eq!((scene.mails("TAMPER"), scene.mails("Unseen")), (0, 1));
    assert!(scene.testbed.world.calls().iter().all(|call| call.account != id(QUIET)));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_reached_for_a_moment_is_no_tamper_alarm() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("ec2:DescribeRegions", FailureKind::Unavailable).in_account(&id(QUIET)));
    scene.tick().await;
    assert_eq!(scene.mails("TAMPER"), 0);
    assert!(!scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
}

#[tokio::test(start_paused = true)]
async fn without_a_quarantine_policy_the_brake_still_holds_and_pages() {
    let testbed = runaway_university();
    testbed.world.without_quarantine();
    let scene = Scene::new(testbed, with_brake(2, json!({})));
    let answer = scene.send(json!({})).await;
    assert_eq!(states(&scene).iter().filter(|state| **state == State::Halted).count(), 2);
    assert_eq!(scene.mails("FROZEN, brake"), 6);
    let left: Vec<_> = report_of(&answer, &account(7)).plan.skipped.iter().map(|left| left.reason.clone()).collect();
    assert!(left.iter().any(|reason| reason.contains("no quarantine policy is deployed")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_freeze_is_looked_at_again_and_one_that_does_not_hold_is_said_to() {
    let scene = Scene::new(runaway_university(), with_brake(0, json!({})));
    let attach = |times| Fault {
        operation: "organizations:AttachPolicy".to_owned(),
        account: Some(id(&account(1))),
        region: None,
        times,
        failure: Some(runawaytrain_testbed::failure("organizations:AttachPolicy", FailureKind::Unavailable)),
    };
    scene.testbed.world.fault(attach(Some(1)));
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, &account(1)).error, None, "the second try holds");
    assert!(scene.testbed.world.with(&id(&account(1)), |known| *known.quarantine.written()));

    let scene = Scene::new(runaway_university(), with_brake(0, json!({})));
    scene.testbed.world.fault(attach(None));
    let answer = scene.send(json!({})).await;
    let error = report_of(&answer, &account(1)).error.clone().unwrap_or_default();
    assert!(error.contains("is not frozen: it is not attached"), "{error}");
    assert_eq!(report_of(&answer, &account(2)).error, None, "the others are served");
    scene.testbed.world.heal();
    scene.tick().await;
    assert!(
        scene.testbed.world.with(&id(&account(1)), |known| *known.quarantine.written()),
        "the next sweep tries again"
    );
}
