//! Which files are the current report.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use runawaytrain_core::vocabulary::text::clean;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::columns::FOCUS;
use crate::fault::FOCUS_IS_NOT_READ;
use crate::hour::{Hour, parse_date};

/// The longest billing period: a month of 31 days.
const LONGEST_HOURS: i64 = 31 * 24;

/// A billing period, normally a calendar month of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    first: Hour,
    end: Hour,
}

impl Period {
    /// From one moment, rounded down to its hour, up to another, which is not part of it. `None` unless it is between
    /// an hour and 31 days long.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        let (first, end) = (Hour::containing(start), Hour::at_or_after(end.as_second()));
        (1..=LONGEST_HOURS).contains(&end.since(first)).then_some(Self { first, end })
    }

    /// Its first hour.
    pub fn first(self) -> Hour {
        self.first
    }

    /// The first hour after it.
    pub fn end(self) -> Hour {
        self.end
    }

    /// The month that `2026-11` names.
    fn month(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
        let next = first.last_of_month().tomorrow().ok()?;
        let moment = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok();
        Self::new(moment(first)?, moment(next)?)
    }
}

/// An interval of ISO 8601, as the reports' `identity/TimeInterval`: `2026-11-01T00:00:00Z/2026-12-01T00:00:00Z`.
impl From<Period> for String {
    fn from(period: Period) -> Self {
        format!("{}/{}", period.first, period.end)
    }
}

impl TryFrom<String> for Period {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let moments = text.split_once('/').and_then(|(start, end)| start.parse().ok().zip(end.parse().ok()));
        moments
            .and_then(|(start, end)| Self::new(start, end))
            .ok_or("a billing period is two moments with a slash between them, an hour to 31 days apart")
    }
}

/// `2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.end)
    }
}

/// One file of a report. Only a manifest names files, so that an old edition is never read beside the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Its key in the manifest's bucket.
    pub key: String,
    /// The edition of the report that it belongs to, see [`Manifest::version`].
    pub version: Option<String>,
    /// The billing period of the report.
    pub period: Period,
    /// What it is written in.
    pub format: FileFormat,
}

/// What a file of a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// CSV compressed by gzip.
    GzipCsv,
    /// Parquet.
    Parquet,
}

/// Where a payer's reports are, as the policy says. A manifest that points elsewhere is refused: whoever can write a
/// manifest must not choose what we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// What every key begins with; empty for the whole bucket.
    pub prefix: &'a str,
}

/// A report's table of contents: of a legacy Cost and Usage Report, or of a CUR 2.0 export.
///
/// AWS writes the manifest last and replaces it with each edition, so the files that it names are whole and current.
/// <https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html>,
/// <https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `assemblyId` of a legacy report, `executionId` of an export. A manifest without either is recognized as new by
    /// its ETag only.
    pub version: Option<String>,
    /// The billing period.
    pub period: Period,
    /// The columns, as headers spell them; empty when the manifest does not tell.
    pub columns: Vec<String>,
    files: Vec<(String, FileFormat)>,
}

/// Why a manifest is of no use.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not JSON, or not the JSON of a manifest.
    #[error("not a manifest of a Cost and Usage Report")]
    NotAManifest(#[source] serde_json::Error),
    /// Neither `reportKeys` nor `dataFiles`.
    #[error(
        "the manifest has neither reportKeys (legacy report) nor dataFiles (CUR 2.0 export): is it a manifest of a \
         Cost and Usage Report?"
    )]
    NoFileList,
    /// A report of no files.
    #[error("the manifest names no files: AWS has not written the report yet")]
    NoFiles,
    /// No usable billing period.
    #[error(
        "the manifest's billing period cannot be told from {}: it takes billingPeriod.start and .end, or \
         BILLING_PERIOD=YYYY-MM in the keys",
        clean(found)
    )]
    NoPeriod {
        /// What there was.
        found: String,
    },
    /// Another format of AWS's.
    #[error("{FOCUS_IS_NOT_READ}")]
    Focus,
    /// ZIP or something else.
    #[error(
        "the report's compression is {}, which is not read. Set it to GZIP, or the format to Parquet",
        clean(found)
    )]
    Compression {
        /// What the manifest or the key says.
        found: String,
    },
    /// A file in another bucket.
    #[error("the manifest names {}, which is not in bucket {}", clean(file), clean(bucket))]
    OtherBucket {
        /// The file.
        file: String,
        /// The bucket that the policy names.
        bucket: String,
    },
    /// A file outside of the prefix.
    #[error("the manifest names {}, which is outside of the prefix {}", clean(file), clean(prefix))]
    OutsidePrefix {
        /// The file.
        file: String,
        /// The prefix that the policy names.
        prefix: String,
    },
}

