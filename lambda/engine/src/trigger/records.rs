//! Several things at once: what SNS, SQS and S3 hand over as `Records`. One that is refused does not hinder the others.

use std::collections::BTreeSet;

use runawaytrain_core::ids::AccountId;
use runawaytrain_core::text::clean;
use serde_json::Value;
use thiserror::Error;

use super::{AlarmRefusal, Home, LaunchRefusal, Refusal, Request, Trigger, kind, launch, reports, spend_alarm};

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// CloudWatch's alarms over the topic `runawaytrain-alarms`.
    SpendAlarms,
    /// EC2's launches over the queue `runawaytrain-launches`, which delivers again what is reported as failed.
    Launches,
}

/// The records of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Where they come from.
    pub feed: Feed,
    /// Each of them.
    pub items: Vec<Record>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its message id as the service gave it, or its place in the list where it has none. Clean it before showing it.
    pub id: String,
    /// What it asks for.
    pub meaning: Meaning,
}

/// What a record asks for. Never a halt or a release: a record says where to look, and the account's own numbers say
/// the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// That an account is judged now.
    Judge {
        /// Which.
        account: AccountId,
        /// What set it off, safe to show, where it says so.
        said: Option<String>,
    },
    /// Nothing, and why, safe to show.
    Nothing(String),
    /// Something that nobody may have.
    Refused(RecordRefusal),
}

/// Why a record is refused for good. What it quotes is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordRefusal {
    /// An alarm.
    #[error(transparent)]
    Alarm(#[from] AlarmRefusal),
    /// A launch.
    #[error(transparent)]
    Launch(#[from] LaunchRefusal),
}

impl Records {
    /// The accounts that are to be judged, each once, however many records name it.
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        let account = |record: &Record| match &record.meaning {
            Meaning::Judge { account, .. } => Some(account.clone()),
            Meaning::Nothing(_) | Meaning::Refused(_) => None,
        };
        self.items.iter().filter_map(account).collect()
    }
}

/// Reads `Records`. All are of one service, as AWS sends them: a mixture was made by hand, and is refused whole.
pub(super) fn parse(records: &Value, home: &Home<'_>) -> Result<Trigger, Refusal> {
    let Value::Array(list) = records else { return Err(Refusal::RecordsNotAList(kind(records))) };
    let services: BTreeSet<&str> = list.iter().map(service).collect();
    let service = match services.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => return Err(Refusal::NoRecords),
        [service] => *service,
        several => {
            return Err(Refusal::MixedRecords(
                several.iter().take(4).map(|service| format!("{:?}", clean(service))).collect::<Vec<_>>().join(", "),
            ));
        }
    };
    let (source, feed, items) = match service {
        "aws:sns" => (super::SPEND_ALARM, Feed::SpendAlarms, spend_alarm::read_all(list, home)),
        "aws:sqs" => ("launch", Feed::Launches, launch::read_all(list, home)),
        "aws:s3" => return reports::read_all(list, home),
        other => return Err(Refusal::UnknownRecords(clean(other))),
    };
    Ok(Trigger { source, request: Request::Records(Records { feed, items }) })
}

/// The service that a record says it is from. SNS spells the key as nobody else does.
fn service(record: &Value) -> &str {
    record.get("EventSource").or_else(|| record.get("eventSource")).and_then(Value::as_str).unwrap_or("nowhere")
}

/// A record's name where it has no message id.
pub(super) fn by_place(place: usize) -> String {
    format!("record {}", place + 1)
}
