//! Who beside the payer could take the guard off. A delegated administrator of StackSets acts as `stacksets-exec-*`,
//! which the protect policy exempts everywhere; one of policies may detach what a halt attaches.

use serde_json::Value;

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::pattern::fits_action;
use runawaytrain_core::vocabulary::text::clean;

use super::ground::Ground;
use crate::cloud::organization::Delegate;
use crate::finding::{Cure, Finding};
use crate::statements::strings;

/// The name of StackSets as a service of the organization.
const STACK_SETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";
/// By any of these a policy of the organization can be taken off or changed.
const TAKES_OFF: [&str; 3] =
    ["organizations:DetachPolicy", "organizations:UpdatePolicy", "organizations:DisablePolicyType"];

/// Asks Organizations for both kinds.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let of_stack_sets = ground.cloud.delegates(STACK_SETS).await?;
    let of_policies = ground.cloud.delegation_policy().await?;
    Ok(vec![delegates(&of_stack_sets, &of_policies.as_deref().map(who_takes_off).unwrap_or_default())])
}

/// Whom a delegation policy allows to take policies off: account ids or ARNs, as it has them.
fn who_takes_off(document: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(document) else {
        return vec!["a policy that cannot be read".into()];
    };
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut who: Vec<String> = statements
        .iter()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Allow"))
        .filter(|statement| {
            strings(statement.get("Action"))
                .iter()
                .any(|pattern| TAKES_OFF.iter().any(|action| fits_action(pattern, action)))
        })
        .flat_map(|statement| match statement.get("Principal") {
            Some(Value::Object(principals)) => principals.values().flat_map(|value| strings(Some(value))).collect(),
            principal => strings(principal),
        })
        .collect();
    who.sort();
    who.dedup();
    who
}

fn delegates(of_stack_sets: &[Delegate], of_policies: &[String]) -> Finding {
    let what = "delegates";
    let mut said = Vec::new();
    if !of_stack_sets.is_empty() {
        let named: Vec<String> = of_stack_sets.iter().map(|one| format!("{} {}", one.id, clean(&one.name))).collect();
        said.push(format!(
            "{} may deploy stack sets, and so acts in every account as a role that the protect policy exempts",
            named.join(", ")
        ));
    }
    if !of_policies.is_empty() {
        let named: Vec<String> = of_policies.iter().map(|one| clean(one)).collect();
        said.push(format!("{} may change or detach service control policies", named.join(", ")));
    }
    if said.is_empty() {
        return Finding::ok(what, "nobody but the payer deploys stack sets or handles service control policies");
    }
    let said = format!("{}: whoever takes that account over can remove the guard", said.join("; "));
    let cure = if of_stack_sets.is_empty() {
        Cure::new("aws organizations describe-resource-policy")
    } else {
        Cure::new(format!(
            "aws organizations deregister-delegated-administrator --service-principal {STACK_SETS} --account-id …"
        ))
    };
    Finding::missing(what, said, cure.remarked("unless it is meant so; then guard that account as you guard the payer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    #[test]
    fn a_delegation_that_only_reads_is_none() {
        let reads = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},
            "Action":["organizations:Describe*","organizations:List*"]}]}"#;
        assert_eq!(who_takes_off(reads), Vec::<String>::new());
        let writes = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root"]},
            "Action":"organizations:*Policy"}}"#;
        assert_eq!(who_takes_off(writes), ["arn:aws:iam::111111111111:root"]);
        assert_eq!(who_takes_off("{"), ["a policy that cannot be read"]);
    }

    #[test]
    fn each_kind_is_named() {
        assert_eq!(delegates(&[], &[]).status, Status::Ok);
        let one = Delegate { id: "111111111111".into(), name: "platform".into() };
        let found = delegates(&[one], &["222222222222".into()]);
        assert!(found.said.contains("111111111111 platform may deploy stack sets"), "{}", found.said);
        assert!(found.said.contains("222222222222 may change or detach"), "{}", found.said);
    }
}
