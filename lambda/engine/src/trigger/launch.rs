//! A launch: EC2's event of a member, forwarded by EventBridge to the payer's bus and from there to the queue.
//!
//! A launch only says where to look. Who sent it is in the envelope, which EventBridge writes; nothing that its
//! `detail` says about an account is believed.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::SqsMessage;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::clean;
use serde::Deserialize;
use serde_json::Value;

use super::record::{Meaning, Record, by_place};
use super::refusal::LaunchRefusal;
use super::request::Deployment;

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-state-changes.html>
const STATE_CHANGE: &str = "EC2 Instance State-change Notification";
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
const API_CALL: &str = "AWS API Call via CloudTrail";

/// Reads the messages of a queue.
pub(super) fn read_all(list: &[Value], deployment: &Deployment<'_>) -> Vec<Record> {
    let queue = deployment.launch_queue();
    let read = |(place, record): (usize, &Value)| Record {
        id: record
            .get("messageId")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
            .map_or_else(|| by_place(place), str::to_owned),
        meaning: read(record, &queue).unwrap_or_else(|refusal| Meaning::Refused(refusal.into())),
    };
    list.iter().enumerate().map(read).collect()
}

fn read(record: &Value, queue: &str) -> Result<Meaning, LaunchRefusal> {
    let message =
        SqsMessage::deserialize(record).map_err(|error| LaunchRefusal::Unreadable(clean(&error.to_string())))?;
    if message.message_id.is_none_or(|id| id.is_empty()) {
        return Err(LaunchRefusal::Unreadable("it has no messageId".to_owned()));
    }
    let from = message.event_source_arn.unwrap_or_default();
    if from != queue {
        return Err(LaunchRefusal::WrongQueue { found: clean(&from), expected: queue.to_owned() });
    }
    let body = message.body.unwrap_or_default();
    let event: EventBridgeEvent<Value> =
        serde_json::from_str(&body).map_err(|error| LaunchRefusal::NotAnEvent(clean(&error.to_string())))?;
    // What happened is read from `detail`, but only ever to look less: it cannot choose an account.
    let detail = |key: &str| event.detail.get(key).and_then(Value::as_str).unwrap_or_default();
    let happened = match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.ec2", STATE_CHANGE) => detail("state"),
        ("aws.ec2", API_CALL) => detail("eventName"),
        (from, detail_type) => {
            return Err(LaunchRefusal::NotALaunch { from: clean(from), detail_type: clean(detail_type) });
        }
    };
    let account = event.account.unwrap_or_default();
    let account = AccountId::parse(&account).map_err(|_| LaunchRefusal::NoAccount(clean(&account)))?;
    match happened {
        "pending" | "running" | "RunInstances" => Ok(Meaning::Judge { account, said: None }),
        other => Ok(Meaning::Nothing(format!("{:?} launches nothing", clean(other)))),
    }
}
