//! Reads one Parquet file of a report from the few spans of it that matter: the footer, and of each row group the
//! columns that are wanted. <https://parquet.apache.org/docs/file-format/>

use std::fmt::Write as _;
use std::io::Read;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use ::parquet::data_type::DataType;
use ::parquet::errors::{ParquetError, Result as Decoded};
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use ::parquet::file::reader::{ChunkReader, Length};
use ::parquet::file::serialized_reader::SerializedPageReader;
use ::parquet::schema::types::ColumnDescriptor;
use bytes::{Buf as _, Bytes};
use jiff::Timestamp;

use crate::columns::{COLUMNS, Column, places};
use crate::fault::{Fault, ReportError};
use crate::hour::Hour;
use crate::manifest::ReportFile;
use crate::rows::Line;
use crate::sums::Sums;
use crate::totals::Totals;

/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// The length of the footer, and the magic.
const TRAILER: u64 = 8;
/// Asked for at first, in the hope that all of the footer is in it.
const TAIL: u64 = 64 << 10;
/// The largest footer. That of a report with hundreds of columns and a hundred row groups has some 3 MB.
const LARGEST_FOOTER: u64 = 32 << 20;
/// What the wanted columns of one row group may take as they are stored, and inflated. AWS's row groups have some tens
/// of thousands of lines, and these columns repeat themselves.
const LARGEST_GROUP: u64 = 32 << 20;
const LARGEST_INFLATED: u64 = 64 << 20;
/// Of one column in so many lines: accounts, dates and amounts have some twenty characters each.
const LARGEST_BATCH: usize = 4 << 20;
/// Lines that are counted at a time: a few milliseconds.
const BATCH: usize = 4096;

/// What a [`ParquetReader`] needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These bytes of the file, from its beginning.
    Bytes(Range<u64>),
    /// Time to count some lines.
    Count,
    /// Nothing: all lines are counted.
    End,
}

/// Reads one Parquet file that is asked for span by span.
///
/// It holds the wanted columns of one row group, at most 32 MB of them, a page of each inflated, and one sum per account
/// and hour. What a page is inflated to is by its own word, which the decoder takes. A file in
/// overwrite mode may be replaced at any time: all spans must be of the same edition, by its ETag.
pub struct ParquetReader {
    file: ReportFile,
    size: u64,
    sums: Sums,
    state: State,
    /// Lines so far.
    lines: u64,
    fault: Option<Fault>,
}

enum State {
    /// The end of the file, from there on.
    Footer(u64),
    /// The wanted columns of a row group, as far as they have come.
    Fetching {
        footer: Arc<Footer>,
        group: usize,
        columns: Vec<ColumnReader>,
    },
    /// The lines of a row group, and how many are left.
    Counting {
        footer: Arc<Footer>,
        group: usize,
        columns: Vec<ColumnReader>,
        left: u64,
    },
    End,
}

struct Footer {
    metadata: ParquetMetaData,
    /// The wanted columns that the file has, and where they are among all.
    wanted: Vec<(Column, usize)>,
}

impl ParquetReader {
    /// A reader of a file of so many bytes that keeps every hour of its billing period.
    pub fn new(file: ReportFile, size: u64) -> Self {
        let first = file.period.first();
        let state = State::Footer(size.saturating_sub(TAIL));
        Self { sums: Sums::new(&file, first), file, size, state, lines: 0, fault: None }
    }

    /// Keeps only hours from this one on, as [`Reader::since`](crate::Reader::since).
    #[must_use]
    pub fn since(mut self, hour: Hour) -> Self {
        self.sums = Sums::new(&self.file, hour.max(self.file.period.first()));
        self
    }

    /// What has to be done next.
    pub fn next(&self) -> Next {
        match &self.state {
            State::Footer(from) => Next::Bytes(*from..self.size),
            State::Fetching { footer, group, columns } => {
                footer.chunk(*group, columns.len()).map_or(Next::Count, |(_, chunk)| Next::Bytes(span(chunk)))
            }
            State::Counting { .. } => Next::Count,
            State::End => Next::End,
        }
    }

    /// Takes the bytes that [`next`](Self::next) asked for.
    ///
    /// # Errors
    /// When the file cannot be a report, or they are not so many. Every later call then fails alike.
    pub fn take(&mut self, bytes: Vec<u8>) -> Result<(), ReportError> {
        self.guarded(|reader| reader.take_span(Bytes::from(bytes)))
    }

