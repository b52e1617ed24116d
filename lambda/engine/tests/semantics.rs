//! `lambda/SEMANTICS.md` says what is done; each of its sentences names the test, or the scenario file, that holds it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests break loudly")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

/// The names of functions that carry a test attribute, or stand in a `proptest!`.
fn tests() -> BTreeSet<String> {
    let lambda = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for part in ["core", "engine", "aws", "function", "testbed"] {
        sources(&lambda.join(part), &mut files);
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

#[test]
fn every_sentence_is_tied_to_a_test_that_exists() {
    let text = include_str!("../../SEMANTICS.md");
    let tests = tests();
    let sentences: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(sentences.len() > 40);
    for sentence in sentences {
        let name = sentence.rsplit('`').nth(1).unwrap_or_default();
        let scenario = || {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name).is_file() && name.starts_with("scenarios/")
        };
        assert!(sentence.ends_with('`') && (tests.contains(name) || scenario()), "no such test: {sentence}");
    }
}
