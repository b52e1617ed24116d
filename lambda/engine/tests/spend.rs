//! What AWS estimates that an account is charged, as it is: taken back and given again, late, and with holes in it.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
#[path = "../../core/tests/arbitrary/spending.rs"]
mod spending;

use std::time::Duration;

use common::{PAYER, REGIONS, Scene, id, policy, report_of};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Clock, States};
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::{Value, json};

use spending::{Spending, spending};

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
    // To 2026-11-30T21:00:00Z, and on over midnight: November's number stays for some hours, and is taken back a
    // little.
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

/// Watches a random account for two weeks, through whatever AWS says of it.
async fn watched(spending: Spending) -> Result<(), TestCaseError> {
    let scene = scene(json!({ "spend24h": spending.limit.dollars() }));
    let spending = spending.since(scene.testbed.clock.now());
    let until = async |hour: usize| {
        let left = spending.at(hour).duration_since(scene.testbed.clock.now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
    };
    let mut release = spending.released;
    for hour in spending.looks() {
        if let Some(released) = release.take_if(|released| *released <= hour) {
            until(released).await;
            scene.send(json!({ "action": "halt", "account": LAB, "reason": "a stranger's instances" })).await;
            scene.tick().await;
            let answer = scene.send(json!({ "action": "release", "account": LAB })).await;
            prop_assert_eq!(answer.status, 200, "{}", answer.body);
        }
        until(hour).await;
        scene.testbed.world.with(&id(LAB), |lab| lab.charge = Some(spending.charge(hour)));
        scene.send(json!({})).await;
        let state = scene.testbed.ledger.load(&id(LAB)).await.unwrap().unwrap().record.state;
        prop_assert!(!state.is_halt(), "{hour}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_guard_that_sweeps_for_two_weeks_halts_no_account_that_stays_within_its_limit(spending in spending()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(watched(spending))?;
    }
}

/// 50 cases in the suite, a twentieth of what is asked for in a longer run.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse::<u32>().ok()).map_or(50, |cases| cases / 20)
}
