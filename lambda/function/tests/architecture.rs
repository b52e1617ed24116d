//! `docs/architecture.md` ends each of its invariants in the test that holds it. That the paths in it exist holds
//! `documents.rs`, of every document.
//!
//! An invariant is a paragraph that begins with `**Invariant:**`; the last thing in it is a test's name in backticks: a
//! function of Rust or Python, or the path of a file of tests.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod repository;

use std::collections::BTreeSet;

use repository::{prose, repository, root};

/// The invariants of a document, each with the number of its first line.
fn invariants(document: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in prose(document) {
        let item = line.trim_start().trim_start_matches("- ");
        if item.starts_with("**Invariant:**") {
            inside = true;
            found.push((number, item.trim_end().to_owned()));
        } else if line.trim().is_empty() || item.len() < line.trim_start().len() || line.starts_with('#') {
            inside = false;
        } else if inside {
            let (_, text) = found.last_mut().unwrap();
            *text = format!("{text} {}", line.trim());
        }
    }
    found
}

/// The invariants of a document that no test holds.
fn unheld(document: &str, repository: &BTreeSet<String>, tests: &BTreeSet<String>) -> Vec<String> {
    let is_held = |text: &str| {
        let Some(text) = text.trim_end_matches('.').strip_suffix('`') else { return false };
        let name = text.rsplit('`').next().unwrap();
        let is_test = name.split('/').any(|part| matches!(part, "test" | "tests") || part.starts_with("test_"));
        tests.contains(name) || (is_test && !name.ends_with('/') && repository.contains(name))
    };
    invariants(document)
        .into_iter()
        .filter(|(_, text)| !is_held(text))
        .map(|(number, text)| format!("line {number}: does not end in the name of a test: {text}"))
        .collect()
}

/// The names of the tests in a source of Rust or Python.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut attributed = false;
    for line in source.lines().map(str::trim) {
        let function = line.strip_prefix("async ").unwrap_or(line);
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            attributed = true;
        } else if let Some(rest) = function.strip_prefix("fn ") {
            if std::mem::take(&mut attributed) {
                names.insert(rest.split(['(', '<']).next().unwrap().to_owned());
            }
        } else if let Some(rest) = function.strip_prefix("def ").filter(|rest| rest.starts_with("test_")) {
            names.insert(rest.split('(').next().unwrap().to_owned());
        }
    }
    names
}

fn tests(repository: &BTreeSet<String>) -> BTreeSet<String> {
    let has_tests = |path: &&String| {
        (path.starts_with("lambda/") && path.ends_with(".rs"))
            || (path.starts_with("scripts/") && path.ends_with(".py"))
    };
    let read = |path| tests_in(&std::fs::read_to_string(root().join(path)).unwrap());
    repository.iter().filter(has_tests).flat_map(read).collect()
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md")
}

#[test]
fn every_invariant_of_the_architecture_ends_in_a_test_that_exists() {
    let (document, repository) = (architecture(), repository());
    assert!(!invariants(&document).is_empty(), "no line of docs/architecture.md begins with **Invariant:**");
    let unheld = unheld(&document, &repository, &tests(&repository));
    assert!(unheld.is_empty(), "docs/architecture.md\n{}", unheld.join("\n"));
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_invariant_ends_in_a_test() {
    let repository = names(&["infra/test", "infra/test/a.test.ts", "infra/lib/a.ts", "scripts/lib/test_a.py"]);
    let held = "**Invariant:** One. `holds`\n**Invariant:** Two is long,\nand `goes` on. `holds`.\n- **Invariant:** Three. \
                `infra/test/a.test.ts`\n- Four.\n\n**Invariant:** Five. `scripts/lib/test_a.py`\n";
    assert_eq!(invariants(held).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 4, 7]);
    assert_eq!(unheld(held, &repository, &names(&["holds"])), Vec::<String>::new());
    for text in ["One.", "Two. `nobody`", "Three `holds` it.", "Four. `infra/lib/a.ts`", "Five.\n\n`holds`"] {
        let found = unheld(&format!("# A\n**Invariant:** {text}"), &repository, &names(&["holds"]));
        assert_eq!(found.len(), 1, "{text}");
        assert!(found[0].starts_with("line 2: "), "{}", found[0]);
    }
}

#[test]
fn tests_are_told_from_other_functions() {
    let rust = "#[test]\nfn a() {\n}\nfn b() {}\n#[tokio::test(start_paused = true)]\nasync fn c() \
                {}\n#[test]\n#[ignore]\nfn d() {}";
    assert_eq!(tests_in(rust), names(&["a", "c", "d"]));
    assert_eq!(tests_in("class T:\n    def test_a(self):\n        pass\n    def b(self): pass"), names(&["test_a"]));
}
