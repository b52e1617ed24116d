//! Our service control policies: which are attached to an account; attaching and detaching them. Organizations allows
//! two of these calls a second over the whole organization: the SDK's retries and the engine's patience take care of
//! that.

use std::collections::BTreeSet;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::operation::attach_policy::AttachPolicyError;
use aws_sdk_organizations::types::{ConstraintViolationExceptionReason, PolicyType};

use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::quarantine::{Action, Attachment, Attachments, Policy};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Performed;

use crate::clients::Payer;
use crate::failure;
use crate::resource::call::done;

/// The most that Organizations gives at a time.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html>
const PAGE: i32 = 20;

/// Looks at what is attached to the account itself, all pages; a page may be empty and still not be the last.
pub(super) async fn look(payer: &Payer, account: &AccountId) -> Result<Attachments, Failure> {
    if Policy::ALL.iter().all(|policy| payer.policies.id(*policy).is_none()) {
        return Ok(Attachments::all(Attachment::Undeployed));
    }
    let client = &payer.organizations;
    let list = client
        .list_policies_for_target()
        .target_id(account.as_str())
        .filter(PolicyType::ServiceControlPolicy)
        .max_results(PAGE);
    let mut pages = list.into_paginator().send();
    let mut attached = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("organizations:ListPoliciesForTarget", &error))?;
        attached.extend(page.policies.into_iter().flatten().filter_map(|policy| policy.id));
    }
    let stands = |policy| match payer.policies.id(policy) {
        None => Attachment::Undeployed,
        Some(id) if attached.contains(id) => Attachment::Attached,
        Some(_) => Attachment::Detached,
    };
    Ok(Attachments {
        lockdown: stands(Policy::Lockdown),
        quarantine: stands(Policy::Quarantine),
        models: stands(Policy::Models),
    })
}

pub(super) async fn perform(payer: &Payer, account: &AccountId, action: &Action) -> Result<Performed, Failure> {
    let (client, operation) = (&payer.organizations, action.operation());
    let policy = action.policy();
    let undeployed = || Failure::own(operation, FailureKind::Invalid, format!("no {policy} policy is deployed"));
    let id = payer.policies.id(policy).ok_or_else(undeployed)?;
    if action.attaches() {
        return attach(client, operation, id, account).await;
    }
    let call = client.detach_policy().policy_id(id).target_id(account.as_str());
    already(done!(operation, call), "PolicyNotAttachedException")
}

async fn attach(client: &Client, operation: &str, policy: &str, account: &AccountId) -> Result<Performed, Failure> {
    let call = client.attach_policy().policy_id(policy).target_id(account.as_str());
    let Err(error) = call.send().await else { return Ok(Performed::Done) };
    let mut failure = failure::of(operation, &error);
    // One code for all sorts of limits and rules: only its reason says that the account's attachments are used up.
    if let Some(AttachPolicyError::ConstraintViolationException(violation)) = error.as_service_error()
        && violation.reason() == Some(&ConstraintViolationExceptionReason::MaxPolicyTypeAttachmentLimitExceeded)
    {
        failure.kind = FailureKind::QuotaFull;
    }
    already(Err(failure), "DuplicatePolicyAttachmentException")
}

