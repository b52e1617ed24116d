//! The book of spent hours. `REPORT` / billing period says which edition was read and until when it reaches;
//! `SPENT#<billing period>#<last digit of the account's id>` / day and account holds that account's hours of that day,
//! so that the last days of a tenth of all accounts are one range.
//!
//! Earlier versions keep all accounts of a period under `SPENT#<billing period>` alone. They are read there until an
//! edition of the period is written anew, which is then said beside its name; what it leaves there expires by itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use runawaytrain_core::contract::{EXPIRY, PARTITION_KEY, SORT_KEY, partition_of, partitions_of};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{AccountHours, ReadReport, SpendBook, SpentHours};

use super::DynamoLedger;
use super::table::{Item, PUT, QUERY, Table, UPDATE, as_number, as_text, expires, key, moment, number, text};

const PARTITION: &str = "REPORT";
const EDITION: &str = "edition";
/// Milliseconds since 1970.
const UNTIL: &str = "until";
/// A map of the hour of the day, `00` to `23` in UTC, to millionths of a US dollar.
const HOURS: &str = "hours";
/// The same of what was bought; absent where nothing was.
const PURCHASES: &str = "purchases";
/// Over how many partitions the hours of a period are spread; missing where they are in one.
const SPREAD: &str = "spread";
/// So many items of a partition are asked for or written at once: a first report of a month may change fifteen thousand.
const AT_A_TIME: usize = 16;
/// So many partitions are written at once. A month of a large organization is not to be held in memory whole.
const PARTITIONS_AT_A_TIME: usize = 3;

#[async_trait]
impl SpendBook for DynamoLedger {
    async fn hours(&self, since: Timestamp) -> Result<SpentHours, Failure> {
        let mut spent = SpentHours::default();
        for report in reports(&self.table).await? {
            spent.until = spent.until.max(Some(report.until));
            if report.until <= since {
                continue;
            }
            let day = since.to_zoned(TimeZone::UTC).date().to_string();
            let partitions = report.partitions();
            let queries: Vec<_> = partitions.iter().map(|partition| self.table.query_from(partition, &day)).collect();
            for item in try_join_all(queries).await?.into_iter().flatten() {
                // An hour that cannot be read is not an hour without spend.
                let (account, hours) = read_day(&item).ok_or_else(|| broken(&item))?;
                let known = spent.accounts.entry(account).or_default();
                known.usage.extend(hours.usage);
                known.purchases.extend(hours.purchases);
            }
        }
        Ok(spent)
    }

    async fn hours_of(&self, accounts: &BTreeSet<AccountId>, since: Timestamp) -> Result<SpentHours, Failure> {
        let mut spent = SpentHours::default();
        let mut keys = Vec::new();
        for report in reports(&self.table).await? {
            spent.until = spent.until.max(Some(report.until));
            if report.until <= since {
                continue;
            }
            let [first, last] = [since, report.until].map(|time| time.to_zoned(TimeZone::UTC).date());
            for day in first.series(1.day()).take_while(|day| *day <= last) {
                keys.extend(accounts.iter().map(|account| key(report.partition(account), format!("{day}#{account}"))));
            }
        }
        let asked: Vec<_> = keys.into_iter().map(|key| self.table.get(key)).collect();
        let items = stream::iter(asked).buffer_unordered(AT_A_TIME);
        for item in items.try_collect::<Vec<_>>().await?.into_iter().flatten() {
            let (account, hours) = read_day(&item).ok_or_else(|| broken(&item))?;
            let known = spent.accounts.entry(account).or_default();
            known.usage.extend(hours.usage);
            known.purchases.extend(hours.purchases);
        }
        Ok(spent)
    }

    async fn store(&self, report: &ReadReport) -> Result<(), Failure> {
        let before = self.table.get(key(PARTITION, report.period.as_str())).await?;
        let spent = name(&report.period);
        let partitions: Vec<String> = partitions_of(&spent).collect();
        let replaced: Vec<_> = partitions.iter().map(|partition| self.replace(partition, report)).collect();
        stream::iter(replaced).buffer_unordered(PARTITIONS_AT_A_TIME).try_collect::<()>().await?;
        conclude(&self.table, report, before.as_ref().and_then(|before| as_text(before, EDITION))).await
    }

