//! IAM's policy simulator in an account, by the session that looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail,
    PolicyEvaluationDecisionType,
};

use runawaytrain_core::plan::permissions::{Question, Value};
use runawaytrain_core::resource::SIMULATE;
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Simulator;

use crate::failure;
use crate::member_clients::Purpose;
use crate::sessions::Sessions;

pub(crate) struct IamSimulator {
    sessions: Arc<Sessions>,
}

impl IamSimulator {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }
}

#[async_trait]
impl Simulator for IamSimulator {
    async fn simulate(
        &self,
        account: &AccountId,
        question: &Question,
    ) -> Result<BTreeMap<&'static str, DeniedBy>, Failure> {
        self.sessions.calls(account, Purpose::Look, |clients| ask(clients.iam(), question)).await
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
async fn ask(client: aws_sdk_iam::Client, question: &Question) -> Result<BTreeMap<&'static str, DeniedBy>, Failure> {
    let mut pages = client
        .simulate_principal_policy()
        .policy_source_arn(&question.principal)
        .set_action_names(Some(question.actions.iter().map(|action| (*action).to_owned()).collect()))
        .resource_arns(&question.resource)
        .set_context_entries(Some(question.context.iter().map(|(key, value)| entry(key, value)).collect()))
        .into_paginator()
        .send();
    let mut decided: BTreeMap<&'static str, Option<DeniedBy>> = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of(SIMULATE, &error))?;
        for result in page.evaluation_results() {
            // IAM's names know no case.
            let is_it = |action: &&&str| action.eq_ignore_ascii_case(result.eval_action_name());
            let Some(action) = question.actions.iter().find(is_it) else { continue };
            let denied = denied_by(result)?;
            let known = decided.entry(action).or_default();
            // The organization's word stands before the boundary's, and that before the role's own.
            *known = [*known, denied].into_iter().flatten().min();
        }
    }
    match question.actions.iter().find(|action| !decided.contains_key(*action)) {
        Some(action) => Err(unknown(format!("the answer says nothing of {action}"))),
        None => Ok(decided.into_iter().filter_map(|(action, by)| Some((action, by?))).collect()),
    }
}

fn entry(key: &str, value: &Value) -> ContextEntry {
    let (kind, value) = match value {
        Value::Text(text) => (ContextKeyTypeEnum::String, text.clone()),
        Value::Flag(flag) => (ContextKeyTypeEnum::Boolean, flag.to_string()),
    };
    ContextEntry::builder().context_key_name(key).context_key_type(kind).context_key_values(value).build()
}

/// Whose policy denies the call, if one does. What is said of the resource comes before what is said over all of them;
/// there is but one.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>
fn denied_by(result: &EvaluationResult) -> Result<Option<DeniedBy>, Failure> {
    let organizations = result.organizations_decision_detail();
    let boundary = result.permissions_boundary_decision_detail();
    let Some(of_resource) = result.resource_specific_results().first() else {
        return whose(result.eval_decision(), organizations, boundary);
    };
    let own = of_resource.permissions_boundary_decision_detail();
    whose(of_resource.eval_resource_decision(), organizations, own.or(boundary))
}

/// An explicit deny and a missing allow are the same to a halt. The details say whose policy denies, and only beside a
/// deny: one that is there and says nothing reads as if it did not allow.
fn whose(
    decision: &PolicyEvaluationDecisionType,
    organizations: Option<&OrganizationsDecisionDetail>,
    boundary: Option<&PermissionsBoundaryDecisionDetail>,
) -> Result<Option<DeniedBy>, Failure> {
    let by_organization = organizations.is_some_and(|detail| !detail.allowed_by_organizations());
    let by_boundary = boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    match decision {
        PolicyEvaluationDecisionType::Allowed if by_organization || by_boundary => {
            let by = if by_organization { "the organization" } else { "the boundary" };
            Err(unknown(format!("a decision is {decision}, and {by} is said not to allow it")))
        }
        PolicyEvaluationDecisionType::Allowed => Ok(None),
        PolicyEvaluationDecisionType::ExplicitDeny | PolicyEvaluationDecisionType::ImplicitDeny => {
            Ok(Some(match (by_organization, by_boundary) {
                (true, _) => DeniedBy::Organization,
                (false, true) => DeniedBy::Boundary,
                (false, false) => DeniedBy::Role,
            }))
        }
        other => Err(unknown(format!("a decision is {other}"))),
    }
}

