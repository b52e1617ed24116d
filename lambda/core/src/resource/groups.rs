//! Auto Scaling groups: they replace what is stopped in them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Standing, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::instances::{Instance, Instances, Launcher, Phase, launchers};
use crate::resource::room::{Depth, Resource, Returned, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::{GroupName, InstanceId, Region};
use crate::vocabulary::text::clean;

/// Auto Scaling groups.
pub struct Groups;

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Whether all of its processes are suspended. With only `Launch` suspended it would still terminate what is
    /// stopped: evidence lost.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>
    pub suspended: bool,
    /// Which of its processes are suspended.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub processes: BTreeSet<String>,
    /// How many members it wants.
    #[serde(default)]
    pub desired: u32,
    /// Its members, whether they run or not. Looked at for a release only.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<InstanceId>,
    /// When it was made; `None` where AWS does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// What changes a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Suspend all processes of a group.
    SuspendGroup {
        /// Where.
        region: Region,
        /// Which.
        group: GroupName,
        /// The processes that were suspended already: they are not ours to resume.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        already: BTreeSet<String>,
    },
    /// Resume them.
    ResumeGroup {
        /// Where.
        region: Region,
        /// Which.
        group: GroupName,
        /// Which processes; all where none is named.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        processes: BTreeSet<String>,
    },
}

const SUSPEND: &str = "autoscaling:SuspendProcesses";
const RESUME: &str = "autoscaling:ResumeProcesses";

impl Act for Action {
    fn describe(&self) -> Description {
        const NOUN: &str = "Auto Scaling group";
        match self {
            Self::SuspendGroup { .. } => Description::new(SUSPEND, Part::Disarm, NOUN, "suspended"),
            Self::ResumeGroup { .. } => Description::new(RESUME, Part::Restart, NOUN, "resumed"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::SuspendGroup { region, group, .. } => {
                Undo::By(Self::ResumeGroup { region, group, processes: BTreeSet::new() })
            }
            Self::ResumeGroup { .. } => Undo::IsUndo,
        }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match self {
            Self::SuspendGroup { group, .. } => Some(Asked::Launch(group.as_str())),
            Self::ResumeGroup { .. } => None,
        }
    }

    /// A thief may resume some of its processes behind the halt: it is the same group all the same.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SuspendGroup { region, group, .. }, Self::SuspendGroup { region: there, group: other, .. })
            | (Self::ResumeGroup { region, group, .. }, Self::ResumeGroup { region: there, group: other, .. }) => {
                (region, group) == (there, other)
            }
            (Self::SuspendGroup { .. }, Self::ResumeGroup { .. })
            | (Self::ResumeGroup { .. }, Self::SuspendGroup { .. }) => false,
        }
    }

    fn region(&self) -> Option<&Region> {
        match self {
            Self::SuspendGroup { region, .. } | Self::ResumeGroup { region, .. } => Some(region),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, region, group) = match self {
            Self::SuspendGroup { region, group, .. } => ("suspend", region, group),
            Self::ResumeGroup { region, group, .. } => ("resume", region, group),
        };
        write!(f, "{verb} Auto Scaling group {} in {region}", clean(group.as_str()))
    }
}

impl Subject for Groups {
    type Sight = Vec<Group>;
    const NAME: &'static str = "Auto Scaling groups";
    const NEED: Need = Need::Halt;
}

