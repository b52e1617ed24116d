//! No file of a crate imports in a circle, and none reaches up past its layer. What counts as an import is said in
//! `modules`.
#![cfg(test)]

mod modules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use modules::{Edges, Source, Tree, trees};

/// The top-level modules of each crate, the lowest first. A file depends on its own module and on lower ones only;
/// `lib.rs` and `main.rs` stand above them all. An empty list checks nothing.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "vocabulary",
            "contract",
            "measure",
            "policy",
            "observation",
            "resource",
            "verdict",
            "plan",
            "record",
            "decision",
            "message",
        ],
    ),
    ("cur", &[]),
    (
        "engine",
        &[
            "ports",
            "deadline",
            "patience",
            "trigger",
            "members",
            "scope",
            "observe",
            "notify",
            "contain",
            "account",
            "release",
            "exceptions",
            "cost_reports",
            "permissions",
            "sweep",
        ],
    ),
    ("aws", &[]),
    ("function", &[]),
    (
        "operator",
        &[
            "arguments",
            "exit",
            "finding",
            "statements",
            "stacks",
            "policy",
            "policy_file",
            "refusal",
            "problem",
            "assembly",
            "cloud",
            "accounts",
            "doctor",
            "rows",
            "progress",
            "answer",
            "console",
            "check",
            "plan",
            "table",
            "history",
            "exception",
            "live",
            "report",
            "advise",
            "follow",
            "undeployed",
            "terminal",
            "pages",
            "destroy",
            "remedies",
            "commands",
        ],
    ),
    ("testbed", &[]),
    ("model", &[]),
    ("bench", &[]),
];

/// The shortest way from one file to another along the edges, both included.
fn way(edges: &Edges, from: &str, to: &str) -> Option<Vec<String>> {
    let mut waiting = VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop_front() {
        let last = path.last().unwrap();
        if last == to {
            return Some(path);
        }
        for next in edges.get(last).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next.clone()) {
                waiting.push_back(path.iter().cloned().chain([next.clone()]).collect());
            }
        }
    }
    None
}

