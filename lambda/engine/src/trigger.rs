//! Any JSON that the Lambda is handed becomes one typed request, or a clear refusal.

use std::collections::BTreeSet;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::{Map, Value};
use thiserror::Error;

use runawaytrain_core::ids::{AccountId, RoleName, UserName};
use runawaytrain_core::text::clean;
use runawaytrain_core::undo::Wish;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    Pass,
    /// Look, decide, and contain where a limit is passed.
    Sweep(Selection),
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

const KNOWN: &str = "pass, drill, proceed, halt, release, status";

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
        "halt" => {
            let reason = match event.get("reason").and_then(Value::as_str).map(clean) {
                Some(reason) if !reason.trim().is_empty() => reason,
                _ => "no reason given".to_owned(),
            };
            Ok(Trigger { source: "halt", request: Request::Halt { account: one_account("halt", event)?, reason } })
        }
        "release" => {
            let start = match event.get("start") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(start)) => *start,
                Some(other) => return Err(Refusal::BadStart(kind(other))),
            };
            let wish = Wish {
                users: names("users", event)?.into_iter().map(UserName::new).collect(),
                roles: names("roles", event)?.into_iter().map(RoleName::new).collect(),
                keys: names("keys", event)?.into_iter().collect(),
                start,
            };
            Ok(Trigger { source: "release", request: Request::Release { account: one_account("release", event)?, wish } })
        }
        "status" => Ok(Trigger { source: "status", request: Request::Status }),
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

fn one_account(action: &'static str, event: &Map<String, Value>) -> Result<AccountId, Refusal> {
    let bad = |found: String| Refusal::BadAccount { action, found };
    match event.get("account") {
        None | Some(Value::Null) => Err(bad("it is missing".to_owned())),
        Some(Value::String(text)) => AccountId::parse(text).map_err(|error| bad(error.to_string())),
        Some(other) => Err(bad(format!("found {}", kind(other)))),
    }
}

fn names(key: &'static str, event: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let bad = |found: &Value| Refusal::BadNames { key, found: kind(found) };
    match event.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| bad(item))).collect(),
        Some(other) => Err(bad(other)),
    }
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
