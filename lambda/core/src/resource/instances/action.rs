//! What changes instances.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resource::act::{Act, Asked, Description, Erasure, Part, Quota, Undo, write_batch};
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::{InstanceId, Region};

use super::disks::among;

/// EC2's buckets of instances, as AWS documents them; it raises them on request.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const STOPS: Quota = Quota { at_once: 1000, a_second: 20 };
const STARTS: Quota = Quota { at_once: 1000, a_second: 2 };

/// The most instances in one call: what their bucket holds.
pub const MOST_INSTANCES_A_CALL: usize = 1000;

/// What an instance is protected against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// `disableApiStop`: neither stop nor terminate through the API.
    Stop,
    /// `disableApiTermination`: no terminate through the API.
    Termination,
}

/// What changes instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Take a protection off one instance that refused because of it.
    Unprotect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what it is protected.
        against: Protection,
    },
    /// Stop instances of one region, at most [`MOST_INSTANCES_A_CALL`] of them.
    StopInstances {
        /// Where.
        region: Region,
        /// Which; never empty, for an empty list means *all* to EC2.
        instances: Vec<InstanceId>,
        /// Which of them have local disks, or may have some: a stop erases those. Journals from before do not say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        erases: Vec<Erasure>,
    },
    /// Terminate instances, at most [`MOST_INSTANCES_A_CALL`] of them.
    TerminateInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
    /// Put a protection back.
    Protect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what.
        against: Protection,
    },
    /// Start what was stopped. Only a release that asks for it does this.
    StartInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
}

pub(super) const MODIFY: &str = "ec2:ModifyInstanceAttribute";
pub(super) const START: &str = "ec2:StartInstances";
pub(super) const STOP: &str = "ec2:StopInstances";
pub(super) const TERMINATE: &str = "ec2:TerminateInstances";

impl Act for Action {
    fn describe(&self) -> Description {
        const TAKEN_OFF: &str = "taken off an instance that refused";
        const TERMINATED: &str = "terminated: it could not be stopped";
        match self {
            Self::Unprotect { .. } => Description::new(MODIFY, Part::Prepare, "protection", TAKEN_OFF),
            Self::StopInstances { .. } => Description::new(STOP, Part::Stop, "instance", "stopped"),
            Self::TerminateInstances { .. } => Description::new(TERMINATE, Part::Stop, "instance", TERMINATED),
            Self::Protect { .. } => Description::new(MODIFY, Part::GiveBack, "protection", "put back"),
            Self::StartInstances { .. } => Description::new(START, Part::Restart, "instance", "started"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::Unprotect { region, instance, against } => Undo::By(Self::Protect { region, instance, against }),
            Self::StopInstances { region, instances, .. } => Undo::By(Self::StartInstances { region, instances }),
            Self::TerminateInstances { .. } => Undo::Never,
            Self::Protect { .. } | Self::StartInstances { .. } => Undo::IsUndo,
        }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match self {
            Self::Unprotect { .. } => Some(Asked::Nothing),
            Self::StopInstances { .. } => Some(Asked::Start(self.items())),
            Self::TerminateInstances { .. } | Self::Protect { .. } | Self::StartInstances { .. } => None,
        }
    }

    fn region(&self) -> Option<&Region> {
        match self {
            Self::Unprotect { region, .. }
            | Self::StopInstances { region, .. }
            | Self::TerminateInstances { region, .. }
            | Self::Protect { region, .. }
            | Self::StartInstances { region, .. } => Some(region),
        }
    }

    fn items(&self) -> Vec<&str> {
        match self {
            Self::StopInstances { instances, .. }
            | Self::TerminateInstances { instances, .. }
            | Self::StartInstances { instances, .. } => instances.iter().map(InstanceId::as_str).collect(),
            Self::Unprotect { .. } | Self::Protect { .. } => Vec::new(),
        }
    }

    fn names_nothing(&self) -> bool {
        self.instances().is_empty()
    }

    /// What is known of local disks may be more the second time.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::StopInstances { region, instances, .. },
                Self::StopInstances { region: other_region, instances: others, .. },
            ) => (region, instances) == (other_region, others),
            _ => self == other,
        }
    }

    fn quota(&self) -> Option<Quota> {
        match self {
            Self::StopInstances { .. } | Self::TerminateInstances { .. } => Some(STOPS),
            Self::StartInstances { .. } => Some(STARTS),
            Self::Unprotect { .. } | Self::Protect { .. } => None,
        }
    }

    fn erases(&self) -> &[Erasure] {
        match self {
            Self::StopInstances { erases, .. } => erases,
            Self::Unprotect { .. }
            | Self::TerminateInstances { .. }
            | Self::Protect { .. }
            | Self::StartInstances { .. } => &[],
        }
    }

    fn with_items(&self, some: &[&str]) -> Option<Self> {
        let instances = some.iter().copied().map(InstanceId::new).collect();
        match self {
            Self::StopInstances { region, erases, .. } => {
                Some(Self::StopInstances { region: region.clone(), instances, erases: among(erases, some) })
            }
            Self::TerminateInstances { region, .. } => {
                Some(Self::TerminateInstances { region: region.clone(), instances })
            }
            Self::StartInstances { region, .. } => Some(Self::StartInstances { region: region.clone(), instances }),
            Self::Unprotect { .. } | Self::Protect { .. } => None,
        }
    }

    /// A protection stands in the way of a stop, and either may stand in that of a termination.
    fn clearing(&self, item: &str, refused: FailureKind) -> Vec<Self> {
        let against: &[Protection] = match self {
            Self::StopInstances { .. } => &[Protection::Stop],
            Self::TerminateInstances { .. } => &[Protection::Stop, Protection::Termination],
            Self::Unprotect { .. } | Self::Protect { .. } | Self::StartInstances { .. } => &[],
        };
        let (Some(region), FailureKind::Protected) = (self.region(), refused) else { return Vec::new() };
        let unprotect = |against: &Protection| Self::Unprotect {
            region: region.clone(),
            instance: InstanceId::new(item),
            against: *against,
        };
        against.iter().map(unprotect).collect()
    }
}

impl Action {
    /// The instances that it is about.
    pub fn instances(&self) -> &[InstanceId] {
        match self {
            Self::StopInstances { instances, .. }
            | Self::TerminateInstances { instances, .. }
            | Self::StartInstances { instances, .. } => instances,
            Self::Unprotect { instance, .. } | Self::Protect { instance, .. } => std::slice::from_ref(instance),
        }
    }

    /// The same where it is this call.
    pub(super) fn instances_of(&self, operation: &str) -> &[InstanceId] {
        if self.operation() == operation { self.instances() } else { &[] }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprotect { region, instance, against } => {
                write!(f, "take {against} off instance {instance} in {region}")
            }
            Self::Protect { region, instance, against } => {
                write!(f, "put {against} back on instance {instance} in {region}")
            }
            Self::StopInstances { region, instances, .. } => write_batch(f, "stop", "instance", region, instances),
            Self::TerminateInstances { region, instances } => {
                write_batch(f, "terminate", "instance", region, instances)
            }
            Self::StartInstances { region, instances } => write_batch(f, "start", "instance", region, instances),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "the stop protection",
            Self::Termination => "the termination protection",
        })
    }
}
