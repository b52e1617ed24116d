//! What is to be done, and where the guard is deployed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use runawaytrain_core::contract;
use runawaytrain_core::policy::{CostReports, WantedException};
use runawaytrain_core::resource::ReleaseRequest;
use runawaytrain_core::vocabulary::ids::AccountId;

use super::record::Records;

/// The source of a sweep that a spend alarm set off.
pub const SPEND_ALARM: &str = "spend-alarm";

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
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
        what: ReleaseRequest,
    },
    /// Raise limits of one account for a time.
    Allow {
        /// Which.
        account: AccountId,
        /// Which limits, how far, until when and why.
        wanted: WantedException,
    },
    /// Take that back before its end.
    Revoke {
        /// Which account.
        account: AccountId,
        /// Who does, as they say.
        by: Option<String>,
    },
    /// Tell what is remembered of every account.
    Status,
    /// Read what is new in the Cost and Usage Reports.
    Reports(CostReports),
    /// A step of a distributed sweep.
    Step(SweepName, Step),
    /// Nothing for now, and why.
    Nothing(String),
}

/// The name of a distributed sweep: that of the execution of our state machine, under which its steps find what they
/// hand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepName(String);

impl SweepName {
    /// Reads a name: 1 to 80 letters, digits, hyphens and underscores of ASCII, as EventBridge and people name an
    /// execution. It becomes part of keys.
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = |one: u8| one.is_ascii_alphanumeric() || b"-_".contains(&one);
        ((1..=80).contains(&text.len()) && text.bytes().all(is_sound)).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A step of a distributed sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Find out who is to be swept, and write it down for the workers.
    List,
    /// Sweep these, as one worker of several.
    Batch(BTreeSet<AccountId>),
    /// Add up what the workers found; nothing where no worker's word is to be had.
    Summary(Option<ResultsAt>),
}

/// Where Step Functions wrote what came of the workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsAt {
    /// The bucket.
    pub bucket: String,
    /// The key of the manifest.
    pub key: String,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Where it came from, for the report and the log: `schedule`, `spend-alarm`, `launch`, `proceed`, `batch` ….
    pub source: &'static str,
    /// What is to be done.
    pub request: Request,
}

/// Where the guard is deployed and what time it is: enough to tell its own topic, queue and alarms from anybody else's,
/// and news from a replay.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
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

impl Deployment<'_> {
    /// The only topic that alarms are taken from.
    pub fn alarm_topic(&self) -> String {
        self.arn("sns", self.payer, contract::ALARM_TOPIC)
    }

    /// The only queue that launches are taken from.
    pub fn launch_queue(&self) -> String {
        self.arn("sqs", self.payer, contract::LAUNCH_QUEUE)
    }

    pub(super) fn alarm(&self, owner: &AccountId, name: &str) -> String {
        self.arn("cloudwatch", owner, &format!("alarm:{name}"))
    }

    fn arn(&self, service: &str, account: &AccountId, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{account}:{resource}", self.region)
    }
}

/// What a JSON value is, for a sentence.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
