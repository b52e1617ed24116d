//! The policy file, `runawaytrain.yaml`: read, and filled with the ids of an organization.

use std::path::{Path, PathBuf};

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::policy::{Email, Policy, PolicyError};
use runawaytrain_core::vocabulary::ids::AccountId;
use thiserror::Error;

use crate::policy::fault::Fault;

/// What the sample in the repository holds; nobody's payer or organization has these.
pub const SAMPLE_PAYER: &str = "123456789012";
/// The sample's organization.
pub const SAMPLE_ORGANIZATION: &str = "o-exampleorg";
/// The sample's root.
pub const SAMPLE_ROOT: &str = "r-exam";

/// Why a policy file cannot be used.
#[derive(Debug, Error)]
pub enum PolicyProblem {
    /// It is not there, or may not be read.
    #[error("the policy {} cannot be read: {error}.", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no policy.
    #[error("{}{}: {}.", file.display(), fault.at.map(|place| format!(":{place}")).unwrap_or_default(), fault.what)]
    NoPolicy {
        /// Which file.
        file: PathBuf,
        /// Where and why, and what to do.
        fault: Fault,
    },
    /// The sample's values are not where the sample has them.
    #[error(
        "{}: the sample's ids stand where they cannot be replaced without touching the rest. Write yours by hand.",
        file.display()
    )]
    NotFilled {
        /// Which file.
        file: PathBuf,
    },
    /// It cannot be written.
    #[error("the policy {} cannot be written: {error}.", file.display())]
    Unwritable {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl PolicyProblem {
    /// What to do, where the problem itself does not say it.
    pub fn todo(&self) -> Option<&str> {
        match self {
            Self::NoPolicy { fault, .. } => Some(fault.todo.as_str()).filter(|todo| !todo.is_empty()),
            _ => None,
        }
    }
}

/// A notify list: its topic, and the addresses on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyTopic {
    /// The topic's name.
    pub topic: String,
    /// The addresses.
    pub addresses: Vec<String>,
}

/// The policy, and where it was read.
#[derive(Debug, Clone)]
pub struct PolicyFile {
    /// Where.
    pub file: PathBuf,
    /// What it says.
    pub policy: Policy,
}

impl PolicyFile {
    /// Reads a file as strictly as the function reads what is packed with it.
    pub fn read(file: &Path) -> Result<Self, PolicyProblem> {
        Self::parse(file, &Self::text(file)?)
    }

    /// The text of a file, whatever it says.
    pub fn text(file: &Path) -> Result<String, PolicyProblem> {
        std::fs::read_to_string(file).map_err(|error| PolicyProblem::Unreadable { file: file.to_owned(), error })
    }

    /// The policy that a file with this text would be.
    pub fn parse(file: &Path, text: &str) -> Result<Self, PolicyProblem> {
        let file = file.to_owned();
        match policy(text) {
            Ok(policy) => Ok(Self { file, policy }),
            Err(fault) => Err(PolicyProblem::NoPolicy { file, fault }),
        }
    }

    /// The payer's account id.
    pub fn payer(&self) -> &str {
        self.policy.payer().as_str()
    }

    /// The root, or the units where some are named: what is enrolled, and what the protect policy goes to.
    pub fn enrolled(&self) -> Vec<&str> {
        let organization = &self.policy.document().organization;
        if organization.ous.is_empty() {
            organization.root.iter().map(String::as_str).collect()
        } else {
            organization.ous.iter().map(String::as_str).collect()
        }
    }

    /// The region that the roles of each account are deployed in.
    pub fn member_region(&self) -> &str {
        self.policy.document().organization.member_region.as_ref().map_or(HOME_REGION, |region| region.as_str())
    }

    /// Whether it still names the sample's organization.
    pub fn is_sample(&self) -> bool {
        self.policy.organization_id() == SAMPLE_ORGANIZATION
    }

    /// The default list, and those of units and accounts that have one.
    pub fn notify_topics(&self) -> Vec<NotifyTopic> {
        let document = self.policy.document();
        let addresses = |list: &[Email]| list.iter().cloned().map(String::from).collect();
        let topic = runawaytrain_core::contract::TOPIC;
        let default = NotifyTopic { topic: topic.to_owned(), addresses: addresses(&document.defaults.notify) };
        let of_units = document.units.iter().map(|(unit, own)| (unit.as_str(), own));
        let of_accounts = document.accounts.iter().map(|(account, own)| (account.as_str(), own));
        let own = of_units.chain(of_accounts).filter_map(|(id, own)| {
            let list = own.notify.as_ref()?;
            Some(NotifyTopic { topic: format!("{topic}-{id}"), addresses: addresses(list) })
        });
        std::iter::once(default).chain(own).collect()
    }

