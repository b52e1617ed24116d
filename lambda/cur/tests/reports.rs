//! What a report's lines come to.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use runawaytrain_cur::{Charge, FileFormat, MergeError, Reader, ReportFile, Totals};
use support::*;

fn apart(totals: &Totals, account: &str) -> Vec<(Charge, String)> {
    totals.accounts[&id(account)].apart.iter().map(|(charge, amount)| (*charge, amount.to_string())).collect()
}

#[test]
fn usage_is_summed_by_account_and_hour() {
    let totals = totals(&[
        usage(ALICE, "2026-11-24T09", "0.1"),
        usage(BOB, "2026-11-24T09", "98.32"),
        usage(ALICE, "2026-11-24T09", "0.2"),
        usage(ALICE, "2026-11-24T10", "1.2E-7"),
    ]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "0.3"), ("2026-11-24T10", "0.00000012")]));
    assert_eq!(hours(&totals, BOB), pairs(&[("2026-11-24T09", "98.32")]), "leading zeros of an account id are kept");
    assert_eq!(totals.rows, 4);
    assert!(totals.gaps.is_empty());
}

#[test]
fn credits_refunds_taxes_and_fees_are_kept_apart() {
    let (start, end) = ("2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z");
    let totals = totals(&[
        usage(ALICE, "2026-11-24T09", "10"),
        line(ALICE, "Credit", start, end, "-10"),
        line(ALICE, "Refund", start, end, "-3"),
        line(ALICE, "EdpDiscount", start, end, "-1"),
        line(ALICE, "BundledDiscount", start, end, "-0.5"),
        line(ALICE, "Tax", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "7.7"),
        line(ALICE, "Fee", "2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z", "1000"),
        line(ALICE, "RIFee", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "200"),
        line(ALICE, "SavingsPlanRecurringFee", start, end, "2"),
        line(ALICE, "SavingsPlanNegation", start, end, "-4"),
    ]);
    assert_eq!(
        hours(&totals, ALICE),
        pairs(&[("2026-11-24T09", "10")]),
        "a credit hides nothing, a yearly fee is no spike"
    );
    assert_eq!(
        apart(&totals, ALICE),
        [
            (Charge::Credit, "-10".into()),
            (Charge::Refund, "-3".into()),
            (Charge::Discount, "-1.5".into()),
            (Charge::SavingsPlanNegation, "-4".into()),
            (Charge::Tax, "7.7".into()),
            (Charge::Purchase, "1000".into()),
            (Charge::Fee, "202".into()),
        ]
    );
    assert!(totals.gaps.is_empty());
}

#[test]
fn a_charge_without_dates_is_no_bad_row() {
    let totals = totals(&[line(ALICE, "Tax", "", "", "7.7")]);
    assert_eq!(apart(&totals, ALICE), [(Charge::Tax, "7.7".into())]);
    assert!(totals.gaps.is_empty());
}

#[test]
fn reserved_and_savings_plan_usage_count_at_their_effective_cost() {
    let reserved = usage(ALICE, "2026-11-24T09", "0").with("lineItem/LineItemType", "DiscountedUsage");
    let covered = usage(BOB, "2026-11-24T09", "98.32").with("lineItem/LineItemType", "SavingsPlanCoveredUsage");
    let priced = totals(&[
        reserved.clone().with("reservation/EffectiveCost", "40"),
        covered.clone().with("savingsPlan/SavingsPlanEffectiveCost", "60"),
        // Not of this kind of line: ignored.
        usage(ALICE, "2026-11-24T10", "1")
            .with("reservation/EffectiveCost", "40")
            .with("savingsPlan/SavingsPlanEffectiveCost", "None"),
    ]);
    assert_eq!(hours(&priced, ALICE), pairs(&[("2026-11-24T09", "40"), ("2026-11-24T10", "1")]));
    assert_eq!(hours(&priced, BOB), pairs(&[("2026-11-24T09", "60")]));
    assert!(priced.gaps.is_empty());

    let unpriced = totals(&[reserved, covered]);
    assert_eq!(
        hours(&unpriced, BOB),
        pairs(&[("2026-11-24T09", "98.32")]),
        "the unblended cost is better than nothing"
    );
    assert_eq!(
        (hours(&unpriced, ALICE), unpriced.gaps.unpriced_rows),
        (vec![], 1),
        "and nothing is said to be nothing"
    );
    assert!(unpriced.accounts.contains_key(&id(ALICE)));
}

