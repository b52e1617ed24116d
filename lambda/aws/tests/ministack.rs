//! The adapters against ministack with AUTH, which checks signatures, policies, trust and conditions, and whose access keys are accounts.
//!
//! Each test has accounts of its own in a server that was just started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "a test may stop where it stands")]

mod common;

use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_organizations::types::PolicyType;
use jiff::SignedDuration;
use runawaytrain_aws::Settings;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::{Lockout, RoleLock};
use runawaytrain_core::ids::{AccountId, HaltId, InstanceId, Region, RoleName, UserName};
use runawaytrain_core::plan::Action;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::state::AccountRecord;
use runawaytrain_engine::ports::{Clock, Commit, Freshness, LeaseMove, LedgerError, Performed, UserDetail};
use serde_json::json;

use common::{ORGANIZATION, Watch, account, address, keys, ports, scene, settings};

fn ministack() -> String {
    address("RUNAWAYTRAIN_MINISTACK")
}

fn inside(account: &AccountId) -> aws_config::SdkConfig {
    scene(&ministack(), "us-east-1", keys(account.as_str(), "test"))
}

async fn make_table(account: &AccountId, name: &str) {
    let attribute = |name| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let create = aws_sdk_dynamodb::Client::new(&inside(account)).create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
    create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range)).send().await.unwrap();
}

/// The responder as a member has it, with another ExternalId if a test likes.
async fn enroll(member: &AccountId, payer: &AccountId, organization: &str) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{payer}:root") },
        "Condition": { "StringEquals": { "sts:ExternalId": format!("runawaytrain-{organization}") } },
    }]});
    let allow = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["ec2:*", "iam:*"], "Resource": "*" }]});
    let iam = aws_sdk_iam::Client::new(&inside(member));
    iam.create_role().role_name("RunawayTrainResponder").assume_role_policy_document(trust.to_string()).send().await.unwrap();
    iam.put_role_policy().role_name("RunawayTrainResponder").policy_name("Respond").policy_document(allow.to_string()).send().await.unwrap();
}