/// The circles: for every import that lies on one, the shortest. Each begins at its first file by name.
fn circles(edges: &Edges) -> Vec<Vec<String>> {
    let mut found = BTreeSet::new();
    for (from, targets) in edges {
        for mut circle in targets.keys().filter_map(|to| way(edges, to, from)) {
            let first = (0..circle.len()).min_by_key(|i| &circle[*i]).unwrap();
            circle.rotate_left(first);
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// A circle in words: one line a file, with what it imports from the next.
fn told(circle: &[String], edges: &Edges) -> String {
    let next = circle.iter().cycle().skip(1);
    let lines = circle.iter().zip(next).map(|(from, to)| format!("    {from} → {to}    {}\n", edges[from][to]));
    format!("  {} → {}\n{}", circle.join(" → "), circle[0], lines.collect::<String>())
}

/// What reaches up past its layer. `layers` are the top-level modules, the lowest first.
fn upward(tree: &Tree, layers: &[&str]) -> Vec<String> {
    let named: Vec<&str> = tree.modules[0].children.keys().map(String::as_str).collect();
    let mut listed = layers.to_vec();
    listed.sort_unstable();
    // A binary beside its library has no modules of its own.
    if layers.is_empty() || named.is_empty() {
        return Vec::new();
    }
    if named != listed {
        return vec![format!("  LAYERS must list each of these once: {}\n", named.join(", "))];
    }
    let layer = |file: &str| {
        let top = file.split(['/', '.']).next().unwrap();
        layers.iter().position(|name| *name == top).unwrap_or(layers.len())
    };
    let mut found = Vec::new();
    for (from, targets) in tree.edges() {
        for (to, says) in targets.iter().filter(|(to, _)| layer(to) > layer(&from)) {
            found.push(format!("  {from} → {to}    {says}\n"));
        }
    }
    found
}

fn lambda() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_crate_has_its_layers() {
    let folders = std::fs::read_dir(lambda()).unwrap().map(|entry| entry.unwrap());
    let crates = folders.filter(|folder| folder.path().join("Cargo.toml").is_file());
    let crates: BTreeSet<String> = crates.map(|folder| folder.file_name().into_string().unwrap()).collect();
    assert_eq!(crates, LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect(), "list each crate in LAYERS");
}

#[test]
fn no_file_imports_in_a_circle() {
    let mut failures = String::new();
    for (name, _) in LAYERS {
        for edges in trees(&lambda().join(name).join("src")).iter().map(Tree::edges) {
            let found = circles(&edges);
            if !found.is_empty() {
                let chains: String = found.iter().map(|circle| told(circle, &edges)).collect();
                failures.push_str(&format!("lambda/{name}/src\n{chains}"));
            }
        }
    }
    assert!(failures.is_empty(), "files import in a circle\n{failures}");
}

#[test]
fn no_file_reaches_up_past_its_layer() {
    let mut failures = String::new();
    for (name, layers) in LAYERS {
        for found in trees(&lambda().join(name).join("src"))
            .iter()
            .map(|tree| upward(tree, layers))
            .filter(|found| !found.is_empty())
        {
            failures.push_str(&format!("lambda/{name}/src\n{}", found.concat()));
        }
    }
    assert!(failures.is_empty(), "files depend on higher layers\n{failures}");
}

/// A made-up crate, from the paths and texts of its files.
fn made_up(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Tree::read(&files, "lib.rs")
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    circles(&made_up(files).edges()).iter().map(|circle| circle.join(" ")).collect()
}

fn depends(files: &[(&str, &str)], file: &str) -> Vec<String> {
    made_up(files).edges().remove(file).unwrap_or_default().into_keys().collect()
}

#[test]
fn two_files_that_name_each_other_are_a_circle_and_are_told_with_their_lines() {
    let tree = made_up(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "//! A.\n\nuse crate::b::B;\npub struct A;"),
        ("b.rs", "pub struct B;\nfn f(a: crate::a::A) {}"),
    ]);
    let edges = tree.edges();
    assert_eq!(
        circles(&edges).iter().map(|circle| told(circle, &edges)).collect::<String>(),
        "  a.rs → b.rs → a.rs\n    a.rs → b.rs    line 3: use crate::b::B\n    b.rs → a.rs    line 2: crate::a::A\n"
    );
}

#[test]
fn a_circle_of_three_is_found_once() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C;"),
        ("c.rs", "use crate::{a::A, d::D};"),
        ("d.rs", ""),
    ];
    assert_eq!(circles_of(&files), ["a.rs b.rs c.rs"]);
}

#[test]
fn a_re_export_does_not_hide_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod inner;\npub(crate) use inner::{Inner as Outer};"),
        ("a/inner.rs", "use crate::b::B; pub struct Inner;"),
        ("b.rs", "use crate::a::Outer; pub struct B;"),
    ];
    assert_eq!(circles_of(&files), ["a/inner.rs b.rs"]);
}

#[test]
fn a_glob_re_export_leads_to_the_file_that_defines() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::*;"),
        ("a.rs", "mod x; mod y; pub use x::*; pub use y::*;"),
        ("a/x.rs", "pub struct X;"),
        ("a/y.rs", "pub fn y() {}"),
        ("b.rs", "use crate::a::y; use crate::X;"),
    ];
    assert_eq!(depends(&files, "b.rs"), ["a/x.rs", "a/y.rs"]);
}

#[test]
fn a_parent_that_lists_its_children_is_no_circle() {
    let files = [
        ("lib.rs", "mod plan;"),
        ("plan.rs", "mod action; mod lane;\npub use action::Action;\npub use lane::Lane;"),
        ("plan/action.rs", "use super::Lane; pub struct Action;"),
        ("plan/lane.rs", "pub struct Lane;"),
    ];
    assert_eq!(circles_of(&files), Vec::<String>::new());
    assert_eq!(depends(&files, "plan/action.rs"), ["plan/lane.rs"]);
}

#[test]
fn a_child_that_uses_its_parents_items_is_a_circle_where_the_parent_uses_it() {
    let child = ("plan/action.rs", "use super::Plan; pub struct Action;");
    let lists = ("plan.rs", "mod action; pub use action::Action; pub struct Plan;");
    let names = ("plan.rs", "mod action; pub use action::Action; pub struct Plan { actions: Vec<Action> }");
    let calls = ("plan.rs", "mod action; pub struct Plan; fn f() { action::f() }");
    assert_eq!(circles_of(&[("lib.rs", "mod plan;"), child, lists]), Vec::<String>::new());
    assert_eq!(circles_of(&[("lib.rs", "mod plan;"), child, names]), ["plan.rs plan/action.rs"]);
    assert_eq!(circles_of(&[("lib.rs", "mod plan;"), child, calls]), ["plan.rs plan/action.rs"]);
}

