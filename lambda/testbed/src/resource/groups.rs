//! Auto Scaling groups: they replace members that are not running, through a service-linked role that no SCP binds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::groups::{Action, Group};
use runawaytrain_core::resource::instances::Launcher;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{GroupName, InstanceId};
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::{Answer, refused};
use crate::resource::instances::{Launches, Life, SimInstance};
use crate::resource::view::View;
use crate::time::ago;
use crate::tokens::Tokens;

/// Groups a page.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
pub const GROUPS_A_PAGE: usize = 100;

/// The Auto Scaling groups of a region.
pub type SimGroups = BTreeMap<GroupName, SimGroup>;

/// An Auto Scaling group.
#[derive(Debug, Clone)]
pub struct SimGroup {
    /// How many members it wants.
    pub desired: u32,
    /// What it launches.
    pub instance_type: String,
    /// Whether all its processes are suspended.
    pub suspended: bool,
    /// Those that are, where not all of them are.
    pub processes: BTreeSet<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// The processes of a group.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>
const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

impl SimGroup {
    /// A group at work.
    pub fn new(desired: u32, instance_type: &str, created: Timestamp) -> Self {
        let (instance_type, processes) = (instance_type.to_owned(), BTreeSet::new());
        Self { desired, instance_type, suspended: false, processes, created }
    }

    /// What of it is suspended.
    pub fn suspended_processes(&self) -> BTreeSet<String> {
        if self.suspended { PROCESSES.map(str::to_owned).into() } else { self.processes.clone() }
    }

    fn does(&self, process: &str) -> bool {
        !self.suspended && !self.processes.contains(process)
    }
}

pub(crate) fn settle(groups: &SimGroups, instances: &mut Vec<SimInstance>, launches: &mut Launches) {
    // A member that is stopped is unhealthy to its group, which terminates it.
    for instance in instances.iter_mut().filter(|instance| instance.life == Life::Stopped) {
        let group = instance.owner.as_ref().and_then(|owner| groups.get(&GroupName::new(owner)));
        if group.is_some_and(|group| group.does("ReplaceUnhealthy") && group.does("Terminate")) {
            instance.life = Life::Terminated;
        }
    }
    for (name, group) in groups {
        if group.desired > 0 && group.does("Launch") {
            let launcher = Launcher::Group(name.clone());
            launches.fill(instances, &launcher, u64::from(group.desired), &group.instance_type);
        }
    }
}

/// `members` are looked at closely alone.
pub(crate) async fn look<T>(
    view: &impl View<T>,
    depth: Depth,
    of: impl Fn(&T) -> (&SimGroups, &Vec<SimInstance>) + Send + Sync,
) -> Result<Vec<Group>, Failure> {
    let all = |things: &T| {
        let (groups, instances) = of(things);
        let mut members: BTreeMap<&str, BTreeSet<InstanceId>> = BTreeMap::new();
        for known in instances.iter().filter(|known| depth == Depth::Whole && known.life != Life::Terminated) {
            if let Some(owner) = &known.owner {
                members.entry(owner).or_default().insert(known.id.clone());
            }
        }
        let found = |(name, group): (&GroupName, &SimGroup)| {
            let members = members.remove(name.as_str()).unwrap_or_default();
            (name.clone(), (name.clone(), group.clone(), members))
        };
        groups.iter().map(found).collect()
    };
    let found = view.list("autoscaling:DescribeAutoScalingGroups", GROUPS_A_PAGE, all).await?;
    let seen = |(name, group, members): (GroupName, SimGroup, BTreeSet<InstanceId>)| Group {
        name,
        suspended: group.suspended,
        processes: group.suspended_processes(),
        desired: group.desired,
        members,
        created: Some(group.created),
    };
    Ok(found.into_iter().map(seen).collect())
}

/// Auto Scaling has no code of its own for a group that is not there but `ValidationError`.
pub(crate) fn perform(groups: &mut SimGroups, action: &Action) -> Answer {
    let (Action::SuspendGroup { group, .. } | Action::ResumeGroup { group, .. }) = action;
    let group = groups.get_mut(group).ok_or_else(|| refused(action, FailureKind::Invalid))?;
    match action {
        Action::SuspendGroup { .. } => group.suspended = true,
        Action::ResumeGroup { processes, .. } => {
            let left = group.suspended_processes().difference(processes).cloned().collect();
            group.processes = if processes.is_empty() { BTreeSet::new() } else { left };
            group.suspended = false;
        }
    }
    Ok(Performed::Done)
}

/// `group NAME REGION DESIRED TYPE [without PROCESS] [made D]`: `without` is what its people have suspended.
pub(crate) fn read(
    words: &mut Tokens<'_>,
) -> Result<(String, impl FnOnce(&mut SimGroups, Timestamp) + Send + use<>), String> {
    let (name, region, desired, instance_type) = (words.owned()?, words.owned()?, words.number()?, words.owned()?);
    let processes = words.after("without").map(|()| words.owned()).transpose()?.into_iter().collect();
    let age = words.age()?;
    let make = move |groups: &mut SimGroups, now| {
        let group = SimGroup { processes, ..SimGroup::new(desired, &instance_type, ago(now, age)) };
        groups.insert(GroupName::new(name), group);
    };
    Ok((region, make))
}
