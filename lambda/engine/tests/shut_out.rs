//! Accounts that refuse us: what one does is its own, what many do at once is our own fault and harms nobody.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Fault, Life, SimAccount, Testbed};
use serde_json::json;

/// Accounts of a university, all of them quiet.
const LABS: u64 = 500;

fn lab(number: u64) -> String {
    format!("4{number:011}")
}

/// An organization of five hundred, each of them well within its limit, and each with a region in which something runs.
fn university() -> Testbed {
    let testbed = Testbed::new();
    for number in 0..LABS {
        let account = SimAccount::new(&format!("lab-{number}"), &REGIONS[..2]).running("us-east-1", 1, "t3.micro");
        testbed.world.add(&id(&lab(number)), account);
    }
    testbed
}

fn frozen(scene: &Scene, accounts: impl Iterator<Item = u64>) -> usize {
    let is_frozen = |number: &u64| scene.testbed.world.with(&id(&lab(*number)), |known| *known.quarantine.written());
    accounts.filter(is_frozen).count()
}

async fn state(scene: &Scene, account: &str) -> State {
    scene.testbed.ledger.load(&id(account)).await.unwrap().unwrap().record.state
}

fn enroll(scene: &Scene, account: &str, enrolled: bool) {
    scene.testbed.world.with(&id(account), |known| known.enrolled = enrolled);
}

/// Nobody was touched, and at most one mail went out.
fn assert_harmless(scene: &Scene, mails_before: usize) {
    assert_eq!(scene.testbed.world.calls(), [], "nothing may be changed in anybody's account");
    let subjects = scene.subjects();
    assert!(subjects.len() <= mails_before + 1, "{subjects:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_refused_for_two_sweeps_freezes_the_account_and_says_so_once() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Ok), "once may be a hiccup");
    assert_eq!(scene.mails("TAMPER"), 0);
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Frozen));
    assert!(scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    assert_eq!(scene.mails("TAMPER quiet 222222222222: our role is refused; frozen"), 1, "{:?}", scene.subjects());
    let calls = scene.testbed.world.calls().len();
    scene.tick().await;
    scene.tick().await;
    assert_eq!((scene.mails("TAMPER"), scene.testbed.world.calls().len()), (1, calls), "told and frozen once");
    assert_eq!(scene.mails("Unseen"), 0, "its freeze was told");

    // The thief takes the policy off? He cannot: it is the payer's. But an admin may, by mistake.
    scene.testbed.world.with(&id(QUIET), |account| account.quarantine.write(false));
    scene.tick().await;
    assert!(scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    let answer = scene.send(json!({ "action": "release", "account": QUIET })).await;
    assert_eq!(answer.status, 200, "a freeze is lifted from the payer: {}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn sweeps_in_one_breath_are_one_refusal() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    for _ in 0..5 {
        scene.send(json!({ "action": "proceed", "accounts": [QUIET] })).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!((state(&scene, QUIET).await, scene.mails("TAMPER"), scene.mails("Unseen")), (State::Ok, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_freeze_for_a_refusal_ends_by_itself_once_the_account_is_seen_and_within_its_limits() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    scene.tick().await;
    scene.tick().await;
    assert_eq!(state(&scene, QUIET).await, State::Frozen);
    enroll(&scene, QUIET, true);
    scene.testbed.world.fault(
        Fault::always("ec2:DescribeInstances", FailureKind::Unavailable).in_account(&id(QUIET)).in_region("us-west-2"),
    );
    scene.tick().await;
    assert_eq!(state(&scene, QUIET).await, State::Frozen, "who is seen in part may hide the rest");
    scene.testbed.world.heal();
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Ok));
    assert!(!scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    assert_eq!(scene.mails("Thawed quiet 222222222222"), 1, "{:?}", scene.subjects());
    let answer = scene.send(json!({ "action": "release", "account": QUIET })).await;
    assert_eq!(answer.status, 400, "nothing is left to release: {}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_comes_back_past_its_limit_is_halted_and_not_thawed() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    scene.tick().await;
    scene.tick().await;
    scene.testbed.world.with(&id(QUIET), |account| {
        account.enrolled = true;
        (0..9).for_each(|_| drop(account.launch("us-west-2", "t2.micro", Life::Running)));
    });
    scene.tick().await;
    assert_eq!((state(&scene, QUIET).await, scene.billable(QUIET)), (State::Halted, 0));
    assert_eq!(scene.mails("Thawed"), 0);
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
async fn an_account_where_the_machine_may_only_look_is_told_of_and_not_frozen() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { QUIET: { "mode": "drill" } } })));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    for _ in 0..3 {
        scene.tick().await;
    }
    assert_eq!(scene.mails("TAMPER quiet 222222222222: our role is refused"), 1, "{:?}", scene.subjects());
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says("not frozen: its mode is drill")));
    assert!(!scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
}