async fn launch(member: &AccountId, count: i32) -> Vec<InstanceId> {
    let run = aws_sdk_ec2::Client::new(&inside(member)).run_instances().image_id("ami-12345678").min_count(count).max_count(count);
    let run = run.instance_type(aws_sdk_ec2::types::InstanceType::T2Micro).send().await.unwrap();
    run.instances().iter().map(|instance| InstanceId::new(instance.instance_id().unwrap())).collect()
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn dynamodb_keeps_the_ledgers_contract() {
    let payer = account("300000000001");
    make_table(&payer, "contract").await;
    let ports = ports(&ministack(), payer.as_str(), &settings("contract", &payer), Watch::new());
    runawaytrain_testbed::contract::ledger::ledger_contract(&*ports.ledger).await;
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn more_records_than_a_page_holds_are_all_read() {
    let payer = account("300000000002");
    make_table(&payer, "pages").await;
    let ledger = ports(&ministack(), payer.as_str(), &settings("pages", &payer), Watch::new()).ledger;
    // A page of Query ends at 1 MB; these are 30 kB each.
    let now = "2026-11-22T03:00:00Z".parse().unwrap();
    for number in 0..50 {
        let record = AccountRecord { why: "w".repeat(30_000), ..AccountRecord::new(account(&format!("4{number:011}")), now) };
        ledger.commit(Commit { record, lease: LeaseMove::None { expected: 0 }, notices: Vec::new(), peak: None, at: now }).await.unwrap();
    }
    let first = aws_sdk_dynamodb::Client::new(&inside(&payer)).query().table_name("pages").key_condition_expression("pk = :pk");
    let first = first.expression_attribute_values(":pk", AttributeValue::S("ACCOUNT".to_owned())).send().await.unwrap();
    assert!(first.last_evaluated_key().is_some(), "the emulator does not page, so this test shows nothing");
    assert_eq!(ledger.load_all().await.unwrap().len(), 50);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_missing_table_is_named() {
    let payer = account("300000000003");
    let ports = ports(&ministack(), payer.as_str(), &settings("not-there", &payer), Watch::new());
    let now = ports.clock.now();
    let record = AccountRecord::new(payer.clone(), now);
    let alone = Commit { record: record.clone(), lease: LeaseMove::None { expected: 0 }, notices: Vec::new(), peak: None, at: now };
    let peak = runawaytrain_core::history::HourPeak { hour: now, instances: 1, vcpus: 1 };
    let together = Commit { peak: Some(peak), ..alone.clone() };
    let mut failures = vec![ports.ledger.load_all().await.unwrap_err(), ports.ledger.load(&payer).await.unwrap_err(), ports.ledger.outbox().await.unwrap_err()];
    failures.push(ports.ledger.journal(&payer, &HaltId::new("20261122T030000Z")).await.unwrap_err());
    for commit in [alone, together] {
        match ports.ledger.commit(commit).await {
            Err(LedgerError::Failed(failure)) => failures.push(failure),
            other => panic!("{other:?}"),
        }
    }
    for failure in failures {
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(failure.to_string().contains("there is no table not-there in us-east-1"), "{failure}");
    }
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn an_account_without_our_role_is_denied_and_picked_up_once_it_has_one() {
    let (payer, member) = (account("300000000004"), account("300000000005"));
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new());
    let failure = ports.observer.regions(&member, Freshness::Cached).await.unwrap_err();
    assert_eq!((failure.operation.as_str(), failure.kind), ("sts:AssumeRole", FailureKind::Denied), "{failure}");
    let failures = futures::future::join_all((0..20).map(|_| ports.observer.users(&member, UserDetail::Credentials))).await;
    assert!(failures.iter().all(|answer| answer.as_ref().is_err_and(|failure| failure.kind == FailureKind::Denied)));
    enroll(&member, &payer, ORGANIZATION).await;
    assert!(ports.observer.regions(&member, Freshness::Cached).await.unwrap().contains(&Region::new("us-east-1")));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_role_that_asks_for_another_external_id_refuses_us() {
    let (payer, member) = (account("300000000006"), account("300000000007"));
    enroll(&member, &payer, "o-somebodyelse").await;
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new());
    let failure = ports.observer.regions(&member, Freshness::Cached).await.unwrap_err();
    assert_eq!((failure.operation.as_str(), failure.kind), ("sts:AssumeRole", FailureKind::Denied), "{failure}");
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_session_that_was_revoked_is_given_up_and_made_anew() {
    let (payer, member) = (account("300000000008"), account("300000000009"));
    enroll(&member, &payer, ORGANIZATION).await;
    let watch = Watch::new();
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), watch.clone());
    ports.observer.regions(&member, Freshness::Now).await.unwrap();
    let iam = aws_sdk_iam::Client::new(&inside(&member));
    iam.delete_role_policy().role_name("RunawayTrainResponder").policy_name("Respond").send().await.unwrap();
    iam.delete_role().role_name("RunawayTrainResponder").send().await.unwrap();
    let failure = ports.observer.regions(&member, Freshness::Now).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied, "{failure}");
    enroll(&member, &payer, ORGANIZATION).await;
    watch.advance(SignedDuration::from_mins(5));
    // The old session may be good again (its role has the old name) or be given up: after one denied call it is made anew.
    let _ = ports.observer.regions(&member, Freshness::Now).await;
    ports.observer.regions(&member, Freshness::Now).await.unwrap();
    // Past its end a session is replaced before it is used.
    watch.advance(SignedDuration::from_hours(2));
    ports.observer.regions(&member, Freshness::Now).await.unwrap();
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn the_looking_session_cannot_stop_what_the_acting_one_can() {
    let (payer, member) = (account("300000000010"), account("300000000011"));
    enroll(&member, &payer, ORGANIZATION).await;
    let launched = launch(&member, 2).await;
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new());
    let region = Region::new("us-east-1");
    let seen = ports.observer.instances(&member, &region).await.unwrap();
    assert_eq!(seen.len(), 2);

    // The same session as the observer's, made by hand: the observer itself has no way to stop anything.
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": runawaytrain_core::contract::OBSERVE, "Resource": "*" }]});
    let assume = aws_sdk_sts::Client::new(&inside(&payer)).assume_role().role_arn(format!("arn:aws:iam::{member}:role/RunawayTrainResponder"));
    let assume = assume.role_session_name("look").external_id(format!("runawaytrain-{ORGANIZATION}")).policy(policy.to_string());
    let given = assume.send().await.unwrap().credentials.unwrap();
    let credentials = aws_credential_types::Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), None, "look");
    let looking = aws_sdk_ec2::Client::new(&scene(&ministack(), "us-east-1", credentials));
    looking.describe_instances().send().await.unwrap();
    looking.stop_instances().instance_ids(launched[0].as_str()).send().await.unwrap_err();

    let stop = Action::StopInstances { region: region.clone(), instances: launched };
    assert_eq!(ports.actuator.perform(&member, &stop).await, Ok(Performed::Done));
    assert_eq!(ports.observer.instances(&member, &region).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_user_who_is_locked_out_is_refused() {
    let (payer, member) = (account("300000000012"), account("300000000013"));
    enroll(&member, &payer, ORGANIZATION).await;
    let iam = aws_sdk_iam::Client::new(&inside(&member));
    let allow = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }]});
    iam.create_user().user_name("mallory").send().await.unwrap();
    iam.put_user_policy().user_name("mallory").policy_name("admin").policy_document(allow.to_string()).send().await.unwrap();
    let key = iam.create_access_key().user_name("mallory").send().await.unwrap().access_key.unwrap();
    let mallory = aws_sdk_ec2::Client::new(&scene(&ministack(), "us-east-1", keys(&key.access_key_id, &key.secret_access_key)));
    mallory.describe_instances().send().await.unwrap();

    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new());
    let deny = Action::DenyUser { user: UserName::new("mallory") };
    assert_eq!(ports.actuator.perform(&member, &deny).await, Ok(Performed::Done));
    mallory.describe_instances().send().await.expect_err("a deny stands on the user");
    let users = ports.observer.users(&member, UserDetail::Credentials).await.unwrap();
    assert_eq!(users[0].lockout, Ok(Lockout::InForce));
    assert_eq!(users[0].console, Ok(false));
    // ministack knows no other credentials. What it does not know is a failure, never an empty list.
    assert!(users[0].others.is_err());

    let deactivate = Action::DeactivateKey { user: UserName::new("mallory"), key: users[0].keys.as_ref().unwrap()[0].id.clone() };
    assert_eq!(ports.actuator.perform(&member, &deactivate).await, Ok(Performed::Done));
    iam.delete_user_policy().user_name("mallory").policy_name(runawaytrain_core::planner::LOCKOUT_POLICY).send().await.unwrap();
    mallory.describe_instances().send().await.expect_err("the key is inactive");
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn mail_goes_to_the_lists_topic_and_a_missing_topic_is_named() {
    let payer = account("300000000014");
    let sns = aws_sdk_sns::Client::new(&inside(&payer));
    sns.create_topic().name("runawaytrain").send().await.unwrap();
    let courier = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new()).courier;
    courier.send(&NotifyList::Default, "subject", "body").await.unwrap();
    let failure = courier.send(&NotifyList::Own(account("300000000015")), "subject", "body").await.unwrap_err();
    assert!(failure.to_string().contains("topic arn:aws:sns:us-east-1:300000000014:runawaytrain-300000000015"), "{failure}");
    assert_eq!((failure.operation.as_str(), failure.kind), ("sns:Publish", FailureKind::NotFound));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn the_quarantine_is_attached_by_the_payer_seen_and_detached() {
    let payer = account("300000000016");
    let organizations = aws_sdk_organizations::Client::new(&inside(&payer));
    let root = organizations.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap();
    let _ = organizations.enable_policy_type().root_id(root).policy_type(PolicyType::ServiceControlPolicy).send().await;
    let made = organizations.create_account().account_name("member").email("member@example.edu").send().await.unwrap();
    let member = account(made.create_account_status.unwrap().account_id().unwrap());
    let content = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*"}]}"#;
    let create = organizations.create_policy().name("RunawayTrainQuarantine").description("growth").content(content).r#type(PolicyType::ServiceControlPolicy);
    let policy = create.send().await.unwrap().policy.unwrap().policy_summary.unwrap().id.unwrap();

    let with = |quarantine_policy| ports(&ministack(), payer.as_str(), &Settings { quarantine_policy, ..settings("t", &payer) }, Watch::new());
    let ports = with(Some(policy));
    let steps = [
        (Action::Freeze, Performed::Done, true),
        (Action::Freeze, Performed::AlreadySo, true),
        (Action::Thaw, Performed::Done, false),
        (Action::Thaw, Performed::AlreadySo, false),
    ];
    assert_eq!(ports.observer.quarantined(&member).await, Ok(Some(false)));
    for (action, performed, attached) in steps {
        assert_eq!(ports.actuator.perform(&member, &action).await, Ok(performed), "{action}");
        assert_eq!(ports.observer.quarantined(&member).await, Ok(Some(attached)), "{action}");
    }

    let stranger = account("300000000017");
    assert_eq!(ports.actuator.perform(&stranger, &Action::Freeze).await.unwrap_err().kind, FailureKind::NotFound);
    let without = with(None);
    assert_eq!(without.observer.quarantined(&member).await, Ok(None));
    assert_eq!(without.actuator.perform(&member, &Action::Freeze).await.unwrap_err().kind, FailureKind::Invalid);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn sessions_issued_before_a_revocation_are_refused() {
    let (payer, member) = (account("300000000018"), account("300000000019"));
    enroll(&member, &payer, ORGANIZATION).await;
    let iam = aws_sdk_iam::Client::new(&inside(&member));
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{member}:root") } }]});
    let allow = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" }]});
    iam.create_role().role_name("worker").assume_role_policy_document(trust.to_string()).send().await.unwrap();
    iam.put_role_policy().role_name("worker").policy_name("work").policy_document(allow.to_string()).send().await.unwrap();
    let assume = async || {
        let assume = aws_sdk_sts::Client::new(&inside(&member)).assume_role().role_arn(format!("arn:aws:iam::{member}:role/worker"));
        let given = assume.role_session_name("thief").send().await.unwrap().credentials.unwrap();
        let credentials = aws_credential_types::Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), None, "thief");
        aws_sdk_ec2::Client::new(&scene(&ministack(), "us-east-1", credentials))
    };
    let thief = assume().await;
    thief.describe_instances().send().await.unwrap();

    let watch = Watch::new();
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), watch.clone());
    let role = RoleName::new("worker");
    let before = watch.now() + SignedDuration::from_secs(1);
    assert_eq!(ports.actuator.perform(&member, &Action::RevokeSessions { role: role.clone(), before }).await, Ok(Performed::Done));
    thief.describe_instances().send().await.expect_err("the session was issued before the revocation");
    let seen = ports.observer.roles(&member).await.unwrap().into_iter().find(|seen| seen.name == role).unwrap();
    assert!(matches!(seen.lock, Ok(RoleLock::RevokedBefore(time)) if time >= before), "{:?}", seen.lock);

    // A session issued later lives, until everything is denied.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let newcomer = assume().await;
    newcomer.describe_instances().send().await.unwrap();
    assert_eq!(ports.actuator.perform(&member, &Action::DenyRole { role: role.clone() }).await, Ok(Performed::Done));
    newcomer.describe_instances().send().await.expect_err("everything is denied");
    assert_eq!(ports.actuator.perform(&member, &Action::LiftRole { role }).await, Ok(Performed::Done));
    newcomer.describe_instances().send().await.unwrap();
}
