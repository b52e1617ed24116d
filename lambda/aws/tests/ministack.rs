//! The adapters against ministack with AUTH, which checks signatures, policies, trust and conditions, and whose access
//! keys are accounts.
//!
//! Each test has accounts of its own in a server that was just started.
#![cfg(test)]

#[path = "beyond/ministack.rs"]
mod beyond;
mod common;
mod stage;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use jiff::SignedDuration;
use runawaytrain_aws::Settings;
use runawaytrain_core::message::Chat;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::{AccountRecord, HourPeak};
use runawaytrain_core::resource::instances::Instance;
use runawaytrain_core::resource::roles::{Role, RoleLock};
use runawaytrain_core::resource::{Kind, Sight, instances, roles};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId, InstanceId, Region, RoleName};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Clock, Commit, Freshness, LeaseMove, Look, Performed, Ports, StoreError};
use runawaytrain_testbed::contract::contract;
use serde_json::json;

use beyond::BEYOND;
use common::{ORGANIZATION, Watch, account, address, keys, ports, scene, settings};
use stage::{Accounts, SdkStage};

fn ministack() -> String {
    address("RUNAWAYTRAIN_MINISTACK")
}

fn inside(account: &AccountId) -> aws_config::SdkConfig {
    scene(&ministack(), "us-east-1", keys(account.as_str(), "test"))
}

async fn make_table(account: &AccountId, name: &str) {
    let attribute = |name| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let create = aws_sdk_dynamodb::Client::new(&inside(account))
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
    create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range)).send().await.unwrap();
}

/// The responder as a member has it, with another ExternalId if a test likes.
async fn enroll(member: &AccountId, payer: &AccountId, organization: &str) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{payer}:root") },
        "Condition": { "StringEquals": { "sts:ExternalId": format!("runawaytrain-{organization}") } },
    }]});
    let allow = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["ec2:*", "iam:*"], "Resource": "*",
    }]});
    let iam = aws_sdk_iam::Client::new(&inside(member));
    iam.create_role()
        .role_name("RunawayTrainResponder")
        .assume_role_policy_document(trust.to_string())
        .send()
        .await
        .unwrap();
    iam.put_role_policy()
        .role_name("RunawayTrainResponder")
        .policy_name("Respond")
        .policy_document(allow.to_string())
        .send()
        .await
        .unwrap();
}

async fn launch(member: &AccountId, count: i32) -> Vec<InstanceId> {
    let run = aws_sdk_ec2::Client::new(&inside(member))
        .run_instances()
        .image_id("ami-12345678")
        .min_count(count)
        .max_count(count);
    let run = run.instance_type(aws_sdk_ec2::types::InstanceType::T2Micro).send().await.unwrap();
    run.instances().iter().map(|instance| InstanceId::new(instance.instance_id().unwrap())).collect()
}

async fn instances_of(ports: &Ports, account: &AccountId, region: &Region) -> Vec<Instance> {
    match ports.observer.look(account, &Look::at(Kind::Instances, Some(region))).await.unwrap() {
        Sight::Instances(seen) => seen,
        other => panic!("{other:?}"),
    }
}