    async fn editions(&self) -> Result<BTreeMap<String, String>, Failure> {
        let reports = reports(&self.table).await?;
        Ok(reports.into_iter().filter_map(|report| Some((report.period, report.edition?))).collect())
    }
}

impl DynamoLedger {
    /// Puts what a report says in the place of what a partition has.
    async fn replace(&self, partition: &str, report: &ReadReport) -> Result<(), Failure> {
        let old = self.table.query(partition).await?;
        // By their keys, and not read any further: what cannot be read is replaced like all else.
        let old: BTreeMap<&str, &Item> = old.iter().filter_map(|item| Some((as_text(item, SORT_KEY)?, item))).collect();
        let new = items(report, partition)?;
        let mut writes: Vec<BoxFuture<'_, Result<(), Failure>>> = Vec::new();
        // Most of a month stays as it was from one edition to the next.
        for (_, item) in new.iter().filter(|(sort, item)| old.get(sort.as_str()) != Some(item)) {
            writes.push(self.table.put(item.clone()).boxed());
        }
        for sort in old.keys().filter(|sort| !new.contains_key(**sort)) {
            writes.push(self.table.delete(key(partition, *sort)).boxed());
        }
        stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect().await
    }
}

/// What is known of a billing period.
struct Known {
    period: String,
    /// Whether its hours are spread over partitions.
    is_spread: bool,
    /// Missing where two invocations wrote at once: it is to be read again.
    edition: Option<String>,
    until: Timestamp,
}

impl Known {
    /// Where the hours of an account are.
    fn partition(&self, account: &AccountId) -> String {
        let name = name(&self.period);
        if self.is_spread { partition_of(&name, account.as_str()) } else { name }
    }

    /// Where those of all accounts are.
    fn partitions(&self) -> Vec<String> {
        let name = name(&self.period);
        if self.is_spread { partitions_of(&name).collect() } else { vec![name] }
    }
}

/// The billing periods that were read, in their order.
async fn reports(table: &Table) -> Result<Vec<Known>, Failure> {
    let items = table.query(PARTITION).await?;
    items.iter().map(|item| known(item).ok_or_else(|| broken(item))).collect()
}

fn known(item: &Item) -> Option<Known> {
    let until = Timestamp::from_millisecond(as_number(item, UNTIL)?).ok()?;
    Some(Known {
        period: as_text(item, SORT_KEY)?.to_owned(),
        is_spread: item.contains_key(SPREAD),
        edition: as_text(item, EDITION).map(str::to_owned),
        until,
    })
}

/// An account's hours of a day.
fn read_day(item: &Item) -> Option<(AccountId, AccountHours)> {
    let (day, account) = as_text(item, SORT_KEY)?.split_once('#')?;
    let day: Date = day.parse().ok()?;
    let hours = |amounts: &AttributeValue| -> Option<BTreeMap<Timestamp, Usd>> {
        let hour = |(hour, micros): (&String, &AttributeValue)| {
            Some((beginning(day, hour.parse().ok()?)?, Usd::micros(micros.as_n().ok()?.parse().ok()?)))
        };
        amounts.as_m().ok()?.iter().map(hour).collect()
    };
    let purchases = item.get(PURCHASES).map_or_else(|| Some(BTreeMap::new()), hours)?;
    Some((AccountId::parse(account).ok()?, AccountHours { usage: hours(item.get(HOURS)?)?, purchases }))
}

fn broken(item: &Item) -> Failure {
    let [partition, sort] = [PARTITION_KEY, SORT_KEY].map(|attribute| as_text(item, attribute).unwrap_or("?"));
    Failure::own(QUERY, FailureKind::Other, format!("the item {partition} / {sort} of the spent hours cannot be read"))
}