/// Neither by an older list, nor by none.
#[tokio::test(start_paused = true)]
async fn an_account_that_may_have_been_moved_is_not_frozen_until_organizations_says_where_it_is() {
    for was_moved in [true, false] {
        let scene = Scene::new(seeded(), policy(json!({})));
        scene.send(json!({})).await;
        scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
        enroll(&scene, QUIET, false);
        if was_moved {
            scene.testbed.world.with(&id(QUIET), |account| account.unit = "ou-elsewhere".to_owned());
        }
        for _ in 0..20 {
            scene.tick().await;
        }
        assert_eq!((state(&scene, QUIET).await, scene.mails("TAMPER")), (State::Ok, 0), "{:?}", scene.subjects());
        let says_why = "Organizations has not said since then where the account is";
        assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says(says_why)));
        scene.testbed.world.heal();
        for _ in 0..3 {
            scene.tick().await;
        }
        assert_eq!(state(&scene, QUIET).await, if was_moved { State::Ok } else { State::Frozen });
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_moved_within_the_organization_is_not_frozen() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.with(&id(QUIET), |account| {
        account.enrolled = false;
        account.unit = "ou-elsewhere".to_owned();
    });
    for _ in 0..5 {
        scene.tick().await;
    }
    assert_eq!(state(&scene, QUIET).await, State::Ok);
    assert_eq!((scene.mails("TAMPER"), scene.mails("Unseen quiet 222222222222")), (0, 1), "{:?}", scene.subjects());
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says("moved within the organization")));
    // It lets us in where it is now, and then somebody takes the role away.
    enroll(&scene, QUIET, true);
    scene.tick().await;
    enroll(&scene, QUIET, false);
    scene.tick().await;
    scene.tick().await;
    assert_eq!(state(&scene, QUIET).await, State::Frozen);
}

#[tokio::test(start_paused = true)]
async fn shut_outs_count_against_the_brake() {
    let scene = Scene::new(seeded(), policy(json!({ "brake": { "haltsPerHour": 0 } })));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    for _ in 0..3 {
        scene.tick().await;
    }
    assert!(!scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says("not frozen: the brake holds")));
}

