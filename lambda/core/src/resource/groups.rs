//! Auto Scaling groups: they replace what is stopped in them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Description, Part, Undo};
use crate::resource::case::{HaltCase, ReleaseCase, Standing};
use crate::resource::draft::{Draft, Lane};
use crate::resource::instances::{Launcher, launchers};
use crate::resource::room::{Resource, Scope};
use crate::vocabulary::ids::{GroupName, Region};
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
    /// How many members it wants.
    #[serde(default)]
    pub desired: u32,
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
    },
    /// Resume them.
    ResumeGroup {
        /// Where.
        region: Region,
        /// Which.
        group: GroupName,
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
            Self::SuspendGroup { region, group } => Undo::By(Self::ResumeGroup { region, group }),
            Self::ResumeGroup { .. } => Undo::IsUndo,
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
            Self::SuspendGroup { region, group } => ("suspend", region, group),
            Self::ResumeGroup { region, group } => ("resume", region, group),
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
        let in_order: BTreeSet<_> = running.map(|group| (urgency(group), &group.name)).collect();
        for ((is_empty, _), group) in in_order {
            let suspend = Action::SuspendGroup { region: region.clone(), group: group.clone() };
            let add = if is_empty { Draft::add_last } else { Draft::add };
            add(draft, Lane::Region(region.clone()), suspend);
        }
    }

    /// To name it is not asked for: it is the account's machinery, unless it came with the thief.
    fn undo(case: &ReleaseCase<'_>, done: &[&Action], seen: &Observation, draft: &mut Draft<Action>) {
        for action in done {
            let (Action::SuspendGroup { region, group }, Undo::By(undo)) = (action, action.undo()) else { continue };
            let groups = seen.of::<Groups>(Some(region));
            match case.withheld(Standing::of(groups, |known| known.name == *group, |known| known.created), true) {
                Some(reason) => draft.skip(format!("Auto Scaling group {group} in {region}"), reason),
                None => draft.add(Lane::Region(region.clone()), undo),
            }
        }
    }

    fn announce(_: &AccountPolicy) -> Option<&'static str> {
        Some("Auto Scaling groups are suspended.")
    }
}
