//! Whom the trust policy of a role admits. To revoke the sessions of a role holds only until the next one is taken:
//! whoever may take it from outside needs nothing in the account for that.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::vocabulary::ids::AccountId;
use crate::vocabulary::text::clean;

/// Somebody whom a trust policy admits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// Some principal of this account, which may be the role's own.
    Account(AccountId),
    /// Every principal of these organizations, by a condition on `aws:PrincipalOrgID`.
    Organizations(Vec<String>),
    /// Whoever this one vouches for: an identity provider, or a service that hands sessions to machines and people
    /// outside of AWS. By the name that [`provider_name`] gives it.
    Provider(String),
    /// A service that uses its sessions itself.
    Service(String),
    /// Anybody, or somebody that cannot be told from the policy.
    Anybody,
}

/// Services that hand the sessions of a role to somebody outside of AWS: whoever holds a certificate, a registered
/// device or machine, or a login of theirs takes a new session whenever the old one ends. Each by its principal, with
/// the page that says so.
pub const GATEWAYS: [(&str, &str); 7] = [
    ("rolesanywhere.amazonaws.com", "https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html"),
    (
        "credentials.iot.amazonaws.com",
        "https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html",
    ),
    (
        SYSTEMS_MANAGER,
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html",
    ),
    ("ds.amazonaws.com", "https://docs.aws.amazon.com/directoryservice/latest/admin-guide/ms_ad_manage_roles.html"),
    (
        "credentials.deadline.amazonaws.com",
        "https://docs.aws.amazon.com/deadline-cloud/latest/userguide/security-iam.html",
    ),
    ("codecatalyst.amazonaws.com", "https://docs.aws.amazon.com/codecatalyst/latest/userguide/trust-model.html"),
    ("codecatalyst-runner.amazonaws.com", "https://docs.aws.amazon.com/codecatalyst/latest/userguide/trust-model.html"),
];

/// A role that trusts it may be the role of a hybrid activation: whoever registers a machine by the activation's code
/// has the sessions of that role. Automation uses the same principal, but as itself: a statement that admits nothing
/// but its executions admits nobody from outside.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html>
const SYSTEMS_MANAGER: &str = "ssm.amazonaws.com";

/// What stands in the ARN of an execution of Automation, and in no machine's.
const AUTOMATION: &str = ":automation-execution/";

impl Principal {
    /// Whether it is somebody of this account, or a service that uses its sessions itself.
    pub fn is_inside(&self, own: &AccountId) -> bool {
        match self {
            Self::Account(account) => account == own,
            Self::Service(_) => true,
            Self::Organizations(_) | Self::Provider(_) | Self::Anybody => false,
        }
    }
}

/// The name of an identity provider, whether it stands in a trust policy or in ours: the address of an `OpenID` Connect
/// provider, `saml-provider/name` of a SAML one. Those of another account keep their ARN, so that none is taken for one
/// of the account's own by its name.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
pub fn provider_name(said: &str, own: &AccountId) -> String {
    let parts: Vec<&str> = said.splitn(6, ':').collect();
    let name = match parts.as_slice() {
        ["arn", _, "iam", "", account, name] if *account == own.as_str() => name,
        _ => said,
    };
    name.strip_prefix("oidc-provider/").unwrap_or(name).to_owned()
}

/// Reads a trust policy. What cannot be understood admits anybody: nothing here may fail open. Principals that were
/// deleted are not listed.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub fn admitted(document: &str, own: &AccountId) -> Vec<Principal> {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return vec![Principal::Anybody] };
    let mut found = BTreeSet::new();
    for statement in many(document.get("Statement")) {
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => read(statement, own, &mut found),
            // Whom it denies is not held against whom it allows: that would take an evaluation of conditions.
            Some("Deny") => {}
            _ => {
                found.insert(Principal::Anybody);
            }
        }
    }
    found.into_iter().collect()
}