/// The refusal that says that it is so already.
fn already(answer: Result<Performed, Failure>, code: &str) -> Result<Performed, Failure> {
    match answer {
        Err(failure) if failure.code.as_deref() == Some(code) => Ok(Performed::AlreadyDone),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;
    use crate::wire::Script;

    fn payer(script: &Script, quarantine: Option<&str>) -> Payer {
        Payer::of(&script.config(), Policies { quarantine: quarantine.map(str::to_owned), ..Policies::default() })
    }

    fn deployed(script: &Script) -> Payer {
        let id = |name: &str| Some(format!("p-{name}"));
        let policies = Policies { quarantine: id("quarantine"), models: id("models"), lockdown: id("lockdown") };
        Payer::of(&script.config(), policies)
    }

    fn account() -> AccountId {
        AccountId::parse("210987654321").unwrap()
    }

    #[tokio::test]
    async fn every_page_is_looked_at_even_after_an_empty_one() {
        let script = Script::new(|asked| {
            let answer = match asked {
                asked if asked.contains("two") => r#"{"Policies":[{"Id":"p-FullAWSAccess"},{"Id":"p-quarantine"}]}"#,
                asked if asked.contains("one") => r#"{"Policies":[],"NextToken":"two"}"#,
                _ => r#"{"Policies":[{"Id":"p-other"},{"Id":"p-lockdown"}],"NextToken":"one"}"#,
            };
            (200, answer.to_owned())
        });
        let Attachments { quarantine, models, lockdown } = look(&deployed(&script), &account()).await.unwrap();
        assert_eq!((quarantine, models, lockdown), (Attachment::Attached, Attachment::Detached, Attachment::Attached));
        let Attachments { quarantine, models, lockdown } =
            look(&payer(&script, Some("p-elsewhere")), &account()).await.unwrap();
        assert_eq!(
            (quarantine, models, lockdown),
            (Attachment::Detached, Attachment::Undeployed, Attachment::Undeployed)
        );
        let asked: serde_json::Value = serde_json::from_str(&script.asked()[0]).unwrap();
        assert_eq!(
            asked,
            serde_json::json!({ "TargetId": "210987654321", "Filter": "SERVICE_CONTROL_POLICY", "MaxResults": 20 })
        );
    }

    #[tokio::test]
    async fn each_policy_goes_on_the_account_and_nowhere_else() {
        for policy in Policy::ALL {
            let script = Script::new(|_| (200, "{}".to_owned()));
            assert_eq!(perform(&deployed(&script), &account(), &policy.attach()).await, Ok(Performed::Done));
            assert_eq!(perform(&deployed(&script), &account(), &policy.detach()).await, Ok(Performed::Done));
            let asked: Vec<serde_json::Value> =
                script.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
            let expected = serde_json::json!({ "PolicyId": format!("p-{policy}"), "TargetId": "210987654321" });
            assert_eq!(asked, [expected.clone(), expected]);
        }
    }

    #[tokio::test]
    async fn what_is_so_already_is_no_failure() {
        let attached = Script::new(|_| (400, r#"{"__type":"DuplicatePolicyAttachmentException"}"#.to_owned()));
        assert_eq!(perform(&deployed(&attached), &account(), &Action::Freeze).await, Ok(Performed::AlreadyDone));
        let detached = Script::new(|_| (400, r#"{"__type":"PolicyNotAttachedException"}"#.to_owned()));
        assert_eq!(perform(&deployed(&detached), &account(), &Action::Thaw).await, Ok(Performed::AlreadyDone));
        // The reverse is a failure: nothing was detached.
        assert!(perform(&deployed(&attached), &account(), &Action::Thaw).await.is_err());
    }

    #[tokio::test]
    async fn a_full_account_and_a_missing_policy_are_told_apart() {
        let kind_of = async |answer: &'static str| {
            let script = Script::new(move |_| (400, answer.to_owned()));
            perform(&deployed(&script), &account(), &Action::Freeze).await.unwrap_err().kind
        };
        let refusals = [
            (
                r#"{"__type":"ConstraintViolationException","Reason":"MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"}"#,
                FailureKind::QuotaFull,
            ),
            (
                r#"{"__type":"ConstraintViolationException","Reason":"POLICY_TYPE_NOT_ENABLED_FOR_THIS_SERVICE"}"#,
                FailureKind::Other,
            ),
            (r#"{"__type":"PolicyNotFoundException"}"#, FailureKind::NotFound),
            (r#"{"__type":"PolicyTypeNotEnabledException"}"#, FailureKind::Unsupported),
        ];
        for (answer, kind) in refusals {
            assert_eq!(kind_of(answer).await, kind, "{answer}");
        }
    }

    #[tokio::test]
    async fn without_a_policy_nothing_is_called() {
        let script = Script::new(|_| (200, "{}".to_owned()));
        let undeployed = payer(&script, None);
        assert_eq!(look(&undeployed, &account()).await, Ok(Attachments::all(Attachment::Undeployed)));
        for action in Policy::ALL.into_iter().flat_map(|policy| [policy.attach(), policy.detach()]) {
            let failure = perform(&undeployed, &account(), &action).await.unwrap_err();
            assert_eq!((failure.kind, failure.operation.as_str()), (FailureKind::Invalid, action.operation()));
        }
        assert_eq!(script.asked(), Vec::<String>::new());
    }
}
