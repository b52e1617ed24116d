//! Any JSON that the Lambda is handed becomes one typed request, or a clear refusal. One trigger a file.

mod action;
mod distributed;
mod event_bridge;
mod launch;
mod record;
mod records;
mod refusal;
pub(crate) mod reports;
mod request;
mod spend_alarm;

use serde_json::{Map, Value};

use runawaytrain_core::vocabulary::text::clean;

pub use distributed::DISTRIBUTED;
pub use record::{Feed, Meaning, Record, Records};
pub use refusal::{AlarmRefusal, LaunchRefusal, RecordRefusal, Refusal};
pub use request::{Deployment, Request, ResultsAt, SPEND_ALARM, Selection, Step, SweepName, Trigger};

/// Reads an event. Keys that are not known are ignored, as the test events of old have some; actions that are not known
/// are refused.
pub fn parse(event: &Value, deployment: &Deployment<'_>) -> Result<Trigger, Refusal> {
    let Value::Object(event) = event else { return Err(Refusal::NotAnObject(request::kind(event))) };
    if let Some(action) = event.get("action") {
        return action::parse(action, event, deployment);
    }
    if event.is_empty() {
        return Ok(Trigger { source: "empty event", request: Request::Sweep(Selection::All) });
    }
    if let Some(records) = event.get("Records") {
        return records::parse(records, deployment);
    }
    if let Some(sweep) = event.get("sweep") {
        return distributed::parse(sweep, event);
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
