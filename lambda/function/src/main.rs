//! The Lambda function `runawaytrain`. Wiring only: the environment, the policy and the AWS ports become a guard that
//! answers events.

mod environment;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use runawaytrain_aws::{Policies, Settings};
use runawaytrain_core::policy::Policy;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::Clock;
use runawaytrain_engine::sweep::Guard;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use crate::environment::Environment;

// One thread: the function waits for AWS nearly all the time, and at this memory size Lambda gives it a fraction of one
// core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_target(false)
        .with_env_filter(filter)
        .init();
    let guard = Arc::new(guard().inspect_err(|error| tracing::error!(error = %error, "runawaytrain cannot start"))?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let guard = Arc::clone(&guard);
        async move { answer(&guard, event).await }
    }))
    .await
}

fn guard() -> Result<Guard, Error> {
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let policy = policy(&environment)?;
    if *policy.payer() != environment.account {
        return Err(format!(
            "the environment variable accountnumber is {}, but the policy's payer is {}: deploy the policy of this \
             account",
            environment.account,
            policy.payer()
        )
        .into());
    }
    let settings = Settings {
        organization: policy.organization_id().to_owned(),
        has_chat: policy.has_chat(),
        policies: Policies {
            quarantine: environment.quarantine_policy,
            models: environment.models_policy,
            lockdown: environment.lockdown_policy,
        },
        table: environment.table,
        snstopic: environment.topic,
        accountnumber: environment.account,
        snsregion: environment.sns_region,
    };
    let ports = runawaytrain_aws::connect(&settings, Arc::new(WallClock));
    Ok(Guard::new(&ports, policy, environment.ceiling))
}

fn policy(environment: &Environment) -> Result<Policy, Error> {
    let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
    let path = root.join(&environment.policy_file);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("the policy {} (environment variable policyfile) cannot be read: {error}", path.display())
    })?;
    let policy = Policy::from_json(&text).map_err(|error| format!("the policy {}: {error}", path.display()))?;
    Ok(match environment.instance_limit {
        Some(limit) => policy.with_default_instance_limit(limit),
        None => policy,
    })
}

async fn answer(guard: &Guard, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let (event, context) = event.into_parts();
    let deadline =
        context.deadline().duration_since(SystemTime::now()).map_or_else(|_| Deadline::never(), Deadline::within);
    let answer = guard.handle(&event, &Invocation { id: context.request_id, deadline }).await;
    // Nobody reads the answer to a schedule: only an error is retried by Lambda and kept in the failure queue.
    // A batch of launches never fails so: its answer is always 200 and names the messages that come back.
    // Nor does a state machine read a status: a step of a sweep that was refused has failed as well.
    let is_step = event.get("sweep").is_some();
    if event.get("action").is_none() && (answer.status >= 500 || is_step && answer.status >= 400) {
        return Err(failed("SweepFailed", answer.body));
    }
    serde_json::to_value(answer).map_err(|error| failed("AnswerUnreadable", error.to_string()))
}

fn failed(kind: &str, why: String) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: why }
}

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
