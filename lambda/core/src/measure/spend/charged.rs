//! A sum of money of some time, how old it may be, and the months that AWS bills by.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::vocabulary::money::Usd;

/// A reading that is older than this says nothing about the present: billing metrics come several times a day, reports
/// daily at least.
/// <https://docs.aws.amazon.com/cur/latest/userguide/what-is-cur.html>
pub const STALE: SignedDuration = SignedDuration::from_hours(48);

pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What was spent between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// How much.
    pub amount: Usd,
    /// From when.
    pub from: Timestamp,
    /// Until when the data reaches.
    pub until: Timestamp,
    /// Where that comes from.
    pub source: SpendSource,
}

/// Where a spend comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpendSource {
    /// CloudWatch's `EstimatedCharges`.
    Charges,
    /// Cost and Usage Reports.
    Reports,
}

impl fmt::Display for SpendSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Charges => "estimated charges",
            Self::Reports => "cost and usage reports",
        })
    }
}

/// The first day of the month that a moment is in, by UTC, as AWS bills.
pub fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// When that month began.
pub fn month_begins(at: Timestamp) -> Timestamp {
    // Of a date of this age there is a midnight by UTC; of any other the moment itself is near enough.
    month(at).to_zoned(TimeZone::UTC).map_or(at, |midnight| midnight.timestamp())
}

/// Whether a moment is in the first day of its month, by UTC.
pub(super) fn is_first_day(at: Timestamp) -> bool {
    at.to_zoned(TimeZone::UTC).date().day() == 1
}
