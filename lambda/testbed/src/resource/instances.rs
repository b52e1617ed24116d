//! EC2 instances: they come to run, refuse, stop and end.

use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::resource::instances::{Action, Instance, Launcher, MOST_INSTANCES_A_CALL, Phase, Protection};
use runawaytrain_core::resource::{Act, Depth};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{InstanceId, SpotRequestId};
use runawaytrain_engine::ports::Performed;
use tokio::time::Instant;

use crate::resource::answer::{Answer, refused};
use crate::resource::view::View;
use crate::time::ago;
use crate::tokens::Tokens;

/// Instances a page: what the adapter asks for, a tenth of the most that EC2 gives at a time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
pub const INSTANCES_A_PAGE: usize = 100;

/// From a launch to running.
const LAUNCH: Duration = Duration::from_secs(8);

/// Why an instance refuses to stop, apart from its protections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stubborn {
    /// A one-time Spot instance, or one with an instance-store root: it can only be terminated.
    Unstoppable,
    /// It is listed, but EC2 does not know it when it is named: eventual consistency at its worst.
    Phantom,
}

/// What becomes of a start that EC2 is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StartFate {
    /// It runs.
    #[default]
    Runs,
    /// EC2 has no capacity of its type left, and says so of the whole call without a name.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
    NoCapacity,
    /// EC2 takes it, and it falls back to stopped: its volume's key may not be used.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch-internal.html>
    FallsBack,
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
    /// Terminated: its evidence is gone.
    Terminated,
}

impl Life {
    /// Launched at this moment.
    pub fn starting() -> Self {
        Self::Pending(Instant::now() + LAUNCH)
    }
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
    /// `disableApiStop`.
    pub stop_protected: bool,
    /// `disableApiTermination`.
    pub termination_protected: bool,
    /// The Spot request that it came from.
    pub spot_request: Option<SpotRequestId>,
    /// The group, fleet or request that launched it and launches another when it ends.
    pub owner: Option<String>,
    /// What its tags say of that.
    pub launcher: Option<Launcher>,
    /// A policy denies every call on it.
    pub denied: bool,
    /// The service that manages it.
    pub managed_by: Option<String>,
    /// Its `CpuOptions`, where they are not the type's own: how many cores are switched on, at one thread each.
    pub cores: Option<i32>,
    /// When it was launched, or started last.
    pub launched: Timestamp,
    /// What becomes of its start.
    pub start: StartFate,
}

impl SimInstance {
    /// Whether it costs money.
    pub fn is_billable(&self) -> bool {
        matches!(self.life, Life::Pending(_) | Life::Running)
    }

    /// What StopInstances says of it alone.
    fn refuses_stop(&self) -> Option<FailureKind> {
        match self.stubborn {
            Some(Stubborn::Unstoppable) => Some(FailureKind::Unsupported),
            Some(Stubborn::Phantom) => Some(FailureKind::NotFound),
            None if self.managed_by.is_some() || self.stop_protected => Some(FailureKind::Protected),
            None if matches!(self.life, Life::Pending(_) | Life::Terminated) => Some(FailureKind::WrongState),
            None => None,
        }
    }

    /// What TerminateInstances says of it alone. Stop protection hinders a termination too.
    fn refuses_termination(&self) -> Option<FailureKind> {
        match self.stubborn {
            Some(Stubborn::Phantom) => Some(FailureKind::NotFound),
            _ if self.managed_by.is_some() || self.stop_protected || self.termination_protected => {
                Some(FailureKind::Protected)
            }
            _ => None,
        }
    }

    /// What StartInstances says of it alone.
    fn refuses_start(&self) -> Option<FailureKind> {
        match self.start {
            _ if self.life == Life::Terminated => Some(FailureKind::WrongState),
            StartFate::NoCapacity => Some(FailureKind::QuotaFull),
            StartFate::Runs | StartFate::FallsBack => None,
        }
    }

