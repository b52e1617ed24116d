//! A stage in the simulated organization.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::resource::capacity::Held;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::{
    AccessKey, Credential, Lockout, OtherCredential, UserAttachment, UserAttachments,
};
use runawaytrain_core::vocabulary::ids::{
    AccountId, FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UnitId, UserName,
};
use runawaytrain_engine::ports::Ports;
use runawaytrain_testbed::contract::{Crowd, Filling, Identity, Machine, Stage};
use runawaytrain_testbed::{
    ACCOUNTS_A_PAGE, CONSISTENCY, GROUPS_A_PAGE, INSTANCES_A_PAGE, Lagged, Life, MOST_ATTACHED, ROLE_INLINE,
    ROLES_A_PAGE, SimAccount, SimFleet, SimGroup, SimRole, SimSpotRequest, SimUser, Stubborn, Testbed, USER_INLINE,
    USERS_A_PAGE,
};

const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

pub struct SimStage {
    testbed: Testbed,
    ports: Ports,
    account: AccountId,
    named: AtomicU32,
    /// The path of each unit.
    units: Mutex<BTreeMap<UnitId, String>>,
}

impl SimStage {
    pub fn new() -> Self {
        let (testbed, account) = (Testbed::new(), AccountId::parse("111111111111").unwrap());
        testbed.world.add(&account, SimAccount::new("lab", &REGIONS));
        testbed.world.with_root_access();
        Self { ports: testbed.ports(), testbed, account, named: AtomicU32::new(0), units: Mutex::default() }
    }

    fn inside<T>(&self, change: impl FnOnce(&mut SimAccount) -> T) -> T {
        self.testbed.world.with(&self.account, change)
    }

    fn change_user(&self, name: &UserName, change: impl FnOnce(&mut SimUser)) {
        self.inside(|known| change(known.users.get_mut(name).unwrap()));
    }

    fn change_instance(&self, id: &InstanceId, life: Life) {
        self.inside(|known| known.instance(id).unwrap().life = life);
    }

    fn name(&self, beginning: &str) -> String {
        format!("{beginning}-{}", self.named.fetch_add(1, Ordering::Relaxed))
    }

    fn more_members(&self) -> impl Iterator<Item = String> {
        (0..=ACCOUNTS_A_PAGE).map(|number| {
            let account = AccountId::parse(&format!("3{number:011}")).unwrap();
            self.testbed.world.add(&account, SimAccount::new("member", &REGIONS));
            account.to_string()
        })
    }

    fn attachments(&self) -> UserAttachments {
        UserAttachments {
            inline_policies: vec!["own".to_owned()],
            attached_policies: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
            groups: vec!["students".to_owned()],
            mfa_devices: vec![format!("arn:aws:iam::{}:mfa/phone", self.account)],
        }
    }
}

#[async_trait]
impl Stage for SimStage {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn without_policies(&self) -> Ports {
        self.testbed.world.without_quarantine();
        self.ports.clone()
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    async fn unenrolled(&self) -> AccountId {
        let member = AccountId::parse("222222222222").unwrap();
        let mut account = SimAccount::new("unenrolled", &REGIONS);
        account.enrolled = false;
        self.testbed.world.add(&member, account);
        member
    }

    async fn enroll(&self, account: &AccountId) {
        self.testbed.world.with(account, |known| known.enrolled = true);
    }

    async fn expel(&self, account: &AccountId) {
        self.testbed.world.with(account, |known| known.enrolled = false);
    }

    async fn unit(&self, inside: Option<&UnitId>) -> UnitId {
        let unit = UnitId::parse(&format!("ou-root-{:08}", self.named.fetch_add(1, Ordering::Relaxed))).unwrap();
        let mut units = self.units.lock().unwrap();
        let path = inside.map_or_else(|| unit.to_string(), |outer| format!("{}/{unit}", units[outer]));
        units.insert(unit.clone(), path);
        unit
    }

    async fn put_into(&self, account: &AccountId, unit: &UnitId) {
        let path = self.units.lock().unwrap()[unit].clone();
        self.testbed.world.with(account, |known| known.unit = path);
    }

    async fn crowd(&self, of: Crowd) -> BTreeSet<String> {
        let more_than = |page: usize| (0..=page).map(|number| format!("one-{number}"));
        match of {
            Crowd::Accounts => self.more_members().collect(),
            Crowd::Instances => self.inside(|known| {
                (0..=INSTANCES_A_PAGE)
                    .map(|_| known.launch(REGIONS[0], "t2.micro", Life::Running).to_string())
                    .collect()
            }),
            Crowd::Groups => {
                let group = SimGroup::new(0, "t2.micro", Timestamp::UNIX_EPOCH);
                let names: BTreeSet<String> = more_than(GROUPS_A_PAGE).collect();
                self.inside(|known| {
                    known
                        .region(REGIONS[0])
                        .groups
                        .extend(names.iter().map(|name| (GroupName::new(name), group.clone())))
                });
                names
            }
            Crowd::Users => {
                let names: BTreeSet<String> = more_than(USERS_A_PAGE).collect();
                self.inside(|known| {
                    known
                        .users
                        .extend(names.iter().map(|name| (UserName::new(name), SimUser::new(Timestamp::UNIX_EPOCH))))
                });
                names
            }
            Crowd::Roles => {
                let names: BTreeSet<String> = more_than(ROLES_A_PAGE).collect();
                self.inside(|known| {
                    known
                        .roles
                        .extend(names.iter().map(|name| (RoleName::new(name), SimRole::new(Timestamp::UNIX_EPOCH))))
                });
                names
            }
        }
    }