/// The hours of a report that belong into a partition as items, by their sort keys.
fn items(report: &ReadReport, partition: &str) -> Result<BTreeMap<String, Item>, Failure> {
    let mut days: BTreeMap<(Date, &AccountId), Day> = BTreeMap::new();
    let name = name(&report.period);
    let belongs = |account: &AccountId| partition_of(&name, account.as_str()) == partition;
    for (account, hours) in report.accounts.iter().filter(|(account, _)| belongs(account)) {
        let usage = hours.usage.iter().map(|hour| (hour, false));
        for ((begins, amount), is_purchase) in usage.chain(hours.purchases.iter().map(|hour| (hour, true))) {
            let at = begins.to_zoned(TimeZone::UTC);
            let day = days.entry((at.date(), account)).or_default();
            let hours = if is_purchase { &mut day.purchases } else { &mut day.usage };
            *hours.entry(at.hour()).or_default() += *amount;
        }
    }
    let mut items = BTreeMap::new();
    for ((day, account), Day { usage, purchases }) in days {
        let begins = beginning(day, 0)
            .ok_or_else(|| Failure::own(PUT, FailureKind::Invalid, format!("the day {day} is out of range")))?;
        let sort = format!("{day}#{account}");
        let mut item = key(partition, sort.as_str());
        item.extend([(HOURS.to_owned(), by_hour(usage)), (EXPIRY.to_owned(), expires(begins))]);
        if !purchases.is_empty() {
            item.insert(PURCHASES.to_owned(), by_hour(purchases));
        }
        items.insert(sort, item);
    }
    Ok(items)
}

/// An account's hours of a day, by the hour of the day.
#[derive(Default)]
struct Day {
    usage: BTreeMap<i8, Usd>,
    purchases: BTreeMap<i8, Usd>,
}

fn by_hour(hours: BTreeMap<i8, Usd>) -> AttributeValue {
    let hours: HashMap<String, AttributeValue> =
        hours.into_iter().map(|(hour, amount)| (format!("{hour:02}"), number(amount.as_micros()))).collect();
    AttributeValue::M(hours)
}

/// Makes the edition known. Only in the place of the one that was found at the beginning: where another invocation
/// wrote in the meantime, its days and ours are mixed, and neither edition is known then, so that it is read again.
async fn conclude(table: &Table, report: &ReadReport, before: Option<&str>) -> Result<(), Failure> {
    let mut item = key(PARTITION, report.period.as_str());
    let attributes = [
        (EDITION, text(&report.edition)),
        (UNTIL, moment(report.until)),
        (SPREAD, number(partitions_of(PARTITION).count())),
        (EXPIRY, expires(report.until)),
    ];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    let call = table.client.put_item().table_name(&table.name).set_item(Some(item));
    let call = match before {
        None => call.condition_expression("attribute_not_exists(#edition) OR #edition = :edition"),
        Some(before) => call
            .condition_expression("#edition IN (:before, :edition)")
            .expression_attribute_values(":before", text(before)),
    };
    let call = call
        .expression_attribute_names("#edition", EDITION)
        .expression_attribute_values(":edition", text(&report.edition));
    let Err(error) = call.send().await else { return Ok(()) };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(_)) => {
            forget(table, &report.period).await?;
            Err(Failure::own(
                PUT,
                FailureKind::Contended,
                format!("two invocations read the report of {} at once; it is read again", report.period),
            ))
        }
        _ => Err(table.failure(PUT, &error)),
    }
}

/// Forgets which edition was read, and nothing else.
async fn forget(table: &Table, period: &str) -> Result<(), Failure> {
    let call = table.client.update_item().table_name(&table.name).set_key(Some(key(PARTITION, period)));
    let call = call.update_expression("REMOVE #edition").expression_attribute_names("#edition", EDITION);
    // Without this an update would make an item anew, without anything in it, where there is none.
    let call = call.condition_expression("attribute_exists(#pk)").expression_attribute_names("#pk", PARTITION_KEY);
    let Err(error) = call.send().await else { return Ok(()) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
        _ => Err(table.failure(UPDATE, &error)),
    }
}

/// What the partitions of a period begin with, and what earlier versions call the one that has all of it.
fn name(period: &str) -> String {
    format!("SPENT#{period}")
}