    /// Of the sample's ids those that the file still has: their keys, themselves, and what they are replaced by.
    pub fn samples<'a>(
        &self,
        payer: &'a str,
        organization: &'a str,
        root: &'a str,
    ) -> Vec<(&'static str, &'static str, &'a str)> {
        let ids = &self.policy.document().organization;
        [
            (self.payer() == SAMPLE_PAYER).then_some(("payer", SAMPLE_PAYER, payer)),
            (ids.id == SAMPLE_ORGANIZATION).then_some(("id", SAMPLE_ORGANIZATION, organization)),
            (ids.root.as_deref() == Some(SAMPLE_ROOT)).then_some(("root", SAMPLE_ROOT, root)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The file's text with the sample's ids replaced, every other character as it was. Ids that are not the sample's
    /// were written by somebody, who may have meant them.
    pub fn filled(&self, text: &str, payer: &str, organization: &str, root: &str) -> Result<String, PolicyProblem> {
        let replaced = self
            .samples(payer, organization, root)
            .into_iter()
            .fold(text.to_owned(), |text, (key, sample, value)| replaced_once(&text, key, sample, value));
        // What was meant, by the file's own meaning: the text was changed by its looks.
        let mut expected = self.policy.document().clone();
        let not_filled = || PolicyProblem::NotFilled { file: self.file.clone() };
        if self.payer() == SAMPLE_PAYER {
            expected.payer = AccountId::parse(payer).map_err(|_| not_filled())?;
        }
        let ids = &mut expected.organization;
        if ids.id == SAMPLE_ORGANIZATION {
            organization.clone_into(&mut ids.id);
        }
        if ids.root.as_deref() == Some(SAMPLE_ROOT) {
            ids.root = Some(root.to_owned());
        }
        match Self::parse(&self.file, &replaced) {
            Ok(made) if *made.policy.document() == expected => Ok(replaced),
            _ => Err(not_filled()),
        }
    }

    /// Writes the file: all of it or nothing, for an interruption must not leave half a policy.
    pub fn write(&self, text: &str) -> Result<(), PolicyProblem> {
        let unwritable = |error| PolicyProblem::Unwritable { file: self.file.clone(), error };
        // Where it is a link, what it leads to.
        let file = self.file.canonicalize().map_err(unwritable)?;
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let made = file.with_file_name(format!(".{name}.{}", std::process::id()));
        let written = std::fs::write(&made, text)
            .and_then(|()| std::fs::metadata(&file))
            .and_then(|found| std::fs::set_permissions(&made, found.permissions()))
            .and_then(|()| std::fs::rename(&made, &file));
        if written.is_err() {
            let _ = std::fs::remove_file(&made);
        }
        written.map_err(unwritable)
    }
}

/// By way of JSON, which is what the function reads. A key that YAML does not read as text would become text on that
/// way: `cdk synth` refuses it, and so does this.
fn policy(text: &str) -> Result<Policy, Fault> {
    let found: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(|error| Fault::of_yaml(&error, text))?;
    let payer = found.get("payer").and_then(serde_yaml_ng::Value::as_str).unwrap_or_default();
    if AccountId::parse(payer).is_err() {
        return Err(Fault::of_payer(text));
    }
    if let Some(fault) = Fault::of_unquoted_key(&found, text) {
        return Err(fault);
    }
    serde_json::to_value(&found)
        .map_err(PolicyError::from)
        .and_then(|json| Policy::from_json(&json.to_string()))
        .map_err(|error| Fault::of_policy(&error, text))
}

/// Replaces the first `key: sample` that is not in a comment.
fn replaced_once(text: &str, key: &str, sample: &str, value: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_done = false;
    for line in text.split_inclusive('\n') {
        match (!is_done).then(|| in_line(line, key, sample)).flatten() {
            Some(at) => {
                is_done = true;
                let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + sample.len()..));
                out.push_str(before);
                out.push_str(value);
                out.push_str(after.unwrap_or_default());
            }
            None => out.push_str(line),
        }
    }
    out
}

