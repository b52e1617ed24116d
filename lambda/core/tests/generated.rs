//! `infra/generated/` is made from the Rust types. This test fails when it is not what they say; `UPDATE_GENERATED=1`
//! writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests break loudly")]

use std::path::Path;

use runawaytrain_core::policy::PolicyDocument;
use runawaytrain_core::{contract, planner};
use serde_json::{Map, Value, json};

fn hold_against(file: &str, made: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/generated").join(file);
    let made = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "infra/generated/{file} is not what the Rust types say. Run: UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test generated"
    );
}

#[test]
fn the_policys_schema_is_up_to_date() {
    hold_against("policy.schema.json", schemars::schema_for!(PolicyDocument).as_value());
}

#[test]
fn the_contract_is_up_to_date() {
    let environment: Map<String, Value> = contract::ENVIRONMENT
        .iter()
        .map(|(name, required)| ((*name).to_owned(), json!(if *required { "required" } else { "optional" })))
        .collect();
    let contract = json!({
        "names": {
            "function": contract::FUNCTION,
            "functionRole": contract::FUNCTION_ROLE,
            "responderRole": contract::RESPONDER_ROLE,
            "forwarderRole": contract::FORWARDER_ROLE,
            "releaseRole": contract::RELEASE_ROLE,
            "quarantinePolicy": contract::QUARANTINE_POLICY,
            "protectPolicy": contract::PROTECT_POLICY,
            "revokePolicy": planner::REVOKE_POLICY,
            "table": contract::TABLE,
            "topic": contract::TOPIC,
            "alarmTopic": contract::ALARM_TOPIC,
            "spendAlarmPrefix": contract::SPEND_ALARM_PREFIX,
            "bus": contract::BUS,
            "launchQueue": contract::LAUNCH_QUEUE,
            "launchRule": contract::LAUNCH_RULE,
            "memberStackSet": contract::MEMBER_STACK_SET,
            "memberRegionStackSet": contract::MEMBER_REGION_STACK_SET,
            "reportBucketPrefix": contract::REPORT_BUCKET_PREFIX,
            "reportPrefix": contract::REPORT_PREFIX,
            "report": contract::REPORT,
            "failureQueue": contract::FAILURE_QUEUE,
            "logGroup": contract::LOG_GROUP,
            "heartbeatAlarm": contract::HEARTBEAT_ALARM,
            "lockoutPolicy": planner::LOCKOUT_POLICY,
            "externalIdPrefix": contract::EXTERNAL_ID_PREFIX,
            "policyFile": contract::POLICY_FILE,
            "homeRegion": contract::HOME_REGION,
        },
        "table": { "partitionKey": contract::PARTITION_KEY, "sortKey": contract::SORT_KEY, "expiry": contract::EXPIRY },
        "metrics": { "namespace": contract::METRIC_NAMESPACE, "heartbeat": contract::METRIC_HEARTBEAT, "coverage": contract::METRIC_COVERAGE },
        "environment": environment,
        "permissions": { "observe": contract::OBSERVE, "contain": contract::CONTAIN },
    });
    hold_against("contract.json", &contract);
}

/// The schema cannot be more generous than the types: a key that one knows and the other does not would be silently
/// without effect.
#[test]
fn unknown_keys_are_refused_at_every_level() {
    fn closed(schema: &Value, at: &str) {
        match schema {
            Value::Object(keys) => {
                if keys.contains_key("properties") {
                    assert_eq!(keys.get("additionalProperties"), Some(&json!(false)), "{at} takes unknown keys");
                }
                keys.iter().for_each(|(key, value)| closed(value, &format!("{at}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| closed(item, at)),
            _ => {}
        }
    }
    closed(schemars::schema_for!(PolicyDocument).as_value(), "");
}
