//! Whether the quarantine policy is attached to an account.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::PolicyType;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::AccountId;

use crate::failure;

/// The most that Organizations gives at a time.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html>
const PAGE: i32 = 20;

/// Looks at what is attached to the account itself, all pages; a page may be empty and still not be the last.
pub(super) async fn attached(client: &Client, policy: &str, account: &AccountId) -> Result<bool, Failure> {
    let list = client
        .list_policies_for_target()
        .target_id(account.as_str())
        .filter(PolicyType::ServiceControlPolicy)
        .max_results(PAGE);
    let mut pages = list.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("organizations:ListPoliciesForTarget", &error))?;
        if page.policies().iter().any(|attached| attached.id() == Some(policy)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn every_page_is_looked_at_even_after_an_empty_one() {
        let script = Script::new(|asked| {
            let answer = match asked {
                asked if asked.contains("two") => r#"{"Policies":[{"Id":"p-FullAWSAccess"},{"Id":"p-quarantine"}]}"#,
                asked if asked.contains("one") => r#"{"Policies":[],"NextToken":"two"}"#,
                _ => r#"{"Policies":[{"Id":"p-other"}],"NextToken":"one"}"#,
            };
            (200, answer.to_owned())
        });
        let (client, account) = (Client::new(&script.config()), AccountId::parse("210987654321").unwrap());
        assert_eq!(attached(&client, "p-quarantine", &account).await, Ok(true));
        assert_eq!(attached(&client, "p-elsewhere", &account).await, Ok(false));
        let asked: serde_json::Value = serde_json::from_str(&script.asked()[0]).unwrap();
        assert_eq!(
            asked,
            serde_json::json!({ "TargetId": "210987654321", "Filter": "SERVICE_CONTROL_POLICY", "MaxResults": 20 })
        );
    }
}
