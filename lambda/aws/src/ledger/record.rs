//! An account's record as an item: `ACCOUNT` / account id. All of them share a partition, so that one query reads them.
//!
//! A partition key takes 1,000 units of writing a second. A record has some 3 KB; at the turn of an hour it is written
//! together with the hour's peak, in a transaction, which costs twice its size: 6 units. 500 accounts are 3,000 units
//! in the 12 seconds or so of a sweep, a quarter of what the key takes; if all of them ended their looks within two
//! seconds, some would be throttled and written within the next two and a half. 5,000 accounts would be 30,000 units:
//! half a minute at the least, for which writes do have the patience. Whoever makes sweeps of so many (their list alone
//! takes half a minute) divides the key by the account's last digit.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>

use jiff::Timestamp;

use runawaytrain_core::contract::SORT_KEY;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Lease, VersionedRecord};

use super::table::{Item, as_number, as_text, key};

pub(super) const PARTITION: &str = "ACCOUNT";
/// The record itself: a map that a person can read in the console.
pub(super) const RECORD: &str = "record";
/// The state beside it, so that the console can filter by it.
pub(super) const STATE: &str = "state";
pub(super) const VERSION: &str = "version";
/// The highest fence ever given out. It survives the lease: a holder that wakes up late must still find a higher one.
pub(super) const FENCE: &str = "fence";
pub(super) const HOLDER: &str = "holder";
/// Milliseconds since 1970.
pub(super) const UNTIL: &str = "until";

pub(super) fn record_key(account: &AccountId) -> Item {
    key(PARTITION, account.as_str())
}

/// Reads an item back; the operation is the one that brought it, for the failure's sake.
pub(super) fn versioned(operation: &str, item: &Item) -> Result<VersionedRecord, Failure> {
    let broken = |what: &str| {
        let account = as_text(item, SORT_KEY).unwrap_or("?");
        Failure::own(operation, FailureKind::Other, format!("the record of account {account} cannot be read: {what}"))
    };
    let record = item.get(RECORD).cloned().ok_or_else(|| broken("it has no record"))?;
    let record: AccountRecord =
        serde_dynamo::from_attribute_value(record).map_err(|error| broken(&error.to_string()))?;
    let version = as_number(item, VERSION).ok_or_else(|| broken("it has no version"))?;
    let lease = lease(&record.account, item);
    Ok(VersionedRecord { record, version, lease })
}

/// Whose record an item is, also where the record itself cannot be read.
pub(super) fn account(item: &Item) -> Option<AccountId> {
    AccountId::parse(as_text(item, SORT_KEY)?).ok()
}

/// Where the account stood when its record was written.
pub(super) fn state(item: &Item) -> Option<State> {
    let name = as_text(item, STATE)?;
    State::ALL.into_iter().find(|state| state.to_string() == name)
}

/// Who holds the account, if anybody does.
fn lease(account: &AccountId, item: &Item) -> Option<Lease> {
    Some(Lease {
        account: account.clone(),
        holder: as_text(item, HOLDER)?.to_owned(),
        fence: as_number(item, FENCE)?,
        until: Timestamp::from_millisecond(as_number(item, UNTIL)?).ok()?,
    })
}
