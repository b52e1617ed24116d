//! What was seen of an account, and what could not be seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::identity::{Roles, Users};
use crate::ids::{AccountId, InstanceId, Region, SpotRequestId};
use crate::launchers::Launchers;
use crate::price::{Prices, Tenancy};
use crate::spend::Spend;
use crate::vcpus::Vcpus;

/// Where a billable instance is in its life. Stopping and stopped ones are not observed: they cost no compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Launched, not yet running. It counts: a thief's thousand pending instances bill in seconds.
    Pending,
    /// Running.
    Running,
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

/// What one look brought: the thing itself, or why it could not be seen. Never an empty list in place of a failure.
pub type Seen<T> = Result<T, Failure>;

/// An account as it was seen. It grows region by region while the answers come in; what was never asked is simply not
/// in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Whose it is.
    pub account: AccountId,
    /// Why nothing at all could be seen: the role could not be assumed, or its regions not listed.
    pub unreachable: Option<Failure>,
    /// How many regions the account has enabled, once known.
    pub expected_regions: Option<usize>,
    /// The regions that answered, or failed to.
    pub regions: BTreeMap<Region, Seen<Vec<Instance>>>,
    /// What would launch again, by region, where it was looked at. Like users, it is for a halt and not for a verdict.
    pub launchers: BTreeMap<Region, Seen<Launchers>>,
    /// The roles, where they were looked at.
    pub roles: Roles,
    /// Whether the quarantine policy is attached.
    pub quarantine: Quarantine,
    /// The users, where they were looked at. They are not for a verdict, only for a halt.
    pub users: Users,
    /// What the instances cost, as far as that was asked. One whose price is not here has not been asked for yet.
    pub prices: Prices,
    /// What was spent, as far as that is known. What is not known is no gap: billing lags by hours, and may be switched
    /// off.
    pub spend: Spend,
}

/// Whether the quarantine policy is attached to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quarantine {
    /// Nobody asked: a sweep does not need it, and the policy may not want it.
    NotLooked,
    /// No quarantine policy is deployed, so none can be attached.
    Undeployed,
    /// Attached or not, or why that is not known.
    Looked(Seen<bool>),
}

/// A place that could not be seen, and why. What is counted beside a gap is a lower bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The region's code, `account` for the whole account, or `users` and the like.
    pub at: String,
    /// Why.
    pub failure: Failure,
}

impl Observation {
    /// An account at which nobody has looked yet.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            unreachable: None,
            expected_regions: None,
            regions: BTreeMap::new(),
            launchers: BTreeMap::new(),
            roles: Roles::NotLooked,
            quarantine: Quarantine::NotLooked,
            users: Users::NotLooked,
            prices: Prices::new(),
            spend: Spend::default(),
        }
    }

    /// Every instance seen so far with its region.
    pub fn instances(&self) -> impl Iterator<Item = (&Region, &Instance)> {
        self.regions
            .iter()
            .filter_map(|(region, seen)| Some((region, seen.as_ref().ok()?)))
            .flat_map(|(region, list)| list.iter().map(move |instance| (region, instance)))
    }

    /// Everything that was asked for and not seen.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if let Some(failure) = &self.unreachable {
            gaps.push(Gap { at: "account".to_owned(), failure: failure.clone() });
        }
        for (region, seen) in &self.regions {
            if let Err(failure) = seen {
                gaps.push(Gap { at: region.to_string(), failure: failure.clone() });
            }
        }
        for (region, seen) in &self.launchers {
            if let Err(failure) = seen {
                gaps.push(Gap { at: format!("launchers in {region}"), failure: failure.clone() });
            }
        }
        if let Quarantine::Looked(Err(failure)) = &self.quarantine {
            gaps.push(Gap { at: "quarantine".to_owned(), failure: failure.clone() });
        }
        gaps.extend(self.users.gaps());
        gaps.extend(self.roles.gaps());
        gaps
    }

    /// Whether every region that there is was seen. While it is not, every count is a lower bound.
    pub fn is_whole(&self) -> bool {
        self.unreachable.is_none() && self.coverage().is_full()
    }

    /// Regions seen and regions expected. An account that could not be entered at all counts as one place not seen.
    pub fn coverage(&self) -> Coverage {
        let seen = self.regions.values().filter(|seen| seen.is_ok()).count();
        let expected = self.expected_regions.unwrap_or(self.regions.len()).max(self.regions.len()).max(1);
        Coverage { seen, expected }
    }
}

/// How many account-regions were seen of how many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Account-regions that answered.
    pub seen: usize,
    /// Account-regions that there are; an account that cannot be entered counts as one.
    pub expected: usize,
}

impl Coverage {
    /// Whether every region answered.
    pub fn is_full(self) -> bool {
        self.seen == self.expected && self.expected > 0
    }

    /// In percent, 0 where nothing was expected.
    pub fn percent(self) -> f64 {
        if self.expected == 0 {
            return 0.0;
        }
        // Counts of account-regions stay far below 2^52.
        (self.seen as f64) * 100.0 / (self.expected as f64)
    }
}

impl std::ops::AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.seen += other.seen;
        self.expected += other.expected;
    }
}