impl Manifest {
    /// Reads a manifest of either kind.
    ///
    /// # Errors
    /// When it is none, names no files, names files that lie elsewhere, or describes a report that is neither gzip CSV nor
    /// Parquet.
    pub fn parse(json: &[u8], place: Place<'_>) -> Result<Self, ManifestError> {
        let document: Document = serde_json::from_slice(json).map_err(ManifestError::NotAManifest)?;
        document.check_format()?;
        let columns: Vec<String> = document.columns.iter().flatten().map(DocumentColumn::name).collect();
        if columns.iter().any(|column| column == FOCUS) {
            return Err(ManifestError::Focus);
        }
        let named = document.report_keys.as_ref().or(document.data_files.as_ref()).ok_or(ManifestError::NoFileList)?;
        let mut files = Vec::new();
        for file in named {
            let key = located(file, place)?;
            let format = format_of(key)?;
            // Named twice, read once.
            if !files.iter().any(|(known, _)| known == key) {
                files.push((key.to_owned(), format));
            }
        }
        let (first, _) = files.first().ok_or(ManifestError::NoFiles)?;
        let period = document.period(first)?;
        Ok(Self { version: document.assembly_id.or(document.execution_id), period, columns, files })
    }

    /// The files of the report, each once, in the manifest's order.
    pub fn files(&self) -> impl Iterator<Item = ReportFile> {
        self.files.iter().map(|(key, format)| ReportFile {
            key: key.clone(),
            version: self.version.clone(),
            period: self.period,
            format: *format,
        })
    }
}

/// The key of a file, which exports name as an S3 address.
fn located<'a>(file: &'a str, place: Place<'_>) -> Result<&'a str, ManifestError> {
    let key = match file.strip_prefix("s3://") {
        Some(address) => match address.split_once('/') {
            Some((bucket, key)) if bucket == place.bucket => key,
            _ => return Err(ManifestError::OtherBucket { file: file.to_owned(), bucket: place.bucket.to_owned() }),
        },
        None => file,
    };
    if key.starts_with(place.prefix) {
        Ok(key)
    } else {
        Err(ManifestError::OutsidePrefix { file: file.to_owned(), prefix: place.prefix.to_owned() })
    }
}

fn format_of(key: &str) -> Result<FileFormat, ManifestError> {
    match key {
        csv if csv.ends_with(".csv.gz") => Ok(FileFormat::GzipCsv),
        parquet if parquet.ends_with(".parquet") => Ok(FileFormat::Parquet),
        other => Err(ManifestError::Compression { found: other.rsplit('/').next().unwrap_or(other).to_owned() }),
    }
}

/// What is read of a manifest's JSON; the rest may change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    assembly_id: Option<String>,
    execution_id: Option<String>,
    compression: Option<String>,
    billing_period: Option<DocumentPeriod>,
    report_keys: Option<Vec<String>>,
    data_files: Option<Vec<String>>,
    columns: Option<Vec<DocumentColumn>>,
}

#[derive(Deserialize)]
struct DocumentPeriod {
    start: String,
    end: String,
}

#[derive(Deserialize)]
struct DocumentColumn {
    category: Option<String>,
    name: String,
}

impl DocumentColumn {
    /// Legacy manifests keep `lineItem` and `UsageAccountId` apart; an export's names are whole.
    fn name(&self) -> String {
        match &self.category {
            Some(category) if !self.name.contains('_') => format!("{category}/{}", self.name),
            _ => self.name.clone(),
        }
    }
}

impl Document {
    fn check_format(&self) -> Result<(), ManifestError> {
        match self.compression.as_deref() {
            None => Ok(()),
            Some(known) if ["gzip", "parquet"].iter().any(|name| known.eq_ignore_ascii_case(name)) => Ok(()),
            Some(other) => Err(ManifestError::Compression { found: other.to_owned() }),
        }
    }

    fn period(&self, key: &str) -> Result<Period, ManifestError> {
        match &self.billing_period {
            Some(DocumentPeriod { start, end }) => moment(start)
                .zip(moment(end))
                .and_then(|(start, end)| Period::new(start, end))
                .ok_or_else(|| format!("{start} to {end}")),
            None => key
                .split('/')
                .find_map(|part| Period::month(part.strip_prefix("BILLING_PERIOD=")?))
                .ok_or_else(|| key.to_owned()),
        }
        .map_err(|found| ManifestError::NoPeriod { found })
    }
}

/// `20261101T000000.000Z` of legacy manifests, or a date as the reports have it.
fn moment(text: &str) -> Option<Timestamp> {
    let second = match text.as_bytes() {
        [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, zone @ ..]
            if y1.is_ascii_digit() && m1.is_ascii_digit() =>
        {
            let mut spelled = vec![
                *y1, *y2, *y3, *y4, b'-', *m1, *m2, b'-', *d1, *d2, b'T', *h1, *h2, b':', *n1, *n2, b':', *s1, *s2,
            ];
            spelled.extend_from_slice(zone);
            parse_date(&spelled)
        }
        other => parse_date(other),
    };
    Timestamp::from_second(second?).ok()
}
