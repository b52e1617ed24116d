//! EC2 instances: they come to run, refuse, stop and end.

use std::time::Duration;

use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::instances::{Action, Instance, Launcher, MOST_INSTANCES_A_CALL, Phase, Protection};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{InstanceId, SpotRequestId};
use runawaytrain_engine::ports::Performed;
use tokio::time::Instant;

use crate::resource::answer::{Answer, refused};
use crate::resource::view::View;
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
        (self.life == Life::Terminated).then_some(FailureKind::WrongState)
    }

    fn seen(&self) -> Option<Instance> {
        let phase = match self.life {
            Life::Pending(_) => Phase::Pending,
            Life::Running => Phase::Running,
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
            launched: None,
        })
    }
}

/// How many instances an account has launched: their ids count upwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launches(u32);

impl Launches {
    /// Launches one among the others of its region.
    pub fn launch<'a>(
        &mut self,
        instances: &'a mut Vec<SimInstance>,
        instance_type: &str,
        life: Life,
    ) -> &'a mut SimInstance {
        self.0 += 1;
        instances.push(SimInstance {
            id: InstanceId::new(format!("i-{:017x}", self.0)),
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
            instance.life = Life::Running;
        }
    }
}

/// EC2 pages first and filters then: a page may be short, or empty, and not the last.
pub(crate) async fn look(view: &impl View<Vec<SimInstance>>) -> Result<Vec<Instance>, Failure> {
    let all = |instances: &Vec<SimInstance>| instances.iter().map(|each| (place(&each.id), each.seen())).collect();
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
pub(crate) fn perform(known: &mut [SimInstance], action: &Action, admit: impl FnOnce(usize) -> bool) -> Answer {
    let (ids, refuses, life): (_, fn(&SimInstance) -> Option<FailureKind>, _) = match action {
        Action::Unprotect { instance, against, .. } => return protect(known, action, instance, *against, false),
        Action::Protect { instance, against, .. } => return protect(known, action, instance, *against, true),
        Action::StopInstances { instances, .. } => (instances, SimInstance::refuses_stop, Life::Stopped),
        Action::TerminateInstances { instances, .. } => (instances, SimInstance::refuses_termination, Life::Terminated),
        Action::StartInstances { instances, .. } => (instances, SimInstance::refuses_start, Life::Running),
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
        return Err(Failure { named: vec![id.to_string()], ..refused(action, kind) });
    }
    if !admit(ids.len()) {
        return Err(refused(action, FailureKind::Throttled));
    }
    known.iter_mut().filter(|instance| ids.contains(&instance.id)).for_each(|instance| instance.life = life);
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
/// [denied]`
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<(String, Box<Make>), String> {
    let (region, number, instance_type) = (words.owned()?, words.number()?, words.owned()?);
    let pending = words.after("pending").map(|_| words.duration()).transpose()?;
    let [stop_protected, termination_protected, unstoppable, phantom, managed, denied] =
        ["stop-protected", "termination-protected", "unstoppable", "phantom", "managed", "denied"]
            .map(|word| words.after(word).is_some());
    let make = move |instances: &mut Vec<SimInstance>, launches: &mut Launches| {
        for _ in 0..number {
            let life = pending.map_or(Life::Running, |pending| Life::Pending(Instant::now() + pending));
            let instance = launches.launch(instances, &instance_type, life);
            (instance.stop_protected, instance.termination_protected) = (stop_protected, termination_protected);
            let phantom = phantom.then_some(Stubborn::Phantom);
            instance.stubborn = unstoppable.then_some(Stubborn::Unstoppable).or(phantom);
            instance.denied = denied;
            instance.managed_by = managed.then(|| "eks.amazonaws.com".to_owned());
        }
    };
    Ok((region, Box::new(make)))
}