impl Resource for Groups {
    type Action = Action;
    const SCOPE: Scope = Scope::Region;
    const READS: &'static [&'static str] = &["autoscaling:DescribeAutoScalingGroups"];
    const CALLS: &'static [&'static str] = &[RESUME, SUSPEND];
    const RELEASE_DEPTH: Depth = Depth::Whole;

    fn target(_: &str) -> Target {
        Target::ScalingGroup
    }

    fn samples() -> Vec<Action> {
        let (region, group) = (Region::new("any"), GroupName::new("any"));
        vec![
            Action::SuspendGroup { region: region.clone(), group: group.clone(), already: BTreeSet::new() },
            Action::ResumeGroup { region, group, processes: BTreeSet::new() },
        ]
    }

    /// All of them: an empty one is one call away from a hundred instances. But five hundred empty ones cost a thief
    /// nothing, so no stop waits for them: only those with members come before their members, then those that want
    /// some, then the empty ones.
    fn plan(
        _: &HaltCase<'_>,
        region: Option<&Region>,
        groups: &Vec<Group>,
        seen: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let Some(region) = region else { return };
        let launchers = launchers(seen, region);
        let has_members = |group: &Group| launchers.contains(&Launcher::Group(group.name.clone()));
        let urgency = |group: &Group| (!has_members(group), group.desired == 0);
        let running = groups.iter().filter(|group| !group.suspended);
        let in_order: BTreeSet<_> = running.map(|group| (urgency(group), suspend(region, group))).collect();
        for ((is_empty, _), suspend) in in_order {
            let add = if is_empty { Draft::add_last } else { Draft::add };
            add(draft, Lane::Region(region.clone()), suspend);
        }
    }

    /// A group launches by itself: it comes back where a start is asked for, and once its members run. It is the
    /// account's machinery, unless it came with the thief.
    fn undo(case: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        for Done { action, suspicion } in &touched.standing {
            let Action::SuspendGroup { region, group: name, already } = action else { continue };
            let groups = seen.of::<Groups>(Some(region));
            let standing = Standing::of(groups, |known| known.name == *name, |known| known.created);
            let found = groups.and_then(Result::ok).and_then(|list| list.iter().find(|known| known.name == *name));
            let ours = found.map(|group| group.processes.difference(already).cloned().collect::<BTreeSet<_>>());
            // Somebody resumed it since.
            if ours.as_ref().is_some_and(BTreeSet::is_empty) {
                continue;
            }
            let start = &case.request.start;
            let is_wanted = start.wants(name.as_str())
                || found.is_some_and(|group| group.members.iter().any(|member| start.wants(member.as_str())));
            let reason = match case.withheld(standing, true, *suspicion, name.as_str()) {
                Some(reason) => Some(reason),
                None if !is_wanted => Some(SkipReason::NotResumed),
                None => found.and_then(|group| waits_for_members(region, group, seen)),
            };
            match reason {
                Some(reason) => draft.skip(format!("Auto Scaling group {name} in {region}"), reason),
                None => {
                    // All of them where all are ours, those that AWS may have added since included.
                    let processes = if already.is_empty() { BTreeSet::new() } else { ours.unwrap_or_default() };
                    let resume = Action::ResumeGroup { region: region.clone(), group: name.clone(), processes };
                    draft.add(Lane::Region(region.clone()), resume);
                }
            }
        }
    }

    fn members(name: &str, seen: &Observation) -> BTreeSet<String> {
        let groups = seen.sights::<Groups>().flat_map(|(_, groups)| groups);
        let named = groups.filter(|group| group.name.as_str() == name);
        named.flat_map(|group| &group.members).map(ToString::to_string).collect()
    }

    fn bring_back(_: &AccountPolicy, done: &[&Action], seen: &Observation, back: &mut Returned) {
        for action in done {
            let Action::ResumeGroup { region, group: name, .. } = action else { continue };
            let groups = seen.of::<Groups>(Some(region)).and_then(Result::ok).into_iter().flatten();
            for group in groups.filter(|group| group.name == *name) {
                let running = seen.of::<Instances>(Some(region)).and_then(Result::ok).into_iter().flatten();
                let running = running.filter(|instance| instance.bills() && group.members.contains(&instance.id));
                back.expected += u64::from(group.desired).saturating_sub(running.count() as u64);
            }
        }
    }

    fn announce(_: &AccountPolicy) -> Option<&'static str> {
        Some("Auto Scaling groups are suspended.")
    }
}

fn suspend(region: &Region, group: &Group) -> Action {
    let already = group.processes.clone();
    Action::SuspendGroup { region: region.clone(), group: group.name.clone(), already }
}

/// Why a group is not resumed yet: a member that is pending or stopped is unhealthy to it, and is terminated.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html>
fn waits_for_members(region: &Region, group: &Group, seen: &Observation) -> Option<SkipReason> {
    match seen.of::<Instances>(Some(region)) {
        Some(Ok(instances)) => {
            let is_idle =
                |instance: &&Instance| instance.phase != Phase::Running && group.members.contains(&instance.id);
            let members = instances.iter().filter(is_idle).count();
            (members > 0).then_some(SkipReason::MembersStopped { members })
        }
        Some(Err(failure)) => Some(SkipReason::unseen(failure)),
        None => Some(SkipReason::not_looked()),
    }
}