#[test]
fn columns_may_stand_in_any_order_and_in_either_spelling() {
    let lines = [
        usage(ALICE, "2026-11-24T09", "1.5"),
        usage(BOB, "2026-11-30T23", "2")
            .with("lineItem/LineItemType", "DiscountedUsage")
            .with("reservation/EffectiveCost", "7"),
    ];
    let expected = totals(&lines);
    assert_eq!(hours(&expected, BOB), pairs(&[("2026-11-30T23", "7")]));
    for names in [LEGACY, EXPORT] {
        for turn in 0..12 {
            let order = (0..12).map(|place| (place * 5 + turn) % 12).collect::<Vec<_>>();
            assert_eq!(read_gzip(&gzip(&csv_of(&names, &order, &lines))).unwrap(), expected, "{order:?}");
        }
    }
}

#[test]
fn the_columns_of_reservations_may_be_missing() {
    let order = (0..9).collect::<Vec<_>>();
    let totals = read_gzip(&gzip(&csv_of(&LEGACY, &order, &[usage(ALICE, "2026-11-24T09", "1.5")]))).unwrap();
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "1.5")]));
}

#[test]
fn quoted_line_feeds_commas_and_quotes_are_part_of_their_field() {
    let lines = [
        usage(ALICE, "2026-11-24T09", "1").with("lineItem/LineItemDescription", "a,b\nc\"d\"\"\r\n,e"),
        usage(ALICE, "2026-11-24T09", "2").with("resourceTags/user:owner", "\"\n\","),
        usage(ALICE, "2026-11-24T09", "4")
            .with("lineItem/LineItemDescription", "\"")
            .with("resourceTags/user:owner", "\n"),
    ];
    let expected = totals(&lines);
    assert_eq!((hours(&expected, ALICE), expected.rows), (pairs(&[("2026-11-24T09", "7")]), 3));
    for style in [csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric] {
        for terminator in [csv::Terminator::CRLF, csv::Terminator::Any(b'\n')] {
            let mut writer = csv::WriterBuilder::new();
            writer.quote_style(style).terminator(terminator);
            let bytes = gzip(&csv_as(writer, &LEGACY, &(0..12).collect::<Vec<_>>(), &lines));
            assert_eq!(read_gzip(&bytes).unwrap(), expected);
        }
    }
}

#[test]
fn what_nobody_needs_may_be_anything() {
    let text = csv(&[usage(ALICE, "2026-11-24T09", "1.5").with("lineItem/LineItemDescription", "REPLACE")]);
    let at = text.windows(7).position(|window| window == b"REPLACE").unwrap();
    let mut bytes = text;
    bytes[at..at + 7].copy_from_slice(b"\xff\xfe\x00\x80\xc3(5");
    assert_eq!(hours(&read_gzip(&gzip(&bytes)).unwrap(), ALICE), pairs(&[("2026-11-24T09", "1.5")]));
}

#[test]
fn blank_lines_a_byte_order_mark_and_a_missing_last_line_feed_do_no_harm() {
    let text =
        String::from_utf8(csv(&[usage(ALICE, "2026-11-24T09", "1"), usage(ALICE, "2026-11-24T10", "2")])).unwrap();
    let odd = format!("\u{feff}{}", text.trim_end().replace('\n', "\r\n\r\n\n"));
    let totals = read_gzip(&gzip(odd.as_bytes())).unwrap();
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "1"), ("2026-11-24T10", "2")]));
    assert_eq!(totals.rows, 2);
}

