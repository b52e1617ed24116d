//! The kinds of resource: what a thief runs, what relaunches it, and whoever does so.
//!
//! One kind is one file here, one in `aws/resource` and one in `testbed/resource`, and one line in each list. Stages
//! walk over the kinds and name none of them, but for the quarantine: freezing is a stage of its own.

#[macro_use]
mod list;

mod act;
mod case;
mod draft;
mod room;
mod stored;
pub mod target;

pub mod capacity;
pub mod deny_all;
pub mod fleets;
pub mod groups;
pub mod instances;
pub mod quarantine;
pub mod roles;
pub mod root;
pub mod spot_requests;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::measure::price::PriceKey;
use crate::measure::summary::Summary;
use crate::measure::vcpus::Vcpus;
use crate::observation::{Need, Observation, Seen, Subject};
use crate::policy::AccountPolicy;
use crate::resource::target::Target;
use crate::vocabulary::failure::{Failure, FailureKind};
use crate::vocabulary::ids::Region;

pub use act::{Act, Asked, Description, Erasure, Part, Quota, Undo};
pub use case::{Age, Circumstances, Done, HaltCase, Refusals, ReleaseCase, ReleaseRequest, Start, Suspicion, Touched};
pub use draft::{Draft, Lane, SkipReason, Skipped};
pub use room::{Caller, Depth, Resource, Returned, Revival, Scope};

kinds! {
    // In the order in which a halt goes about a region: what would launch again before what runs.
    Quarantine in quarantine,
    Groups in groups,
    Fleets in fleets,
    SpotRequests in spot_requests,
    Instances in instances,
    Capacity in capacity,
    Users in users,
    Roles in roles,
    Root in root,
}

/// What burns money and is no kind here: nobody looks at it, so no halt ends it.
pub const NOT_LOOKED_AT: [&str; 14] = [
    "ECS and Fargate tasks",
    "EKS",
    "SageMaker",
    "Lambda",
    "Bedrock",
    "Batch",
    "EMR",
    "Glue",
    "CodeBuild",
    "Lightsail",
    "WorkSpaces",
    "RDS",
    "Redshift",
    "ElastiCache",
];

/// What lists the regions of an account. It is no kind's: all that are looked at by region wait for it.
pub const DESCRIBE_REGIONS: &str = "ec2:DescribeRegions";

/// What asks AWS's policy simulator whether our role may do what a halt needs. It is no kind's either: it is asked of
/// all calls at once, and changes nothing.
pub const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

impl Kind {
    fn mistaken(self, sight: &Sight) -> Failure {
        let detail = format!("the look answered with {}", sight.kind().name());
        Failure::own(self.first_read(), FailureKind::Other, detail)
    }

    /// What looking at a member account calls there: the regions, every kind, and what a halt may do. A session that
    /// looks is limited to this, whatever the role may do.
    pub fn observe() -> BTreeSet<&'static str> {
        let kinds = Self::ALL.iter().filter(|kind| kind.caller() == Caller::Member);
        kinds.flat_map(|kind| kind.reads()).copied().chain([DESCRIBE_REGIONS, SIMULATE]).collect()
    }

    /// What a halt and its release call in a member account besides.
    pub fn contain() -> BTreeSet<&'static str> {
        let kinds = Self::ALL.iter().filter(|kind| kind.actor() == Caller::Member);
        kinds.flat_map(|kind| kind.calls()).copied().collect()
    }

    /// The call that stands for its look.
    pub fn first_read(self) -> &'static str {
        self.reads().first().copied().unwrap_or(self.name())
    }
}
