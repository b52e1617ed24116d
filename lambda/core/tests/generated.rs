//! `infra/generated/` and the table of keys in `docs/policy.md` are made from the Rust types. This test fails when they
//! are not what those say; `UPDATE_GENERATED=1` writes them anew.
#![cfg(test)]

mod policy_keys;

use std::path::Path;

use runawaytrain_core::contract;
use runawaytrain_core::measure::limit::LIMITS;
use runawaytrain_core::policy::PolicyDocument;
use runawaytrain_core::policy::known_roles::{NAMES, Name, PATHS};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::Kind;
use runawaytrain_core::resource::roles::REVOKE_POLICY;
use runawaytrain_core::resource::users::LOCKOUT_POLICY;
use runawaytrain_core::vocabulary::mode::Mode;
use serde_json::{Map, Value, json};

fn hold_against(file: &str, made: &Value) {
    hold(&format!("infra/generated/{file}"), |_| format!("{}\n", serde_json::to_string_pretty(made).unwrap()));
}

/// Compares a file with what is made of it, or writes it.
fn hold(file: &str, make: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let made = make(&found);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        found == made,
        "{file} is not what the Rust types say. Run: \
         UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test generated"
    );
}

#[test]
fn the_policys_schema_is_up_to_date() {
    hold_against("policy.schema.json", schemars::schema_for!(PolicyDocument).as_value());
}

#[test]
fn the_reference_of_the_policys_keys_is_up_to_date() {
    hold("docs/policy.md", |document| {
        let (before, rest) = document.split_once(policy_keys::BEGIN).expect("where the keys begin");
        let (_, after) = rest.split_once(policy_keys::END).expect("where the keys end");
        format!("{before}{}{}{}{after}", policy_keys::BEGIN, policy_keys::table(), policy_keys::END)
    });
}

/// From the least on.
const MODES: [Mode; 3] = [Mode::Pass, Mode::Drill, Mode::Proceed];

fn names<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|each| each.to_string()).collect()
}

#[test]
fn the_contract_is_up_to_date() {
    assert!(MODES.is_sorted());
    let environment: Map<String, Value> = contract::ENVIRONMENT
        .iter()
        .map(|(name, required)| ((*name).to_owned(), json!(if *required { "required" } else { "optional" })))
        .collect();
    let never_touched = NAMES.map(|(name, _, _)| match name {
        Name::Exactly(name) => json!({ "exactly": name }),
        Name::Prefix(beginning) => json!({ "prefix": beginning }),
        Name::Pattern(pattern) => json!({ "pattern": pattern }),
    });
    let contained = State::ALL.into_iter().filter(|state| state.is_contained());
    let limits: Vec<Value> = LIMITS
        .iter()
        .map(|row| json!({ "key": row.key, "unit": row.unit, "running": row.limit.is_of_running() }))
        .collect();
    let contract = json!({
        "names": {
            "function": contract::FUNCTION,
            "functionRole": contract::FUNCTION_ROLE,
            "responderRole": contract::RESPONDER_ROLE,
            "forwarderRole": contract::FORWARDER_ROLE,
            "releaseRole": contract::RELEASE_ROLE,
            "quarantinePolicy": contract::QUARANTINE_POLICY,
            "modelsPolicy": contract::MODELS_POLICY,
            "lockdownPolicy": contract::LOCKDOWN_POLICY,
            "protectPolicy": contract::PROTECT_POLICY,
            "revokePolicy": REVOKE_POLICY,
            "table": contract::TABLE,
            "topic": contract::TOPIC,
            "alarmTopic": contract::ALARM_TOPIC,
            "spendAlarmPrefix": contract::SPEND_ALARM_PREFIX,
            "bus": contract::BUS,
            "launchQueue": contract::LAUNCH_QUEUE,
            "launchRule": contract::LAUNCH_RULE,
            "memberStackSet": contract::MEMBER_STACK_SET,
            "memberRegionStackSet": contract::MEMBER_REGION_STACK_SET,
            "memberAlarmsStackSet": contract::MEMBER_ALARMS_STACK_SET,
            "reportBucketPrefix": contract::REPORT_BUCKET_PREFIX,
            "reportPrefix": contract::REPORT_PREFIX,
            "report": contract::REPORT,
            "stateMachine": contract::STATE_MACHINE,
            "sweepBucketPrefix": contract::SWEEP_BUCKET_PREFIX,
            "sweepPrefix": contract::SWEEP_PREFIX,
            "failureQueue": contract::FAILURE_QUEUE,
            "logGroup": contract::LOG_GROUP,
            "heartbeatAlarm": contract::HEARTBEAT_ALARM,
            "lockoutPolicy": LOCKOUT_POLICY,
            "externalIdPrefix": contract::EXTERNAL_ID_PREFIX,
            "policyFile": contract::POLICY_FILE,
            "homeRegion": contract::HOME_REGION,
        },
        "table": { "partitionKey": contract::PARTITION_KEY, "sortKey": contract::SORT_KEY, "expiry": contract::EXPIRY },
        "metrics": {
            "namespace": contract::METRIC_NAMESPACE,
            "table": contract::METRICS,
            "accountLine": contract::ACCOUNT_LINE,
        },
        "environment": environment,
        "permissions": { "observe": Kind::observe(), "contain": Kind::contain() },
        "states": { "all": names(State::ALL), "contained": names(contained) },
        "modes": MODES,
        "neverTouched": { "roles": never_touched, "paths": PATHS.map(|(path, _)| path) },
        "limits": limits,
        "launches": {
            "batch": contract::LAUNCH_BATCH,
            "concurrency": contract::LAUNCH_CONCURRENCY,
            "functionTimeoutSeconds": contract::FUNCTION_TIMEOUT.as_secs(),
            "receives": contract::LAUNCH_RECEIVES,
            "visibilitySeconds": contract::LAUNCH_VISIBILITY.as_secs(),
            "windowSeconds": contract::LAUNCH_WINDOW.as_secs(),
        },
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

/// How wide a number is in Rust, no other reader of the schema knows.
#[test]
fn every_number_of_the_policy_has_its_bounds_in_the_schema() {
    fn bounded(schema: &Value, at: &str) {
        match schema {
            Value::Object(keys) => {
                if [json!("integer"), json!("number")].contains(&schema["type"]) {
                    let has = |words: [&str; 2]| words.iter().any(|word| keys.contains_key(*word));
                    assert!(
                        has(["minimum", "exclusiveMinimum"]) && has(["maximum", "exclusiveMaximum"]),
                        "{at}: {schema}"
                    );
                }
                assert!(
                    !keys.contains_key("format"),
                    "{at} leaves its form to whoever knows what {} is",
                    keys["format"]
                );
                keys.iter().for_each(|(key, value)| bounded(value, &format!("{at}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| bounded(item, at)),
            _ => {}
        }
    }
    bounded(schemars::schema_for!(PolicyDocument).as_value(), "");
}
