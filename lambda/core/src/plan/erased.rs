//! Whose local disks a halt erases, in words.

use std::collections::{BTreeMap, BTreeSet};

use crate::measure::disks::LocalDisks;
use crate::resource::{Act, Action};
use crate::vocabulary::text::clean;

/// So many are named by their ids; the rest is counted.
const SHOWN: usize = 10;

/// Whose local disks these calls erase, by type and region. `known` is what was learnt of types since they were
/// planned.
pub fn erased<'a>(actions: impl IntoIterator<Item = &'a Action>, known: &BTreeMap<String, LocalDisks>) -> Vec<String> {
    let mut sums: BTreeMap<(&str, &str, bool), BTreeSet<&str>> = BTreeMap::new();
    for action in actions {
        let region = action.region().map_or("", |region| region.as_str());
        for erasure in action.erases() {
            let certain = match known.get(&erasure.kind) {
                Some(LocalDisks::HasNone) => continue,
                Some(LocalDisks::Has) => true,
                Some(LocalDisks::Unknown) | None => erasure.certain,
            };
            let items = sums.entry((&erasure.kind, region, certain)).or_default();
            items.extend(erasure.items.iter().map(String::as_str));
        }
    }
    sums.into_iter().map(|((kind, region, certain), items)| words(kind, region, certain, &items)).collect()
}

fn words(kind: &str, region: &str, certain: bool, items: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = items.iter().copied().take(SHOWN).collect();
    let more = if items.len() > SHOWN { format!(" and {} more", items.len() - SHOWN) } else { String::new() };
    let unsaid = if certain { "" } else { ": may have local disks, nobody has said so far" };
    format!("{} x {} in {region} ({}{more}){unsaid}", items.len(), clean(kind), shown.join(", "))
}
