//! Cost and Usage Reports: which are read, what is stored of them, what is said of those that cannot be read, and what
//! a sweep makes of it.
#![cfg(test)]

mod bucket;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::time::Duration;

use bucket::{
    BUCKET, FILE, Line, NOVEMBER, OCTOBER, PARQUET, csv, deliver, deliver_parquet, gzip, manifest, overwrite, pairs,
    parquet, period, read, report, scene, spending, stored,
};
use common::{PAYER, QUIET, Scene, policy, report_of};
use events::{payload, records, touched};
use jiff::Timestamp;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::spend::SpendSource;
use runawaytrain_core::message::report::PeriodResult;
use runawaytrain_core::record::State;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::SpendBook;
use runawaytrain_testbed::{Fault, OBJECTS_A_PAGE, failure};
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_report_is_read_by_account_and_hour_and_its_age_is_said() {
    let scene = scene();
    let files: [&[Line<'_>]; 4] = [
        &[(QUIET, "2026-11-22T01", "0.0000005"), (QUIET, "2026-11-22T00", "1.5")],
        &[(QUIET, "2026-11-22T00", "0.25")],
        &[(PAYER, "2026-11-21T23", "3")],
        // Too old to matter, and no longer within the day.
        &[(PAYER, "2026-11-11T23", "1000"), (PAYER, "2026-11-20T23", "40")],
    ];
    deliver(&scene.testbed, NOVEMBER, "aaaa", &files);
    let answer = read(&scene).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Half a millionth is one: rounded once, after all was added up.
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T00", 1_750_000), ("2026-11-22T01", 1)]));
    assert_eq!(stored(&scene, PAYER).await, pairs(&[("2026-11-20T23", 40_000_000), ("2026-11-21T23", 3_000_000)]));
    let november = period(&answer, NOVEMBER);
    let was_read = november.read.as_ref().unwrap();
    assert_eq!((was_read.files, was_read.rows, was_read.accounts, was_read.hours), (4, 6, 2, 4));
    assert_eq!((was_read.until, november.version.as_deref()), (Some(at("2026-11-22T02:00:00Z")), Some("aaaa")));
    assert!(was_read.gaps.is_empty());
    let day = report(&answer).day.unwrap();
    assert_eq!(
        (day.amount, day.from, day.until),
        (Usd::micros(4_750_001), at("2026-11-21T02:00:00Z"), at("2026-11-22T02:00:00Z"))
    );
    assert_eq!(report(&answer).age, Some(3600));
    assert!(
        answer.body.contains("1 hour ago") && answer.body.contains("No account was looked at or changed."),
        "{}",
        answer.body
    );
    assert!(scene.testbed.reports.most_open() == 3, "{} transfers at once", scene.testbed.reports.most_open());
    assert_eq!((scene.testbed.world.looks(), scene.testbed.world.calls().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_report_in_parquet_is_read_by_account_and_hour() {
    let scene = scene();
    let lines = [
        (QUIET, "2026-11-22T01", "0.0000005"),
        (QUIET, "2026-11-22T00", "1.5"),
        (PAYER, "2026-11-21T23", "3"),
        (QUIET, "2026-11-22T00", "0.25"),
        (PAYER, "2026-11-11T23", "1000"),
    ];
    deliver_parquet(&scene.testbed, "aaaa", &lines);
    let answer = read(&scene).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T00", 1_750_000), ("2026-11-22T01", 1)]));
    assert_eq!(stored(&scene, PAYER).await, pairs(&[("2026-11-21T23", 3_000_000)]));
    let was_read = period(&answer, NOVEMBER).read.as_ref().unwrap();
    assert_eq!((was_read.files, was_read.rows, was_read.accounts), (1, 5, 2));
    assert!(was_read.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_parquet_file_that_is_replaced_while_it_is_read_counts_once_it_is_whole() {
    let scene = scene();
    let (old, new) = ([(QUIET, "2026-11-22T00", "1")], [(QUIET, "2026-11-22T00", "2"), (QUIET, "2026-11-22T01", "3")]);
    deliver_parquet(&scene.testbed, "aaaa", &old);
    let testbed = &scene.testbed;
    let replace = async {
        while !testbed.reports.read().iter().any(|key| key == PARQUET) {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        testbed.reports.put(BUCKET, PARQUET, parquet(&new));
    };
    let (answer, ()) = tokio::join!(read(&scene), replace);
    let november = period(&answer, NOVEMBER);
    assert_eq!(november.result, PeriodResult::Failed, "{answer:?}");
    assert!(november.error.as_ref().unwrap().contains(PARQUET), "{november:?}");
    assert_eq!(stored(&scene, QUIET).await, []);
    deliver_parquet(&scene.testbed, "bbbb", &new);
    read(&scene).await;
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T00", 2_000_000), ("2026-11-22T01", 3_000_000)]));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_edition_is_not_read_again() {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
    read(&scene).await;
    let before = scene.testbed.reports.read().len();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let answer = read(&scene).await;
    assert_eq!(
        (period(&answer, NOVEMBER).result, scene.testbed.reports.read().len()),
        (PeriodResult::Unchanged, before)
    );
    assert_eq!(report(&answer).day.unwrap().amount, Usd::from_dollars(1.0), "what is known is said all the same");
    // The same words, written again: in overwrite mode the files beside it may be others.
    manifest(&scene.testbed, NOVEMBER, "aaaa", &[FILE.to_owned()]);
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
}

#[tokio::test(start_paused = true)]
async fn a_new_edition_takes_the_place_of_the_old_in_both_modes_of_delivery() {
    for new_folder in [true, false] {
        let scene = scene();
        let deliver = if new_folder { deliver } else { overwrite };
        deliver(
            &scene.testbed,
            NOVEMBER,
            "aaaa",
            &[&[(QUIET, "2026-11-22T00", "1"), (QUIET, "2026-11-21T22", "9")], &[(QUIET, "2026-11-22T00", "2")]],
        );
        read(&scene).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        // The second file of the first edition is still in the bucket, and no longer counts.
        deliver(&scene.testbed, NOVEMBER, "bbbb", &[&[(QUIET, "2026-11-22T00", "5"), (QUIET, "2026-11-22T01", "6")]]);
        let answer = read(&scene).await;
        assert_eq!(period(&answer, NOVEMBER).version.as_deref(), Some("bbbb"));
        assert_eq!(
            stored(&scene, QUIET).await,
            pairs(&[("2026-11-22T00", 5_000_000), ("2026-11-22T01", 6_000_000)]),
            "new folders: {new_folder}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_is_read_like_a_legacy_report() {
    let scene = scene();
    let data = "cur/daily/data/BILLING_PERIOD=2026-11/daily-00001.csv.gz";
    let text = String::from_utf8(csv(&[(QUIET, "2026-11-22T00", "4")])).unwrap();
    let names = [
        ("lineItem/UsageAccountId", "line_item_usage_account_id"),
        ("lineItem/LineItemType", "line_item_line_item_type"),
        ("lineItem/UsageStartDate", "line_item_usage_start_date"),
        ("lineItem/UsageEndDate", "line_item_usage_end_date"),
        ("lineItem/UnblendedCost", "line_item_unblended_cost"),
        ("lineItem/CurrencyCode", "line_item_currency_code"),
    ];
    let text = names.iter().fold(text, |text, (legacy, export)| text.replace(legacy, export));
    scene.testbed.reports.put(BUCKET, data, gzip(text.as_bytes()));
    let manifest = json!({ "dataFiles": [format!("s3://{BUCKET}/{data}")] });
    scene.testbed.reports.put(
        BUCKET,
        "cur/daily/metadata/BILLING_PERIOD=2026-11/daily-Manifest.json",
        manifest.to_string().into_bytes(),
    );
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T00", 4_000_000)]));
}

#[tokio::test(start_paused = true)]
async fn at_the_turn_of_a_month_both_months_are_read() {
    let scene = scene();
    // To 2026-12-01T03:00:00Z.
    tokio::time::sleep(Duration::from_secs(9 * 86_400)).await;
    let (december, november) = ("20261201-20270101", NOVEMBER);
    deliver(&scene.testbed, november, "nnnn", &[&[(QUIET, "2026-11-30T23", "30"), (QUIET, "2026-11-30T01", "1000")]]);
    deliver(&scene.testbed, december, "dddd", &[&[(QUIET, "2026-12-01T01", "20")]]);
    let answer = read(&scene).await;
    assert_eq!(
        (period(&answer, november).result, period(&answer, december).result),
        (PeriodResult::Read, PeriodResult::Read)
    );
    assert_eq!(
        report(&answer).day.unwrap().amount,
        Usd::from_dollars(50.0),
        "a day is a window over midnight, and over the month"
    );
    // In the second week nothing of November matters any more, and it is not read again.
    tokio::time::sleep(Duration::from_secs(9 * 86_400)).await;
    deliver(&scene.testbed, november, "closed", &[&[(QUIET, "2026-11-30T23", "31")]]);
    assert_eq!(period(&read(&scene).await, november).result, PeriodResult::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_many_pages_is_read_to_its_end() {
    let scene = scene();
    for number in 0..OBJECTS_A_PAGE * 3 {
        scene.testbed.reports.put(BUCKET, &format!("cur/a-{number}"), Vec::new());
    }
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    scene.testbed.reports.fault(Fault::always("s3:ListBucket", FailureKind::Denied));
    let answer = read(&scene).await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.contains("s3:ListBucket was denied") && answer.body.contains("s3://payer-reports/cur/"),
        "{}",
        answer.body
    );
}

#[tokio::test(start_paused = true)]
async fn bad_rows_make_a_lower_bound_that_says_so() {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T01", "5"), (QUIET, "2026-11-22T01", "many")]]);
    let answer = read(&scene).await;
    let gaps = &period(&answer, NOVEMBER).read.as_ref().unwrap().gaps;
    assert_eq!((answer.status, gaps.len()), (200, 1));
    assert!(gaps[0].contains("1 row could not be read") && gaps[0].contains(&format!("{FILE} row 3")), "{gaps:?}");
    assert!(answer.body.contains("a lower bound"), "{}", answer.body);
    assert_eq!(stored(&scene, QUIET).await, pairs(&[("2026-11-22T01", 5_000_000)]));
}

#[tokio::test(start_paused = true)]
async fn accounts_that_the_organization_does_not_have_are_kept_apart() {
    let scene = scene();
    deliver(
        &scene.testbed,
        NOVEMBER,
        "aaaa",
        &[&[(QUIET, "2026-11-22T01", "5"), ("999999999999", "2026-11-22T01", "70")]],
    );
    let answer = read(&scene).await;
    let report = report(&answer);
    assert_eq!(report.day.unwrap().amount, Usd::from_dollars(5.0));
    assert_eq!(
        report.non_members.iter().map(|spend| (spend.account.as_str(), spend.day)).collect::<Vec<_>>(),
        [("999999999999", Usd::from_dollars(70.0))]
    );
    assert!(answer.body.contains("999999999999 (70.00 USD)"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_read_by_the_next_invocation() {
    let scene = scene();
    // Costs that gzip cannot shorten: some seconds of virtual time to transfer.
    let costs: Vec<String> =
        (0..50_000_u64).map(|number| format!("0.{:07}", number.wrapping_mul(2_654_435_761) % 10_000_000)).collect();
    let lines: Vec<Line<'_>> = costs.iter().map(|cost| (QUIET, "2026-11-22T01", cost.as_str())).collect();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&lines]);
    let began = tokio::time::Instant::now();
    let answer = scene.send_within(json!({ "action": "reports" }), Deadline::within(Duration::from_millis(200))).await;
    assert_eq!((answer.status, period(&answer, NOVEMBER).result), (200, PeriodResult::NotReached), "{answer:?}");
    assert!(began.elapsed() < Duration::from_millis(200));
    assert_eq!(stored(&scene, QUIET).await, []);
    assert!(scene.testbed.ledger.editions().await.unwrap().is_empty());
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    assert_eq!(stored(&scene, QUIET).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_without_a_report_is_no_zero() {
    let scene = scene();
    scene.testbed.reports.put(BUCKET, "cur/aws-programmatic-access-test-object", Vec::new());
    let answer = read(&scene).await;
    assert_eq!(
        (answer.status, period(&answer, NOVEMBER).result, report(&answer).day),
        (200, PeriodResult::Absent, None)
    );
    assert!(answer.body.contains("Nothing is known of what was spent"), "{}", answer.body);
    let swept = scene.tick().await;
    assert_eq!(report_of(&swept, QUIET).unknown, [Limit::Spend24h]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_report_is_unknown_to_the_verdict_and_not_nothing() {
    let scene = scene();
    // Of 50 hours ago, past the limit; and one so old that none of its hours is kept.
    for hour in ["2026-11-20T00", "2026-11-10T00"] {
        deliver(&scene.testbed, NOVEMBER, hour, &[&[(QUIET, hour, "1000")]]);
        let answer = read(&scene).await;
        assert!(answer.body.contains("too old to judge anything by"), "{}", answer.body);
        let swept = scene.tick().await;
        let quiet = report_of(&swept, QUIET);
        assert_eq!(
            (quiet.verdict, quiet.unknown.as_slice(), quiet.spend.day),
            (Some(Judgement::Ok), [Limit::Spend24h].as_slice(), None),
            "{hour}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_reaches_no_further_than_it_was_written() {
    let scene = scene();
    // A daily report: no line is of an hour.
    let mut text = String::from_utf8(csv(&[])).unwrap();
    text.push_str(&format!("{QUIET},Usage,2026-11-22T00:00:00Z,2026-11-23T00:00:00Z,30,USD\n"));
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[]]);
    scene.testbed.reports.put(BUCKET, FILE, gzip(text.as_bytes()));
    let answer = read(&scene).await;
    assert_eq!(period(&answer, NOVEMBER).read.as_ref().unwrap().until, Some(at("2026-11-22T04:00:00Z")));
    assert_eq!(report(&answer).day.unwrap().amount, Usd::from_dollars(5.0), "four of the 24 hours of the day");
}

#[tokio::test(start_paused = true)]
async fn an_account_under_every_count_limit_is_halted_by_its_report_and_after_a_release_by_new_hours_only() {
    let scene = scene();
    let evening: Line<'_> = (QUIET, "2026-11-21T20", "90");
    let night: Line<'_> = (QUIET, "2026-11-22T01", "60");
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[evening]]);
    read(&scene).await;
    let before = scene.tick().await;
    let quiet = report_of(&before, QUIET);
    assert_eq!((quiet.verdict, quiet.instances.counted, scene.billable(QUIET)), (Some(Judgement::Warn), 2, 2));

    deliver(&scene.testbed, NOVEMBER, "bbbb", &[&[evening, night]]);
    read(&scene).await;
    // The very next sweep, by the same warm function.
    let halted = scene.send(json!({})).await;
    let quiet = report_of(&halted, QUIET);
    let day = quiet.spend.day.unwrap();
    assert_eq!(
        (quiet.verdict, day.amount, day.source),
        (Some(Judgement::Halt), Usd::from_dollars(150.0), SpendSource::Reports)
    );
    assert_eq!((quiet.state, scene.billable(QUIET), scene.billable(PAYER)), (Some(State::Halted), 0, 1));
    assert_eq!(scene.mails("HALT"), 1, "{:?}", scene.subjects());

    let released = scene.send(json!({ "action": "release", "account": QUIET, "start": true })).await;
    assert_eq!(released.status, 200, "{released:?}");
    // The same hours once more, in a new edition; the grace is over.
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    deliver(&scene.testbed, NOVEMBER, "cccc", &[&[evening, night, (QUIET, "2026-11-22T02", "30")]]);
    read(&scene).await;
    let calm = scene.tick().await;
    assert_eq!(report_of(&calm, QUIET).verdict, Some(Judgement::Ok), "{:?}", report_of(&calm, QUIET).spend);
    assert_eq!(scene.billable(QUIET), 2);

    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    deliver(
        &scene.testbed,
        NOVEMBER,
        "dddd",
        &[&[evening, night, (QUIET, "2026-11-22T06", "70"), (QUIET, "2026-11-22T07", "31")]],
    );
    read(&scene).await;
    let again = scene.tick().await;
    assert_eq!((report_of(&again, QUIET).verdict, scene.billable(QUIET)), (Some(Judgement::Halt), 0));
    assert_eq!(report_of(&again, QUIET).spend.day.unwrap().amount, Usd::from_dollars(101.0));
}

#[tokio::test(start_paused = true)]
async fn reports_are_read_whatever_the_mode() {
    let testbed = scene().testbed;
    deliver(&testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1000")]]);
    let scene = Scene::with_ceiling(testbed, spending(), Mode::Pass);
    assert_eq!(period(&read(&scene).await, NOVEMBER).result, PeriodResult::Read);
    scene.tick().await;
    assert_eq!(scene.billable(QUIET), 2, "what is read is no reason to act against the mode");
}

#[tokio::test(start_paused = true)]
async fn without_the_table_nothing_is_read_and_that_is_said() {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
    scene.testbed.ledger.break_with(Some(failure("dynamodb:Query", FailureKind::Unavailable)));
    let answer = read(&scene).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("dynamodb:Query"), "{}", answer.body);
    assert!(scene.testbed.reports.read().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_cur_in_the_policy_no_report_is_read() {
    let testbed = scene().testbed;
    let scene = Scene::new(testbed, policy(json!({})));
    for event in [json!({ "action": "reports" }), payload("report-written")] {
        let answer = scene.send(event).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("the policy has no \"cur\""), "{}", answer.body);
    }
    assert!(scene.testbed.reports.read().is_empty() && !touched(&scene));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_is_written_is_read_at_once() {
    let scene = scene();
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
    assert_eq!(period(&scene.send(payload("report-written")).await, NOVEMBER).result, PeriodResult::Read);
}

#[tokio::test(start_paused = true)]
async fn of_s3_only_manifests_of_our_reports_are_taken() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut record = payload("report-written")["Records"][0].take();
        change(&mut record);
        records([record])
    };
    let key = |key: &'static str| changed(&|record| record["s3"]["object"]["key"] = key.into());
    let cases = [
        (key("cur/hourly/20261101-20261201/aaaa/hourly-00001.csv.gz"), 200, "no manifest"),
        (changed(&|record| record["eventName"] = "ObjectRemoved:Delete".into()), 200, "no manifest"),
        (changed(&|record| record["s3"]["bucket"]["name"] = "somebody-elses".into()), 400, "somebody-elses"),
        (key("curious/hourly-Manifest.json"), 400, "curious/hourly-Manifest.json"),
        (key("cur/%FF-Manifest.json"), 400, "is no text"),
        (changed(&|record| record["s3"] = json!({})), 400, "no notification of S3"),
        (changed(&|record| record["eventSource"] = "aws:s3control".into()), 400, "aws:s3control"),
    ];
    for (event, status, words) in cases {
        let scene = scene();
        deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[(QUIET, "2026-11-22T00", "1")]]);
        let answer = scene.send(event.clone()).await;
        assert_eq!(answer.status, status, "{event}: {answer:?}");
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
        assert!(scene.testbed.reports.read().is_empty(), "{event}");
    }
    // A key as S3 spells it: a space as a plus, the rest by percent.
    let scene = scene();
    scene.testbed.reports.put(BUCKET, "cur/my report=1/20261201-20270101/my report=1-Manifest.json", b"{}".to_vec());
    let answer = scene.send(key("cur/my+report%3D1/20261101-20261201/my+report%3D1-Manifest.json")).await;
    assert_eq!(
        (answer.status, period(&answer, NOVEMBER).result, period(&answer, OCTOBER).result),
        (200, PeriodResult::Absent, PeriodResult::Absent)
    );
}
