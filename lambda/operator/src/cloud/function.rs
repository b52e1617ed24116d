//! Lambda: the deployed guard, asked for an answer.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;

use aws_smithy_types::base64;
use runawaytrain_core::contract::FUNCTION;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use serde_json::Value;

use super::{CONNECT, Cloud, failure};

/// As long as a Lambda may run, and a little.
const PATIENCE: Duration = Duration::from_secs(910);
const OPERATION: &str = "lambda:InvokeFunction";

impl Cloud {
    /// The guard's own answer to an event. It is asked once and never again: a second invocation would be a second
    /// sweep.
    pub async fn ask_guard(&self, event: &Value) -> Result<Value, Failure> {
        let patient = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(PATIENCE).build();
        let client = Client::from_conf(
            Builder::from(&self.shared).retry_config(RetryConfig::disabled()).timeout_config(patient).build(),
        );
        let answer = client
            .invoke()
            .function_name(FUNCTION)
            .log_type(LogType::Tail)
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .map_err(|error| failure(OPERATION, &error))?;
        let said = answer.payload().map(|payload| String::from_utf8_lossy(payload.as_ref()).into_owned());
        let said = said.unwrap_or_default();
        let other = |detail: String| Failure::own(OPERATION, FailureKind::Other, detail);
        if let Some(error) = answer.function_error() {
            let log = answer.log_result().and_then(|log| base64::decode(log).ok()).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let last = log.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(&said);
            return Err(other(format!("the guard failed ({error}): {last}")));
        }
        match serde_json::from_str(&said) {
            Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
            _ => Err(other(format!("the guard gave no answer that can be read: {said}"))),
        }
    }
}
