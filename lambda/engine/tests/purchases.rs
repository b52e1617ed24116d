//! What is bought at once: commitments and subscriptions. An account that is past `limits.purchases` is frozen and
//! mailed about, and never halted for it.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod bucket;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use bucket::{BUCKET, FILE, NOVEMBER, csv, deliver, gzip};
use common::{PAYER, QUIET, REGIONS, Scene, id, policy, report_of};
use jiff::SignedDuration;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{Life, SimAccount, Testbed, failure};
use serde_json::{Value, json};

/// The account that buys; two instances run in it.
const LAB: &str = "111111111111";

/// Up to a thousand dollars may be bought, and four instances may run.
fn thousand(more: Value) -> Policy {
    let mut document = json!({
        "cur": { "bucket": BUCKET, "prefix": "cur" },
        "defaults": {
            "limits": { "instances": 4, "spend24h": 100, "purchases": 1000 },
            "notify": ["cloud@example.edu"],
        },
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy(document)
}

/// At 2026-11-22T03:00:00Z.
fn scene(policy: Policy) -> Scene {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 1, "t2.micro"));
    testbed
        .world
        .add(&id(LAB), SimAccount::new("lab", &REGIONS).running("us-west-2", 2, "t2.micro").user("ann", 1, true));
    Scene::new(testbed, policy)
}

/// Delivers a report of a dollar's usage and one line of another type, and reads it.
async fn report(scene: &Scene, edition: &str, line_item_type: &str, begins: &str, dollars: &str) {
    let mut text = String::from_utf8(csv(&[(LAB, "2026-11-22T01", "1")])).unwrap();
    text.push_str(&format!("{LAB},{line_item_type},{begins},2029-11-22T00:00:00Z,{dollars},USD\n"));
    deliver(&scene.testbed, NOVEMBER, edition, &[&[]]);
    scene.testbed.reports.put(BUCKET, &FILE.replace("aaaa", edition), gzip(text.as_bytes()));
    assert_eq!(scene.send(json!({ "action": "reports" })).await.status, 200);
}

fn is_quarantined(scene: &Scene, account: &str) -> bool {
    scene.testbed.world.with(&id(account), |known| *known.quarantine.written())
}

fn launch(scene: &Scene, number: u32) {
    scene.testbed.world.with(&id(LAB), |lab| {
        (0..number).for_each(|_| drop(lab.launch("us-east-1", "t2.micro", Life::Running)));
    });
}

async fn state(scene: &Scene) -> Option<State> {
    report_of(&scene.tick().await, LAB).state
}