    /// Counts some lines, where [`next`](Self::next) asked for that.
    ///
    /// # Errors
    /// When the data is damaged. Every later call then fails alike.
    pub fn count(&mut self) -> Result<(), ReportError> {
        self.guarded(Self::count_batch)
    }

    /// The sums, once there is nothing left to do.
    ///
    /// # Errors
    /// When the file was no report, or was not read to its end. Sums of half a file are not given out.
    pub fn finish(mut self) -> Result<Totals, ReportError> {
        self.guarded(|reader| if reader.next() == Next::End { Ok(()) } else { Err(Fault::Truncated) })?;
        Ok(self.sums.totals())
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), ReportError> {
        if self.fault.is_none() {
            // The decoder trusts what it is given here and there: of damaged data it may break off. Nothing is read of
            // this reader after that but its fault.
            let outcome = catch_unwind(AssertUnwindSafe(|| step(self)));
            let broken_off = || Err(Fault::DamagedParquet { why: "the decoder broke off".to_owned() });
            self.fault = outcome.unwrap_or_else(|_| broken_off()).err();
        }
        match &self.fault {
            Some(fault) => Err(ReportError { file: self.file.key.clone(), fault: fault.clone() }),
            None => Ok(()),
        }
    }

    fn take_span(&mut self, bytes: Bytes) -> Result<(), Fault> {
        match self.next() {
            Next::Bytes(wanted) if wanted.end - wanted.start == bytes.len() as u64 => {}
            Next::Bytes(_) | Next::Count | Next::End => return Err(Fault::Truncated),
        }
        match std::mem::replace(&mut self.state, State::End) {
            State::Footer(_) => self.take_end(&bytes),
            State::Fetching { footer, group, mut columns } => {
                let (place, chunk) = footer.chunk(group, columns.len()).ok_or(Fault::Truncated)?;
                let rows = footer.rows(group)?;
                let pages = Span { start: span(chunk).start, bytes, size: self.size };
                let pages = SerializedPageReader::new(Arc::new(pages), chunk, rows, None).map_err(damaged)?;
                let descriptor = footer.metadata.file_metadata().schema_descr().column(place);
                columns.push(get_column_reader(descriptor, Box::new(pages)));
                self.state = if columns.len() < footer.wanted.len() {
                    State::Fetching { footer, group, columns }
                } else {
                    State::Counting { footer, group, columns, left: rows as u64 }
                };
                Ok(())
            }
            State::Counting { .. } | State::End => Err(Fault::Truncated),
        }
    }

    /// Reads the footer, or asks for more of it.
    fn take_end(&mut self, bytes: &Bytes) -> Result<(), Fault> {
        let held = bytes.len() as u64;
        let Some((footer, trailer)) = bytes.split_last_chunk::<8>().filter(|(_, trailer)| trailer.ends_with(MAGIC))
        else {
            return Err(Fault::NotParquet);
        };
        let [a, b, c, d, ..] = *trailer;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        if length > LARGEST_FOOTER {
            return Err(Fault::TooLarge { what: "footer", size: length, limit: LARGEST_FOOTER });
        }
        let from = self.size.checked_sub(TRAILER + length).ok_or(Fault::NotParquet)?;
        if held < TRAILER + length {
            self.state = State::Footer(from);
            return Ok(());
        }
        let start = usize::try_from(held - TRAILER - length).unwrap_or(usize::MAX);
        let metadata =
            ParquetMetaDataReader::decode_metadata(footer.get(start..).unwrap_or_default()).map_err(damaged)?;
        let footer = Arc::new(Footer::of(metadata)?);
        self.begin(footer, 0)
    }

    /// Begins a row group, or ends where there is none.
    fn begin(&mut self, footer: Arc<Footer>, group: usize) -> Result<(), Fault> {
        self.state = if group < footer.metadata.num_row_groups() {
            footer.check(group, self.size)?;
            State::Fetching { footer, group, columns: Vec::new() }
        } else {
            State::End
        };
        Ok(())
    }

    fn count_batch(&mut self) -> Result<(), Fault> {
        let State::Counting { footer, group, mut columns, left } = std::mem::replace(&mut self.state, State::End)
        else {
            return Err(Fault::Truncated);
        };
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(BATCH);
        let mut batch = Batch::default();
        for ((column, place), reader) in footer.wanted.iter().zip(&mut columns) {
            let descriptor = footer.metadata.file_metadata().schema_descr().column(*place);
            if let Some(cells) = batch.columns.get_mut(*column as usize) {
                *cells = Some(Cells::read(reader, &descriptor, count)?);
            }
        }
        for line in 0..count {
            self.lines += 1;
            self.sums.count(&BatchLine { batch: &batch, line, number: self.lines }, 0);
        }
        let left = left.saturating_sub(count as u64);
        if left == 0 {
            self.begin(footer, group + 1)
        } else {
            self.state = State::Counting { footer, group, columns, left };
            Ok(())
        }
    }
}

