//! Reads AWS Cost and Usage Reports as streams of bytes: what each account spent in each hour.
//!
//! A [`Manifest`] names the files of the current report; a [`Reader`] takes the bytes of one that is gzip CSV as they
//! arrive, a [`ParquetReader`] asks for the few spans that it needs of one that is Parquet. Both give [`Totals`], which
//! add up. Where the bytes come from is the caller's business: there is no AWS, no file and no clock
//! in this crate.
//!
//! ```
//! # use runawaytrain_cur::{Manifest, Place, Reader, Totals};
//! # fn read(manifest_json: &[u8], bodies: Vec<Vec<Vec<u8>>>) -> Result<Totals, Box<dyn std::error::Error>> {
//! let manifest = Manifest::parse(manifest_json, Place { bucket: "payer-reports", prefix: "cur/" })?;
//! let mut totals = Totals::default();
//! for (file, body) in manifest.files().zip(bodies) {
//!     let mut reader = Reader::new(file);
//!     for chunk in body {
//!         reader.feed(&chunk)?;
//!     }
//!     totals.merge(reader.finish()?)?;
//! }
//! # Ok(totals)
//! # }
//! ```
//!
//! # What counts
//! - **Spend is usage**: `Usage` at its unblended cost, `DiscountedUsage` and `SavingsPlanCoveredUsage` at their
//!   effective cost, which is AWS's amortized cost. Credits, refunds, discounts, negations, taxes and fees are summed
//!   apart, per account.
//! - **An hour is an hour of UTC.** A line that is longer is spread evenly over its hours.
//! - **US dollars.** Lines in another currency are a gap, with their own sum.
//! - **Nothing is silently zero.** A file whose structure is in doubt is an error ([`Fault`]); a row that cannot be
//!   read, and whatever else the sums lack, is in [`Gaps`].

mod amount;
mod columns;
mod fault;
mod gunzip;
mod hour;
mod line;
mod manifest;
mod parquet;
mod reader;
mod rows;
mod scan;
mod sums;
mod totals;

pub use amount::Amount;
pub use fault::{Fault, ReadError, ReportError};
pub use hour::{Hour, NotAnHour};
pub use line::Charge;
pub use manifest::{FileFormat, Manifest, ManifestError, Period, Place, ReportFile};
pub use parquet::{Next, ParquetReader};
pub use reader::Reader;
pub use totals::{AccountTotals, BadRow, Counted, Gaps, Hourly, MergeError, OtherCurrency, Reach, RowProblem, Totals};
