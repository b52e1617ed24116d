//! The book of prices: `PRICE` / region, type, operation and tenancy. One partition, so that a cold start reads it in
//! one query.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::contract::{EXPIRY, SORT_KEY};
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{KnownPrice, PriceBook};

use super::DynamoLedger;
use super::table::{Item, PUT, as_number, as_text, expires, key, moment, number};

const PARTITION: &str = "PRICE";
/// What the price is of: a map that a person can read in the console.
const OF: &str = "of";
/// In millionths of a US dollar; missing where the list has no price.
const PER_HOUR: &str = "perHourMicros";
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
    let of = serde_dynamo::to_attribute_value(of)
        .map_err(|error| Failure::own(PUT, FailureKind::Invalid, error.to_string()))?;
    item.extend([
        (OF.to_owned(), of),
        (ASKED.to_owned(), moment(price.asked)),
        (EXPIRY.to_owned(), expires(price.asked)),
    ]);
    item.extend(price.per_hour.map(|per_hour| (PER_HOUR.to_owned(), number(per_hour.as_micros()))));
    Ok(item)
}

fn read(item: &Item) -> Option<(PriceKey, KnownPrice)> {
    let of = serde_dynamo::from_attribute_value(item.get(OF)?.clone()).ok()?;
    let per_hour = match item.get(PER_HOUR) {
        // A price that is there and cannot be read is not "the list has none".
        Some(_) => Some(Usd::micros(as_number(item, PER_HOUR)?)),
        None => None,
    };
    Some((of, KnownPrice { per_hour, asked: Timestamp::from_millisecond(as_number(item, ASKED)?).ok()? }))
}
