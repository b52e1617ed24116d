//! What every book of money must keep, whatever it stores in. Each suite wants an empty book; a rule keeps to types,
//! accounts and months of its own, the later rules to later months.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::{PriceKey, Tenancy};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{AccountHours, KnownPrice, Listed, PriceBook, ReadReport, SpendBook, SpentHours};

type Hours = BTreeMap<Timestamp, Usd>;

/// All of it, on an empty book of prices.
pub async fn price_book_contract(book: &dyn PriceBook) {
    an_empty_book_knows_no_price(book).await;
    kept_prices_come_back_each_under_its_own_key(book).await;
    a_later_answer_replaces_the_earlier(book).await;
    every_price_is_read_however_many_there_are(book).await;
}

/// All of it, on an empty book of spent hours.
pub async fn spend_book_contract(book: &dyn SpendBook) {
    an_empty_book_knows_no_report(book).await;
    hours_come_back_since_a_time(book).await;
    a_report_without_anybodys_hours_still_reaches_until_its_end(book).await;
    an_edition_replaces_another_of_its_period(book).await;
    purchases_come_back_beside_the_hours(book).await;
    the_same_edition_may_be_stored_again(book).await;
    two_periods_stand_side_by_side_at_the_months_turn(book).await;
    every_account_is_read_however_many_there_are(book).await;
    the_hours_of_some_accounts_come_without_the_others(book).await;
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn account(number: u64) -> AccountId {
    AccountId::parse(&format!("5{number:011}")).unwrap()
}

fn price_key(region: &str, instance_type: &str, operation: &str, tenancy: Tenancy) -> PriceKey {
    PriceKey {
        region: Region::new(region),
        instance_type: instance_type.to_owned(),
        operation: operation.to_owned(),
        tenancy,
    }
}

fn known(micros: u64, asked: &str) -> KnownPrice {
    KnownPrice {
        listed: Listed { per_hour: Some(Usd::micros(micros)), local_disks: LocalDisks::HasNone },
        asked: at(asked),
    }
}

/// Each hour as text and millionths of a dollar.
fn hours(hours: &[(&str, u64)]) -> Hours {
    hours.iter().map(|(hour, micros)| (at(hour), Usd::micros(*micros))).collect()
}

fn report(period: &str, edition: &str, until: &str, accounts: &[(u64, Hours)]) -> ReadReport {
    let usage = |hours: &Hours| AccountHours { usage: hours.clone(), ..AccountHours::default() };
    let accounts = accounts.iter().map(|(number, hours)| (account(*number), usage(hours))).collect();
    ReadReport { period: period.to_owned(), edition: edition.to_owned(), accounts, until: at(until) }
}

/// An account's hours since a time. A book may give some hours more, but not days.
async fn since(book: &dyn SpendBook, number: u64, time: &str) -> Hours {
    let since = at(time);
    let mut found = book.hours(since).await.unwrap().accounts.remove(&account(number)).unwrap_or_default().usage;
    let day_before = since - SignedDuration::from_hours(24);
    assert!(found.keys().all(|hour| *hour > day_before), "hours of days before {since}: {found:?}");
    found.split_off(&since)
}

pub async fn an_empty_book_knows_no_price(book: &dyn PriceBook) {
    assert_eq!(book.prices().await.unwrap(), BTreeMap::new());
}

pub async fn kept_prices_come_back_each_under_its_own_key(book: &dyn PriceBook) {
    let prices = BTreeMap::from([
        (price_key("us-east-1", "t3.micro", "RunInstances", Tenancy::Shared), known(10_400, "2026-11-22T03:00:00Z")),
        (price_key("eu-north-1", "t3.micro", "RunInstances", Tenancy::Shared), known(10_800, "2026-11-22T03:00:01Z")),
        (
            price_key("us-east-1", "t3.micro", "RunInstances:0002", Tenancy::Shared),
            known(19_600, "2026-11-22T03:00:02Z"),
        ),
        (price_key("us-east-1", "t3.micro", "RunInstances", Tenancy::Dedicated), known(11_001, "2026-11-22T03:00:03Z")),
        (price_key("us-east-1", "t3.micro", "RunInstances", Tenancy::Host), known(1, "2026-11-22T03:00:04Z")),
        (
            price_key("us-east-1", "u-24tb1.112xlarge", "RunInstances", Tenancy::Shared),
            known(9_007_199_254_740_993, "2026-11-22T03:00:05Z"),
        ),
        // The list has none, which is not nothing.
        (
            price_key("us-east-1", "q9.large", "RunInstances", Tenancy::Shared),
            KnownPrice {
                listed: Listed { per_hour: None, local_disks: LocalDisks::Has },
                asked: at("2026-11-22T03:00:06Z"),
            },
        ),
        (price_key("us-east-1", "q9.xlarge", "RunInstances", Tenancy::Shared), known(0, "2026-11-22T03:00:07Z")),
    ]);
    for (key, price) in &prices {
        book.keep(key, price).await.unwrap();
    }
    assert_eq!(book.prices().await.unwrap(), prices);
}

pub async fn a_later_answer_replaces_the_earlier(book: &dyn PriceBook) {
    let key = price_key("us-east-1", "m5.large", "RunInstances", Tenancy::Shared);
    let answers = [
        known(96_000, "2026-11-22T03:00:00Z"),
        KnownPrice { listed: Listed::default(), asked: at("2026-11-29T03:00:00Z") },
        known(95_000, "2026-11-30T03:00:00Z"),
    ];
    let others = book.prices().await.unwrap().len();
    for answer in answers {
        book.keep(&key, &answer).await.unwrap();
        let prices = book.prices().await.unwrap();
        assert_eq!((prices.get(&key), prices.len()), (Some(&answer), others + 1));
    }
}

/// More than a page of DynamoDB's Query, which ends at 1 MB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>
pub async fn every_price_is_read_however_many_there_are(book: &dyn PriceBook) {
    const MANY: u64 = 700;
    let long = "x".repeat(900);
    let many: BTreeMap<PriceKey, KnownPrice> = (0..MANY)
        .map(|number| {
            (
                price_key("us-west-2", &format!("m5.large{number}"), &long, Tenancy::Shared),
                known(number, "2026-11-22T03:00:00Z"),
            )
        })
        .collect();
    for (key, price) in &many {
        book.keep(key, price).await.unwrap();
    }
    let mut found = book.prices().await.unwrap();
    found.retain(|key, _| key.operation == long);
    assert!(found == many, "{} prices of {MANY}", found.len());
}

pub async fn an_empty_book_knows_no_report(book: &dyn SpendBook) {
    assert_eq!(book.hours(at("2026-01-01T00:00:00Z")).await.unwrap(), SpentHours::default());
    assert_eq!(book.editions().await.unwrap(), BTreeMap::new());
}

pub async fn hours_come_back_since_a_time(book: &dyn SpendBook) {
    let all = [
        ("2026-05-03T23:00:00Z", 7),
        ("2026-05-04T00:00:00Z", 0),
        ("2026-05-04T01:00:00Z", 98_320_000),
        ("2026-05-05T22:00:00Z", 9_007_199_254_740_993),
    ];
    let stored =
        report("20260501-20260601", "first", "2026-05-05T23:00:00Z", &[(10, hours(&all)), (11, hours(&all[2..3]))]);
    book.store(&stored).await.unwrap();
    assert_eq!(
        book.hours(at("2026-05-01T00:00:00Z")).await.unwrap(),
        SpentHours { accounts: stored.accounts.clone(), until: Some(stored.until) }
    );
    assert_eq!(since(book, 10, "2026-05-04T00:00:00Z").await, hours(&all[1..]), "the hour itself is in it");
    assert_eq!(since(book, 10, "2026-05-04T00:59:59Z").await, hours(&all[2..]));
    assert_eq!(since(book, 11, "2026-05-04T01:00:01Z").await, Hours::new());
    assert_eq!(since(book, 12, "2026-05-01T00:00:00Z").await, Hours::new());
    assert_eq!(
        book.hours(at("2026-05-06T00:00:00Z")).await.unwrap().until,
        Some(stored.until),
        "until when the data reaches is known, however old it is"
    );
    assert_eq!(book.editions().await.unwrap(), [("20260501-20260601".to_owned(), "first".to_owned())].into());
}

pub async fn a_report_without_anybodys_hours_still_reaches_until_its_end(book: &dyn SpendBook) {
    book.store(&report("20260601-20260701", "empty", "2026-06-01T05:00:00Z", &[])).await.unwrap();
    assert_eq!(book.hours(at("2026-06-01T00:00:00Z")).await.unwrap().until, Some(at("2026-06-01T05:00:00Z")));
    assert_eq!(book.editions().await.unwrap().get("20260601-20260701").map(String::as_str), Some("empty"));
}

pub async fn an_edition_replaces_another_of_its_period(book: &dyn SpendBook) {
    let period = "20260701-20260801";
    let first = [
        (20, hours(&[("2026-07-01T00:00:00Z", 1), ("2026-07-01T01:00:00Z", 2), ("2026-07-02T00:00:00Z", 3)])),
        (21, hours(&[("2026-07-01T00:00:00Z", 4)])),
        (22, hours(&[("2026-07-01T00:00:00Z", 5)])),
    ];
    book.store(&report(period, "first", "2026-07-02T01:00:00Z", &first)).await.unwrap();
    // An hour is corrected, one is gone from its day, a day is gone, an account is gone, and one has stayed as it was.
    let second = [
        (20, hours(&[("2026-07-01T00:00:00Z", 10)])),
        (22, hours(&[("2026-07-01T00:00:00Z", 5)])),
        (23, hours(&[("2026-07-03T00:00:00Z", 6)])),
    ];
    book.store(&report(period, "second", "2026-07-03T01:00:00Z", &second)).await.unwrap();
    for (number, expected) in second.iter().cloned().chain([(21, Hours::new())]) {
        assert_eq!(since(book, number, "2026-07-01T00:00:00Z").await, expected, "account {number}");
    }
    assert_eq!(book.hours(at("2026-07-01T00:00:00Z")).await.unwrap().until, Some(at("2026-07-03T01:00:00Z")));
    assert_eq!(book.editions().await.unwrap().get(period).map(String::as_str), Some("second"));
}

/// In an hour with usage, in one without, and gone with the edition that had them.
pub async fn purchases_come_back_beside_the_hours(book: &dyn SpendBook) {
    let begins = at("2026-04-01T00:00:00Z");
    let edition = |edition: &str, purchases: &[(&str, u64)]| {
        let usage = hours(&[("2026-04-01T00:00:00Z", 7)]);
        let mut report = report("20260401-20260501", edition, "2026-04-02T01:00:00Z", &[(25, usage)]);
        report.accounts.entry(account(25)).or_default().purchases = hours(purchases);
        report
    };
    for report in [
        edition("first", &[("2026-04-01T00:00:00Z", 100_000_000_000), ("2026-04-02T00:00:00Z", 5)]),
        edition("second", &[("2026-04-02T00:00:00Z", 6)]),
        edition("third", &[]),
    ] {
        book.store(&report).await.unwrap();
        let found = book.hours(begins).await.unwrap().accounts.remove(&account(25)).unwrap();
        assert_eq!(Some(&found), report.accounts.get(&account(25)), "{}", report.edition);
    }
}

pub async fn the_same_edition_may_be_stored_again(book: &dyn SpendBook) {
    let again = report(
        "20260801-20260901",
        "same",
        "2026-08-01T02:00:00Z",
        &[(30, hours(&[("2026-08-01T01:00:00Z", 1_500_000)]))],
    );
    for _ in 0..2 {
        book.store(&again).await.unwrap();
        assert_eq!(since(book, 30, "2026-08-01T00:00:00Z").await, hours(&[("2026-08-01T01:00:00Z", 1_500_000)]));
        assert_eq!(book.editions().await.unwrap().get("20260801-20260901").map(String::as_str), Some("same"));
    }
}

pub async fn two_periods_stand_side_by_side_at_the_months_turn(book: &dyn SpendBook) {
    let (september, october) = ("20260901-20261001", "20261001-20261101");
    let (last, first) = (("2026-09-30T23:00:00Z", 900_000_000), ("2026-10-01T00:00:00Z", 12_000_000));
    book.store(&report(september, "s1", "2026-10-01T00:00:00Z", &[(40, hours(&[last])), (41, hours(&[last]))]))
        .await
        .unwrap();
    book.store(&report(october, "o1", "2026-10-01T01:00:00Z", &[(40, hours(&[first]))])).await.unwrap();
    assert_eq!(since(book, 40, "2026-09-30T12:00:00Z").await, hours(&[last, first]));
    assert_eq!(since(book, 41, "2026-09-30T12:00:00Z").await, hours(&[last]));

    // Each is replaced by itself, and a late edition of the month before does not shorten what the data reaches to.
    book.store(&report(october, "o2", "2026-10-01T02:00:00Z", &[(41, hours(&[first]))])).await.unwrap();
    book.store(&report(september, "s2", "2026-10-01T00:00:00Z", &[(40, hours(&[last]))])).await.unwrap();
    assert_eq!(since(book, 40, "2026-09-30T12:00:00Z").await, hours(&[last]));
    assert_eq!(since(book, 41, "2026-09-30T12:00:00Z").await, hours(&[first]));
    assert_eq!(book.hours(at("2026-09-30T12:00:00Z")).await.unwrap().until, Some(at("2026-10-01T02:00:00Z")));
    let editions = book.editions().await.unwrap();
    assert_eq!([september, october].map(|period| editions.get(period).map(String::as_str)), [Some("s2"), Some("o2")]);
}

/// Three days of a thousand accounts, at amounts of as many digits as there may be: more than a page of DynamoDB's
/// Query.
pub async fn every_account_is_read_however_many_there_are(book: &dyn SpendBook) {
    const ACCOUNTS: u64 = 1000;
    let begins = at("2026-11-20T00:00:00Z");
    let three_days = |number: u64| {
        (0..72)
            .map(|hour| (begins + SignedDuration::from_hours(hour), Usd::micros(9_007_199_254_740_993_000 + number)))
            .collect::<Hours>()
    };
    // Where accounts are spread by their ids' last digits, all of these are in one place.
    let numbers = (0..ACCOUNTS).map(|number| 10_000 + 10 * number);
    let accounts: Vec<(u64, Hours)> = numbers.map(|number| (number, three_days(number))).collect();
    let stored = report("20261101-20261201", "first", "2026-11-23T00:00:00Z", &accounts);
    book.store(&stored).await.unwrap();
    let found = book.hours(begins).await.unwrap();
    let is_known = |hours: &AccountHours| *hours != AccountHours::default();
    let found: BTreeMap<AccountId, _> = found.accounts.into_iter().filter(|(_, hours)| is_known(hours)).collect();
    assert!(found == stored.accounts, "{} accounts of {ACCOUNTS}", found.len());
}

pub async fn the_hours_of_some_accounts_come_without_the_others(book: &dyn SpendBook) {
    let theirs = |first: u64| {
        let spent = [("2027-12-30T23:00:00Z", first), ("2027-12-31T00:00:00Z", 2), ("2027-12-31T23:00:00Z", 3)];
        hours(&spent)
    };
    let many: Vec<(u64, Hours)> = (900..950).map(|number| (number, theirs(number))).collect();
    book.store(&report("20271201-20280101", "one", "2028-01-01T00:00:00Z", &many)).await.unwrap();
    let last = [(900, hours(&[("2028-01-01T02:00:00Z", 4)]))];
    book.store(&report("20280101-20280201", "one", "2028-01-01T03:00:00Z", &last)).await.unwrap();
    let since = at("2027-12-31T00:00:00Z");
    let wanted = [900, 901, 999].map(account).into();
    let found = book.hours_of(&wanted, since).await.unwrap();
    assert_eq!(found.until, Some(at("2028-01-01T03:00:00Z")));
    assert_eq!(found.accounts.keys().cloned().collect::<Vec<_>>(), [account(900), account(901)]);
    let all = book.hours(since).await.unwrap();
    for (account, mut hours) in found.accounts {
        let whole = all.accounts.get(&account).unwrap().usage.clone().split_off(&since);
        assert_eq!(hours.usage.split_off(&since), whole, "{account}");
    }
}
