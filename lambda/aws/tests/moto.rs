//! The adapters against moto, which pages and refuses as EC2 and Organizations do.
//!
//! Each test has an account of its own in a server that was just started.
#![cfg(test)]

mod common;
mod stage;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{
    FleetLaunchTemplateConfigRequest, FleetLaunchTemplateSpecificationRequest, FleetType, InstanceType,
    RequestLaunchTemplateData, TargetCapacitySpecificationRequest,
};
use aws_sdk_iam::types::StatusType;
use jiff::Timestamp;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan;
use runawaytrain_core::policy::{Policy, UserResponse};
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::users::{
    Action as UserAction, Credential, Lockout, OtherCredential, User, UserAttachments,
};
use runawaytrain_core::resource::{Action, Circumstances, Depth, Kind, Sight, Users};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, FleetId, Region, UserName};
use runawaytrain_engine::ports::{Look, Performed, Ports};
use runawaytrain_testbed::contract::contract;

use common::{Watch, account, address, keys, ports, scene, settings};
use stage::{Accounts, SdkStage};

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

async fn perform(ports: &Ports, account: &AccountId, action: &Action) -> Result<Performed, Failure> {
    ports.actuator.perform(account, action, ports.clock.now()).await
}

async fn users(ports: &Ports, account: &AccountId, depth: Depth) -> Vec<User> {
    match ports.observer.look(account, &Look { depth, ..Look::at(Kind::Users, None) }).await.unwrap() {
        Sight::Users(users) => users,
        other => panic!("{other:?}"),
    }
}

/// moto tells accounts apart by the role that was assumed.
async fn inside(account: &AccountId, region: &str) -> SdkConfig {
    let outside = scene(&moto(), "us-east-1", keys("testing", "testing"));
    let role = format!("arn:aws:iam::{account}:role/scene");
    let given = aws_sdk_sts::Client::new(&outside)
        .assume_role()
        .role_arn(role)
        .role_session_name("scene")
        .send()
        .await
        .unwrap()
        .credentials
        .unwrap();
    let credentials = aws_credential_types::Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "scene",
    );
    scene(&moto(), region, credentials)
}

