//! Limits that are raised for one account for a time.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, report_of, seeded};
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::message::report::{Answer, ExceptionReport, Report};
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::ports::{Clock, LeaseMove, States};
use runawaytrain_testbed::{Fault, Life};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3_600);
const WITH_A_LIST: &str = r#"{"111111111111":{"notify":["physics@example.edu"]}}"#;

async fn record(scene: &Scene, account: &str) -> AccountRecord {
    scene.testbed.ledger.load(&id(account)).await.unwrap().unwrap().record
}

/// Nine instances run, and four are allowed.
fn scene() -> Scene {
    let accounts: Value = serde_json::from_str(WITH_A_LIST).unwrap();
    Scene::new(seeded(), policy(json!({ "accounts": accounts })))
}

async fn allow(scene: &Scene, instances: u32, hours: i64) -> Answer {
    let until = scene.testbed.clock.now() + jiff::SignedDuration::from_hours(hours);
    scene
        .send(json!({
            "action": "allow",
            "account": PHYSICS,
            "limits": { "instances": instances },
            "until": until.to_string(),
            "reason": "the climate run of Prof. Weber",
            "by": "arn:aws:iam::100000000000:user/admin",
        }))
        .await
}

fn report(answer: &Answer) -> &ExceptionReport {
    match &answer.report {
        Some(Report::Exception(report)) => report,
        other => panic!("{}: {other:?}", answer.body),
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_goes_past_the_limits_that_an_exception_names_until_it_ends() {
    let scene = scene();
    assert_eq!(allow(&scene, 9, 2).await.status, 200);
    for _ in 0..3 {
        let answer = scene.tick().await;
        let physics = report_of(&answer, PHYSICS);
        assert_eq!((physics.state, scene.billable(PHYSICS)), (Some(State::Warned), 9));
        assert_eq!(physics.exception.as_ref().unwrap().reason, "the climate run of Prof. Weber");
    }
    tokio::time::sleep(2 * HOUR).await;
    let answer = scene.tick().await;
    assert_eq!((report_of(&answer, PHYSICS).state, scene.billable(PHYSICS)), (Some(State::Halted), 0));
    assert_eq!(record(&scene, PHYSICS).await.exception, None);
}

#[tokio::test(start_paused = true)]
async fn one_more_than_an_exception_allows_is_halted() {
    let scene = scene();
    allow(&scene, 8, 2).await;
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted);
}

#[tokio::test(start_paused = true)]
async fn both_lists_are_told_when_an_exception_is_made_and_when_it_ends() {
    let scene = scene();
    let answer = allow(&scene, 9, 2).await;
    assert_eq!(report(&answer).notices.sent, 2);
    scene.tick().await;
    tokio::time::sleep(2 * HOUR).await;
    scene.tick().await;
    let lists = |words: &str| -> Vec<NotifyList> {
        let mails = scene.testbed.mailbox.mails();
        mails.into_iter().filter(|mail| mail.subject.contains(words)).map(|mail| mail.list).collect()
    };
    let both = vec![NotifyList::Own(id(PHYSICS)), NotifyList::Default];
    for words in ["Exception for physics 111111111111 until 2026-11-22 05:00 UTC", "Exception ended for physics"] {
        let mut told = lists(words);
        told.sort_by_key(|list| *list == NotifyList::Default);
        assert_eq!(told, both, "{words}: {:?}", scene.subjects());
    }
    let mails = scene.testbed.mailbox.mails();
    let made = mails.iter().find(|mail| mail.subject.contains("until")).unwrap();
    for says in ["Allowed 9 instances", "Limits 4 instances", "the climate run of Prof. Weber", "user/admin"] {
        assert!(made.says(says), "{}", made.body);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_that_is_revoked_ends_at_once() {
    let scene = scene();
    allow(&scene, 9, 48).await;
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Warned);
    let answer = scene.send(json!({ "action": "revoke", "account": PHYSICS, "by": "dora" })).await;
    assert_eq!((answer.status, report(&answer).exception.clone()), (200, None));
    assert_eq!(report(&answer).ended.as_ref().unwrap().limits.of(Limit::Instances), Some(9));
    assert_eq!(scene.mails("Exception revoked for physics"), 2);
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted);
    let again = scene.send(json!({ "action": "revoke", "account": PHYSICS })).await;
    assert_eq!(again.status, 400);
    assert!(again.body.contains("has no exception"), "{}", again.body);
}

#[tokio::test(start_paused = true)]
async fn an_exception_takes_the_place_of_the_one_before() {
    let scene = scene();
    allow(&scene, 100, 48).await;
    allow(&scene, 8, 1).await;
    let mails = scene.testbed.mailbox.mails();
    let last = mails.iter().rfind(|mail| mail.list == NotifyList::Default).unwrap();
    assert!(last.says("100 instances until 2026-11-24 03:00:00 UTC"), "{}", last.body);
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted, "nine are more than eight");
    let answer = allow(&scene, 9, 48).await;
    assert_eq!(report(&answer).ended.as_ref().map(|before| before.limits.of(Limit::Instances)), Some(Some(8)));
}

