//! What is wrong with a file or a row is said, with its place; nothing becomes a silent zero.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use std::io::{self, Read};

use runawaytrain_cur::{Fault, ReadError, Reader, Totals};
use support::*;

fn fault(bytes: &[u8]) -> Fault {
    let whole = read_in_pieces(file("a.csv.gz"), bytes, bytes.len()).unwrap_err().fault;
    let in_bytes = read_in_pieces(file("a.csv.gz"), bytes, 1).unwrap_err().fault;
    assert_eq!(whole, in_bytes, "the pieces make a difference");
    whole
}

fn good() -> Vec<u8> {
    csv(&(0..200).map(|number| usage(ALICE, "2026-11-24T09", &format!("0.{number}"))).collect::<Vec<_>>())
}

/// One bad line between two good ones.
fn with_bad(bad: Line) -> (Totals, String) {
    let totals = totals(&[usage(ALICE, "2026-11-24T09", "1"), bad, usage(ALICE, "2026-11-24T09", "2")]);
    assert_eq!((totals.rows, totals.gaps.bad_rows), (3, 1));
    assert_eq!(hours(&totals, ALICE), pairs(&[("2026-11-24T09", "3")]), "the good lines count");
    assert!(!totals.gaps.is_empty(), "and the sum is known to be a lower bound");
    let said = totals.gaps.examples[0].to_string();
    (totals, said)
}

#[test]
fn a_gzip_that_ends_early_is_refused_wherever_it_ends() {
    let whole = gzip(&good());
    for length in 0..whole.len() {
        assert_eq!(
            read_in_pieces(file("a.csv.gz"), &whole[..length], 50).unwrap_err().fault,
            Fault::Truncated,
            "{length} of {}",
            whole.len()
        );
    }
    assert!(read_gzip(&whole).is_ok());
}

#[test]
fn damage_never_passes() {
    let whole = gzip(&good());
    for place in (10..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        let error = read_gzip(&bytes).expect_err("a flipped bit passed").fault;
        assert!(
            matches!(error, Fault::Damaged | Fault::NotGzip | Fault::Truncated | Fault::Trailing),
            "{place}: {error:?}"
        );
    }
}

#[test]
fn what_is_not_gzip_is_told_from_what_is_damaged() {
    assert_eq!(fault(b"identity/LineItemId,lineItem/UsageAccountId\n"), Fault::NotGzip);
    assert_eq!(fault(b"PK\x03\x04 a zip"), Fault::NotGzip);
    assert_eq!(fault(&[gzip(&good()), b"and something else".to_vec()].concat()), Fault::Trailing);
}

#[test]
fn an_empty_file_is_not_a_report_but_one_without_lines_is() {
    assert_eq!(fault(&gzip(b"")), Fault::Empty);
    assert_eq!(fault(&gzip(b"\n\r\n\n")), Fault::Empty);
    let totals = read_gzip(&gzip(&csv(&[]))).unwrap();
    assert_eq!(
        (totals.rows, totals.accounts.len(), totals.gaps.is_empty(), totals.reports[&november()].files.len()),
        (0, 0, true, 1)
    );
}

#[test]
fn a_header_says_all_that_it_lacks() {
    let error = read_gzip(&gzip(&csv_of(&LEGACY, &[0, 1, 2, 3, 4, 6, 7], &[]))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "report-1.csv.gz: the header has no column lineItem/UsageEndDate (line_item_usage_end_date in CUR 2.0), \
         lineItem/CurrencyCode (line_item_currency_code in CUR 2.0). Add it to the report, or the export's query"
    );
    assert_eq!(fault(&gzip(b"a,b,c\n1,2,3\n")).to_string().matches("lineItem/").count(), 6);
    assert_eq!(
        fault(&gzip(&csv_of(&LEGACY, &[2, 3, 4, 5, 7, 8, 7], &[]))),
        Fault::ColumnTwice { column: "lineItem/UnblendedCost" }
    );
}

#[test]
fn a_row_that_never_ends_is_refused_in_bounded_memory() {
    let mut text = csv(&[usage(ALICE, "2026-11-24T09", "1")]);
    text.extend_from_slice(b"\"open");
    assert_eq!(fault(&gzip(&text)), Fault::OpenQuote { row: 3 });
    text.extend(std::iter::repeat_n(*b"endless,\n", 200_000).flatten());
    assert_eq!(read_gzip(&gzip(&text)).unwrap_err().fault, Fault::EndlessRow { row: 3, limit: 1 << 20 });
}

