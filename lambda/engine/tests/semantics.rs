//! `lambda/SEMANTICS.md` says what is done; each of its sentences names the test, or the scenario file, that holds it,
//! and each test of behaviour and each scenario has its sentence.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Tests that are not about what the guard does, each with the reason. They need no sentence.
const NOT_BEHAVIOUR: &[(&str, &str)] = &[
    ("every_sentence_is_tied_to_a_test_that_exists", "it is about the document"),
    ("every_test_of_behaviour_has_a_sentence", "it is about the document"),
    ("every_scenario_ends_as_it_says", "it plays the scenarios, and each of those has its own sentence"),
    ("the_policys_schema_is_up_to_date", "it holds a generated file against the types"),
    ("the_contract_is_up_to_date", "it holds a generated file against the types"),
    ("the_reference_of_the_policys_keys_is_up_to_date", "it holds a generated table against the types"),
    ("each_kind_of_mail_has_its_heading_in_the_runbook", "it is about the document"),
    ("each_action_has_its_heading_among_the_events", "it is about the document"),
];

fn lambda() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of functions below these folders that carry a test attribute, or stand in a `proptest!`.
fn tests(folders: &[&str]) -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in folders {
        sources(&lambda().join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut attributed = false;
        for line in text.lines().map(str::trim) {
            if line == "#[test]" || line.starts_with("#[tokio::test") {
                attributed = true;
            } else if let Some(rest) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))
                && std::mem::take(&mut attributed)
            {
                names.insert(rest.split(['(', '<']).next().unwrap().to_owned());
            }
        }
    }
    names
}

/// The scenario files, as a sentence names them.
fn scenarios() -> BTreeSet<String> {
    let folder = lambda().join("engine/tests/scenarios");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".txt")).map(|name| format!("scenarios/{name}")).collect()
}

/// The sentences, each with the name it ends in. It is empty where there is none.
fn sentences() -> Vec<(&'static str, &'static str)> {
    include_str!("../../SEMANTICS.md")
        .lines()
        .filter(|line| line.starts_with("- "))
        .map(|line| (line, line.strip_suffix('`').and_then(|line| line.rsplit('`').next()).unwrap_or_default()))
        .collect()
}

#[test]
fn every_sentence_is_tied_to_a_test_that_exists() {
    let (tests, scenarios) = (tests(&["core", "engine", "aws", "function", "testbed", "model"]), scenarios());
    for (sentence, name) in sentences() {
        assert!(tests.contains(name) || scenarios.contains(name), "no such test: {sentence}");
    }
}

#[test]
fn every_test_of_behaviour_has_a_sentence() {
    let named: BTreeSet<String> = sentences().into_iter().map(|(_, name)| name.to_owned()).collect();
    let excepted: BTreeSet<String> = NOT_BEHAVIOUR.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut held = tests(&["core/tests", "engine/tests", "model/tests"]);
    held.extend(scenarios());

    let silent: Vec<_> = held.iter().filter(|name| !named.contains(*name) && !excepted.contains(*name)).collect();
    assert!(
        silent.is_empty(),
        "lambda/SEMANTICS.md does not say what these hold. Add a line for each, \"- What the guard does. `name`\", or \
         add it to NOT_BEHAVIOUR with the reason: {silent:#?}"
    );
    let stale: Vec<_> = excepted.iter().filter(|name| !held.contains(*name) || named.contains(*name)).collect();
    assert!(stale.is_empty(), "take these out of NOT_BEHAVIOUR, they have a sentence or are no test: {stale:#?}");
}
