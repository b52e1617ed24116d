//! Where an account is looked at.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::KnownRegions;
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

/// What is known of where to look in an account: what the policy says, and what earlier sweeps learnt.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Whose it is.
    pub account: AccountId,
    known: KnownRegions,
    /// Where nobody looks: the policy says so.
    closed: BTreeSet<Region>,
    denied: BTreeSet<Region>,
}

impl Ground {
    /// The ground of an account.
    pub fn new(policy: &AccountPolicy, known: &KnownRegions) -> Self {
        Self {
            account: policy.account.clone(),
            known: known.clone(),
            closed: policy.closed_regions.clone(),
            denied: if policy.is_payer { BTreeSet::new() } else { policy.denied_regions.clone() },
        }
    }

    /// Where to look, of those regions.
    pub(super) fn open(&self, regions: &BTreeSet<Region>) -> BTreeSet<Region> {
        regions.difference(&self.closed).cloned().collect()
    }

    /// Where it was looked at before, as far as one may look there.
    pub(super) fn known(&self) -> BTreeSet<Region> {
        self.open(&self.known.all())
    }

    /// Whether a list has every region that was listed before.
    pub(super) fn is_in(&self, listed: &BTreeSet<Region>) -> bool {
        self.known.all().is_subset(listed)
    }

    /// The regions that are gone from a list, with what ran there.
    pub(super) fn disabled(&self, listed: &BTreeSet<Region>) -> BTreeMap<Region, u64> {
        let mut missing = self.known.missing_from(listed);
        missing.retain(|region, _| !self.closed.contains(region));
        missing
    }

    /// Where to be refused is no gap. Where something ran it is one, whoever refuses us: nothing that runs ends by
    /// that.
    pub(super) fn denied(&self) -> BTreeSet<Region> {
        self.denied.iter().filter(|region| !self.known.running.contains_key(*region)).cloned().collect()
    }
}
