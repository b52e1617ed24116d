//! Who outside of an account may take a session of a role, by the role's trust policy. To revoke the sessions of a role
//! holds only until the next one is taken: whoever may take it from outside needs nothing in the account for that.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::vocabulary::ids::AccountId;
use crate::vocabulary::text::clean;

/// Somebody outside of a role's account whom its trust policy admits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExternalPrincipal {
    /// Some principal of this account.
    Account(AccountId),
    /// Every principal of these organizations, by a condition on `aws:PrincipalOrgID`.
    Organizations(Vec<String>),
    /// Anybody, or somebody that cannot be told from the policy.
    Anybody,
}

/// The organization that is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationAccounts {
    /// Its id.
    pub organization: String,
    /// Its accounts, as far as they are known.
    pub accounts: BTreeSet<AccountId>,
}

impl OrganizationAccounts {
    /// Whether a principal external to an account belongs to the organization all the same.
    pub fn includes(&self, principal: &ExternalPrincipal) -> bool {
        match principal {
            ExternalPrincipal::Account(account) => self.accounts.contains(account),
            ExternalPrincipal::Organizations(ids) => ids.iter().all(|id| *id == self.organization),
            ExternalPrincipal::Anybody => false,
        }
    }
}

/// Reads a trust policy. What cannot be understood admits anybody: nothing here may fail open. Services, identity
/// providers and principals that were deleted are not listed.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub fn external_principals(document: &str, own: &AccountId) -> Vec<ExternalPrincipal> {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return vec![ExternalPrincipal::Anybody] };
    let mut found = BTreeSet::new();
    for statement in many(document.get("Statement")) {
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => admitted(statement, own, &mut found),
            // Whom it denies is not held against whom it allows: that would take an evaluation of conditions.
            Some("Deny") => {}
            _ => {
                found.insert(ExternalPrincipal::Anybody);
            }
        }
    }
    found.into_iter().collect()
}

fn admitted(statement: &Value, own: &AccountId, found: &mut BTreeSet<ExternalPrincipal>) {
    let anybody = || organizations(statement).map_or(ExternalPrincipal::Anybody, ExternalPrincipal::Organizations);
    match statement.get("Principal") {
        Some(Value::String(all)) if all == "*" => drop(found.insert(anybody())),
        Some(Value::Object(kinds)) => {
            for principal in kinds.get("AWS").into_iter().flat_map(|principals| many(Some(principals))) {
                match principal.as_str() {
                    Some("*") => drop(found.insert(anybody())),
                    Some(named) => match account_of(named) {
                        Named::Account(account) if account == *own => {}
                        Named::Account(account) => drop(found.insert(ExternalPrincipal::Account(account))),
                        Named::Deleted => {}
                        Named::Unclear => drop(found.insert(ExternalPrincipal::Anybody)),
                    },
                    None => drop(found.insert(ExternalPrincipal::Anybody)),
                }
            }
        }
        // NotPrincipal with Allow admits everybody else; anything else is no trust policy that IAM takes.
        _ => drop(found.insert(ExternalPrincipal::Anybody)),
    }
}

/// The organizations that a statement's condition limits its principals to, if that is what it does.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid>
fn organizations(statement: &Value) -> Option<Vec<String>> {
    let conditions = statement.get("Condition")?.as_object()?;
    let (_, keys) = conditions.iter().find(|(operator, _)| operator.eq_ignore_ascii_case("StringEquals"))?;
    let (_, values) = keys.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("aws:PrincipalOrgID"))?;
    many(Some(values)).into_iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

enum Named {
    Account(AccountId),
    /// A principal that is no more: IAM shows its unique id, which nobody can have again.
    Deleted,
    Unclear,
}

/// The account of a principal: an account id, or an ARN such as `arn:aws:iam::123456789012:role/name`.
fn account_of(principal: &str) -> Named {
    const UNIQUE_IDS: [&str; 2] = ["AIDA", "AROA"];
    if UNIQUE_IDS.iter().any(|prefix| principal.starts_with(prefix)) {
        return Named::Deleted;
    }
    let id = if principal.starts_with("arn:") { principal.split(':').nth(4) } else { Some(principal) };
    id.and_then(|id| AccountId::parse(id).ok()).map_or(Named::Unclear, Named::Account)
}

/// IAM lets a list of one stand without its brackets.
fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

impl fmt::Display for ExternalPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Organizations(ids) => write!(f, "organization {}", clean(&ids.join(", "))),
            Self::Anybody => f.write_str("anybody"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    fn other() -> ExternalPrincipal {
        ExternalPrincipal::Account(AccountId::parse("999999999999").unwrap())
    }

    fn admits(principal: &str, condition: &str) -> Vec<ExternalPrincipal> {
        external_principals(
            &format!(
                r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"{condition}}}]}}"#
            ),
            &own(),
        )
    }

    #[test]
    fn its_own_account_services_providers_and_the_deleted_are_no_outsiders() {
        for principal in [
            r#"{"Service":"ec2.amazonaws.com"}"#,
            r#"{"Federated":"arn:aws:iam::111111111111:saml-provider/university"}"#,
            r#"{"AWS":"111111111111"}"#,
            r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:user/alice"]}"#,
            r#"{"AWS":"AIDAEXAMPLEEXAMPLE000"}"#,
        ] {
            assert_eq!(admits(principal, ""), [], "{principal}");
        }
    }

    #[test]
    fn another_account_is_an_outsider_in_every_spelling() {
        for principal in [
            r#"{"AWS":"999999999999"}"#,
            r#"{"AWS":"arn:aws:iam::999999999999:root"}"#,
            r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::999999999999:role/miner"],"Service":"ec2.amazonaws.com"}"#,
            r#"{"AWS":"arn:aws:sts::999999999999:assumed-role/miner/session"}"#,
        ] {
            assert_eq!(admits(principal, ""), [other()], "{principal}");
        }
    }

    #[test]
    fn everybody_is_anybody_unless_an_organization_is_named() {
        assert_eq!(admits(r#""*""#, ""), [ExternalPrincipal::Anybody]);
        assert_eq!(
            admits(r#"{"AWS":"*"}"#, r#","Condition":{"StringLike":{"aws:PrincipalOrgID":"*"}}"#),
            [ExternalPrincipal::Anybody]
        );
        let named =
            admits(r#"{"AWS":"*"}"#, r#","Condition":{"StringEquals":{"aws:principalorgid":["o-one","o-two"]}}"#);
        assert_eq!(named, [ExternalPrincipal::Organizations(vec!["o-one".to_owned(), "o-two".to_owned()])]);
        let family = |organization: &str| OrganizationAccounts {
            organization: organization.to_owned(),
            accounts: BTreeSet::new(),
        };
        assert!(!family("o-one").includes(&named[0]));
        assert!(family("o-one").includes(&ExternalPrincipal::Organizations(vec!["o-one".to_owned()])));
    }

    #[test]
    fn what_is_not_understood_admits_anybody() {
        for document in [
            "",
            "not json",
            r#"{"Statement":{"Principal":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"}}}"#,
        ] {
            assert_eq!(external_principals(document, &own()), [ExternalPrincipal::Anybody], "{document}");
        }
        assert_eq!(admits(r#"{"AWS":"some-word"}"#, ""), [ExternalPrincipal::Anybody]);
        assert_eq!(admits(r#"{"AWS":[7]}"#, ""), [ExternalPrincipal::Anybody]);
    }

    #[test]
    fn a_statement_that_denies_admits_nobody() {
        assert_eq!(external_principals(r#"{"Statement":{"Effect":"Deny","Principal":"*"}}"#, &own()), []);
    }
}
