//! Where in the text of a YAML file each key and each value stands. The values themselves are read elsewhere: here is
//! only the way from a path of keys to a line.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use runawaytrain_core::policy::shape::Step;
use saphyr_parser::{Event, Parser, ScanError, Span};

/// As deep as `serde_yaml_ng` reads, so that no file makes this one overflow its stack.
const DEEPEST: usize = 128;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

impl Place {
    /// The first character.
    pub const BEGINNING: Self = Self { line: 1, column: 1 };

    fn of(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A key that stands twice in one map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twice {
    /// The key.
    pub key: String,
    /// Where it stands first.
    pub first: Place,
    /// Where it stands again.
    pub again: Place,
}

/// A value and where it begins: a map in lines of its own begins with its first key.
#[derive(Debug, Clone)]
struct Node {
    at: Place,
    content: Content,
}

/// Shared, since an alias is the value of its anchor: copies of copies would outgrow any memory.
#[derive(Debug, Clone)]
enum Content {
    Scalar(Rc<str>),
    List(Rc<Vec<Node>>),
    Map(Rc<Vec<Entry>>),
}

#[derive(Debug)]
struct Entry {
    key: Rc<str>,
    at: Place,
    value: Node,
}

/// The places of one file.
#[derive(Debug)]
pub struct Places {
    root: Option<Node>,
    twice: Option<Twice>,
}

impl Places {
    /// Reads the first document of a text. Where it is not YAML: why, and where.
    pub fn read(text: &str) -> Result<Self, (String, Place)> {
        let mut builder = Builder::default();
        // A byte order mark is no part of the first line.
        for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
            let (event, span) = event.map_err(|error| told(&error))?;
            if matches!(event, Event::DocumentEnd) {
                break;
            }
            builder.take(event, span)?;
        }
        Ok(Self { root: builder.root, twice: builder.twice })
    }

    /// Where the last key of a path stands, or the item that the path ends with; nothing where the file has no such
    /// path.
    pub fn of_key(&self, path: &[Step]) -> Option<Place> {
        let (last, above) = path.split_last()?;
        match (last, &self.node(above)?.content) {
            (Step::Key(key), Content::Map(entries)) => Some(entry(entries, key)?.at),
            (Step::Item(index), Content::List(items)) => Some(items.get(*index)?.at),
            _ => None,
        }
    }

    /// Where the value at a path begins; of an alias, where the alias stands.
    pub fn of_value(&self, path: &[Step]) -> Option<Place> {
        Some(self.node(path)?.at)
    }

    /// The items of a list as they are written, with their places. An item that is a list or a map is left out.
    pub fn items(&self, path: &[Step]) -> Vec<(&str, Place)> {
        let Some(Content::List(items)) = self.node(path).map(|node| &node.content) else { return Vec::new() };
        let scalars = items.iter().filter_map(|item| match &item.content {
            Content::Scalar(text) => Some((text.as_ref(), item.at)),
            Content::List(_) | Content::Map(_) => None,
        });
        scalars.collect()
    }

    /// The first key that stands twice, if one does.
    pub fn twice(&self) -> Option<&Twice> {
        self.twice.as_ref()
    }

    fn node(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(self.root.as_ref()?, |node, step| match (step, &node.content) {
            (Step::Key(key), Content::Map(entries)) => Some(&entry(entries, key)?.value),
            (Step::Item(index), Content::List(items)) => items.get(*index),
            _ => None,
        })
    }
}

fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key.as_ref() == key)
}

fn told(error: &ScanError) -> (String, Place) {
    let mark = error.marker();
    (error.info().to_owned(), Place { line: mark.line(), column: mark.col() + 1 })
}

/// A list or a map that has begun and not ended.
enum Open {
    List { at: Place, anchor: usize, items: Vec<Node> },
    Map { at: Place, anchor: usize, entries: Vec<Entry>, key: Option<(Rc<str>, Place)> },
}

