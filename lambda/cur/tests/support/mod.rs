//! Reports for tests: lines, and how they are written down.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use proptest::test_runner::Config;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_cur::{Amount, FileFormat, Hour, Period, Reader, ReportError, ReportFile, Totals};

pub const ALICE: &str = "111111111111";
pub const BOB: &str = "022222222222";

/// The columns of a legacy report, some of them of no use to the reader.
pub const LEGACY: [&str; 12] = [
    "identity/LineItemId",
    "bill/PayerAccountId",
    "lineItem/UsageAccountId",
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/LineItemDescription",
    "lineItem/UnblendedCost",
    "lineItem/CurrencyCode",
    "reservation/EffectiveCost",
    "savingsPlan/SavingsPlanEffectiveCost",
    "resourceTags/user:owner",
];

/// The same in the spelling of CUR 2.0.
pub const EXPORT: [&str; 12] = [
    "identity_line_item_id",
    "bill_payer_account_id",
    "line_item_usage_account_id",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_line_item_description",
    "line_item_unblended_cost",
    "line_item_currency_code",
    "reservation_effective_cost",
    "savings_plan_savings_plan_effective_cost",
    "resource_tags",
];

/// One line item, one text for each of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub [String; 12]);

pub fn line(account: &str, kind: &str, start: &str, end: &str, cost: &str) -> Line {
    Line(["id", "999999999999", account, kind, start, end, "description", cost, "USD", "", "", ""].map(str::to_owned))
}

/// An hour of plain usage: `usage(ALICE, "2026-11-24T09", "1.5")`.
pub fn usage(account: &str, hour: &str, cost: &str) -> Line {
    line(account, "Usage", &format!("{hour}:00:00Z"), &self::hour(hour).plus(1).to_string(), cost)
}

impl Line {
    pub fn with(mut self, column: &str, text: &str) -> Self {
        let place = LEGACY.iter().position(|name| *name == column).unwrap();
        self.0[place] = text.to_owned();
        self
    }
}

/// A CSV with its columns in the given order.
pub fn csv_of(names: &[&str; 12], order: &[usize], lines: &[Line]) -> Vec<u8> {
    csv_as(csv::WriterBuilder::new(), names, order, lines)
}

pub fn csv_as(mut style: csv::WriterBuilder, names: &[&str; 12], order: &[usize], lines: &[Line]) -> Vec<u8> {
    let mut writer = style.has_headers(false).from_writer(Vec::new());
    writer.write_record(order.iter().map(|place| names[*place])).unwrap();
    for line in lines {
        writer.write_record(order.iter().map(|place| &line.0[*place])).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A legacy CSV in its usual order.
pub fn csv(lines: &[Line]) -> Vec<u8> {
    csv_of(&LEGACY, &(0..12).collect::<Vec<_>>(), lines)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn november() -> Period {
    Period::new(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")).unwrap()
}

pub fn october() -> Period {
    Period::new(at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")).unwrap()
}

pub fn file(key: &str) -> ReportFile {
    ReportFile {
        key: key.to_owned(),
        version: Some("assembly-1".to_owned()),
        period: november(),
        format: FileFormat::GzipCsv,
    }
}

/// Reads gzip bytes, in pieces of one size.
pub fn read_in_pieces(file: ReportFile, bytes: &[u8], size: usize) -> Result<Totals, ReportError> {
    let mut reader = Reader::new(file);
    for piece in bytes.chunks(size.max(1)) {
        reader.feed(piece)?;
    }
    reader.finish()
}

pub fn read_gzip(bytes: &[u8]) -> Result<Totals, ReportError> {
    read_in_pieces(file("report-1.csv.gz"), bytes, 4096)
}

/// The totals of a legacy report of these lines.
pub fn totals(lines: &[Line]) -> Totals {
    read_gzip(&gzip(&csv(lines))).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `hour("2026-11-24T09")`.
pub fn hour(text: &str) -> Hour {
    Hour::containing(at(&format!("{text}:00:00Z")))
}

pub fn amount(text: &str) -> Amount {
    Amount::parse(text.as_bytes()).unwrap()
}

pub fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

/// `[("2026-11-24T09:00:00Z", "1.5")]`: the hours of an account that are not zero.
pub fn hours(totals: &Totals, account: &str) -> Vec<(String, String)> {
    totals
        .accounts
        .get(&id(account))
        .map(|sums| sums.usage.iter().map(|(hour, amount)| (hour.to_string(), amount.to_string())).collect())
        .unwrap_or_default()
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(hour, amount)| (format!("{hour}:00:00Z"), (*amount).to_owned())).collect()
}

/// `PROPTEST_CASES` when set, for a longer run.
#[expect(clippy::disallowed_methods, reason = "the environment sets how long to search; the reader never reads it")]
pub fn cases(usual: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() }
}
