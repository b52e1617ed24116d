//! Reports in Parquet come to the same sums as the same lines in CSV, and are given up where they are damaged.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, Int96};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use proptest::sample::Index;
use runawaytrain_cur::{Fault, FileFormat, Next, ParquetReader, ReportError, ReportFile, Totals};
use support::*;

/// As Athena's legacy reports and CUR 2.0 exports have them, a map among them.
const SCHEMA: &str = "message report {
    optional binary identity_line_item_id (utf8);
    optional binary bill_payer_account_id (utf8);
    optional binary line_item_usage_account_id (utf8);
    optional binary line_item_line_item_type (utf8);
    optional {START} line_item_usage_start_date{ANNOTATION};
    required {START} line_item_usage_end_date{ANNOTATION};
    optional binary line_item_line_item_description (utf8);
    optional double line_item_unblended_cost;
    optional binary line_item_currency_code (utf8);
    optional double reservation_effective_cost;
    optional double savings_plan_savings_plan_effective_cost;
    optional group resource_tags (map) { repeated group key_value { required binary key (utf8); optional binary value (utf8); } }
}";

/// How moments are written.
#[derive(Debug, Clone, Copy)]
enum Moments {
    Millis,
    Micros,
    Int96,
    Text,
}

impl Moments {
    fn schema(self) -> String {
        let (start, annotation) = match self {
            Self::Millis => ("int64", " (timestamp_millis)"),
            Self::Micros => ("int64", " (timestamp(micros,true))"),
            Self::Int96 => ("int96", ""),
            Self::Text => ("binary", " (utf8)"),
        };
        SCHEMA.replace("{START}", start).replace("{ANNOTATION}", annotation)
    }
}

/// A Parquet file of these lines, so many a row group.
fn parquet(lines: &[Line], moments: Moments, a_group: usize) -> Vec<u8> {
    written(&moments.schema(), lines, a_group)
}

fn written(schema: &str, lines: &[Line], a_group: usize) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for group in lines.chunks(a_group.max(1)) {
        let mut rows = writer.next_row_group().unwrap();
        let mut place = 0;
        while let Some(mut column) = rows.next_column().unwrap() {
            let cells: Vec<&str> = group.iter().map(|line| line.0.get(place).map_or("", String::as_str)).collect();
            // An empty field of a CSV is null in Parquet.
            let levels: Vec<i16> = cells.iter().map(|cell| i16::from(!cell.is_empty())).collect();
            let there = cells.iter().filter(|cell| !cell.is_empty());
            let written = match column.untyped() {
                // The map: nothing in any line.
                ColumnWriter::ByteArrayColumnWriter(writer) if place >= 11 => {
                    let none = vec![0; cells.len()];
                    writer.write_batch(&[], Some(&none), Some(&none))
                }
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    let values: Vec<ByteArray> = there.map(|cell| ByteArray::from(*cell)).collect();
                    writer.write_batch(&values, Some(&levels), None)
                }
                ColumnWriter::DoubleColumnWriter(writer) => {
                    let values: Vec<f64> = there.map(|cell| cell.parse().unwrap()).collect();
                    writer.write_batch(&values, Some(&levels), None)
                }
                ColumnWriter::Int64ColumnWriter(writer) => {
                    let is_millis =
                        writer.get_descriptor().converted_type() == parquet::basic::ConvertedType::TIMESTAMP_MILLIS;
                    let number =
                        |cell: &&str| if is_millis { at(cell).as_millisecond() } else { at(cell).as_microsecond() };
                    writer.write_batch(&there.map(number).collect::<Vec<_>>(), Some(&levels), None)
                }
                ColumnWriter::Int96ColumnWriter(writer) => {
                    let values: Vec<Int96> = there
                        .map(|cell| {
                            let (second, day) = (at(cell).as_second(), 86_400);
                            let nanos = u64::try_from(second.rem_euclid(day)).unwrap() * 1_000_000_000;
                            let julian = u32::try_from(second.div_euclid(day) + 2_440_588).unwrap();
                            let mut value = Int96::new();
                            value.set_data(nanos as u32, (nanos >> 32) as u32, julian);
                            value
                        })
                        .collect();
                    writer.write_batch(&values, Some(&levels), None)
                }
                _ => unreachable!("no column of the schema is of another type"),
            };
            written.unwrap();
            column.close().unwrap();
            place += 1;
        }
        rows.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn parquet_file() -> ReportFile {
    ReportFile { format: FileFormat::Parquet, ..file("report-1.snappy.parquet") }
}