#[tokio::test(start_paused = true)]
async fn an_exception_that_makes_no_sense_is_refused_and_changes_nothing() {
    let good = json!({
        "action": "allow", "account": PHYSICS, "limits": { "instances": 9 }, "until": "2026-11-24T00:00:00Z",
        "reason": "a run",
    });
    let with = |key: &str, value: Value| {
        let mut event = good.clone();
        event[key] = value;
        event
    };
    let cases = [
        (with("account", json!("333333333333")), "is not in the organization"),
        (with("account", Value::Null), "it is missing"),
        (with("limits", json!({})), "names no limit"),
        (with("limits", json!(9)), "limits\" are no limits such as"),
        (with("limits", json!({ "instance": 9 })), "instance: unknown key"),
        (with("limits", json!({ "instances": "many" })), "instances: must be a whole number"),
        (with("limits", json!({ "instances": 4 })), "its limit is 4 instances"),
        (with("limits", json!({ "burn": 90 })), "no limit \"burn\""),
        (with("until", json!("2026-11-22T02:00:00Z")), "which is past"),
        (with("until", json!("2027-11-22T02:00:00Z")), "31 days from now"),
        (with("until", json!("tomorrow")), "must be a moment such as"),
        (with("until", Value::Null), "must be a moment such as"),
        (with("reason", json!(" ")), "has no reason"),
        (with("reason", json!(7)), "must be a string"),
    ];
    let scene = scene();
    for (event, says) in cases {
        let answer = scene.send(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}: {}", answer.body);
        assert!(answer.body.contains(says), "{event}: {}", answer.body);
        assert!(scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().is_none(), "{event}");
        assert!(scene.subjects().is_empty());
    }
    assert_eq!(scene.send(good).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_exception_ends_no_halt_and_holds_once_the_account_is_released() {
    let scene = scene();
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted);
    let answer = allow(&scene, 20, 48).await;
    assert_eq!((answer.status, report(&answer).state), (200, State::Halted));
    scene.tick().await;
    assert_eq!((record(&scene, PHYSICS).await.state, scene.billable(PHYSICS)), (State::Halted, 0));
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    // In the grace, what came back and what is allowed do not add up.
    scene.testbed.world.with(&id(PHYSICS), |known| {
        for _ in 0..12 {
            known.launch("us-east-1", "t2.micro", Life::Running);
        }
    });
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted, "21 are more than the 20 that are allowed");
}

#[tokio::test(start_paused = true)]
async fn an_exception_holds_past_the_grace_of_a_release() {
    let scene = scene();
    scene.tick().await;
    allow(&scene, 20, 48).await;
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    tokio::time::sleep(5 * HOUR).await;
    scene.tick().await;
    assert_eq!((record(&scene, PHYSICS).await.state, scene.billable(PHYSICS)), (State::Ok, 9));
}

#[tokio::test(start_paused = true)]
async fn an_exception_can_be_revoked_while_organizations_does_not_answer() {
    let scene = scene();
    allow(&scene, 9, 48).await;
    scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
    tokio::time::sleep(5 * HOUR).await;
    let answer = scene.send(json!({ "action": "revoke", "account": PHYSICS })).await;
    assert_eq!((answer.status, record(&scene, PHYSICS).await.exception), (200, None), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_exception_is_told_though_another_is_made_before_the_next_sweep() {
    let scene = scene();
    allow(&scene, 9, 1).await;
    tokio::time::sleep(HOUR).await;
    allow(&scene, 9, 1).await;
    assert_eq!((scene.mails("Exception ended for"), scene.mails("Exception for")), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_being_contained_gets_no_exception() {
    let scene = scene();
    scene.tick().await;
    let known = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
    let now = scene.testbed.clock.now();
    let lease = LeaseMove::Acquire {
        expected: known.version,
        holder: "another".to_owned(),
        now,
        until: now + jiff::SignedDuration::from_secs(60),
    };
    let commit =
        runawaytrain_engine::ports::Commit { record: known.record, lease, notices: Vec::new(), peak: None, at: now };
    scene.testbed.ledger.commit(commit).await.unwrap();
    let answer = allow(&scene, 20, 48).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("Try again in a minute"), "{}", answer.body);
    assert_eq!(record(&scene, PHYSICS).await.exception, None);
}

#[tokio::test(start_paused = true)]
async fn an_exception_of_one_account_is_no_exception_of_another() {
    let scene =
        Scene::new(seeded(), policy(json!({ "defaults": { "limits": { "instances": 1 }, "notify": ["a@b.cd"] } })));
    allow(&scene, 20, 48).await;
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Ok);
    assert_eq!(record(&scene, QUIET).await.state, State::Halted);
    assert_eq!(record(&scene, PAYER).await.exception, None);
}

#[tokio::test(start_paused = true)]
async fn an_exception_can_be_made_where_the_environment_says_pass() {
    let scene = Scene::with_ceiling(seeded(), policy(json!({})), Mode::Pass);
    assert_eq!(allow(&scene, 9, 48).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_exception_that_a_later_version_wrote_costs_nothing_but_the_exception() {
    let scene = scene();
    allow(&scene, 9, 48).await;
    let mut stored = serde_json::to_value(record(&scene, PHYSICS).await).unwrap();
    stored["exception"]["limits"] = json!("in another form");
    let read: AccountRecord = serde_json::from_value(stored).unwrap();
    assert_eq!((read.exception, read.state), (None, State::Ok));
}
