//! What became of each record of an event that came as records: alarms from a topic, launches from a queue.

use serde::Serialize;

use crate::vocabulary::ids::AccountId;

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordReport {
    /// Its message id.
    pub id: String,
    /// The account that it is about, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// What became of it.
    pub result: RecordResult,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordResult {
    /// Its account was judged after the record arrived.
    Swept,
    /// It asks for nothing.
    Nothing,
    /// It asks for something that nobody may have; to send it again changes nothing.
    Refused,
    /// Its account should have been judged and was not. A queue's message comes back.
    NotJudged,
}

/// A message that SQS is to deliver again.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its message id, as SQS gave it: an unknown one would return the whole batch.
    pub item_identifier: String,
}
