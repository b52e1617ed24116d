//! Events as AWS sends them: the payloads of `payloads/`, and what a test changes in them.

use runawaytrain_core::message::report::{Answer, RecordResult};
use serde_json::{Value, json};

use crate::common::Scene;

/// A payload by its file's name.
pub fn payload(name: &str) -> Value {
    let path = format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

/// The record of a member's spend alarm with some of CloudWatch's message changed.
pub fn alarm(change: impl FnOnce(&mut Value)) -> Value {
    let mut record = payload("spend-alarm")["Records"][0].take();
    let mut message: Value = serde_json::from_str(record["Sns"]["Message"].as_str().unwrap()).unwrap();
    change(&mut message);
    record["Sns"]["Message"] = message.to_string().into();
    record
}

/// Gives an alarm another owner and all that goes with it.
pub fn owned_by(message: &mut Value, owner: &str) {
    message["AWSAccountId"] = owner.into();
    message["AlarmArn"] =
        format!("arn:aws:cloudwatch:us-east-1:{owner}:alarm:{}", message["AlarmName"].as_str().unwrap()).into();
}

/// Gives an alarm another name and all that goes with it.
pub fn named(message: &mut Value, name: &str) {
    message["AlarmName"] = name.into();
    let owner = message["AWSAccountId"].as_str().unwrap().to_owned();
    owned_by(message, &owner);
}

/// Makes an alarm watch one account's charges.
pub fn linked_to(message: &mut Value, account: &str) {
    message["Trigger"]["Dimensions"].as_array_mut().unwrap().push(json!({ "name": "LinkedAccount", "value": account }));
}

/// EC2's word that an instance of an account runs.
pub fn running(account: &str) -> Value {
    let mut envelope = payload("launch-running");
    envelope["account"] = account.into();
    envelope
}

/// A message of the launch queue.
pub fn message(id: &str, envelope: &Value) -> Value {
    let mut record = payload("launch-queue")["Records"][0].take();
    record["messageId"] = id.into();
    record["body"] = envelope.to_string().into();
    record
}

/// An event of several records.
pub fn records(records: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Records": records.into_iter().collect::<Vec<_>>() })
}

/// The messages that come back.
pub fn returned(answer: &Answer) -> Vec<&str> {
    let failures = answer.batch_item_failures.as_ref().unwrap_or_else(|| panic!("no answer to a queue: {answer:?}"));
    failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

/// What became of the records that the answer names.
pub fn results(answer: &Answer) -> Vec<RecordResult> {
    answer.records.iter().map(|record| record.result).collect()
}

/// Whether anything was looked at or changed.
pub fn touched(scene: &Scene) -> bool {
    scene.testbed.world.looks() > 0
        || !scene.testbed.world.calls().is_empty()
        || scene.testbed.ledger.writes() > 0
        || !scene.testbed.mailbox.mails().is_empty()
}
