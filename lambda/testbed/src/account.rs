use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::{AccessKey, Lockout};
use runawaytrain_core::ids::{InstanceId, KeyId, Region, UserName};
use runawaytrain_core::plan::Belonging;
use runawaytrain_engine::ports::Lifecycle;
use tokio::time::Instant;

/// Why an instance refuses to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stubborn {
    /// Stop protection (`disableApiStop`).
    Protected,
    /// A one-time Spot instance, or one with an instance-store root.
    Unstoppable,
    /// It is listed, but StopInstances does not know it: eventual consistency at its worst.
    Phantom,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Pending until it runs; it cannot be stopped before.
    Pending(Instant),
    /// Running.
    Running,
    /// Stopping or stopped: it costs nothing and is not seen.
    Stopped,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct SimInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its type.
    pub instance_type: String,
    /// Its life.
    pub life: Life,
    /// Why it refuses to stop.
    pub stubborn: Option<Stubborn>,
    /// The service that manages it.
    pub managed_by: Option<String>,
}

impl SimInstance {
    pub(crate) fn settle(&mut self) {
        if let Life::Pending(until) = self.life
            && Instant::now() >= until
        {
            self.life = Life::Running;
        }
    }

    /// Whether it costs money.
    pub fn is_billable(&self) -> bool {
        self.life != Life::Stopped
    }

    /// What StopInstances says of it alone.
    pub(crate) fn refusal(&self) -> Option<FailureKind> {
        match self.stubborn {
            Some(Stubborn::Protected) => Some(FailureKind::Protected),
            Some(Stubborn::Unstoppable) => Some(FailureKind::Unsupported),
            Some(Stubborn::Phantom) => Some(FailureKind::NotFound),
            None if self.managed_by.is_some() => Some(FailureKind::Protected),
            None if matches!(self.life, Life::Pending(_)) => Some(FailureKind::WrongState),
            None => None,
        }
    }
}

/// An IAM user.
#[derive(Debug, Clone)]
pub struct SimUser {
    /// Our deny on it.
    pub lockout: Lockout,
    /// Its keys.
    pub keys: Vec<AccessKey>,
    /// Whether it has a console password.
    pub console: bool,
    /// What IAM wants removed before it goes, the lockout policy aside.
    pub belongings: BTreeSet<Belonging>,
    /// When it was made.
    pub created: Timestamp,
}

impl SimUser {
    /// Whether any credential of it still opens anything.
    pub fn can_act(&self) -> bool {
        self.lockout != Lockout::InForce && (self.console || self.keys.iter().any(|key| key.active))
    }
}

/// An account.
#[derive(Debug, Clone)]
pub struct SimAccount {
    /// Its name in Organizations.
    pub name: String,
    /// Its life there.
    pub lifecycle: Lifecycle,
    /// Whether our role is in it.
    pub enrolled: bool,
    /// Its enabled regions and what runs there.
    pub regions: BTreeMap<Region, Vec<SimInstance>>,
    /// Its users.
    pub users: BTreeMap<UserName, SimUser>,
    launched: u32,
}

impl SimAccount {
    /// An enrolled account with empty regions.
    pub fn new(name: &str, regions: &[&str]) -> Self {
        let regions = regions.iter().map(|region| (Region::new(*region), Vec::new())).collect();
        Self { name: name.to_owned(), lifecycle: Lifecycle::Active, enrolled: true, regions, users: BTreeMap::new(), launched: 0 }
    }

    /// Adds running instances.
    #[must_use]
    pub fn running(mut self, region: &str, number: u32, instance_type: &str) -> Self {
        for _ in 0..number {
            self.launch(region, instance_type, Life::Running);
        }
        self
    }

    /// Adds an instance and gives its id. The region must be enabled.
    pub fn launch(&mut self, region: &str, instance_type: &str, life: Life) -> InstanceId {
        self.launched += 1;
        let id = InstanceId::new(format!("i-{:017x}", self.launched));
        let instance = SimInstance { id: id.clone(), instance_type: instance_type.to_owned(), life, stubborn: None, managed_by: None };
        self.regions.get_mut(&Region::new(region)).unwrap_or_else(|| panic!("{region} is not enabled")).push(instance);
        id
    }

    /// Adds a user with active keys and, if wished, a console password.
    #[must_use]
    pub fn user(mut self, name: &str, keys: u32, console: bool) -> Self {
        let key = |number| AccessKey { id: KeyId::new(format!("AKIA{}{number}", name.to_uppercase())), active: true, created: None };
        let user = SimUser { lockout: Lockout::Absent, keys: (0..keys).map(key).collect(), console, belongings: BTreeSet::new(), created: Timestamp::UNIX_EPOCH };
        self.users.insert(UserName::new(name), user);
        self
    }

    /// Everything that costs money, by region.
    pub fn billable(&self) -> impl Iterator<Item = (&Region, &SimInstance)> {
        self.regions.iter().flat_map(|(region, list)| list.iter().filter(|instance| instance.is_billable()).map(move |instance| (region, instance)))
    }

    /// An instance by its id.
    pub fn instance(&mut self, id: &InstanceId) -> Option<&mut SimInstance> {
        self.regions.values_mut().flatten().find(|instance| instance.id == *id)
    }
}
