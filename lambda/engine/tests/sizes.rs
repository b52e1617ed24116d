//! The answers about ten thousand accounts, and about the largest of them: each is one that Lambda hands on, and says
//! what it leaves out.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PAYER, PHYSICS, Scene, id, policy};
use runawaytrain_core::message::report::Report;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;
use runawaytrain_engine::ports::{Clock, Commit, LeaseMove, States};
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::{Value, json};

/// What Lambda hands on of an answer to an asynchronous call; to a direct one 6 MB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const ANSWER: usize = 1024 * 1024;

const ACCOUNTS: u64 = 10_000;

fn account(number: u64) -> AccountId {
    id(&format!("4{number:011}"))
}

fn assert_fits(answer: &impl serde::Serialize) -> Value {
    let length = serde_json::to_vec(answer).unwrap().len();
    assert!(length <= ANSWER, "{length} bytes");
    serde_json::to_value(answer).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_ten_thousand_accounts_is_answered_with_its_totals_and_where_the_rest_is() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]));
    for number in 0..ACCOUNTS {
        testbed.world.add(&account(number), SimAccount::new(&format!("{}{number}", "𝄞".repeat(45)), &["us-east-1"]));
    }
    let scene = Scene::new(testbed, policy(json!({})));
    for event in [json!({}), json!({ "action": "status" })] {
        let answer = scene.send(event.clone()).await;
        let said = assert_fits(&answer);
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(&count(ACCOUNTS + 1, "account")), "{event}: {}", answer.body);
        assert!(answer.body.contains("too long to answer: see the log group"), "{event}: {}", answer.body);
        assert_eq!(said["report"]["accounts"], json!([]), "some of them would be taken for all");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_accounts_that_nobody_knows_are_refused_in_a_sentence_that_counts_them() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]));
    let scene = Scene::new(testbed, policy(json!({})));
    let accounts: Vec<String> = (0..ACCOUNTS).map(|number| account(number).to_string()).collect();
    let answer = scene.send(json!({ "action": "drill", "accounts": accounts })).await;
    assert_fits(&answer);
    assert_eq!(answer.status, 400);
    assert!(answer.body.ends_with("; and 9975 accounts more"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_records_that_cannot_be_read_leave_room_for_the_totals() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]));
    let now = testbed.clock.now();
    for number in 0..ACCOUNTS {
        let record = AccountRecord::new(account(number), now);
        let lease = LeaseMove::None { expected: 0 };
        testbed.ledger.commit(Commit { record, lease, notices: Vec::new(), peak: None, at: now }).await.unwrap();
        testbed.ledger.garble(&account(number), true);
    }
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({ "action": "status" })).await;
    assert_fits(&answer);
    assert!(answer.body.contains("10000 records cannot be read"), "{}", answer.body);
    assert!(answer.body.contains("too long to answer"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_the_largest_account_is_answered_with_its_totals() {
    let testbed = Testbed::new();
    let regions = ["us-east-1", "eu-west-1"];
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &regions));
    let mut physics = SimAccount::new("physics", &regions).running("us-east-1", 5_000, "t2.micro");
    physics = physics.running("eu-west-1", 5_000, "t2.micro");
    for number in 0..5_000 {
        physics = physics.user(&format!("{number:x>64}"), 2, true);
    }
    testbed.world.add(&id(PHYSICS), physics);
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await;
    let said = assert_fits(&answer);
    let Some(Report::Sweep(report)) = &answer.report else { panic!("{answer:?}") };
    assert_eq!((report.totals.instances, report.totals.halt), (10_000, 1), "{said}");
    assert!(report.accounts.is_empty() && answer.body.contains("too long to answer"), "{}", answer.body);
}
