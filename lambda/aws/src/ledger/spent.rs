//! The book of spent hours. `REPORT` / billing period says which edition was read and until when it reaches; `SPENT#<billing period>` /
//! day and account holds that account's hours of that day, so that the last days of all accounts are one range.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use runawaytrain_core::contract::{EXPIRY, PARTITION_KEY, SORT_KEY};
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::money::Usd;
use runawaytrain_engine::ports::{ReadReport, SpendBook, SpentHours};

use super::DynamoLedger;
use super::table::{Item, PUT, QUERY, Table, UPDATE, as_number, as_text, expires, key, moment, number, text};
use crate::failure;

const PARTITION: &str = "REPORT";
const EDITION: &str = "edition";
/// Milliseconds since 1970.
const UNTIL: &str = "until";
/// A map of the hour of the day, `00` to `23` in UTC, to millionths of a US dollar.
const HOURS: &str = "hours";
/// So many items are written at once: a first report of a month may change fifteen thousand.
const AT_A_TIME: usize = 16;

/// One account's hours of one day.
type Day = BTreeMap<i8, Usd>;
/// The days of a billing period, as they sort in the table.
type Days = BTreeMap<(Date, AccountId), Day>;

#[async_trait]
impl SpendBook for DynamoLedger {
    async fn hours(&self, since: Timestamp) -> Result<SpentHours, Failure> {
        let mut spent = SpentHours::default();
        for report in reports(&self.table).await? {
            spent.until = spent.until.max(Some(report.until));
            if report.until <= since {
                continue;
            }
            for ((day, account), hours) in days(&self.table, &report.period, Some(since)).await? {
                let of_account = spent.accounts.entry(account).or_default();
                of_account.extend(hours.into_iter().filter_map(|(hour, amount)| Some((beginning(day, hour)?, amount))));
            }
        }
        Ok(spent)
    }

    async fn store(&self, report: &ReadReport) -> Result<(), Failure> {
        let known = reports(&self.table).await?.into_iter().find(|known| known.period == report.period);
        let (old, new) = (days(&self.table, &report.period, None).await?, by_day(report));
        // Most of a month stays as it was from one edition to the next.
        let mut writes: Vec<BoxFuture<'_, Result<(), Failure>>> = Vec::new();
        for (key, hours) in new.iter().filter(|(key, hours)| old.get(*key) != Some(*hours)) {
            writes.push(self.table.put(day_item(&report.period, key, hours)?).boxed());
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            writes.push(self.table.delete(day_key(&report.period, key)).boxed());
        }
        stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        conclude(&self.table, report, known.as_ref().and_then(|known| known.edition.as_deref())).await
    }

    async fn editions(&self) -> Result<BTreeMap<String, String>, Failure> {
        let reports = reports(&self.table).await?;
        Ok(reports.into_iter().filter_map(|report| Some((report.period, report.edition?))).collect())
    }
}

/// What is known of a billing period.
struct Known {
    period: String,
    /// Missing where two invocations wrote at once: it is to be read again.
    edition: Option<String>,
    until: Timestamp,
}

/// The billing periods that were read, in their order.
async fn reports(table: &Table) -> Result<Vec<Known>, Failure> {
    let items = table.query(PARTITION).await?;
    items.iter().map(|item| known(item).ok_or_else(|| broken(item))).collect()
}

fn known(item: &Item) -> Option<Known> {
    let until = Timestamp::from_millisecond(as_number(item, UNTIL)?).ok()?;
    Some(Known { period: as_text(item, SORT_KEY)?.to_owned(), edition: as_text(item, EDITION).map(str::to_owned), until })
}

/// The days of a billing period, all pages; from the day on that `since` is in.
async fn days(table: &Table, period: &str, since: Option<Timestamp>) -> Result<Days, Failure> {
    let partition = partition(period);
    let items = match since {
        Some(since) => table.query_from(&partition, &day_of(since).to_string()).await?,
        None => table.query(&partition).await?,
    };
    // An hour that cannot be read is not an hour without spend.
    items.iter().map(|item| read_day(item).ok_or_else(|| broken(item))).collect()
}