#[test]
fn a_plan_with_a_flat_rate_is_usage_over_its_month() {
    let totals = totals(&[
        usage(ALICE, "2026-11-20T09", "1"),
        line(ALICE, "FlatRateSubscription", "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z", "200"),
        line(BOB, "FlatRateSubscription", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "1440"),
    ]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-20T09", "201")]));
    let of_bob = hours(&totals, BOB);
    assert_eq!((of_bob.len(), of_bob[0].1.as_str()), (720, "2"));
    assert!(totals.gaps.is_empty(), "{:?}", totals.gaps);
}

#[test]
fn a_monthly_report_is_a_lower_bound_and_one_long_line_of_an_hourly_one_is_not() {
    let month = line(ALICE, "Usage", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "24000");
    let monthly = totals(std::slice::from_ref(&month));
    assert!(monthly.gaps.are_coarse() && !monthly.gaps.is_empty());
    let hourly = totals(&[month, usage(ALICE, "2026-11-24T09", "1"), usage(ALICE, "2026-11-24T10", "1")]);
    assert!(hourly.gaps.is_empty(), "{:?}", hourly.gaps);
    let daily = totals(&[line(ALICE, "Usage", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", "48")]);
    assert!(daily.gaps.is_empty(), "{:?}", daily.gaps);
}

#[test]
fn without_the_column_of_savings_plans_what_they_cover_is_a_gap_and_not_the_price_without_a_plan() {
    let covered = usage(ALICE, "2026-11-20T09", "98.32").with("lineItem/LineItemType", "SavingsPlanCoveredUsage");
    let reserved = usage(BOB, "2026-11-20T09", "0.5").with("lineItem/LineItemType", "DiscountedUsage");
    let without = (0..9).collect::<Vec<_>>();
    let totals = read_gzip(&gzip(&csv_of(&LEGACY, &without, &[covered, reserved]))).unwrap();
    assert_eq!((hours(&totals, ALICE), hours(&totals, BOB)), (vec![], pairs(&[("2026-11-20T09", "0.5")])));
    assert_eq!(totals.gaps.unpriced_rows, 2);
}

#[test]
fn usage_of_another_month_is_named_and_does_not_say_how_far_a_report_reaches() {
    let totals = totals(&[usage(ALICE, "2026-11-20T09", "1"), usage(BOB, "2026-12-03T00", "5000")]);
    assert_eq!((totals.gaps.outside_rows, hours(&totals, BOB)), (1, vec![]));
    assert_eq!(totals.reach.last(), Some(hour("2026-11-20T09")));
    assert!(!totals.gaps.is_empty());
}

#[test]
fn a_line_that_ends_a_second_after_its_hour_is_of_that_hour() {
    let totals = totals(&[line(ALICE, "Usage", "2026-11-20T09:00:00Z", "2026-11-20T10:00:01Z", "1")]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-20T09", "1")]));
}

#[test]
fn an_export_in_the_focus_format_is_recognized() {
    let text = "BilledCost,BillingAccountId,BillingCurrency,ChargePeriodStart\n0.5,999988887777,USD,2026-11-20\n";
    let error = read_gzip(&gzip(text.as_bytes())).unwrap_err();
    assert!(error.to_string().contains("FOCUS") && error.to_string().contains("cur: {}"), "{error}");
}

#[test]
fn the_line_of_a_day_is_spread_over_its_hours() {
    let totals = totals(&[
        line(ALICE, "Usage", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", "48"),
        usage(ALICE, "2026-11-24T09", "1"),
    ]);
    let spread = hours(&totals, ALICE);
    assert_eq!(spread.len(), 24);
    assert_eq!((spread[0].1.as_str(), spread[9].1.as_str(), spread[23].1.as_str()), ("2", "3", "2"));
    let noon = &totals.accounts[&id(ALICE)].usage;
    assert_eq!(
        noon.trailing(hour("2026-11-25T11"), 24).to_string(),
        "24",
        "of the 24 hours before noon of the next day, twelve are of this line"
    );
    assert_eq!(noon.trailing(hour("2026-11-24T23"), 24).to_string(), "49");
}

#[test]
fn what_cannot_be_divided_is_not_lost() {
    let totals = totals(&[line(ALICE, "Usage", "2026-11-24T00:00:00Z", "2026-11-24T03:00:00Z", "1")]);
    assert_eq!(
        hours(&totals, ALICE),
        pairs(&[
            ("2026-11-24T00", "0.333333333333333334"),
            ("2026-11-24T01", "0.333333333333333333"),
            ("2026-11-24T02", "0.333333333333333333")
        ])
    );
    assert_eq!(totals.accounts[&id(ALICE)].usage().to_string(), "1");
}

#[test]
fn a_line_without_length_counts_in_the_hour_that_it_begins_in() {
    let totals = totals(&[
        line(ALICE, "Usage", "2026-11-24T09:30:00Z", "2026-11-24T09:30:00Z", "1"),
        line(ALICE, "Usage", "2026-11-24T09:59:59Z", "2026-11-24T08:00:00Z", "2"),
        line(ALICE, "Usage", "2026-11-24T09:30:00Z", "2026-11-24T10:30:00Z", "8"),
    ]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "7"), ("2026-11-24T10", "4")]));
}

#[test]
fn usage_outside_of_the_billing_period_is_counted_but_not_by_the_hour() {
    let totals = totals(&[
        usage(ALICE, "2026-10-31T23", "1"),
        usage(ALICE, "2026-12-01T00", "2"),
        line(ALICE, "Usage", "2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z", "48"),
        line(ALICE, "Usage", "2026-11-30T00:00:00Z", "9999-12-01T00:00:00Z", "0"),
        usage(BOB, "0001-01-01T00", "5"),
    ]);
    let alice = &totals.accounts[&id(ALICE)];
    assert_eq!((alice.other_hours.to_string(), alice.usage().to_string()), ("27".into(), "51".into()));
    assert_eq!((hours(&totals, ALICE).len(), alice.usage.at(hour("2026-11-01T00")).to_string()), (24, "1".into()));
    assert_eq!((hours(&totals, BOB), totals.accounts[&id(BOB)].other_hours.to_string()), (vec![], "5".into()));
}

#[test]
fn a_reader_may_keep_the_latest_hours_only() {
    let lines = [
        usage(ALICE, "2026-11-01T00", "1"),
        usage(ALICE, "2026-11-24T09", "2"),
        line(ALICE, "Usage", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", "24"),
    ];
    let mut reader = Reader::new(file("report-1.csv.gz")).since(hour("2026-11-24T09"));
    reader.feed(&gzip(&csv(&lines))).unwrap();
    let totals = reader.finish().unwrap();
    assert_eq!(hours(&totals, ALICE).len(), 15);
    assert_eq!(hours(&totals, ALICE)[0], ("2026-11-24T09:00:00Z".into(), "3".into()));
    assert_eq!(totals.accounts[&id(ALICE)].other_hours.to_string(), "10");
}

#[test]
fn another_currency_is_a_gap_with_a_sum_of_its_own() {
    let totals = totals(&[
        usage(ALICE, "2026-11-24T09", "1"),
        usage(ALICE, "2026-11-24T09", "250").with("lineItem/CurrencyCode", "JPY"),
        line(ALICE, "Tax", "", "", "25").with("lineItem/CurrencyCode", "JPY"),
    ]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "1")]));
    let yen = totals.gaps.other_currencies["JPY"];
    assert_eq!((yen.rows, yen.usage_rows, yen.usage.to_string()), (2, 1, "250".into()));
    assert!(!totals.gaps.is_empty());
}

#[test]
fn a_type_that_is_not_known_is_named_and_kept_apart_and_no_gap() {
    let totals = totals(&[
        line(ALICE, "QuantumUsage\u{1b}[31m", "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z", "9"),
        usage(ALICE, "2026-11-24T09", "1"),
    ]);
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "1")]));
    assert_eq!(apart(&totals, ALICE), [(Charge::Unknown, "9".into())]);
    assert_eq!(
        (totals.gaps.unknown_type_rows, totals.gaps.unknown_types.keys().next().unwrap().as_str()),
        (1, "QuantumUsage[31m")
    );
    assert!(totals.gaps.is_empty(), "one new type would call every report of the future a lower bound");
}

