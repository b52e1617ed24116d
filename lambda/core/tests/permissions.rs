//! What the policy simulator is asked, against what the template of the members grants.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;

use runawaytrain_core::contract::RESPONDER_ROLE;
use runawaytrain_core::plan::permissions::{Question, Responder, Value};
use runawaytrain_core::resource::{Kind, SIMULATE};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use serde_yaml_ng::Value as Yaml;

const ACCOUNT: &str = "111111111111";

fn responder(region: &str) -> Responder {
    let account = AccountId::parse(ACCOUNT).unwrap();
    Responder { account, organization: "o-exampleorg".to_owned(), region: Region::new(region) }
}

/// The call and the resource of each grant of the responder, and the condition keys with the value that each must have.
fn grants() -> Vec<(String, String, BTreeMap<String, String>)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stacksets/member.yaml");
    let template: Yaml = serde_yaml_ng::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let role = &template["Resources"]["Responder"]["Properties"];
    assert_eq!(role["RoleName"].as_str(), Some(RESPONDER_ROLE));
    let mut grants = Vec::new();
    for statement in role["Policies"][0]["PolicyDocument"]["Statement"].as_sequence().unwrap() {
        let condition: BTreeMap<String, String> = match &statement["Condition"] {
            Yaml::Null => BTreeMap::new(),
            condition => serde_yaml_ng::from_value(condition["ArnEquals"].clone()).unwrap(),
        };
        let resource = text(&statement["Resource"]).replace("${AWS::AccountId}", ACCOUNT);
        let actions = match &statement["Action"] {
            Yaml::Sequence(actions) => actions.iter().map(text).collect(),
            action => vec![text(action)],
        };
        grants.extend(actions.into_iter().map(|action| (action, resource.clone(), condition.clone())));
    }
    grants
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::Tagged(function) => text(&function.value),
        value => value.as_str().unwrap().to_owned(),
    }
}

/// Whether an ARN is one of those that a grant's pattern names.
fn fits(pattern: &str, arn: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == arn,
        Some((before, after)) => arn.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
        }),
    }
}

#[test]
fn every_call_of_a_halt_is_asked_about_once_on_what_the_role_is_granted_it_on() {
    let (questions, grants) = (responder("eu-west-1").questions(), grants());
    let asked: Vec<&str> = questions.iter().flat_map(|question| question.actions.iter().copied()).collect();
    assert_eq!(asked.len(), Kind::contain().len());
    assert_eq!(asked.iter().copied().collect::<std::collections::BTreeSet<_>>(), Kind::contain());
    assert!(!asked.contains(&SIMULATE));
    for Question { actions, resource, context, .. } in &questions {
        let context: BTreeMap<&str, &Value> = context.iter().map(|(key, value)| (*key, value)).collect();
        for action in actions {
            let granted = grants.iter().find(|(granted, ..)| granted == action);
            let (_, pattern, condition) = granted.unwrap_or_else(|| panic!("{action} is not granted"));
            assert!(fits(pattern, resource), "{action} is granted on {pattern} and asked on {resource}");
            for (key, value) in condition {
                assert_eq!(context.get(key.as_str()), Some(&&Value::Text(value.clone())), "{action}: {key}");
            }
        }
    }
}

#[test]
fn the_simulator_is_granted_on_the_role_that_is_asked_about_and_no_other() {
    let responder = responder("eu-west-1");
    let granted: Vec<_> = grants().into_iter().filter(|(action, ..)| action == SIMULATE).collect();
    assert_eq!(granted, [(SIMULATE.to_owned(), responder.arn(), BTreeMap::new())]);
    assert!(responder.questions().iter().all(|question| question.principal == responder.arn()));
}

#[test]
fn what_is_regional_is_asked_where_the_account_is_open_and_iam_where_it_answers() {
    for question in responder("eu-west-1").questions() {
        let is_global = question.resource.starts_with("arn:aws:iam:");
        let region = if is_global { "us-east-1" } else { "eu-west-1" };
        let requested = ("aws:RequestedRegion", Value::Text(region.to_owned()));
        assert!(question.context.contains(&requested), "{question:?}");
        assert_eq!(question.resource.contains("eu-west-1"), !is_global, "{question:?}");
    }
    assert_eq!(responder("eu-west-1").fingerprint(), responder("eu-west-1").fingerprint());
    assert_ne!(responder("eu-west-1").fingerprint(), responder("eu-west-2").fingerprint(), "something else is asked");
}