#[test]
fn a_nested_import_is_read_to_its_leaves() {
    let source = Source::read("pub(in crate::x) use crate::a::{self, b::{C, d as e, *}, super_::F,};\nuse ::std::fmt;");
    let read = source.imports.iter().map(|import| {
        let name = import.name.as_deref().unwrap_or("*");
        format!("{}{} as {name}", if import.public { "pub " } else { "" }, import.path.join("::"))
    });
    assert_eq!(
        read.collect::<Vec<_>>(),
        [
            "pub crate::a as a",
            "pub crate::a::b::C as C",
            "pub crate::a::b::d as e",
            "pub crate::a::b as *",
            "pub crate::a::super_::F as F",
            "std::fmt as fmt",
        ]
    );
}

#[test]
fn a_path_in_the_code_counts_like_an_import() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        ("a.rs", "use crate::d; fn f() -> Vec<crate::b::B> { <super::c::C as X>::new(d::deeper::D, 0..crate::e::E) }"),
        ("b.rs", ""),
        ("c.rs", ""),
        ("d.rs", "pub mod deeper;"),
        ("d/deeper.rs", ""),
        ("e.rs", "macro_rules! m { () => { $crate::b::f() } } pub(in crate::c) fn f(x: d::D) { x.c::<u8>() }"),
    ];
    assert_eq!(depends(&files, "a.rs"), ["b.rs", "c.rs", "d.rs", "d/deeper.rs", "e.rs"]);
    assert_eq!(depends(&files, "e.rs"), ["b.rs"]);
}

#[test]
fn what_only_looks_like_an_import_is_none() {
    let text = r##"
        // use crate::b::B;
        /* use crate::b::B; /* nested */ use crate::b::B; */
        //! [`crate::b`]
        const A: &str = "use crate::b::B; \" crate::b::f()";
        const B: &str = r#"use crate::b::B; " crate::b::f()"#;
        const C: (char, char, u8) = ('"', '\'', b'"');
        fn f<'a>(x: &'a str) -> impl Sized + use<'a> { x }
        #[cfg(test)]
        mod tests { use crate::b::B; }
        #[cfg(test)]
        use crate::b::{B};
        use crate::c::C;
    "##;
    let files = [("lib.rs", "mod a; mod b; mod c;"), ("a.rs", text), ("b.rs", ""), ("c.rs", "")];
    assert_eq!(depends(&files, "a.rs"), ["c.rs"]);
}

#[test]
fn a_module_for_tests_is_not_read_and_what_follows_it_is() {
    let tree = made_up(&[("lib.rs", "#[cfg(test)]\nmod wire;\nmod a;\nuse a::A;"), ("wire.rs", ""), ("a.rs", "")]);
    assert_eq!(tree.tests, BTreeSet::from(["wire.rs".to_owned()]));
    assert_eq!(tree.edges()["lib.rs"].keys().collect::<Vec<_>>(), ["a.rs"]);
}

#[test]
fn a_layer_reaches_down_and_not_up() {
    let tree = made_up(&[
        ("lib.rs", "mod low; mod high; pub struct Top; fn f() { high::f() }"),
        ("low.rs", "mod inner;"),
        ("low/inner.rs", "use crate::high::H;\nuse crate::Top;"),
        ("high.rs", "use crate::low::L;"),
    ]);
    assert_eq!(
        upward(&tree, &["low", "high"]),
        [
            "  low/inner.rs → high.rs    line 1: use crate::high::H\n",
            "  low/inner.rs → lib.rs    line 2: use crate::Top\n"
        ]
    );
    assert_eq!(upward(&tree, &[]), Vec::<String>::new());
    assert_eq!(upward(&tree, &["low"]), ["  LAYERS must list each of these once: high, low\n"]);
    assert_eq!(upward(&tree, &["low", "high", "low"]), ["  LAYERS must list each of these once: high, low\n"]);
}