#[test]
fn many_unknown_types_take_no_memory() {
    let lines = (0..500).map(|number| line(ALICE, &format!("Novelty{number}"), "", "", "1")).collect::<Vec<_>>();
    let totals = totals(&lines);
    assert_eq!((totals.gaps.unknown_type_rows, totals.gaps.unknown_types.len()), (500, 8));
    assert_eq!(apart(&totals, ALICE), [(Charge::Unknown, "500".into())]);
}

#[test]
fn split_files_add_up_in_any_order() {
    let parts = [
        vec![usage(ALICE, "2026-11-24T09", "1"), usage(BOB, "2026-11-01T00", "2")],
        vec![usage(ALICE, "2026-11-24T09", "4")],
        vec![],
    ];
    let read = |number: usize| {
        read_in_pieces(file(&format!("report-{number}.csv.gz")), &gzip(&csv(&parts[number])), 100).unwrap()
    };
    let mut merged = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut totals = Totals::default();
        for number in order {
            totals.merge(read(number)).unwrap();
        }
        merged.push(totals);
    }
    assert_eq!(hours(&merged[0], ALICE), pairs(&[("2026-11-24T09", "5")]));
    assert_eq!(hours(&merged[0], BOB), pairs(&[("2026-11-01T00", "2")]));
    assert_eq!((merged[0].rows, merged[0].reports[&november()].files.len()), (3, 3));
    assert!(merged.iter().all(|totals| *totals == merged[0]));
}

