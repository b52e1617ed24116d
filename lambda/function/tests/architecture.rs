//! `docs/architecture.md` names files that exist, and ends each of its invariants in the test that holds it.
//!
//! A path stands in backticks and is counted from the root of the repository; a `*` in it needs a match. A name without
//! a folder, such as `walls.rs`, may lie anywhere. An invariant is a paragraph that begins with `**Invariant:**`; the
//! last thing in it is a test's name in backticks: a function of Rust or Python, or the path of a file of tests.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders that tools fill, and git's own.
const NOT_OURS: &[&str] = &[".git", ".tools", ".build", "target", "node_modules", "cdk.out", "__pycache__"];

/// What the names of our files end in.
const ENDINGS: &[&str] = &[".rs", ".ts", ".py", ".yaml", ".toml", ".md", ".json"];

/// The lines of a document, with their numbers, without those in fences.
fn prose(document: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in document.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            lines.push((number + 1, ""));
        } else if !fenced {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// Whether what stands in backticks names a file or a folder.
fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '/');
    let looks_like_one = span.contains('/') || ENDINGS.iter().any(|ending| span.ends_with(ending));
    looks_like_one && span.chars().all(plain) && !span.starts_with('/')
}

/// Whether a path fits a pattern. `*` stands for any part of one name, `**` for any folders.
fn fits(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        return fits(rest, path) || path.split_once('/').is_some_and(|(_, below)| fits(pattern, below));
    }
    match pattern.chars().next() {
        None => path.is_empty(),
        Some('*') => {
            fits(&pattern[1..], path)
                || path.chars().next().is_some_and(|c| c != '/' && fits(pattern, &path[c.len_utf8()..]))
        }
        Some(c) => path.strip_prefix(c).is_some_and(|rest| fits(&pattern[c.len_utf8()..], rest)),
    }
}

fn exists(span: &str, repository: &BTreeSet<String>) -> bool {
    let path = span.trim_end_matches('/');
    let pattern = if path.contains('/') { path.to_owned() } else { format!("**/{path}") };
    repository.iter().any(|known| fits(&pattern, known))
}

/// The paths that a document names and the repository does not have.
fn missing(document: &str, repository: &BTreeSet<String>) -> Vec<String> {
    let spans = prose(document).into_iter().flat_map(|(number, line)| {
        line.split('`').skip(1).step_by(2).map(move |span| (number, span)).collect::<Vec<_>>()
    });
    spans
        .filter(|(_, span)| is_path(span) && !exists(span, repository))
        .map(|(number, span)| format!("line {number}: there is no {span}"))
        .collect()
}

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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file and folder of the repository, by its path from the root.
fn repository() -> BTreeSet<String> {
    fn walk(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let name = entry.file_name().into_string().unwrap();
            if NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{below}{name}");
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{path}/"), found);
            }
            found.insert(path);
        }
    }
    let mut found = BTreeSet::new();
    walk(&root(), "", &mut found);
    found
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
fn every_path_in_the_architecture_exists() {
    let missing = missing(&architecture(), &repository());
    assert!(missing.is_empty(), "docs/architecture.md names what is not there\n{}", missing.join("\n"));
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
fn a_path_is_told_from_code() {
    for path in
        ["lambda/core", "lambda/core/", "walls.rs", "infra/lib/*.ts", "scripts/test", ".github/workflows/ci.yml"]
    {
        assert!(is_path(path), "{path}");
    }
    for code in [
        "decide",
        "https://example.org/a.md",
        "a/b::c()",
        "/aws/lambda/runawaytrain",
        "{core,cur}/src",
        "cargo test -p runawaytrain-core",
        "runawaytrain-spend-*",
        "aws:SourceOrgID",
        "~/.cargo/config.toml",
    ] {
        assert!(!is_path(code), "{code}");
    }
}

#[test]
fn a_star_needs_a_match() {
    for (pattern, path) in [
        ("a/*.rs", "a/b.rs"),
        ("a/**/c.rs", "a/c.rs"),
        ("a/**/c.rs", "a/b/b/c.rs"),
        ("**/c.rs", "a/c.rs"),
        ("a*/b", "a/b"),
    ] {
        assert!(fits(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [("a/*.rs", "a/b/c.rs"), ("a/*", "a"), ("a", "a/b"), ("**/c.rs", "a/dc.rs")] {
        assert!(!fits(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn a_path_that_does_not_exist_is_named_with_its_line() {
    let repository = names(&["lambda", "lambda/core", "lambda/core/walls.rs"]);
    let document = "`lambda/core/` has `walls.rs` and `lambda/*/w*.rs`.\n\n```\n`not/looked/at`\n```\nNot `lambda/care`, \
                    `wall.rs`, `lambda/*.rs` or `x(a/b)`.\n";
    assert_eq!(
        missing(document, &repository),
        ["line 6: there is no lambda/care", "line 6: there is no wall.rs", "line 6: there is no lambda/*.rs"]
    );
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
