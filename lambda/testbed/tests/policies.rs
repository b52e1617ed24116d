//! A thief is refused what the policies that are attached deny, and nothing else. The policies themselves are the CDK
//! app's: a test of `infra` keeps the copies here up to date.
#![cfg(test)]

use std::time::Duration;

use runawaytrain_core::resource::quarantine::Policy;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::{AccountId, UserName};
use runawaytrain_engine::ports::{Actuator, Clock};
use runawaytrain_testbed::script;
use runawaytrain_testbed::{CONSISTENCY, Life, SimAccount, Testbed, Thief};
use serde_json::Value;
use tokio::time::sleep;

const ACCOUNT: &str = "111111111111";

/// Each strategy, the calls that it needs, and on what.
const NEEDS: [(&str, &[&str], &str); 22] = [
    ("relaunch", &["ec2:RunInstances"], "*"),
    ("protect", &["ec2:ModifyInstanceAttribute"], "*"),
    ("restart", &["ec2:StartInstances"], "*"),
    ("new-region", &["account:EnableRegion", "ec2:RunInstances"], "*"),
    (
        "group",
        &["autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup", "autoscaling:ResumeProcesses"],
        "*",
    ),
    ("fleet", &["ec2:CreateFleet", "ec2:ModifyFleet"], "*"),
    ("spot", &["ec2:RequestSpotInstances"], "*"),
    ("spot-once", &["ec2:RunInstances", "ec2:RequestSpotInstances"], "*"),
    ("new-user", &["iam:CreateUser", "iam:CreateAccessKey"], "arn:aws:iam::111111111111:user/backup"),
    ("new-key", &["iam:CreateAccessKey", "iam:UpdateAccessKey"], "arn:aws:iam::111111111111:user/bob"),
    ("exempt-user:bob", &["iam:CreateAccessKey", "iam:UpdateAccessKey"], "arn:aws:iam::111111111111:user/bob"),
    ("new-role", &["iam:CreateRole"], "arn:aws:iam::111111111111:role/helper"),
    ("back-door", &["iam:CreateRole"], "arn:aws:iam::111111111111:role/support-access"),
    ("stacksets-role", &["iam:CreateRole"], "arn:aws:iam::111111111111:role/stacksets-exec-x"),
    ("assume", &["sts:AssumeRole"], "arn:aws:iam::111111111111:role/app"),
    ("detach-deny", &["iam:DeleteUserPolicy"], "arn:aws:iam::111111111111:user/bob"),
    ("alter-deny", &["iam:PutUserPolicy"], "arn:aws:iam::111111111111:user/bob"),
    ("delete-our-role", &["iam:DeleteRole"], "arn:aws:iam::111111111111:role/RunawayTrainResponder"),
    ("throttle-looks", &["ec2:DescribeRegions", "ec2:DescribeInstances"], "*"),
    ("invoke-models", &["bedrock:InvokeModel"], "arn:aws:bedrock:us-east-1::foundation-model/any"),
    ("disable-region", &["account:DisableRegion"], "*"),
    (
        "purchase",
        &[
            "savingsplans:CreateSavingsPlan",
            "ec2:PurchaseReservedInstancesOffering",
            "rds:PurchaseReservedDBInstancesOffering",
        ],
        "*",
    ),
];

/// As IAM does it: a `*` is any run of characters.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|skipped| rest.get(skipped..).is_some_and(|rest| like(after, rest)))
        }),
    }
}

/// What a user is denied: the exceptions are for roles alone.
fn denies(policy: &Value, action: &str, resource: &str) -> bool {
    let any =
        |list: &Value, text: &str| list.as_array().unwrap().iter().any(|pattern| like(pattern.as_str().unwrap(), text));
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        assert_eq!(statement["Effect"], "Deny");
        // What is for the root user alone.
        let whose = &statement["Condition"]["ArnLike"]["aws:PrincipalArn"];
        if whose.as_str().or_else(|| whose[0].as_str()) == Some("arn:aws:iam::*:root") {
            return false;
        }
        let there = statement
            .get("Resource")
            .map_or_else(|| !any(&statement["NotResource"], resource), |list| any(list, resource));
        there && any(&statement["Action"], action)
    })
}

/// The payer's policies, as the CDK app deploys them.
fn documents() -> [(Policy, Value); 3] {
    let read = |text| serde_json::from_str(text).unwrap();
    [
        (Policy::Quarantine, read(include_str!("quarantine.json"))),
        (Policy::Models, read(include_str!("models.json"))),
        (Policy::Lockdown, read(include_str!("lockdown.json"))),
    ]
}

/// How often the strategy got its way in an account that has something for each.
async fn deeds(strategy: &str, attached: Option<Policy>) -> u32 {
    let (testbed, account) = (Testbed::new(), AccountId::parse(ACCOUNT).unwrap());
    let known = SimAccount::new("lab", &["us-east-1", "me-central-1"])
        .running("us-east-1", 1, "t2.micro")
        .running("me-central-1", 1, "t2.micro")
        .user("alice", 1, false)
        .user("bob", 1, false)
        .role("app", "/", None);
    testbed.world.add(&account, known);
    testbed.world.with(&account, |known| {
        known.launch("us-east-1", "t2.micro", Life::Stopped);
        known.users.get_mut(&UserName::new("bob")).unwrap().lockout.write(Lockout::InForce);
    });
    if let Some(policy) = attached {
        testbed.world.perform(&account, &policy.attach().into(), testbed.clock.now()).await.unwrap();
    }
    sleep(CONSISTENCY).await;
    let thief = Thief::loose(
        &testbed.world,
        &account,
        script::thief(&format!("thief {strategy} as user alice role app every 1s")).unwrap(),
    );
    sleep(Duration::from_millis(500)).await;
    assert_eq!(thief.deeds() + thief.refusals(), 1, "{strategy} is one deed");
    thief.deeds()
}

#[tokio::test(start_paused = true)]
async fn a_thief_is_refused_what_the_attached_policy_denies_and_nothing_else() {
    for (strategy, needs, resource) in NEEDS {
        assert_eq!(deeds(strategy, None).await, 1, "{strategy} in quiet times");
        for (policy, document) in documents() {
            let denied = needs.iter().all(|action| denies(&document, action, resource));
            assert_eq!(
                deeds(strategy, Some(policy)).await,
                u32::from(!denied),
                "{strategy} under the policy {policy}, which denies it: {denied}"
            );
        }
    }
    let [(_, quarantine), (_, models), (_, lockdown)] = documents();
    assert!(
        !denies(&quarantine, "ec2:DescribeInstances", "*") && !denies(&quarantine, "ec2:StopInstances", "*"),
        "the policy is read as it is"
    );
    assert!(!denies(&models, "ec2:RunInstances", "*") && denies(&lockdown, "ec2:DescribeInstances", "*"));
}
