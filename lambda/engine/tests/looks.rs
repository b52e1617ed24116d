//! An account is looked at as closely as there is something to be done about it, and no closer.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::SimAccount;
use serde_json::json;

/// What the account of the scene costs in a tick: reading calls, and writes of the table.
async fn cost(scene: &Scene) -> (usize, usize) {
    let (world, ledger) = (&scene.testbed.world, &scene.testbed.ledger);
    let (looks, writes) = (world.looks(), ledger.writes());
    scene.send(json!({ "accounts": [PHYSICS] })).await;
    (world.looks() - looks, ledger.writes() - writes)
}

#[tokio::test(start_paused = true)]
async fn a_frozen_account_is_looked_at_for_what_runs_and_for_its_quarantine() {
    let scene = Scene::new(seeded(), policy(json!({ "brake": { "haltsPerHour": 0 } })));
    scene.send(json!({})).await;
    let record = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record;
    assert_eq!(record.state, State::Frozen);
    for _ in 0..3 {
        assert_eq!(
            cost(&scene).await,
            (REGIONS.len() + 1, 0),
            "four regions and the quarantine, and nothing is written"
        );
    }
    // Somebody took the quarantine off: it is put back.
    scene.testbed.world.with(&id(PHYSICS), |known| known.quarantine.write(false));
    scene.send(json!({ "accounts": [PHYSICS] })).await;
    assert!(scene.testbed.world.with(&id(PHYSICS), |known| *known.quarantine.written()));
}

#[tokio::test(start_paused = true)]
async fn a_drilled_account_past_its_limit_is_looked_at_closely_once() {
    let scene = Scene::new(seeded(), policy(json!({ "mode": "drill" })));
    let answer = scene.send(json!({})).await;
    assert!(!report_of(&answer, PHYSICS).plan.actions.is_empty(), "the first time it says what it would do");
    for _ in 0..3 {
        assert_eq!(cost(&scene).await, (REGIONS.len(), 0));
    }
    let asked = scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await;
    assert!(!report_of(&asked, PHYSICS).plan.actions.is_empty(), "whoever asks is told");
}

#[tokio::test(start_paused = true)]
async fn a_cold_function_lists_the_accounts_while_it_reads_the_table() {
    let testbed = seeded();
    // Fifty pages of accounts, and a table that takes nothing at first: four seconds each.
    for number in 0..1000 {
        testbed.world.add(&id(&format!("{:012}", 700_000_000_000_u64 + number)), SimAccount::new("lab", &[]));
    }
    testbed.ledger.busy_for(Duration::from_secs(4), FailureKind::Throttled);
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({ "accounts": [PHYSICS] })).await;
    let first = scene.testbed.world.calls().first().map(|call| call.after).unwrap();
    assert!(first < Duration::from_secs(7), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_account_costs_a_look_a_region() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({ "accounts": [QUIET] })).await;
    let looks = scene.testbed.world.looks();
    scene.send(json!({ "accounts": [QUIET] })).await;
    assert_eq!(scene.testbed.world.looks() - looks, REGIONS.len());
}
