//! Policies that are taken and policies that are refused. The CDK app runs the same files, so that the two cannot
//! disagree.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::policy::shape::UNTOLD;
use runawaytrain_core::policy::trust::Principal;
use runawaytrain_core::policy::{AccountPolicy, NotifyList, Policy, UserResponse};
use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId, UserName};
use runawaytrain_core::vocabulary::mode::Mode;
use serde_json::{Map, Value, json};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read(yaml: &str) -> Result<Policy, String> {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(yaml).map_err(|error| error.to_string())?;
    let json = serde_json::to_string(&value).map_err(|error| error.to_string())?;
    Policy::from_json(&json).map_err(|error| error.to_string())
}

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn limit(policy: &AccountPolicy, limit: Limit) -> Option<u64> {
    policy.limits.thresholds.get(&limit).copied()
}

#[test]
fn every_good_policy_is_taken() {
    for file in files("good") {
        if let Err(error) = read(&std::fs::read_to_string(&file).unwrap()) {
            panic!("{}: {error}", file.display());
        }
    }
}

#[test]
fn every_bad_policy_is_refused() {
    for file in files("bad") {
        assert!(read(&std::fs::read_to_string(&file).unwrap()).is_err(), "{} is taken", file.display());
    }
}

/// The base of the table of cases with other JSON at one key, given as text: some of it is no value of ours.
fn placed(base: &Value, at: &str, json: &str) -> String {
    const HOLE: &str = "<hole>";
    let mut policy = base.clone();
    let mut place = &mut policy;
    for key in at.split('.') {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
    }
    *place = HOLE.into();
    policy.to_string().replace(&format!("{HOLE:?}"), json)
}

/// `infra/test/policy-cases.test.ts` reads the same table as YAML, and holds the JSON in it to what is packed.
#[test]
fn both_readers_of_the_policy_decide_the_same() {
    let table: Value = serde_json::from_str(include_str!("policies/cases.json")).unwrap();
    let judge = |at: &str, column: &Value, accepted: bool| {
        // What the first reader cannot pack never comes here.
        for (written, json) in column.as_object().unwrap().iter().filter(|(_, json)| !json.is_null()) {
            let taken = Policy::from_json(&placed(&table["base"], at, json.as_str().unwrap()));
            assert_eq!(taken.is_ok(), accepted, "{at}: {written} as {json}: {:?}", taken.err());
        }
    };
    for kind in table["kinds"].as_array().unwrap() {
        for at in kind["at"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()) {
            judge(at, &kind["accepted"], true);
            judge(at, &kind["refused"], false);
            judge(at, &table["everywhere"], false);
        }
    }
}

/// Every place below a value, as JSON pointers.
fn places(value: &Value, at: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = below.iter().flat_map(|(step, value)| places(value, &format!("{at}/{step}")));
    std::iter::once(at.to_owned()).chain(below).collect()
}

/// The keys that a schema knows, whatever they are below.
fn keys(schema: &Value) -> BTreeSet<String> {
    let own = schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone());
    let below: Vec<&Value> = match schema {
        Value::Object(entries) => entries.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    own.chain(below.into_iter().flat_map(keys)).collect()
}

/// Whoever wrote `instances: many` must be told of a number, not of a `u32`.
#[test]
fn no_refusal_speaks_of_types_of_the_programs() {
    const OF_RUST: [&str; 30] = [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool",
        "char", "str", "string", "String", "Option", "Vec", "Some", "None", "struct", "enum", "tuple", "variant",
        "sequence", "integer", "boolean",
    ];
    let full: Value = serde_yaml_ng::from_str(include_str!("policies/good/everything.yaml")).unwrap();
    let places = places(&full, "");
    let schema: Value = serde_json::from_str(include_str!("../../../infra/generated/policy.schema.json")).unwrap();
    for key in keys(&schema) {
        assert!(places.iter().any(|place| place.ends_with(&format!("/{key}"))), "nothing is tried at {key}");
    }
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("odd"),
        json!([]),
        json!([[]]),
        json!([{}]),
        json!([1, 2, 3]),
        json!({}),
        json!({ "odd": 1 }),
    ];
    let mut refused = 0;
    for place in &places {
        for value in &values {
            let mut policy = full.clone();
            *policy.pointer_mut(place).unwrap() = value.clone();
            let Err(error) = Policy::from_json(&policy.to_string()) else { continue };
            let said = error.to_string();
            let words: BTreeSet<&str> = said.split(|one: char| !one.is_alphanumeric() && one != '_').collect();
            let alien: Vec<&&str> = OF_RUST.iter().filter(|word| words.contains(**word)).collect();
            assert!(alien.is_empty() && !said.contains(UNTOLD) && !said.contains("::"), "{place}: {said}");
            refused += 1;
        }
    }
    assert!(refused > 10 * places.len(), "{refused} of {}", places.len());
}

#[test]
fn the_sample_at_the_root_is_taken_and_starts_with_drills() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runawaytrain.yaml");
    let policy = read(&std::fs::read_to_string(sample).unwrap()).unwrap();
    assert_eq!(policy.mode(), Mode::Drill);
}

const OVERRIDES: &str = r#"
payer: "100000000000"
organization: {id: o-exampleorg}
defaults:
  limits: {instances: 20, vcpus: 128}
  notify: [team@example.edu]
  contain: {users: delete-credentials}
  exempt: {users: [Admin], instances: [i-0123456789abcdef0]}
accounts:
  "111111111111":
    name: physics
    limits: {instances: 4, warn: 0.5}
    notify: [physics@example.edu]
    exempt: {users: [kjanet]}
"#;

