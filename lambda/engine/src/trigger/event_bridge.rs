//! What EventBridge hands over by itself: the schedule, and nothing else.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use runawaytrain_core::vocabulary::text::clean;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::request::{Request, Selection, Trigger};

/// Reads the schedule. Launches and alarms have their own ways in; whatever else arrives from a bus is refused until
/// there is a rule for it.
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled-events.html>
pub(super) fn parse(event: &Map<String, Value>) -> Result<Trigger, Refusal> {
    let text = |key: &str| clean(event.get(key).and_then(Value::as_str).unwrap_or_default());
    match event.get("source").and_then(Value::as_str) {
        Some("aws.ec2") => return Err(Refusal::NotThroughQueue),
        // Also what an alarm with the function as its action sends, and that has no detail-type.
        // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
        Some("aws.cloudwatch") => return Err(Refusal::NotThroughTopic),
        _ => {}
    }
    let unknown = || Refusal::UnknownEvent { source_name: text("source"), detail_type: text("detail-type") };
    let read: EventBridgeEvent<Value> = serde_json::from_value(Value::Object(event.clone())).map_err(|_| unknown())?;
    if read.source == "aws.events" && read.detail_type == "Scheduled Event" {
        Ok(Trigger { source: "schedule", request: Request::Sweep(Selection::All) })
    } else {
        Err(unknown())
    }
}