/// What moto cannot, each with the reason and how it shows.
const BEYOND: &[(&str, &str, &str)] = &[
    ("enabled_regions_are_listed_and_others_are_not", "every region is enabled", "ap-southeast-5"),
    ("an_instance_is_seen_from_its_launch_on", "what is launched runs at once", "Running)]"),
    ("a_spot_instance_names_its_request", "an instance does not name its Spot request", "on a `None` value"),
    (
        "an_ssh_key_is_a_credential_of_its_user",
        "service-specific credentials are missing, so the others are unknown too",
        "iam:ListServiceSpecificCredentials",
    ),
    ("groups_and_fleets_tell_their_age", "it does not say when a fleet was made", "an age is missing"),
    (
        "a_region_without_capacity_reservations_has_none",
        "there are no capacity reservations",
        "ec2:DescribeCapacityReservations",
    ),
    (
        "a_role_that_may_do_everything_is_denied_nothing_by_the_simulator",
        "there is no policy simulator",
        "iam:SimulatePrincipalPolicy",
    ),
    ("what_root_has_not_needs_no_deleting", "there is no AssumeRoot", "left: Err(Unavailable)"),
    ("every_page_of_users_is_read", "users are not paged", "not paged here"),
    ("every_page_of_roles_is_read", "roles with their policies are not paged", "not paged here"),
    ("what_is_terminated_is_neither_stopped_nor_started", "a terminated instance is stopped", "value: Done"),
    ("what_is_still_pending_cannot_be_stopped_yet", "what is launched runs at once", "value: Done"),
    ("one_time_spot_cannot_be_stopped_but_terminated", "one-time Spot is stopped", "value: Done"),
    ("stop_protection_refuses_a_termination_too", "it does not hinder a termination", "value: Done"),
    ("a_group_that_is_not_there_is_invalid", "it breaks over an unknown group", "left: Err(Unavailable)"),
    ("an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on", "ModifyFleet is missing", "left: Err(Unavailable)"),
    (
        "a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back",
        "it breaks over an unknown fleet",
        "left: Err(Unavailable)",
    ),
    (
        "a_quarantine_that_is_as_it_should_be_needs_nothing",
        "a policy is attached twice without a word",
        "left: Ok(Done)",
    ),
    (
        "an_account_without_our_role_denies_everything_but_the_payers_own_calls",
        "every role may be assumed, whether it exists or not",
        "left: None",
    ),
    ("a_role_that_is_made_later_is_picked_up", "every role may be assumed, whether it exists or not", "value: [Region"),
    ("a_role_that_is_deleted_denies_from_then_on", "nothing is enforced", "left: None"),
    ("a_denied_user_can_do_nothing", "nothing is enforced", "left: true"),
    ("an_inactive_key_opens_nothing", "nothing is enforced", "left: true"),
    ("a_user_to_whom_awss_deny_is_attached_can_do_nothing", "nothing is enforced", "left: true"),
    ("a_user_whose_boundary_is_awss_deny_can_do_nothing", "users have no boundaries", "left: Err(Unavailable)"),
    (
        "a_user_that_is_not_there_takes_no_boundary_and_has_none_to_lose",
        "users have no boundaries",
        "left: Err(Unavailable)",
    ),
    (
        "awss_deny_takes_the_place_of_a_users_boundary_which_is_put_back",
        "users have no boundaries",
        "called `Result::unwrap()`",
    ),
    ("awss_deny_is_attached_to_a_user_and_detached", "attachments are listed as boundaries too", "is_boundary: true"),
    ("awss_deny_is_attached_to_a_role_and_detached", "attachments are listed as boundaries too", "is_boundary: true"),
    (
        "a_user_without_room_for_an_inline_policy_takes_an_attached_one",
        "there is no quota of inline policies",
        "left: Ok(Done)",
    ),
    (
        "a_user_without_room_for_an_attached_policy_takes_a_boundary",
        "there is no quota of attached policies",
        "left: Ok(Done)",
    ),
    (
        "a_role_without_room_for_an_inline_policy_takes_an_attached_one",
        "there is no quota of inline policies",
        "left: Ok(Done)",
    ),
    (
        "a_role_without_room_for_an_attached_policy_takes_a_boundary",
        "there is no quota of attached policies",
        "left: Ok(Done)",
    ),
    ("a_services_own_role_cannot_be_changed", "service-linked roles are like all others", "left: Ok(Done)"),
    (
        "an_ssh_key_is_deactivated_activated_and_removed",
        "service-specific credentials are missing, so the others are unknown too",
        "iam:ListServiceSpecificCredentials",
    ),
];

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn the_adapters_keep_the_contract_on_moto() {
    contract(async |_| SdkStage::set(moto(), Accounts::ByRole, account("123456789012")).await, BEYOND).await;
}

/// Makes a user with one of everything that the emulator knows, and returns what hangs on it and its SSH key.
async fn furnish(client: &aws_sdk_iam::Client, user: &str) -> (UserAttachments, Credential) {
    const DOCUMENT: &str =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    client.create_user().user_name(user).send().await.unwrap();
    client.create_access_key().user_name(user).send().await.unwrap();
    client.create_access_key().user_name(user).send().await.unwrap();
    client.create_login_profile().user_name(user).password("Correct-Horse-1").send().await.unwrap();
    client.put_user_policy().user_name(user).policy_name("own").policy_document(DOCUMENT).send().await.unwrap();
    let policy = client
        .create_policy()
        .policy_name("managed")
        .policy_document(DOCUMENT)
        .send()
        .await
        .unwrap()
        .policy
        .unwrap()
        .arn
        .unwrap();
    client.attach_user_policy().user_name(user).policy_arn(&policy).send().await.unwrap();
    client.create_group().group_name("students").send().await.unwrap();
    client.add_user_to_group().user_name(user).group_name("students").send().await.unwrap();
    let upload = client.upload_ssh_public_key().user_name(user).ssh_public_key_body("ssh-rsa AAAAB3NzaC1yc2E example");
    let ssh_key = upload.send().await.unwrap().ssh_public_key.unwrap().ssh_public_key_id;
    let device = client
        .create_virtual_mfa_device()
        .virtual_mfa_device_name("phone")
        .send()
        .await
        .unwrap()
        .virtual_mfa_device
        .unwrap()
        .serial_number;
    client
        .enable_mfa_device()
        .user_name(user)
        .serial_number(&device)
        .authentication_code1("123456")
        .authentication_code2("654321")
        .send()
        .await
        .unwrap();
    let attachments = UserAttachments {
        inline_policies: vec!["own".to_owned()],
        attached_policies: vec![policy],
        groups: vec!["students".to_owned()],
        mfa_devices: vec![device],
    };
    (attachments, Credential::SshKey(ssh_key))
}

