//! A stage on an emulator, set with clients of the SDK's own.

mod crowds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_ec2::types::{
    AllocationStrategy, FleetLaunchTemplateConfigRequest, FleetLaunchTemplateSpecificationRequest, FleetType,
    InstanceType, RequestLaunchTemplateData, RequestSpotLaunchSpecification, SpotFleetLaunchSpecification,
    SpotFleetRequestConfigData, SpotInstanceType, TargetCapacitySpecificationRequest,
};
use aws_sdk_organizations::types::PolicyType;
use serde_json::json;

use runawaytrain_aws::{Policies, Settings};
use runawaytrain_core::contract::{EXTERNAL_ID_PREFIX, HOME_REGION, RESPONDER_ROLE};
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::roles::REVOKE_POLICY;
use runawaytrain_core::resource::users::{Credential, LOCKOUT_POLICY, UserAttachments};
use runawaytrain_core::vocabulary::ids::{AccountId, FleetId, InstanceId, Region, RoleName, UnitId, UserName};
use runawaytrain_engine::ports::Ports;
use runawaytrain_testbed::contract::{Crowd, Filling, Identity, Machine, Stage};

use crate::common::{ORGANIZATION, Watch, account, keys, ports, scene, settings};

/// Neither emulator asks whether it exists.
const IMAGE: &str = "ami-12345678";
/// A policy that is not ours.
const SOFTENED: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;

/// How an emulator tells accounts apart.
#[expect(dead_code, reason = "a test is about one emulator")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounts {
    /// By the access key, which is the account's id.
    ByKey,
    /// By the role that was assumed; one payer for all.
    ByRole,
}

pub struct SdkStage {
    endpoint: String,
    accounts: Accounts,
    payer: AccountId,
    member: AccountId,
    people: Credentials,
    ports: Ports,
    keys: Mutex<BTreeMap<UserName, Credentials>>,
    /// How many units were made.
    made: AtomicU32,
}

impl SdkStage {
    /// An organization of this payer with the service control policies and one member.
    pub async fn set(endpoint: String, accounts: Accounts, payer: AccountId) -> Self {
        let organizations = aws_sdk_organizations::Client::new(&payers(&endpoint, accounts, &payer));
        // Where there is one already, that one is meant.
        let _ = organizations.create_organization().send().await;
        let root = organizations.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap();
        let _ =
            organizations.enable_policy_type().root_id(root).policy_type(PolicyType::ServiceControlPolicy).send().await;
        let member = new_member(&organizations, "lab").await;
        let content =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*"}]}"#;
        let policy = async |name: &str| {
            let create =
                organizations.create_policy().name(format!("{name}-{member}")).description(name).content(content);
            let made = create.r#type(PolicyType::ServiceControlPolicy).send().await.unwrap();
            made.policy.unwrap().policy_summary.unwrap().id
        };
        let policies = Policies {
            quarantine: policy("quarantine").await,
            models: policy("models").await,
            lockdown: policy("lockdown").await,
        };
        let people = people_of(&endpoint, accounts, &member).await;
        let ports = connect(&endpoint, accounts, &payer, policies);
        let (keys, made) = (Mutex::default(), AtomicU32::new(0));
        let stage = Self { endpoint, accounts, payer, member: member.clone(), people, ports, keys, made };
        stage.enroll(&member).await;
        stage
    }

    fn config(&self, region: &str) -> SdkConfig {
        scene(&self.endpoint, region, self.people.clone())
    }

    fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.config(region.as_str()))
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.config(HOME_REGION))
    }

    async fn iam_of(&self, account: &AccountId) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&scene(
            &self.endpoint,
            HOME_REGION,
            people_of(&self.endpoint, self.accounts, account).await,
        ))
    }

    async fn managed_policy(&self, name: &str) -> String {
        let create = self.iam().create_policy().policy_name(name).policy_document(SOFTENED);
        create.send().await.unwrap().policy.unwrap().arn.unwrap()
    }

    fn organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&payers(&self.endpoint, self.accounts, &self.payer))
    }
}

/// Whose key the payer's is.
fn payers_key(accounts: Accounts, payer: &AccountId) -> &str {
    match accounts {
        Accounts::ByKey => payer.as_str(),
        Accounts::ByRole => "testing",
    }
}

fn payers(endpoint: &str, accounts: Accounts, payer: &AccountId) -> SdkConfig {
    scene(endpoint, HOME_REGION, keys(payers_key(accounts, payer), "test"))
}

