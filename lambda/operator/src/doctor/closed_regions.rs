//! Whether a service control policy of the organization denies regions to the guard's own roles: where its pieces are
//! deployed, it has to exempt them; where nobody works, the policy file should say so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use runawaytrain_core::contract::{
    FORWARDER_ROLE, HOME_REGION, LOCKDOWN_POLICY, MODELS_POLICY, PROTECT_POLICY, QUARANTINE_POLICY, RESPONDER_ROLE,
};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::pattern::{fits, fits_action};
use runawaytrain_core::vocabulary::text::{clean, listed};

use super::ground::Ground;
use crate::finding::{Cure, Finding};
use crate::policy_file::PolicyFile;
use crate::statements::strings;

/// AWS's own, which is on everything and denies nothing.
const ALLOWS_ALL: &str = "FullAWSAccess";
/// Any account; what a policy exempts, it exempts by the name of the role.
const IN_AN_ACCOUNT: &str = "arn:aws:iam::111111111111:role/";

/// One service control policy that is attached somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its document, as JSON text.
    pub document: String,
}

/// Reads every policy of the organization that is attached to something and not ours.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let not_asked = [ALLOWS_ALL, QUARANTINE_POLICY, MODELS_POLICY, LOCKDOWN_POLICY, PROTECT_POLICY];
    let mut attached = Vec::new();
    for scp in ground.cloud.scps().await? {
        if !not_asked.contains(&scp.name.as_str()) && !ground.cloud.targets(&scp.id).await?.is_empty() {
            attached.push(Attached { document: ground.cloud.scp_document(&scp.id).await?, name: scp.name });
        }
    }
    let enabled = ground.cloud.regions().await?.into_iter().filter(|(_, is_enabled)| *is_enabled);
    Ok(denied(&attached, &enabled.map(|(region, _)| region).collect(), ground.policy))
}

/// What the guard's roles do where, as one call of each sort.
fn needs(policy: &PolicyFile, enabled: &BTreeSet<String>) -> Vec<(&'static str, String, &'static str)> {
    let stack_sets = "stacksets-exec-0123456789abcdef";
    let organization = &policy.policy.document().organization;
    let mut needs = vec![
        (stack_sets, policy.member_region().to_owned(), "cloudformation:CreateStack"),
        (FORWARDER_ROLE, HOME_REGION.to_owned(), "events:PutEvents"),
    ];
    if policy.policy.document().defaults.limits.spend_month.is_some() {
        needs.push((stack_sets, HOME_REGION.to_owned(), "cloudformation:CreateStack"));
        needs.push((stack_sets, HOME_REGION.to_owned(), "cloudwatch:PutMetricAlarm"));
    }
    for region in &organization.regions {
        needs.push((stack_sets, region.as_str().to_owned(), "cloudformation:CreateStack"));
        needs.push((stack_sets, region.as_str().to_owned(), "events:PutRule"));
    }
    let closed = &organization.closed_regions;
    let looked_at = enabled.iter().filter(|region| !closed.iter().any(|one| one.as_str() == region.as_str()));
    needs.extend(looked_at.map(|region| (RESPONDER_ROLE, region.clone(), "ec2:StopInstances")));
    needs
}

fn denied(attached: &[Attached], enabled: &BTreeSet<String>, policy: &PolicyFile) -> Vec<Finding> {
    let what = "denied regions";
    // What cannot be deployed, and what cannot be looked at, each by policy.
    let mut undeployed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut unlooked: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for one in attached {
        for (role, region, action) in needs(policy, enabled) {
            if denies(&one.document, role, &region, action) {
                let by_policy = if role == RESPONDER_ROLE { &mut unlooked } else { &mut undeployed };
                by_policy.entry(&one.name).or_default().insert(region);
            }
        }
    }
    let mut found = Vec::new();
    for (name, regions) in undeployed {
        let regions: Vec<String> = regions.into_iter().collect();
        let said = format!(
            "the service control policy {} denies {} to the guard's own roles: accounts under it are not enrolled, or \
             their launches not told at once",
            clean(name),
            listed(&regions)
        );
        let principals =
            ["stacksets-exec-*", RESPONDER_ROLE, FORWARDER_ROLE].map(|role| format!("arn:aws:iam::*:role/{role}"));
        let cure = Cure::new(format!("exempt by ArnNotLike on aws:PrincipalArn: {}", principals.join(", ")));
        found.push(Finding::missing(
            format!("{what} ({})", clean(name)),
            said,
            cure.remarked("docs/deploy.md, \"Where the organization denies regions\", has other ways"),
        ));
    }
    let regions: BTreeSet<String> = unlooked.values().flatten().cloned().collect();
    if !regions.is_empty() {
        let names: Vec<String> = unlooked.keys().map(|name| clean(name)).collect();
        let regions: Vec<String> = regions.into_iter().collect();
        let said = format!("{} denies {}: looking there is refused", listed(&names), listed(&regions));
        let cure = Cure::new(format!("in the policy file: organization.closedRegions: [{}]", regions.join(", ")));
        let remark = format!("or exempt {RESPONDER_ROLE}, if some may work there");
        found.push(Finding::missing(what, said, cure.remarked(remark)));
    }
    if found.is_empty() {
        let said = "no service control policy denies the guard a region that it needs";
        found.push(Finding::ok(what, said));
    }
    found
}

