//! An instance as it is seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::measure::price::{PriceKey, Tenancy};
use crate::measure::vcpus::Vcpus;
use crate::vocabulary::ids::{FleetId, GroupName, InstanceId, Region, SpotRequestId};

/// Where an instance is in its life. Stopping and stopped ones cost no compute: only a release looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Launched, not yet running. It counts: a thief's thousand pending instances bill in seconds.
    Pending,
    /// Running.
    Running,
    /// Stopping or stopped.
    Stopped,
}

/// What launched an instance, and launches another in its place when it ends. EC2 says so by tags whose names are
/// reserved to AWS, so nobody in the account can set them or take them off.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Launcher {
    /// An Auto Scaling group.
    Group(GroupName),
    /// An EC2 fleet or a Spot fleet.
    Fleet(FleetId),
}

/// One pending or running EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its type, such as `p5.48xlarge`.
    pub instance_type: String,
    /// Its vCPUs.
    pub vcpus: Vcpus,
    /// Pending or running.
    pub phase: Phase,
    /// The Spot request that it came from; `None` for On-Demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_request: Option<SpotRequestId>,
    /// What launched it and would launch another in its place, if anything would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// The service that manages it (EKS Auto Mode, ECS managed …), if one does: EC2 then refuses to stop it directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// What runs on it, as EC2 bills it, such as `RunInstances` for Linux.
    pub operation: String,
    /// Whose hardware it runs on.
    pub tenancy: Tenancy,
    /// When it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Timestamp>,
}

impl Instance {
    /// Whether it costs compute.
    pub fn bills(&self) -> bool {
        match self.phase {
            Phase::Pending | Phase::Running => true,
            Phase::Stopped => false,
        }
    }

    /// Whether nothing launches another in its place, so that it may be stopped at once.
    pub(super) fn is_loose(&self) -> bool {
        self.launcher.is_none() && self.spot_request.is_none()
    }

    /// What its price depends on.
    pub fn price_key(&self, region: &Region) -> PriceKey {
        PriceKey {
            region: region.clone(),
            instance_type: self.instance_type.clone(),
            operation: self.operation.clone(),
            tenancy: self.tenancy,
        }
    }
}
