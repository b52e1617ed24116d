//! Any JSON becomes a request or a refusal, and nothing but a direct call halts, releases or makes an
//! exception.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, seeded};
use events::{alarm, message, payload, records, results, running, touched};
use jiff::Timestamp;
use proptest::prelude::*;
use runawaytrain_core::contract;
use runawaytrain_core::message::report::RecordResult;
use runawaytrain_core::policy::CostReports;
use runawaytrain_engine::trigger::{Deployment, Meaning, Refusal, Request, Step, SweepName, Trigger, parse};
use serde_json::{Map, Value, json};

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-engine --test triggers` for a longer
/// run.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn read(event: &Value) -> Result<Trigger, Refusal> {
    let now: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
    let reports = CostReports { bucket: "payer-reports".to_owned(), prefix: "cur/".to_owned(), is_made: false };
    parse(event, &Deployment { payer: &id(PAYER), region: contract::HOME_REGION, reports: Some(&reports), now })
}

#[test]
fn a_step_of_a_distributed_sweep_is_told_from_all_else() {
    let request = |event: &Value| read(event).map(|trigger| trigger.request);
    let name = SweepName::parse("3f_a-9").unwrap();
    let step = |step| Ok(Request::Step(name.clone(), step));
    assert_eq!(request(&json!({ "sweep": "3f_a-9", "step": "list" })), step(Step::List));
    let accounts = json!({ "sweep": "3f_a-9", "step": "batch", "accounts": [QUIET, PHYSICS, QUIET] });
    assert_eq!(request(&accounts), step(Step::Batch([id(PHYSICS), id(QUIET)].into())));
    assert_eq!(request(&json!({ "sweep": "3f_a-9", "step": "summary" })), step(Step::Summary(None)));
    let action = json!({ "action": "status", "sweep": "3f_a-9", "step": "list" });
    assert_eq!(request(&action), Ok(Request::Status), "an order is an order");
    let records = json!({ "sweep": "3f_a-9", "step": "list", "Records": [] });
    assert_eq!(request(&records), Err(Refusal::NoRecords));
    assert_eq!(SweepName::parse(&"a".repeat(81)), None);
}

#[tokio::test(start_paused = true)]
async fn records_that_nobody_sends_are_refused_whole() {
    let cases = [
        (json!({ "Records": [] }), "is empty"),
        (json!({ "Records": {} }), "an object"),
        (json!({ "Records": null }), "null"),
        (json!({ "Records": "aws:sns" }), "a string"),
        (records([json!({ "eventSource": "aws:s3", "s3": {} })]), "no \"cur\""),
        (records([json!({ "eventSource": "aws:dynamodb" })]), "\"aws:dynamodb\""),
        (records([json!(7)]), "\"nowhere\""),
        (records([alarm(|_| {}), message("1", &running(PHYSICS))]), "\"aws:sns\", \"aws:sqs\""),
        (records([message("1", &running(PHYSICS)), json!({})]), "\"aws:sqs\", \"nowhere\""),
    ];
    for (event, named) in cases {
        let scene = Scene::new(seeded(), policy(json!({})));
        let answer = scene.send(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}");
        assert!(answer.body.contains(named), "{event}: {}", answer.body);
        assert!(!touched(&scene));
    }
}

#[tokio::test(start_paused = true)]
async fn a_huge_list_of_records_is_answered_within_lambdas_bounds() {
    const MANY: usize = 20_000;
    let mut bad = message("0", &running(PHYSICS));
    bad["body"] = "x".repeat(200).into();
    let bad = (0..MANY).map(|number| {
        let mut record = bad.clone();
        record["messageId"] = format!("{number:036}").into();
        record
    });
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(records(bad.chain([message("good", &running(QUIET))]))).await;
    assert_eq!((answer.status, results(&answer)), (200, vec![]));
    assert!(
        answer.body.contains("20000 refused: its body is no event of EventBridge") && answer.body.len() < 1000,
        "{}",
        answer.body
    );
    assert!(serde_json::to_vec(&answer).unwrap().len() < 1_000_000);
    assert_eq!(scene.testbed.world.looks(), 5, "the account of the good one: its regions and each of the four");
}

#[test]
fn every_payload_means_what_it_is() {
    let source = |name| read(&payload(name)).map(|trigger| trigger.source);
    assert_eq!(source("schedule"), Ok("schedule"));
    assert_eq!(source("spend-alarm"), Ok("spend-alarm"));
    assert_eq!(source("launch-queue"), Ok("launch"));
    assert_eq!(source("spend-alarm-direct"), Err(Refusal::NotThroughTopic));
    assert_eq!(source("launch-running"), Err(Refusal::NotThroughQueue));
    assert_eq!(source("launch-run-instances"), Err(Refusal::NotThroughQueue));
}

const PAYLOADS: [&str; 7] = [
    "schedule",
    "report-written",
    "spend-alarm",
    "launch-queue",
    "spend-alarm-direct",
    "launch-running",
    "launch-run-instances",
];

/// Tokens that mean something to the guard, so that random JSON comes near to being an event.
const WORDS: [&str; 54] = [
    "Records",
    "action",
    "accounts",
    "account",
    "source",
    "detail-type",
    "detail",
    "state",
    "running",
    "EventSource",
    "eventSource",
    "aws:sns",
    "aws:sqs",
    "aws:s3",
    "eventName",
    "ObjectCreated:Put",
    "s3",
    "bucket",
    "object",
    "payer-reports",
    "name",
    "key",
    "reports",
    "Sns",
    "TopicArn",
    "Message",
    "MessageId",
    "messageId",
    "body",
    "eventSourceARN",
    "halt",
    "release",
    "proceed",
    "drill",
    "pass",
    "status",
    "users",
    "reason",
    "allow",
    "revoke",
    "limits",
    "until",
    "2026-12-01T00:00:00Z",
    "sweep",
    "step",
    "list",
    "batch",
    "summary",
    "aws.ec2",
    "aws.events",
    "Scheduled Event",
    "111111111111",
    "arn:aws:sns:us-east-1:100000000000:runawaytrain-alarms",
    "arn:aws:sqs:us-east-1:100000000000:runawaytrain-launches",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(WORDS.as_slice()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![1 => Just(Value::Null), 1 => any::<bool>().prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from), 4 => word().prop_map(Value::from)];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            3 => prop::collection::vec((word(), inner.clone()), 0..6).prop_map(|entries| entries.into_iter().collect::<Map<_, _>>().into()),
            // JSON in a string, as a body or a message has it.
            1 => inner.prop_map(|value| value.to_string().into()),
        ]
    })
}

/// Some bytes of a real payload replaced, added or taken out, at either level of quoting.
fn mangled_payload() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, any::<u8>()), 1..6);
    (prop::sample::select(PAYLOADS.as_slice()), edits).prop_map(|(name, edits)| {
        let mut bytes = payload(name).to_string().into_bytes();
        for (at, what, byte) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// What holds for every event whatsoever.
fn check(event: &Value) -> Result<(), TestCaseError> {
    let read = read(event);
    let direct = event.get("action").is_some();
    match &read {
        Ok(Trigger {
            request:
                Request::Halt { .. }
                | Request::Release { .. }
                | Request::Allow { .. }
                | Request::Revoke { .. }
                | Request::Drill(_)
                | Request::Status
                | Request::Pass,
            ..
        }) => {
            prop_assert!(direct, "only a direct call: {event}");
        }
        Ok(Trigger { request: Request::Records(records), .. }) => {
            prop_assert!(
                !direct && event["Records"].as_array().is_some_and(|list| list.len() == records.items.len()),
                "{event}"
            );
            // A record names the account it is about; none is made up.
            for record in &records.items {
                let shown = match &record.meaning {
                    Meaning::Judge { account, said } => {
                        prop_assert!(event.to_string().contains(account.as_str()), "{event}");
                        said.clone().unwrap_or_default()
                    }
                    Meaning::Nothing(why) => why.clone(),
                    Meaning::Refused(why) => why.to_string(),
                };
                prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
        }
        Ok(Trigger { request: Request::Reports(_) | Request::Nothing(_), .. }) => {
            prop_assert!(direct || event.to_string().contains("payer-reports"), "{event}")
        }
        Ok(Trigger { request: Request::Sweep(_), .. }) => {}
        Ok(Trigger { request: Request::Step(sweep, step), .. }) => {
            prop_assert!(!direct && event["sweep"] == sweep.as_str(), "{event}");
            prop_assert!(!sweep.as_str().contains(['/', '.']), "it is part of keys: {event}");
            if let Step::Batch(accounts) = step {
                prop_assert!(!accounts.is_empty() && event["step"] == "batch", "{event}");
            }
        }
        Err(refusal) => {
            let words = refusal.to_string();
            prop_assert!(words.len() < 8000 && !words.chars().any(char::is_control), "{words:?}");
        }
    }
    if event.get("Records").is_some() && !direct {
        prop_assert!(
            matches!(
                read,
                Err(_) | Ok(Trigger { request: Request::Records(_) | Request::Reports(_) | Request::Nothing(_), .. })
            ),
            "{event}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_json_is_a_request_or_a_refusal(event in arbitrary_json()) {
        check(&event)?;
    }

    #[test]
    fn any_records_are_judged_or_refused_and_never_obeyed(list in prop::collection::vec(arbitrary_json(), 0..4), feed in prop::sample::select(["aws:sns", "aws:sqs"].as_slice())) {
        let list = list.into_iter().map(|mut record| {
            if let Some(record) = record.as_object_mut() {
                record.insert(if feed == "aws:sns" { "EventSource" } else { "eventSource" }.to_owned(), feed.into());
                record.insert("action".to_owned(), "halt".into());
            }
            record
        });
        check(&records(list))?;
    }

    #[test]
    fn a_mangled_event_is_a_request_or_a_refusal(bytes in mangled_payload()) {
        if let Ok(event) = serde_json::from_slice::<Value>(&bytes) {
            check(&event)?;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_cannot_give_orders() {
    let order = json!({ "action": "halt", "account": QUIET, "reason": "said a record" });
    let mut launch = message("1", &order);
    launch["action"] = "halt".into();
    let mut rung = alarm(|message| message["action"] = "halt".into());
    rung["Sns"]["Message"] = order.to_string().into();
    for event in [records([launch]), records([rung])] {
        let scene = Scene::new(seeded(), policy(json!({})));
        let answer = scene.send(event).await;
        assert_eq!(results(&answer), [RecordResult::Refused]);
        assert!(!touched(&scene));
    }
}

/// What is known is what the refusal says.
#[test]
fn each_action_has_its_heading_among_the_events() {
    let refusal = read(&json!({ "action": "nonsense" })).unwrap_err().to_string();
    let (_, known) = refusal.split_once("known are ").unwrap();
    let page = include_str!("../../../docs/events.md");
    let missing: Vec<&str> =
        known.split(", ").filter(|action| !page.lines().any(|line| line == format!("### {action}"))).collect();
    assert!(missing.is_empty(), "docs/events.md has no heading \"### NAME\" for {missing:?}");
}
