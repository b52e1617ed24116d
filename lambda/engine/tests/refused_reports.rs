//! Cost and Usage Reports that are refused whole: what was known of the month stays, and the answer says why.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod bucket;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use bucket::{BUCKET, FILE, NOVEMBER, csv, deliver, gzip, pairs, period, read, scene, stored};
use common::QUIET;
use runawaytrain_core::message::report::PeriodResult;
use runawaytrain_testbed::Testbed;

/// Reads one edition that must not be taken, after one that was: the hours of the first stay, and the answer says these
/// words.
async fn refused(spoil: impl FnOnce(&Testbed), words: &[&str]) {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "good", &[&[(QUIET, "2026-11-22T00", "7")]]);
    assert_eq!(read(&scene).await.status, 200);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    spoil(&scene.testbed);
    let answer = read(&scene).await;
    assert_eq!((answer.status, period(&answer, NOVEMBER).result), (500, PeriodResult::Failed), "{answer:?}");
    assert!(words.iter().all(|words| answer.body.contains(words)), "{words:?} in: {}", answer.body);
    assert!(answer.body.contains("what was known of it stays"), "{}", answer.body);
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T00", 7_000_000)]));
    // Once AWS has mended it, it is read.
    deliver(&scene.testbed, NOVEMBER, "mended", &[&[(QUIET, "2026-11-22T01", "8")]]);
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T01", 8_000_000)]));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_names_a_missing_file_is_refused_whole() {
    let spoil = |testbed: &Testbed| {
        deliver(testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "1")], &[(QUIET, "2026-11-22T01", "2")]]);
        testbed.reports.remove(BUCKET, "cur/hourly/20261101-20261201/aaaa/hourly-00002.csv.gz");
    };
    refused(spoil, &["aaaa/hourly-00002.csv.gz is missing"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_truncated_file_is_refused_whole() {
    let spoil = |testbed: &Testbed| {
        deliver(testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "1")], &[(QUIET, "2026-11-22T01", "2")]]);
        let mut bytes = gzip(&csv(&[(QUIET, "2026-11-22T01", "1")]));
        bytes.truncate(bytes.len() - 9);
        testbed.reports.put(BUCKET, FILE, bytes);
    };
    refused(spoil, &[FILE, "the file ends early"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_no_report_is_refused_whole() {
    let spoil = |testbed: &Testbed| {
        deliver(testbed, NOVEMBER, "aaaa", &[&[]]);
        testbed.reports.put(BUCKET, FILE, gzip(b"account,cost\n1,2\n"));
    };
    refused(spoil, &[FILE, "lineItem/UsageAccountId"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_cannot_be_read_is_refused() {
    let put = |body: &'static str| {
        move |testbed: &Testbed| {
            testbed.reports.put(BUCKET, "cur/hourly/20261101-20261201/hourly-Manifest.json", body.as_bytes().to_vec())
        }
    };
    refused(put("<html>"), &["hourly-Manifest.json", "not a manifest"]).await;
    refused(put(r#"{"reportKeys":["elsewhere/x.csv.gz"],"billingPeriod":{"start":"20261101T000000.000Z","end":"20261201T000000.000Z"}}"#), &["outside of the prefix"])
        .await;
    refused(put(r#"{"reportKeys":["cur/x.csv.gz"],"billingPeriod":{"start":"20261001T000000.000Z","end":"20261101T000000.000Z"}}"#), &["not the month of its folder"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn two_reports_under_one_prefix_are_not_added_up() {
    let spoil = |testbed: &Testbed| {
        testbed.reports.put(BUCKET, "cur/other/20261101-20261201/other-Manifest.json", b"{}".to_vec())
    };
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
    spoil(&scene.testbed);
    let answer = read(&scene).await;
    assert_eq!((answer.status, period(&answer, NOVEMBER).result), (500, PeriodResult::Failed));
    assert!(answer.body.contains("cur.prefix"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_nothing_but_bad_rows_or_other_money_does_not_say_that_nothing_was_spent() {
    refused(
        |testbed| deliver(testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "many")]]),
        &["none of its 1 rows could be read", "many"],
    )
    .await;
    let in_yuan = |testbed: &Testbed| {
        deliver(testbed, NOVEMBER, "aaaa", &[&[]]);
        let text = String::from_utf8(csv(&[(QUIET, "2026-11-22T01", "5")])).unwrap().replace("USD", "CNY");
        testbed.reports.put(BUCKET, FILE, gzip(text.as_bytes()));
    };
    refused(in_yuan, &["CNY", "limits are in US dollars"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_breaks_off_is_begun_anew_and_counts_once() {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "5")]]);
    scene.testbed.reports.cut(FILE, 60, 2);
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T01", 5_000_000)]));
    refused(
        |testbed| {
            deliver(testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "5")]]);
            testbed.reports.cut(FILE, 60, 3);
        },
        &[FILE, "s3:GetObject got no usable answer"],
    )
    .await;
}
