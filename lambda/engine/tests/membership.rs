//! Accounts that come and go: nobody deploys anything for them.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use events::{message, records, returned, running};
use runawaytrain_core::message::report::Answer;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_testbed::{Fault, SimAccount};
use serde_json::json;

const NEW: &str = "333333333333";

fn swept(answer: &Answer) -> Vec<&str> {
    answer.sweep().unwrap().accounts.iter().map(|account| account.account.as_str()).collect()
}

/// Whole, and nobody was told that anything was wrong.
fn is_sound(answer: &Answer) -> bool {
    let report = answer.sweep().unwrap();
    report.complete && report.totals.unserved == 0 && report.totals.unseen == 0
}

#[tokio::test(start_paused = true)]
async fn an_account_that_joins_later_is_swept_and_halted_like_the_others() {
    let scene = Scene::new(seeded(), policy(json!({})));
    assert_eq!(swept(&scene.send(json!({})).await), [PAYER, PHYSICS, QUIET]);
    scene.testbed.world.add(&id(NEW), SimAccount::new("new", &REGIONS).running("eu-west-1", 5, "p3.2xlarge"));
    let answer = scene.tick().await;
    assert!(is_sound(&answer) && swept(&answer).contains(&NEW), "{answer:?}");
    assert_eq!((report_of(&answer, NEW).state, scene.billable(NEW)), (Some(State::Halted), 0));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_joins_later_is_swept_at_its_first_launch() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.add(&id(NEW), SimAccount::new("new", &REGIONS).running("eu-west-1", 5, "p3.2xlarge"));
    // The list of a minute ago does not know it; its launch makes us ask again.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let answer = scene.send(records([message("1", &running(NEW))])).await;
    assert_eq!((swept(&answer), returned(&answer), scene.billable(NEW)), (vec![NEW], vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_suspended_or_leaves_is_dropped_without_an_error() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    let mails = scene.subjects();
    scene.testbed.world.suspend(&id(PHYSICS));
    let answer = scene.tick().await;
    assert!(is_sound(&answer), "{answer:?}");
    assert_eq!(swept(&answer), [PAYER, QUIET]);
    scene.testbed.world.remove(&id(QUIET));
    for _ in 0..3 {
        let answer = scene.tick().await;
        assert!(is_sound(&answer), "{answer:?}");
        assert_eq!(swept(&answer), [PAYER]);
    }
    assert_eq!(scene.subjects(), mails, "nobody is mailed about an account that is gone");
    assert!(scene.testbed.metrics.sweeps().iter().all(|beat| beat.complete), "the heartbeat goes on");

    let mut stragglers =
        scene.send(records([message("suspended", &running(PHYSICS)), message("left", &running(QUIET))])).await;
    assert_eq!((stragglers.status, returned(&stragglers)), (200, vec![]));
    stragglers.records.sort_by(|one, other| one.id.cmp(&other.id));
    assert!(stragglers.records[0].why.as_ref().unwrap().contains("is not in the organization"), "{stragglers:?}");
    assert!(stragglers.records[1].why.as_ref().unwrap().contains("SUSPENDED"), "{stragglers:?}");
}

#[tokio::test(start_paused = true)]
async fn while_organizations_does_not_answer_accounts_go_by_the_names_that_they_had() {
    let scene = Scene::new(
        seeded(),
        policy(json!({ "defaults": { "limits": { "instances": 20 }, "notify": ["cloud@example.edu"] } })),
    );
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let answer = scene.send(json!({ "action": "halt", "account": PHYSICS, "reason": "a test" })).await;
    assert_eq!(report_of(&answer, PHYSICS).name, "physics");
    assert_eq!(scene.mails("HALT physics 111111111111: ordered: a test"), 1, "{:?}", scene.subjects());
}
