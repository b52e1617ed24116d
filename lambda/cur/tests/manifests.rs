//! Which files a manifest makes the current report.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use runawaytrain_cur::{FileFormat, Manifest, ManifestError, Period, Place, Totals};
use serde_json::{Value, json};
use support::*;

const PLACE: Place<'_> = Place { bucket: "payer-reports", prefix: "cur/" };

fn parse(document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(document.to_string().as_bytes(), PLACE)
}

fn keys(manifest: &Manifest) -> Vec<String> {
    manifest.files().map(|file| file.key).collect()
}

fn legacy() -> Value {
    json!({
        "assemblyId": "9b0d5b7a-0000-4000-8000-000000000001",
        "account": "999999999999",
        "columns": [{"category": "identity", "name": "LineItemId"}, {"category": "resourceTags", "name": "user:owner"}],
        "charset": "UTF-8",
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportName": "hourly",
        "billingPeriod": {"start": "20261101T000000.000Z", "end": "20261201T000000.000Z"},
        "bucket": "payer-reports",
        "reportKeys": ["cur/hourly/20261101-20261201/9b0d5b7a/hourly-1.csv.gz", "cur/hourly/20261101-20261201/9b0d5b7a/hourly-2.csv.gz"],
        "additionalArtifactKeys": [],
    })
}

fn export() -> Value {
    json!({
        "executionId": "2026-11-24T09-c0ffee",
        "columns": [{"category": "bill", "name": "bill_payer_account_id"}, {"name": "line_item_usage_account_id"}],
        "compression": "GZIP",
        "billingPeriod": {"start": "2026-11-01T00:00:00.000Z", "end": "2026-12-01T00:00:00.000Z"},
        "dataFiles": ["s3://payer-reports/cur/hourly/data/BILLING_PERIOD=2026-11/hourly-00001.csv.gz"],
    })
}

fn without(mut document: Value, key: &str) -> Value {
    document.as_object_mut().unwrap().remove(key).unwrap();
    document
}

fn with(mut document: Value, key: &str, value: Value) -> Value {
    document[key] = value;
    document
}

#[test]
fn a_legacy_manifest_names_the_files_of_one_assembly() {
    let manifest = parse(&legacy()).unwrap();
    assert_eq!(
        keys(&manifest),
        [
            "cur/hourly/20261101-20261201/9b0d5b7a/hourly-1.csv.gz",
            "cur/hourly/20261101-20261201/9b0d5b7a/hourly-2.csv.gz"
        ]
    );
    assert_eq!(manifest.version.as_deref(), Some("9b0d5b7a-0000-4000-8000-000000000001"));
    assert_eq!(manifest.period, november());
    assert_eq!(manifest.columns, ["identity/LineItemId", "resourceTags/user:owner"]);
    assert!(manifest.files().all(|file| file.version == manifest.version && file.period == november()));
}

#[test]
fn a_report_that_is_overwritten_needs_no_assembly() {
    let overwritten =
        with(without(legacy(), "assemblyId"), "reportKeys", json!(["cur/hourly/20261101-20261201/hourly-1.csv.gz"]));
    let manifest = parse(&overwritten).unwrap();
    assert_eq!((manifest.version.as_deref(), keys(&manifest).len()), (None, 1));
}

#[test]
fn the_manifest_of_an_export_names_addresses() {
    let manifest = parse(&export()).unwrap();
    assert_eq!(keys(&manifest), ["cur/hourly/data/BILLING_PERIOD=2026-11/hourly-00001.csv.gz"]);
    assert_eq!((manifest.version.as_deref(), manifest.period), (Some("2026-11-24T09-c0ffee"), november()));
    assert_eq!(manifest.columns, ["bill_payer_account_id", "line_item_usage_account_id"]);
    let bare = without(without(without(without(export(), "billingPeriod"), "executionId"), "columns"), "compression");
    assert_eq!(parse(&bare).unwrap().period, november(), "the period stands in the key as well");
    let december = with(bare, "dataFiles", json!(["cur/hourly/data/BILLING_PERIOD=2024-02/hourly-00001.csv.gz"]));
    assert_eq!(parse(&december).unwrap().period.to_string(), "2024-02-01T00:00:00Z to 2024-03-01T00:00:00Z");
}

