//! What can be wrong with a report, in words that say where and what to do.

use runawaytrain_core::vocabulary::text::clean;
use thiserror::Error;

use crate::columns::HeaderFault;

/// Why a whole file counts for nothing.
///
/// A file that ends early or whose structure is in doubt is given up, with all that was read of it: what the account
/// spent by the previous report is nearer to the truth than an unknown part of this one, and the next attempt may find
/// the file whole. A single bad row is not such a case, see [`Gaps`](crate::Gaps).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {fault}", clean(file))]
pub struct ReportError {
    /// The file's key in S3.
    pub file: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It does not begin as gzip does.
    #[error("not gzip, though its name ends so. Read it again; if that does not help, wait for AWS's next report")]
    NotGzip,
    /// The compressed bytes contradict themselves or their checksum.
    #[error("the gzip data is damaged. Read it again; if that does not help, wait for AWS's next report")]
    Damaged,
    /// The compressed bytes end before their end.
    #[error("the file ends early. Read it again: the transfer was cut off, or AWS is replacing the file")]
    Truncated,
    /// Something that is not gzip follows the gzip data.
    #[error(
        "after the end of the gzip data there are bytes that are no gzip data. Read it again; if that does not help, \
         wait for AWS's next report"
    )]
    Trailing,
    /// It does not end as Parquet does.
    #[error("not Parquet, though its name ends so. Read it again; if that does not help, wait for AWS's next report")]
    NotParquet,
    /// The Parquet data contradicts itself.
    #[error(
        "the Parquet data is damaged: {}. Read it again; if that does not help, wait for AWS's next report",
        clean(why)
    )]
    DamagedParquet {
        /// What the decoder says.
        why: String,
    },
    /// More than is held at once.
    #[error(
        "a {what} has {size} bytes, and no more than {limit} are held at once. Leave cur.bucket out of the policy and \
         write cur: {{}} to have a gzip CSV report made beside it"
    )]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Bytes.
        size: u64,
        /// Bytes.
        limit: u64,
    },
    /// Parquet whose columns are compressed otherwise than AWS does it.
    #[error(
        "its columns are compressed by {found}, which is not read. Leave cur.bucket out of the policy and write cur: {{}} \
         to have a gzip CSV report made beside it"
    )]
    Codec {
        /// The codec.
        found: String,
    },
    /// A column of a type that no report uses for it.
    #[error("the column {column} has the type {found}, which no Cost and Usage Report uses for it")]
    ColumnType {
        /// Its name in legacy reports.
        column: &'static str,
        /// Its type.
        found: String,
    },
    /// Not even a header.
    #[error("empty: not even a header")]
    Empty,
    /// The header lacks columns.
    #[error("the header has no column {columns}. Add it to the report, or the export's query")]
    MissingColumns {
        /// The missing ones, both spellings each.
        columns: String,
    },
    /// Another format of AWS's.
    #[error("{FOCUS_IS_NOT_READ}")]
    Focus,
    /// The header has a column twice, and they might differ.
    #[error("the header has column {column} twice")]
    ColumnTwice {
        /// Its name in legacy reports.
        column: &'static str,
    },
    /// A row that never ends.
    #[error("row {row} is longer than {limit} bytes: a quote is probably not closed")]
    EndlessRow {
        /// The row, counted from 1, the header being row 1.
        row: u64,
        /// The longest row that is read.
        limit: usize,
    },
    /// The file ends within quotes.
    #[error("row {row} ends within quotes: the file was cut off")]
    OpenQuote {
        /// The row, counted from 1, the header being row 1.
        row: u64,
    },
}

/// What is wrong with an export in the FOCUS format, and what to do.
pub(crate) const FOCUS_IS_NOT_READ: &str = "this is an export in the FOCUS format, which is not read: a Cost and \
                                            Usage Report is needed. Leave cur.bucket out of the policy and write cur: \
                                            {} to have one made beside it";

impl From<HeaderFault> for Fault {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::Missing(columns) => Self::MissingColumns {
                columns: columns
                    .iter()
                    .map(|(legacy, export)| format!("{legacy} ({export} in CUR 2.0)"))
                    .collect::<Vec<_>>()
                    .join(", "),
            },
            HeaderFault::Twice(column) => Self::ColumnTwice { column },
            HeaderFault::Focus => Self::Focus,
        }
    }
}

/// Reading from a file or a connection failed, or what it held was no report.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The source failed.
    #[error("the report could not be read")]
    Source(#[from] std::io::Error),
    /// What was read is no report.
    #[error(transparent)]
    Report(#[from] ReportError),
}
