//! The modules of a crate, and which file depends on which, read from the sources alone.
//!
//! A file depends on another where it names something in it: in a `use`, or by a path in its code. An item that a
//! module re-exports with `pub use` belongs to the file that defines it, so a parent that only lists and re-exports its
//! children depends on none of them, and a child may take a sibling's item through it. `mod child;` is no dependency,
//! and what stands under `#[cfg(test)]` is not looked at.

mod source;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use source::{Import, Source};

pub struct Module {
    pub file: String,
    parent: usize,
    pub children: BTreeMap<String, usize>,
    source: Source,
}

/// The modules below a crate's root, which is the first of them.
pub struct Tree {
    pub modules: Vec<Module>,
    /// Files that exist for tests only.
    pub tests: BTreeSet<String>,
}

/// From a file to the files that it depends on, each with the line and the path that say so.
pub type Edges = BTreeMap<String, BTreeMap<String, String>>;

impl Tree {
    /// Reads the modules below `root`. `files` are the texts by the path below `src`.
    pub fn read(files: &BTreeMap<String, String>, root: &str) -> Self {
        let mut tree = Self { modules: Vec::new(), tests: BTreeSet::new() };
        tree.add(files, root, 0);
        tree
    }

    fn add(&mut self, files: &BTreeMap<String, String>, file: &str, parent: usize) -> usize {
        let source = Source::read(&files[file]);
        let below = match file {
            "lib.rs" | "main.rs" => String::new(),
            file => format!("{}/", file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).unwrap()),
        };
        let path = |name: &str| {
            let stem = format!("{below}{name}");
            [format!("{stem}.rs"), format!("{stem}/mod.rs")].into_iter().find(|path| files.contains_key(path))
        };
        self.tests.extend(source.test_modules.iter().filter_map(|name| path(name)));
        let children: Vec<(String, String)> = source
            .modules
            .iter()
            .map(|name| (name.clone(), path(name).unwrap_or_else(|| panic!("{file}: mod {name} has no file"))))
            .collect();
        let me = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, children: BTreeMap::new(), source });
        for (name, path) in children {
            let child = self.add(files, &path, me);
            self.modules[me].children.insert(name, child);
        }
        me
    }

    /// The module that a path leads to from module `from`: that which defines its item, or the module itself. `None`
    /// where it leads out of the crate.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        assert!(depth < 20, "{}: {} re-exports itself", self.modules[from].file, path.join("::"));
        let (first, mut rest) = path.split_first()?;
        let module = &self.modules[from];
        let mut here = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => module.parent,
            name if module.children.contains_key(name) => module.children[name],
            name => {
                let mut imports = module.source.imports.iter().filter(|import| import.path[0] != name);
                let import = imports.find(|import| import.name.as_deref() == Some(name))?;
                let full: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                return self.resolve(from, &full, depth + 1);
            }
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                here = self.modules[here].parent;
            } else if let Some(child) = self.modules[here].children.get(name) {
                here = *child;
            } else {
                return Some(self.exported(here, rest, depth).unwrap_or(here));
            }
            rest = after;
        }
        Some(here)
    }

    /// Follows the `pub use` of a module by which `rest` is found there.
    fn exported(&self, module: usize, rest: &[String], depth: usize) -> Option<usize> {
        let exports = || self.modules[module].source.imports.iter().filter(|import| import.public);
        if let Some(import) = exports().find(|import| import.name.as_deref() == Some(rest[0].as_str())) {
            let full: Vec<String> = import.path.iter().chain(&rest[1..]).cloned().collect();
            return self.resolve(module, &full, depth + 1);
        }
        exports().filter(|import| import.name.is_none()).find_map(|import| {
            let target = self.resolve(module, &import.path, depth + 1)?;
            let defines = self.modules[target].source.defined.contains(&rest[0]);
            if defines { Some(target) } else { self.exported(target, rest, depth + 1) }
        })
    }

    fn is_below(&self, module: usize, ancestor: usize) -> bool {
        module != 0 && (self.modules[module].parent == ancestor || self.is_below(self.modules[module].parent, ancestor))
    }

    /// Whether an import only passes a child's item on: its name is used nowhere else in the file.
    fn only_lists(&self, module: usize, import: &Import, target: usize) -> bool {
        let words = &self.modules[module].source.words;
        let used = match &import.name {
            Some(name) => words.contains(name),
            None => self.modules[target].source.defined.iter().any(|name| words.contains(name)),
        };
        import.public && self.is_below(target, module) && !used
    }

    pub fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (me, module) in self.modules.iter().enumerate() {
            let uses = module.source.imports.iter().filter_map(|import| {
                let target = self.resolve(me, &import.path, 0)?;
                let glob = if import.name.is_none() { "::*" } else { "" };
                let says = format!("line {}: use {}{glob}", import.line, import.path.join("::"));
                (!self.only_lists(me, import, target)).then_some((target, says))
            });
            let paths = module.source.paths.iter().filter_map(|(path, line)| {
                Some((self.resolve(me, path, 0)?, format!("line {line}: {}", path.join("::"))))
            });
            for (target, says) in uses.chain(paths).filter(|(target, _)| *target != me) {
                let from = edges.entry(module.file.clone()).or_default();
                from.entry(self.modules[target].file.clone()).or_insert(says);
            }
        }
        edges
    }
}

/// The module trees below a crate's `src`, one for each root. Every file is in one, or exists for tests only.
pub fn trees(src: &Path) -> Vec<Tree> {
    fn collect(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                collect(&path, &format!("{name}/"), files);
            } else if name.ends_with(".rs") {
                files.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(src, "", &mut files);
    let is_root = |file: &&String| matches!(file.as_str(), "lib.rs" | "main.rs");
    let trees: Vec<Tree> = files.keys().filter(is_root).map(|root| Tree::read(&files, root)).collect();
    let known = |file: &&String| {
        trees.iter().any(|tree| {
            let under_test = |test: &String| *file == test || file.starts_with(&test.replace(".rs", "/"));
            tree.modules.iter().any(|module| module.file == **file) || tree.tests.iter().any(under_test)
        })
    };
    let strays: Vec<&String> = files.keys().filter(|file| !known(file)).collect();
    assert!(strays.is_empty(), "{}: no mod leads to {strays:?}", src.display());
    trees
}
