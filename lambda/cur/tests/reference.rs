//! The reader against a slow one that is obviously right: the `csv` crate, numbers spelled out as strings, one hour at
//! a time.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use runawaytrain_cur::Totals;
use support::*;

/// Per account and hour, in steps of 10⁻¹⁸ dollars; hour zero stands for every hour outside of the billing period.
type Sums = BTreeMap<(String, i64), i128>;

fn steps(text: &str) -> i128 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = whole.len() as i64 + exponent.parse::<i64>().unwrap();
    let digits = format!("{whole}{fraction}");
    // The digits up to the 18th after the point, as a string of known length.
    let padded = format!("{}{digits}{}", "0".repeat(40), "0".repeat(80));
    let end = usize::try_from(40 + point + 18).unwrap();
    let rounds = padded.as_bytes()[end] >= b'5';
    sign * (padded[..end].parse::<i128>().unwrap() + i128::from(rounds))
}

fn second(text: &str) -> i64 {
    text.replace(' ', "T").replace("+00:00", "Z").parse::<Timestamp>().unwrap().as_second()
}

/// Usage by account and hour, and how many rows could not be counted.
fn reference(text: &[u8]) -> (Sums, u64) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let names = reader.headers().unwrap().clone();
    let mut sums = Sums::new();
    let mut bad = 0;
    for record in reader.records() {
        let record = record.unwrap();
        if record.len() != names.len() {
            bad += 1;
            continue;
        }
        let field = |legacy: &str, export: &str| {
            names.iter().position(|name| name == legacy || name == export).map_or("", |place| &record[place])
        };
        let unblended = field("lineItem/UnblendedCost", "line_item_unblended_cost");
        let effective = match field("lineItem/LineItemType", "line_item_line_item_type") {
            "Usage" | "FlatRateSubscription" => "",
            "DiscountedUsage" => field("reservation/EffectiveCost", "reservation_effective_cost"),
            "SavingsPlanCoveredUsage" => {
                field("savingsPlan/SavingsPlanEffectiveCost", "savings_plan_savings_plan_effective_cost")
            }
            _ => continue,
        };
        let cost = steps(if effective.is_empty() { unblended } else { effective });
        let account = field("lineItem/UsageAccountId", "line_item_usage_account_id");
        let start = second(field("lineItem/UsageStartDate", "line_item_usage_start_date"));
        let end = second(field("lineItem/UsageEndDate", "line_item_usage_end_date"));
        let first = start - start.rem_euclid(3600);
        let touched = (0..)
            .map(|count| first + count * 3600)
            .take_while(|hour| *hour == first || *hour + 59 < end)
            .collect::<Vec<_>>();
        let count = touched.len() as i128;
        let mut left = cost % count;
        for hour in touched {
            let one = left.signum();
            left -= one;
            let kept = if (november().first().beginning().as_second()..november().end().beginning().as_second())
                .contains(&hour)
            {
                hour
            } else {
                0
            };
            *sums.entry((account.to_owned(), kept)).or_default() += cost / count + one;
        }
    }
    sums.retain(|_, sum| *sum != 0);
    (sums, bad)
}

fn found(totals: &Totals) -> Sums {
    let mut sums = Sums::new();
    for (account, own) in &totals.accounts {
        for (hour, amount) in own.usage.iter() {
            sums.insert((account.to_string(), hour.beginning().as_second()), steps(&amount.to_string()));
        }
        sums.insert((account.to_string(), 0), steps(&own.other_hours.to_string()));
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn cost() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<i32>(), 0_u32..10).prop_map(|(value, decimals)| {
            let text = format!("{:012}", value.unsigned_abs());
            let (whole, fraction) = text.split_at(text.len() - decimals as usize);
            format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
        }),
        (0.0..1000.0_f64).prop_map(|value| value.to_string()),
        (1..9999_u32, 1..22_i32).prop_map(|(value, exponent)| format!("{}.{}E-{exponent}", value / 10, value % 10)),
        Just("0".to_owned()),
    ]
}

