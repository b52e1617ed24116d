use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{Belongings, Lockout, User};
use runawaytrain_core::ids::{AccountId, InstanceId, Region};
use runawaytrain_core::observation::{Instance, Phase};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_core::vcpus::Vcpus;
use runawaytrain_engine::ports::{Actuator, Directory, Freshness, Lifecycle, Member, Observer, Performed, UserDetail};
use tokio::time::sleep;

use crate::account::{Life, SimAccount, SimUser};
use crate::clock::SimClock;
use crate::faults::{Fault, failure};

/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(80);
/// How long a call hangs before its caller gives up.
const HANG: Duration = Duration::from_secs(25);

/// A call that changed, or tried to change, an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose account.
    pub account: AccountId,
    /// What.
    pub action: Action,
    /// Virtual time since the testbed began.
    pub after: Duration,
}

/// The organization.
pub struct World {
    clock: Arc<SimClock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    accounts: BTreeMap<AccountId, SimAccount>,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    looks: usize,
}

impl World {
    pub(crate) fn new(clock: Arc<SimClock>) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    /// Adds an account.
    pub fn add(&self, account: &AccountId, of: SimAccount) {
        self.lock().accounts.insert(account.clone(), of);
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Reads or changes an account from outside, as its people or a thief would.
    pub fn with<T>(&self, account: &AccountId, change: impl FnOnce(&mut SimAccount) -> T) -> T {
        change(self.lock().accounts.get_mut(account).unwrap_or_else(|| panic!("no account {account}")))
    }

    /// Every call that was meant to change something, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many reading calls were made.
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }

    /// Every call passes here: it takes its time, and meets its fault.
    async fn pass(&self, operation: &str, account: Option<&AccountId>, region: Option<&Region>) -> Result<(), Failure> {
        sleep(LATENCY).await;
        let met = self.lock().faults.iter_mut().find_map(|fault| fault.meets(operation, account, region).then(|| fault.failure.clone()));
        match met {
            None => Ok(()),
            Some(Some(failure)) => Err(Failure { operation: operation.to_owned(), ..failure }),
            Some(None) => {
                sleep(HANG).await;
                Err(failure(operation, FailureKind::Unavailable))
            }
        }
    }

    /// Enters an account through our role.
    async fn enter(&self, operation: &str, account: &AccountId, region: Option<&Region>) -> Result<(), Failure> {
        let enrolled = self.lock().accounts.get(account).is_some_and(|known| known.enrolled);
        if !enrolled {
            return Err(failure("sts:AssumeRole", FailureKind::Denied));
        }
        self.pass(operation, Some(account), region).await
    }
}

#[async_trait]
impl Directory for World {
    async fn accounts(&self) -> Result<Vec<Member>, Failure> {
        self.pass("organizations:ListAccounts", None, None).await?;
        let member = |(account, known): (&AccountId, &SimAccount)| Member { account: account.clone(), name: known.name.clone(), lifecycle: known.lifecycle.clone() };
        Ok(self.lock().accounts.iter().map(member).collect())
    }
}

#[async_trait]
impl Observer for World {
    async fn regions(&self, account: &AccountId, _: Freshness) -> Result<Vec<Region>, Failure> {
        self.enter("ec2:DescribeRegions", account, None).await?;
        let mut inner = self.lock();
        inner.looks += 1;
        Ok(inner.accounts.get(account).map(|known| known.regions.keys().cloned().collect()).unwrap_or_default())
    }

    async fn instances(&self, account: &AccountId, region: &Region) -> Result<Vec<Instance>, Failure> {
        self.enter("ec2:DescribeInstances", account, Some(region)).await?;
        let mut inner = self.lock();
        inner.looks += 1;
        let Some(list) = inner.accounts.get_mut(account).and_then(|known| known.regions.get_mut(region)) else { return Ok(Vec::new()) };
        let seen = |instance: &mut crate::account::SimInstance| {
            instance.settle();
            let phase = match instance.life {
                Life::Pending(_) => Phase::Pending,
                Life::Running => Phase::Running,
                Life::Stopped => return None,
            };
            let (id, instance_type) = (instance.id.clone(), instance.instance_type.clone());
            let vcpus = Vcpus::of(None, None, &instance_type);
            Some(Instance { id, instance_type, vcpus, phase, managed_by: instance.managed_by.clone(), launched: None })
        };
        Ok(list.iter_mut().filter_map(seen).collect())
    }

    async fn users(&self, account: &AccountId, detail: UserDetail) -> Result<Vec<User>, Failure> {
        self.enter("iam:ListUsers", account, None).await?;
        let keys = self.pass("iam:ListAccessKeys", Some(account), None).await;
        let mut inner = self.lock();
        inner.looks += 1;
        let Some(known) = inner.accounts.get(account) else { return Ok(Vec::new()) };
        let seen = |(name, user): (&_, &SimUser)| User {
            name: Clone::clone(name),
            created: Some(user.created),
            lockout: Ok(user.lockout),
            keys: keys.clone().map(|()| user.keys.clone()),
            console: Ok(user.console),
            belongings: (detail == UserDetail::Everything).then(|| Ok(belongings(user))),
        };
        Ok(known.users.iter().map(seen).collect())
    }
}