fn unknown(detail: String) -> Failure {
    Failure::own(SIMULATE, FailureKind::Other, detail)
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::plan::permissions::Responder;
    use runawaytrain_core::vocabulary::ids::Region;
    use runawaytrain_engine::ports::Clock;

    use super::*;
    use crate::clock::ManualClock;
    use crate::sessions::Entry;
    use crate::wire::{Script, assumed};

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    /// What is asked about users.
    fn question() -> Question {
        let responder =
            Responder { account: account(), organization: "o-exampleorg".to_owned(), region: Region::new("eu-west-1") };
        let is_of_users = |question: &Question| question.resource.ends_with(":user/any");
        responder.questions().into_iter().find(is_of_users).unwrap()
    }

    async fn simulate(script: &Script, question: &Question) -> Result<BTreeMap<&'static str, DeniedBy>, Failure> {
        let clock = ManualClock::at("2026-11-22T03:00:00Z") as Arc<dyn Clock>;
        let sessions = Sessions::new(&script.config(), Entry::responder("o-exampleorg"), clock);
        IamSimulator::new(Arc::new(sessions)).simulate(&account(), question).await
    }

    fn details(organizations: &str, boundary: &str) -> String {
        let organizations = format!("<AllowedByOrganizations>{organizations}</AllowedByOrganizations>");
        let boundary = format!("<AllowedByPermissionsBoundary>{boundary}</AllowedByPermissionsBoundary>");
        format!(
            "<OrganizationsDecisionDetail>{organizations}</OrganizationsDecisionDetail>\
             <PermissionsBoundaryDecisionDetail>{boundary}</PermissionsBoundaryDecisionDetail>"
        )
    }

    fn result(action: &str, decision: &str, more: &str) -> String {
        let name = format!("<EvalActionName>{action}</EvalActionName>");
        format!("<member>{name}<EvalDecision>{decision}</EvalDecision>{more}</member>")
    }

    fn page(results: &str, marker: Option<&str>) -> (u16, String) {
        let more = marker.map_or_else(
            || "<IsTruncated>false</IsTruncated>".to_owned(),
            |marker| format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        );
        let results = format!("<EvaluationResults>{results}</EvaluationResults>{more}");
        let result = format!("<SimulatePrincipalPolicyResult>{results}</SimulatePrincipalPolicyResult>");
        (200, format!("<SimulatePrincipalPolicyResponse>{result}</SimulatePrincipalPolicyResponse>"))
    }

    /// Answers each call as said, and allows what is not said.
    fn answers(said: &[(&str, &str, String)]) -> Script {
        let said: Vec<(String, String)> = said
            .iter()
            .map(|(action, decision, more)| ((*action).to_owned(), result(action, decision, more)))
            .collect();
        Script::new(move |asked| {
            if asked.contains("Action=AssumeRole") {
                return assumed("2026-11-22T04:00:00Z");
            }
            let results = question().actions.into_iter().map(|action| {
                let known = said.iter().find(|(other, _)| other == action).map(|(_, answer)| answer.clone());
                known.unwrap_or_else(|| result(action, "allowed", &details("true", "true")))
            });
            page(&results.collect::<String>(), None)
        })
    }

    #[tokio::test]
    async fn the_simulator_is_asked_about_the_accounts_own_role_with_what_a_real_call_would_come_with() {
        let script = answers(&[]);
        assert_eq!(simulate(&script, &question()).await, Ok(BTreeMap::new()));
        let asked = script.asked();
        assert_eq!(asked.len(), 2, "a session, and one page");
        let body = percent_decoded(&asked[1]);
        for says in [
            "PolicySourceArn=arn:aws:iam::111111111111:role/RunawayTrainResponder",
            "ResourceArns.member.1=arn:aws:iam::111111111111:user/any",
            "ActionNames.member.1=iam:AttachUserPolicy",
            "ContextKeyName=aws:PrincipalArn",
            "ContextKeyValues.member.1=us-east-1",
            "ContextKeyValues.member.1=arn:aws:iam::aws:policy/AWSDenyAll",
            "ContextKeyType=boolean",
        ] {
            assert!(body.contains(says), "{says}: {body}");
        }
        assert!(!body.contains("ResourceArns.member.2"), "{body}");
    }

    fn percent_decoded(body: &str) -> String {
        body.replace("%3A", ":").replace("%2F", "/")
    }

    #[tokio::test]
    async fn each_denial_is_laid_at_the_door_of_whose_policy_it_is() {
        let script = answers(&[
            ("iam:PutUserPolicy", "implicitDeny", details("false", "true")),
            ("iam:AttachUserPolicy", "explicitDeny", details("false", "false")),
            ("iam:DeleteUser", "implicitDeny", details("true", "false")),
            ("iam:UpdateAccessKey", "implicitDeny", details("true", "true")),
            ("iam:DeleteAccessKey", "explicitDeny", String::new()),
        ]);
        let denied = simulate(&script, &question()).await.unwrap();
        let expected = [
            ("iam:AttachUserPolicy", DeniedBy::Organization),
            ("iam:DeleteAccessKey", DeniedBy::Role),
            ("iam:DeleteUser", DeniedBy::Boundary),
            ("iam:PutUserPolicy", DeniedBy::Organization),
            ("iam:UpdateAccessKey", DeniedBy::Role),
        ];
        assert_eq!(denied, BTreeMap::from(expected));
    }

    #[tokio::test]
    async fn what_is_said_of_the_resource_comes_before_what_is_said_over_all() {
        let of_resource = |decision: &str, boundary: &str| {
            let name = "<EvalResourceName>arn:aws:iam::111111111111:user/any</EvalResourceName>";
            let boundary = format!("<AllowedByPermissionsBoundary>{boundary}</AllowedByPermissionsBoundary>");
            let boundary = format!("<PermissionsBoundaryDecisionDetail>{boundary}</PermissionsBoundaryDecisionDetail>");
            let decision = format!("<EvalResourceDecision>{decision}</EvalResourceDecision>");
            let one = format!("<member>{name}{decision}{boundary}</member>");
            format!("<ResourceSpecificResults>{one}</ResourceSpecificResults>")
        };
        let script = answers(&[
            ("iam:PutUserPolicy", "implicitDeny", of_resource("allowed", "true")),
            ("iam:DeleteUser", "allowed", of_resource("implicitDeny", "false")),
        ]);
        let denied = simulate(&script, &question()).await.unwrap();
        assert_eq!(denied, BTreeMap::from([("iam:DeleteUser", DeniedBy::Boundary)]));
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_last_page() {
        let script = Script::new(|asked| {
            if asked.contains("Action=AssumeRole") {
                return assumed("2026-11-22T04:00:00Z");
            }
            let actions = question().actions;
            let (first, last) = actions.split_at(actions.len() / 2);
            let denied =
                |actions: &[&str]| actions.iter().map(|action| result(action, "implicitDeny", "")).collect::<String>();
            match asked.contains("Marker=next") {
                false => page(&denied(first), Some("next")),
                true => page(&denied(last), None),
            }
        });
        let denied = simulate(&script, &question()).await.unwrap();
        assert_eq!(denied.into_keys().collect::<Vec<_>>(), question().actions);
        assert_eq!(script.asked().len(), 3);
    }

    #[tokio::test]
    async fn an_answer_that_leaves_something_out_or_cannot_be_understood_is_none() {
        let short = Script::new(|asked| match asked.contains("Action=AssumeRole") {
            true => assumed("2026-11-22T04:00:00Z"),
            false => page(&result("iam:DeleteUser", "implicitDeny", ""), None),
        });
        let failure = simulate(&short, &question()).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), (SIMULATE, FailureKind::Other));
        let strange = answers(&[("iam:DeleteUser", "perhaps", String::new())]);
        let failure = simulate(&strange, &question()).await.unwrap_err();
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Other, "a decision is perhaps"));
    }

    #[tokio::test]
    async fn an_answer_that_contradicts_itself_denies_nothing_and_is_none() {
        let nothing = "<OrganizationsDecisionDetail/>".to_owned();
        for (more, by) in [
            (nothing, "the organization"),
            (details("false", "true"), "the organization"),
            (details("true", "false"), "the boundary"),
        ] {
            let script = answers(&[("iam:DeleteUser", "allowed", more.clone())]);
            let failure = simulate(&script, &question()).await.unwrap_err();
            assert_eq!((failure.operation.as_str(), failure.kind), (SIMULATE, FailureKind::Other), "{more}");
            assert_eq!(failure.detail, format!("a decision is allowed, and {by} is said not to allow it"), "{more}");
        }
    }

    #[tokio::test]
    async fn a_simulation_that_is_refused_is_a_failure_and_says_nothing_of_any_call() {
        let refused = Script::new(|asked| match asked.contains("Action=AssumeRole") {
            true => assumed("2026-11-22T04:00:00Z"),
            false => {
                let error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>";
                (403, format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
        });
        let failure = simulate(&refused, &question()).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), (SIMULATE, FailureKind::Denied));
    }
}