#[tokio::test(start_paused = true)]
async fn when_the_whole_organization_refuses_us_nobody_is_frozen_and_one_mail_says_so() {
    let scene = Scene::new(university(), policy(json!({})));
    scene.send(json!({})).await;
    (0..LABS).for_each(|number| enroll(&scene, &lab(number), false));
    for _ in 0..16 {
        scene.tick().await;
    }
    assert_harmless(&scene, 0);
    assert_eq!(scene.mails("Unseen: 500 accounts"), 1, "{:?}", scene.subjects());
    let mail = &scene.testbed.mailbox.mails()[0];
    assert!(mail.says("the guard's own fault, or AWS's, and none of them is frozen for it"), "{mail:?}");
    let beats = scene.testbed.metrics.sweeps();
    assert!(beats[0].complete && !beats[1].complete, "a guard that can enter nothing has no heartbeat");
    (0..LABS).for_each(|number| enroll(&scene, &lab(number), true));
    let answer = scene.tick().await;
    assert!(answer.sweep().unwrap().complete && scene.subjects().len() == 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_not_enrolled_yet_do_not_stop_the_heartbeat() {
    let testbed = university();
    (10..LABS).for_each(|number| testbed.world.with(&id(&lab(number)), |known| known.enrolled = false));
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    scene.tick().await;
    assert!(scene.testbed.metrics.sweeps().iter().all(|beat| beat.complete), "ten of them are guarded");
    (0..10).for_each(|number| enroll(&scene, &lab(number), false));
    scene.tick().await;
    assert!(!scene.testbed.metrics.sweeps()[2].complete, "none of those that let us in does so any more");
}

#[tokio::test(start_paused = true)]
async fn a_thaw_that_nothing_answers_is_tried_again() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    enroll(&scene, QUIET, false);
    scene.tick().await;
    scene.tick().await;
    enroll(&scene, QUIET, true);
    let mut hanging = Fault::always("organizations:DetachPolicy", FailureKind::Unavailable).in_account(&id(QUIET));
    hanging.failure = None;
    scene.testbed.world.fault(hanging);
    tokio::time::sleep(Duration::from_secs(300)).await;
    scene.send_within(json!({}), Deadline::within(Duration::from_secs(32))).await;
    assert_eq!(state(&scene, QUIET).await, State::Frozen, "it may still be attached");
    assert!(scene.testbed.world.with(&id(QUIET), |account| *account.quarantine.written()));
    scene.testbed.world.heal();
    tokio::time::sleep(Duration::from_secs(120)).await;
    scene.tick().await;
    assert_eq!(state(&scene, QUIET).await, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_was_taken_out_of_the_deployment_freezes_nobody() {
    let scene = Scene::new(university(), policy(json!({})));
    scene.send(json!({})).await;
    // One account in thirty, an hour's worth of sessions that run out one after the other.
    for number in 0..LABS / 30 {
        enroll(&scene, &lab(number), false);
    }
    for _ in 0..15 {
        scene.tick().await;
    }
    assert_harmless(&scene, 0);
    assert_eq!(scene.mails("Unseen: 16 accounts"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn credentials_of_ours_that_are_not_accepted_freeze_nobody() {
    let scene = Scene::new(university(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("ec2:Describe", FailureKind::Credentials));
    for _ in 0..12 {
        scene.tick().await;
    }
    assert_harmless(&scene, 0);
    assert_eq!(scene.mails("Unseen: 500 accounts"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn an_outage_freezes_nobody_and_is_one_mail() {
    let scene = Scene::new(university(), policy(json!({})));
    scene.send(json!({})).await;
    let outage = Fault::always("ec2:Describe", FailureKind::Unavailable).in_region("us-east-1");
    scene.testbed.world.fault(outage);
    for _ in 0..12 {
        scene.tick().await;
    }
    assert_harmless(&scene, 0);
    assert_eq!(scene.mails("Unseen: 500 accounts"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn a_thief_who_shuts_us_out_of_two_accounts_of_many_finds_them_frozen() {
    let scene = Scene::new(university(), policy(json!({})));
    scene.send(json!({})).await;
    (0..2).for_each(|number| enroll(&scene, &lab(number), false));
    scene.tick().await;
    scene.tick().await;
    assert_eq!((frozen(&scene, 0..2), frozen(&scene, 2..LABS)), (2, 0));
    assert_eq!(scene.mails("TAMPER"), 2, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_lost_sight_of_again_and_again_is_not_mailed_about_each_time() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "mode": "drill" } } })));
    scene.send(json!({})).await;
    let before = scene.subjects().len();
    for _ in 0..12 {
        scene.testbed.world.fault(Fault::always("ec2:Describe", FailureKind::Unavailable).in_account(&id(QUIET)));
        scene.tick().await;
        scene.tick().await;
        scene.testbed.world.heal();
        scene.tick().await;
    }
    assert_eq!(scene.subjects().len(), before + 1, "{:?}", scene.subjects());
}
