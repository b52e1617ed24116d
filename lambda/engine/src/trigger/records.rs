//! Several things at once: what SNS, SQS and S3 hand over as `Records`. One that is refused does not hinder the others.

use std::collections::BTreeSet;

use runawaytrain_core::vocabulary::text::clean;
use serde_json::Value;

use super::record::{Feed, Records};
use super::refusal::Refusal;
use super::request::{Deployment, Request, SPEND_ALARM, Trigger, kind};
use super::{launch, reports, spend_alarm};

/// Reads `Records`. All are of one service, as AWS sends them: a mixture was made by hand, and is refused whole.
pub(super) fn parse(records: &Value, deployment: &Deployment<'_>) -> Result<Trigger, Refusal> {
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
        "aws:sns" => (SPEND_ALARM, Feed::SpendAlarms, spend_alarm::read_all(list, deployment)),
        "aws:sqs" => ("launch", Feed::Launches, launch::read_all(list, deployment)),
        "aws:s3" => return reports::read_all(list, deployment),
        other => return Err(Refusal::UnknownRecords(clean(other))),
    };
    Ok(Trigger { source, request: Request::Records(Records { feed, items }) })
}

/// The service that a record says it is from. SNS spells the key as nobody else does.
fn service(record: &Value) -> &str {
    record.get("EventSource").or_else(|| record.get("eventSource")).and_then(Value::as_str).unwrap_or("nowhere")
}