/// Makes a tree of the parser's events.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchored: HashMap<usize, Content>,
    root: Option<Node>,
    twice: Option<Twice>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), (String, Place)> {
        let at = Place::of(span);
        match event {
            Event::Scalar(text, _, anchor, _) => self.ended(at, anchor, Content::Scalar(text.as_ref().into())),
            // One that repeats what it is part of has not ended yet: it is nothing.
            Event::Alias(anchor) => {
                let content = self.anchored.get(&anchor).cloned().unwrap_or_else(|| Content::Scalar("".into()));
                // A scalar is read where it is named; what is in a map or a list stands where the anchor has it.
                self.ended(at, 0, content);
            }
            Event::SequenceStart(anchor, _) => self.begun(Open::List { at, anchor, items: Vec::new() })?,
            Event::MappingStart(anchor, _) => {
                self.begun(Open::Map { at, anchor, entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { at, anchor, items }) => self.ended(at, anchor, Content::List(Rc::new(items))),
                Some(Open::Map { at, anchor, entries, .. }) => self.ended(at, anchor, Content::Map(Rc::new(entries))),
                None => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begun(&mut self, one: Open) -> Result<(), (String, Place)> {
        if self.open.len() >= DEEPEST {
            let (Open::List { at, .. } | Open::Map { at, .. }) = one;
            return Err(("this is nested too deeply".to_owned(), at));
        }
        self.open.push(one);
        Ok(())
    }

    /// A whole value: it belongs to what is open around it.
    fn ended(&mut self, at: Place, anchor: usize, content: Content) {
        if anchor > 0 {
            self.anchored.insert(anchor, content.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(Node { at, content }),
            Some(Open::List { items, .. }) => items.push(Node { at, content }),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                None => *key = Some((text_of(&content), at)),
                Some((key, key_at)) => {
                    if self.twice.is_none()
                        && let Some(first) = entry(entries, &key)
                    {
                        self.twice = Some(Twice { key: key.as_ref().to_owned(), first: first.at, again: key_at });
                    }
                    entries.push(Entry { key, at: key_at, value: Node { at, content } });
                }
            },
        }
    }
}

/// A key as it is written; one that is a list or a map is none of ours.
fn text_of(content: &Content) -> Rc<str> {
    match content {
        Content::Scalar(text) => Rc::clone(text),
        Content::List(_) | Content::Map(_) => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const SAMPLE: &str = include_str!("../../../../runawaytrain.yaml");

    fn path(text: &str) -> Vec<Step> {
        let step = |word: &str| word.parse().map_or_else(|_| Step::Key(word.to_owned()), Step::Item);
        text.split('/')
            .map(|word| word.strip_prefix('\'').map_or_else(|| step(word), |key| Step::Key(key.to_owned())))
            .collect()
    }

    fn key_line(text: &str, at: &str) -> Option<usize> {
        Places::read(text).unwrap().of_key(&path(at)).map(|place| place.line)
    }

    #[test]
    fn a_key_is_found_where_a_person_sees_it() {
        let line = |start: &str| SAMPLE.lines().position(|line| line.starts_with(start)).unwrap() + 1;
        for (at, start) in [
            ("payer", "payer:"),
            ("defaults/limits/burn", "    burn:"),
            ("defaults/notify/0", "    - cloud-team"),
            ("accounts/'111111111111/contain/users", "      users: delete"),
        ] {
            assert_eq!(key_line(SAMPLE, at), Some(line(start)), "{at}");
        }
        assert_eq!(key_line(SAMPLE, "defaults/limits/purchases"), None);
        assert_eq!(key_line(SAMPLE, "payer/0"), None);
    }

    #[test]
    fn columns_are_those_of_keys_and_of_values() {
        let places = Places::read("a: 1\nb: {cé: [x, 2]}\n").unwrap();
        let at = |line, column| Some(Place { line, column });
        assert_eq!(places.of_key(&path("b/cé")), at(2, 5));
        assert_eq!(places.of_value(&path("b/cé")), at(2, 9));
        assert_eq!(places.of_value(&path("b/cé/1")), at(2, 13));
        assert_eq!(places.of_value(&[]), at(1, 1));
    }

    #[test]
    fn what_an_alias_brings_stands_where_its_anchor_has_it() {
        let text = "one: &base\n  limits: {instances: 4}\n  notify: [&me a@b.c]\ntwo: *base\nthree: {notify: [*me]}\n";
        assert_eq!(key_line(text, "two/limits/instances"), Some(2));
        assert_eq!(key_line(text, "two"), Some(4));
        assert_eq!(
            Places::read(text).unwrap().items(&path("three/notify")),
            [("a@b.c", Place { line: 5, column: 18 })]
        );
    }

    #[test]
    fn an_alias_of_what_it_is_part_of_and_a_bomb_of_them_do_no_harm() {
        assert_eq!(key_line("a: &a {b: [*a]}\n", "a/b/0/b"), None);
        let doubled: String = (1..60).map(|n| format!("k{n}: &k{n} [*k{0}, *k{0}]\n", n - 1)).collect();
        let bomb = format!("k0: &k0 [x, x]\n{doubled}");
        assert_eq!(key_line(&bomb, "k59/1/0/1"), Some(58));
    }

    #[test]
    fn lines_end_as_windows_ends_them_too_and_a_mark_of_byte_order_is_no_column() {
        let text = "\u{feff}a: 1\r\nb:\r\n  c: 2\r\n";
        assert_eq!(key_line(text, "b/c"), Some(3));
        assert_eq!(Places::read(text).unwrap().of_key(&path("a")), Some(Place::BEGINNING));
    }

    #[test]
    fn a_key_that_stands_twice_is_told_with_both_lines() {
        let places = Places::read("a: {x: 1}\nb: 2\na: 3\n").unwrap();
        let [first, again] = [1, 3].map(|line| Place { line, column: 1 });
        assert_eq!(places.twice(), Some(&Twice { key: "a".into(), first, again }));
    }

    #[test]
    fn what_is_not_yaml_is_told_with_its_place() {
        for (text, line) in [("a: [1\nb: 2\n", 2), ("a: *nobody\n", 1)] {
            assert_eq!(Places::read(text).unwrap_err().1.line, line, "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(Places::read(&deep).is_err());
    }

    /// Each path of a document, with how many there are.
    fn paths(value: &Value, at: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
        let children: Vec<(Step, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(index, value)| (Step::Item(index), value)).collect(),
            _ => Vec::new(),
        };
        for (step, child) in children {
            at.push(step);
            found.push(at.clone());
            paths(child, at, found);
            at.pop();
        }
    }

    #[test]
    fn both_readers_of_the_file_see_the_same_keys() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/policies/good");
        let files =
            std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        for text in files.chain([SAMPLE.to_owned(), SAMPLE.replace('\n', "\r\n")]) {
            let value: Value =
                serde_json::to_value(serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text).unwrap()).unwrap();
            let places = Places::read(&text).unwrap();
            let mut found = Vec::new();
            paths(&value, &mut Vec::new(), &mut found);
            assert!(found.len() > 5);
            for path in found {
                assert!(places.of_key(&path).is_some() && places.of_value(&path).is_some(), "{path:?}");
            }
        }
    }
}
