//! What one file imports, names and defines.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens, without_tests};

/// One name that a `use` brings in. It is `None` for a glob.
pub struct Import {
    pub path: Vec<String>,
    pub name: Option<String>,
    pub public: bool,
    pub line: usize,
}

/// What a file says, as far as it matters here.
#[derive(Default)]
pub struct Source {
    pub imports: Vec<Import>,
    /// Paths of two segments and more in the code.
    pub paths: Vec<(Vec<String>, usize)>,
    /// Words in the code that begin a path or are one.
    pub words: BTreeSet<String>,
    /// Items that are defined at the top.
    pub defined: BTreeSet<String>,
    pub modules: Vec<String>,
    pub test_modules: BTreeSet<String>,
}

impl Source {
    /// Reads a file's text.
    pub fn read(text: &str) -> Self {
        let (tokens, test_modules) = without_tests(&tokens(text));
        let word = |i: usize| tokens.get(i).map_or("", |token: &Token| token.text.as_str());
        let is_name = |i: usize| word(i).starts_with(|c: char| c.is_alphabetic() || c == '_');
        let mut source = Self { test_modules, ..Self::default() };
        let (mut i, mut depth) = (0, 0);
        while i < tokens.len() {
            let before = if i == 0 { "" } else { word(i - 1) };
            match word(i) {
                "use" if word(i + 1) != "<" => {
                    let public = matches!(before, "pub" | ")");
                    i += 1;
                    source.tree(&tokens, &mut i, &[], public);
                }
                "mod" if word(i + 2) == ";" => {
                    source.modules.push(word(i + 1).to_owned());
                    i += 3;
                }
                "mod" if is_name(i + 1) && word(i + 2) == "{" => {
                    panic!("line {}: give mod {} a file of its own", tokens[i].line, word(i + 1))
                }
                sign => {
                    match sign {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" if depth == 0 => {
                            source.defined.insert(word(i + 1).to_owned());
                        }
                        "macro_rules" => drop(source.defined.insert(word(i + 2).to_owned())),
                        _ => {}
                    }
                    let place_of_a_pub = before == "in" && i >= 3 && word(i - 2) == "(" && word(i - 3) == "pub";
                    let is_member = before == "::" || (before == "." && (i < 2 || word(i - 2) != "."));
                    if is_name(i) && !is_member && !place_of_a_pub {
                        let (mut path, line) = (vec![word(i).to_owned()], tokens[i].line);
                        while word(i + 1) == "::" && is_name(i + 2) {
                            path.push(word(i + 2).to_owned());
                            i += 2;
                        }
                        source.words.insert(path[0].clone());
                        if path.len() > 1 {
                            source.paths.push((path, line));
                        }
                    }
                    i += 1;
                }
            }
        }
        source
    }

    /// Reads the tree of a `use` from token `i` on, up to what ends it.
    fn tree(&mut self, tokens: &[Token], i: &mut usize, prefix: &[String], public: bool) {
        let mut path = prefix.to_vec();
        let line = tokens[*i].line;
        loop {
            let word = tokens[*i].text.as_str();
            *i += 1;
            match word {
                "::" => {}
                "*" => return self.imports.push(Import { path, name: None, public, line }),
                "{" => {
                    while tokens[*i].text != "}" {
                        self.tree(tokens, i, &path, public);
                        *i += usize::from(tokens[*i].text == ",");
                    }
                    *i += 1;
                    return;
                }
                "self" if !path.is_empty() => {}
                name => path.push(name.to_owned()),
            }
            match tokens[*i].text.as_str() {
                "::" => {}
                "as" => {
                    let name = Some(tokens[*i + 1].text.clone());
                    *i += 2;
                    return self.imports.push(Import { path, name, public, line });
                }
                _ if word == "::" => {}
                _ => {
                    let name = path.last().cloned();
                    return self.imports.push(Import { path, name, public, line });
                }
            }
        }
    }
}
