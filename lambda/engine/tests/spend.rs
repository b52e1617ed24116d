//! What AWS estimates that an account is charged, as it is: taken back and given again, late, and with holes in it.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, REGIONS, Scene, id, policy, report_of};
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::{Value, json};

const LAB: &str = "111111111111";

/// A lab of two small instances, at 2026-11-22T03:00:00Z, under these limits.
fn scene(mut limits: Value) -> Scene {
    limits["instances"] = json!(20);
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed
        .world
        .add(&id(LAB), SimAccount::new("lab", &REGIONS).running("us-west-2", 2, "t2.micro").user("ann", 1, true));
    Scene::new(testbed, policy(json!({ "defaults": { "limits": limits, "notify": ["cloud@example.edu"] } })))
}

/// So many hours later AWS publishes what the month stands at, and a sweep reads it.
async fn charged(scene: &Scene, hours: u64, dollars: f64) -> AccountReport {
    tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
    let charge = Charge { amount: Usd::from_dollars(dollars), at: scene.testbed.clock.now() };
    scene.testbed.world.with(&id(LAB), |lab| lab.charge = Some(charge));
    report_of(&scene.send(json!({})).await, LAB).clone()
}

#[tokio::test(start_paused = true)]
async fn a_month_that_is_taken_back_by_a_cent_was_not_spent_again() {
    let scene = scene(json!({ "spend24h": 300 }));
    for (dollars, spent) in [(4000.0, None), (3999.98, Some(0.0)), (4010.0, Some(10.0)), (3600.0, Some(10.0))] {
        let lab = charged(&scene, 4, dollars).await;
        assert_eq!((lab.state, lab.spend.day.map(|day| day.amount.dollars())), (Some(State::Ok), spent), "{dollars}");
    }
    let lab = charged(&scene, 4, 4311.0).await;
    assert_eq!(lab.state, Some(State::Halted), "{:?}", lab.readings);
}

#[tokio::test(start_paused = true)]
async fn a_month_that_ends_late_is_not_spent_in_the_first_hours_of_the_next() {
    let scene = scene(json!({ "spend24h": 300, "spendMonth": 6000 }));
    // To 2026-11-30T21:00:00Z, and on over midnight: November's number stays for some hours, and is taken back a little.
    for (hours, dollars) in [(8 * 24 + 18, 3990.0), (5, 4000.0), (3, 3999.5), (3, 18.0), (4, 36.0)] {
        let lab = charged(&scene, hours, dollars).await;
        assert_eq!(lab.state, Some(State::Ok), "{dollars}: {:?}", lab.readings);
    }
    let lab = charged(&scene, 4, 300.0).await;
    assert_eq!(lab.state, Some(State::Halted), "{:?}", lab.readings);
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_over_a_silent_weekend_is_not_judged_as_a_days() {
    let scene = scene(json!({ "spend24h": 200 }));
    charged(&scene, 0, 1000.0).await;
    // 95 a day, while nobody looked.
    let lab = charged(&scene, 66, 1261.0).await;
    assert_eq!((lab.state, lab.unknown.as_slice()), (Some(State::Ok), [Limit::Spend24h].as_slice()));
    let lab = charged(&scene, 4, 1276.0).await;
    assert_eq!(lab.state, Some(State::Ok), "{:?}", lab.readings);
    let lab = charged(&scene, 4, 1480.0).await;
    assert_eq!(lab.state, Some(State::Halted), "{:?}", lab.readings);
}

#[tokio::test(start_paused = true)]
async fn what_is_booked_late_does_not_halt_a_released_account_again() {
    let scene = scene(json!({ "spend24h": 300, "spendMonth": 2000 }));
    charged(&scene, 0, 1000.0).await;
    scene.send(json!({ "action": "halt", "account": LAB, "reason": "a stranger's instances" })).await;
    scene.tick().await;
    let released = scene.send(json!({ "action": "release", "account": LAB })).await;
    assert_eq!(released.status, 200, "{released:?}");
    // What the thief ran before the halt is booked half a day later.
    for (hours, dollars) in [(6, 1010.0), (6, 21_010.0), (12, 21_030.0), (10, 21_045.0)] {
        let lab = charged(&scene, hours, dollars).await;
        let unknown = [Limit::Spend24h, Limit::SpendMonth];
        assert_eq!((lab.state.unwrap().is_halt(), lab.unknown.as_slice()), (false, unknown.as_slice()), "{dollars}");
    }
    for (hours, dollars) in [(4, 21_050.0), (6, 21_060.0), (18, 21_090.0)] {
        let lab = charged(&scene, hours, dollars).await;
        assert_eq!(lab.state, Some(State::Ok), "{dollars}: {:?}", lab.readings);
    }
    let lab = charged(&scene, 6, 21_400.0).await;
    assert_eq!(lab.state, Some(State::Halted), "{:?}", lab.readings);
}
