//! A step of a distributed sweep: what our own state machine asks for, one state after the other.

use runawaytrain_core::vocabulary::text::clean;
use serde_json::{Map, Value};

use super::action;
use super::refusal::Refusal;
use super::request::{Request, ResultsAt, Selection, Step, SweepName, Trigger, kind};

/// The source of a sweep that many workers make.
pub const DISTRIBUTED: &str = "distributed";

/// Reads a step. `sweep` is the execution's name, which all of its steps have in common.
pub(super) fn parse(sweep: &Value, event: &Map<String, Value>) -> Result<Trigger, Refusal> {
    let name = sweep.as_str().and_then(SweepName::parse).ok_or_else(|| Refusal::BadSweep(told(sweep)))?;
    let step = match event.get("step").and_then(Value::as_str) {
        Some("list") => Step::List,
        Some("batch") => match action::selection(event)? {
            Selection::Only(accounts) => Step::Batch(accounts),
            Selection::All => return Err(Refusal::BadAccounts("a batch names its accounts".to_owned())),
        },
        Some("summary") => Step::Summary(event.get("results").map(results).transpose()?),
        _ => return Err(Refusal::BadStep(told(event.get("step").unwrap_or(&Value::Null)))),
    };
    Ok(Trigger { source: DISTRIBUTED, request: Request::Step(name, step) })
}

/// Where the results are, as Step Functions says it.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>
fn results(said: &Value) -> Result<ResultsAt, Refusal> {
    let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
    match (text("Bucket"), text("Key")) {
        (Some(bucket), Some(key)) => Ok(ResultsAt { bucket, key }),
        _ => Err(Refusal::BadResults(kind(said))),
    }
}

fn told(value: &Value) -> String {
    value.as_str().map_or_else(|| kind(value).to_owned(), |text| format!("{:?}", clean(text)))
}