impl Footer {
    fn of(metadata: ParquetMetaData) -> Result<Self, Fault> {
        let leaves = metadata.file_metadata().schema_descr().columns();
        let names: Vec<String> = leaves.iter().map(|leaf| leaf.path().string()).collect();
        let header: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let found = places(&header)?;
        let wanted: Vec<(Column, usize)> =
            Column::each().zip(found).filter_map(|(column, place)| Some((column, place?))).collect();
        for (column, place) in &wanted {
            let is_flat = leaves.get(*place).is_some_and(|leaf| leaf.max_rep_level() == 0 && leaf.max_def_level() < 2);
            if !is_flat {
                return Err(Fault::ColumnType { column: column.name(), found: "a nested type".to_owned() });
            }
        }
        Ok(Self { metadata, wanted })
    }

    /// The chunk of the wanted column of that number in a row group, and where the column is among all.
    fn chunk(&self, group: usize, number: usize) -> Option<(usize, &ColumnChunkMetaData)> {
        let (_, place) = self.wanted.get(number)?;
        let chunk = self.metadata.row_groups().get(group)?.columns().get(*place)?;
        Some((*place, chunk))
    }

    fn rows(&self, group: usize) -> Result<usize, Fault> {
        let rows = self.metadata.row_groups().get(group).map_or(0, |group| group.num_rows());
        usize::try_from(rows).map_err(|_| Fault::DamagedParquet { why: "a row group has less than no rows".to_owned() })
    }

    /// Holds a row group against the file, before anything of it is asked for.
    fn check(&self, group: usize, size: u64) -> Result<(), Fault> {
        let out_of_place = || Fault::DamagedParquet { why: "its footer names bytes that it does not have".to_owned() };
        let (mut stored, mut inflated) = (0_u64, 0_u64);
        for number in 0..self.wanted.len() {
            let (_, chunk) = self.chunk(group, number).ok_or_else(out_of_place)?;
            let offsets = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
            let lengths = [chunk.compressed_size(), chunk.uncompressed_size()];
            if offsets.into_iter().flatten().chain(lengths).any(i64::is_negative) {
                return Err(out_of_place());
            }
            if !matches!(chunk.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY) {
                return Err(Fault::Codec { found: chunk.compression().to_string() });
            }
            let span = span(chunk);
            if span.end > size {
                return Err(out_of_place());
            }
            stored = stored.saturating_add(span.end - span.start);
            inflated = inflated.saturating_add(chunk.uncompressed_size().unsigned_abs());
        }
        for (size, limit) in [(stored, LARGEST_GROUP), (inflated, LARGEST_INFLATED)] {
            if size > limit {
                return Err(Fault::TooLarge { what: "row group", size, limit });
            }
        }
        self.rows(group).map(drop)
    }
}

/// Where a chunk lies in the file, as checked.
fn span(chunk: &ColumnChunkMetaData) -> Range<u64> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset()).unsigned_abs();
    start..start.saturating_add(chunk.compressed_size().unsigned_abs())
}

fn damaged(error: ParquetError) -> Fault {
    Fault::DamagedParquet { why: error.to_string() }
}

/// A part of the file, by its place in the whole.
struct Span {
    start: u64,
    bytes: Bytes,
    size: u64,
}

impl Span {
    fn from(&self, start: u64) -> Decoded<Bytes> {
        start
            .checked_sub(self.start)
            .and_then(|skipped| usize::try_from(skipped).ok())
            .filter(|skipped| *skipped <= self.bytes.len())
            .map(|skipped| self.bytes.slice(skipped..))
            .ok_or_else(|| ParquetError::EOF("a page is outside of its column".to_owned()))
    }
}

