//! What is remembered of an account's regions, so that whoever keeps us from listing them does not blind us, and a
//! region that disappears is missed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::measure::summary::Summary;
use crate::observation::Observation;
use crate::vocabulary::ids::Region;

/// What is remembered of an account's regions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRegions {
    /// Those that were enabled when they were last listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listed: BTreeSet<Region>,
    /// How many instances ran in a region when it was last seen; those without any are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub running: BTreeMap<Region, u64>,
    /// Those that refused us when the account answered elsewhere.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<Region>,
}

impl KnownRegions {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Where to look when the regions cannot be listed.
    pub fn all(&self) -> BTreeSet<Region> {
        self.listed.iter().chain(self.running.keys()).cloned().collect()
    }

    /// With what was seen since. A region that was not seen keeps what it had.
    #[must_use]
    pub fn after(&self, observation: &Observation, seen: &Summary) -> Self {
        let mut next = self.clone();
        if let Some(Ok(listed)) = &observation.listed {
            next.listed.clone_from(listed);
        }
        for region in observation.seen_regions() {
            next.refused.remove(region);
            match seen.by_region.get(region) {
                Some(running) => next.running.insert(region.clone(), *running),
                None => next.running.remove(region),
            };
        }
        next.refused.extend(observation.refused_regions().cloned());
        next.refused.retain(|region| next.listed.contains(region));
        next
    }

    /// The regions that are not among these, with what ran there when they were last seen.
    pub fn missing_from(&self, listed: &BTreeSet<Region>) -> BTreeMap<Region, u64> {
        let missing = self.running.iter().filter(|(region, _)| !listed.contains(*region));
        missing.map(|(region, running)| (region.clone(), *running)).collect()
    }
}
