//! How far the enrollment of the accounts is, stack set by stack set. An operation tolerates every failure, so that one
//! account keeps no other; and a deployment that changes nothing tries nothing again. So each stack is looked at.

use std::collections::BTreeSet;

use runawaytrain_core::contract::{
    FORWARDER_ROLE, HOME_REGION, MEMBER_ALARMS_STACK_SET, MEMBER_REGION_STACK_SET, MEMBER_STACK_SET, RESPONDER_ROLE,
};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::{count, listed, some_of};

use crate::cloud::Cloud;
use crate::cloud::stack_sets::{Instance, Operation, Target};
use crate::finding::{Cure, Finding};
use crate::policy_file::PolicyFile;

/// A stack set of ours, and what an account without its stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// What such an account is called.
    lacks: &'static str,
    /// What that means for the guard.
    meaning: &'static str,
}

const MEMBER: Set =
    Set { name: MEMBER_STACK_SET, lacks: "not enrolled", meaning: "The guard may not look into these accounts" };
const BY_SCHEDULE: &str = "The guard looks at these accounts all the same, by its schedule";
const LAUNCHES: Set =
    Set { name: MEMBER_REGION_STACK_SET, lacks: "without launches told at once", meaning: BY_SCHEDULE };
const ALARMS: Set =
    Set { name: MEMBER_ALARMS_STACK_SET, lacks: "without an alarm on their charges", meaning: BY_SCHEDULE };

/// In AWS's words, where a service control policy denies a call: one that denies regions, where it is about enrolling.
const BY_POLICY: &str = "service control policy";
/// A suspended account runs nothing, and StackSets take it up again by themselves. While an operation is under way, it
/// tells of its own.
const STANDING: [&str; 5] = ["SUCCEEDED", "SKIPPED_SUSPENDED_ACCOUNT", "PENDING", "RUNNING", "CURRENT"];
/// Of many only so many are named.
const NAMED: usize = 10;

/// The stack sets that a deployment of this policy makes.
pub fn sets(policy: &PolicyFile) -> Vec<Set> {
    let has_alarms = policy.policy.document().defaults.limits.spend_month.is_some();
    [MEMBER, LAUNCHES].into_iter().chain(has_alarms.then_some(ALARMS)).collect()
}

/// What is known of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which set.
    pub set: Set,
    /// Its last operation: None where there is no set, `Some(None)` where nothing was done with it yet.
    pub last: Option<Option<Operation>>,
    /// The stacks that do not stand as they should, whichever operation left them so.
    pub behind: Vec<Instance>,
}

/// Asks StackSets.
pub async fn read(cloud: &Cloud, set: Set) -> Result<Facts, Failure> {
    let last = cloud.last_operation(set.name).await?;
    let mut behind = cloud.instances(set.name).await?;
    behind.retain(|one| !STANDING.contains(&one.standing()));
    Ok(Facts { set, last, behind })
}

/// What to ask StackSets for, so that those behind are tried again. A service-managed set takes units, narrowed down to
/// accounts.
pub fn again(facts: &Facts, policy: &PolicyFile) -> Target {
    Target::of(policy.enrolled().into_iter().map(str::to_owned).collect(), &facts.behind)
}

/// How a set stands.
pub fn enrollment(facts: &Facts, policy: &PolicyFile) -> Finding {
    let Facts { set, last, behind } = facts;
    let what = format!("stack set {}", set.name);
    let Some(last) = last else {
        let said = "there is no such stack set: sub-accounts are not enrolled by it";
        return Finding::missing(what, said, Cure::new("scripts/deploy"));
    };
    let nothing = Operation { status: "none yet".to_owned(), ..Operation::default() };
    let last = last.as_ref().unwrap_or(&nothing);
    let status = last.status.to_lowercase().replace('_', " ");
    let failed = if last.failed > 0 {
        format!(", but it failed for {}", count(u64::from(last.failed.unsigned_abs()), "stack"))
    } else {
        String::new()
    };
    if behind.is_empty() && last.failed == 0 && matches!(last.status.as_str(), "SUCCEEDED" | "RUNNING" | "QUEUED") {
        return Finding::ok(what, format!("its last operation: {status}"));
    }
    let by_account = format!(
        "aws cloudformation list-stack-set-operation-results --region {HOME_REGION} --stack-set-name {} \
         --operation-id {}",
        set.name, last.id
    );
    let mut said = format!("its last operation: {status}{failed}");
    let mut cures = Vec::new();
    if !behind.is_empty() {
        said = format!("{said}. {}: {}. {}", capital(set.lacks), some_of(behind, NAMED), set.meaning);
        if behind.iter().any(|one| one.reason.as_deref().is_some_and(|reason| reason.contains(BY_POLICY))) {
            said.push_str(". A service control policy of the organization denies it");
            cures.extend(exemptions(facts));
        }
        cures.push(Cure::new(command(set, &again(facts, policy))).remarked("tries again; or --retry"));
    }
    if !last.id.is_empty() {
        cures.push(Cure::new(by_account).remarked("account by account"));
    }
    Finding::missing_all(what, said, cures)
}