fn moment() -> impl Strategy<Value = (String, Timestamp)> {
    let hours = prop_oneof![8 => -30_i64..750, 1 => -1_000_i64..2_000];
    (hours, select(vec![0_i64, 0, 0, 0, 1, 1800, 3599]), 0..3_u8).prop_map(|(hours, seconds, style)| {
        let moment = november().first().beginning() + SignedDuration::from_secs(hours * 3600 + seconds);
        (written(moment, style), moment)
    })
}

fn written(moment: Timestamp, style: u8) -> String {
    match style {
        0 => moment.to_string(),
        1 => moment.to_string().replace('Z', ".000Z"),
        _ => moment.to_string().replace('T', " ").replace('Z', "+00:00"),
    }
}

fn a_line() -> impl Strategy<Value = Line> {
    let kind = select(vec![
        "Usage",
        "Usage",
        "Usage",
        "FlatRateSubscription",
        "DiscountedUsage",
        "SavingsPlanCoveredUsage",
        "SavingsPlanNegation",
        "Credit",
        "Tax",
        "RIFee",
    ]);
    let length = select(vec![3600_i64, 3600, 3600, 3600, 86_400, 7200, 0, -60, 31 * 86_400]);
    let text = "[a-z,\"\n\r ü]{0,12}";
    (
        select(vec![ALICE, BOB, "000000000007"]),
        kind,
        moment(),
        length,
        cost(),
        select(vec!["", "1.5", "0.3333333333"]),
        text,
        "[a-z,\"\n]{0,90}",
    )
        .prop_map(|(account, kind, (start, begins), length, cost, effective, description, tag)| {
            let end = begins + SignedDuration::from_secs(length);
            line(account, kind, &start, &end.to_string(), &cost)
                .with("reservation/EffectiveCost", effective)
                .with("savingsPlan/SavingsPlanEffectiveCost", effective)
                .with("lineItem/LineItemDescription", &description)
                .with("resourceTags/user:owner", &tag)
        })
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn any_report_comes_to_what_the_reference_says(
        lines in proptest::collection::vec(a_line(), 0..40),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
        export in any::<bool>(),
        quoted in any::<bool>(),
        crlf in any::<bool>(),
        cut in proptest::option::of(0..12_usize),
        piece in 1..3000_usize,
    ) {
        let mut style = csv::WriterBuilder::new();
        style.quote_style(if quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary });
        style.terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') });
        let mut text = csv_as(style, if export { &EXPORT } else { &LEGACY }, &order, &lines);
        if let Some(fields) = cut {
            // A row of the wrong length at the end, or none when it happens to have the right one.
            text.extend(std::iter::repeat_n(b"x,", fields).flatten());
            text.extend_from_slice(b"y\n");
        }
        let (expected, bad) = if cut == Some(11) { return Ok(()) } else { reference(&text) };
        let totals = read_in_pieces(file("report-1.csv.gz"), &gzip(&text), piece).unwrap();
        prop_assert_eq!(found(&totals), expected);
        prop_assert_eq!((totals.gaps.bad_rows, totals.rows), (bad, lines.len() as u64 + bad));
    }

    #[test]
    fn files_add_up_to_the_report_that_they_were_split_from(lines in proptest::collection::vec(a_line(), 0..40), at in any::<prop::sample::Index>()) {
        let (first, second) = lines.split_at(at.index(lines.len() + 1));
        let whole = totals(&lines);
        let mut parts = read_in_pieces(file("1.csv.gz"), &gzip(&csv(first)), 512).unwrap();
        parts.merge(read_in_pieces(file("2.csv.gz"), &gzip(&csv(second)), 512).unwrap()).unwrap();
        prop_assert_eq!(found(&parts), found(&whole));
        prop_assert_eq!(parts.rows, whole.rows);
    }
}
