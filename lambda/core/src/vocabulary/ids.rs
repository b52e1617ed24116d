//! Names of things in AWS, each its own type, so that a region is never taken for an account.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A string that is not an account id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not an AWS account id: it takes exactly 12 digits, in quotes")]
pub struct NotAnAccountId {
    found: String,
}

/// A 12-digit AWS account id, leading zeros kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The pattern that the policy's JSON Schema and this type agree on.
    pub const PATTERN: &'static str = "^[0-9]{12}$";

    /// Reads an account id; anything but exactly 12 ASCII digits is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnAccountId> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAccountId { found: text.chars().take(40).collect() })
        }
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = NotAnAccountId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for AccountId {
    fn schema_name() -> Cow<'static, str> {
        "AccountId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": Self::PATTERN,
            "description": "A 12-digit AWS account id, in quotes: YAML would read it as a number and drop its leading \
                            zeros.",
        })
    }
}

/// A string that is not an organizational unit's id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not an organizational unit's id: write it as the Organizations console has it, ou-xxxx-xxxxxxxx")]
pub struct NotAUnitId {
    found: String,
}

/// An organizational unit's id, such as `ou-exam-research`.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitId(String);

impl UnitId {
    /// The pattern that the policy's JSON Schema and this type agree on.
    pub const PATTERN: &'static str = "^ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$";

    /// Reads a unit's id: `ou-`, the root's own part, a hyphen, the unit's own.
    pub fn parse(text: &str) -> Result<Self, NotAUnitId> {
        let is_part = |part: &str, least: usize| {
            (least..=32).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
        };
        match text.split('-').collect::<Vec<_>>()[..] {
            ["ou", root, own] if is_part(root, 4) && is_part(own, 8) => Ok(Self(text.to_owned())),
            _ => Err(NotAUnitId { found: text.chars().take(80).collect() }),
        }
    }

    /// The units on an account's path in the organization, from the outermost to the innermost:
    /// `o-exampleorg/r-exam/ou-exam-research/ou-exam-lasers01/111111111111/`.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html>
    pub fn along(path: &str) -> Vec<Self> {
        path.split(['/', ' ']).filter_map(|step| Self::parse(step).ok()).collect()
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UnitId {
    type Error = NotAUnitId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<UnitId> for String {
    fn from(id: UnitId) -> Self {
        id.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for UnitId {
    fn schema_name() -> Cow<'static, str> {
        "UnitId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": Self::PATTERN,
            "description": "An organizational unit's id, ou-xxxx-xxxxxxxx.",
        })
    }
}

/// Declares a name that AWS gives out and that we never take apart.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name as AWS wrote it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as AWS wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A region's code, such as `eu-north-1`. Regions come from DescribeRegions, never from a list in the code.
    Region
}
name! {
    /// An EC2 instance id, such as `i-0123456789abcdef0`.
    InstanceId
}
name! {
    /// The name of an IAM user. The user may have chosen it: clean it before showing it.
    UserName
}
name! {
    /// The id of a long-term access key, such as `AKIAIOSFODNN7EXAMPLE`. Not a secret.
    KeyId
}
name! {
    /// One halt of one account, from its trip to its release: the compact UTC time of the trip.
    HaltId
}
name! {
    /// The name of an IAM role.
    RoleName
}
name! {
    /// The name of an Auto Scaling group.
    GroupName
}
name! {
    /// The id of an EC2 fleet (`fleet-…`) or a Spot fleet request (`sfr-…`).
    FleetId
}
name! {
    /// The id of a Spot Instance request, `sir-…`.
    SpotRequestId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_on_a_path_are_read_from_the_outermost_on() {
        let units = |path| UnitId::along(path).into_iter().map(String::from).collect::<Vec<_>>();
        let nested = "o-exampleorg/r-exam/ou-exam-research/ou-exam-lasers01/111111111111/";
        assert_eq!(units(nested), ["ou-exam-research", "ou-exam-lasers01"]);
        assert_eq!(units("o-exampleorg/r-exam/111111111111/"), [""; 0]);
        assert_eq!(units(""), [""; 0]);
    }

    #[test]
    fn a_units_id_has_the_form_that_its_pattern_says() {
        let pattern = regex_lite::Regex::new(UnitId::PATTERN).unwrap();
        let long = format!("ou-{}-{}", "a".repeat(32), "0".repeat(32));
        for good in ["ou-exam-12345678", "ou-0000-abcdefgh", &long] {
            assert!(UnitId::parse(good).is_ok() && pattern.is_match(good), "{good}");
        }
        let too_long = format!("{long}0");
        let bad = ["", "ou", "ou-exam", "ou-exa-12345678", "ou-exam-1234567", "ou-EXAM-12345678", "r-exam", &too_long];
        for bad in bad.into_iter().chain(["ou-exam-12345678-", "ou-exam-12345678\n", " ou-exam-12345678"]) {
            assert!(UnitId::parse(bad).is_err() && !pattern.is_match(bad), "{bad}");
        }
    }
}