    async fn launch(&self, region: &Region, machine: Machine) -> InstanceId {
        let life = if machine == Machine::Pending { Life::starting() } else { Life::Running };
        let id = self.inside(|known| known.launch(region.as_str(), "t2.micro", life));
        let persistent = machine == Machine::SpotPersistent;
        if persistent || machine == Machine::SpotOnce {
            let request = SpotRequestId::new(self.name("sir"));
            self.inside(|known| {
                known.region(region.as_str()).spot_requests.insert(
                    request.clone(),
                    SimSpotRequest { persistent, open: false, instance_type: "t2.micro".to_owned() },
                );
                let instance = known.instance(&id).unwrap();
                instance.spot_request = Some(request);
                instance.stubborn = (!persistent).then_some(Stubborn::Unstoppable);
            });
        }
        id
    }

    async fn stop(&self, _: &Region, instance: &InstanceId) {
        self.change_instance(instance, Life::Stopped);
    }

    async fn terminate(&self, _: &Region, instance: &InstanceId) {
        self.change_instance(instance, Life::Terminated);
    }

    async fn group(&self, region: &Region, name: &str) {
        let group = SimGroup::new(0, "t2.micro", Timestamp::UNIX_EPOCH);
        self.inside(|known| known.region(region.as_str()).groups.insert(GroupName::new(name), group));
    }

    async fn host(&self, region: &Region) -> String {
        let id = self.name("h");
        let host = Held { id: id.clone(), instance_type: "m5.large".to_owned(), instances: 1 };
        self.inside(|known| known.region(region.as_str()).capacity.hosts.push(host));
        id
    }

    async fn fleet(&self, region: &Region, kind: FleetKind, target: u64) -> FleetId {
        let id = FleetId::new(self.name(if kind == FleetKind::Ec2 { "fleet" } else { "sfr" }));
        let fleet = SimFleet {
            kind,
            target,
            on_demand: 0,
            instance_type: "t2.micro".to_owned(),
            created: Timestamp::UNIX_EPOCH,
        };
        self.inside(|known| known.region(region.as_str()).fleets.insert(id.clone(), fleet));
        id
    }

    async fn user(&self, name: &str, keys: u32, console: bool) {
        let key = |number| AccessKey {
            id: KeyId::new(format!("AKIA{}{number}", name.to_uppercase())),
            active: true,
            created: None,
        };
        let user = SimUser { keys: (0..keys).map(key).collect(), console, ..SimUser::new(Timestamp::UNIX_EPOCH) };
        self.inside(|known| known.users.insert(UserName::new(name), user));
    }

    async fn furnish(&self, user: &UserName) -> UserAttachments {
        let attachments = self.attachments();
        let of = |ids: &[String], kind: fn(String) -> UserAttachment| ids.iter().cloned().map(kind).collect::<Vec<_>>();
        let all = [
            of(&attachments.inline_policies, UserAttachment::InlinePolicy),
            of(&attachments.attached_policies, UserAttachment::AttachedPolicy),
            of(&attachments.groups, UserAttachment::Group),
            of(&attachments.mfa_devices, UserAttachment::MfaDevice),
        ];
        self.change_user(user, |known| known.attachments.extend(all.into_iter().flatten()));
        attachments
    }

    async fn ssh_key(&self, user: &UserName) -> Credential {
        let credential = Credential::SshKey(self.name("APKA"));
        self.change_user(user, |known| {
            known.others.push(OtherCredential { credential: credential.clone(), active: true, created: None })
        });
        credential
    }

    async fn role(&self, name: &str) {
        let role = SimRole { path: "/service/".to_owned(), ..SimRole::new(Timestamp::UNIX_EPOCH) };
        self.inside(|known| known.roles.insert(RoleName::new(name), role));
    }

    async fn service_role(&self) -> RoleName {
        let name = RoleName::new("AWSServiceRoleForEC2Spot");
        let role =
            SimRole { path: "/aws-service-role/spot.amazonaws.com/".to_owned(), ..SimRole::new(Timestamp::UNIX_EPOCH) };
        self.inside(|known| known.roles.insert(name.clone(), role));
        name
    }

    async fn alter_lockout(&self, user: &UserName) {
        self.change_user(user, |known| {
            known.lockout.write(Lockout::Altered);
        });
    }

    async fn alter_role_lock(&self, role: &RoleName) {
        self.inside(|known| known.roles.get_mut(role).unwrap().lock.write(RoleLock::Altered));
    }

    async fn bound(&self, whom: Identity<'_>) -> String {
        let boundary = "arn:aws:iam::111111111111:policy/students";
        let given = Lagged::new(Some(boundary.to_owned()));
        self.inside(|known| match whom {
            Identity::User(name) => known.users.get_mut(name).unwrap().managed.boundary = given,
            Identity::Role(name) => known.roles.get_mut(name).unwrap().managed.boundary = given,
        });
        boundary.to_owned()
    }

    async fn fill(&self, whom: Identity<'_>, with: Filling) {
        self.inside(|known| match (whom, with) {
            (Identity::User(name), Filling::Inline) => {
                known.users.get_mut(name).unwrap().write_inline("own", USER_INLINE)
            }
            (Identity::User(name), Filling::Attached) => {
                known.users.get_mut(name).unwrap().attach_others(MOST_ATTACHED)
            }
            (Identity::Role(name), Filling::Inline) => known.roles.get_mut(name).unwrap().inline = ROLE_INLINE,
            (Identity::Role(name), Filling::Attached) => known.roles.get_mut(name).unwrap().attached = MOST_ATTACHED,
        });
    }

    async fn can_act(&self, user: &UserName) -> bool {
        tokio::time::sleep(CONSISTENCY).await;
        self.inside(|known| known.users.get(user).unwrap().can_act())
    }
}