/// Whether a document denies a role a call in a region, by a condition on the region. What is denied everywhere is not
/// for this to find.
fn denies(document: &str, role: &str, region: &str, action: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return false };
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    statements.iter().any(|statement| {
        statement.get("Effect").and_then(Value::as_str) == Some("Deny")
            && is_about(statement, action)
            && conditions_hold(statement.get("Condition"), role, region)
    })
}

fn is_about(statement: &Value, action: &str) -> bool {
    let is_among = |patterns: Vec<String>| patterns.iter().any(|pattern| fits_action(pattern, action));
    match statement.get("NotAction") {
        Some(excepted) => !is_among(strings(Some(excepted))),
        None => is_among(strings(statement.get("Action"))),
    }
}

/// Whether a call by the role in the region fulfils every condition, one on the region among them. A condition that
/// this does not know is taken for fulfilled: better to warn of a danger that is none than to miss one.
fn conditions_hold(conditions: Option<&Value>, role: &str, region: &str) -> bool {
    let Some(Value::Object(operators)) = conditions else { return false };
    let principal = format!("{IN_AN_ACCOUNT}{role}");
    let mut is_of_region = false;
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { continue };
        for (key, values) in keys {
            let value = match key.to_lowercase().as_str() {
                "aws:requestedregion" => {
                    is_of_region = true;
                    region
                }
                "aws:principalarn" => principal.as_str(),
                _ => continue,
            };
            let operator = operator.to_lowercase();
            let is_among = strings(Some(values)).iter().any(|pattern| fits(pattern, value));
            if is_among == operator.contains("not") {
                return false;
            }
        }
    }
    is_of_region
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(more: &str) -> PolicyFile {
        let text = format!(
            "payer: '123456789012'\norganization: {{id: o-exampleorg, root: r-exam, regions: [eu-central-1]{more}}}\n\
             defaults: {{limits: {{instances: 2}}, notify: [a@example.edu]}}\n"
        );
        PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap()
    }

    fn found(condition: &str, more: &str) -> Vec<Finding> {
        let document = format!(
            r#"{{"Statement":[{{"Effect":"Deny","NotAction":["iam:*","organizations:*"],"Resource":"*",
                "Condition":{condition}}}]}}"#
        );
        let enabled = ["eu-central-1", "eu-west-1", "us-east-1"].map(str::to_owned).into();
        denied(&[Attached { name: "regions".into(), document }], &enabled, &policy(more))
    }

    fn said(findings: &[Finding]) -> String {
        findings.iter().map(|one| format!("{}: {} -> {:?}\n", one.what, one.said, one.cures)).collect()
    }

    #[test]
    fn a_policy_that_denies_the_guards_region_is_named_with_whom_to_exempt() {
        let told = said(&found(r#"{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","eu-west-1"]}}"#, ""));
        assert!(
            told.contains("denied regions (regions): the service control policy regions denies us-east-1"),
            "{told}"
        );
        assert!(told.contains("arn:aws:iam::*:role/RunawayTrainForwarder"), "{told}");
        assert!(told.contains("organization.closedRegions: [us-east-1]"), "{told}");
    }

    #[test]
    fn exempt_roles_and_closed_regions_are_in_order() {
        let exempt = r#"{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1"]},"ArnNotLike":{"aws:PrincipalARN":[
            "arn:aws:iam::*:role/stacksets-exec-*","arn:aws:iam::*:role/RunawayTrain*"]}}"#;
        assert_eq!(found(exempt, "")[0].status, crate::finding::Status::Ok);
        let closed = ", memberRegion: eu-central-1, closedRegions: [eu-west-1]";
        let told = said(&found(r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#, closed));
        assert!(told.contains("no service control policy denies"), "{told}");
    }

    #[test]
    fn only_denials_by_region_are_found() {
        let told = said(&found(r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-other"}}"#, ""));
        assert!(told.contains("no service control policy denies"), "{told}");
        let excepted = r#"{"Statement":{"Effect":"Deny","NotAction":["cloudformation:*","events:*"],"Resource":"*",
            "Condition":{"StringNotLike":{"aws:RequestedRegion":"eu-*"}}}}"#;
        assert!(!denies(excepted, "stacksets-exec-1", "us-east-1", "cloudformation:CreateStack"));
        assert!(denies(excepted, "stacksets-exec-1", "us-east-1", "cloudwatch:PutMetricAlarm"));
        assert!(!denies(excepted, "stacksets-exec-1", "eu-west-1", "cloudwatch:PutMetricAlarm"));
    }
}
