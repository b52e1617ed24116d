//! An account's record as an item: `ACCOUNT#<last digit of the id>` / account id.
//!
//! A record has some 3 KB; at the turn of an hour it is written together with the hour's peak, in a transaction, which
//! costs twice its size: 6 units. 10,000 accounts are 60,000 units: a minute under one partition key, which takes 1,000
//! a second, and six seconds under ten of them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
//!
//! Earlier versions keep all records under `ACCOUNT` alone. A record moves when it is next written, in that write, and
//! a marker takes its place: whoever steps back to such a version finds there what it cannot read, and so writes
//! nothing, rather than nothing at all, which it would take for an account that was never swept. What an invocation of
//! such a version contains stays where it is until its lease is given back or runs out.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use runawaytrain_core::contract::{MOVED, RECORDS, SORT_KEY, partition_of};
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Lease, VersionedRecord};

use super::table::{GET, Item, Table, UPDATE, as_number, as_text, key, number, text};

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

/// In a marker: the partition that has the record now.
pub(super) const MOVED_TO: &str = "movedTo";

pub(super) fn record_key(account: &AccountId) -> Item {
    key(partition_of(RECORDS, account.as_str()), account.as_str())
}

/// Where earlier versions keep it.
pub(super) fn earlier_key(account: &AccountId) -> Item {
    key(RECORDS, account.as_str())
}

/// What is left there. It has a version, so that none of them takes the record for one that was never written.
pub(super) fn marker(account: &AccountId) -> Item {
    let mut item = earlier_key(account);
    item.extend([
        (STATE.to_owned(), text(MOVED)),
        (VERSION.to_owned(), number(1)),
        (MOVED_TO.to_owned(), text(partition_of(RECORDS, account.as_str()))),
    ]);
    item
}

pub(super) fn is_marker(item: &Item) -> bool {
    item.contains_key(MOVED_TO)
}

/// Where an account's record is.
pub(super) enum Standing {
    /// Nowhere: there is none.
    Nowhere,
    /// In its partition.
    Here(Item),
    /// Where earlier versions keep it.
    Earlier(Item),
}

impl Standing {
    /// As it is now, strongly consistent.
    pub(super) async fn of(table: &Table, account: &AccountId) -> Result<Self, Failure> {
        if let Some(item) = table.get(record_key(account)).await? {
            return Ok(Self::Here(item));
        }
        Ok(match table.get(earlier_key(account)).await? {
            // Moved since it was asked for.
            Some(item) if is_marker(&item) => table.get(record_key(account)).await?.map_or(Self::Nowhere, Self::Here),
            Some(item) => Self::Earlier(item),
            None => Self::Nowhere,
        })
    }

    pub(super) fn item(&self) -> Option<&Item> {
        match self {
            Self::Nowhere => None,
            Self::Here(item) | Self::Earlier(item) => Some(item),
        }
    }

    /// What it says; nothing where there is none.
    pub(super) fn read(&self) -> Result<Option<VersionedRecord>, Failure> {
        self.item().map(|item| versioned(GET, item)).transpose()
    }
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

/// A record as an attribute.
pub(super) fn written(record: &AccountRecord) -> Result<AttributeValue, Failure> {
    serde_dynamo::to_attribute_value(record)
        .map_err(|error| Failure::own(UPDATE, FailureKind::Invalid, error.to_string()))
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