async fn role_of(ports: &Ports, account: &AccountId, name: &RoleName) -> Role {
    match ports.observer.look(account, &Look::at(Kind::Roles, None)).await.unwrap() {
        Sight::Roles(roles) => roles.into_iter().find(|role| role.name == *name).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn advance(watch: &Watch, by: SignedDuration) {
    *watch.0.lock().unwrap() += by;
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn the_adapters_keep_the_contract_on_ministack() {
    contract(
        async |number| SdkStage::set(ministack(), Accounts::ByKey, account(&format!("33{number:010}"))).await,
        BEYOND,
    )
    .await;
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn dynamodb_keeps_the_ledgers_contract() {
    let payer = account("300000000001");
    make_table(&payer, "contract").await;
    let ports = ports(&ministack(), payer.as_str(), &settings("contract", &payer), Watch::new());
    runawaytrain_testbed::contract::ledger::ledger_contract(&ports).await;
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn dynamodb_keeps_the_contract_of_the_books() {
    let payer = account("300000000020");
    make_table(&payer, "books").await;
    let ports = ports(&ministack(), payer.as_str(), &settings("books", &payer), Watch::new());
    runawaytrain_testbed::contract::books::price_book_contract(&*ports.price_book).await;
    runawaytrain_testbed::contract::books::spend_book_contract(&*ports.spend_book).await;
    // What the contract stores last must not fit into one page, or it shows nothing.
    for partition in ["PRICE", "SPENT#20261101-20261201#0"] {
        let first = aws_sdk_dynamodb::Client::new(&inside(&payer))
            .query()
            .table_name("books")
            .key_condition_expression("pk = :pk");
        let first =
            first.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned())).send().await.unwrap();
        assert!(first.last_evaluated_key().is_some(), "{partition} fits into one page");
    }
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn more_records_than_a_page_holds_are_all_read() {
    let payer = account("300000000002");
    make_table(&payer, "pages").await;
    let states = ports(&ministack(), payer.as_str(), &settings("pages", &payer), Watch::new()).states;
    // A page of Query ends at 1 MB; these are 30 kB each.
    let now = "2026-11-22T03:00:00Z".parse().unwrap();
    for number in 0..50 {
        let record =
            AccountRecord { why: "w".repeat(30_000), ..AccountRecord::new(account(&format!("4{number:010}0")), now) };
        states
            .commit(Commit { record, lease: LeaseMove::None { expected: 0 }, notices: Vec::new(), peak: None, at: now })
            .await
            .unwrap();
    }
    let first =
        aws_sdk_dynamodb::Client::new(&inside(&payer)).query().table_name("pages").key_condition_expression("pk = :pk");
    let first =
        first.expression_attribute_values(":pk", AttributeValue::S("ACCOUNT#0".to_owned())).send().await.unwrap();
    assert!(first.last_evaluated_key().is_some(), "the emulator does not page, so this test shows nothing");
    assert_eq!(states.load_all().await.unwrap().readable.len(), 50);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_missing_table_is_named() {
    let payer = account("300000000003");
    let ports = ports(&ministack(), payer.as_str(), &settings("not-there", &payer), Watch::new());
    let now = ports.clock.now();
    let record = AccountRecord::new(payer.clone(), now);
    let alone = Commit {
        record: record.clone(),
        lease: LeaseMove::None { expected: 0 },
        notices: Vec::new(),
        peak: None,
        at: now,
    };
    let peak = HourPeak { hour: now, instances: 1, vcpus: 1, burn: Usd::ZERO };
    let together = Commit { peak: Some(peak), ..alone.clone() };
    let mut failures = vec![
        ports.states.load_all().await.unwrap_err(),
        ports.states.load(&payer).await.unwrap_err(),
        ports.outbox.waiting().await.unwrap_err(),
    ];
    failures.push(ports.journal.entries(&payer, &HaltId::new("20261122T030000Z")).await.unwrap_err());
    for commit in [alone, together] {
        match ports.states.commit(commit).await {
            Err(StoreError::Failed(failure)) => failures.push(failure),
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
    let look = Look::at(Kind::Users, None);
    let failures = futures::future::join_all((0..20).map(|_| ports.observer.look(&member, &look))).await;
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
    advance(&watch, SignedDuration::from_mins(5));
    // The old session may be good again (its role has the old name) or be given up: after one denied call it is made
    // anew.
    let _ = ports.observer.regions(&member, Freshness::Now).await;
    ports.observer.regions(&member, Freshness::Now).await.unwrap();
    // Past its end a session is replaced before it is used.
    advance(&watch, SignedDuration::from_hours(2));
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
    assert_eq!(instances_of(&ports, &member, &region).await.len(), 2);

    // The same session as the observer's, made by hand: the observer itself has no way to stop anything.
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": Kind::observe(), "Resource": "*",
    }]});
    let assume = aws_sdk_sts::Client::new(&inside(&payer))
        .assume_role()
        .role_arn(format!("arn:aws:iam::{member}:role/RunawayTrainResponder"));
    let assume =
        assume.role_session_name("look").external_id(format!("runawaytrain-{ORGANIZATION}")).policy(policy.to_string());
    let given = assume.send().await.unwrap().credentials.unwrap();
    let credentials = aws_credential_types::Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "look",
    );
    let looking = aws_sdk_ec2::Client::new(&scene(&ministack(), "us-east-1", credentials));
    looking.describe_instances().send().await.unwrap();
    looking.stop_instances().instance_ids(launched[0].as_str()).send().await.unwrap_err();

    let stop =
        instances::Action::StopInstances { region: region.clone(), instances: launched, erases: Vec::new() }.into();
    assert_eq!(ports.actuator.perform(&member, &stop, ports.clock.now()).await, Ok(Performed::Done));
    assert_eq!(instances_of(&ports, &member, &region).await, []);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn mail_goes_to_the_lists_topic_and_a_missing_topic_is_named() {
    let payer = account("300000000014");
    let sns = aws_sdk_sns::Client::new(&inside(&payer));
    sns.create_topic().name("runawaytrain").send().await.unwrap();
    // A chat listens, too: what goes to the default list is one publish all the same.
    let settings = Settings { has_chat: true, ..settings("t", &payer) };
    let notifier = ports(&ministack(), payer.as_str(), &settings, Watch::new()).notifier;
    let chat = Chat::default();
    notifier.send(&NotifyList::Default, "subject", "body", &chat).await.unwrap();
    let failure = notifier.send(&NotifyList::Own(account("300000000015")), "subject", "body", &chat).await.unwrap_err();
    assert!(
        failure.to_string().contains("topic arn:aws:sns:us-east-1:300000000014:runawaytrain-300000000015"),
        "{failure}"
    );
    assert_eq!((failure.operation.as_str(), failure.kind), ("sns:Publish", FailureKind::NotFound));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn sessions_issued_before_a_revocation_are_refused() {
    let (payer, member) = (account("300000000018"), account("300000000019"));
    enroll(&member, &payer, ORGANIZATION).await;
    let iam = aws_sdk_iam::Client::new(&inside(&member));
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{member}:root") },
    }]});
    let allow = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ec2:*", "Resource": "*",
    }]});
    iam.create_role().role_name("worker").assume_role_policy_document(trust.to_string()).send().await.unwrap();
    iam.put_role_policy()
        .role_name("worker")
        .policy_name("work")
        .policy_document(allow.to_string())
        .send()
        .await
        .unwrap();
    let assume = async || {
        let assume = aws_sdk_sts::Client::new(&inside(&member))
            .assume_role()
            .role_arn(format!("arn:aws:iam::{member}:role/worker"));
        let given = assume.role_session_name("thief").send().await.unwrap().credentials.unwrap();
        let credentials = aws_credential_types::Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "thief",
        );
        aws_sdk_ec2::Client::new(&scene(&ministack(), "us-east-1", credentials))
    };
    let thief = assume().await;
    thief.describe_instances().send().await.unwrap();

    let watch = Watch::new();
    let ports = ports(&ministack(), payer.as_str(), &settings("t", &payer), watch.clone());
    let role = RoleName::new("worker");
    let perform = async |action: roles::Action, now| ports.actuator.perform(&member, &action.into(), now).await;
    // A revocation reaches half a minute ahead of its call: made so long ago, it holds for a second more.
    let called = watch.now() - SignedDuration::from_secs(29);
    assert_eq!(
        perform(roles::Action::RevokeSessions { role: role.clone(), ahead: roles::REVOKE_AHEAD }, called).await,
        Ok(Performed::Done)
    );
    thief.describe_instances().send().await.expect_err("the session was issued before the revocation");
    let seen = role_of(&ports, &member, &role).await;
    let until = called + SignedDuration::from_secs(30);
    assert!(matches!(seen.lock, Ok(RoleLock::RevokedBefore(time)) if time >= until), "{:?}", seen.lock);

    // A session issued later lives, until everything is denied.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let newcomer = assume().await;
    newcomer.describe_instances().send().await.unwrap();
    assert_eq!(perform(roles::Action::DenyRole { role: role.clone() }, called).await, Ok(Performed::Done));
    newcomer.describe_instances().send().await.expect_err("everything is denied");
    assert_eq!(perform(roles::Action::LiftRole { role }, called).await, Ok(Performed::Done));
    newcomer.describe_instances().send().await.unwrap();
    thief.describe_instances().send().await.expect_err("a session from before the halt stays dead");
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn the_charges_of_each_linked_account_are_read_and_a_missing_metric_is_left_out() {
    let (payer, member, silent) = (account("300000000021"), account("300000000022"), account("300000000023"));
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&inside(&payer));
    let now = Watch::new().now();
    let put = async |linked: Option<&AccountId>, currency: &str, dollars: f64, hours_ago: i64| {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let at = DateTime::from_secs(now.as_second() - hours_ago * 3600);
        let dimensions = std::iter::once(dimension("Currency", currency))
            .chain(linked.map(|linked| dimension("LinkedAccount", linked.as_str())));
        let datum = MetricDatum::builder()
            .metric_name("EstimatedCharges")
            .value(dollars)
            .timestamp(at)
            .set_dimensions(Some(dimensions.collect()))
            .build();
        cloudwatch.put_metric_data().namespace("AWS/Billing").metric_data(datum).send().await.unwrap();
    };
    // The total of the organization, another currency, and what is too old to tell anything are not an account's
    // charges.
    put(None, "USD", 99_999.0, 1).await;
    put(Some(&member), "EUR", 77_777.0, 1).await;
    put(Some(&silent), "USD", 5.0, 60).await;
    for (linked, dollars, hours_ago) in
        [(&payer, 40.25, 8), (&member, 100.0, 14), (&member, 812.34, 2), (&member, 700.5, 8)]
    {
        put(Some(linked), "USD", dollars, hours_ago).await;
    }

    let billing = ports(&ministack(), payer.as_str(), &settings("t", &payer), Watch::new()).billing;
    let charges = billing.charges(&[payer.clone(), member.clone(), silent], now).await.unwrap();
    let amounts: Vec<_> = charges.iter().map(|(account, charge)| (account.clone(), charge.amount)).collect();
    assert_eq!(amounts, [(payer, Usd::from_dollars(40.25)), (member.clone(), Usd::from_dollars(812.34))]);
    let age = now.duration_since(charges[&member].at);
    assert!(
        age >= SignedDuration::from_hours(2) && age < SignedDuration::from_hours(3),
        "the reading says of the hour that it is of: {age}"
    );
}