    fn seen(&self, depth: Depth) -> Option<Instance> {
        let phase = match self.life {
            Life::Pending(_) => Phase::Pending,
            Life::Running => Phase::Running,
            Life::Stopped if depth == Depth::Whole => Phase::Stopped,
            Life::Stopped | Life::Terminated => return None,
        };
        Some(Instance {
            id: self.id.clone(),
            instance_type: self.instance_type.clone(),
            vcpus: Vcpus::of(self.cores, Some(1), &self.instance_type),
            phase,
            spot_request: self.spot_request.clone(),
            launcher: self.launcher.clone(),
            managed_by: self.managed_by.clone(),
            operation: "RunInstances".to_owned(),
            tenancy: Default::default(),
            launched: Some(self.launched),
        })
    }
}

/// How many instances an account has launched: their ids count upwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launches {
    number: u32,
    /// What time it is.
    pub now: Timestamp,
}

impl Launches {
    /// Launches one among the others of its region.
    pub fn launch<'a>(
        &mut self,
        instances: &'a mut Vec<SimInstance>,
        instance_type: &str,
        life: Life,
    ) -> &'a mut SimInstance {
        self.number += 1;
        instances.push(SimInstance {
            id: InstanceId::new(format!("i-{:017x}", self.number)),
            instance_type: instance_type.to_owned(),
            life,
            stubborn: None,
            stop_protected: false,
            termination_protected: false,
            spot_request: None,
            owner: None,
            launcher: None,
            denied: false,
            managed_by: None,
            cores: None,
            launched: self.now,
            start: StartFate::Runs,
        });
        instances.last_mut().expect("just launched")
    }

    /// Launches as many as an owner lacks.
    pub fn fill(&mut self, instances: &mut Vec<SimInstance>, launcher: &Launcher, wanted: u64, instance_type: &str) {
        if wanted == 0 {
            return;
        }
        let owner = match launcher {
            Launcher::Group(group) => group.as_str(),
            Launcher::Fleet(fleet) => fleet.as_str(),
        };
        let is_member = |instance: &&SimInstance| instance.is_billable() && instance.owner.as_deref() == Some(owner);
        let running = instances.iter().filter(is_member).count() as u64;
        for _ in running..wanted {
            let launched = self.launch(instances, instance_type, Life::starting());
            (launched.owner, launched.launcher) = (Some(owner.to_owned()), Some(launcher.clone()));
        }
    }
}

/// Pending ones come to run.
pub(crate) fn settle(instances: &mut [SimInstance]) {
    for instance in instances {
        if let Life::Pending(until) = instance.life
            && Instant::now() >= until
        {
            let falls_back = instance.start == StartFate::FallsBack;
            instance.life = if falls_back { Life::Stopped } else { Life::Running };
        }
    }
}

/// EC2 pages first and filters then: a page may be short, or empty, and not the last.
pub(crate) async fn look(view: &impl View<Vec<SimInstance>>, depth: Depth) -> Result<Vec<Instance>, Failure> {
    let all = |instances: &Vec<SimInstance>| instances.iter().map(|each| (place(&each.id), each.seen(depth))).collect();
    Ok(view.list("ec2:DescribeInstances", INSTANCES_A_PAGE, all).await?.into_iter().flatten().collect())
}

/// Where an instance stands in the list. EC2's ids are random, so a new instance may come to stand anywhere; ours count
/// upwards, and are as good as shuffled when they are read backwards.
fn place(id: &InstanceId) -> String {
    id.as_str().chars().rev().collect()
}