#[test]
fn a_reader_can_be_moved_to_another_thread_and_fed_nothing() {
    let mut reader = Reader::new(file("report-1.csv.gz"));
    reader.feed(&[]).unwrap();
    let totals = std::thread::spawn(move || {
        reader.feed(&gzip(&good())).unwrap();
        reader.feed(&[]).unwrap();
        reader.finish().unwrap()
    });
    assert_eq!(totals.join().unwrap(), read_gzip(&gzip(&good())).unwrap());
}

#[test]
fn a_fault_is_final() {
    let mut reader = Reader::new(file("a.csv.gz"));
    assert!(reader.feed(b"no gzip at all").is_err());
    assert!(reader.feed(&gzip(&good())).is_err());
    assert_eq!(reader.finish().unwrap_err().fault, Fault::NotGzip);
}

#[test]
fn a_bad_row_is_left_out_and_told_with_its_place() {
    for (column, text, said) in [
        (
            "lineItem/UsageAccountId",
            "11111111111",
            r#"lineItem/UsageAccountId is "11111111111", which is no AWS account id"#,
        ),
        ("lineItem/UsageAccountId", "", r#"lineItem/UsageAccountId is "", which is no AWS account id"#),
        ("lineItem/UnblendedCost", "12,5", r#"lineItem/UnblendedCost is "12,5", which is no amount"#),
        ("lineItem/UnblendedCost", "", r#"lineItem/UnblendedCost is "", which is no amount"#),
        ("lineItem/UnblendedCost", "NaN", r#"lineItem/UnblendedCost is "NaN", which is no amount"#),
        ("lineItem/UsageStartDate", "yesterday", r#"lineItem/UsageStartDate is "yesterday", which is no date in UTC"#),
        (
            "lineItem/UsageEndDate",
            "2026-11-31T00:00:00Z",
            r#"lineItem/UsageEndDate is "2026-11-31T00:00:00Z", which is no date in UTC"#,
        ),
        ("lineItem/CurrencyCode", "dollars", r#"lineItem/CurrencyCode is "dollars", which is no currency code"#),
    ] {
        let (_, found) = with_bad(usage(ALICE, "2026-11-24T09", "9").with(column, text));
        assert_eq!(found, format!("report-1.csv.gz row 3: {said}"));
    }
    let (_, found) = with_bad(
        usage(ALICE, "2026-11-24T09", "9")
            .with("lineItem/LineItemType", "DiscountedUsage")
            .with("reservation/EffectiveCost", "None"),
    );
    assert!(found.contains("reservation/EffectiveCost"), "{found}");
    let (_, found) = with_bad(line(ALICE, "Credit", "", "", "much"));
    assert!(found.contains("lineItem/UnblendedCost"), "{found}");
}

#[test]
fn a_row_with_more_or_fewer_fields_is_left_out() {
    let text = String::from_utf8(csv(&[usage(ALICE, "2026-11-24T09", "1")])).unwrap();
    let odd = format!("{text}one,two\n,,,,,,,,,,,,\n{}", text.lines().nth(1).unwrap());
    let totals = read_gzip(&gzip(odd.as_bytes())).unwrap();
    assert_eq!((hours(&totals, ALICE), totals.rows, totals.gaps.bad_rows), (pairs(&[("2026-11-24T09", "2")]), 4, 2));
    assert_eq!(totals.gaps.examples[0].to_string(), "report-1.csv.gz row 3: 2 fields, where the header has 12");
    assert_eq!(totals.gaps.examples[1].to_string(), "report-1.csv.gz row 4: 13 fields, where the header has 12");
}

#[test]
fn many_bad_rows_are_counted_and_few_are_kept() {
    let lines = (0..1000)
        .map(|_| usage("nobody", "2026-11-24T09", "1").with("resourceTags/user:owner", "x"))
        .collect::<Vec<_>>();
    let totals = totals(&lines);
    assert_eq!((totals.gaps.bad_rows, totals.gaps.examples.len(), totals.accounts.len()), (1000, 8, 0));
}

#[test]
fn long_and_strange_fields_are_shortened_and_escaped() {
    let (totals, said) = with_bad(usage(ALICE, "2026-11-24T09", &format!("\u{1b}[31m{}", "9x".repeat(1000))));
    assert!(said.len() < 200 && !said.contains('\u{1b}'), "{said}");
    assert!(serde_json::to_string(&totals.gaps).unwrap().len() < 400);
}

#[test]
fn a_source_that_fails_is_told_from_a_report_that_does() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let bytes = gzip(&good());
    assert!(matches!(Reader::new(file("a")).read(bytes[..20].chain(Broken)), Err(ReadError::Source(_))));
    assert!(matches!(Reader::new(file("a")).read(&bytes[..20]), Err(ReadError::Report(_))));
    assert_eq!(Reader::new(file("report-1.csv.gz")).read(bytes.as_slice()).unwrap(), read_gzip(&bytes).unwrap());
}
