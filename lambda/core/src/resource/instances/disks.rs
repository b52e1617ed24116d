//! The local disks of instances (instance store): any stop erases them, ours too, and nothing brings them back.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-lifetime.html>

use std::collections::BTreeSet;

use crate::measure::disks::LocalDisks;
use crate::measure::price::Price;
use crate::policy::InstanceStoreResponse;
use crate::resource::act::Erasure;
use crate::resource::case::{Age, HaltCase};
use crate::resource::draft::SkipReason;

use super::machine::Instance;

/// Whether instances of a type have local disks, as far as the price list or the type's name says.
pub(super) fn disks_of(instance_type: &str, price: Option<&Price>) -> LocalDisks {
    LocalDisks::of(instance_type, price.map(|price| price.local_disks).unwrap_or_default())
}

/// Why an instance is left running for its local disks, if it is. What was launched lately may be the thief's, and so
/// may what nobody dates: those are stopped all the same.
pub(super) fn stays(
    case: &HaltCase<'_>,
    instance: &Instance,
    disks: LocalDisks,
    price: Option<&Price>,
) -> Option<SkipReason> {
    let certain = match (case.policy.contain.instance_store, disks) {
        (InstanceStoreResponse::Stop, _) | (InstanceStoreResponse::Leave, LocalDisks::HasNone) => return None,
        (InstanceStoreResponse::Leave, disks) => disks == LocalDisks::Has,
    };
    let per_hour = price.map(|price| price.per_hour);
    match case.suspicion().of(instance.launched) {
        Age::Older => Some(SkipReason::LocalDisks { instance_type: instance.instance_type.clone(), certain, per_hour }),
        Age::Younger | Age::Unknown => None,
    }
}

/// What of it is about some members.
pub(super) fn among(erases: &[Erasure], members: &[&str]) -> Vec<Erasure> {
    let members: BTreeSet<&str> = members.iter().copied().collect();
    let some = |erasure: &Erasure| {
        let items = erasure.items.iter().filter(|item| members.contains(item.as_str())).cloned().collect();
        Erasure { items, ..erasure.clone() }
    };
    erases.iter().map(some).filter(|erasure| !erasure.items.is_empty()).collect()
}
