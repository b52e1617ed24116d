use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use runawaytrain_core::identity::{AccessKey, Lockout, OtherCredential, RoleLock};
use runawaytrain_core::ids::{FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UserName};
use runawaytrain_core::launchers::FleetKind;
use runawaytrain_core::plan::Belonging;
use runawaytrain_core::spend::Charge;
use runawaytrain_engine::ports::{Clock, Lifecycle};
use tokio::time::Instant;

use crate::clock::SimClock;
use crate::instance::{Life, SimInstance};
use crate::time::{CONSISTENCY, Lagged, since_epoch};

/// An Auto Scaling group: replaces members that are not running, through a service-linked role that no SCP binds.
#[derive(Debug, Clone)]
pub struct SimGroup {
    /// How many members it wants.
    pub desired: u32,
    /// What it launches.
    pub instance_type: String,
    /// Whether all its processes are suspended.
    pub suspended: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// A fleet of type `maintain`: replaces what it loses.
#[derive(Debug, Clone)]
pub struct SimFleet {
    /// Which kind.
    pub kind: FleetKind,
    /// How many it wants.
    pub target: u64,
    /// What it launches.
    pub instance_type: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A Spot request.
#[derive(Debug, Clone)]
pub struct SimSpotRequest {
    /// Whether it asks again when its instance ends.
    pub persistent: bool,
    /// Whether it waits for an instance.
    pub open: bool,
    /// What it launches.
    pub instance_type: String,
}

/// What is in a region.
#[derive(Debug, Clone, Default)]
pub struct SimRegion {
    /// Instances, whatever their life.
    pub instances: Vec<SimInstance>,
    /// Auto Scaling groups.
    pub groups: BTreeMap<GroupName, SimGroup>,
    /// Fleets.
    pub fleets: BTreeMap<FleetId, SimFleet>,
    /// Spot requests that were not cancelled.
    pub spot_requests: BTreeMap<SpotRequestId, SimSpotRequest>,
}

/// An IAM user.
#[derive(Debug, Clone)]
pub struct SimUser {
    /// Our deny on it, which bites some seconds after it was written.
    pub lockout: Lagged<Lockout>,
    /// Its keys, which die some seconds after they were switched off.
    pub keys: Vec<AccessKey>,
    /// Whether it has a console password.
    pub console: bool,
    /// Certificates, SSH keys, service-specific credentials.
    pub others: Vec<OtherCredential>,
    /// What else IAM wants removed before it goes, the lockout policy aside.
    pub belongings: std::collections::BTreeSet<Belonging>,
    /// When it was made.
    pub created: Timestamp,
    /// When the session that somebody holds of it was issued (GetSessionToken), if one does: it outlives key and
    /// password, and only a deny on the user ends it.
    pub session: Option<Timestamp>,
    /// Until when a credential that was just switched off still opens things.
    pub fading: Option<Instant>,
}

impl SimUser {
    /// A user without anything.
    pub fn new(created: Timestamp) -> Self {
        Self {
            lockout: Lagged::new(Lockout::Absent),
            keys: Vec::new(),
            console: false,
            others: Vec::new(),
            belongings: Default::default(),
            created,
            session: None,
            fading: None,
        }
    }

    /// Whether any credential of it still opens anything at this moment.
    pub fn can_act(&self) -> bool {
        let session = match self.lockout.in_force() {
            Lockout::InForce => return false,
            Lockout::SessionsBefore(time) => self.session.is_some_and(|issued| issued >= *time),
            Lockout::Absent | Lockout::Altered => self.session.is_some(),
        };
        session || self.holds_credential() || self.fading.is_some_and(|until| Instant::now() < until)
    }

    /// Whether it has a long-lived credential that is switched on.
    pub fn holds_credential(&self) -> bool {
        self.console || self.keys.iter().any(|key| key.active) || self.others.iter().any(|other| other.active)
    }

    /// A credential was switched off or deleted: it fades.
    pub(crate) fn fade(&mut self) {
        self.fading = Some(Instant::now() + CONSISTENCY);
    }
}

/// An IAM role.
#[derive(Debug, Clone)]
pub struct SimRole {
    /// Its path.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Our policy on it, which bites some seconds after it was written.
    pub lock: Lagged<RoleLock>,
    /// When the session that a thief holds was issued, if one does.
    pub session: Option<Timestamp>,
    /// Whether its trust admits an account outside the organization.
    pub foreign: bool,
}

impl SimRole {
    /// A role at the root path that nobody holds a session of.
    pub fn new(created: Timestamp) -> Self {
        Self { path: "/".to_owned(), created, lock: Lagged::new(RoleLock::Absent), session: None, foreign: false }
    }

