//! The names of calls that failures carry, against the permissions that the responder's role and the looking session
//! are given: whoever reads "denied iam:PutUserPolicy" in a mail must find that very action in the role. That the
//! permissions are what is really called, `scripts/privileges` proves from the compiled crate and from the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runawaytrain_core::contract::{CONTAIN, OBSERVE};

/// What the function calls as itself, in the payer.
const IN_THE_PAYER: &str = "organizations:";

#[test]
fn what_looks_and_what_acts_call_exactly_what_they_are_permitted() {
    let (looking, acting) = (calls_of("observe"), calls_of("act"));
    assert_eq!(in_members(&looking), OBSERVE.into_iter().map(str::to_owned).collect());
    assert_eq!(in_members(&acting), CONTAIN.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_payer_is_asked_for_no_more_than_the_quarantine() {
    let calls: BTreeSet<String> =
        calls_of("observe").into_iter().chain(calls_of("act")).filter(|call| call.starts_with(IN_THE_PAYER)).collect();
    assert_eq!(
        calls.iter().map(String::as_str).collect::<Vec<_>>(),
        ["organizations:AttachPolicy", "organizations:DetachPolicy", "organizations:ListPoliciesForTarget"]
    );
}

fn in_members(calls: &BTreeSet<String>) -> BTreeSet<String> {
    calls.iter().filter(|call| !call.starts_with(IN_THE_PAYER)).cloned().collect()
}

/// The calls named in a module: in `<name>.rs` and in the files of `<name>/`, outside of their tests.
fn calls_of(module: &str) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inner = std::fs::read_dir(source.join(module)).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = inner.chain([source.join(module).with_extension("rs")]).collect();
    files
        .iter()
        .flat_map(|file| calls_in(std::fs::read_to_string(file).unwrap().split("#[cfg(test)]").next().unwrap()))
        .collect()
}

/// The string literals of the form `service:Operation`.
fn calls_in(source: &str) -> Vec<String> {
    let is_call = |literal: &&str| {
        literal.split_once(':').is_some_and(|(service, operation)| {
            !service.is_empty()
                && service.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit())
                && operation.starts_with(|first: char| first.is_ascii_uppercase())
                && operation.chars().all(|character| character.is_ascii_alphanumeric())
        })
    };
    source.split('"').filter(is_call).map(str::to_owned).collect()
}
