//! What documents say of the repository holds: each link leads to a page or a heading that exists, each path in backticks
//! to a file, and every page of `docs` is reached from the README.
#![cfg(test)]

mod repository;

use std::collections::{BTreeMap, BTreeSet};

use repository::{fits, is_path, missing, prose, repository, root};

/// Pages about what was, whose paths may be gone.
const OF_THE_PAST: &[&str] = &["CHANGELOG.md"];

/// Every document, by its path from the root.
fn documents(repository: &BTreeSet<String>) -> BTreeMap<String, String> {
    let is_ours = |path: &&String| {
        path.ends_with(".md") && (!path.contains('/') || path.starts_with("docs/") || path.starts_with("lambda/"))
    };
    let read = |path: &String| (path.clone(), std::fs::read_to_string(root().join(path)).unwrap());
    repository.iter().filter(is_ours).map(read).collect()
}

/// The targets of a document's links, each with the number of its line.
fn links(document: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(document) {
        // What stands in backticks is no link.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for part in line.split("](").skip(1) {
            found.extend(part.split_once(')').map(|(target, _)| (number, target.to_owned())));
        }
    }
    found
}

/// The anchors that GitHub gives a document's headings.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(document) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')) else {
            continue;
        };
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let slug: String = heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let again = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(again).find(|anchor| !found.contains(anchor));
        found.extend(free);
    }
    found
}

/// Where a relative link leads, from the root.
fn target(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// A link without its heading, and the heading.
fn split(link: &str) -> (&str, Option<&str>) {
    link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)))
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The links of a document that lead nowhere.
fn broken(from: &str, text: &str, documents: &BTreeMap<String, String>, repository: &BTreeSet<String>) -> Vec<String> {
    let leads_nowhere = |link: &str| {
        let (path, anchor) = split(link);
        let to = if path.is_empty() { from.to_owned() } else { target(from, path) };
        let has_anchor = |anchor| documents.get(&to).is_some_and(|page| anchors(page).contains(anchor));
        !repository.contains(&to) || anchor.is_some_and(|anchor| !has_anchor(anchor))
    };
    let local = links(text).into_iter().filter(|(_, link)| !is_elsewhere(link));
    local
        .filter(|(_, link)| leads_nowhere(link))
        .map(|(line, link)| format!("{from} line {line}: {link} leads nowhere"))
        .collect()
}

/// The paths in a document that do not exist, from the root or from the document's folder.
fn unknown_paths(from: &str, text: &str, repository: &BTreeSet<String>) -> Vec<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let within: BTreeSet<String> =
        repository.iter().filter_map(|path| path.strip_prefix(&format!("{folder}/")).map(str::to_owned)).collect();
    // In a page for people much has a slash that is no path of ours: a prefix of a bucket, a role's path.
    let ours = |path: &str| {
        let Some((first, _)) = path.split_once('/') else { return true };
        repository.contains(first) || within.contains(first)
    };
    let both: BTreeSet<String> = repository.union(&within).cloned().collect();
    let named = |said: &String| said.rsplit(' ').next().map(str::to_owned).unwrap_or_default();
    missing(text, &both).into_iter().filter(|said| ours(&named(said))).map(|said| format!("{from} {said}")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let repository = repository();
    let documents = documents(&repository);
    let broken: Vec<_> =
        documents.iter().flat_map(|(from, text)| broken(from, text, &documents, &repository)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_path_in_a_document_exists() {
    let repository = repository();
    let documents = documents(&repository);
    let current = documents.iter().filter(|(from, _)| !OF_THE_PAST.contains(&from.as_str()));
    let unknown: Vec<_> = current.flat_map(|(from, text)| unknown_paths(from, text, &repository)).collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let documents = documents(&repository());
    let mut reached = BTreeSet::from(["README.md".to_owned()]);
    let mut rest = vec!["README.md".to_owned()];
    while let Some(from) = rest.pop() {
        let Some(text) = documents.get(&from) else { continue };
        for (_, link) in links(text).into_iter().filter(|(_, link)| !is_elsewhere(link)) {
            let to = target(&from, split(&link).0);
            if documents.contains_key(&to) && reached.insert(to.clone()) {
                rest.push(to);
            }
        }
    }
    let lost: Vec<_> = documents.keys().filter(|page| !reached.contains(*page)).collect();
    assert!(lost.is_empty(), "no link leads from the README to {lost:?}");
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_broken_link_is_named_with_its_line() {
    let repository = names(&["README.md", "docs", "docs/a.md", "docs/b.md"]);
    let page = "# A page\n\n[one](b.md) [two](../README.md#x) [three](#a-page)\n`[code](gone.md)`\n[four](c.md)\n";
    let documents = BTreeMap::from([
        ("docs/a.md".to_owned(), page.to_owned()),
        ("README.md".to_owned(), "## x\n".to_owned()),
        ("docs/b.md".to_owned(), String::new()),
    ]);
    assert_eq!(broken("docs/a.md", page, &documents, &repository), ["docs/a.md line 5: c.md leads nowhere"]);
    let page = "[one](b.md#gone)\n[two](#gone)\n";
    assert_eq!(broken("docs/a.md", page, &documents, &repository).len(), 2);
}

#[test]
fn an_anchor_is_what_github_makes_of_a_heading() {
    let page =
        "# Halted at 3 a.m.\n## Mail: denied-regions\n### `runawaytrain check`\n## Twice\n## Twice\n```\n# no\n```\n";
    let expected = ["halted-at-3-am", "mail-denied-regions", "runawaytrain-check", "twice", "twice-1"];
    assert_eq!(anchors(page), names(&expected));
}

#[test]
fn what_only_looks_like_a_path_of_ours_is_none() {
    let repository = names(&["docs", "docs/a.md", "lambda", "lambda/core", "lambda/core/x.rs"]);
    assert_eq!(unknown_paths("docs/a.md", "`cur/hourly` `a.md` `lambda/core/x.rs`", &repository), Vec::<String>::new());
    assert_eq!(unknown_paths("lambda/README.md", "`core/x.rs`", &repository), Vec::<String>::new());
    let found = unknown_paths("docs/a.md", "`lambda/core/y.rs` `z.rs`", &repository);
    assert_eq!(found.len(), 2, "{found:?}");
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