#[test]
fn a_file_or_a_second_edition_cannot_count_twice() {
    let bytes = gzip(&csv(&[usage(ALICE, "2026-11-24T09", "1")]));
    let mut totals = read_in_pieces(file("report-1.csv.gz"), &bytes, 100).unwrap();
    let before = totals.clone();
    assert_eq!(totals.merge(before.clone()), Err(MergeError::SameFile { file: "report-1.csv.gz".into() }));
    let newer = ReportFile { version: Some("assembly-2".into()), key: "assembly-2/report-1.csv.gz".into(), ..file("") };
    let error = totals.merge(read_in_pieces(newer, &bytes, 100).unwrap()).unwrap_err();
    assert!(matches!(error, MergeError::OtherVersion { .. }), "{error}");
    assert_eq!(totals, before, "a refused merge leaves no trace");
}

#[test]
fn a_trailing_window_reaches_over_the_turn_of_the_month() {
    let last_month =
        ReportFile { key: "october.csv.gz".into(), period: october(), version: None, format: FileFormat::GzipCsv };
    let mut totals = read_in_pieces(
        file("november.csv.gz"),
        &gzip(&csv(&[usage(ALICE, "2026-11-01T00", "1"), usage(ALICE, "2026-11-01T11", "2")])),
        100,
    )
    .unwrap();
    let october = read_in_pieces(
        last_month,
        &gzip(&csv(&[
            usage(ALICE, "2026-10-31T11", "100"),
            usage(ALICE, "2026-10-31T12", "4"),
            usage(ALICE, "2026-10-31T23", "8"),
        ])),
        100,
    )
    .unwrap();
    totals.merge(october).unwrap();
    let sums = &totals.accounts[&id(ALICE)].usage;
    assert_eq!(sums.trailing(hour("2026-11-01T11"), 24).to_string(), "15");
    assert_eq!(sums.last(), Some(hour("2026-11-01T11")), "how old the data is");
    assert_eq!(sums.iter().count(), 5);
    assert_eq!(totals.reports.len(), 2);
}

#[test]
fn accounts_are_listed_whether_anybody_knows_them_or_not() {
    let totals = totals(&[usage("000000000000", "2026-11-24T09", "0"), line("999999999999", "Tax", "", "", "0")]);
    assert_eq!(totals.accounts.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["000000000000", "999999999999"]);
}

#[test]
fn several_gzip_members_are_one_report() {
    let text = csv(&[usage(ALICE, "2026-11-24T09", "1"), usage(ALICE, "2026-11-24T10", "2")]);
    let (first, second) = text.split_at(text.len() / 2);
    let bytes = [gzip(first), gzip(b""), gzip(second)].concat();
    for size in [1, 7, 64, bytes.len()] {
        assert_eq!(
            hours(&read_in_pieces(file("a.csv.gz"), &bytes, size).unwrap(), ALICE),
            pairs(&[("2026-11-24T09", "1"), ("2026-11-24T10", "2")])
        );
    }
}

#[test]
fn totals_are_told_as_json_with_every_digit() {
    let totals = totals(&[usage(ALICE, "2026-11-24T09", "0.1"), line(ALICE, "Credit", "", "", "-0.1")]);
    let json = serde_json::to_value(&totals).unwrap();
    assert_eq!(
        json["accounts"][ALICE],
        serde_json::json!({"usage": {"2026-11-24T09:00:00Z": "0.1"}, "otherHours": "0", "apart": {"credit": "-0.1"}})
    );
}