fn connect(endpoint: &str, accounts: Accounts, payer: &AccountId, policies: Policies) -> Ports {
    ports(endpoint, payers_key(accounts, payer), &Settings { policies, ..settings("none", payer) }, Watch::new())
}

/// Credentials of an account's own people, who may do anything.
async fn people_of(endpoint: &str, accounts: Accounts, account: &AccountId) -> Credentials {
    match accounts {
        Accounts::ByKey => keys(account.as_str(), "test"),
        Accounts::ByRole => {
            let outside = scene(endpoint, HOME_REGION, keys("testing", "testing"));
            let assume = aws_sdk_sts::Client::new(&outside)
                .assume_role()
                .role_arn(format!("arn:aws:iam::{account}:role/scene"))
                .role_session_name("scene");
            let given = assume.send().await.unwrap().credentials.unwrap();
            Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), None, "scene")
        }
    }
}

async fn new_member(client: &aws_sdk_organizations::Client, name: &str) -> AccountId {
    let made = client.create_account().account_name(name).email(format!("{name}@example.edu")).send().await.unwrap();
    account(made.create_account_status.unwrap().account_id().unwrap())
}

async fn run(client: &aws_sdk_ec2::Client) -> InstanceId {
    let run = client
        .run_instances()
        .image_id(IMAGE)
        .instance_type(InstanceType::T2Micro)
        .min_count(1)
        .max_count(1)
        .send()
        .await
        .unwrap();
    InstanceId::new(run.instances()[0].instance_id().unwrap())
}

async fn new_role(client: &aws_sdk_iam::Client, name: impl Into<String>) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" },
    }]});
    let create = client.create_role().role_name(name).path("/service/");
    create.assume_role_policy_document(trust.to_string()).send().await.unwrap();
}

/// What everything is permitted by.
/// A policy of so many characters.
fn document_of(length: usize) -> String {
    let document = |resource: &str| {
        serde_json::json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{resource}"),
        }]})
        .to_string()
    };
    document(&"a".repeat(length - document("").len()))
}

fn everything() -> String {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }).to_string()
}

#[async_trait]
impl Stage for SdkStage {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn without_policies(&self) -> Ports {
        connect(&self.endpoint, self.accounts, &self.payer, Policies::default())
    }

    fn account(&self) -> &AccountId {
        &self.member
    }

    async fn unenrolled(&self) -> AccountId {
        new_member(&self.organizations(), "unenrolled").await
    }