/// What a halt would do to these users.
fn planned(account: &AccountId, users: Vec<User>, response: UserResponse) -> Vec<Action> {
    let policy = serde_json::json!({
        "payer": "123456789012",
        "organization": { "id": common::ORGANIZATION },
        "defaults": {
            "limits": { "instances": 4 }, "contain": { "users": response }, "notify": ["guard@example.edu"],
        },
    });
    let policy = Policy::from_json(&policy.to_string()).unwrap().for_account(account, None);
    let mut observation = Observation::new(account.clone());
    observation.see::<Users>(None, Ok(users));
    plan::plan(&policy, &observation, &Circumstances::at(Timestamp::UNIX_EPOCH)).actions().cloned().collect()
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_user_with_all_that_hangs_on_it_is_deleted() {
    let account = account("100000000006");
    let (attachments, ssh_key) =
        furnish(&aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await), "mallory").await;
    let ports = adapters();
    let mut seen = users(&ports, &account, Depth::Whole).await;
    assert_eq!(seen.len(), 1);
    let user = &mut seen[0];
    assert_eq!((user.lockout.clone(), user.attachments.clone()), (Ok(Lockout::Absent), Some(Ok(attachments))));
    let credentials = user.credentials.as_mut().unwrap();
    assert_eq!((credentials.keys.as_ref().map(Vec::len), credentials.console.clone()), (Ok(2), Ok(true)));
    // moto has no service-specific credentials. What cannot be read makes the whole unknown, never empty; a scripted
    // test reads the lists.
    assert_eq!(credentials.others.as_ref().unwrap_err().operation, "iam:ListServiceSpecificCredentials");
    credentials.others = Ok(vec![OtherCredential { credential: ssh_key, active: true, created: None }]);

    // Two passes: first all that hangs on it, then, once a look shows it bare, our deny and the user.
    let mut actions = planned(&account, seen, UserResponse::DeleteUsers);
    for action in &actions {
        assert_eq!(perform(&ports, &account, action).await, Ok(Performed::Done), "{action}");
    }
    let mut bare = users(&ports, &account, Depth::Whole).await;
    bare[0].credentials.as_mut().unwrap().others = Ok(Vec::new());
    let last = planned(&account, bare, UserResponse::DeleteUsers);
    assert_eq!(last.last(), Some(&UserAction::DeleteUser { user: UserName::new("mallory") }.into()));
    for action in &last {
        assert_eq!(perform(&ports, &account, action).await, Ok(Performed::Done), "{action}");
    }
    actions.extend(last);
    assert_eq!(users(&ports, &account, Depth::Whole).await, []);
    // All over again: nothing is left to do, and that is no failure.
    for action in actions.iter().filter(|action| !matches!(action, Action::Users(UserAction::DenyUser { .. }))) {
        assert_eq!(perform(&ports, &account, action).await, Ok(Performed::AlreadyDone), "{action}");
    }
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_lockout_that_was_carried_out_leaves_nothing_to_plan() {
    let account = account("100000000007");
    let client = aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await);
    client.create_user().user_name("ann").send().await.unwrap();
    client.create_access_key().user_name("ann").send().await.unwrap();
    client.create_login_profile().user_name("ann").password("Correct-Horse-1").send().await.unwrap();
    let ports = adapters();
    let look = async || users(&ports, &account, Depth::Usual).await.remove(0);

    for action in planned(&account, vec![look().await], UserResponse::Deactivate) {
        assert_eq!(perform(&ports, &account, &action).await, Ok(Performed::Done), "{action}");
    }
    let ann = look().await;
    let credentials = ann.credentials.as_ref().unwrap();
    assert_eq!((ann.lockout.clone(), credentials.console.clone()), (Ok(Lockout::InForce), Ok(false)));
    assert!(credentials.keys.as_ref().unwrap().iter().all(|key| !key.active));
    assert_eq!(
        planned(&account, vec![ann], UserResponse::Deactivate),
        [],
        "a plan that was carried out leaves nothing to plan"
    );
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn certificates_and_ssh_keys_are_closed_and_opened_again() {
    let account = account("100000000013");
    let client = aws_sdk_iam::Client::new(&inside(&account, "us-east-1").await);
    client.create_user().user_name("ann").send().await.unwrap();
    let upload = client.upload_ssh_public_key().user_name("ann").ssh_public_key_body("ssh-rsa AAAAB3NzaC1yc2E example");
    let ssh_key = Credential::SshKey(upload.send().await.unwrap().ssh_public_key.unwrap().ssh_public_key_id);
    let upload = client.upload_signing_certificate().user_name("ann").certificate_body(CERTIFICATE);
    let certificate = Credential::Certificate(upload.send().await.unwrap().certificate.unwrap().certificate_id);

    // Not through the observer: moto has no service-specific credentials, so it cannot tell what else there is.
    let status = async || {
        let keys = client.list_ssh_public_keys().user_name("ann").send().await.unwrap().ssh_public_keys.unwrap();
        let certificates = client.list_signing_certificates().user_name("ann").send().await.unwrap().certificates;
        (keys[0].status.clone(), certificates[0].status.clone())
    };
    let (ports, user) = (adapters(), UserName::new("ann"));
    let of_each = |action: fn(UserName, Credential) -> UserAction| {
        [&ssh_key, &certificate].map(|credential| Action::from(action(user.clone(), credential.clone())))
    };
    assert_eq!(status().await, (StatusType::Active, StatusType::Active));
    for action in of_each(|user, credential| UserAction::DeactivateCredential { user, credential }) {
        assert_eq!(perform(&ports, &account, &action).await, Ok(Performed::Done), "{action}");
    }
    assert_eq!(status().await, (StatusType::Inactive, StatusType::Inactive));
    for action in of_each(|user, credential| UserAction::ActivateCredential { user, credential }) {
        assert_eq!(perform(&ports, &account, &action).await, Ok(Performed::Done), "{action}");
    }
    assert_eq!(status().await, (StatusType::Active, StatusType::Active));
    for action in of_each(|user, credential| UserAction::DeleteCredential { user, credential }) {
        assert_eq!(perform(&ports, &account, &action).await, Ok(Performed::Done), "{action}");
    }
    // What is gone cannot be used; to give it back is another matter.
    let [gone, _] = of_each(|user, credential| UserAction::DeactivateCredential { user, credential });
    assert_eq!(perform(&ports, &account, &gone).await, Ok(Performed::AlreadyDone));
    let [gone, _] = of_each(|user, credential| UserAction::ActivateCredential { user, credential });
    assert_eq!(perform(&ports, &account, &gone).await.unwrap_err().kind, FailureKind::NotFound);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn an_ec2_fleet_that_maintains_itself_is_seen_and_one_that_does_not_is_left_out() {
    let (account, region) = (account("100000000012"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let data =
        RequestLaunchTemplateData::builder().image_id("ami-12345678").instance_type(InstanceType::T2Micro).build();
    client.create_launch_template().launch_template_name("any").launch_template_data(data).send().await.unwrap();
    let template = FleetLaunchTemplateSpecificationRequest::builder().launch_template_name("any").version("1").build();
    let template = FleetLaunchTemplateConfigRequest::builder().launch_template_specification(template).build();
    let mut ids = Vec::new();
    for fleet_type in [FleetType::Maintain, FleetType::Request] {
        let capacity = TargetCapacitySpecificationRequest::builder().total_target_capacity(2).build();
        let create = client
            .create_fleet()
            .r#type(fleet_type)
            .launch_template_configs(template.clone())
            .target_capacity_specification(capacity);
        ids.push(create.send().await.unwrap().fleet_id.unwrap());
    }
    let fleets = match adapters().observer.look(&account, &Look::at(Kind::Fleets, Some(&region))).await.unwrap() {
        Sight::Fleets(fleets) => fleets,
        other => panic!("{other:?}"),
    };
    let seen: Vec<_> = fleets.into_iter().map(|fleet| (fleet.id, fleet.kind, fleet.target)).collect();
    assert_eq!(seen, [(FleetId::new(ids.remove(0)), FleetKind::Ec2, 2)]);
}
