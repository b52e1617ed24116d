//! An account is looked at as closely as there is something to be done about it, and no closer.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{QUIET, REGIONS, Scene, policy, seeded};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_quiet_account_costs_a_look_a_region() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({ "accounts": [QUIET] })).await;
    let looks = scene.testbed.world.looks();
    scene.send(json!({ "accounts": [QUIET] })).await;
    assert_eq!(scene.testbed.world.looks() - looks, REGIONS.len());
}
