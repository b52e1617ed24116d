//! The files of the repository, and how a document names them.
//!
//! A path stands in backticks and is counted from the root of the repository; a `*` in it needs a match. A name without
//! a folder, such as `walls.rs`, may lie anywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders that tools fill, and git's own.
pub const NOT_OURS: &[&str] = &[".git", ".tools", ".build", "target", "node_modules", "cdk.out", "__pycache__"];

/// What the names of our files end in.
pub const ENDINGS: &[&str] = &[".rs", ".ts", ".py", ".yaml", ".toml", ".md", ".json"];

/// The lines of a document, with their numbers, without those in fences.
pub fn prose(document: &str) -> Vec<(usize, &str)> {
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
pub fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '/');
    let looks_like_one = span.contains('/') || ENDINGS.iter().any(|ending| span.ends_with(ending));
    looks_like_one && span.chars().all(plain) && !span.starts_with('/')
}

/// Whether a path fits a pattern. `*` stands for any part of one name, `**` for any folders.
pub fn fits(pattern: &str, path: &str) -> bool {
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

pub fn exists(span: &str, repository: &BTreeSet<String>) -> bool {
    let path = span.trim_end_matches('/');
    let pattern = if path.contains('/') { path.to_owned() } else { format!("**/{path}") };
    repository.iter().any(|known| fits(&pattern, known))
}

/// The paths that a document names and the repository does not have.
pub fn missing(document: &str, repository: &BTreeSet<String>) -> Vec<String> {
    let spans = prose(document).into_iter().flat_map(|(number, line)| {
        line.split('`').skip(1).step_by(2).map(move |span| (number, span)).collect::<Vec<_>>()
    });
    spans
        .filter(|(_, span)| is_path(span) && !exists(span, repository))
        .map(|(number, span)| format!("line {number}: there is no {span}"))
        .collect()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file and folder of the repository, by its path from the root.
pub fn repository() -> BTreeSet<String> {
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
