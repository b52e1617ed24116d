//! Hours of UTC, which is what reports count in.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const SECONDS: i64 = 3600;

/// One hour of UTC, by its number since 1970-01-01T00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Timestamp", into = "Timestamp")]
pub struct Hour(i64);

impl Hour {
    /// The hour that a moment lies in.
    pub fn containing(moment: Timestamp) -> Self {
        Self(moment.as_second().div_euclid(SECONDS))
    }

    /// Its first moment.
    pub fn beginning(self) -> Timestamp {
        Timestamp::from_second(self.0 * SECONDS).unwrap_or(Timestamp::MAX)
    }

    /// The hour `count` hours later; earlier, when negative.
    pub fn plus(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many hours lie between an earlier hour and this one; negative when it is the later one.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first hour that begins at or after a moment.
    pub(crate) fn at_or_after(second: i64) -> Self {
        Self(second.div_euclid(SECONDS) + i64::from(second.rem_euclid(SECONDS) != 0))
    }

    pub(crate) fn of_second(second: i64) -> Self {
        Self(second.div_euclid(SECONDS))
    }
}

impl From<Hour> for Timestamp {
    fn from(hour: Hour) -> Self {
        hour.beginning()
    }
}

/// A moment within an hour, where an hour's beginning was needed.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not the beginning of an hour")]
pub struct NotAnHour(Timestamp);

impl TryFrom<Timestamp> for Hour {
    type Error = NotAnHour;

    fn try_from(moment: Timestamp) -> Result<Self, NotAnHour> {
        let hour = Self::containing(moment);
        if hour.beginning() == moment { Ok(hour) } else { Err(NotAnHour(moment)) }
    }
}

/// `2026-11-24T09:00:00Z`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.beginning().fmt(f)
    }
}

/// Reads a date of a report, in seconds since 1970. Reports are in UTC throughout.
///
/// `YYYY-MM-DD`, `T` or a space, `hh:mm:ss`, a fraction or none, then `Z`, `+00:00` or nothing. The time may be
/// missing. Any other zone is refused: none is documented.
/// <https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html>
pub(crate) fn parse_date(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let (hour, minute, second) = match rest {
        [] => (0, 0, 0),
        [b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2, zone @ ..] => {
            is_utc(zone).then_some(())?;
            (two(*h1, *h2)?, two(*n1, *n2)?, two(*s1, *s2)?)
        }
        _ => return None,
    };
    let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
    let moment = DateTime::new(year, two(m1, m2)?, two(d1, d2)?, hour, minute, second, 0).ok()?;
    TimeZone::UTC.to_timestamp(moment).ok().map(Timestamp::as_second)
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| ((tens - b'0') * 10 + (ones - b'0')).cast_signed())
}

/// What may follow the seconds: a fraction, and a word for UTC.
fn is_utc(text: &[u8]) -> bool {
    let zone = match text {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        _ => text,
    };
    matches!(zone, b"" | b"Z" | b"+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_legacy_reports_exports_and_their_tools_write_them() {
        let ten = "2026-11-24T10:00:00Z".parse::<Timestamp>().unwrap().as_second();
        for text in [
            "2026-11-24T10:00:00Z",
            "2026-11-24T10:00:00.000Z",
            "2026-11-24 10:00:00",
            "2026-11-24 10:00:00.000",
            "2026-11-24 10:00:00+00:00",
            "2026-11-24T10:00:00",
        ] {
            assert_eq!(parse_date(text.as_bytes()), Some(ten), "{text}");
        }
        assert_eq!(parse_date(b"2026-11-24"), Some(ten - 36_000));
        assert_eq!(parse_date(b"1969-12-31T23:00:00Z"), Some(-3600));
    }

    #[test]
    fn what_is_no_date_in_utc_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11-24T",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T10:00:00+01:00",
            "2026-11-24T10:00:00.Z",
            "2026-11-24T10:00:00ZZ",
            "2026/11/24T10:00:00Z",
            "20261124T100000Z",
            "2026-11-24T10:00",
            "2026-1a-24T10:00:00Z",
            "２026-11-24",
        ] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_hour_knows_its_beginning_and_neighbours() {
        let hour = Hour::containing("2026-10-31T23:59:59Z".parse().unwrap());
        assert_eq!(hour.to_string(), "2026-10-31T23:00:00Z");
        assert_eq!(hour.plus(1).to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(hour.plus(3).since(hour), 3);
        assert_eq!(Hour::containing("1969-12-31T23:30:00Z".parse().unwrap()).to_string(), "1969-12-31T23:00:00Z");
        assert_eq!(serde_json::to_string(&hour).unwrap(), r#""2026-10-31T23:00:00Z""#);
        assert_eq!(serde_json::from_str::<Hour>(r#""2026-10-31T23:00:00Z""#).unwrap(), hour);
        assert!(serde_json::from_str::<Hour>(r#""2026-10-31T23:30:00Z""#).is_err());
    }
}
