//! A wrong limit must not stop a university, and nobody takes our role away unnoticed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::{Action, quarantine};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Fault, Life, SimAccount, Testbed, failure};
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
    let is_halted = |number: &u64| report_of(&answer, &account(*number)).state == Some(State::Halted);
    let halted: Vec<u64> = (0..ACCOUNTS).filter(is_halted).collect();
    assert_eq!(halted.len(), 3);
    assert!(halted.ends_with(&[6, 7]), "one went at once, and the others burn the most: {halted:?}");
    let frozen: Vec<u64> = (0..ACCOUNTS).filter(|number| !is_halted(number)).collect();
    for number in frozen.iter().copied() {
        assert_eq!(report_of(&answer, &account(number)).state, Some(State::Frozen));
        assert!(
            scene.testbed.world.with(&id(&account(number)), |account| *account.quarantine.written()),
            "frozen by the quarantine"
        );
    }
    let frozen: Vec<_> = frozen.into_iter().map(|number| id(&account(number))).collect();
    let touched = scene.testbed.world.calls().into_iter().filter(|call| frozen.contains(&call.account));
    assert!(
        touched.into_iter().all(|call| call.action == Action::Quarantine(quarantine::Action::Freeze)),
        "frozen means frozen and nothing else"
    );
    assert_eq!((scene.mails("HALT"), scene.mails("BRAKE: 5 accounts")), (3, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn a_spent_brake_holds_until_people_have_decided_about_every_account_that_waits() {
    let scene = Scene::new(runaway_university(), with_brake(3, json!({})));
    scene.send(json!({})).await;
    let halted = || states(&scene).iter().filter(|state| **state == State::Halted).count();
    let mails = scene.subjects();
    for _ in 0..36 {
        scene.tick().await;
        assert_eq!(halted(), 3, "a mistyped limit must not halt three more an hour all night");
    }
    assert_eq!(scene.subjects(), mails, "no news, no mail");
    let waiting = || scene.testbed.metrics.sweeps().last().unwrap().waiting;
    assert_eq!(waiting() as u64, ACCOUNTS - 3, "an alarm goes on saying that somebody must decide");
    // Another one passes its limit: it waits with the others.
    scene.testbed.world.with(&id(QUIET), |account| {
        (0..9).for_each(|_| drop(account.launch("us-west-2", "t2.micro", Life::Running)));
    });
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Frozen));
    // People decide: this one is halted by order, those are released.
    scene.send(json!({ "action": "halt", "account": QUIET, "reason": "an attack" })).await;
    for number in 0..ACCOUNTS {
        let known = scene.testbed.ledger.load(&id(&account(number))).await.unwrap().unwrap().record;
        if known.state == State::Frozen {
            scene.send(json!({ "action": "release", "account": account(number) })).await;
        }
    }
    assert_eq!(scene.billable(QUIET), 0);
    scene.testbed.world.with(&id(&account(0)), |lab| {
        (0..90).for_each(|_| drop(lab.launch("us-west-2", "t2.micro", Life::Running)));
    });
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, &account(0)).state, Some(State::Halted), "the brake lets go, and sees the relapse");
    assert_eq!(waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_left_the_organization_does_not_hold_the_brake() {
    let scene = Scene::new(runaway_university(), with_brake(7, json!({})));
    scene.send(json!({})).await;
    let braked = (0..ACCOUNTS).find(|number| scene.billable(&account(*number)) > 0).unwrap();
    scene.testbed.world.remove(&id(&account(braked)));
    for _ in 0..13 {
        scene.tick().await;
    }
    scene.testbed.world.with(&id(QUIET), |known| {
        (0..9).for_each(|_| drop(known.launch("us-west-2", "t2.micro", Life::Running)));
    });
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Halted));
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_brake_cannot_be_asked_is_frozen_and_asked_about_again() {
    let testbed = runaway_university();
    testbed.ledger.break_slots(Some(failure("dynamodb:PutItem", FailureKind::Throttled)));
    let scene = Scene::new(testbed, with_brake(10, json!({})));
    let answer = scene.send(json!({})).await;
    for number in 0..ACCOUNTS {
        let report = report_of(&answer, &account(number));
        assert_eq!(report.state, Some(State::Frozen), "{report:?}");
        assert!(scene.testbed.world.with(&id(&account(number)), |known| *known.quarantine.written()));
    }
    scene.testbed.ledger.break_slots(None);
    scene.tick().await;
    assert!(states(&scene).iter().all(|state| *state == State::Halted));
}

#[tokio::test(start_paused = true)]
async fn an_account_alone_does_not_wait_for_others_where_slots_are_free() {
    let testbed = seeded();
    for number in 0..12 {
        testbed.world.add(&id(&account(number)), SimAccount::new("idle", &REGIONS));
    }
    let scene = Scene::new(testbed, policy(json!({ "brake": { "haltsPerHour": 10 } })));
    scene.send(json!({})).await;
    let first = scene.testbed.world.calls().iter().map(|call| call.after).min().unwrap();
    assert!(first < std::time::Duration::from_secs(1), "it was frozen after {first:?}");
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
async fn without_a_quarantine_policy_the_brake_still_holds_and_pages() {
    let testbed = runaway_university();
    testbed.world.without_quarantine();
    let scene = Scene::new(testbed, with_brake(2, json!({})));
    let answer = scene.send(json!({})).await;
    assert_eq!(states(&scene).iter().filter(|state| **state == State::Halted).count(), 2);
    assert_eq!((scene.mails("FROZEN, brake"), scene.mails("NOT FROZEN, brake")), (0, 0));
    let told = scene.testbed.mailbox.mails();
    assert!(told.iter().any(|mail| mail.says("not frozen: no quarantine policy is deployed")), "{told:#?}");
    assert!(!told.iter().any(|mail| mail.says("nothing in it can grow")), "{told:#?}");
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
        failure: Some(failure("organizations:AttachPolicy", FailureKind::Unavailable)),
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
