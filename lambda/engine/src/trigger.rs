//! Any JSON that the Lambda is handed becomes one typed request, or a clear refusal. One trigger a file.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;

use runawaytrain_core::contract;
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::policy::CostReports;
use runawaytrain_core::text::clean;
use runawaytrain_core::undo::Wish;

mod action;
mod event_bridge;
mod launch;
mod records;
pub(crate) mod reports;
mod spend_alarm;

pub use launch::LaunchRefusal;
pub use records::{Feed, Meaning, Record, RecordRefusal, Records};
pub use spend_alarm::AlarmRefusal;

/// The source of a sweep that a spend alarm set off.
pub const SPEND_ALARM: &str = "spend-alarm";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    Pass,
    /// Look, decide, and contain where a limit is passed.
    Sweep(Selection),
    /// The same for the accounts that the records of a topic or a queue are about.
    Records(Records),
    /// Look and decide, change nothing, remember nothing.
    Drill(Selection),
    /// Contain one account whatever its limits say.
    Halt {
        /// Which.
        account: AccountId,
        /// Why, in the words of whoever ordered it.
        reason: String,
    },
    /// End the halt of one account.
    Release {
        /// Which.
        account: AccountId,
        /// What comes back.
        wish: Wish,
    },
    /// Tell what is remembered of every account.
    Status,
    /// Read what is new in the Cost and Usage Reports.
    Reports(CostReports),
    /// Nothing for now, and why.
    Nothing(String),
}

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The whole organization.
    All,
    /// These.
    Only(BTreeSet<AccountId>),
}

/// A request and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Where it came from, for the report and the log: `schedule`, `spend-alarm`, `launch`, `proceed`, `batch` ….
    pub source: &'static str,
    /// What is to be done.
    pub request: Request,
}

/// Where the guard lives and what time it is: enough to tell its own topic, queue and alarms from anybody else's, and
/// news from a replay.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// The payer, which owns the topic and the queue.
    pub payer: &'a AccountId,
    /// The region of both. Billing metrics exist only in [`contract::HOME_REGION`], and an alarm notifies only topics
    /// of its own region.
    pub region: &'a str,
    /// Where the Cost and Usage Reports are, if they are read.
    pub reports: Option<&'a CostReports>,
    /// The present.
    pub now: Timestamp,
}

impl Home<'_> {
    /// The only topic that alarms are taken from.
    pub fn alarm_topic(&self) -> String {
        self.arn("sns", self.payer, contract::ALARM_TOPIC)
    }

    /// The only queue that launches are taken from.
    pub fn launch_queue(&self) -> String {
        self.arn("sqs", self.payer, contract::LAUNCH_QUEUE)
    }

    fn alarm(&self, owner: &AccountId, name: &str) -> String {
        self.arn("cloudwatch", owner, &format!("alarm:{name}"))
    }

    fn arn(&self, service: &str, account: &AccountId, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{account}:{resource}", self.region)
    }
}

