//! The walls between the crates, checked against what cargo would really link.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that a crate links when it ships: normal dependencies, build and test ones left out.
fn linked(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--no-dedupe",
            "--offline",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect::<BTreeSet<_>>();
    assert!(names.contains(package));
    names
}

fn with_prefix<'a>(crates: &'a BTreeSet<String>, prefixes: &[&str]) -> Vec<&'a String> {
    crates.iter().filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}

#[test]
fn the_core_is_pure() {
    let found = linked("runawaytrain-core");
    assert_eq!(
        with_prefix(&found, &["tokio", "aws", "hyper", "reqwest", "futures", "async", "chrono", "mio"]),
        Vec::<&String>::new()
    );
    assert_eq!(with_prefix(&found, &["runawaytrain"]), ["runawaytrain-core"]);
}

#[test]
fn the_engine_knows_no_sdk() {
    let found = linked("runawaytrain-engine");
    assert_eq!(with_prefix(&found, &["aws-sdk", "aws-config", "aws-smithy", "hyper", "rustls"]), Vec::<&String>::new());
    assert_eq!(
        with_prefix(&found, &["runawaytrain"]),
        ["runawaytrain-core", "runawaytrain-cur", "runawaytrain-engine"]
    );
}

#[test]
fn the_report_reader_is_pure() {
    let found = linked("runawaytrain-cur");
    // The decoder of Parquet brings chrono along, and asks it for no time.
    assert_eq!(
        with_prefix(&found, &["tokio", "aws", "hyper", "reqwest", "futures", "async", "mio"]),
        Vec::<&String>::new()
    );
    assert_eq!(with_prefix(&found, &["runawaytrain"]), ["runawaytrain-core", "runawaytrain-cur"]);
}

#[test]
fn the_testbed_builds_without_the_sdk_and_never_ships() {
    assert_eq!(
        with_prefix(&linked("runawaytrain-testbed"), &["aws-sdk", "aws-config", "aws-smithy"]),
        Vec::<&String>::new()
    );
    assert!(!linked("runawaytrain-function").contains("runawaytrain-testbed"));
}

#[test]
fn the_model_builds_without_the_sdk_and_never_ships() {
    assert_eq!(
        with_prefix(&linked("runawaytrain-model"), &["aws-sdk", "aws-config", "aws-smithy", "hyper"]),
        Vec::<&String>::new()
    );
    for shipped in ["runawaytrain-function", "runawaytrain-operator"] {
        assert_eq!(
            with_prefix(&linked(shipped), &["runawaytrain-model", "stateright", "tiny_http"]),
            Vec::<&String>::new()
        );
    }
}

#[test]
fn the_double_of_the_bench_knows_no_other_crate_and_never_ships() {
    assert_eq!(with_prefix(&linked("runawaytrain-bench"), &["runawaytrain", "aws"]), ["runawaytrain-bench"]);
    for ships in ["runawaytrain-function", "runawaytrain-operator"] {
        assert!(!linked(ships).contains("runawaytrain-bench"), "{ships}");
    }
}

#[test]
fn the_sdk_comes_without_its_legacy_http_stack() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "runawaytrain-function",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--offline",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("hyper v1"), "{tree}");
    assert!(!tree.contains("hyper v0.") && !tree.contains("rustls v0.21"), "the SDK's default features came back");
}

