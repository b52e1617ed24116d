//! What launches instances by itself: Auto Scaling groups, fleets, Spot requests. A thief's instances come back through
//! these.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{FleetId, GroupName, SpotRequestId};

/// What would launch again in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launchers {
    /// Auto Scaling groups, all of them: an empty one is one call away from a hundred instances.
    pub groups: Vec<Group>,
    /// EC2 fleets and Spot fleets that replace what they lose, those that want nothing at present among them.
    pub fleets: Vec<Fleet>,
    /// Spot requests that are not closed, cancelled or failed.
    pub spot_requests: Vec<SpotRequest>,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Whether all of its processes are suspended. With only `Launch` suspended it would still terminate what is
    /// stopped: evidence lost.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>
    pub suspended: bool,
    /// When it was made; `None` where AWS does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// Which of the two kinds of fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FleetKind {
    /// An EC2 Fleet.
    Ec2,
    /// A Spot Fleet.
    Spot,
}

/// A fleet of type `maintain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// Its id.
    pub id: FleetId,
    /// Its kind.
    pub kind: FleetKind,
    /// The capacity that it wants; 0 is disarmed.
    pub target: u64,
    /// When it was made; `None` where AWS does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// A Spot request that may still launch something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotRequest {
    /// Its id.
    pub id: SpotRequestId,
    /// Whether it is not fulfilled yet (`open`). An `active` one has its instance, a `disabled` one's instance is
    /// stopped: to cancel that would terminate it.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html>
    pub open: bool,
    /// Whether it asks again when its instance ends.
    pub persistent: bool,
}
