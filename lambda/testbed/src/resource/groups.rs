//! Auto Scaling groups: they replace members that are not running, through a service-linked role that no SCP binds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runawaytrain_core::resource::groups::{Action, Group};
use runawaytrain_core::resource::instances::Launcher;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::GroupName;
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
    /// When it was made.
    pub created: Timestamp,
}

pub(crate) fn settle(groups: &SimGroups, instances: &mut Vec<SimInstance>, launches: &mut Launches) {
    for (name, group) in groups.iter().filter(|(_, group)| !group.suspended) {
        // A member that is stopped is unhealthy to its group, which terminates it.
        instances
            .iter_mut()
            .filter(|instance| instance.life == Life::Stopped && instance.owner.as_deref() == Some(name.as_str()))
            .for_each(|instance| instance.life = Life::Terminated);
        let launcher = Launcher::Group(name.clone());
        launches.fill(instances, &launcher, u64::from(group.desired), &group.instance_type);
    }
}

pub(crate) async fn look(view: &impl View<SimGroups>) -> Result<Vec<Group>, Failure> {
    let seen = |(name, group): (&GroupName, &SimGroup)| {
        (
            name.clone(),
            Group {
                name: name.clone(),
                suspended: group.suspended,
                desired: group.desired,
                created: Some(group.created),
            },
        )
    };
    let all = |groups: &SimGroups| groups.iter().map(seen).collect();
    view.list("autoscaling:DescribeAutoScalingGroups", GROUPS_A_PAGE, all).await
}

/// Auto Scaling has no code of its own for a group that is not there but `ValidationError`.
pub(crate) fn perform(groups: &mut SimGroups, action: &Action) -> Answer {
    let (group, suspended) = match action {
        Action::SuspendGroup { group, .. } => (group, true),
        Action::ResumeGroup { group, .. } => (group, false),
    };
    groups.get_mut(group).ok_or_else(|| refused(action, FailureKind::Invalid))?.suspended = suspended;
    Ok(Performed::Done)
}

/// `group NAME REGION DESIRED TYPE [made D]`
pub(crate) fn read(
    words: &mut Tokens<'_>,
) -> Result<(String, impl FnOnce(&mut SimGroups, Timestamp) + Send + use<>), String> {
    let (name, region, desired, instance_type) = (words.owned()?, words.owned()?, words.number()?, words.owned()?);
    let age = words.age()?;
    let make = move |groups: &mut SimGroups, now| {
        let group = SimGroup { desired, instance_type, suspended: false, created: ago(now, age) };
        groups.insert(GroupName::new(name), group);
    };
    Ok((region, make))
}
