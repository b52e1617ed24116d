//! Who is looked at first where an organization is large, and that nobody waits for whoever does not answer.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::Act;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Fault, Life, SimAccount};
use serde_json::json;
use tokio::time::Instant;

/// Accounts that stand before the runaway one in every list, and of which one region never answers.
const SILENT: u64 = 200;

fn silent(scene: &Scene) -> Vec<AccountId> {
    let ids: Vec<AccountId> = (0..SILENT).map(|number| id(&format!("{:012}", 700_000_000 + number))).collect();
    for account in &ids {
        scene.testbed.world.add(account, SimAccount::new("silent", &["us-east-1", "ap-south-1"]));
        let mut hanging =
            Fault::always("ec2:DescribeInstances", FailureKind::Other).in_account(account).in_region("ap-south-1");
        hanging.failure = None;
        scene.testbed.world.fault(hanging);
    }
    ids
}

/// When the first instance was stopped, from a time on.
fn first_stop(scene: &Scene, since: Instant, began: Instant) -> Duration {
    let calls = scene.testbed.world.calls();
    let stops = calls.iter().filter(|call| call.action.operation() == "ec2:StopInstances");
    let stops = stops.map(|call| began + call.after);
    stops.filter(|at| *at >= since).min().expect("something was stopped") - since
}

#[tokio::test(start_paused = true)]
async fn accounts_that_do_not_answer_hold_up_nobody() {
    let began = Instant::now();
    let scene = Scene::new(seeded(), policy(json!({})));
    let silent = silent(&scene);
    let answer = scene.send_within(json!({}), Deadline::within(Duration::from_secs(120))).await;
    assert!(first_stop(&scene, began, began) < Duration::from_secs(10));
    assert_eq!(scene.billable(PHYSICS), 0);
    for account in &silent {
        assert!(report_of(&answer, account.as_str()).unseen, "a region that did not answer is a gap");
    }
}

#[tokio::test(start_paused = true)]
async fn a_halt_under_way_comes_before_all_else() {
    let began = Instant::now();
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.testbed.world.fault(
        Fault::always("ec2:DescribeInstances", FailureKind::Unavailable)
            .in_account(&id(PHYSICS))
            .in_region("ap-south-1"),
    );
    scene.send(json!({})).await;
    let record = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record;
    assert_eq!(record.state, State::Halting, "it is not proven while a region is not seen");
    silent(&scene);
    scene.testbed.world.with(&id(PHYSICS), |account| account.launch("us-east-1", "t2.micro", Life::Running));
    let tick = Instant::now();
    scene.send_within(json!({}), Deadline::within(Duration::from_secs(120))).await;
    assert!(first_stop(&scene, tick, began) < Duration::from_secs(3), "before the first turn was over");
    assert_eq!(scene.billable(PHYSICS), 0);
}