/// SDK types stop in `lambda/aws`: nothing else names an SDK crate in its manifest or its sources.
#[test]
fn only_the_aws_crate_names_the_sdk() {
    let lambda = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["core", "cur", "engine", "function", "testbed", "model"] {
        let manifest = std::fs::read_to_string(lambda.join(name).join("Cargo.toml")).unwrap();
        assert!(
            !manifest.contains("aws-sdk") && !manifest.contains("aws-smithy") && !manifest.contains("aws-config"),
            "{name}"
        );
    }
    let facade = std::fs::read_to_string(lambda.join("aws/src/lib.rs")).unwrap();
    let public = facade.lines().filter(|line| {
        line.trim_start().starts_with("pub ")
            && (line.contains("aws_sdk") || line.contains("aws_smithy") || line.contains("SdkConfig"))
    });
    assert_eq!(public.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// The command has clients of its own, for what the function may not call: they stop in one module.
#[test]
fn the_operator_names_the_sdk_in_one_module() {
    let lambda = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let operator = lambda.join("operator/src");
    let named: Vec<PathBuf> = sources(&operator)
        .into_iter()
        .filter(|(_, code)| {
            ["aws_sdk", "aws_smithy", "aws_config", "aws_credential"].iter().any(|sdk| code.contains(sdk))
        })
        .map(|(path, _)| path.strip_prefix(&operator).unwrap().to_owned())
        .filter(|path| !path.starts_with("cloud") && path != Path::new("cloud.rs"))
        .collect();
    assert_eq!(named, Vec::<PathBuf>::new());
    assert_eq!(
        with_prefix(&linked("runawaytrain-operator"), &["runawaytrain"]),
        ["runawaytrain-aws", "runawaytrain-core", "runawaytrain-cur", "runawaytrain-engine", "runawaytrain-operator"]
    );
}

/// The operator's rights are an administrator's: of all ports, only those that look and those that read leave the two
/// files which make types of them that can do no more.
#[test]
fn the_operators_commands_are_handed_nothing_that_acts_or_writes() {
    let operator = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/src");
    let named: Vec<PathBuf> = sources(&operator)
        .into_iter()
        .filter(|(_, code)| {
            ["Ports", "Actuator", "States", "Journal", "Outbox", "Slots"].iter().any(|port| names(code, port))
        })
        .map(|(path, _)| path.strip_prefix(&operator).unwrap().to_owned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(named, [Path::new("table.rs"), Path::new("undeployed.rs")]);
}

/// Whether a code names something: as a word of its own.
fn names(code: &str, word: &str) -> bool {
    code.split(|one: char| !one.is_ascii_alphanumeric() && one != '_').any(|found| found == word)
}

/// Every source below a folder, but for what it has of tests.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if is_for_tests(&path) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((path, code));
        }
    }
    found
}

/// Whether the module above has a file for tests alone: `#[cfg(test)] mod tests;`.
fn is_for_tests(path: &Path) -> bool {
    let above = path.parent().unwrap().with_extension("rs");
    path.file_name().is_some_and(|name| name == "tests.rs")
        && std::fs::read_to_string(above).is_ok_and(|text| text.contains("#[cfg(test)]\nmod tests;"))
}

/// Outside of its file in the core, nothing in the core or the engine names a kind of resource, or a new one would need
/// a change there. The quarantine is the exception: freezing is a stage of its own.
#[test]
fn stages_name_no_kind_but_the_quarantine() {
    let lambda = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let list = std::fs::read_to_string(lambda.join("core/src/resource.rs")).unwrap();
    let (_, list) = list.split_once("kinds! {").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let kinds: Vec<(&str, &str)> =
        list.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(" in ")).collect();
    assert!(kinds.contains(&("Instances", "instances")) && kinds.contains(&("Quarantine", "quarantine")), "{kinds:?}");

    let mut named = BTreeSet::new();
    let all =
        [lambda.join("core/src"), lambda.join("engine/src")].iter().flat_map(|root| sources(root)).collect::<Vec<_>>();
    for (path, code) in all.iter().filter(|(path, _)| !path.to_string_lossy().contains("core/src/resource")) {
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        for (kind, room) in &kinds {
            let names = [
                format!("Kind::{kind}"),
                format!("Sight::{kind}"),
                format!("Action::{kind}"),
                format!("<{kind}>"),
                format!("resource::{room}"),
                format!(" {room}::"),
                format!("{{{room}::"),
            ];
            if names.iter().any(|name| code.contains(name)) {
                named.insert((*kind, path.file_name().unwrap().to_string_lossy().into_owned()));
            }
        }
    }
    let expected =
        ["container.rs", "judge.rs", "permissions.rs", "verify.rs"].map(|file| ("Quarantine", file.to_owned()));
    assert_eq!(named, expected.into());
}
