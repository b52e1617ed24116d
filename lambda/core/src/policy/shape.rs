//! Why JSON does not have the shape of a policy, and where in it. The path is what a reader of the file needs: from it
//! the line can be found.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// One step of the way into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, counted from 0.
    Item(usize),
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The key at the end of the path is none of those that are known there.
    UnknownKey {
        /// Those that are.
        known: &'static [&'static str],
    },
    /// The key at the end of the path cannot stand there: a sentence's end, such as `is not an account id`.
    Key(String),
    /// The map at the end of the path lacks a key.
    MissingKey(&'static str),
    /// The value is none of the words that are known there.
    UnknownWord {
        /// What stands there.
        word: String,
        /// What could.
        known: &'static [&'static str],
    },
    /// The value is wrong in another way.
    Value(String),
}

/// Why JSON does not have the shape of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The innermost step first: each level adds its own on the way out.
    steps: Vec<Step>,
    wrong: Wrong,
}

impl ShapeError {
    pub(super) fn new(wrong: Wrong) -> Self {
        Self { steps: Vec::new(), wrong }
    }

    /// The same, seen from one level further out.
    pub(super) fn under(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same where a key was read, not its value.
    pub(super) fn of_key(mut self, key: String) -> Self {
        if let Wrong::Value(reason) = self.wrong {
            self.wrong = Wrong::Key(reason);
        }
        self.under(Step::Key(key))
    }

    /// The way to the place, the outermost step first; of a wrong key it ends with that key.
    pub fn path(&self) -> Vec<Step> {
        self.steps.iter().rev().cloned().collect()
    }

    /// What is wrong there.
    pub fn wrong(&self) -> &Wrong {
        &self.wrong
    }
}

/// A path as people write it: `accounts."111111111111".notify[0]`.
pub fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Item(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                let is_word = key.starts_with(|first: char| first.is_ascii_alphabetic())
                    && key.chars().all(|one| one.is_ascii_alphanumeric());
                let dot = if text.is_empty() { "" } else { "." };
                text.push_str(&if is_word { format!("{dot}{key}") } else { format!("{dot}{key:?}") });
            }
        }
    }
    text
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { .. } => f.write_str("unknown key"),
            Self::MissingKey(key) => write!(f, "{key:?} is missing"),
            Self::UnknownWord { word, known } => write!(f, "must be one of {} (found {word})", known.join(", ")),
            Self::Key(reason) | Self::Value(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            write!(f, "{}", self.wrong)
        } else {
            write!(f, "{}: {}", written(&self.path()), self.wrong)
        }
    }
}

impl std::error::Error for ShapeError {}

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(Wrong::Value(reason.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("must be {} (found {})", wanted(&expected.to_string()), shown(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Wrong::UnknownWord { word: format!("{word:?}"), known })
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(Wrong::UnknownKey { known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Wrong::MissingKey(key))
    }
}

/// What is wanted where nobody said here what it is. No type of the policy's comes to this: a test tries them all.
pub const UNTOLD: &str = "something else";

/// What Rust's types are to somebody who writes a policy. Their own names mean nothing there, so none is handed on.
fn wanted(expected: &str) -> &'static str {
    match expected {
        "a string" => "text",
        "a boolean" => "true or false",
        "u32" => "a whole number from 0 to 4294967295",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a map of keys",
        _ => UNTOLD,
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unit => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        _ => UNTOLD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::PolicyDocument;
    use crate::policy::strict::Strict;

    fn refused(at: &[&str], value: Value) -> ShapeError {
        let mut policy = json!({
            "payer": "123456789012",
            "organization": { "id": "o-exampleorg" },
            "defaults": { "limits": { "instances": 4 }, "notify": ["team@example.edu"] },
            "accounts": { "111111111111": {} },
        });
        let place = at.iter().fold(&mut policy, |place, key| &mut place[*key]);
        *place = value;
        PolicyDocument::deserialize(Strict(policy)).unwrap_err()
    }

    #[test]
    fn each_error_names_its_path() {
        let cases = [
            (&["schedul"][..], json!("5m"), "schedul: unknown key"),
            (&["accounts", "111"], json!({}), "accounts.\"111\": \"111\" is not an AWS account id"),
            (&["mode"], json!("dril"), "mode: must be one of pass, drill, proceed (found \"dril\")"),
            (&["mode"], json!(4), "mode: must be one of pass, drill, proceed (found 4)"),
            (&["defaults", "limits", "instances"], json!(-3), "defaults.limits.instances: must be a whole number"),
            (&["defaults", "limits", "burn"], json!("much"), "defaults.limits.burn: must be a number (found \"much\")"),
            (&["defaults", "limits"], json!(3), "defaults.limits: must be a map of keys (found 3)"),
            (&["defaults"], json!({}), "defaults: \"limits\" is missing"),
            (&["defaults", "notify"], json!(["a@b.c", "x"]), "defaults.notify[1]: \"x\" is not an e-mail address"),
            (&["accounts", "111111111111", "mode"], Value::Null, "accounts.\"111111111111\".mode: must be one of"),
            (&["accounts", "111111111111", "name"], json!(1), "accounts.\"111111111111\".name: must be text (found 1)"),
        ];
        for (at, value, sentence) in cases {
            let error = refused(at, value).to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }

    #[test]
    fn a_policy_that_is_no_map_has_no_path() {
        let error = PolicyDocument::deserialize(Strict(json!([]))).unwrap_err();
        assert_eq!((error.path(), error.to_string()), (Vec::new(), "must be a map of keys (found [])".to_owned()));
    }
}
