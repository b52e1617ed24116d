//! Other writers of the same policies: a call that meets one is made again.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PHYSICS, Scene, id, policy, seeded, user};
use runawaytrain_core::message::report::Report;
use runawaytrain_core::record::State;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::Fault;
use serde_json::json;

fn contended(operation: &str, times: u32) -> Fault {
    Fault::always(operation, FailureKind::Contended).in_account(&id(PHYSICS)).times(times)
}

#[tokio::test(start_paused = true)]
async fn a_freeze_that_meets_other_writers_is_made_again_until_it_holds() {
    // Past the brake nothing but the freeze is done, and it is tried only once more after a look.
    let scene = Scene::new(seeded(), policy(json!({ "brake": { "haltsPerHour": 0 } })));
    scene.testbed.world.fault(contended("organizations:AttachPolicy", 4));
    scene.send(json!({})).await;
    assert!(scene.testbed.world.with(&id(PHYSICS), |known| *known.quarantine.written()));
    assert_eq!(scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state, State::Frozen);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_meets_other_writers_gives_everything_back() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    for operation in ["organizations:DetachPolicy", "iam:PutUserPolicy"] {
        scene.testbed.world.fault(contended(operation, 2));
    }
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"] })).await;
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    let results: Vec<_> = report.accounts[0].outcomes.iter().map(|outcome| outcome.result).collect();
    assert_eq!(results, ["done"; 3], "{answer:?}");
    assert!(!scene.testbed.world.with(&id(PHYSICS), |known| *known.quarantine.written()));
    let lockout = scene.testbed.world.with(&id(PHYSICS), |known| *known.users[&user("alice")].lockout.written());
    assert!(matches!(lockout, Lockout::SessionsBefore(_)), "{lockout:?}");
}