#[test]
fn limits_merge_notify_replaces_exempt_adds() {
    let policy = read(OVERRIDES).unwrap();
    let physics = policy.for_account(&account("111111111111"), None);
    assert_eq!((limit(&physics, Limit::Instances), limit(&physics, Limit::Vcpus)), (Some(4), Some(128)));
    assert_eq!(physics.limits.warn, 0.5);
    assert_eq!(physics.contain.users, UserResponse::DeleteCredentials);
    assert_eq!(physics.notify, NotifyList::Own(account("111111111111")));
    assert!(physics.exempts_user(&UserName::new("kjanet")) && physics.exempts_user(&UserName::new("Admin")));
    assert!(physics.exempts_user(&UserName::new("ADMIN")), "IAM knows no case in user names");
    assert!(physics.exempts_instance(&InstanceId::new("i-0123456789abcdef0")));

    let unnamed = policy.for_account(&account("222222222222"), None);
    assert_eq!((limit(&unnamed, Limit::Instances), unnamed.limits.warn, unnamed.mode), (Some(20), 0.8, Mode::Proceed));
    assert_eq!(unnamed.notify, NotifyList::Default);
    assert!(!unnamed.exempts_user(&UserName::new("kjanet")));
}

#[test]
fn the_payer_is_drilled_and_its_users_left_unless_its_entry_says_otherwise() {
    let payer = account("100000000000");
    let silent = read(OVERRIDES).unwrap().for_account(&payer, None);
    assert_eq!((silent.mode, silent.contain.users), (Mode::Drill, UserResponse::Leave));
    let entry = format!("{OVERRIDES}  \"100000000000\": {{mode: proceed, contain: {{users: deactivate}}}}\n");
    let spoken = read(&entry).unwrap().for_account(&payer, None);
    assert_eq!((spoken.mode, spoken.contain.users), (Mode::Proceed, UserResponse::Deactivate));
}

const TRUSTED: &str = r#"
payer: "100000000000"
organization: {id: o-exampleorg}
defaults:
  limits: {instances: 20}
  notify: [team@example.edu]
  trusted: {accounts: ["333333333333"], providers: [saml-provider/university, rolesanywhere.amazonaws.com]}
accounts:
  "111111111111":
    trusted: {accounts: [o-partnerorg1], providers: ["arn:aws:iam::111111111111:oidc-provider/accounts.google.com"]}
"#;

#[test]
fn nobody_outside_of_an_account_is_trusted_but_the_payer_and_whom_the_policy_names() {
    let policy = read(TRUSTED).unwrap();
    let (physics, quiet) =
        (policy.for_account(&account("111111111111"), None), policy.for_account(&account("222222222222"), None));
    let of = |id: &str| Principal::Account(account(id));
    let provider = |name: &str| Principal::Provider(name.to_owned());
    let organization = |ids: &[&str]| Principal::Organizations(ids.iter().map(|id| (*id).to_owned()).collect());

    for trusted in [of("100000000000"), of("333333333333"), provider("saml-provider/university")] {
        assert!(!physics.is_outsider(&trusted) && !quiet.is_outsider(&trusted), "{trusted}");
    }
    assert!(!physics.is_outsider(&of("111111111111")) && quiet.is_outsider(&of("111111111111")), "another member");
    // An account's own entry adds to the defaults.
    for own in [organization(&["o-partnerorg1"]), provider("accounts.google.com")] {
        assert!(!physics.is_outsider(&own) && quiet.is_outsider(&own), "{own}");
    }
    for outsider in [
        organization(&["o-exampleorg"]),
        organization(&["o-partnerorg1", "o-exampleorg"]),
        provider("token.actions.githubusercontent.com"),
        provider("saml-provider/university2"),
        Principal::Anybody,
    ] {
        assert!(physics.is_outsider(&outsider) && quiet.is_outsider(&outsider), "{outsider}");
    }
}

#[test]
fn ec2limit_replaces_the_default_limit_and_nothing_else() {
    let policy = read(OVERRIDES).unwrap().with_default_instance_limit(7);
    assert_eq!(limit(&policy.for_account(&account("222222222222"), None), Limit::Instances), Some(7));
    assert_eq!(limit(&policy.for_account(&account("222222222222"), None), Limit::Vcpus), Some(128));
    assert_eq!(limit(&policy.for_account(&account("111111111111"), None), Limit::Instances), Some(4));
}

#[test]
fn an_accounts_mode_cannot_exceed_the_policys() {
    let drilled = format!("mode: drill\n{OVERRIDES}  \"333333333333\": {{mode: proceed}}\n");
    assert_eq!(read(&drilled).unwrap().for_account(&account("333333333333"), None).mode, Mode::Drill);
}

#[test]
fn cost_reports_are_read_only_where_the_policy_says_so_and_from_whole_folders() {
    let place = |cur: &str| {
        read(&format!("{cur}{OVERRIDES}")).unwrap().cost_reports().map(|reports| (reports.bucket, reports.prefix))
    };
    let at = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
    assert_eq!(place(""), None);
    assert_eq!(place("cur: {}\n"), at("runawaytrain-cur-100000000000", "reports/"));
    assert_eq!(place("cur: {prefix: money}\n"), at("runawaytrain-cur-100000000000", "money/"));
    assert_eq!(place("cur: {bucket: payer-reports}\n"), at("payer-reports", ""));
    assert_eq!(place("cur: {bucket: payer-reports, prefix: cur/hourly}\n"), at("payer-reports", "cur/hourly/"));
    assert_eq!(place("cur: {bucket: payer-reports, prefix: cur/}\n"), at("payer-reports", "cur/"));
}