    async fn enroll(&self, account: &AccountId) {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.payer) },
            "Condition": { "StringEquals": { "sts:ExternalId": format!("{EXTERNAL_ID_PREFIX}{}", ORGANIZATION) } },
        }]});
        let iam = self.iam_of(account).await;
        iam.create_role()
            .role_name(RESPONDER_ROLE)
            .assume_role_policy_document(trust.to_string())
            .send()
            .await
            .unwrap();
        iam.put_role_policy()
            .role_name(RESPONDER_ROLE)
            .policy_name("Respond")
            .policy_document(everything())
            .send()
            .await
            .unwrap();
    }

    async fn expel(&self, account: &AccountId) {
        let iam = self.iam_of(account).await;
        iam.delete_role_policy().role_name(RESPONDER_ROLE).policy_name("Respond").send().await.unwrap();
        iam.delete_role().role_name(RESPONDER_ROLE).send().await.unwrap();
    }

    async fn unit(&self, inside: Option<&UnitId>) -> UnitId {
        let client = self.organizations();
        let parent = match inside {
            Some(outer) => outer.to_string(),
            None => client.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap(),
        };
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", self.member);
        let made = client.create_organizational_unit().parent_id(parent).name(name).send().await.unwrap();
        UnitId::parse(&made.organizational_unit.unwrap().id.unwrap()).unwrap()
    }

    async fn put_into(&self, account: &AccountId, unit: &UnitId) {
        let client = self.organizations();
        let parents = client.list_parents().child_id(account.as_str()).send().await.unwrap().parents.unwrap();
        let from = parents[0].id().unwrap();
        let moving = client.move_account().account_id(account.as_str()).source_parent_id(from);
        moving.destination_parent_id(unit.as_str()).send().await.unwrap();
    }

    async fn crowd(&self, of: Crowd) -> BTreeSet<String> {
        match of {
            Crowd::Accounts => self.more_accounts().await,
            Crowd::Instances => self.more_instances().await,
            Crowd::Groups => self.more_groups().await,
            Crowd::Users => self.more_users().await,
            Crowd::Roles => self.more_roles().await,
        }
    }

    async fn launch(&self, region: &Region, machine: Machine) -> InstanceId {
        let client = self.ec2(region);
        let spot = match machine {
            Machine::Running | Machine::Pending => return run(&client).await,
            Machine::SpotOnce => SpotInstanceType::OneTime,
            Machine::SpotPersistent => SpotInstanceType::Persistent,
        };
        let specification =
            RequestSpotLaunchSpecification::builder().image_id(IMAGE).instance_type(InstanceType::T2Micro).build();
        let request = client
            .request_spot_instances()
            .spot_price("0.5")
            .r#type(spot)
            .launch_specification(specification)
            .send()
            .await
            .unwrap();
        InstanceId::new(request.spot_instance_requests()[0].instance_id().expect("fulfilled at once"))
    }

    async fn stop(&self, region: &Region, instance: &InstanceId) {
        self.ec2(region).stop_instances().instance_ids(instance.as_str()).send().await.unwrap();
    }

    async fn terminate(&self, region: &Region, instance: &InstanceId) {
        self.ec2(region).terminate_instances().instance_ids(instance.as_str()).send().await.unwrap();
    }

    async fn group(&self, region: &Region, name: &str) {
        let client = aws_sdk_autoscaling::Client::new(&self.config(region.as_str()));
        // There already, after the first.
        let _ = client
            .create_launch_configuration()
            .launch_configuration_name("any")
            .image_id(IMAGE)
            .instance_type("t2.micro")
            .send()
            .await;
        let group = client.create_auto_scaling_group().auto_scaling_group_name(name).launch_configuration_name("any");
        group.min_size(0).max_size(4).availability_zones(format!("{region}a")).send().await.unwrap();
    }

    async fn host(&self, region: &Region) -> String {
        let zone = format!("{region}a");
        let call = self.ec2(region).allocate_hosts().quantity(1).instance_type("m5.large").availability_zone(zone);
        call.send().await.unwrap().host_ids.unwrap().remove(0)
    }

    async fn fleet(&self, region: &Region, kind: FleetKind, target: u64) -> FleetId {
        let (client, target) = (self.ec2(region), i32::try_from(target).unwrap());
        FleetId::new(match kind {
            FleetKind::Ec2 => {
                let data =
                    RequestLaunchTemplateData::builder().image_id(IMAGE).instance_type(InstanceType::T2Micro).build();
                client
                    .create_launch_template()
                    .launch_template_name("any")
                    .launch_template_data(data)
                    .send()
                    .await
                    .unwrap();
                let template =
                    FleetLaunchTemplateSpecificationRequest::builder().launch_template_name("any").version("1").build();
                let template =
                    FleetLaunchTemplateConfigRequest::builder().launch_template_specification(template).build();
                let capacity = TargetCapacitySpecificationRequest::builder().total_target_capacity(target).build();
                let create = client
                    .create_fleet()
                    .r#type(FleetType::Maintain)
                    .launch_template_configs(template)
                    .target_capacity_specification(capacity);
                create.send().await.unwrap().fleet_id.unwrap()
            }
            FleetKind::Spot => {
                let subnet =
                    client.describe_subnets().send().await.unwrap().subnets.unwrap().remove(0).subnet_id.unwrap();
                let specification = SpotFleetLaunchSpecification::builder()
                    .image_id(IMAGE)
                    .instance_type(InstanceType::T2Micro)
                    .subnet_id(subnet)
                    .build();
                let wanted = SpotFleetRequestConfigData::builder()
                    .target_capacity(target)
                    .spot_price("0.5")
                    .allocation_strategy(AllocationStrategy::LowestPrice);
                let wanted = wanted
                    .iam_fleet_role(format!("arn:aws:iam::{}:role/fleet", self.member))
                    .launch_specifications(specification)
                    .build();
                client
                    .request_spot_fleet()
                    .spot_fleet_request_config(wanted)
                    .send()
                    .await
                    .unwrap()
                    .spot_fleet_request_id
                    .unwrap()
            }
        })
    }

    async fn user(&self, name: &str, keys_wanted: u32, console: bool) {
        let client = self.iam();
        client.create_user().user_name(name).send().await.unwrap();
        for _ in 0..keys_wanted {
            let key = client.create_access_key().user_name(name).send().await.unwrap().access_key.unwrap();
            self.keys
                .lock()
                .unwrap()
                .entry(UserName::new(name))
                .or_insert_with(|| keys(&key.access_key_id, &key.secret_access_key));
        }
        if console {
            client.create_login_profile().user_name(name).password("Correct-Horse-1").send().await.unwrap();
        }
    }

    async fn furnish(&self, user: &UserName) -> UserAttachments {
        let (client, user) = (self.iam(), user.as_str());
        client.put_user_policy().user_name(user).policy_name("own").policy_document(SOFTENED).send().await.unwrap();
        let policy = self.managed_policy("managed").await;
        client.attach_user_policy().user_name(user).policy_arn(&policy).send().await.unwrap();
        client.create_group().group_name("students").send().await.unwrap();
        client.add_user_to_group().user_name(user).group_name("students").send().await.unwrap();
        let device = client
            .create_virtual_mfa_device()
            .virtual_mfa_device_name("phone")
            .send()
            .await
            .unwrap()
            .virtual_mfa_device
            .unwrap()
            .serial_number;
        let enable = client.enable_mfa_device().user_name(user).serial_number(&device);
        enable.authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
        UserAttachments {
            inline_policies: vec!["own".to_owned()],
            attached_policies: vec![policy],
            groups: vec!["students".to_owned()],
            mfa_devices: vec![device],
        }
    }

    async fn ssh_key(&self, user: &UserName) -> Credential {
        let upload = self
            .iam()
            .upload_ssh_public_key()
            .user_name(user.as_str())
            .ssh_public_key_body("ssh-rsa AAAAB3NzaC1yc2E example");
        Credential::SshKey(upload.send().await.unwrap().ssh_public_key.unwrap().ssh_public_key_id)
    }

    async fn role(&self, name: &str) {
        new_role(&self.iam(), name).await;
    }

    async fn service_role(&self) -> RoleName {
        let made = self.iam().create_service_linked_role().aws_service_name("spot.amazonaws.com").send().await.unwrap();
        RoleName::new(made.role.unwrap().role_name)
    }

    async fn alter_lockout(&self, user: &UserName) {
        self.iam()
            .put_user_policy()
            .user_name(user.as_str())
            .policy_name(LOCKOUT_POLICY)
            .policy_document(SOFTENED)
            .send()
            .await
            .unwrap();
    }

    async fn alter_role_lock(&self, role: &RoleName) {
        self.iam()
            .put_role_policy()
            .role_name(role.as_str())
            .policy_name(REVOKE_POLICY)
            .policy_document(SOFTENED)
            .send()
            .await
            .unwrap();
    }

    async fn bound(&self, whom: Identity<'_>) -> String {
        let (client, arn) = (self.iam(), self.managed_policy("students").await);
        match whom {
            Identity::User(name) => {
                let put = client.put_user_permissions_boundary().user_name(name.as_str()).permissions_boundary(&arn);
                put.send().await.map(drop).unwrap();
            }
            Identity::Role(name) => {
                let put = client.put_role_permissions_boundary().role_name(name.as_str()).permissions_boundary(&arn);
                put.send().await.map(drop).unwrap();
            }
        }
        arn
    }

    async fn fill(&self, whom: Identity<'_>, with: Filling) {
        const MOST_ATTACHED: usize = 10;
        let client = self.iam();
        match (whom, with) {
            (Identity::User(name), Filling::Inline) => {
                let put = client.put_user_policy().user_name(name.as_str()).policy_name("own");
                put.policy_document(document_of(2_048)).send().await.map(drop).unwrap();
            }
            (Identity::Role(name), Filling::Inline) => {
                let put = client.put_role_policy().role_name(name.as_str()).policy_name("own");
                put.policy_document(document_of(10_240)).send().await.map(drop).unwrap();
            }
            (_, Filling::Attached) => {
                for number in 0..MOST_ATTACHED {
                    let arn = self.managed_policy(&format!("other-{number}")).await;
                    match whom {
                        Identity::User(name) => {
                            let attach = client.attach_user_policy().user_name(name.as_str()).policy_arn(arn);
                            attach.send().await.map(drop).unwrap();
                        }
                        Identity::Role(name) => {
                            let attach = client.attach_role_policy().role_name(name.as_str()).policy_arn(arn);
                            attach.send().await.map(drop).unwrap();
                        }
                    }
                }
            }
        }
    }

    async fn can_act(&self, user: &UserName) -> bool {
        let iam = self.iam();
        // Permitted only while it tries: a policy more would hang on the user.
        iam.put_user_policy()
            .user_name(user.as_str())
            .policy_name("all")
            .policy_document(everything())
            .send()
            .await
            .unwrap();
        let key = self.keys.lock().unwrap().get(user).unwrap().clone();
        let could = aws_sdk_ec2::Client::new(&scene(&self.endpoint, HOME_REGION, key))
            .describe_instances()
            .send()
            .await
            .is_ok();
        iam.delete_user_policy().user_name(user.as_str()).policy_name("all").send().await.unwrap();
        could
    }
}
