//! What is wrong with the text of a policy: where, and what to do. `cdk synth` says the same of the same line.

use runawaytrain_core::policy::PolicyError;
use runawaytrain_core::policy::shape::{ShapeError, Step, Wrong, written};
use serde_yaml_ng::Value;

use super::places::{Place, Places};

/// What to do where the value alone does not say it.
const SEE: &str = "write what docs/policy.md says of this key.";

/// Something wrong at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where; nothing where the file cannot be read so far.
    pub at: Option<Place>,
    /// What, without the full stop at its end.
    pub what: String,
    /// What to do, as a sentence; may be empty where `what` says it.
    pub todo: String,
}

impl Fault {
    fn new(at: Option<Place>, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { at, what: what.into(), todo: todo.into() }
    }

    /// A text that is not YAML, or has a key twice, which no reader of it takes.
    pub fn of_yaml(error: &serde_yaml_ng::Error, text: &str) -> Self {
        if let Some(twice) = Places::read(text).ok().and_then(|places| places.twice().cloned()) {
            let (first, again) = (twice.first.line, twice.again.line);
            let what = format!("{:?} stands twice: first on line {first} and again on line {again}", twice.key);
            return Self::new(Some(twice.again), what, "keep one of them.");
        }
        let at = error.location().map(|mark| Place { line: mark.line(), column: mark.column() });
        let mut reason = error.to_string();
        if let Some(Place { line, column }) = at {
            reason = reason.replacen(&format!(" at line {line} column {column}"), "", 1);
        }
        let line = at.and_then(|place| text.lines().nth(place.line.saturating_sub(1))).unwrap_or_default();
        let blank = line.len() - line.trim_start().len();
        let todo = if line.get(..blank).is_some_and(|blank| blank.contains('\t')) {
            "indent the line with spaces: YAML takes no tabs there."
        } else {
            "look at this line and at those just above it: at how far they are indented, at colons, quotes and \
             brackets."
        };
        Self::new(at, format!("this is not YAML: {reason}"), todo)
    }

    /// A text that is a policy, but written in a way that its lines cannot be told by.
    pub fn of_places(reason: &str, at: Place) -> Self {
        Self::new(
            Some(at),
            format!("the lines of this policy cannot be told: {reason}"),
            "write this line more plainly.",
        )
    }

    /// A text without the payer's id, or with one that is a number.
    pub fn of_payer(text: &str) -> Self {
        let places = Places::read(text).ok();
        let payer = [Step::Key("payer".to_owned())];
        let at = places.as_ref().and_then(|places| places.of_value(&payer).or(places.of_value(&[])));
        Self::new(at.or(Some(Place::BEGINNING)), "payer must be the payer's account id: all 12 digits, in quotes", "")
    }

    /// The first key that YAML does not read as text, such as an account's id without quotes.
    pub fn of_unquoted_key(document: &Value, text: &str) -> Option<Self> {
        let path = unquoted(document)?;
        let places = Places::read(text).ok();
        let at = places.and_then(|places| places.of_key(&path).or(places.of_value(path.split_last()?.1)));
        let key = path.last().map(|step| written(std::slice::from_ref(step))).unwrap_or_default();
        let todo = format!("write it in quotes: {key}.");
        Some(Self::new(at, format!("{}: YAML does not read this key as text", written(&path)), todo))
    }

    /// A document that is no policy.
    pub fn of_policy(error: &PolicyError, text: &str) -> Self {
        let places = Places::read(text).ok();
        match error {
            PolicyError::Shape(error) => Self::of_shape(error, places.as_ref()),
            PolicyError::NoLimit => {
                let limits = ["defaults", "limits"].map(|key| Step::Key(key.to_owned()));
                Self::new(places.and_then(|places| places.of_value(&limits)), error.to_string(), "")
            }
            PolicyError::Json(_) => Self::new(None, error.to_string(), SEE),
        }
    }

    fn of_shape(error: &ShapeError, places: Option<&Places>) -> Self {
        let mut path = error.path();
        let (at_key, todo) = match error.wrong() {
            Wrong::UnknownKey { known } => (true, meant_key(path.last(), known)),
            Wrong::Key(_) if is_of_unit(&path) => (true, String::new()),
            Wrong::Key(_) => (true, "write all 12 digits, in quotes.".to_owned()),
            Wrong::MissingKey(_) => (false, "add it.".to_owned()),
            Wrong::UnknownWord { word, known } => {
                (false, nearest(word, known).map(|word| format!("did you mean {word}?")).unwrap_or_default())
            }
            Wrong::Value(_) => (false, SEE.to_owned()),
        };
        let what = error.wrong().to_string();
        path.extend(places.and_then(|places| item(places, &path, &what)));
        let at = places.and_then(|places| if at_key { places.of_key(&path) } else { places.of_value(&path) });
        let what = if path.is_empty() { what } else { format!("{}: {what}", written(&path)) };
        Self::new(at, what, todo)
    }
}

/// Whether a path leads to a key of `units`. What is wrong with one says what to write.
fn is_of_unit(path: &[Step]) -> bool {
    path.first().is_some_and(|step| *step == Step::Key("units".to_owned()))
}

/// The item of a list that a reason is about: some lists are read whole before their items are judged, and the reason
/// begins with the item.
fn item(places: &Places, path: &[Step], reason: &str) -> Option<Step> {
    let is_it = |(text, _): &(&str, Place)| reason.starts_with(&format!("{text:?} "));
    places.items(path).iter().position(is_it).map(Step::Item)
}

