//! Spend alarms over the topic: whose account is looked at, and what is refused.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, report_of, seeded};
use events::{alarm, linked_to, named, owned_by, payload, records, results, touched};
use runawaytrain_core::message::report::{Answer, RecordResult};
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_testbed::{Fault, failure};
use serde_json::{Value, json};

fn scene() -> Scene {
    Scene::new(seeded(), policy(json!({})))
}

/// Sends one record that must be refused with these words, and nothing touched.
async fn refused(record: Value, words: &[&str]) {
    let scene = scene();
    let answer = scene.send(records([record.clone()])).await;
    assert_eq!((answer.status, results(&answer)), (400, vec![RecordResult::Refused]), "{record}: {answer:?}");
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
async fn an_alarm_sweeps_its_account_and_no_other() {
    let scene = scene();
    let answer = scene.send(payload("spend-alarm")).await;
    assert_eq!((answer.status, results(&answer), swept(&answer)), (200, vec![RecordResult::Swept], vec![PHYSICS]));
    assert_eq!(answer.sweep().unwrap().trigger, "spend-alarm");
    assert_eq!((scene.billable(PHYSICS), scene.billable(QUIET)), (0, 2));
    assert!(answer.records[0].why.as_ref().unwrap().contains("Threshold Crossed"), "{answer:?}");
    assert!(answer.batch_item_failures.is_none(), "SNS is not SQS");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_a_reason_to_look_and_not_to_halt() {
    let scene = scene();
    let answer = scene.send(records([alarm(|message| owned_by(message, QUIET))])).await;
    assert_eq!(report_of(&answer, QUIET).verdict, Some(Judgement::Ok));
    assert!(scene.testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_payers_alarm_sweeps_the_account_that_it_watches() {
    for account in [PHYSICS, PAYER] {
        let watches = |message: &mut Value| {
            owned_by(message, PAYER);
            linked_to(message, account);
        };
        let answer = scene().send(records([alarm(watches)])).await;
        assert_eq!((answer.status, swept(&answer)), (200, vec![account]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_may_name_itself_as_the_account_that_it_watches() {
    let answer = scene().send(records([alarm(|message| linked_to(message, PHYSICS))])).await;
    assert_eq!((answer.status, swept(&answer)), (200, vec![PHYSICS]));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_from_another_topic_is_refused() {
    for topic in [
        "arn:aws:sns:us-east-1:100000000000:runawaytrain",
        "arn:aws:sns:us-east-1:111111111111:runawaytrain-alarms",
        "arn:aws:sns:eu-west-1:100000000000:runawaytrain-alarms",
        "arn:aws:sns:us-east-1:100000000000:runawaytrain-alarms.fifo",
        "arn:aws:sns:us-east-1:100000000000:runawaytrain-alarms:21be56ed-a058-49f5-8c98-aedd2564c486",
        "",
    ] {
        let mut record = alarm(|_| {});
        record["Sns"]["TopicArn"] = topic.into();
        refused(record, &[topic, "arn:aws:sns:us-east-1:100000000000:runawaytrain-alarms"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_ours_is_refused() {
    for name in ["spend", "my-runawaytrain-spend-month", "Runawaytrain-spend-month", "runawaytrain-spend", ""] {
        refused(alarm(|message| named(message, name)), &[&format!("{name:?}"), "runawaytrain-spend-"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_alarm_is_refused_on_every_topic() {
    let heartbeat = |message: &mut Value| {
        owned_by(message, PAYER);
        named(message, "runawaytrain-heartbeat");
        message["Trigger"] = json!({ "MetricName": "Heartbeat", "Namespace": "RunawayTrain", "Dimensions": [] });
    };
    refused(alarm(heartbeat), &["\"runawaytrain-heartbeat\" is no spend alarm"]).await;
    let mut on_the_mail_topic = alarm(heartbeat);
    on_the_mail_topic["Sns"]["TopicArn"] = "arn:aws:sns:us-east-1:100000000000:runawaytrain".into();
    refused(on_the_mail_topic, &["only from the topic"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_on_another_metric_is_refused() {
    refused(alarm(|message| message["Trigger"]["MetricName"] = "Estimated".into()), &["\"AWS/Billing Estimated\""])
        .await;
    refused(alarm(|message| message["Trigger"]["Namespace"] = "Custom".into()), &["\"Custom EstimatedCharges\""]).await;
    let computed = json!({ "Metrics": [{ "Id": "e1", "Expression": "RATE(m1)" }, { "Id": "m1" }], "Period": 21600 });
    refused(alarm(|message| message["Trigger"] = computed), &["a computed value"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_payer_alarm_without_a_linked_account_is_refused() {
    refused(alarm(|message| owned_by(message, PAYER)), &["LinkedAccount", "total of the organization"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_members_alarm_for_another_account_is_refused() {
    refused(alarm(|message| linked_to(message, QUIET)), &[PHYSICS, QUIET, "speaks only for itself"]).await;
    let both = |message: &mut Value| {
        linked_to(message, PHYSICS);
        linked_to(message, QUIET);
    };
    refused(alarm(both), &[PHYSICS, QUIET]).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_whose_arn_tells_of_another_is_refused() {
    for arn in [
        "arn:aws:cloudwatch:us-east-1:222222222222:alarm:runawaytrain-spend-month",
        "arn:aws:cloudwatch:us-east-1:111111111111:alarm:another",
        "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:runawaytrain-spend-month",
        "",
    ] {
        refused(alarm(|message| message["AlarmArn"] = arn.into()), &[arn, "would be the ARN"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_an_account_outside_the_organization_is_refused() {
    refused(
        alarm(|message| owned_by(message, "999999999999")),
        &["account 999999999999 is not in the organization o-exampleorg1"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_a_suspended_account_is_dropped_without_an_error() {
    let scene = scene();
    scene.testbed.world.suspend(&id(PHYSICS));
    let answer = scene.send(payload("spend-alarm")).await;
    assert_eq!((answer.status, results(&answer)), (200, vec![RecordResult::Nothing]));
    assert!(answer.body.contains("SUSPENDED"), "{}", answer.body);
    assert!(!touched(&scene));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_ok_or_lacks_data_asks_for_nothing() {
    for state in ["OK", "INSUFFICIENT_DATA"] {
        let scene = scene();
        let answer = scene.send(records([alarm(|message| message["NewStateValue"] = state.into())])).await;
        assert_eq!((answer.status, results(&answer)), (200, vec![RecordResult::Nothing]));
        assert!(answer.body.contains(state) && answer.body.contains(PHYSICS), "{}", answer.body);
        assert!(!touched(&scene));
    }
    refused(alarm(|message| message["NewStateValue"] = "alarm".into()), &["unknown state \"alarm\""]).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_sent_again_an_hour_later_is_refused() {
    // The testbed begins at 03:00.
    let at = |time: &'static str| alarm(move |message| message["StateChangeTime"] = time.into());
    let answer = scene().send(records([at("2026-11-22T02:00:01.000+0000")])).await;
    assert_eq!((answer.status, swept(&answer)), (200, vec![PHYSICS]), "late deliveries of a busy hour are honest");
    refused(at("2026-11-22T01:59:59.000+0000"), &["2026-11-22T01:59:59Z", "more than an hour ago"]).await;
    refused(at("2025-11-22T02:59:41.000+0000"), &["more than an hour ago"]).await;
    refused(at("2026-11-22T03:06:00.000+0000"), &["yet to come"]).await;
    refused(at("yesterday"), &["no alarm of CloudWatch"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_cannot_be_read_is_refused() {
    let with_message = |message: Value| {
        let mut record = alarm(|_| {});
        record["Sns"]["Message"] = message;
        record
    };
    for text in ["", "not JSON", "{\"AlarmName\":", "null", "7", "[]", "{}", "\"ALARM\""] {
        refused(with_message(text.into()), &["its Message is no alarm of CloudWatch"]).await;
    }
    for message in [Value::Null, json!(7), json!({ "AlarmName": "runawaytrain-spend-month" })] {
        refused(with_message(message), &["no notification of SNS"]).await;
    }
    for key in ["AlarmName", "AlarmArn", "AWSAccountId", "NewStateValue", "StateChangeTime", "Trigger"] {
        refused(alarm(|message| drop(message.as_object_mut().unwrap().remove(key))), &[key]).await;
    }
    refused(json!({ "EventSource": "aws:sns" }), &["no notification of SNS"]).await;
    refused(alarm(|message| message["AWSAccountId"] = "12345".into()), &["12345", "12 digits"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_alarm_does_not_stop_the_good_ones() {
    let scene = scene();
    let mut bad = alarm(|_| {});
    bad["Sns"]["Message"] = "?".into();
    let ok = alarm(|message| message["NewStateValue"] = "OK".into());
    let stranger = alarm(|message| owned_by(message, "999999999999"));
    let answer = scene.send(records([bad, ok, alarm(|_| {}), stranger])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        results(&answer),
        [RecordResult::Refused, RecordResult::Nothing, RecordResult::Swept, RecordResult::Refused]
    );
    assert!(
        answer.records.iter().all(|record| record.id == "95df01b4-ee98-5cb9-9903-4c221d41eb5e" && record.why.is_some()),
        "{answer:?}"
    );
    assert_eq!((scene.billable(PHYSICS), scene.billable(QUIET)), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn several_alarms_of_one_account_are_one_sweep() {
    let (one, several) = (scene(), scene());
    one.send(payload("spend-alarm")).await;
    let answer = several.send(records(std::iter::repeat_n(alarm(|_| {}), 10))).await;
    assert_eq!(results(&answer), [RecordResult::Swept; 10]);
    assert_eq!(several.testbed.world.looks(), one.testbed.world.looks());
}

#[tokio::test(start_paused = true)]
async fn an_alarm_straight_from_cloudwatch_is_refused() {
    let mut over_a_bus = payload("spend-alarm-direct");
    (over_a_bus["detail-type"], over_a_bus["detail"]) = ("CloudWatch Alarm State Change".into(), json!({}));
    for event in [payload("spend-alarm-direct"), over_a_bus] {
        let scene = scene();
        let answer = scene.send(event).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("only from the topic runawaytrain-alarms"), "{}", answer.body);
        assert!(!touched(&scene));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_alarm_says_is_stripped_before_it_is_shown() {
    let forged = "\u{1b}[31mhalted\nREPORT all is well\u{202E}";
    let mut shown = Vec::new();
    let changes: [fn(&mut Value, &str); 4] = [
        |message, forged| message["NewStateReason"] = forged.into(),
        |message, forged| named(message, &format!("runawaytrain-spend-{forged}")),
        |message, forged| named(message, forged),
        |message, forged| message["NewStateValue"] = forged.into(),
    ];
    for change in changes {
        shown.push(
            serde_json::to_string(&scene().send(records([alarm(|message| change(message, forged))])).await).unwrap(),
        );
    }
    let mut other_topic = alarm(|_| {});
    other_topic["Sns"]["TopicArn"] = forged.into();
    shown.push(serde_json::to_string(&scene().send(records([other_topic])).await).unwrap());
    for shown in shown {
        assert!(shown.contains("[31mhalted REPORT"), "{shown}");
        // As JSON writes them: escaped, or themselves.
        assert!(!["\\u001b", "\\n", "\\u202", "\u{202E}"].iter().any(|bad| shown.contains(bad)), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_cannot_be_followed_is_an_error_that_lambda_tries_again() {
    let scene = scene();
    scene.testbed.ledger.break_with(Some(failure("dynamodb:Scan", FailureKind::Unavailable)));
    let answer = scene.send(payload("spend-alarm")).await;
    assert_eq!((answer.status, results(&answer)), (500, vec![RecordResult::NotJudged]));
    assert!(scene.testbed.world.calls().is_empty());

    // Whether an account is a member is not known while the members cannot be listed: it is no refusal.
    let scene = self::scene();
    scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
    let answer = scene.send(payload("spend-alarm")).await;
    assert_eq!((answer.status, results(&answer)), (500, vec![RecordResult::NotJudged]));
    assert!(answer.body.contains("could not be listed"), "{}", answer.body);
}
