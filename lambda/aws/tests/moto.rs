//! The adapters against moto, which pages and refuses as EC2 and Organizations do.
//!
//! Each test has an account of its own in a server that was just started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "a test may stop where it stands")]

mod common;
#[path = "moto/launchers.rs"]
mod launchers;

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{AttributeBooleanValue, InstanceType};
use aws_sdk_iam::types::StatusType;
use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::{Belongings, Lockout, OtherCredential, RoleLock, User, Users};
use runawaytrain_core::ids::{AccountId, InstanceId, Region, RoleName, UserName};
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{Action, Belonging, Protection};
use runawaytrain_core::planner::{self, Circumstances};
use runawaytrain_core::policy::{Policy, UserResponse};
use runawaytrain_engine::ports::{Freshness, Lifecycle, Performed, Ports, UserDetail};

use common::{Watch, account, address, keys, ports, scene, settings};

/// Self-signed, of nobody.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUJqS5ZtYfDvfO+lwobcpOT9SqDe0wCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDYW5uMCAXDTI2MTEyMjAxNDUxOVoYDzIxMjYxMDI5MDE0NTE5
WjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQJtV4z
SYK4Dt4N4TX762ilud839YUohcp6ldhGl88s+fxBxHsyEJD89vXNVAWq6tLqYcsX
lPQ16oJIwJdTKZTwo1MwUTAdBgNVHQ4EFgQUwv2oZH4ZOfBU+zs5dBYOeuZQEtYw
HwYDVR0jBBgwFoAUwv2oZH4ZOfBU+zs5dBYOeuZQEtYwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEA+v2nLV1tyQQ0aeguDvNobtDYbqgbGlBDYsAa
d5rIHVgCIQDXnw0fufmr5NynyV41WQ1Bn0IU6L/tTIlJ7SbKe4GwUg==
-----END CERTIFICATE-----";

fn moto() -> String {
    address("RUNAWAYTRAIN_MOTO")
}

fn adapters() -> Ports {
    ports(&moto(), "testing", &settings("runawaytrain", &account("123456789012")), Watch::new())
}

/// moto tells accounts apart by the role that was assumed.
async fn inside(account: &AccountId, region: &str) -> SdkConfig {
    let outside = scene(&moto(), "us-east-1", keys("testing", "testing"));
    let role = format!("arn:aws:iam::{account}:role/scene");
    let given = aws_sdk_sts::Client::new(&outside).assume_role().role_arn(role).role_session_name("scene").send().await.unwrap().credentials.unwrap();
    let credentials = aws_credential_types::Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), None, "scene");
    scene(&moto(), region, credentials)
}

