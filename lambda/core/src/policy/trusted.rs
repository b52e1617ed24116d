//! `trusted`: who outside of an account may assume its roles without being an outsider. It is held in the payer, so
//! that a thief cannot add to it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::trust::{Principal, provider_name};
use super::values::{self, ORGANIZATION};
use crate::vocabulary::ids::AccountId;

/// Who outside of an account may assume its roles. A role that admits anybody else from outside is denied whole on a
/// halt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedSettings {
    /// Accounts, inside or outside of the organization; an organization's id stands for all of its accounts. The payer
    /// is trusted anyway.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<TrustedAccount>")]
    pub accounts: BTreeSet<TrustedAccount>,
    /// Identity providers, by name or ARN, and services that hand sessions to machines outside of AWS.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<ProviderName>")]
    pub providers: BTreeSet<ProviderName>,
}

/// An account's id, or an organization's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrustedAccount {
    /// One account.
    Account(AccountId),
    /// All accounts of an organization.
    Organization(String),
}

impl TryFrom<String> for TrustedAccount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if values::matches(ORGANIZATION, &text) {
            return Ok(Self::Organization(text));
        }
        AccountId::try_from(text)
            .map(Self::Account)
            .map_err(|error| format!("{error}, and no organization's id either"))
    }
}

impl From<TrustedAccount> for String {
    fn from(trusted: TrustedAccount) -> Self {
        match trusted {
            TrustedAccount::Account(account) => account.into(),
            TrustedAccount::Organization(id) => id,
        }
    }
}

impl JsonSchema for TrustedAccount {
    fn schema_name() -> Cow<'static, str> {
        "TrustedAccount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]{12}|o-[a-z0-9]{10,32})$",
            "description": "A 12-digit AWS account id, in quotes, or an organization's id for all of its accounts.",
        })
    }
}

/// The name or ARN of an identity provider: `token.actions.githubusercontent.com`, `saml-provider/university`,
/// `arn:aws:iam::123456789012:saml-provider/university`; or of a service that hands out sessions, such as
/// `rolesanywhere.amazonaws.com`. Each is one provider: wildcards are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

/// The forms of IAM's own ARNs, and the addresses of `OpenID` Connect providers, which have at least one dot: a SAML
/// provider of any name is told apart by what stands before it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
const PROVIDER: &str = "^((arn:aws[a-z-]*:iam::[0-9]{12}:)?(saml-provider/[A-Za-z0-9._-]{1,128}|oidc-provider/[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+(/[A-Za-z0-9._~/-]*)?)|[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+(/[A-Za-z0-9._~/-]*)?)$";

impl TryFrom<String> for ProviderName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if values::matches(PROVIDER, &text) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not the name of a provider: write an address such as \
                 token.actions.githubusercontent.com, saml-provider/NAME or an ARN, without wildcards and without \
                 https://"
            ))
        }
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}

impl JsonSchema for ProviderName {
    fn schema_name() -> Cow<'static, str> {
        "ProviderName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PROVIDER,
            "description": "An identity provider such as token.actions.githubusercontent.com, \
                            saml-provider/university or an ARN; or a service that hands out sessions, such as \
                            rolesanywhere.amazonaws.com.",
        })
    }
}

/// Who may assume the roles of one account from outside of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted {
    accounts: BTreeSet<AccountId>,
    organizations: BTreeSet<String>,
    providers: BTreeSet<String>,
}

impl Trusted {
    /// What the settings mean in an account: they add up, and the payer is always among them.
    pub fn of(own: &AccountId, payer: &AccountId, settings: &[&TrustedSettings]) -> Self {
        let mut trusted = Self { accounts: BTreeSet::from([payer.clone()]), ..Self::default() };
        for account in settings.iter().flat_map(|settings| &settings.accounts) {
            match account {
                TrustedAccount::Account(id) => drop(trusted.accounts.insert(id.clone())),
                TrustedAccount::Organization(id) => drop(trusted.organizations.insert(id.clone())),
            }
        }
        let providers = settings.iter().flat_map(|settings| &settings.providers);
        trusted.providers = providers.map(|provider| provider_name(&provider.0, own)).collect();
        trusted
    }

    /// Those of both.
    #[must_use]
    pub(super) fn with(mut self, other: Self) -> Self {
        self.accounts.extend(other.accounts);
        self.organizations.extend(other.organizations);
        self.providers.extend(other.providers);
        self
    }

    /// Single accounts, the payer among them.
    pub fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// Organizations that are trusted whole, by their ids.
    pub fn organizations(&self) -> &BTreeSet<String> {
        &self.organizations
    }

    /// Identity providers, by the names that [`provider_name`] gives them.
    pub fn providers(&self) -> &BTreeSet<String> {
        &self.providers
    }

    /// Whether somebody from outside may assume a role.
    pub fn includes(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Account(account) => self.accounts.contains(account),
            Principal::Organizations(ids) => ids.iter().all(|id| self.organizations.contains(id)),
            Principal::Provider(name) => self.providers.contains(name),
            Principal::Service(_) | Principal::Anybody => false,
        }
    }
}