fn belongings(user: &SimUser) -> Belongings {
    let mut all = Belongings::default();
    if user.lockout != Lockout::Absent {
        all.inline_policies.push(LOCKOUT_POLICY.to_owned());
    }
    for belonging in &user.belongings {
        let (list, id) = match belonging {
            Belonging::Certificate(id) => (&mut all.certificates, id),
            Belonging::SshKey(id) => (&mut all.ssh_keys, id),
            Belonging::ServiceCredential(id) => (&mut all.service_credentials, id),
            Belonging::MfaDevice(id) => (&mut all.mfa_devices, id),
            Belonging::Group(id) => (&mut all.groups, id),
            Belonging::AttachedPolicy(id) => (&mut all.attached_policies, id),
            Belonging::InlinePolicy(id) => (&mut all.inline_policies, id),
            // A deactivated virtual device belongs to nobody: it hinders nothing.
            Belonging::VirtualMfaDevice(_) => continue,
        };
        list.push(id.clone());
    }
    all
}

#[async_trait]
impl Actuator for World {
    async fn perform(&self, account: &AccountId, action: &Action) -> Result<Performed, Failure> {
        let (operation, region) = match action {
            Action::StopInstances { region, .. } => ("ec2:StopInstances", Some(region)),
            Action::DenyUser { .. } => ("iam:PutUserPolicy", None),
            Action::DeactivateKey { .. } => ("iam:UpdateAccessKey", None),
            Action::DeleteKey { .. } => ("iam:DeleteAccessKey", None),
            Action::DeleteLogin { .. } => ("iam:DeleteLoginProfile", None),
            Action::RemoveBelonging { .. } => ("iam:Delete", None),
            Action::DeleteUser { .. } => ("iam:DeleteUser", None),
            Action::LiftDeny { .. } => ("iam:DeleteUserPolicy", None),
            Action::ActivateKey { .. } => ("iam:UpdateAccessKey", None),
            Action::StartInstances { region, .. } => ("ec2:StartInstances", Some(region)),
        };
        self.lock().calls.push(Call { account: account.clone(), action: action.clone(), after: self.clock.elapsed() });
        self.enter(operation, account, region).await?;
        let mut inner = self.lock();
        let known = inner.accounts.get_mut(account).expect("entered");
        match action {
            Action::StopInstances { region, instances } => stop(known, region, instances),
            Action::StartInstances { region, instances } => start(known, region, instances),
            other => change_user(known, other, operation),
        }
    }
}

/// All or nothing, as EC2 does it; it names no more than the first offender.
fn stop(known: &mut SimAccount, region: &Region, ids: &[InstanceId]) -> Result<Performed, Failure> {
    assert!(!ids.is_empty(), "an empty list of ids means all instances to EC2");
    let no = |kind, id: &InstanceId| Err(Failure { named: vec![id.clone()], ..failure("ec2:StopInstances", kind) });
    let list = known.regions.entry(region.clone()).or_default();
    list.iter_mut().for_each(crate::account::SimInstance::settle);
    for id in ids {
        match list.iter().find(|instance| instance.id == *id) {
            None => return no(FailureKind::NotFound, id),
            Some(instance) => {
                if let Some(kind) = instance.refusal() {
                    return no(kind, id);
                }
            }
        }
    }
    for instance in list.iter_mut().filter(|instance| ids.contains(&instance.id)) {
        instance.life = Life::Stopped;
    }
    Ok(Performed::Done)
}

fn change_user(known: &mut SimAccount, action: &Action, operation: &str) -> Result<Performed, Failure> {
    let name = action.user().expect("a user's action");
    let gone = |was: bool| Ok(if was { Performed::Done } else { Performed::AlreadySo });
    let Some(user) = known.users.get_mut(name) else {
        return if matches!(action, Action::DenyUser { .. }) { Err(failure(operation, FailureKind::NotFound)) } else { Ok(Performed::AlreadySo) };
    };
    match action {
        Action::DenyUser { .. } => user.lockout = Lockout::InForce,
        Action::LiftDeny { .. } => return gone(std::mem::replace(&mut user.lockout, Lockout::Absent) != Lockout::Absent),
        Action::ActivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => known.active = true,
            None => return Err(failure(operation, FailureKind::NotFound)),
        },
        Action::DeactivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => known.active = false,
            None => return Ok(Performed::AlreadySo),
        },
        Action::DeleteKey { key, .. } => {
            let before = user.keys.len();
            user.keys.retain(|known| known.id != *key);
            return gone(user.keys.len() < before);
        }
        Action::DeleteLogin { .. } => return gone(std::mem::take(&mut user.console)),
        Action::RemoveBelonging { belonging: Belonging::InlinePolicy(policy), .. } if policy == LOCKOUT_POLICY => user.lockout = Lockout::Absent,
        Action::RemoveBelonging { belonging, .. } => return gone(user.belongings.remove(belonging)),
        Action::DeleteUser { .. } => {
            let hindered = user.lockout != Lockout::Absent || !user.keys.is_empty() || user.console || !user.belongings.is_empty();
            if hindered {
                return Err(failure(operation, FailureKind::Conflict));
            }
            known.users.remove(name);
        }
        Action::StopInstances { .. } | Action::StartInstances { .. } => {}
    }
    Ok(Performed::Done)
}

fn start(known: &mut SimAccount, region: &Region, ids: &[InstanceId]) -> Result<Performed, Failure> {
    let list = known.regions.entry(region.clone()).or_default();
    if let Some(missing) = ids.iter().find(|id| !list.iter().any(|instance| instance.id == **id)) {
        return Err(Failure { named: vec![missing.clone()], ..failure("ec2:StartInstances", FailureKind::NotFound) });
    }
    for instance in list.iter_mut().filter(|instance| ids.contains(&instance.id)) {
        instance.life = Life::Running;
    }
    Ok(Performed::Done)
}

impl World {
    /// Suspends an account in Organizations.
    pub fn suspend(&self, account: &AccountId) {
        self.with(account, |known| known.lifecycle = Lifecycle::Inactive("SUSPENDED".to_owned()));
    }
}