fn read(statement: &Value, own: &AccountId, found: &mut BTreeSet<Principal>) {
    let anybody = || organizations(statement).map_or(Principal::Anybody, Principal::Organizations);
    match statement.get("Principal") {
        Some(Value::String(all)) if all == "*" => drop(found.insert(anybody())),
        Some(Value::Object(kinds)) => {
            for (kind, principals) in kinds {
                for principal in many(Some(principals)) {
                    let principal = match (kind.as_str(), principal.as_str()) {
                        ("AWS", Some("*")) => Some(anybody()),
                        ("AWS", Some(named)) => account_of(named),
                        ("Service", Some(name)) => Some(service(name, statement)),
                        ("Federated", Some(name)) if name != "*" => Some(Principal::Provider(provider_name(name, own))),
                        _ => Some(Principal::Anybody),
                    };
                    found.extend(principal);
                }
            }
        }
        // NotPrincipal with Allow admits everybody else; anything else is no trust policy that IAM takes.
        _ => drop(found.insert(Principal::Anybody)),
    }
}

/// Services are spelled with and without a region, and in China with an ending of its own.
fn service(name: &str, statement: &Value) -> Principal {
    let plain = name.trim_end_matches(".cn").to_ascii_lowercase();
    let is = |gateway: &str| {
        let label = gateway.trim_end_matches(".amazonaws.com");
        plain == gateway || (plain.starts_with(&format!("{label}.")) && plain.ends_with(".amazonaws.com"))
    };
    match GATEWAYS.iter().find(|(gateway, _)| is(gateway)) {
        Some((SYSTEMS_MANAGER, _)) if is_automation_alone(statement) => Principal::Service(SYSTEMS_MANAGER.to_owned()),
        Some((gateway, _)) => Principal::Provider((*gateway).to_owned()),
        None => Principal::Service(name.to_owned()),
    }
}

/// Whether a statement's condition admits executions of Automation and nothing else of Systems Manager.
fn is_automation_alone(statement: &Value) -> bool {
    const OPERATORS: [&str; 4] = ["ArnLike", "ArnEquals", "StringLike", "StringEquals"];
    let sources = OPERATORS.iter().filter_map(|operator| condition(statement, operator, "aws:SourceArn"));
    sources
        .map(|values| many(Some(values)))
        .any(|values| !values.is_empty() && values.iter().all(|value| value.as_str().is_some_and(is_execution)))
}

/// `arn:aws:ssm:*:123456789012:automation-execution/*`, where no wildcard stands for what comes after the account.
fn is_execution(arn: &str) -> bool {
    arn.splitn(6, ':').nth(5).is_some_and(|resource| format!(":{resource}").starts_with(AUTOMATION))
}

/// What a statement's condition asks of a key.
fn condition<'a>(statement: &'a Value, operator: &str, key: &str) -> Option<&'a Value> {
    let conditions = statement.get("Condition")?.as_object()?;
    let (_, keys) = conditions.iter().find(|(known, _)| known.eq_ignore_ascii_case(operator))?;
    let (_, values) = keys.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(key))?;
    Some(values)
}

/// The organizations that a statement's condition limits its principals to, if that is what it does.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid>
fn organizations(statement: &Value) -> Option<Vec<String>> {
    let values = condition(statement, "StringEquals", "aws:PrincipalOrgID")?;
    let ids: Vec<String> =
        many(Some(values)).into_iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    (!ids.is_empty()).then_some(ids)
}

/// The account of a principal: an account id, or an ARN such as `arn:aws:iam::123456789012:role/name`. `None` for one
/// that is no more: IAM shows its unique id, which nobody can have again.
fn account_of(principal: &str) -> Option<Principal> {
    const UNIQUE_IDS: [&str; 2] = ["AIDA", "AROA"];
    if UNIQUE_IDS.iter().any(|prefix| principal.starts_with(prefix)) {
        return None;
    }
    let id = if principal.starts_with("arn:") { principal.split(':').nth(4) } else { Some(principal) };
    Some(id.and_then(|id| AccountId::parse(id).ok()).map_or(Principal::Anybody, Principal::Account))
}

/// IAM lets a list of one stand without its brackets.
fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Organizations(ids) => write!(f, "organization {}", clean(&ids.join(", "))),
            Self::Provider(name) => write!(f, "whoever {} vouches for", clean(name)),
            Self::Service(name) => write!(f, "service {}", clean(name)),
            Self::Anybody => f.write_str("anybody"),
        }
    }
}

#[cfg(test)]
mod tests;
