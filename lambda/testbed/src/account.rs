//! An account, and what is in its regions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::resource::quarantine::Policy;
use runawaytrain_core::resource::root::RootCredentials;
use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId, Region, RoleName, UserName};
use runawaytrain_engine::ports::{Clock, Lifecycle};
use tokio::time::Instant;

use crate::clock::SimClock;
use crate::resource::capacity::SimCapacity;
use crate::resource::fleets::{self, SimFleets};
use crate::resource::groups::{self, SimGroups};
use crate::resource::instances::{self, Launches, Life, SimInstance};
use crate::resource::roles::{SimRole, SimRoles};
use crate::resource::spot_requests::{self, SimSpotRequests};
use crate::resource::users::{SimUser, SimUsers};
use crate::time::{Lagged, since_epoch};

/// What is in a region.
#[derive(Debug, Clone, Default)]
pub struct SimRegion {
    /// Instances, whatever their life.
    pub instances: Vec<SimInstance>,
    /// Auto Scaling groups.
    pub groups: SimGroups,
    /// Fleets.
    pub fleets: SimFleets,
    /// Spot requests that were not cancelled.
    pub spot_requests: SimSpotRequests,
    /// Dedicated Hosts and capacity reservations.
    pub capacity: SimCapacity,
    /// Whether it was disabled: what runs in it runs on and bills, and nobody may call it.
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
    pub disabled: bool,
}

impl SimRegion {
    /// What launches comes after what comes to run, in the order in which a halt goes about them.
    fn settle(&mut self, launches: &mut Launches) {
        instances::settle(&mut self.instances);
        groups::settle(&self.groups, &mut self.instances, launches);
        fleets::settle(&self.fleets, &mut self.instances, launches);
        spot_requests::settle(&mut self.spot_requests, &mut self.instances, launches);
    }
}

/// An account.
#[derive(Debug, Clone)]
pub struct SimAccount {
    /// Its name in Organizations.
    pub name: String,
    /// Its life there.
    pub lifecycle: Lifecycle,
    /// The organizational unit that it is in.
    pub unit: String,
    /// Whether our role is in it.
    pub enrolled: bool,
    /// Whether the quarantine policy is attached; it bites some seconds after.
    pub quarantine: Lagged<bool>,
    /// Whether the policy is that denies invoking models.
    pub models: Lagged<bool>,
    /// Whether the lockdown policy is.
    pub lockdown: Lagged<bool>,
    /// Its enabled regions and what is in them.
    pub regions: BTreeMap<Region, SimRegion>,
    /// Its users.
    pub users: SimUsers,
    /// Its roles.
    pub roles: SimRoles,
    /// What opens it to its root user.
    pub root: RootCredentials,
    /// What AWS estimates that it is charged, where billing alerts are on.
    pub charge: Option<Charge>,
    /// Whether the protect policy covers it: nobody in it may touch what carries our names or StackSets'.
    pub guarded: bool,
    /// How many commitments somebody bought in it: Reserved Instances, Savings Plans. Nobody can give one back.
    pub commitments: u32,
    /// How often a model was invoked in it.
    pub invocations: u32,
    /// Until when somebody in it calls in a loop what our looks call.
    pub(crate) looped_until: Option<Instant>,
    pub(crate) id: Option<AccountId>,
    pub(crate) clock: Option<Arc<SimClock>>,
    launches: Launches,
}

impl SimAccount {
    /// An enrolled account with empty regions.
    pub fn new(name: &str, regions: &[&str]) -> Self {
        let regions = regions.iter().map(|region| (Region::new(*region), SimRegion::default())).collect();
        Self {
            name: name.to_owned(),
            lifecycle: Lifecycle::Active,
            unit: "ou-root-labs0001".to_owned(),
            enrolled: true,
            quarantine: Lagged::new(false),
            models: Lagged::new(false),
            lockdown: Lagged::new(false),
            regions,
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            root: RootCredentials { keys: Some(false), password: Some(false), mfa: Some(false) },
            charge: None,
            guarded: false,
            commitments: 0,
            invocations: 0,
            looped_until: None,
            id: None,
            clock: None,
            launches: Launches::default(),
        }
    }

    /// Adds running instances that are above every suspicion.
    #[must_use]
    pub fn running(mut self, region: &str, number: u32, instance_type: &str) -> Self {
        for _ in 0..number {
            let id = self.launch(region, instance_type, Life::Running);
            if let Some(instance) = self.instance(&id) {
                instance.launched = Timestamp::UNIX_EPOCH;
            }
        }
        self
    }

    /// Adds an instance and gives its id. The region must be enabled.
    pub fn launch(&mut self, region: &str, instance_type: &str, life: Life) -> InstanceId {
        let (of, launches) = self.launching(region);
        launches.launch(&mut of.instances, instance_type, life).id.clone()
    }

    /// What is in an enabled region.
    pub fn region(&mut self, region: &str) -> &mut SimRegion {
        self.launching(region).0
    }

    /// What is in an enabled region, and what counts its launches.
    pub(crate) fn launching(&mut self, region: &str) -> (&mut SimRegion, &mut Launches) {
        self.launches.now = self.now();
        let of = self.regions.get_mut(&Region::new(region)).unwrap_or_else(|| panic!("{region} is not enabled"));
        (of, &mut self.launches)
    }

    /// Adds a user with active keys and, if wished, a console password.
    #[must_use]
    pub fn user(mut self, name: &str, keys: u32, console: bool) -> Self {
        let user = SimUser { console, ..SimUser::with_keys(name, keys, None, Timestamp::UNIX_EPOCH) };
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
        self.launches.now = self.now();
        self.regions.values_mut().for_each(|of| of.settle(&mut self.launches));
    }

    /// The regions in which anybody may call.
    pub fn enabled(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|(_, of)| !of.disabled).map(|(region, _)| region)
    }

    /// Whether somebody in it calls in a loop what our looks call.
    pub(crate) fn is_looped(&self) -> bool {
        self.looped_until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether each of the payer's policies is attached, in the order of [`Policy::ALL`].
    ///
    /// [`Policy::ALL`]: runawaytrain_core::resource::quarantine::Policy::ALL
    pub fn attached_policies(&self) -> [bool; 3] {
        Policy::ALL.map(|policy| *self.attachment(policy).written())
    }

    /// Whether one of the payer's policies is attached.
    pub(crate) fn attachment(&self, policy: Policy) -> &Lagged<bool> {
        match policy {
            Policy::Lockdown => &self.lockdown,
            Policy::Quarantine => &self.quarantine,
            Policy::Models => &self.models,
        }
    }

    pub(crate) fn attachment_mut(&mut self, policy: Policy) -> &mut Lagged<bool> {
        match policy {
            Policy::Lockdown => &mut self.lockdown,
            Policy::Quarantine => &mut self.quarantine,
            Policy::Models => &mut self.models,
        }
    }

    /// Whether nobody in the account may launch, or change identities, any more.
    pub fn is_frozen(&self) -> bool {
        *self.quarantine.in_force()
    }

    /// Its id in its world; one that nobody has before it is in one.
    pub fn own(&self) -> AccountId {
        self.id.clone().unwrap_or_else(|| AccountId::parse("000000000000").expect("an account id"))
    }

    /// The time in its world; the world's beginning before it is in one.
    pub fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(|| since_epoch(0), |clock| clock.now())
    }
}