/// Why an event is refused. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a JSON object.
    #[error("the event is {0}; it takes a JSON object such as {{\"action\":\"drill\"}}")]
    NotAnObject(&'static str),
    /// `action` is not a string.
    #[error("the event's \"action\" is {0}; it takes one of the strings {KNOWN}")]
    ActionNotAString(&'static str),
    /// An action that nobody knows.
    #[error("unknown action {0:?}; known are {KNOWN}")]
    UnknownAction(String),
    /// An event of some AWS service that is not handled.
    #[error("no rule for an event from {source_name:?} with detail-type {detail_type:?}")]
    UnknownEvent {
        /// The event's `source`.
        source_name: String,
        /// The event's `detail-type`.
        detail_type: String,
    },
    /// A launch that did not come through the queue, where a burst of them becomes one sweep.
    #[error(
        "an event from \"aws.ec2\" is taken only from the queue {}, not by itself: point the rule at the queue",
        contract::LAUNCH_QUEUE
    )]
    NotThroughQueue,
    /// An alarm that did not come through the topic, whose policy says whose alarms may ring.
    #[error(
        "an alarm is taken only from the topic {}, not from \"aws.cloudwatch\" itself: let the alarm notify the topic",
        contract::ALARM_TOPIC
    )]
    NotThroughTopic,
    /// `Records` is not a list.
    #[error("the event's \"Records\" is {0}; it takes a list of records from SNS, SQS or S3")]
    RecordsNotAList(&'static str),
    /// `Records` is empty.
    #[error("the event's \"Records\" is empty: there is nothing to read")]
    NoRecords,
    /// Records of a service that is not handled.
    #[error(
        "no rule for records from {0:?}; known are \"aws:sns\" with spend alarms, \"aws:sqs\" with launches and \"aws:s3\" with cost reports"
    )]
    UnknownRecords(String),
    /// Records of several services: AWS sends no such event.
    #[error("the event's \"Records\" come from several services ({0}); send those of one at a time")]
    MixedRecords(String),
    /// There are no reports to read.
    #[error(
        "the policy has no \"cur\", so there are no cost reports to read: give it {{}} to have a report made, or the bucket of one that exists"
    )]
    NoReports,
    /// Records that say they are S3's and are not.
    #[error("a record is no notification of S3: {0}")]
    NotANotification(String),
    /// Records of a bucket that is not ours.
    #[error("a record is about the bucket {found:?}; cost reports are read only from {expected}")]
    OtherBucket {
        /// Which bucket.
        found: String,
        /// Which is ours.
        expected: String,
    },
    /// Records of another part of the bucket.
    #[error(
        "a record is about the object {found:?}; cost reports are read only from keys that begin with {expected:?}"
    )]
    OtherPrefix {
        /// Which object.
        found: String,
        /// What its key should begin with.
        expected: String,
    },
    /// Something with keys, none of which says what to do.
    #[error(
        "the event has no \"action\" and is no schedule: its keys are {0}; for a sweep send {{}} or {{\"action\":\"proceed\"}}"
    )]
    NothingToDo(String),
    /// A halt or a release needs to know which account.
    #[error("the action {action:?} takes one \"account\", a 12-digit account id as a string: {found}")]
    BadAccount {
        /// The action.
        action: &'static str,
        /// What was found instead.
        found: String,
    },
    /// A list of a release is not a list of names.
    #[error("the event's {key:?} must be a list of strings: found {found}")]
    BadNames {
        /// Which key.
        key: &'static str,
        /// What was found instead.
        found: &'static str,
    },
    /// `start` is neither true nor false.
    #[error("the event's \"start\" is {0}; it takes true or false")]
    BadStart(&'static str),
    /// `accounts` is not a list of account ids.
    #[error("the event's \"accounts\" must be a list of 12-digit account ids as strings: {0}")]
    BadAccounts(String),
}

const KNOWN: &str = "pass, drill, proceed, halt, release, status, reports";

/// Reads an event. Keys that are not known are ignored, as the test events of old have some; actions that are not known
/// are refused.
pub fn parse(event: &Value, home: &Home<'_>) -> Result<Trigger, Refusal> {
    let Value::Object(event) = event else { return Err(Refusal::NotAnObject(kind(event))) };
    if let Some(action) = event.get("action") {
        return action::parse(action, event, home);
    }
    if event.is_empty() {
        return Ok(Trigger { source: "empty event", request: Request::Sweep(Selection::All) });
    }
    if let Some(records) = event.get("Records") {
        return records::parse(records, home);
    }
    if event.contains_key("source") || event.contains_key("detail-type") {
        return event_bridge::parse(event);
    }
    if event.contains_key("accounts") {
        return Ok(Trigger { source: "batch", request: Request::Sweep(action::selection(event)?) });
    }
    Err(Refusal::NothingToDo(keys(event)))
}

fn keys(event: &Map<String, Value>) -> String {
    event.keys().take(8).map(|key| format!("{:?}", clean(key))).collect::<Vec<_>>().join(", ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