fn read_day(item: &Item) -> Option<((Date, AccountId), Day)> {
    let (day, account) = as_text(item, SORT_KEY)?.split_once('#')?;
    let hours = item.get(HOURS)?.as_m().ok()?.iter().map(|(hour, micros)| Some((hour.parse().ok()?, Usd::micros(micros.as_n().ok()?.parse().ok()?))));
    Some(((day.parse().ok()?, AccountId::parse(account).ok()?), hours.collect::<Option<Day>>()?))
}

fn broken(item: &Item) -> Failure {
    let [partition, sort] = [PARTITION_KEY, SORT_KEY].map(|attribute| as_text(item, attribute).unwrap_or("?"));
    failure::own(QUERY, FailureKind::Other, format!("the item {partition} / {sort} of the spent hours cannot be read"))
}

/// A report's hours by day and account.
fn by_day(report: &ReadReport) -> Days {
    let mut days = Days::new();
    for (account, hours) in &report.accounts {
        for (begins, amount) in hours {
            let at = begins.to_zoned(TimeZone::UTC);
            *days.entry((at.date(), account.clone())).or_default().entry(at.hour()).or_default() += *amount;
        }
    }
    days
}

fn day_item(period: &str, of: &(Date, AccountId), hours: &Day) -> Result<Item, Failure> {
    let begins = beginning(of.0, 0).ok_or_else(|| failure::own(PUT, FailureKind::Invalid, format!("the day {} is out of range", of.0)))?;
    let hours: HashMap<String, AttributeValue> = hours.iter().map(|(hour, amount)| (format!("{hour:02}"), number(amount.as_micros()))).collect();
    let mut item = day_key(period, of);
    item.extend([(HOURS.to_owned(), AttributeValue::M(hours)), (EXPIRY.to_owned(), expires(begins))]);
    Ok(item)
}

/// Makes the edition known. Only in the place of the one that was found at the beginning: where another invocation wrote in the meantime,
/// its days and ours are mixed, and neither edition is known then, so that it is read again.
async fn conclude(table: &Table, report: &ReadReport, before: Option<&str>) -> Result<(), Failure> {
    let mut item = key(PARTITION, report.period.as_str());
    let attributes = [(EDITION, text(&report.edition)), (UNTIL, moment(report.until)), (EXPIRY, expires(report.until))];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    let call = table.client.put_item().table_name(&table.name).set_item(Some(item));
    let call = match before {
        None => call.condition_expression("attribute_not_exists(#edition) OR #edition = :edition"),
        Some(before) => call.condition_expression("#edition IN (:before, :edition)").expression_attribute_values(":before", text(before)),
    };
    let call = call.expression_attribute_names("#edition", EDITION).expression_attribute_values(":edition", text(&report.edition));
    let Err(error) = call.send().await else { return Ok(()) };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(_)) => {
            forget(table, &report.period).await?;
            Err(failure::own(PUT, FailureKind::Conflict, format!("two invocations read the report of {} at once; it is read again", report.period)))
        }
        _ => Err(table.failure(PUT, &error)),
    }
}

/// Forgets which edition was read, and nothing else.
async fn forget(table: &Table, period: &str) -> Result<(), Failure> {
    let call = table.client.update_item().table_name(&table.name).set_key(Some(key(PARTITION, period)));
    let call = call.update_expression("REMOVE #edition").expression_attribute_names("#edition", EDITION);
    call.send().await.map(|_| ()).map_err(|error| table.failure(UPDATE, &error))
}

fn day_key(period: &str, (day, account): &(Date, AccountId)) -> Item {
    key(partition(period), format!("{day}#{account}"))
}

fn partition(period: &str) -> String {
    format!("SPENT#{period}")
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn beginning(day: Date, hour: i8) -> Option<Timestamp> {
    if !(0..24).contains(&hour) {
        return None;
    }
    day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok().map(|begins| begins.timestamp())
}