fn beginning(day: Date, hour: i8) -> Option<Timestamp> {
    day.to_datetime(Time::new(hour, 0, 0, 0).ok()?).to_zoned(TimeZone::UTC).ok().map(|begins| begins.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::Script;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn report(edition: &str) -> ReadReport {
        let account = |id| AccountId::parse(id).unwrap();
        let hour = |text, micros| {
            let usage = BTreeMap::from([(at(text), Usd::micros(micros))]);
            AccountHours { usage, ..AccountHours::default() }
        };
        let accounts = [
            (account("111111111111"), hour("2026-11-20T03:00:00Z", 7)),
            (account("222222222222"), hour("2026-11-21T04:00:00Z", 8)),
        ];
        ReadReport {
            period: "20261101-20261201".to_owned(),
            edition: edition.to_owned(),
            accounts: accounts.into(),
            until: at("2026-11-21T05:00:00Z"),
        }
    }

    /// A table in which the first edition of the report stands.
    fn standing(asked: &Value) -> Option<Value> {
        if asked.get("Key").is_some() && asked.get("ConsistentRead").is_some() {
            return Some(json!({ "Item": { "edition": { "S": "first" } } }));
        }
        let partition = asked.get("ExpressionAttributeValues")?.get(":pk")?.get("S")?.as_str()?;
        let item = |sort: &str, more: Value| {
            let mut item = json!({ "pk": { "S": partition }, "sk": { "S": sort } });
            item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item
        };
        Some(json!({ "Items": if partition == PARTITION {
            let known = json!({ "edition": { "S": "first" }, "until": { "N": "1795237200000" }, "spread": { "N": "10" } });
            vec![item("20261101-20261201", known)]
        } else {
            let day = |hours: Value, day: &str| {
                let expires = (at(day).as_second() + 400 * 86_400).to_string();
                json!({ "hours": { "M": hours }, "expires": { "N": expires } })
            };
            let items = [
                item("2026-11-20#111111111111", day(json!({ "03": { "N": "7" } }), "2026-11-20T00:00:00Z")),
                item("2026-11-21#222222222222", day(json!({ "04": { "N": "5" } }), "2026-11-21T00:00:00Z")),
                item("2026-11-21#333333333333", day(json!({ "04": { "N": "9" } }), "2026-11-21T00:00:00Z")),
                item("nothing that can be read", json!({})),
            ];
            let belongs = |item: &Value| partition_of("SPENT#20261101-20261201", item["sk"]["S"].as_str().unwrap());
            items.into_iter().filter(|item| belongs(item) == partition).collect()
        }}))
    }

    /// The keys of what was written and removed, in their order; reads are left out.
    fn written(script: &Script) -> Vec<String> {
        let key = |body: &String| {
            let asked: Value = serde_json::from_str(body).unwrap();
            let of = asked.get("Item").or(asked.get("Key").filter(|_| asked.get("ConsistentRead").is_none()))?;
            Some(format!("{} / {}", of.get("pk")?.get("S")?.as_str()?, of.get("sk")?.get("S")?.as_str()?))
        };
        script.asked().iter().filter_map(key).collect()
    }

    async fn store(script: &Script, edition: &str) -> Result<(), Failure> {
        DynamoLedger::new(&script.config(), "runawaytrain").store(&report(edition)).await
    }

    const REPORT_KEY: &str = "REPORT / 20261101-20261201";

    #[tokio::test]
    async fn only_what_differs_is_written_and_the_edition_last() {
        let script = Script::new(|asked| {
            (200, standing(&serde_json::from_str(asked).unwrap()).unwrap_or(json!({})).to_string())
        });
        store(&script, "second").await.unwrap();
        let mut written = written(&script);
        assert_eq!(written.pop().as_deref(), Some(REPORT_KEY));
        written.sort();
        assert_eq!(
            written,
            [
                "SPENT#20261101-20261201#0 / nothing that can be read",
                "SPENT#20261101-20261201#2 / 2026-11-21#222222222222",
                "SPENT#20261101-20261201#3 / 2026-11-21#333333333333"
            ]
        );
    }

    #[tokio::test]
    async fn a_write_that_is_cut_off_leaves_the_edition_unknown() {
        let script = Script::new(|asked| match serde_json::from_str(asked).unwrap() {
            asked if standing(&asked).is_some() => (200, standing(&asked).unwrap().to_string()),
            _ => (
                400,
                json!({ "__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "message": "no" })
                    .to_string(),
            ),
        });
        assert_eq!(store(&script, "second").await.unwrap_err().kind, FailureKind::Denied);
        assert!(!written(&script).contains(&REPORT_KEY.to_owned()), "{:?}", script.asked());
    }

    #[tokio::test]
    async fn where_two_write_at_once_neither_edition_is_known() {
        let script = Script::new(|asked| match serde_json::from_str::<Value>(asked).unwrap() {
            asked if standing(&asked).is_some() => (200, standing(&asked).unwrap().to_string()),
            asked if asked.get("Item").is_some() && asked.get("ConditionExpression").is_some() => {
                assert_eq!(
                    asked.get("ExpressionAttributeValues"),
                    Some(&json!({ ":before": { "S": "first" }, ":edition": { "S": "second" } }))
                );
                let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
                (400, json!({ "__type": kind, "message": "no" }).to_string())
            }
            _ => (200, "{}".to_owned()),
        });
        assert_eq!(store(&script, "second").await.unwrap_err().kind, FailureKind::Contended);
        assert_eq!(written(&script).last().map(String::as_str), Some(REPORT_KEY));
        assert!(script.asked().last().unwrap().contains("REMOVE #edition"), "{:?}", script.asked());
    }

    #[tokio::test]
    async fn an_hour_that_cannot_be_read_is_no_hour_without_spend() {
        for hours in
            [json!({ "M": { "24": { "N": "7" } } }), json!({ "M": { "03": { "N": "-7" } } }), json!({ "S": "7" })]
        {
            let script = Script::new(move |asked| {
                let mut answer = standing(&serde_json::from_str(asked).unwrap()).unwrap();
                let items = answer["Items"].as_array_mut().unwrap();
                items.retain(|item| item["sk"]["S"] != "nothing that can be read");
                items.iter_mut().for_each(|item| item["hours"] = hours.clone());
                (200, answer.to_string())
            });
            let failure = DynamoLedger::new(&script.config(), "runawaytrain")
                .hours(at("2026-11-19T00:00:00Z"))
                .await
                .unwrap_err();
            assert!(
                failure.detail.contains("SPENT#20261101-20261201#") && failure.detail.contains("cannot be read"),
                "{failure}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hours_of_an_earlier_layout_are_read_until_an_edition_of_their_month_is_written() {
        let script = Script::table();
        let (ledger, table) =
            (DynamoLedger::new(&script.config(), "runawaytrain"), Table::new(&script.config(), "runawaytrain"));
        let (since, first) = (at("2026-11-19T00:00:00Z"), report("first"));
        ledger.store(&first).await.unwrap();
        // As it was: all hours in one partition, and nothing said of others.
        let whole = name(&first.period);
        for partition in partitions_of(&whole) {
            for mut item in table.query(&partition).await.unwrap() {
                let sort = as_text(&item, SORT_KEY).unwrap().to_owned();
                table.delete(key(partition.as_str(), sort.as_str())).await.unwrap();
                item.extend(key(whole.as_str(), sort));
                table.put(item).await.unwrap();
            }
        }
        let mut known = table.get(key(PARTITION, first.period.as_str())).await.unwrap().unwrap();
        known.remove(SPREAD);
        table.put(known).await.unwrap();
        let one: BTreeSet<AccountId> = first.accounts.keys().take(1).cloned().collect();
        assert_eq!(ledger.hours(since).await.unwrap().accounts, first.accounts);
        assert_eq!(ledger.hours_of(&one, since).await.unwrap().accounts.len(), 1);

        // The next edition has neither the second account nor the hour of the first, but another.
        let mut second = report("second");
        second.accounts.retain(|account, _| one.contains(account));
        let usage = BTreeMap::from([(at("2026-11-20T09:00:00Z"), Usd::micros(3))]);
        second.accounts.values_mut().for_each(|hours| hours.usage.clone_from(&usage));
        ledger.store(&second).await.unwrap();
        assert_eq!(ledger.hours(since).await.unwrap().accounts, second.accounts);
        assert_eq!(ledger.hours_of(&one, since).await.unwrap().accounts, second.accounts);
    }
}
