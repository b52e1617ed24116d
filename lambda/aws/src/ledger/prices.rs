//! The book of prices: `PRICE` / region, type, operation and tenancy. One partition, so that a cold start reads it in
//! one query.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::contract::{EXPIRY, SORT_KEY};
use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{KnownPrice, Listed, PriceBook};

use super::DynamoLedger;
use super::table::{Item, PUT, as_number, as_text, expires, key, moment, number};

const PARTITION: &str = "PRICE";
/// What the price is of: a map that a person can read in the console.
const OF: &str = "of";
/// In millionths of a US dollar; missing where the list has no price.
const PER_HOUR: &str = "perHourMicros";
/// What the list says of the type's local disks; missing in an entry from before it was read.
const LOCAL_DISKS: &str = "localDisks";
/// Milliseconds since 1970.
const ASKED: &str = "asked";

#[async_trait]
impl PriceBook for DynamoLedger {
    async fn prices(&self) -> Result<BTreeMap<PriceKey, KnownPrice>, Failure> {
        let items = self.table.query(PARTITION).await?;
        let readable = items.iter().filter_map(|item| {
            let entry = read(item);
            if entry.is_none() {
                tracing::error!(
                    key = as_text(item, SORT_KEY).unwrap_or("?"),
                    "a price in the table cannot be read; it is asked for anew"
                );
            }
            entry
        });
        Ok(readable.collect())
    }

    async fn keep(&self, key: &PriceKey, price: &KnownPrice) -> Result<(), Failure> {
        self.table.put(item(key, price)?).await
    }
}

fn item(of: &PriceKey, price: &KnownPrice) -> Result<Item, Failure> {
    let PriceKey { region, instance_type, operation, tenancy } = of;
    let mut item = key(PARTITION, format!("{region}#{instance_type}#{operation}#{tenancy:?}"));
    let invalid = |error: serde_dynamo::Error| Failure::own(PUT, FailureKind::Invalid, error.to_string());
    let of = serde_dynamo::to_attribute_value(of).map_err(invalid)?;
    let local_disks = serde_dynamo::to_attribute_value(price.listed.local_disks).map_err(invalid)?;
    item.extend([
        (OF.to_owned(), of),
        (LOCAL_DISKS.to_owned(), local_disks),
        (ASKED.to_owned(), moment(price.asked)),
        (EXPIRY.to_owned(), expires(price.asked)),
    ]);
    item.extend(price.listed.per_hour.map(|per_hour| (PER_HOUR.to_owned(), number(per_hour.as_micros()))));
    Ok(item)
}

fn read(item: &Item) -> Option<(PriceKey, KnownPrice)> {
    let of = serde_dynamo::from_attribute_value(item.get(OF)?.clone()).ok()?;
    let per_hour = match item.get(PER_HOUR) {
        // A price that is there and cannot be read is not "the list has none".
        Some(_) => Some(Usd::micros(as_number(item, PER_HOUR)?)),
        None => None,
    };
    let asked = Timestamp::from_millisecond(as_number(item, ASKED)?).ok()?;
    let (local_disks, asked) = match item.get(LOCAL_DISKS) {
        Some(said) => (serde_dynamo::from_attribute_value::<_, LocalDisks>(said.clone()).ok()?, asked),
        // Good as a price where the list fails, and old enough to be asked for again.
        None => (LocalDisks::Unknown, Timestamp::UNIX_EPOCH),
    };
    Some((of, KnownPrice { listed: Listed { per_hour, local_disks }, asked }))
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::measure::price::Tenancy;
    use runawaytrain_core::vocabulary::ids::Region;

    use super::*;

    #[test]
    fn a_price_from_before_local_disks_were_read_is_kept_and_is_old() {
        let key = PriceKey {
            region: Region::new("us-east-1"),
            instance_type: "p5.48xlarge".to_owned(),
            operation: "RunInstances".to_owned(),
            tenancy: Tenancy::Shared,
        };
        let asked = "2026-11-22T03:00:00Z".parse().unwrap();
        let listed = Listed { per_hour: Some(Usd::micros(98_320_000)), local_disks: LocalDisks::Has };
        let mut written = item(&key, &KnownPrice { listed, asked }).unwrap();
        assert_eq!(read(&written), Some((key.clone(), KnownPrice { listed, asked })));
        written.remove(LOCAL_DISKS);
        let listed = Listed { local_disks: LocalDisks::Unknown, ..listed };
        assert_eq!(read(&written), Some((key, KnownPrice { listed, asked: Timestamp::UNIX_EPOCH })));
    }
}