#[test]
fn a_period_is_told_as_an_interval() {
    let json = serde_json::to_string(&november()).unwrap();
    assert_eq!(json, r#""2026-11-01T00:00:00Z/2026-12-01T00:00:00Z""#);
    assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), november());
    assert!(serde_json::from_str::<Period>(r#""2026-11-01T00:00:00Z""#).is_err());
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let twice = with(legacy(), "reportKeys", json!(["cur/a.csv.gz", "cur/b.csv.gz", "cur/a.csv.gz"]));
    assert_eq!(keys(&parse(&twice).unwrap()), ["cur/a.csv.gz", "cur/b.csv.gz"]);
}

#[test]
fn what_is_no_manifest_is_said() {
    for text in ["", "{", "not json", "[]", "null", "7", r#"{"reportKeys": "one"}"#, r#"{"reportKeys": [1]}"#] {
        assert!(matches!(Manifest::parse(text.as_bytes(), PLACE), Err(ManifestError::NotAManifest(_))), "{text}");
    }
    assert!(matches!(Manifest::parse(b"\xff\xfe", PLACE), Err(ManifestError::NotAManifest(_))));
    assert!(matches!(parse(&json!({})), Err(ManifestError::NoFileList)));
    assert!(matches!(parse(&with(legacy(), "reportKeys", json!([]))), Err(ManifestError::NoFiles)));
}

#[test]
fn a_billing_period_that_cannot_be_is_refused() {
    for (start, end) in [
        ("20261101T000000.000Z", "20261101T000000.000Z"),
        ("20261201T000000.000Z", "20261101T000000.000Z"),
        ("20261101T000000.000Z", "20271101T000000.000Z"),
        ("", ""),
        ("November", "December"),
        ("20261101T000000.000+0100", "20261201T000000.000+0100"),
    ] {
        let error = parse(&with(legacy(), "billingPeriod", json!({"start": start, "end": end}))).unwrap_err();
        assert!(matches!(error, ManifestError::NoPeriod { .. }), "{start} to {end}: {error}");
    }
    assert!(
        matches!(parse(&without(legacy(), "billingPeriod")), Err(ManifestError::NoPeriod { .. })),
        "a legacy key does not tell it"
    );
}

#[test]
fn an_export_in_the_focus_format_says_that_a_report_is_needed() {
    let document = with(export(), "columns", json!([{ "name": "BilledCost", "type": "double" }]));
    let error = parse(&document).unwrap_err();
    assert!(matches!(error, ManifestError::Focus), "{error}");
    assert!(error.to_string().contains("write cur: {} to have one made beside it"), "{error}");
}

#[test]
fn a_file_says_what_it_is_written_in() {
    for (document, format) in [
        (legacy(), FileFormat::GzipCsv),
        (
            with(with(legacy(), "compression", json!("Parquet")), "reportKeys", json!(["cur/a.snappy.parquet"])),
            FileFormat::Parquet,
        ),
        (
            with(without(export(), "compression"), "dataFiles", json!(["s3://payer-reports/cur/a.snappy.parquet"])),
            FileFormat::Parquet,
        ),
    ] {
        let manifest = parse(&document).unwrap();
        assert!(manifest.files().all(|file| file.format == format), "{document}");
    }
}

#[test]
fn formats_that_are_not_read_say_what_to_do() {
    for document in [
        with(legacy(), "compression", json!("ZIP")),
        with(legacy(), "reportKeys", json!(["cur/a.csv.zip"])),
        with(legacy(), "reportKeys", json!(["cur/a.csv"])),
    ] {
        let error = parse(&document).unwrap_err();
        assert!(matches!(error, ManifestError::Compression { .. }), "{error}");
    }
}

#[test]
fn a_manifest_cannot_send_the_reader_elsewhere() {
    for file in ["other/a.csv.gz", "/cur/a.csv.gz", "curious.csv.gz", "", "s3://payer-reports/other/a.csv.gz"] {
        let error = parse(&with(legacy(), "reportKeys", json!(["cur/a.csv.gz", file]))).unwrap_err();
        assert!(matches!(error, ManifestError::OutsidePrefix { .. }), "{file}: {error}");
    }
    for file in ["s3://other/cur/a.csv.gz", "s3://payer-reports", "s3://payer-reports.evil/cur/a.csv.gz", "s3://"] {
        let error = parse(&with(export(), "dataFiles", json!([file]))).unwrap_err();
        assert!(matches!(error, ManifestError::OtherBucket { .. }), "{file}: {error}");
    }
    let anywhere = Place { bucket: "payer-reports", prefix: "" };
    assert!(Manifest::parse(legacy().to_string().as_bytes(), anywhere).is_ok());
}

#[test]
fn a_report_is_complete_when_every_file_of_its_manifest_counted() {
    let manifest = parse(&legacy()).unwrap();
    let mut totals = Totals::default();
    for file in manifest.files() {
        assert!(!totals.is_complete(&manifest));
        totals.merge(read_in_pieces(file, &gzip(&csv(&[usage(ALICE, "2026-11-24T09", "1")])), 100).unwrap()).unwrap();
    }
    assert!(totals.is_complete(&manifest));
    assert!(
        !totals.is_complete(&parse(&with(legacy(), "assemblyId", json!("newer"))).unwrap()),
        "an older edition is not the current report"
    );
}
