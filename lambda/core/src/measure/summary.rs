//! What runs in an account, summed up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measure::disks::LocalDisks;
use crate::measure::price::Burn;
use crate::vocabulary::ids::Region;

/// What runs in an account. Each kind of resource adds what it counts and costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Instances that count towards the limits.
    pub instances: u64,
    /// Their vCPUs.
    pub vcpus: u64,
    /// What they cost in an hour.
    #[serde(default)]
    pub burn: Burn,
    /// Exempt instances, shown but not counted.
    pub exempt: u64,
    /// All instances by region, exempt ones included; regions without any are left out.
    pub by_region: BTreeMap<Region, u64>,
    /// All instances by type, exempt ones included.
    pub by_type: BTreeMap<String, u64>,
    /// Which of these types have local disks, as far as that is known. Records from before do not have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local_disks: BTreeMap<String, LocalDisks>,
    /// Whether something could not be seen: the true numbers may be higher.
    pub lower_bound: bool,
    /// How many of them count and have no price yet. Not kept: it says how far the look had come, not what ran.
    #[serde(skip)]
    pub unpriced: u64,
}

impl Summary {
    /// Takes in what runs elsewhere.
    pub fn take_in(&mut self, other: &Self) {
        self.instances += other.instances;
        self.vcpus += other.vcpus;
        self.burn.take_in(other.burn);
        self.exempt += other.exempt;
        self.unpriced += other.unpriced;
        self.lower_bound |= other.lower_bound;
        for (region, running) in &other.by_region {
            *self.by_region.entry(region.clone()).or_default() += running;
        }
        for (instance_type, running) in &other.by_type {
            *self.by_type.entry(instance_type.clone()).or_default() += running;
        }
        other.local_disks.iter().for_each(|(instance_type, disks)| self.tell_disks(instance_type, *disks));
    }

    /// Takes in whether a type has local disks, where that is known. To take a disk for none that is there costs the
    /// data: whoever says that there is one is believed.
    pub fn tell_disks(&mut self, instance_type: &str, disks: LocalDisks) {
        if disks != LocalDisks::Unknown {
            let known = self.local_disks.entry(instance_type.to_owned()).or_insert(disks);
            *known = disks.max(*known);
        }
    }

    /// As it is remembered and read back.
    #[must_use]
    pub fn kept(&self) -> Self {
        Self { unpriced: 0, ..self.clone() }
    }
}
