//! Any JSON that the Lambda is handed becomes one typed request, or a clear refusal.

use std::collections::BTreeSet;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::{Map, Value};
use thiserror::Error;

use runawaytrain_core::ids::AccountId;
use runawaytrain_core::text::clean;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    Pass,
    /// Look, decide, and contain where a limit is passed.
    Sweep(Selection),
    /// Look and decide, change nothing, remember nothing.
    Drill(Selection),
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
    /// Where it came from, for the report and the log: `schedule`, `proceed`, `batch` ….
    pub source: &'static str,
    /// What is to be done.
    pub request: Request,
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
    /// Something with keys, none of which says what to do.
    #[error("the event has no \"action\" and is no schedule: its keys are {0}; for a sweep send {{}} or {{\"action\":\"proceed\"}}")]
    NothingToDo(String),
    /// `accounts` is not a list of account ids.
    #[error("the event's \"accounts\" must be a list of 12-digit account ids as strings: {0}")]
    BadAccounts(String),
}

const KNOWN: &str = "pass, drill, proceed";

/// Reads an event. Keys that are not known are ignored, as the test events of old have some; actions that are not known are refused.
pub fn parse(event: &Value) -> Result<Trigger, Refusal> {
    let Value::Object(event) = event else { return Err(Refusal::NotAnObject(kind(event))) };
    if let Some(action) = event.get("action") {
        return by_action(action, event);
    }
    if event.is_empty() {
        return Ok(Trigger { source: "empty event", request: Request::Sweep(Selection::All) });
    }
    if event.contains_key("source") || event.contains_key("detail-type") {
        return by_event_bridge(event);
    }
    if event.contains_key("accounts") {
        return Ok(Trigger { source: "batch", request: Request::Sweep(selection(event)?) });
    }
    let keys: Vec<String> = event.keys().take(8).map(|key| format!("{:?}", clean(key))).collect();
    Err(Refusal::NothingToDo(keys.join(", ")))
}

fn by_action(action: &Value, event: &Map<String, Value>) -> Result<Trigger, Refusal> {
    let Value::String(action) = action else { return Err(Refusal::ActionNotAString(kind(action))) };
    match action.as_str() {
        "pass" => Ok(Trigger { source: "pass", request: Request::Pass }),
        "proceed" => Ok(Trigger { source: "proceed", request: Request::Sweep(selection(event)?) }),
        "drill" => Ok(Trigger { source: "drill", request: Request::Drill(selection(event)?) }),
        unknown => Err(Refusal::UnknownAction(clean(unknown))),
    }
}

/// EventBridge's schedule. Anything else that arrives from a bus is refused until there is a rule for it.
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled-events.html>
fn by_event_bridge(event: &Map<String, Value>) -> Result<Trigger, Refusal> {
    let text = |key: &str| clean(event.get(key).and_then(Value::as_str).unwrap_or_default());
    let unknown = || Refusal::UnknownEvent { source_name: text("source"), detail_type: text("detail-type") };
    let read: EventBridgeEvent<Value> = serde_json::from_value(Value::Object(event.clone())).map_err(|_| unknown())?;
    if read.source == "aws.events" && read.detail_type == "Scheduled Event" {
        Ok(Trigger { source: "schedule", request: Request::Sweep(Selection::All) })
    } else {
        Err(unknown())
    }
}

/// `accounts`, where there are any. An empty list is refused: it might mean all or none, and the difference is a university.
fn selection(event: &Map<String, Value>) -> Result<Selection, Refusal> {
    let list = match event.get("accounts") {
        None | Some(Value::Null) => return Ok(Selection::All),
        Some(Value::Array(list)) if list.is_empty() => return Err(Refusal::BadAccounts("the list is empty; leave it out to mean all accounts".to_owned())),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(Refusal::BadAccounts(format!("found {}", kind(other)))),
    };
    let read = |item: &Value| match item {
        Value::String(text) => AccountId::parse(text).map_err(|bad| Refusal::BadAccounts(bad.to_string())),
        other => Err(Refusal::BadAccounts(format!("found {} in the list", kind(other)))),
    };
    list.iter().map(read).collect::<Result<_, _>>().map(Selection::Only)
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