/// Reads it as the engine does, and gives the most bytes that were asked for in one span, too.
fn read(bytes: &[u8]) -> Result<Totals, ReportError> {
    read_as(ParquetReader::new(parquet_file(), bytes.len() as u64), bytes)
}

fn read_as(mut reader: ParquetReader, bytes: &[u8]) -> Result<Totals, ReportError> {
    loop {
        match reader.next() {
            Next::Bytes(span) => {
                let (start, end) = (usize::try_from(span.start).unwrap(), usize::try_from(span.end).unwrap());
                assert!(start <= end && end <= bytes.len(), "{start}..{end} of {}", bytes.len());
                reader.take(bytes[start..end].to_vec())?;
            }
            Next::Count => reader.count()?,
            Next::End => return reader.finish(),
        }
    }
}

fn fault(bytes: &[u8]) -> Fault {
    read(bytes).unwrap_err().fault
}

/// What the sums say, without the names of files.
fn sums(totals: &Totals) -> String {
    let mut gaps = totals.gaps.clone();
    gaps.examples.clear();
    format!("{} {:?} {:?} {:?}", totals.rows, totals.accounts, totals.reach, gaps)
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let cost = prop_oneof![
        (0_u32..2_000_000, 0_u32..7).prop_map(|(digits, places)| {
            let scale = 10_u32.pow(places);
            let width = usize::try_from(places).unwrap();
            if places == 0 { digits.to_string() } else { format!("{}.{:0width$}", digits / scale, digits % scale) }
        }),
        Just("0.0000000001".to_owned()),
        Just("-12.5".to_owned()),
        Just("98765.4321098765".to_owned()),
    ];
    let kinds = vec![
        "Usage",
        "DiscountedUsage",
        "SavingsPlanCoveredUsage",
        "SavingsPlanNegation",
        "Credit",
        "Tax",
        "Fee",
        "RIFee",
        "Novelty",
    ];
    let one = (
        proptest::sample::select(vec![ALICE, BOB, "12", ""]),
        proptest::sample::select(kinds),
        (1_i8..=30, 0_i8..24, 1_i64..40),
        cost.clone(),
        proptest::option::of(cost),
        proptest::sample::select(vec!["USD", "USD", "USD", "JPY", "usd"]),
    );
    let one = one.prop_map(|(account, kind, (day, hour, long), cost, effective, currency)| {
        let start = at(&format!("2026-11-{day:02}T{hour:02}:00:00Z"));
        let end = start + jiff::SignedDuration::from_hours(long);
        let effective = effective.unwrap_or_default();
        line(account, kind, &start.to_string(), &end.to_string(), &cost)
            .with("lineItem/CurrencyCode", currency)
            .with("reservation/EffectiveCost", &effective)
            .with("savingsPlan/SavingsPlanEffectiveCost", &effective)
    });
    proptest::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn the_same_lines_come_to_the_same_sums_in_parquet_and_in_csv(
        lines in lines(),
        moments in proptest::sample::select(vec![Moments::Millis, Moments::Micros, Moments::Int96, Moments::Text]),
        a_group in 1_usize..70,
    ) {
        let found = read(&parquet(&lines, moments, a_group)).unwrap();
        prop_assert_eq!(sums(&found), sums(&totals(&lines)));
    }

    #[test]
    fn damaged_bytes_end_in_sums_or_a_typed_error(
        lines in lines(),
        flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let mut bytes = parquet(&lines, Moments::Millis, 20);
        for (at, mask) in flips {
            // The footer is where most can be said that is not so.
            let at = bytes.len() - 1 - at.index(bytes.len().min(3000));
            bytes[at] ^= mask;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read(&bytes);
    }
}

#[test]
fn more_lines_than_are_counted_at_a_time_are_all_counted() {
    let many: Vec<Line> = (0..10_000).map(|_| usage(ALICE, "2026-11-24T09", "0.25")).collect();
    for a_group in [10_000, 4096, 999] {
        let found = read(&parquet(&many, Moments::Millis, a_group)).unwrap();
        assert_eq!(found.rows, 10_000);
        assert_eq!(hours(&found, ALICE), pairs(&[("2026-11-24T09", "2500")]));
    }
}

#[test]
fn older_hours_are_one_sum() {
    let both = [usage(ALICE, "2026-11-20T09", "1"), usage(ALICE, "2026-11-24T09", "2")];
    let bytes = parquet(&both, Moments::Millis, 10);
    let reader = ParquetReader::new(parquet_file(), bytes.len() as u64).since(hour("2026-11-24T00"));
    assert_eq!(hours(&read_as(reader, &bytes).unwrap(), ALICE), pairs(&[("2026-11-24T09", "2")]));
}

#[test]
fn only_what_is_wanted_is_asked_for() {
    let long = "x".repeat(5_000);
    let many: Vec<Line> = (0..2_000)
        .map(|number| {
            usage(ALICE, "2026-11-24T09", "0.25").with("lineItem/LineItemDescription", &format!("{number} {long}"))
        })
        .collect();
    let bytes = parquet(&many, Moments::Millis, 2_000);
    let (mut reader, mut asked) = (ParquetReader::new(parquet_file(), bytes.len() as u64), 0);
    loop {
        match reader.next() {
            Next::Bytes(span) => {
                asked += span.end - span.start;
                let (start, end) = (usize::try_from(span.start).unwrap(), usize::try_from(span.end).unwrap());
                reader.take(bytes[start..end].to_vec()).unwrap();
            }
            Next::Count => reader.count().unwrap(),
            Next::End => break,
        }
    }
    assert!(asked < 100_000 && bytes.len() > 200_000, "{asked} of {}", bytes.len());
}

#[test]
fn what_is_no_parquet_or_not_whole_is_given_up() {
    let whole = parquet(&[usage(ALICE, "2026-11-24T09", "1")], Moments::Millis, 10);
    assert_eq!(fault(b""), Fault::NotParquet);
    assert_eq!(fault(b"PAR1"), Fault::NotParquet);
    assert_eq!(fault(&gzip(b"line_item_usage_account_id\n")), Fault::NotParquet);
    assert_eq!(fault(&whole[..whole.len() - 1]), Fault::NotParquet);
    assert!(matches!(fault(&whole[100..]), Fault::DamagedParquet { .. }));
    assert_eq!(
        fault(&[&[0xff; 4], b"PAR1".as_slice()].concat()),
        Fault::TooLarge { what: "footer", size: 0xffff_ffff, limit: 32 << 20 }
    );
    let mut reader = ParquetReader::new(parquet_file(), whole.len() as u64);
    assert!(ParquetReader::new(parquet_file(), 100).finish().is_err(), "half a file has no sums");
    assert_eq!(reader.take(whole[..50].to_vec()).unwrap_err().fault, Fault::Truncated);
    assert_eq!(reader.take(whole.clone()).unwrap_err().fault, Fault::Truncated, "it stays so");
}

#[test]
fn a_column_that_is_missing_or_of_another_type_is_named() {
    let one = [usage(ALICE, "2026-11-24T09", "1")];
    let without = Moments::Millis.schema().replace("line_item_currency_code", "another");
    let Fault::MissingColumns { columns } = fault(&written(&without, &one, 10)) else { panic!("it is missing") };
    assert!(columns.contains("line_item_currency_code"), "{columns}");
    let plain = Moments::Millis.schema().replace(" (timestamp_millis)", "");
    let Fault::ColumnType { column, found } = fault(&written(&plain, &one, 10)) else {
        panic!("a number is no moment")
    };
    assert_eq!((column, found.as_str()), ("lineItem/UsageStartDate", "INT64"));
}
