//! Which regions the organization denies to its accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::account::AccountRecord;
use crate::vocabulary::ids::{AccountId, Region};

/// In so many accounts a region must refuse us before the organization is taken for the reason. Fewer may be in one
/// thief's hands.
const FEWEST_ACCOUNTS: usize = 3;

/// The regions that the organization denies to its accounts, by what befell them: most of the accounts that have a
/// region were refused there and nowhere else. What befalls one account is that account's; one policy over all of them
/// is the work of whoever governs the organization, and a thief in some accounts cannot do the same to most. The payer
/// has no vote: no service control policy binds it.
pub fn denied_by_the_organization<'a>(
    members: impl IntoIterator<Item = &'a AccountRecord>,
    payer: &AccountId,
) -> BTreeSet<Region> {
    // Of each region: how many accounts have it, and how many of them are refused there.
    let mut votes: BTreeMap<&Region, (usize, usize)> = BTreeMap::new();
    let is_bound = |record: &&AccountRecord| record.account != *payer && record.reached;
    for record in members.into_iter().filter(is_bound) {
        for region in &record.regions.listed {
            let (have, refused) = votes.entry(region).or_default();
            *have += 1;
            *refused += usize::from(record.regions.refused.contains(region));
        }
    }
    let is_denied = |(have, refused): (usize, usize)| refused >= FEWEST_ACCOUNTS && refused * 2 > have;
    votes.into_iter().filter(|(_, votes)| is_denied(*votes)).map(|(region, _)| region.clone()).collect()
}