/// Where in a line the sample stands as the value of the key, with or without quotes.
fn in_line(line: &str, key: &str, sample: &str) -> Option<usize> {
    let code = line.find(" #").map_or(line, |comment| line.get(..comment).unwrap_or(line));
    if code.trim_start().starts_with('#') {
        return None;
    }
    let named = format!("{key}:");
    let after_key = code.find(&named)? + named.len();
    let rest = code.get(after_key..)?;
    let value = rest.trim_start().trim_start_matches(['"', '\'']);
    let at = after_key + rest.len() - value.len();
    let after = value.strip_prefix(sample)?;
    let ends = after.chars().next().is_none_or(|next| !(next.is_ascii_alphanumeric() || next == '-'));
    ends.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../runawaytrain.yaml");

    fn parsed(text: &str) -> Result<PolicyFile, PolicyProblem> {
        PolicyFile::parse(Path::new("policy.yaml"), text)
    }

    #[test]
    fn the_sample_is_filled_and_every_other_character_stays() {
        let filled = parsed(SAMPLE).unwrap().filled(SAMPLE, "999999999999", "o-aaaaaaaaaa", "r-bbbb").unwrap();
        let found = parsed(&filled).unwrap();
        assert_eq!((found.payer(), found.policy.organization_id()), ("999999999999", "o-aaaaaaaaaa"));
        assert_eq!(found.enrolled(), ["r-bbbb"]);
        let changed = SAMPLE.lines().zip(filled.lines()).filter(|(before, after)| before != after).count();
        assert_eq!((changed, SAMPLE.lines().count()), (3, filled.lines().count()));
    }

    #[test]
    fn what_somebody_wrote_is_not_replaced() {
        let written = SAMPLE.replace("payer: \"123456789012\"", "payer: '333333333333'   # \"123456789012\" it was");
        let filled = parsed(&written).unwrap().filled(&written, "999999999999", "o-aaaaaaaaaa", "r-bbbb").unwrap();
        assert!(filled.contains("payer: '333333333333'   # \"123456789012\" it was"));
        assert_eq!(parsed(&filled).unwrap().policy.organization_id(), "o-aaaaaaaaaa");
    }

    #[test]
    fn a_map_in_one_line_is_filled_too() {
        let written = "payer: '123456789012'\norganization: {id: o-exampleorg, root: r-exam}\n\
                       defaults: {limits: {instances: 2}, notify: [a@example.edu]}\n";
        let filled = parsed(written).unwrap().filled(written, "999999999999", "o-aaaaaaaaaa", "r-bbbb").unwrap();
        assert!(filled.contains("payer: '999999999999'\norganization: {id: o-aaaaaaaaaa, root: r-bbbb}"), "{filled}");
    }

    #[test]
    fn where_the_text_cannot_be_told_from_its_looks_nothing_is_written() {
        let written = "payer: &p '123456789012'\norganization: {id: o-exampleorg, root: r-exam}\n\
                       defaults: {limits: {instances: 2}, notify: [a@example.edu]}\n";
        let refused = parsed(written).unwrap().filled(written, "999999999999", "o-aaaaaaaaaa", "r-bbbb").unwrap_err();
        assert!(refused.to_string().contains("Write yours by hand"), "{refused}");
    }

    #[test]
    fn what_is_no_policy_is_a_sentence() {
        let cases = [
            ("payer: 123456789012\n", "all 12 digits, in quotes"),
            ("- a\n- b\n", "all 12 digits, in quotes"),
            ("payer: [\n", "this is not YAML"),
            ("payer: \"123456789012\"\nschedul: 5m\n", "schedul: unknown key"),
            ("payer: \"123456789012\"\npayer: \"123456789012\"\n", "stands twice"),
        ];
        for (text, sentence) in cases {
            let refused = parsed(text).unwrap_err().to_string();
            assert!(refused.contains(sentence) && refused.starts_with("policy.yaml:"), "{refused}");
        }
    }

    #[test]
    fn every_list_has_its_topic() {
        let of_unit = "units: {ou-exam-research: {notify: [research@example.edu]}, ou-exam-sandbox1: {}}\n";
        let topics = parsed(&format!("{SAMPLE}{of_unit}")).unwrap().notify_topics();
        assert_eq!(
            topics,
            [
                NotifyTopic { topic: "runawaytrain".into(), addresses: vec!["cloud-team@example.edu".into()] },
                NotifyTopic {
                    topic: "runawaytrain-ou-exam-research".into(),
                    addresses: vec!["research@example.edu".into()]
                },
                NotifyTopic {
                    topic: "runawaytrain-111111111111".into(),
                    addresses: vec!["physics-admin@example.edu".into()]
                },
            ]
        );
    }
}
