//! Launch events over the queue: whose account is looked at, what is dropped, and what comes back.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, report_of, seeded};
use events::{message, payload, records, results, returned, running, touched};
use runawaytrain_core::message::report::{Answer, RecordResult};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::contain::lease::Leases;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::deadline::Invocation;
use runawaytrain_testbed::{Fault, failure};
use serde_json::{Value, json};

fn scene() -> Scene {
    Scene::new(seeded(), policy(json!({})))
}

/// Sends one message that must be dropped with these words, and nothing touched.
async fn dropped(record: Value, result: RecordResult, words: &[&str]) {
    let scene = scene();
    let answer = scene.send(records([record.clone()])).await;
    assert_eq!(
        (answer.status, results(&answer), returned(&answer)),
        (200, vec![result], vec![]),
        "{record}: {answer:?}"
    );
    assert!(words.iter().all(|words| answer.body.contains(words)), "{words:?} in: {}", answer.body);
    assert!(!touched(&scene), "{answer:?}");
}

fn swept(answer: &Answer) -> Vec<&str> {
    answer
        .sweep()
        .unwrap_or_else(|| panic!("no sweep: {answer:?}"))
        .accounts
        .iter()
        .map(|account| account.account.as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_launch_sweeps_its_account_and_no_other() {
    let mut pending = payload("launch-running");
    pending["detail"]["state"] = "pending".into();
    for event in [
        payload("launch-queue"),
        records([message("1", &payload("launch-run-instances"))]),
        records([message("1", &pending)]),
    ] {
        let scene = scene();
        let answer = scene.send(event).await;
        assert_eq!((answer.status, swept(&answer), returned(&answer)), (200, vec![PHYSICS], vec![]));
        assert_eq!(answer.sweep().unwrap().trigger, "launch");
        assert_eq!((scene.billable(PHYSICS), scene.billable(QUIET)), (0, 2));
        let sent = serde_json::to_value(&answer).unwrap();
        assert_eq!(sent["batchItemFailures"], json!([]), "what SQS reads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_launches_of_three_accounts_are_one_sweep_of_three() {
    let (one, burst) = (scene(), scene());
    one.send(json!({ "action": "proceed", "accounts": [PAYER, PHYSICS, QUIET] })).await;
    let accounts = [PAYER, PHYSICS, QUIET];
    let messages = (0..1000).map(|number| message(&number.to_string(), &running(accounts[number % 3])));
    let answer = burst.send(records(messages)).await;
    assert_eq!((answer.status, swept(&answer), returned(&answer)), (200, accounts.to_vec(), vec![]));
    assert_eq!(burst.testbed.world.looks(), one.testbed.world.looks());
    assert_eq!(burst.testbed.world.calls().len(), one.testbed.world.calls().len());
    assert!(answer.body.starts_with("1000 launch events about 3 accounts. Swept 3 accounts"), "{}", answer.body);
    assert!(answer.records.is_empty(), "a thousand lines of \"swept\" tell nothing");
}

#[tokio::test(start_paused = true)]
async fn a_detail_that_names_another_account_is_ignored() {
    let mut envelope = payload("launch-run-instances");
    envelope["account"] = QUIET.into();
    assert_eq!(envelope["detail"]["userIdentity"]["accountId"], PHYSICS);
    for key in ["account", "accountId", "account-id", "AWSAccountId"] {
        envelope["detail"][key] = PHYSICS.into();
    }
    let scene = scene();
    let answer = scene.send(records([message("1", &envelope)])).await;
    assert_eq!(swept(&answer), [QUIET]);
    assert_eq!(scene.billable(PHYSICS), 9);
}

#[tokio::test(start_paused = true)]
async fn a_launch_from_another_queue_is_dropped() {
    for queue in [
        "arn:aws:sqs:us-east-1:100000000000:runawaytrain-failures",
        "arn:aws:sqs:us-east-1:111111111111:runawaytrain-launches",
        "arn:aws:sqs:eu-west-1:100000000000:runawaytrain-launches",
        "",
    ] {
        let mut record = message("1", &running(PHYSICS));
        record["eventSourceARN"] = queue.into();
        dropped(record, RecordResult::Refused, &[queue, "arn:aws:sqs:us-east-1:100000000000:runawaytrain-launches"])
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_launch_is_dropped() {
    let with = |key: &'static str, value: Value| {
        let mut envelope = running(PHYSICS);
        envelope[key] = value;
        message("1", &envelope)
    };
    dropped(with("source", "aws.s3".into()), RecordResult::Refused, &["\"aws.s3\""]).await;
    dropped(with("source", "my.ec2".into()), RecordResult::Refused, &["\"my.ec2\""]).await;
    dropped(
        with("detail-type", "EC2 Spot Instance Interruption Warning".into()),
        RecordResult::Refused,
        &["Interruption"],
    )
    .await;
    dropped(with("account", "12345".into()), RecordResult::Refused, &["\"12345\""]).await;
    dropped(with("account", Value::Null), RecordResult::Refused, &["not a 12-digit account id"]).await;
    dropped(with("detail", json!({ "state": "stopped" })), RecordResult::Nothing, &["\"stopped\" launches nothing"])
        .await;
    dropped(with("detail", json!({ "eventName": "RunInstances" })), RecordResult::Nothing, &["launches nothing"]).await;
    dropped(with("detail", "running".into()), RecordResult::Nothing, &["launches nothing"]).await;
    let mut call = payload("launch-run-instances");
    call["detail"]["eventName"] = "DescribeInstances".into();
    dropped(message("1", &call), RecordResult::Nothing, &["\"DescribeInstances\" launches nothing"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_is_dropped() {
    for body in ["", "not JSON", "{", "null", "7", "[]", "{}"] {
        let mut record = message("1", &running(PHYSICS));
        record["body"] = body.into();
        dropped(record, RecordResult::Refused, &["its body is no event of EventBridge"]).await;
    }
    for body in [json!(7), json!({}), json!([1])] {
        let mut record = message("1", &running(PHYSICS));
        record["body"] = body;
        dropped(record, RecordResult::Refused, &["no message of SQS"]).await;
    }
    let mut nameless = message("", &running(PHYSICS));
    dropped(nameless.clone(), RecordResult::Refused, &["no messageId"]).await;
    nameless.as_object_mut().unwrap().remove("messageId");
    dropped(nameless, RecordResult::Refused, &["no messageId"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_launch_outside_the_organization_is_dropped() {
    dropped(
        message("1", &running("999999999999")),
        RecordResult::Refused,
        &["999999999999 is not in the organization"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_launch_in_a_suspended_account_is_dropped_without_an_error() {
    let scene = scene();
    scene.testbed.world.suspend(&id(PHYSICS));
    let answer = scene.send(records([message("1", &running(PHYSICS)), message("2", &running(QUIET))])).await;
    assert_eq!((answer.status, results(&answer), returned(&answer)), (200, vec![RecordResult::Nothing], vec![]));
    assert_eq!(report_of(&answer, QUIET).error, None);
    assert!(scene.testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bad_message_neither_stops_the_good_ones_nor_comes_back() {
    let scene = scene();
    let mut bad = message("bad", &running(PHYSICS));
    bad["body"] = "?".into();
    let answer = scene
        .send(records([bad, message("stranger", &running("999999999999")), message("good", &running(PHYSICS))]))
        .await;
    assert_eq!((answer.status, returned(&answer)), (200, vec![]));
    assert_eq!(answer.records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["bad", "stranger"]);
    assert_eq!(scene.billable(PHYSICS), 0);
}

/// Sends launches of an account that another invocation is halting, and of one that nobody touches.
async fn launches_of_a_busy_account(scene: &Scene) -> Answer {
    let event = records([
        message("physics", &running(PHYSICS)),
        message("quiet", &running(QUIET)),
        message("again", &running(PHYSICS)),
    ]);
    scene.guard.handle(&event, &Invocation { id: "rival".to_owned(), deadline: Deadline::never() }).await
}

#[tokio::test(start_paused = true)]
async fn a_launch_whose_account_is_being_contained_is_judged_after_it() {
    let testbed = seeded();
    let (one, other) = (Scene::new(testbed.clone(), policy(json!({}))), Scene::new(testbed.clone(), policy(json!({}))));
    let (first, answer) = tokio::join!(one.send(json!({})), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        launches_of_a_busy_account(&other).await
    });
    assert_eq!((answer.status, returned(&answer), swept(&answer)), (200, vec![], vec![PHYSICS, QUIET]));
    let (first, second) = (first.sweep().unwrap(), answer.sweep().unwrap());
    assert!(second.finished > first.finished && second.started < first.finished, "it waited, and looked again");
    assert_eq!(
        (report_of(&answer, PHYSICS).error.as_ref(), report_of(&answer, PHYSICS).state),
        (None, Some(State::Halted))
    );
    assert!(answer.body.contains("Swept 2 accounts: 1 ok, 1 halted"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_launch_whose_account_is_contained_for_long_comes_back() {
    let scene = scene();
    scene.send(json!({ "action": "halt", "account": PHYSICS })).await;
    let ports = scene.testbed.ports();
    let stored = ports.states.load(&id(PHYSICS)).await.unwrap().unwrap();
    let mut record = stored.record.clone();
    record.state = State::Halting;
    // Renews itself for as long as it is held.
    let _holding = Leases::new(&ports).acquire("another", &stored, record, Vec::new()).await.unwrap().unwrap();
    let before = scene.testbed.clock.elapsed();
    let answer = launches_of_a_busy_account(&scene).await;
    assert_eq!((answer.status, returned(&answer)), (200, vec!["physics", "again"]));
    assert!(answer.records[0].why.as_ref().unwrap().contains("is containing the account"), "{answer:?}");
    let waited = scene.testbed.clock.elapsed() - before;
    assert!((50..70).contains(&waited.as_secs()), "others must not wait behind it: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_of_an_account_whose_end_of_containment_is_waited_for_is_done() {
    let scene = scene();
    let ports = scene.testbed.ports();
    scene.send(json!({ "action": "halt", "account": PHYSICS })).await;
    let stored = ports.states.load(&id(PHYSICS)).await.unwrap().unwrap();
    let mut record = stored.record.clone();
    record.state = State::Halting;
    let (holding, _) = Leases::new(&ports).acquire("another", &stored, record, Vec::new()).await.unwrap().unwrap();
    let before = scene.testbed.clock.elapsed();
    assert!(ports.states.wait_for(holding.lease(), "the first").await.unwrap());
    scene.testbed.world.after_reads(|_, account, _| assert_ne!(*account, id(PHYSICS), "whoever contains it looks"));
    let answer = launches_of_a_busy_account(&scene).await;
    assert_eq!((answer.status, returned(&answer), swept(&answer)), (200, vec![], vec![QUIET]));
    assert_eq!(results(&answer), [RecordResult::Nothing, RecordResult::Nothing]);
    assert!(answer.body.contains("once its containment has ended"), "{}", answer.body);
    assert!(scene.testbed.clock.elapsed() - before < Duration::from_secs(5), "it does not wait as well");
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_is_not_reached_before_the_deadline_comes_back() {
    let scene = scene();
    scene.testbed.world.fault(Fault {
        failure: None,
        ..Fault::always("ec2:DescribeRegions", FailureKind::Unavailable).in_account(&id(PHYSICS))
    });
    let event = records([message("physics", &running(PHYSICS)), message("quiet", &running(QUIET))]);
    let answer = scene.send_within(event, Deadline::within(Duration::from_secs(20))).await;
    assert_eq!((answer.status, returned(&answer)), (200, vec!["physics"]));
    assert!(answer.body.contains("not finished before the deadline"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_may_hide_in_a_gap_comes_back_unless_the_gap_is_a_refusal() {
    for (kind, expected) in
        [(FailureKind::Unavailable, vec!["1"]), (FailureKind::Other, vec!["1"]), (FailureKind::Denied, vec![])]
    {
        let scene = scene();
        scene
            .testbed
            .world
            .fault(Fault::always("ec2:DescribeInstances", kind).in_account(&id(QUIET)).in_region("eu-west-1"));
        let answer = scene.send(records([message("1", &running(QUIET))])).await;
        assert_eq!((answer.status, returned(&answer)), (200, expected), "{kind:?}");
        assert!(report_of(&answer, QUIET).unseen);
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_whole_sweep_fails_all_that_was_accepted_comes_back_and_nothing_else() {
    let mut bad = message("bad", &running(PHYSICS));
    bad["body"] = "?".into();
    let event = records([message("1", &running(PHYSICS)), bad, message("2", &running(QUIET))]);
    let scene = scene();
    scene.testbed.ledger.break_with(Some(failure("dynamodb:Scan", FailureKind::Unavailable)));
    let answer = scene.send(event.clone()).await;
    assert_eq!(
        (answer.status, returned(&answer)),
        (200, vec!["1", "2"]),
        "an error of the invocation would return the bad one too"
    );

    // Nothing is remembered from before, so nobody knows whether the two are members.
    let scene = self::scene();
    scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
    let answer = scene.send(event).await;
    assert_eq!((answer.status, returned(&answer)), (200, vec!["1", "2"]));
    assert!(!touched(&scene));
}

#[tokio::test(start_paused = true)]
async fn a_silenced_guard_lets_launches_go() {
    let silenced = Scene::with_ceiling(seeded(), policy(json!({})), Mode::Pass);
    let answer = silenced.send(payload("launch-queue")).await;
    assert_eq!((answer.status, returned(&answer)), (200, vec![]), "whoever says pass does not want it later either");
    assert!(answer.body.contains("envaction == pass"), "{}", answer.body);
    assert!(!touched(&silenced));
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_did_not_come_through_the_queue_is_refused() {
    for name in ["launch-running", "launch-run-instances"] {
        let scene = scene();
        let answer = scene.send(payload(name)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("only from the queue runawaytrain-launches"), "{}", answer.body);
        assert!(!touched(&scene));
    }
    let answer = scene().send(payload("schedule")).await;
    assert_eq!((answer.sweep().unwrap().trigger.as_str(), swept(&answer).len()), ("schedule", 3));
}
