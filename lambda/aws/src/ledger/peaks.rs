//! The hours of an account: `HISTORY#<account>` / the hour.

use jiff::Timestamp;

use runawaytrain_core::contract::{EXPIRY, SORT_KEY};
use runawaytrain_core::record::HourPeak;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;

use super::table::{Item, QUERY, Table, as_number, as_text, key, number};

const INSTANCES: &str = "instances";
const VCPUS: &str = "vcpus";
/// In US dollars.
const BURN: &str = "burn";

/// An account's hours since a time, the oldest first.
pub(super) async fn since(table: &Table, account: &AccountId, since: Timestamp) -> Result<Vec<HourPeak>, Failure> {
    // Hours are whole: as text they sort as they follow each other.
    let items = table.query_from(&partition(account), &since.to_string()).await?;
    items.iter().map(|item| read(item).ok_or_else(|| broken(account, item))).collect()
}

fn partition(account: &AccountId) -> String {
    format!("HISTORY#{account}")
}

/// An hour as an item.
pub(super) fn item(account: &AccountId, peak: &HourPeak) -> Item {
    let mut item = key(partition(account), peak.hour.to_string());
    let numbers = [
        (INSTANCES, number(peak.instances)),
        (VCPUS, number(peak.vcpus)),
        (BURN, number(peak.burn.dollars())),
        (EXPIRY, number(peak.expires())),
    ];
    item.extend(numbers.map(|(attribute, number)| (attribute.to_owned(), number)));
    item
}

fn read(item: &Item) -> Option<HourPeak> {
    Some(HourPeak {
        hour: as_text(item, SORT_KEY)?.parse().ok()?,
        instances: as_number(item, INSTANCES)?,
        vcpus: as_number(item, VCPUS)?,
        burn: Usd::from_dollars(as_number(item, BURN).unwrap_or_default()),
    })
}

fn broken(account: &AccountId, item: &Item) -> Failure {
    let hour = as_text(item, SORT_KEY).unwrap_or("?");
    Failure::own(QUERY, FailureKind::Other, format!("the hour {hour} of account {account} cannot be read"))
}
