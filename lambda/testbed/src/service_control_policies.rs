//! The payer's service control policies, and whom they deny what.
//!
//! The documents are those that the CDK app deploys: a test of `infra` keeps the copies in `policies/` up to date. They
//! are evaluated as IAM does it, as far as our policies go. Whatever else one of them may come to say ends the tests
//! that read it, rather than being taken for nothing.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use std::sync::LazyLock;

use runawaytrain_core::vocabulary::pattern::{fits, fits_action};
use serde::Deserialize;

/// A policy of the payer's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ServiceControlPolicy {
    #[serde(rename = "Version")]
    _version: Version,
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    Current,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: String,
    #[serde(rename = "Effect")]
    _effect: Effect,
    action: Vec<String>,
    resource: Option<Vec<String>>,
    not_resource: Option<Vec<String>>,
    #[serde(default)]
    condition: Condition,
}

#[derive(Debug, Deserialize)]
enum Effect {
    Deny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Condition {
    arn_like: Option<PrincipalArns>,
    arn_not_like: Option<PrincipalArns>,
    /// What is asked of it here is asked by users and roles, for whom the key is absent: it holds.
    #[serde(rename = "BoolIfExists")]
    _bool_if_exists: Option<AssumedRoot>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrincipalArns {
    #[serde(rename = "aws:PrincipalArn")]
    patterns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssumedRoot {
    #[serde(rename = "aws:AssumedRoot")]
    _value: OfNobodyElse,
}

#[derive(Debug, Deserialize)]
enum OfNobodyElse {
    #[serde(rename = "false")]
    False,
}

/// What freezes an account.
pub static QUARANTINE: LazyLock<ServiceControlPolicy> =
    LazyLock::new(|| read(include_str!("../policies/quarantine.json")));
/// What denies invoking models.
pub static MODELS: LazyLock<ServiceControlPolicy> = LazyLock::new(|| read(include_str!("../policies/models.json")));
/// What denies everything.
pub static LOCKDOWN: LazyLock<ServiceControlPolicy> = LazyLock::new(|| read(include_str!("../policies/lockdown.json")));
/// What keeps the guard from being switched off, in quiet times too.
pub static PROTECT: LazyLock<ServiceControlPolicy> = LazyLock::new(|| read(include_str!("../policies/protect.json")));

fn read(text: &str) -> ServiceControlPolicy {
    assert!(!text.contains('$'), "a policy without variables");
    serde_json::from_str(text).expect("a policy that says no more than is evaluated here")
}

impl ServiceControlPolicy {
    /// Whether it denies a user or a role, by its ARN, an action on a resource: an ARN, or `*` where the action takes
    /// none.
    pub fn denies(&self, principal: &str, action: &str, resource: &str) -> bool {
        self.statement.iter().any(|statement| statement.denies(principal, action, resource))
    }
}

impl Statement {
    fn denies(&self, principal: &str, action: &str, resource: &str) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| fits(pattern, text));
        let at = match (&self.resource, &self.not_resource) {
            (Some(patterns), None) => any(patterns, resource),
            (None, Some(patterns)) => !any(patterns, resource),
            (Some(_), Some(_)) | (None, None) => panic!("a statement has either Resource or NotResource"),
        };
        at && self.action.iter().any(|pattern| fits_action(pattern, action))
            && self.condition.arn_like.as_ref().is_none_or(|arns| any(&arns.patterns, principal))
            && self.condition.arn_not_like.as_ref().is_none_or(|arns| !any(&arns.patterns, principal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
    const STACK_SETS: &str = "arn:aws:iam::111111111111:role/stacksets-exec-0123";
    const RESPONDER: &str = "arn:aws:iam::111111111111:role/RunawayTrainResponder";

    #[test]
    fn the_policies_deny_what_they_are_for_and_leave_the_rest() {
        assert!(QUARANTINE.denies(ALICE, "ec2:RunInstances", "*"));
        assert!(QUARANTINE.denies(ALICE, "EC2:runinstances", "*"));
        assert!(!QUARANTINE.denies(ALICE, "ec2:DescribeInstances", "*"));
        assert!(!QUARANTINE.denies(ALICE, "ec2:StopInstances", "*"));
        assert!(!MODELS.denies(ALICE, "ec2:RunInstances", "*"));
        assert!(MODELS.denies(ALICE, "bedrock:InvokeModel", "*"));
        assert!(LOCKDOWN.denies(ALICE, "ec2:DescribeInstances", "*"));
        assert!(PROTECT.denies(ALICE, "iam:DeleteRole", RESPONDER));
        assert!(!PROTECT.denies(ALICE, "iam:DeleteRole", "arn:aws:iam::111111111111:role/app"));
    }

    #[test]
    fn exceptions_are_for_those_whom_they_name() {
        assert!(!LOCKDOWN.denies(RESPONDER, "ec2:StopInstances", "*"));
        assert!(!LOCKDOWN.denies(STACK_SETS, "cloudformation:CreateStack", "*"));
        assert!(!PROTECT.denies(STACK_SETS, "iam:DeleteRole", RESPONDER), "StackSets updates our roles");
        assert!(!QUARANTINE.denies(RESPONDER, "iam:PutUserPolicy", ALICE));
        assert!(QUARANTINE.denies(STACK_SETS, "ec2:RunInstances", "*"), "nobody launches for StackSets");
    }

    #[test]
    #[should_panic(expected = "a policy that says no more")]
    fn what_is_not_evaluated_is_not_passed_over() {
        read(
            r#"{"Version": "2012-10-17", "Statement": [{"Sid": "DenyX", "Effect": "Deny", "Action": ["*"],
                "Resource": ["*"], "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}}]}"#,
        );
    }
}