#[tokio::test(start_paused = true)]
async fn an_account_that_buys_past_its_limit_is_frozen_once_and_nothing_in_it_is_touched() {
    for line_item_type in ["Fee", "SavingsPlanUpfrontFee"] {
        let scene = scene(thousand(json!({})));
        report(&scene, "aaaa", line_item_type, "2026-11-22T01:00:00Z", "100000").await;
        assert_eq!(state(&scene).await, Some(State::Frozen));
        assert_eq!((is_quarantined(&scene, LAB), scene.billable(LAB), scene.can_act(LAB, "ann")), (true, 2, true));
        assert!(!is_quarantined(&scene, QUIET));
        for _ in 0..12 {
            assert_eq!(state(&scene).await, Some(State::Frozen));
        }
        let mails = scene.testbed.mailbox.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        let expected = "FROZEN, PURCHASES lab 111111111111: USD 100,000.00 of purchases (limit 1,000.00";
        assert!(mails[0].subject.contains(expected), "{}", mails[0].subject);
        for words in ["AWS Support", "runawaytrain release 111111111111", "seen to be attached"] {
            assert!(mails[0].says(words), "{words} in: {}", mails[0].body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_pardons_what_was_bought_before_it_and_not_what_is_bought_after() {
    let scene = scene(thousand(json!({})));
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
    scene.send(json!({ "action": "release", "account": LAB })).await;
    assert!(!is_quarantined(&scene, LAB));
    assert_eq!(state(&scene).await, Some(State::Released));
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    report(&scene, "bbbb", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    assert_ne!(state(&scene).await, Some(State::Frozen), "it is the same purchase");
    report(&scene, "cccc", "Fee", "2026-11-22T08:00:00Z", "1001").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
}

#[tokio::test(start_paused = true)]
async fn recurring_fees_and_what_fits_into_the_limit_are_no_news() {
    for (line_item_type, dollars) in [("RIFee", "40000"), ("SavingsPlanRecurringFee", "2000"), ("Fee", "1000")] {
        let scene = scene(thousand(json!({})));
        report(&scene, "aaaa", line_item_type, "2026-11-22T01:00:00Z", dollars).await;
        assert_eq!(state(&scene).await, Some(State::Ok), "{line_item_type}");
        assert_eq!(scene.testbed.mailbox.mails(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn where_an_account_is_not_to_be_frozen_its_purchases_are_mailed() {
    for (more, words) in [
        (json!({ "mode": "drill" }), "The account was not frozen for this: its mode is drill."),
        (
            json!({ "accounts": { LAB: { "contain": { "quarantine": false } } } }),
            "The account was not frozen for this: the policy does not quarantine it.",
        ),
    ] {
        let scene = scene(thousand(more));
        report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
        assert_eq!((state(&scene).await, state(&scene).await), (Some(State::Warned), Some(State::Warned)));
        assert!(!is_quarantined(&scene, LAB));
        let mails = scene.testbed.mailbox.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].says("AWS Support"), "{}", mails[0].body);
        assert!(
            mails[0].subject.starts_with("[runawaytrain] PURCHASES lab 111111111111") && mails[0].says(words),
            "{mails:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_frozen_for_purchases_is_halted_by_what_runs_past_a_limit_and_released_whole() {
    let scene = scene(thousand(json!({})));
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
    launch(&scene, 9);
    assert_eq!((state(&scene).await, scene.billable(LAB)), (Some(State::Halted), 0));
    scene.send(json!({ "action": "release", "account": LAB })).await;
    assert!(!is_quarantined(&scene, LAB));
}

#[tokio::test(start_paused = true)]
async fn purchases_of_many_accounts_are_frozen_no_faster_than_the_brake_lets_and_mailed_as_one() {
    let scene = scene(thousand(json!({ "brake": { "haltsPerHour": 2 } })));
    let accounts: Vec<AccountId> = (0..20).map(|number| id(&format!("2{number:011}"))).collect();
    let at = scene.testbed.clock.now() - SignedDuration::from_hours(1);
    for account in &accounts {
        scene.testbed.world.add(account, SimAccount::new("many", &REGIONS));
        scene.testbed.ledger.purchases(account, at, Usd::from_dollars(5000.0));
    }
    scene.tick().await;
    let frozen = accounts.iter().filter(|account| is_quarantined(&scene, account.as_str())).count();
    assert_eq!(frozen, 2);
    assert!(scene.testbed.mailbox.mails().len() <= 3, "{:?}", scene.subjects());
    // They use up none of the halts.
    launch(&scene, 9);
    assert_eq!(state(&scene).await, Some(State::Halted));
    let frozen = accounts.iter().filter(|account| is_quarantined(&scene, account.as_str())).count();
    assert_eq!(frozen, 2, "until people have decided");
}

/// The stolen key that launches and buys: the halt comes within minutes, the bill's line hours later.
#[tokio::test(start_paused = true)]
async fn what_was_bought_before_a_halt_is_mailed_when_it_is_booked() {
    let scene = scene(thousand(json!({})));
    launch(&scene, 9);
    assert_eq!(state(&scene).await, Some(State::Halted));
    let before = scene.testbed.mailbox.mails().len();
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    for _ in 0..3 {
        assert_eq!(state(&scene).await, Some(State::Halted));
    }
    let mails = scene.testbed.mailbox.mails().split_off(before);
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].subject.contains("PURCHASES lab") && mails[0].says("it is Halted already"), "{mails:?}");
    let orders = ["runawaytrain release", "runawaytrain halt"];
    assert!(!orders.iter().any(|order| mails[0].says(order)), "it needs no release, and no other halt: {mails:?}");
}

#[tokio::test(start_paused = true)]
async fn purchases_are_mailed_of_an_account_that_is_warned_already_and_each_further_one_as_well() {
    let scene = scene(thousand(json!({ "mode": "drill" })));
    launch(&scene, 2);
    assert_eq!(state(&scene).await, Some(State::Warned));
    assert_eq!(scene.mails("Warning"), 1);
    for (number, dollars) in ["5000", "5000", "9000"].into_iter().enumerate() {
        report(&scene, &format!("edition-{number}"), "Fee", "2026-11-22T01:00:00Z", dollars).await;
        state(&scene).await;
    }
    assert_eq!((scene.mails("Warning"), scene.mails("PURCHASES")), (1, 2), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn a_freeze_for_purchases_does_not_end_by_itself_after_a_trip_whose_brake_cannot_be_asked() {
    let scene = scene(thousand(json!({})));
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
    scene.testbed.ledger.break_slots(Some(failure("dynamodb:UpdateItem", FailureKind::Denied)));
    launch(&scene, 9);
    assert_eq!(state(&scene).await, Some(State::Frozen));
    scene.testbed.world.with(&id(LAB), |lab| lab.region("us-east-1").instances.clear());
    scene.testbed.ledger.break_slots(None);
    // Until long after the purchase is no news any more.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert_eq!(state(&scene).await, Some(State::Frozen));
    }
    assert!(is_quarantined(&scene, LAB));
}

#[tokio::test(start_paused = true)]
async fn what_was_bought_after_the_data_that_a_release_rested_on_is_not_pardoned() {
    let scene = scene(thousand(json!({})));
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
    tokio::time::sleep(Duration::from_secs(12 * 3600)).await;
    scene.send(json!({ "action": "release", "account": LAB })).await;
    // Nobody knew of it when the account was released.
    report(&scene, "bbbb", "Fee", "2026-11-22T09:30:00Z", "50000").await;
    assert_eq!(state(&scene).await, Some(State::Frozen));
}

#[tokio::test(start_paused = true)]
async fn who_runs_away_and_has_bought_is_halted_in_the_same_sweep() {
    let scene = scene(thousand(json!({})));
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    launch(&scene, 9);
    assert_eq!((state(&scene).await, scene.billable(LAB)), (Some(State::Halted), 0));
    assert_eq!(scene.mails("PURCHASES"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn who_was_shut_out_and_has_bought_stays_frozen() {
    let scene = scene(thousand(json!({})));
    assert_eq!(state(&scene).await, Some(State::Ok));
    scene.testbed.world.with(&id(LAB), |lab| lab.enrolled = false);
    for _ in 0..6 {
        state(&scene).await;
    }
    assert!(is_quarantined(&scene, LAB), "{:?}", scene.subjects());
    report(&scene, "aaaa", "Fee", "2026-11-22T01:00:00Z", "100000").await;
    scene.testbed.world.with(&id(LAB), |lab| lab.enrolled = true);
    for _ in 0..6 {
        assert_eq!((state(&scene).await, is_quarantined(&scene, LAB)), (Some(State::Frozen), true));
    }
    assert_eq!(scene.mails("Thawed"), 0);
}
