//! The calls of each kind of resource, against the lists from which the responder's role and the looking session are
//! made: whoever reads "denied iam:PutUserPolicy" in a mail must find that very action in the role. That the
//! permissions are what is really called, `scripts/privileges` proves from the compiled crate and from the wire.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Kind, SIMULATE, root};

#[test]
fn each_kind_calls_exactly_what_it_lists() {
    for kind in Kind::ALL.iter().copied() {
        // AWS permits what is called in a session as root; no role of ours needs to.
        let as_root: &[root::Action] = match kind {
            Kind::Root => &[root::Action::DeleteRootKeys, root::Action::DeleteRootPassword],
            _ => &[],
        };
        let listed = kind.reads().iter().chain(kind.calls());
        let listed = listed.chain(as_root.iter().flat_map(|action| action.calls()));
        let listed: BTreeSet<String> = listed.map(|call| method_of(call)).collect();
        assert_eq!(methods_in(&source_of(kind)), listed, "{}", kind.name());
    }
    assert_eq!(methods_in(&without_tests(&source().join("observer.rs"))), [method_of(DESCRIBE_REGIONS)].into());
    assert_eq!(methods_in(&without_tests(&source().join("simulator.rs"))), [method_of(SIMULATE)].into());
    for file in ["actuator.rs", "resource.rs", "resource/call.rs"] {
        assert_eq!(methods_in(&without_tests(&source().join(file))), BTreeSet::new(), "{file}");
    }
}

#[test]
fn every_call_that_is_named_is_one_of_the_kinds_reads() {
    for kind in Kind::ALL.iter().copied() {
        let reads: BTreeSet<String> = kind.reads().iter().map(|call| (*call).to_owned()).collect();
        assert_eq!(calls_named_in(&source_of(kind)), reads, "{}", kind.name());
    }
    for file in ["observer.rs", "simulator.rs", "actuator.rs", "resource.rs", "resource/call.rs"] {
        assert_eq!(calls_named_in(&without_tests(&source().join(file))), BTreeSet::new(), "{file}");
    }
}

#[test]
fn what_looks_does_not_act() {
    for kind in Kind::ALL.iter().copied() {
        let (reads, calls): (BTreeSet<_>, BTreeSet<_>) = (kind.reads().iter().collect(), kind.calls().iter().collect());
        assert!(reads.is_disjoint(&calls), "{}", kind.name());
    }
    assert!(Kind::observe().is_disjoint(&Kind::contain()));
}

#[test]
fn what_members_are_asked_for_is_what_the_lists_permit() {
    let looked_at = Kind::ALL.iter().filter(|kind| kind.caller() == Caller::Member);
    let reads = looked_at.flat_map(|kind| kind.reads()).copied().chain([DESCRIBE_REGIONS, SIMULATE]);
    let reads: BTreeSet<&str> = reads.collect();
    assert_eq!(reads, Kind::observe());
    let changed = Kind::ALL.iter().filter(|kind| kind.actor() == Caller::Member);
    assert_eq!(changed.flat_map(|kind| kind.calls()).copied().collect::<BTreeSet<_>>(), Kind::contain());
    let organizations = |call: &&&str| call.starts_with("organizations:");
    assert_eq!(Kind::observe().union(&Kind::contain()).filter(organizations).count(), 0);
}

#[test]
fn the_payer_is_asked_for_no_more_than_the_quarantine_and_sessions_as_root() {
    let looked_at = Kind::ALL.iter().filter(|kind| kind.caller() == Caller::Payer).flat_map(|kind| kind.reads());
    let changed = Kind::ALL.iter().filter(|kind| kind.actor() == Caller::Payer).flat_map(|kind| kind.calls());
    assert_eq!(
        looked_at.chain(changed).copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        [
            "organizations:AttachPolicy",
            "organizations:DetachPolicy",
            "organizations:ListPoliciesForTarget",
            "sts:AssumeRoot",
        ]
    );
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// What users and roles share.
const SHARED: [&str; 2] = ["deny_all", "details"];

/// The files of a kind: `<kind>.rs`, those in `<kind>/` and those that it shares with others, outside of their tests.
fn source_of(kind: Kind) -> String {
    let mut name = String::new();
    for character in format!("{kind:?}").chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    let room = source().join("resource").join(name);
    let parts = std::fs::read_dir(&room).into_iter().flatten().map(|entry| entry.unwrap().path());
    let own: String = parts.chain([room.with_extension("rs")]).map(|file| without_tests(&file)).collect();
    let shared = SHARED.iter().filter(|name| own.contains(&format!("{name}::")));
    let shared: String =
        shared.map(|name| without_tests(&source().join("resource").join(name).with_extension("rs"))).collect();
    own + &shared
}

fn without_tests(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The SDK's method for a call, without its underscores: `ec2:StopInstances` is `stopinstances`.
fn method_of(call: &str) -> String {
    call.split_once(':').map_or(call, |(_, operation)| operation).to_lowercase()
}

/// The methods of an SDK's client that are called: wherever it stands, a client is called `client`.
fn methods_in(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in source.split("client").skip(1) {
        let Some(method) = after.trim_start().strip_prefix('.') else { continue };
        let name: String = method.chars().take_while(|next| next.is_ascii_alphanumeric() || *next == '_').collect();
        if method.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('(')) {
            found.insert(name.replace('_', ""));
        }
    }
    found
}

/// The string literals of the form `service:Operation`.
fn calls_named_in(source: &str) -> BTreeSet<String> {
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