impl Length for Span {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Span {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Decoded<Self::T> {
        Ok(Box::new(self.from(start)?.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Decoded<Bytes> {
        let rest = self.from(start)?;
        if length > rest.len() {
            return Err(ParquetError::EOF("a page is longer than its column".to_owned()));
        }
        Ok(rest.slice(..length))
    }
}

/// Some lines, column by column.
#[derive(Default)]
struct Batch {
    columns: [Option<Cells>; COLUMNS],
}

/// The cells of a column, as a CSV would spell them; what is null is empty there.
struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    fn read(reader: &mut ColumnReader, descriptor: &ColumnDescriptor, count: usize) -> Result<Self, Fault> {
        let is_nullable = descriptor.max_def_level() > 0;
        match reader {
            ColumnReader::ByteArrayColumnReader(reader) => spelled(reader, is_nullable, count, |text, value| {
                text.push_str(&String::from_utf8_lossy(value.data()));
            }),
            // The shortest decimal that is this number, without an exponent: what AWS wrote, if it wrote no more than
            // 15 digits.
            ColumnReader::DoubleColumnReader(reader) => spelled(reader, is_nullable, count, |text, value| {
                write(text, format_args!("{value}"));
            }),
            ColumnReader::Int64ColumnReader(reader) => {
                let moment = moments(descriptor).ok_or_else(|| unknown(descriptor))?;
                spelled(reader, is_nullable, count, |text, value| spell(text, moment(*value)))
            }
            // What older writers have for moments.
            ColumnReader::Int96ColumnReader(reader) => spelled(reader, is_nullable, count, |text, value| {
                spell(text, Timestamp::from_second(value.to_seconds()).ok());
            }),
            ColumnReader::BoolColumnReader(_)
            | ColumnReader::Int32ColumnReader(_)
            | ColumnReader::FloatColumnReader(_)
            | ColumnReader::FixedLenByteArrayColumnReader(_) => Err(unknown(descriptor)),
        }
    }

    fn cell(&self, line: usize) -> Option<&[u8]> {
        let start = line.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.as_bytes().get(start..*self.ends.get(line)?)
    }
}

/// What makes moments of a column's numbers, if they are moments. Older writers have a converted type alone.
fn moments(descriptor: &ColumnDescriptor) -> Option<fn(i64) -> Option<Timestamp>> {
    let unit = match descriptor.logical_type_ref() {
        Some(LogicalType::Timestamp(timestamp)) => timestamp.unit,
        Some(_) => return None,
        None => match descriptor.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => TimeUnit::MILLIS,
            ConvertedType::TIMESTAMP_MICROS => TimeUnit::MICROS,
            _ => return None,
        },
    };
    Some(match unit {
        TimeUnit::MILLIS => |number| Timestamp::from_millisecond(number).ok(),
        TimeUnit::MICROS => |number| Timestamp::from_microsecond(number).ok(),
        TimeUnit::NANOS => |number| Timestamp::from_nanosecond(i128::from(number)).ok(),
    })
}

fn unknown(descriptor: &ColumnDescriptor) -> Fault {
    let name = descriptor.name();
    let column = Column::each().find(|column| column.is_named(name)).map_or("", Column::name);
    Fault::ColumnType { column, found: descriptor.physical_type().to_string() }
}

/// Writing to a string cannot fail.
fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// A moment that cannot be told is no date.
fn spell(text: &mut String, moment: Option<Timestamp>) {
    match moment {
        Some(moment) => write(text, format_args!("{moment}")),
        None => text.push_str("out of range"),
    }
}

fn spelled<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    is_nullable: bool,
    count: usize,
    spell: impl Fn(&mut String, &T::T),
) -> Result<Cells, Fault> {
    let (mut levels, mut values) = (Vec::new(), Vec::with_capacity(count));
    let (read, _, _) =
        reader.read_records(count, is_nullable.then_some(&mut levels), None, &mut values).map_err(damaged)?;
    if read != count || (is_nullable && levels.len() != count) {
        return Err(Fault::DamagedParquet { why: "a column has fewer values than its row group has rows".to_owned() });
    }
    let (mut text, mut ends, mut values) = (String::new(), Vec::with_capacity(count), values.iter());
    for line in 0..count {
        let is_there = levels.get(line).is_none_or(|level| *level > 0);
        if let Some(value) = is_there.then(|| values.next()).flatten() {
            spell(&mut text, value);
        }
        if text.len() > LARGEST_BATCH {
            return Err(Fault::TooLarge {
                what: "column of some lines",
                size: text.len() as u64,
                limit: LARGEST_BATCH as u64,
            });
        }
        ends.push(text.len());
    }
    Ok(Cells { text, ends })
}

struct BatchLine<'a> {
    batch: &'a Batch,
    line: usize,
    number: u64,
}

impl Line for BatchLine<'_> {
    fn number(&self) -> u64 {
        self.number
    }

    /// Every line has all columns.
    fn fields(&self) -> usize {
        0
    }

    fn field(&self, column: Column) -> Option<&[u8]> {
        self.batch.columns.get(column as usize)?.as_ref()?.cell(self.line)
    }
}