fn capital(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn command(set: &Set, target: &Target) -> String {
    format!(
        "aws cloudformation update-stack-instances --region {HOME_REGION} --stack-set-name {} --regions {} \
         --deployment-targets OrganizationalUnitIds={},AccountFilterType=INTERSECTION,Accounts={} \
         --operation-preferences FailureTolerancePercentage=100",
        set.name,
        target.regions.join(" "),
        target.units.join(","),
        target.accounts.join(",")
    )
}

/// docs/deploy.md, "Where the organization denies regions". What the forwarder carries goes to the region of the guard.
fn exemptions(facts: &Facts) -> Vec<Cure> {
    let principals =
        ["stacksets-exec-*", RESPONDER_ROLE, FORWARDER_ROLE].map(|role| format!("arn:aws:iam::*:role/{role}"));
    let regions: BTreeSet<&str> =
        std::iter::once(HOME_REGION).chain(facts.behind.iter().map(|one| one.region.as_str())).collect();
    let regions: Vec<&str> = regions.into_iter().collect();
    let mut cures = vec![
        Cure::new(format!("exempt by ArnNotLike on aws:PrincipalArn: {}", principals.join(", ")))
            .remarked(format!("or the actions cloudformation:*, cloudwatch:* and events:* in {}", listed(&regions))),
    ];
    if facts.set == MEMBER {
        cures.push(
            Cure::new("in the policy file: organization.memberRegion: …")
                .remarked("a region that is not denied, as long as no account has the roles in another"),
        );
    }
    cures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    fn policy(spend: &str) -> PolicyFile {
        let text = format!(
            "payer: '123456789012'\norganization: {{id: o-exampleorg, root: r-aaaa}}\n\
             defaults: {{limits: {{instances: 2{spend}}}, notify: [a@example.edu]}}\n"
        );
        PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap()
    }

    fn facts(set: Set, failed: i32, behind: &[(&str, &str)]) -> Facts {
        let instance = |(account, why): &(&str, &str)| Instance {
            account: (*account).to_owned(),
            region: "us-east-1".into(),
            detailed: "FAILED".into(),
            reason: Some((*why).to_owned()),
            ..Instance::default()
        };
        let last = Operation { id: "7".into(), status: "SUCCEEDED".into(), failed };
        Facts { set, last: Some(Some(last)), behind: behind.iter().map(instance).collect() }
    }

    #[test]
    fn an_operation_that_tolerates_failures_is_not_called_a_success() {
        assert_eq!(enrollment(&facts(MEMBER, 0, &[]), &policy("")).status, Status::Ok);
        let found = enrollment(&facts(MEMBER, 3, &[]), &policy(""));
        assert_eq!(found.status, Status::Missing);
        assert!(found.said.contains("succeeded, but it failed for 3 stacks"), "{}", found.said);
    }

    #[test]
    fn what_a_missing_stack_means_and_which_policy_is_in_its_way() {
        let denied =
            "not authorized to perform: cloudformation:CreateStack with an explicit deny in a service control policy";
        for (set, title, meaning) in [
            (MEMBER, "Not enrolled: 222222222222 us-east-1 (not authorized", "may not look into"),
            (LAUNCHES, "Without launches told at once: 222222222222", "by its schedule"),
            (ALARMS, "Without an alarm on their charges: 222222222222", "by its schedule"),
        ] {
            let found = enrollment(&facts(set, 1, &[("222222222222", denied)]), &policy(""));
            assert!(found.said.contains(title) && found.said.contains(meaning), "{}", found.said);
            let cures = format!("{:?}", found.cures);
            for wanted in [
                "stacksets-exec-*",
                "RunawayTrainResponder",
                "RunawayTrainForwarder",
                "cloudformation:*, cloudwatch:* and events:* in us-east-1",
                "OrganizationalUnitIds=r-aaaa,AccountFilterType=INTERSECTION,Accounts=222222222222",
            ] {
                assert!(cures.contains(wanted), "{cures}");
            }
            assert_eq!(cures.contains("organization.memberRegion"), set == MEMBER);
            // Whoever is denied by something else is not sent to a policy.
            let other = enrollment(&facts(set, 1, &[("222222222222", "limit exceeded")]), &policy(""));
            assert!(!format!("{:?}", other.cures).contains("stacksets-exec-*"));
        }
    }

    #[test]
    fn alarms_are_looked_for_only_where_the_policy_has_an_amount_to_ring_at() {
        assert_eq!(sets(&policy("")), [MEMBER, LAUNCHES]);
        assert_eq!(sets(&policy(", spendMonth: 10")), [MEMBER, LAUNCHES, ALARMS]);
    }

    #[test]
    fn a_set_that_is_not_there_and_one_that_has_done_nothing() {
        let gone = Facts { set: MEMBER, last: None, behind: Vec::new() };
        assert_eq!(enrollment(&gone, &policy("")).status, Status::Missing);
        let idle = Facts { set: MEMBER, last: Some(None), behind: Vec::new() };
        assert_eq!(enrollment(&idle, &policy("")).status, Status::Missing);
    }
}
