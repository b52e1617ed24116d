//! The function's environment: five variables of the original system and what came since, each checked at the start and
//! named when wrong.

use std::path::PathBuf;

use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;
use thiserror::Error;

/// A variable that is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// Not set, or empty.
    #[error("the environment variable {name} is not set: it takes {takes}")]
    Missing {
        /// Which.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// Set to something else.
    #[error("the environment variable {name} is {found:?}: it takes {takes}")]
    Malformed {
        /// Which.
        name: &'static str,
        /// What was there.
        found: String,
        /// What it takes.
        takes: &'static str,
    },
}

/// The environment, read and checked. `runawaytrain_core::contract::ENVIRONMENT` lists the same names for CDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `snstopic`: the default notify list's topic.
    pub topic: String,
    /// `accountnumber`: the payer, which owns the topics.
    pub account: AccountId,
    /// `snsregion`: where the topics are.
    pub sns_region: String,
    /// `statetable`: the DynamoDB table.
    pub table: String,
    /// `policyfile`: the policy as JSON; a relative path starts at the function's code.
    pub policy_file: PathBuf,
    /// `envaction`: how far the machine may go at the most. `pass`, set in the console, silences it at once.
    pub ceiling: Mode,
    /// `ec2limit`: replaces the policy's default `limits.instances`.
    pub instance_limit: Option<u64>,
    /// `quarantinepolicy`: the id of the SCP that freezes an account. Without it nothing can be frozen, and every halt
    /// says so.
    pub quarantine_policy: Option<String>,
    /// `modelspolicy`: the id of the SCP beside it that denies invoking models.
    pub models_policy: Option<String>,
    /// `lockdownpolicy`: the id of the SCP that denies everything but our own roles.
    pub lockdown_policy: Option<String>,
}

impl Environment {
    /// Reads the variables through `get`; the first one that is wrong is the error.
    pub fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let optional = |name| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let required = |name, takes| optional(name).ok_or(EnvironmentError::Missing { name, takes });

        const ACCOUNT: &str = "the payer's 12-digit account id";
        const ACTION: &str = "pass, drill or proceed";
        const LIMIT: &str = "a whole number of instances, 0 or more";
        let account = required("accountnumber", ACCOUNT)?;
        let account = AccountId::parse(&account).map_err(|_| EnvironmentError::Malformed {
            name: "accountnumber",
            found: account,
            takes: ACCOUNT,
        })?;
        let ceiling = match optional("envaction") {
            None => Mode::Proceed,
            // Typed by hand into a console in a hurry: case does not matter.
            Some(text) => match text.to_ascii_lowercase().as_str() {
                "pass" => Mode::Pass,
                "drill" => Mode::Drill,
                "proceed" => Mode::Proceed,
                _ => return Err(EnvironmentError::Malformed { name: "envaction", found: text, takes: ACTION }),
            },
        };
        let instance_limit = match optional("ec2limit") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| EnvironmentError::Malformed {
                name: "ec2limit",
                found: text,
                takes: LIMIT,
            })?),
        };
        let policy = |name| match optional(name) {
            Some(found) if !found.starts_with("p-") => {
                Err(EnvironmentError::Malformed { name, found, takes: "the id of a service control policy, p-..." })
            }
            id => Ok(id),
        };
        Ok(Self {
            topic: required("snstopic", "the name of the SNS topic")?,
            account,
            sns_region: required("snsregion", "the region of the SNS topic")?,
            table: required("statetable", "the name of the DynamoDB table")?,
            policy_file: required("policyfile", "the path of the policy as JSON")?.into(),
            ceiling,
            instance_limit,
            quarantine_policy: policy("quarantinepolicy")?,
            models_policy: policy("modelspolicy")?,
            lockdown_policy: policy("lockdownpolicy")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    use runawaytrain_core::contract;

    use super::*;

    fn sound() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("snstopic", "runawaytrain"),
            ("accountnumber", "123456789012"),
            ("snsregion", "us-west-2"),
            ("statetable", "runawaytrain"),
            ("policyfile", "runawaytrain.json"),
        ])
    }

    fn read(variables: &BTreeMap<&'static str, &'static str>) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| variables.get(name).map(|text| (*text).to_owned()))
    }

    #[test]
    fn exactly_the_contracts_variables_are_read() {
        let asked = RefCell::new(BTreeSet::new());
        let variables = sound();
        Environment::read(|name| {
            asked.borrow_mut().insert(name);
            variables.get(name).map(|text| (*text).to_owned())
        })
        .unwrap();
        assert_eq!(asked.into_inner(), contract::ENVIRONMENT.iter().map(|(name, _)| *name).collect());
    }

    #[test]
    fn a_missing_variable_is_named_and_only_the_required_ones_may_not_be_missing() {
        for (name, required) in contract::ENVIRONMENT {
            let mut variables = sound();
            variables.remove(name);
            match read(&variables) {
                Err(error) => assert!(required && error.to_string().contains(name), "{error}"),
                Ok(_) => assert!(!required, "{name}"),
            }
        }
    }

    #[test]
    fn a_malformed_variable_is_named_with_what_it_takes() {
        for (name, text) in [
            ("accountnumber", "12345"),
            ("envaction", "halt"),
            ("ec2limit", "-1"),
            ("ec2limit", "four"),
            ("quarantinepolicy", "arn:aws:organizations::1:policy"),
            ("modelspolicy", "RunawayTrainModels"),
            ("lockdownpolicy", "RunawayTrainLockdown"),
            ("snstopic", "  "),
        ] {
            let mut variables = sound();
            variables.insert(name, text);
            let error = read(&variables).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("it takes"), "{error}");
        }
    }

    #[test]
    fn the_defaults_are_to_proceed_with_the_policys_limit() {
        let environment = read(&sound()).unwrap();
        assert_eq!((environment.ceiling, environment.instance_limit), (Mode::Proceed, None));
        let mut variables = sound();
        variables.extend([("envaction", " Pass "), ("ec2limit", "4")]);
        let environment = read(&variables).unwrap();
        assert_eq!((environment.ceiling, environment.instance_limit), (Mode::Pass, Some(4)));
    }
}
