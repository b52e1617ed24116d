//! A Rust source as words and signs.

use std::collections::BTreeSet;

/// A word, a `::` or a sign, with the line it stands on.
#[derive(Clone)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The tokens of a source, without comments, strings, characters and lifetimes.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let start = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => i += chars[i..].iter().take_while(|c| **c != '\n').count(),
            ('/', '*') => {
                let mut depth = 0;
                while i < chars.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => depth += 1,
                        ('*', '/') => depth -= 1,
                        _ => {
                            i += 1;
                            continue;
                        }
                    }
                    i += 2;
                    if depth == 0 {
                        break;
                    }
                }
            }
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            ('\'', '\\') => i += 3 + chars[i + 3..].iter().take_while(|c| **c != '\'').count() + 1,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            ('\'', _) => i += 1 + chars[i + 1..].iter().take_while(|c| is_word(**c)).count(),
            (c, _) if is_word(c) => {
                i += chars[i..].iter().take_while(|c| is_word(**c)).count();
                let word: String = chars[start..i].iter().collect();
                let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
                if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                    i += hashes + 1;
                    i += chars[i..].windows(end.len()).position(|window| window == end).unwrap() + end.len();
                } else if word == "r" && hashes == 1 {
                    i += 1;
                } else {
                    found.push(Token { text: word, line });
                }
            }
            (':', ':') => {
                found.push(Token { text: "::".to_owned(), line });
                i += 2;
            }
            (c, _) => {
                if !c.is_whitespace() {
                    found.push(Token { text: c.to_string(), line });
                }
                i += 1;
            }
        }
        line += chars[start..i.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// The tokens of a source without the items under `#[cfg(test)]`, and the names of the modules that stand under it.
pub fn without_tests(tokens: &[Token]) -> (Vec<Token>, BTreeSet<String>) {
    let reads = |i: usize, words: &[&str]| {
        words.iter().enumerate().all(|(n, word)| tokens.get(i + n).is_some_and(|token| token.text == *word))
    };
    let (mut kept, mut modules, mut i) = (Vec::new(), BTreeSet::new(), 0);
    while i < tokens.len() {
        if !reads(i, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += 7;
        let (mut depth, mut end) = (0, i);
        while end < tokens.len() && depth >= 0 {
            match tokens[end].text.as_str() {
                "mod" if depth == 0 => drop(modules.insert(tokens[end + 1].text.clone())),
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            let last = matches!(tokens[end].text.as_str(), ";" | "}") && depth == 0;
            end += usize::from(depth >= 0);
            if last {
                break;
            }
        }
        i = end;
    }
    (kept, modules)
}
