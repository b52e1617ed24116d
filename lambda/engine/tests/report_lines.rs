//! Lines of Cost and Usage Reports that are not an hour of usage at a price: what they may move.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod bucket;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use bucket::{BUCKET, FILE, Line, NOVEMBER, csv, deliver, gzip, period, read, report, scene};
use common::{QUIET, report_of};
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::money::Usd;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_that_spans_the_month_does_not_move_the_end_of_the_data() {
    let scene = scene();
    // An hourly report that was written twelve hours late: five dollars in each hour until 15:00 of the day before.
    let lines: Vec<String> =
        (0..24).map(|ago| (at("2026-11-21T14:00:00Z") - SignedDuration::from_hours(ago)).to_string()).collect();
    let lines: Vec<Line<'_>> = lines.iter().map(|hour| (QUIET, &hour[..13], "5")).collect();
    let mut text = String::from_utf8(csv(&lines)).unwrap();
    text.push_str(&format!("{QUIET},Usage,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,7.2,USD\n"));
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[]]);
    scene.testbed.reports.put(BUCKET, FILE, gzip(text.as_bytes()));
    let answer = read(&scene).await;
    assert_eq!(period(&answer, NOVEMBER).read.as_ref().unwrap().until, Some(at("2026-11-21T15:00:00Z")));
    assert_eq!(report(&answer).day.unwrap().amount, Usd::from_dollars(120.24), "a cent an hour of the month's line");
    assert_eq!(report_of(&scene.tick().await, QUIET).state, Some(State::Halted));
}

/// A correction takes back what another line of its hour said too much; no member can write one.
#[tokio::test(start_paused = true)]
async fn a_negative_line_of_usage_takes_back_no_more_than_its_own_hour() {
    let scene = scene();
    let lines: &[Line<'_>] = &[
        (QUIET, "2026-11-21T20", "60"),
        (QUIET, "2026-11-21T20", "-1000"),
        (QUIET, "2026-11-21T21", "70"),
        (QUIET, "2026-11-21T21", "-20"),
        (QUIET, "2026-11-21T22", "60"),
    ];
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[lines]);
    let answer = read(&scene).await;
    assert_eq!(report(&answer).day.unwrap().amount, Usd::from_dollars(110.0));
    assert_eq!(report_of(&scene.tick().await, QUIET).state, Some(State::Halted));
}

#[tokio::test(start_paused = true)]
async fn lines_of_an_unknown_type_are_named_and_make_no_lower_bound() {
    let scene = scene();
    let mut text = String::from_utf8(csv(&[(QUIET, "2026-11-22T01", "5")])).unwrap();
    text.push_str(&format!("{QUIET},QuantumPlan,2026-11-22T01:00:00Z,2026-11-22T02:00:00Z,900,USD\n"));
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[]]);
    scene.testbed.reports.put(BUCKET, FILE, gzip(text.as_bytes()));
    let answer = read(&scene).await;
    assert!(
        answer.body.contains("; 1 row of types that are not known here (QuantumPlan) left out."),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("lower bound"), "{}", answer.body);
    assert_eq!(report(&answer).day.unwrap().amount, Usd::from_dollars(5.0));
}