    /// Whether the thief's session still opens anything at this moment.
    pub fn can_act(&self) -> bool {
        self.session.is_some_and(|issued| match self.lock.in_force() {
            RoleLock::Denied => false,
            RoleLock::RevokedBefore(time) => issued >= *time,
            RoleLock::Absent | RoleLock::Altered => true,
        })
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
    /// Whether the quarantine policy is attached; it bites some seconds after.
    pub quarantine: Lagged<bool>,
    /// Its enabled regions and what is in them.
    pub regions: BTreeMap<Region, SimRegion>,
    /// Its users.
    pub users: BTreeMap<UserName, SimUser>,
    /// Its roles.
    pub roles: BTreeMap<RoleName, SimRole>,
    /// What AWS estimates that it is charged, where billing alerts are on.
    pub charge: Option<Charge>,
    /// Whether the protect policy covers it: nobody in it may touch what carries our names or StackSets'.
    pub guarded: bool,
    pub(crate) clock: Option<Arc<SimClock>>,
    launched: u32,
}

impl SimAccount {
    /// An enrolled account with empty regions.
    pub fn new(name: &str, regions: &[&str]) -> Self {
        let regions = regions.iter().map(|region| (Region::new(*region), SimRegion::default())).collect();
        Self {
            name: name.to_owned(),
            lifecycle: Lifecycle::Active,
            enrolled: true,
            quarantine: Lagged::new(false),
            regions,
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            charge: None,
            guarded: false,
            clock: None,
            launched: 0,
        }
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
        self.region(region).instances.push(SimInstance::new(id.clone(), instance_type, life));
        id
    }

    /// What is in an enabled region.
    pub fn region(&mut self, region: &str) -> &mut SimRegion {
        self.regions.get_mut(&Region::new(region)).unwrap_or_else(|| panic!("{region} is not enabled"))
    }

    /// Adds a user with active keys and, if wished, a console password.
    #[must_use]
    pub fn user(mut self, name: &str, keys: u32, console: bool) -> Self {
        let key = |number| AccessKey {
            id: KeyId::new(format!("AKIA{}{number}", name.to_uppercase())),
            active: true,
            created: None,
        };
        let user = SimUser { keys: (0..keys).map(key).collect(), console, ..SimUser::new(Timestamp::UNIX_EPOCH) };
        self.users.insert(UserName::new(name), user);
        self
    }

    /// Adds a role; `session` is when the session that a thief holds was issued.
    #[must_use]
    pub fn role(mut self, name: &str, path: &str, session: Option<Timestamp>) -> Self {
        let role = SimRole { path: path.to_owned(), session, ..SimRole::new(Timestamp::UNIX_EPOCH) };
        self.roles.insert(RoleName::new(name), role);
        self
    }

    /// Everything that costs money, by region.
    pub fn billable(&self) -> impl Iterator<Item = (&Region, &SimInstance)> {
        self.regions.iter().flat_map(|(region, of)| {
            of.instances.iter().filter(|instance| instance.is_billable()).map(move |instance| (region, instance))
        })
    }

    /// An instance by its id.
    pub fn instance(&mut self, id: &InstanceId) -> Option<&mut SimInstance> {
        self.regions.values_mut().flat_map(|region| &mut region.instances).find(|instance| instance.id == *id)
    }

    /// Lets time pass: pending instances come to run, groups and fleets replace what they lost, open Spot requests are
    /// fulfilled.
    pub(crate) fn settle(&mut self) {
        for region in self.regions.keys().cloned().collect::<Vec<_>>() {
            let Some(of) = self.regions.get_mut(&region) else { continue };
            of.instances.iter_mut().for_each(SimInstance::settle);
            let running = |owner: &str, of: &SimRegion| {
                of.instances
                    .iter()
                    .filter(|instance| instance.is_billable() && instance.owner.as_deref() == Some(owner))
                    .count()
            };
            let mut missing: Vec<(String, String, u64, Option<SpotRequestId>)> = Vec::new();
            for (name, group) in of.groups.iter().filter(|(_, group)| !group.suspended) {
                let short = u64::from(group.desired).saturating_sub(running(name.as_str(), of) as u64);
                missing.push((name.to_string(), group.instance_type.clone(), short, None));
                // A member that is stopped is unhealthy to its group, which terminates it.
                of.instances
                    .iter_mut()
                    .filter(|instance| {
                        instance.life == Life::Stopped && instance.owner.as_deref() == Some(name.as_str())
                    })
                    .for_each(|instance| instance.life = Life::Terminated);
            }
            for (id, fleet) in &of.fleets {
                missing.push((
                    id.to_string(),
                    fleet.instance_type.clone(),
                    fleet.target.saturating_sub(running(id.as_str(), of) as u64),
                    None,
                ));
            }
            for (id, request) in &mut of.spot_requests {
                if std::mem::take(&mut request.open) {
                    missing.push((id.to_string(), request.instance_type.clone(), 1, Some(id.clone())));
                }
            }
            for (owner, instance_type, number, spot) in missing {
                for _ in 0..number {
                    let id = self.launch(region.as_str(), &instance_type, Life::starting());
                    if let Some(instance) = self.instance(&id) {
                        instance.owner = Some(owner.clone());
                        instance.spot_request.clone_from(&spot);
                    }
                }
            }
        }
    }

    /// Whether nobody in the account may launch, or change identities, any more.
    pub fn is_frozen(&self) -> bool {
        *self.quarantine.in_force()
    }

    /// A moment of this account's clock, for things that a thief makes.
    pub fn moment(seconds: i64) -> Timestamp {
        since_epoch(seconds)
    }

    /// The time in its world; the world's beginning before it is in one.
    pub fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(|| since_epoch(0), |clock| clock.now())
    }
}