async fn launch(client: &aws_sdk_ec2::Client, count: i32) -> Vec<InstanceId> {
    let run = client.run_instances().image_id("ami-12345678").instance_type(InstanceType::T2Micro).min_count(count).max_count(count);
    run.send().await.unwrap().instances().iter().map(|instance| InstanceId::new(instance.instance_id().unwrap())).collect()
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn more_instances_than_a_page_holds_are_all_seen() {
    let (account, region) = (account("100000000001"), Region::new("eu-north-1"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    // moto counts reservations where EC2 counts instances, so each instance needs a launch of its own.
    let launches = stream::iter(0..1005).map(|_| launch(&client, 1)).buffer_unordered(8);
    let mut launched: BTreeSet<InstanceId> = launches.concat().await.into_iter().collect();
    let quiet = launched.pop_first().unwrap();
    client.stop_instances().instance_ids(quiet.as_str()).send().await.unwrap();

    let first = client.describe_instances().max_results(1000).send().await.unwrap();
    assert!(first.next_token().is_some(), "the emulator does not page, so this test shows nothing");

    let seen = adapters().observer.instances(&account, &region).await.unwrap();
    assert_eq!(seen.len(), 1004);
    assert_eq!(seen.iter().map(|instance| instance.id.clone()).collect::<BTreeSet<_>>(), launched);
    assert!(seen.iter().all(|instance| instance.instance_type == "t2.micro" && instance.vcpus.count == 1 && instance.launched.is_some()));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn more_accounts_than_a_page_holds_are_all_listed() {
    let client = aws_sdk_organizations::Client::new(&scene(&moto(), "us-east-1", keys("testing", "testing")));
    client.create_organization().send().await.unwrap();
    for number in 0..25 {
        client.create_account().account_name(format!("member {number}")).email(format!("member{number}@example.edu")).send().await.unwrap();
    }
    let accounts = adapters().directory.accounts(Freshness::Cached).await.unwrap();
    assert_eq!(accounts.iter().map(|member| &member.account).collect::<BTreeSet<_>>().len(), 26, "25 members and the payer");
    assert!(accounts.iter().all(|member| member.lifecycle == Lifecycle::Active));
    assert!(accounts.iter().any(|member| member.name == "member 24"));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn regions_are_those_that_the_account_enabled() {
    let regions = adapters().observer.regions(&account("100000000002"), Freshness::Now).await.unwrap();
    assert!(regions.contains(&Region::new("us-east-1")) && regions.len() >= 17, "{regions:?}");
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn stop_protection_is_told_apart_and_the_protected_one_is_named() {
    let (account, region) = (account("100000000003"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let launched = launch(&client, 3).await;
    let protected = launched[1].clone();
    let protect = client.modify_instance_attribute().instance_id(protected.as_str()).disable_api_stop(AttributeBooleanValue::builder().value(true).build());
    protect.send().await.unwrap();

    let stop = Action::StopInstances { region, instances: launched };
    let failure = adapters().actuator.perform(&account, &stop).await.unwrap_err();
    assert_eq!((failure.operation.as_str(), failure.kind, failure.named), ("ec2:StopInstances", FailureKind::Protected, vec![protected]));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn what_is_unprotected_can_be_stopped_and_terminated() {
    let (account, region) = (account("100000000008"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let instances = launch(&client, 1).await;
    let instance = instances[0].clone();
    let ports = adapters();
    let perform = async |action: Action| ports.actuator.perform(&account, &action).await;
    let protections = [Protection::Stop, Protection::Termination];

    for against in protections {
        perform(Action::Protect { region: region.clone(), instance: instance.clone(), against }).await.unwrap();
    }
    let stop = Action::StopInstances { region: region.clone(), instances: instances.clone() };
    let terminate = Action::TerminateInstances { region: region.clone(), instances };
    for action in [&stop, &terminate] {
        assert_eq!(perform(action.clone()).await.unwrap_err().kind, FailureKind::Protected, "{action}");
    }
    for (against, freed) in protections.into_iter().zip([stop, terminate]) {
        assert_eq!(perform(Action::Unprotect { region: region.clone(), instance: instance.clone(), against }).await, Ok(Performed::Done));
        assert_eq!(perform(freed.clone()).await, Ok(Performed::Done), "{freed}");
    }
    assert_eq!(ports.observer.instances(&account, &region).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn one_bad_id_is_not_found_and_named() {
    let (account, region) = (account("100000000004"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let mut instances = launch(&client, 2).await;
    let ghost = InstanceId::new("i-0123456789abcdef0");
    instances.push(ghost.clone());
    let ports = adapters();
    let failure = ports.actuator.perform(&account, &Action::StopInstances { region: region.clone(), instances: instances.clone() }).await.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_deref(), failure.named), (FailureKind::NotFound, Some("InvalidInstanceID.NotFound"), vec![ghost]));

    instances.pop();
    assert_eq!(ports.actuator.perform(&account, &Action::StopInstances { region: region.clone(), instances }).await, Ok(Performed::Done));
    assert_eq!(ports.observer.instances(&account, &region).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn an_empty_list_is_refused_without_a_call() {
    let (account, region) = (account("100000000005"), Region::new("us-east-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    launch(&client, 1).await;
    let ports = adapters();
    let none = Vec::new;
    let batches = [
        Action::StopInstances { region: region.clone(), instances: none() },
        Action::TerminateInstances { region: region.clone(), instances: none() },
        Action::StartInstances { region: region.clone(), instances: none() },
        Action::CancelSpotRequests { region: region.clone(), requests: Vec::new() },
    ];
    for action in batches {
        assert_eq!(ports.actuator.perform(&account, &action).await.unwrap_err().kind, FailureKind::Invalid, "{action}");
    }
    assert_eq!(ports.observer.instances(&account, &region).await.unwrap().len(), 1);
}

/// Makes a user with one of everything that the emulator knows, and returns what it has and its SSH key.
async fn furnish(client: &aws_sdk_iam::Client, user: &str) -> (Belongings, Belonging) {
    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    client.create_user().user_name(user).send().await.unwrap();
    client.create_access_key().user_name(user).send().await.unwrap();
    client.create_access_key().user_name(user).send().await.unwrap();
    client.create_login_profile().user_name(user).password("Correct-Horse-1").send().await.unwrap();
    client.put_user_policy().user_name(user).policy_name("own").policy_document(DOCUMENT).send().await.unwrap();
    let policy = client.create_policy().policy_name("managed").policy_document(DOCUMENT).send().await.unwrap().policy.unwrap().arn.unwrap();
    client.attach_user_policy().user_name(user).policy_arn(&policy).send().await.unwrap();
    client.create_group().group_name("students").send().await.unwrap();
    client.add_user_to_group().user_name(user).group_name("students").send().await.unwrap();
    let upload = client.upload_ssh_public_key().user_name(user).ssh_public_key_body("ssh-rsa AAAAB3NzaC1yc2E example");
    let ssh_key = upload.send().await.unwrap().ssh_public_key.unwrap().ssh_public_key_id;
    let device = client.create_virtual_mfa_device().virtual_mfa_device_name("phone").send().await.unwrap().virtual_mfa_device.unwrap().serial_number;
    client.enable_mfa_device().user_name(user).serial_number(&device).authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
    let belongings =
        Belongings { inline_policies: vec!["own".to_owned()], attached_policies: vec![policy], groups: vec!["students".to_owned()], mfa_devices: vec![device] };
    (belongings, Belonging::SshKey(ssh_key))
}

/// What a halt would do to these users.
fn plan(account: &AccountId, users: Vec<User>, response: UserResponse) -> Vec<Action> {
    let policy = serde_json::json!({
        "payer": "123456789012",
        "organization": { "id": common::ORGANIZATION },
        "defaults": { "limits": { "instances": 4 }, "contain": { "users": response }, "notify": ["guard@example.edu"] },
    });
    let policy = Policy::from_json(&policy.to_string()).unwrap().for_account(account);
    let mut observation = Observation::new(account.clone());
    observation.users = Users::Looked(Ok(users));
    planner::plan(&policy, &observation, &Circumstances::at(Timestamp::UNIX_EPOCH)).actions().cloned().collect()
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_user_with_all_its_belongings_is_deleted() {
    let account = account("100000000006");
    let (belongings, ssh_key) = furnish(&aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await), "mallory").await;
    let ports = adapters();
    let mut users = ports.observer.users(&account, UserDetail::Everything).await.unwrap();
    assert_eq!(users.len(), 1);
    let user = &mut users[0];
    assert_eq!((user.lockout.clone(), user.keys.as_ref().map(Vec::len), user.console.clone()), (Ok(Lockout::Absent), Ok(2), Ok(true)));
    assert_eq!(user.belongings, Some(Ok(belongings)));
    // moto has no service-specific credentials. What cannot be read makes the whole unknown, never empty; a scripted test reads the lists.
    assert_eq!(user.others.as_ref().unwrap_err().operation, "iam:ListServiceSpecificCredentials");
    user.others = Ok(vec![OtherCredential { credential: ssh_key, active: true, created: None }]);

    // Two passes: first all that hangs on it, then, once a look shows it bare, our deny and the user.
    let mut actions = plan(&account, users, UserResponse::DeleteUsers);
    for action in &actions {
        assert_eq!(ports.actuator.perform(&account, action).await, Ok(Performed::Done), "{action}");
    }
    let mut bare = ports.observer.users(&account, UserDetail::Everything).await.unwrap();
    bare[0].others = Ok(Vec::new());
    let last = plan(&account, bare, UserResponse::DeleteUsers);
    assert_eq!(last.last(), Some(&Action::DeleteUser { user: UserName::new("mallory") }));
    for action in &last {
        assert_eq!(ports.actuator.perform(&account, action).await, Ok(Performed::Done), "{action}");
    }
    actions.extend(last);
    assert_eq!(ports.observer.users(&account, UserDetail::Everything).await.unwrap(), []);
    // All over again: nothing is left to do, and that is no failure.
    for action in actions.iter().filter(|action| !matches!(action, Action::DenyUser { .. })) {
        assert_eq!(ports.actuator.perform(&account, action).await, Ok(Performed::AlreadySo), "{action}");
    }
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_lockout_is_recognized_and_so_is_an_altered_one() {
    let account = account("100000000007");
    let client = aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await);
    client.create_user().user_name("ann").send().await.unwrap();
    client.create_access_key().user_name("ann").send().await.unwrap();
    client.create_login_profile().user_name("ann").password("Correct-Horse-1").send().await.unwrap();
    let ports = adapters();
    let look = async || ports.observer.users(&account, UserDetail::Credentials).await.unwrap().remove(0);

    for action in plan(&account, vec![look().await], UserResponse::Deactivate) {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
    }
    let ann = look().await;
    assert_eq!((ann.lockout.clone(), ann.console.clone()), (Ok(Lockout::InForce), Ok(false)));
    assert!(ann.keys.as_ref().unwrap().iter().all(|key| !key.active));
    assert_eq!(plan(&account, vec![ann], UserResponse::Deactivate), [], "a plan that was carried out leaves nothing to plan");

    // A release takes back what it names.
    let (user, key) = (UserName::new("ann"), look().await.keys.unwrap().remove(0).id);
    for action in [Action::LiftDeny { user: user.clone() }, Action::ActivateKey { user, key }] {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
    }
    let ann = look().await;
    assert_eq!((ann.lockout, ann.keys.unwrap()[0].active), (Ok(Lockout::Absent), true));

    let softened = r#"{"Version":"2012-10-17","Statement":[{"Sid":"RunawayTrainLockout","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    client.put_user_policy().user_name("ann").policy_name(planner::LOCKOUT_POLICY).policy_document(softened).send().await.unwrap();
    assert_eq!(look().await.lockout, Ok(Lockout::Altered));
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn certificates_and_ssh_keys_are_closed_and_opened_again() {
    let account = account("100000000013");
    let client = aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await);
    client.create_user().user_name("ann").send().await.unwrap();
    let upload = client.upload_ssh_public_key().user_name("ann").ssh_public_key_body("ssh-rsa AAAAB3NzaC1yc2E example");
    let ssh_key = Belonging::SshKey(upload.send().await.unwrap().ssh_public_key.unwrap().ssh_public_key_id);
    let upload = client.upload_signing_certificate().user_name("ann").certificate_body(CERTIFICATE);
    let certificate = Belonging::Certificate(upload.send().await.unwrap().certificate.unwrap().certificate_id);

    // Not through the observer: moto has no service-specific credentials, so it cannot tell what else there is.
    let status = async || {
        let keys = client.list_ssh_public_keys().user_name("ann").send().await.unwrap().ssh_public_keys.unwrap();
        let certificates = client.list_signing_certificates().user_name("ann").send().await.unwrap().certificates;
        (keys[0].status.clone(), certificates[0].status.clone())
    };
    let (ports, user) = (adapters(), UserName::new("ann"));
    let of_each = |action: fn(UserName, Belonging) -> Action| [&ssh_key, &certificate].map(|credential| action(user.clone(), credential.clone()));
    assert_eq!(status().await, (StatusType::Active, StatusType::Active));
    for action in of_each(|user, credential| Action::DeactivateCredential { user, credential }) {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
    }
    assert_eq!(status().await, (StatusType::Inactive, StatusType::Inactive));
    for action in of_each(|user, credential| Action::ActivateCredential { user, credential }) {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
    }
    assert_eq!(status().await, (StatusType::Active, StatusType::Active));
    for action in of_each(|user, belonging| Action::RemoveBelonging { user, belonging }) {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
    }
    // What is gone cannot be used; to give it back is another matter.
    let [gone, _] = of_each(|user, credential| Action::DeactivateCredential { user, credential });
    assert_eq!(ports.actuator.perform(&account, &gone).await, Ok(Performed::AlreadySo));
    let [gone, _] = of_each(|user, credential| Action::ActivateCredential { user, credential });
    assert_eq!(ports.actuator.perform(&account, &gone).await.unwrap_err().kind, FailureKind::NotFound);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn role_sessions_are_revoked_denied_and_given_back() {
    let account = account("100000000014");
    let client = aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    client.create_role().role_name("worker").assume_role_policy_document(trust).send().await.unwrap();
    client.create_service_linked_role().aws_service_name("spot.amazonaws.com").send().await.unwrap();
    let (ports, role) = (adapters(), RoleName::new("worker"));
    let lock = async || {
        let roles = ports.observer.roles(&account).await.unwrap();
        assert!(roles.iter().any(|role| role.path.starts_with("/aws-service-role/") && role.lock == Ok(RoleLock::Absent)));
        roles.into_iter().find(|role| role.name.as_str() == "worker").unwrap().lock.unwrap()
    };
    assert_eq!(lock().await, RoleLock::Absent);
    let before = "2026-11-22T03:00:00Z".parse().unwrap();
    let steps = [
        (Action::RevokeSessions { role: role.clone(), before }, RoleLock::RevokedBefore(before)),
        (Action::DenyRole { role: role.clone() }, RoleLock::Denied),
        (Action::LiftRole { role: role.clone() }, RoleLock::Absent),
    ];
    for (action, expected) in steps {
        assert_eq!(ports.actuator.perform(&account, &action).await, Ok(Performed::Done), "{action}");
        assert_eq!(lock().await, expected, "{action}");
    }
    assert_eq!(ports.actuator.perform(&account, &Action::LiftRole { role }).await, Ok(Performed::AlreadySo));

    let softened = r#"{"Version":"2012-10-17","Statement":[{"Sid":"RunawayTrainRevoke","Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
    client.put_role_policy().role_name("worker").policy_name(planner::REVOKE_POLICY).policy_document(softened).send().await.unwrap();
    assert_eq!(lock().await, RoleLock::Altered);
}
