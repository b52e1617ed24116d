//! Cost and Usage Reports in the simulated bucket, as AWS lays them out.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use runawaytrain_core::message::report::{Answer, CostReportsReport, PeriodReport, Report};
use runawaytrain_core::policy::Policy;
use runawaytrain_engine::ports::SpendBook;
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::{Value, json};

use crate::common::{PAYER, QUIET, REGIONS, Scene, id, policy};

pub const BUCKET: &str = "payer-reports";
pub const NOVEMBER: &str = "20261101-20261201";
pub const OCTOBER: &str = "20261001-20261101";
/// The edition that most tests are about.
pub const FILE: &str = "cur/hourly/20261101-20261201/aaaa/hourly-00001.csv.gz";

/// A policy that adopts the reports and halts past 100 USD in 24 hours.
pub fn spending() -> Policy {
    policy(json!({
        "cur": { "bucket": BUCKET, "prefix": "cur" },
        "defaults": { "limits": { "instances": 4, "spend24h": 100 }, "notify": ["cloud@example.edu"] },
    }))
}

/// A CSV line: account, hour as `2026-11-22T01`, cost.
pub type Line<'a> = (&'a str, &'a str, &'a str);

pub fn csv(lines: &[Line<'_>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "lineItem/UsageAccountId",
        "lineItem/LineItemType",
        "lineItem/UsageStartDate",
        "lineItem/UsageEndDate",
        "lineItem/UnblendedCost",
        "lineItem/CurrencyCode",
    ];
    writer.write_record(header).unwrap();
    for (account, hour, cost) in lines {
        let start: Timestamp = format!("{hour}:00:00Z").parse().unwrap();
        let end = start + SignedDuration::from_hours(1);
        writer.write_record([account, "Usage", &start.to_string(), &end.to_string(), *cost, "USD"]).unwrap();
    }
    writer.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same lines as AWS writes them for Athena, two a row group.
pub fn parquet(lines: &[Line<'_>]) -> Vec<u8> {
    const SCHEMA: &str = "message report {
        optional binary line_item_usage_account_id (utf8);
        optional binary line_item_line_item_type (utf8);
        optional int64 line_item_usage_start_date (timestamp_millis);
        optional int64 line_item_usage_end_date (timestamp_millis);
        optional double line_item_unblended_cost;
        optional binary line_item_currency_code (utf8);
    }";
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(parse_message_type(SCHEMA).unwrap()), Arc::default()).unwrap();
    for lines in lines.chunks(2) {
        let there = vec![1; lines.len()];
        let start = |hour: &str| format!("{hour}:00:00Z").parse::<Timestamp>().unwrap();
        let texts = |of: &dyn Fn(&Line<'_>) -> String| {
            lines.iter().map(|line| ByteArray::from(of(line).into_bytes())).collect::<Vec<_>>()
        };
        let moments = |later: SignedDuration| {
            lines.iter().map(|(_, hour, _)| (start(hour) + later).as_millisecond()).collect::<Vec<_>>()
        };
        let costs: Vec<f64> = lines.iter().map(|(_, _, cost)| cost.parse().unwrap()).collect();
        let mut group = writer.next_row_group().unwrap();
        for place in 0..6 {
            let mut column = group.next_column().unwrap().unwrap();
            match place {
                0 => column.typed::<ByteArrayType>().write_batch(&texts(&|line| line.0.into()), Some(&there), None),
                1 => column.typed::<ByteArrayType>().write_batch(&texts(&|_| "Usage".into()), Some(&there), None),
                2 => column.typed::<Int64Type>().write_batch(&moments(SignedDuration::ZERO), Some(&there), None),
                3 => {
                    let ends = moments(SignedDuration::from_hours(1));
                    column.typed::<Int64Type>().write_batch(&ends, Some(&there), None)
                }
                4 => column.typed::<DoubleType>().write_batch(&costs, Some(&there), None),
                _ => column.typed::<ByteArrayType>().write_batch(&texts(&|_| "USD".into()), Some(&there), None),
            }
            .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// Where [`deliver_parquet`] puts the file.
pub const PARQUET: &str = "cur/hourly/hourly/year=2026/month=11/hourly-00001.snappy.parquet";

/// Delivers an edition of a legacy report of November for Athena, which AWS always has in overwrite mode.
pub fn deliver_parquet(testbed: &Testbed, assembly: &str, lines: &[Line<'_>]) {
    testbed.reports.put(BUCKET, PARQUET, parquet(lines));
    let manifest = json!({ "assemblyId": assembly, "compression": "Parquet", "contentType": "Parquet", "bucket": BUCKET, "billingPeriod": billing_period(NOVEMBER), "reportKeys": [PARQUET] });
    let key = format!("cur/hourly/{NOVEMBER}/hourly-Manifest.json");
    testbed.reports.put(BUCKET, &key, manifest.to_string().into_bytes());
}

/// `20261101-20261201` as a legacy manifest says it.
fn billing_period(folder: &str) -> Value {
    let (start, end) = folder.split_once('-').unwrap();
    json!({ "start": format!("{start}T000000.000Z"), "end": format!("{end}T000000.000Z") })
}

/// Delivers an edition of the legacy report as AWS does: the files, then the manifest.
pub fn deliver(testbed: &Testbed, month: &str, assembly: &str, files: &[&[Line<'_>]]) {
    let keys: Vec<String> =
        (1..=files.len()).map(|number| format!("cur/hourly/{month}/{assembly}/hourly-{number:05}.csv.gz")).collect();
    for (key, lines) in keys.iter().zip(files) {
        testbed.reports.put(BUCKET, key, gzip(&csv(lines)));
    }
    manifest(testbed, month, assembly, &keys);
}

/// The same in overwrite mode: the files keep their names.
pub fn overwrite(testbed: &Testbed, month: &str, assembly: &str, files: &[&[Line<'_>]]) {
    let keys: Vec<String> =
        (1..=files.len()).map(|number| format!("cur/hourly/{month}/hourly-{number:05}.csv.gz")).collect();
    for (key, lines) in keys.iter().zip(files) {
        testbed.reports.put(BUCKET, key, gzip(&csv(lines)));
    }
    manifest(testbed, month, assembly, &keys);
}

/// Writes a legacy manifest alone.
pub fn manifest(testbed: &Testbed, month: &str, assembly: &str, keys: &[String]) {
    let manifest = json!({ "assemblyId": assembly, "compression": "GZIP", "bucket": BUCKET, "billingPeriod": billing_period(month), "reportKeys": keys });
    testbed.reports.put(BUCKET, &format!("cur/hourly/{month}/hourly-Manifest.json"), manifest.to_string().into_bytes());
}

pub fn report(answer: &Answer) -> &CostReportsReport {
    match &answer.report {
        Some(Report::CostReports(report)) => report,
        _ => panic!("no cost reports: {answer:?}"),
    }
}

pub fn period<'a>(answer: &'a Answer, folder: &str) -> &'a PeriodReport {
    report(answer)
        .periods
        .iter()
        .find(|period| period.period == folder)
        .unwrap_or_else(|| panic!("{folder} is not in {answer:?}"))
}

/// A payer and an account with two instances, at 2026-11-22T03:00:00Z.
pub fn scene() -> Scene {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS).running("us-east-1", 1, "t2.micro"));
    testbed
        .world
        .add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 2, "t2.micro").user("dora", 1, true));
    Scene::new(testbed, spending())
}

pub async fn read(scene: &Scene) -> Answer {
    scene.send(json!({ "action": "reports" })).await
}

/// An account's hours in the table: `[("2026-11-22T01:00:00Z", 1_500_000)]`.
pub async fn stored(scene: &Scene, account: &str) -> Vec<(String, u64)> {
    let hours = scene.testbed.ledger.hours(Timestamp::MIN).await.unwrap();
    hours
        .accounts
        .get(&id(account))
        .map(|hours| hours.usage.iter().map(|(hour, amount)| (hour.to_string(), amount.as_micros())).collect())
        .unwrap_or_default()
}

pub fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(hour, micros)| (format!("{hour}:00:00Z"), *micros)).collect()
}