/// A batch is all or nothing, as EC2 does it; it names no more than the first offender. `admit` takes a token an
/// instance. Whether a call that is refused for one of its instances takes tokens for all of them is not documented:
/// here it takes none. Permission is asked for first, instance by instance: to be denied one refuses the whole, and EC2
/// does not say which.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-for-amazon-ec2.html>
pub(crate) fn perform(
    known: &mut [SimInstance],
    action: &Action,
    now: Timestamp,
    admit: impl FnOnce(usize) -> bool,
) -> Answer {
    let (ids, refuses, life): (_, fn(&SimInstance) -> Option<FailureKind>, _) = match action {
        Action::Unprotect { instance, against, .. } => return protect(known, action, instance, *against, false),
        Action::Protect { instance, against, .. } => return protect(known, action, instance, *against, true),
        Action::StopInstances { instances, .. } => (instances, SimInstance::refuses_stop, Life::Stopped),
        Action::TerminateInstances { instances, .. } => (instances, SimInstance::refuses_termination, Life::Terminated),
        Action::StartInstances { instances, .. } => (instances, SimInstance::refuses_start, Life::starting()),
    };
    if known.iter().any(|instance| instance.denied && ids.contains(&instance.id)) {
        return Err(refused(action, FailureKind::Denied));
    }
    assert!(ids.len() <= MOST_INSTANCES_A_CALL, "a batch of {} is throttled for ever", ids.len());
    let offender = ids.iter().find_map(|id| match known.iter().find(|instance| instance.id == *id) {
        None => Some((id, FailureKind::NotFound)),
        Some(instance) => Some((id, refuses(instance)?)),
    });
    if let Some((id, kind)) = offender {
        // EC2 does not say which of them it has no capacity for.
        let named = if kind == FailureKind::QuotaFull { Vec::new() } else { vec![id.to_string()] };
        return Err(Failure { named, ..refused(action, kind) });
    }
    if !admit(ids.len()) {
        return Err(refused(action, FailureKind::Throttled));
    }
    let is_start = matches!(action, Action::StartInstances { .. });
    for instance in known.iter_mut().filter(|instance| ids.contains(&instance.id)) {
        if is_start && instance.is_billable() {
            continue;
        }
        instance.life = life;
        if is_start {
            instance.launched = now;
        }
    }
    Ok(Performed::Done)
}

fn protect(known: &mut [SimInstance], action: &impl Act, id: &InstanceId, against: Protection, on: bool) -> Answer {
    let instance = known.iter_mut().find(|instance| instance.id == *id);
    let instance = instance.ok_or_else(|| refused(action, FailureKind::NotFound))?;
    if instance.denied {
        return Err(refused(action, FailureKind::Denied));
    }
    match against {
        Protection::Stop => instance.stop_protected = on,
        Protection::Termination => instance.termination_protected = on,
    }
    Ok(Performed::Done)
}

/// What it takes to launch some.
type Make = dyn FnOnce(&mut Vec<SimInstance>, &mut Launches) + Send;

/// `run REGION NUMBER TYPE [pending D] [stop-protected] [termination-protected] [unstoppable] [phantom] [managed]
/// [denied] [no-capacity] [falls-back] [made D]`
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<(String, Box<Make>), String> {
    let (region, number, instance_type) = (words.owned()?, words.number()?, words.owned()?);
    let pending = words.after("pending").map(|_| words.duration()).transpose()?;
    let [stop_protected, termination_protected, unstoppable, phantom, managed, denied] =
        ["stop-protected", "termination-protected", "unstoppable", "phantom", "managed", "denied"]
            .map(|word| words.after(word).is_some());
    let start = match (words.after("no-capacity"), words.after("falls-back")) {
        (Some(()), _) => StartFate::NoCapacity,
        (None, Some(())) => StartFate::FallsBack,
        (None, None) => StartFate::Runs,
    };
    let age = words.age()?;
    let make = move |instances: &mut Vec<SimInstance>, launches: &mut Launches| {
        for _ in 0..number {
            let life = pending.map_or(Life::Running, |pending| Life::Pending(Instant::now() + pending));
            let instance = launches.launch(instances, &instance_type, life);
            (instance.stop_protected, instance.termination_protected) = (stop_protected, termination_protected);
            let phantom = phantom.then_some(Stubborn::Phantom);
            instance.stubborn = unstoppable.then_some(Stubborn::Unstoppable).or(phantom);
            instance.denied = denied;
            instance.managed_by = managed.then(|| "eks.amazonaws.com".to_owned());
            instance.start = start;
            instance.launched = ago(instance.launched, age);
        }
    };
    Ok((region, Box::new(make)))
}