fn unquoted(value: &Value) -> Option<Vec<Step>> {
    let below = |step: Step, value: &Value| unquoted(value).map(|rest| [vec![step], rest].concat());
    match value {
        Value::Mapping(entries) => entries.iter().find_map(|(key, value)| match key {
            Value::String(key) => below(Step::Key(key.clone()), value),
            other => {
                let key = serde_yaml_ng::to_string(other).unwrap_or_default();
                Some(vec![Step::Key(key.trim().to_owned())])
            }
        }),
        Value::Sequence(items) => items.iter().enumerate().find_map(|(index, item)| below(Step::Item(index), item)),
        _ => None,
    }
}

fn meant_key(key: Option<&Step>, known: &[&str]) -> String {
    let Some(Step::Key(key)) = key else { return String::new() };
    nearest(key, known)
        .map_or_else(|| format!("known here are {}.", known.join(", ")), |meant| format!("did you mean {meant}?"))
}

/// The known word that a mistyped one was most likely meant to be. Past a third of its letters a suggestion is a guess,
/// and a wrong guess misleads.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.trim_matches('"').to_lowercase();
    let most = (word.chars().count() / 3).max(1);
    let away = |candidate: &str| strsim::levenshtein(&word, &candidate.to_lowercase());
    known.iter().copied().filter(|candidate| away(candidate) <= most).min_by_key(|candidate| away(candidate))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::policy_file::PolicyFile;

    fn refused(text: &str) -> String {
        let problem = PolicyFile::parse(Path::new("policy.yaml"), text).unwrap_err();
        let todo = problem.todo().map(|todo| format!(" {todo}")).unwrap_or_default();
        format!("{problem}{todo}")
    }

    /// The files that `cdk synth` is held to: each says on its first line what must be named, and marks the line.
    #[test]
    fn every_bad_policy_is_refused_on_its_line() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/policies/bad");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let text = std::fs::read_to_string(&file).unwrap();
            let line = text.lines().position(|line| line.ends_with("# here")).unwrap() + 1;
            let said = refused(&text);
            assert!(said.starts_with(&format!("policy.yaml:{line}:")), "{}: {said}", file.display());
            let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
            // Of the payer's id it is said what it must be, whatever it is.
            assert!(said.contains(expected) || said.contains("payer must be"), "{}: {said}", file.display());
            seen += 1;
        }
        assert!(seen > 60);
    }

    const BASE: &str = "payer: \"123456789012\"\norganization: {id: o-exampleorg}\n\
                        defaults: {limits: {instances: 2}, notify: [a@example.edu]}\n";

    #[test]
    fn each_kind_of_fault_is_a_sentence_with_what_to_do() {
        let cases = [
            ("schedul: 5m\n", "policy.yaml:4:1: schedul: unknown key. did you mean schedule?"),
            ("zzz: 5m\n", "policy.yaml:4:1: zzz: unknown key. known here are payer, organization, schedule"),
            (
                "mode: dril\n",
                "policy.yaml:4:7: mode: must be one of pass, drill, proceed (found \"dril\"). did you mean",
            ),
            ("grace: 4\n", "policy.yaml:4:8: grace: must be text (found 4). write what docs/policy.md"),
            (
                "units:\n  ou-exam-1: {}\n",
                "policy.yaml:5:3: units.\"ou-exam-1\": \"ou-exam-1\" is not an organizational unit's id: write it as the",
            ),
            (
                "units:\n  ou-exam-12345678:\n    limit: {}\n",
                "policy.yaml:6:5: units.\"ou-exam-12345678\".limit: unknown key",
            ),
            ("accounts:\n  \"111\": {}\n", "policy.yaml:5:3: accounts.\"111\": \"111\" is not an AWS account id"),
            (
                "accounts:\n  222222222222:\n    name: lab\n",
                "policy.yaml:5:3: accounts.\"222222222222\": YAML does not read this key as text. write it in quotes: \
                 \"222222222222\".",
            ),
            (
                "payer: \"1\"\n",
                "policy.yaml:4:1: \"payer\" stands twice: first on line 1 and again on line 4. keep one",
            ),
            ("accounts: {'111111111111': {mode: drill, mode: pass}}\n", "policy.yaml:4:42: \"mode\" stands twice"),
            ("brake:\n\thaltsPerHour: 1\n", "policy.yaml:5:1: this is not YAML: found character that cannot start any"),
            ("brake: [\n", "policy.yaml:5:1: this is not YAML: did not find expected"),
        ];
        for (more, sentence) in cases {
            let said = refused(&format!("{BASE}{more}"));
            assert!(said.starts_with(sentence), "{said}");
            let said = refused(&format!("{BASE}{more}").replace('\n', "\r\n"));
            assert!(said.starts_with(sentence), "with CRLF: {said}");
        }
    }

    #[test]
    fn a_tab_is_told_as_one() {
        assert!(refused(&format!("{BASE}brake:\n\thaltsPerHour: 1\n")).ends_with("YAML takes no tabs there."));
    }

    #[test]
    fn what_an_alias_brings_is_named_where_it_is_written() {
        let text =
            format!("{BASE}accounts:\n  \"111111111111\": &a {{limits: {{instances: x}}}}\n  \"222222222222\": *a\n");
        assert!(refused(&text).starts_with("policy.yaml:5:43: accounts.\"111111111111\".limits.instances: "));
    }
}
