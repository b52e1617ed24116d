//! Names of things in AWS, each its own type, so that a region is never taken for an account.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A string that is not an account id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not an AWS account id: it takes exactly 12 digits, written as a string")]
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
