//! A direct call: an object with an `action`, from an operator, a script or a test.

use jiff::Timestamp;
use runawaytrain_core::policy::{LimitSettings, WantedException};
use runawaytrain_core::resource::{ReleaseRequest, Start};
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName, UserName};
use runawaytrain_core::vocabulary::text::clean;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::request::{Deployment, Request, Selection, Trigger, kind};

/// Reads what a direct call asks for. Only here do halts, releases and exceptions come from.
pub(super) fn parse(
    action: &Value,
    event: &Map<String, Value>,
    deployment: &Deployment<'_>,
) -> Result<Trigger, Refusal> {
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
                None | Some(Value::Null | Value::Bool(false)) => Start::Nothing,
                Some(Value::Bool(true)) => Start::All,
                Some(Value::Array(_)) => Start::Named(names("start", event)?.into_iter().collect()),
                Some(other) => return Err(Refusal::BadStart(kind(other))),
            };
            let what = ReleaseRequest {
                users: names("users", event)?.into_iter().map(UserName::new).collect(),
                roles: names("roles", event)?.into_iter().map(RoleName::new).collect(),
                keys: names("keys", event)?.into_iter().collect(),
                start,
                trust: names("trust", event)?.into_iter().collect(),
            };
            Ok(Trigger {
                source: "release",
                request: Request::Release { account: one_account("release", event)?, what },
            })
        }
        "allow" => {
            let limits = event.get("limits").cloned().unwrap_or(Value::Null);
            let wanted = WantedException {
                limits: LimitSettings::from_json(limits).map_err(|why| Refusal::BadLimits(clean(&why.to_string())))?,
                until: moment("until", event)?,
                reason: text("reason", event)?.unwrap_or_default(),
                by: text("by", event)?,
            };
            Ok(Trigger { source: "allow", request: Request::Allow { account: one_account("allow", event)?, wanted } })
        }
        "revoke" => {
            let (account, by) = (one_account("revoke", event)?, text("by", event)?);
            Ok(Trigger { source: "revoke", request: Request::Revoke { account, by } })
        }
        "reports" => Ok(Trigger {
            source: "reports",
            request: Request::Reports(deployment.reports.ok_or(Refusal::NoReports)?.clone()),
        }),
        "status" => Ok(Trigger { source: "status", request: Request::Status }),
        unknown => Err(Refusal::UnknownAction(clean(unknown))),
    }
}

/// `accounts`, where there are any. An empty list is refused: it might mean all or none, and the difference is a
/// university.
pub(super) fn selection(event: &Map<String, Value>) -> Result<Selection, Refusal> {
    let list = match event.get("accounts") {
        None | Some(Value::Null) => return Ok(Selection::All),
        Some(Value::Array(list)) if list.is_empty() => {
            return Err(Refusal::BadAccounts("the list is empty; leave it out to mean all accounts".to_owned()));
        }
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

fn text(key: &'static str, event: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match event.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(clean(text))),
        Some(other) => Err(Refusal::BadText { key, found: kind(other) }),
    }
}

fn moment(key: &'static str, event: &Map<String, Value>) -> Result<Timestamp, Refusal> {
    let said = text(key, event)?.unwrap_or_default();
    said.parse().map_err(|_| Refusal::BadMoment { key, found: said })
}

fn names(key: &'static str, event: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let bad = |found: &Value| Refusal::BadNames { key, found: kind(found) };
    match event.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| bad(item))).collect()
        }
        Some(other) => Err(bad(other)),
    }
}
