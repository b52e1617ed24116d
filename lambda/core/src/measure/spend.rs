//! What was spent: AWS's own estimate of the month, and the hours of the Cost and Usage Reports. Every number has an
//! age.

use std::collections::BTreeMap;
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

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// AWS's estimate of an account's charges in a month so far.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Since the month began.
    pub amount: Usd,
    /// When AWS published it.
    pub at: Timestamp,
}

/// What was charged, one reading after the other; the newest is the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charges {
    readings: Vec<Charge>,
}

impl Charges {
    /// So many readings are kept: two days of six a day, and some more.
    const MOST: usize = 16;

    /// Whether nothing was ever read.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Takes in a reading; one that is not newer than the last is none.
    #[must_use]
    pub fn with(&self, reading: Charge) -> Self {
        let mut readings = self.readings.clone();
        if readings.last().is_none_or(|last| reading.at > last.at) {
            readings.push(reading);
            let surplus = readings.len().saturating_sub(Self::MOST);
            readings.drain(..surplus);
        }
        Self { readings }
    }

    /// The newest reading, if it is of the month that `now` is in and not stale.
    pub fn month(&self, now: Timestamp) -> Option<Charge> {
        self.readings
            .last()
            .copied()
            .filter(|last| month(last.at) == month(now) && now.duration_since(last.at) <= STALE)
    }

    /// What was charged in the day before the newest reading, and not before `from`: what it grew by. A fall is a new
    /// month, whose charges so far count, and never a credit. Nothing where fewer than two readings tell.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        let last = self.readings.last().filter(|last| now.duration_since(last.at) <= STALE)?;
        let day_before = last.at.checked_sub(DAY).ok()?;
        let allowed = || self.readings.iter().filter(|reading| from.is_none_or(|from| reading.at >= from));
        // The newest that is a day old or older; else the oldest there is.
        let first = allowed()
            .rev()
            .find(|reading| reading.at <= day_before)
            .or(allowed().next())
            .filter(|first| first.at < last.at)?;
        let window = self.readings.iter().skip_while(|reading| reading.at < first.at);
        let grown = window.clone().zip(window.skip(1)).map(|(before, after)| {
            if after.amount < before.amount { after.amount } else { after.amount.less(before.amount) }
        });
        Some(Charged { amount: grown.sum(), from: first.at, until: last.at, source: SpendSource::Charges })
    }
}

/// What an account spent hour by hour, from Cost and Usage Reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// What was used in each hour, by the hour's beginning. Credits, refunds and taxes are not in it.
    pub by_hour: BTreeMap<Timestamp, Usd>,
    /// Until when the reports reach, whichever account: an account without usage has no hours, and that is its spend.
    pub until: Timestamp,
}

impl Hours {
    /// What was spent in the trailing 24 hours before the end of the data, and not before `from`. Nothing where the
    /// data is stale.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        if now.duration_since(self.until) > STALE {
            return None;
        }
        let day_before = self.until.checked_sub(DAY).ok()?;
        let from = from.filter(|from| *from > day_before).unwrap_or(day_before);
        let amount = self
            .by_hour
            .iter()
            .filter(|(hour, _)| **hour >= from && **hour < self.until)
            .map(|(_, amount)| *amount)
            .sum();
        Some(Charged { amount, from, until: self.until, source: SpendSource::Reports })
    }
}

/// All that is known of an account's spend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spend {
    /// AWS's own estimates.
    pub charges: Charges,
    /// The reports' hours, where there are reports.
    pub hours: Option<Hours>,
}

impl Spend {
    /// What was spent in a day: by the reports where there are any, else by what the month's charges grew by. `from` is
    /// the end of the last halt, if that was within the day: what was spent before it was dealt with.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        self.hours.as_ref().and_then(|hours| hours.day(from, now)).or_else(|| self.charges.day(from, now))
    }
}

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

/// What is known of an account's spend at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendSeen {
    /// In a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Charged>,
    /// In this month so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Charge>,
}

/// What an account spent before it was released was dealt with: the month's charges count from there, and the day's
/// hours too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendPardon {
    /// When it was released.
    pub at: Timestamp,
    /// What the month stood at then; the first reading after it, where none was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Charge>,
}

impl SpendPardon {
    /// What the month's charges may be more than their limit: what they were at the release. Nothing in another month.
    /// `None` where it is not known, so that nothing can be said yet.
    pub fn of_month(&self, reading: Charge) -> Option<Usd> {
        if month(self.at) != month(reading.at) { Some(Usd::ZERO) } else { self.month.map(|base| base.amount) }
    }
}

/// The first day of the month that a moment is in, by UTC, as AWS bills.
pub fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn charges(readings: &[(&str, f64)]) -> Charges {
        readings.iter().fold(Charges::default(), |charges, (when, dollars)| {
            charges.with(Charge { amount: Usd::from_dollars(*dollars), at: at(when) })
        })
    }

    #[test]
    fn a_day_is_what_the_month_grew_by() {
        let three = charges(&[
            ("2026-11-20T00:00:00Z", 100.0),
            ("2026-11-21T06:00:00Z", 130.0),
            ("2026-11-22T06:00:00Z", 190.0),
        ]);
        let day = three.day(None, at("2026-11-22T07:00:00Z")).unwrap();
        assert_eq!(
            (day.amount, day.from, day.until),
            (Usd::from_dollars(60.0), at("2026-11-21T06:00:00Z"), at("2026-11-22T06:00:00Z"))
        );
    }

    #[test]
    fn a_fall_is_a_new_month_and_never_a_credit() {
        let turn = charges(&[
            ("2026-10-31T06:00:00Z", 900.0),
            ("2026-10-31T20:00:00Z", 950.0),
            ("2026-11-01T06:00:00Z", 12.0),
        ]);
        assert_eq!(turn.day(None, at("2026-11-01T07:00:00Z")).unwrap().amount, Usd::from_dollars(62.0));
        assert_eq!(turn.month(at("2026-11-01T07:00:00Z")).unwrap().amount, Usd::from_dollars(12.0));
    }

    #[test]
    fn last_months_charges_say_nothing_of_this_month() {
        let october = charges(&[("2026-10-31T20:00:00Z", 950.0)]);
        assert_eq!(october.month(at("2026-11-01T01:00:00Z")), None);
    }

    #[test]
    fn what_is_missing_or_stale_is_unknown_and_never_nothing() {
        let now = at("2026-11-22T07:00:00Z");
        assert_eq!((Charges::default().month(now), Charges::default().day(None, now)), (None, None));
        let old = charges(&[("2026-11-18T00:00:00Z", 10.0), ("2026-11-19T00:00:00Z", 20.0)]);
        assert_eq!((old.month(now), old.day(None, now)), (None, None));
        let one = charges(&[("2026-11-22T00:00:00Z", 10.0)]);
        assert_eq!(one.day(None, now), None, "one reading does not tell what a day cost");
        let hours = Hours { by_hour: BTreeMap::new(), until: at("2026-11-19T00:00:00Z") };
        assert_eq!(hours.day(None, now), None);
        let quiet = Hours { by_hour: BTreeMap::new(), until: at("2026-11-22T00:00:00Z") };
        assert_eq!(
            quiet.day(None, now).unwrap().amount,
            Usd::ZERO,
            "fresh reports without the account mean that it spent nothing"
        );
    }

    #[test]
    fn the_day_is_a_window_over_midnight_and_ends_with_the_data() {
        let mut by_hour = BTreeMap::new();
        for (hour, dollars) in [
            ("2026-11-20T22:00:00Z", 100.0),
            ("2026-11-21T04:00:00Z", 10.0),
            ("2026-11-21T23:00:00Z", 5.0),
            ("2026-11-22T02:00:00Z", 1.0),
        ] {
            by_hour.insert(at(hour), Usd::from_dollars(dollars));
        }
        let hours = Hours { by_hour, until: at("2026-11-22T03:00:00Z") };
        let now = at("2026-11-22T11:00:00Z");
        assert_eq!(hours.day(None, now).unwrap().amount, Usd::from_dollars(16.0));
        let since = hours.day(Some(at("2026-11-21T23:00:00Z")), now).unwrap();
        assert_eq!((since.amount, since.from), (Usd::from_dollars(6.0), at("2026-11-21T23:00:00Z")));
    }

    #[test]
    fn what_was_spent_before_a_release_is_not_held_against_the_account_again() {
        let three = charges(&[
            ("2026-11-20T00:00:00Z", 100.0),
            ("2026-11-21T06:00:00Z", 1130.0),
            ("2026-11-22T06:00:00Z", 1190.0),
        ]);
        let since = three.day(Some(at("2026-11-21T05:00:00Z")), at("2026-11-22T07:00:00Z")).unwrap();
        assert_eq!((since.amount, since.from), (Usd::from_dollars(60.0), at("2026-11-21T06:00:00Z")));
        assert_eq!(
            three.day(Some(at("2026-11-22T01:00:00Z")), at("2026-11-22T07:00:00Z")),
            None,
            "one reading since says nothing"
        );

        let base = Charge { amount: Usd::from_dollars(1130.0), at: at("2026-11-21T06:00:00Z") };
        let pardon = SpendPardon { at: at("2026-11-21T07:00:00Z"), month: Some(base) };
        let reading = |when| Charge { amount: Usd::from_dollars(1190.0), at: at(when) };
        assert_eq!(pardon.of_month(reading("2026-11-22T06:00:00Z")), Some(Usd::from_dollars(1130.0)));
        assert_eq!(pardon.of_month(reading("2026-12-01T06:00:00Z")), Some(Usd::ZERO));
        assert_eq!(SpendPardon { month: None, ..pardon }.of_month(reading("2026-11-22T06:00:00Z")), None);
    }

    #[test]
    fn the_readings_do_not_pile_up_and_an_old_one_is_no_news() {
        let first = at("2026-11-01T00:00:00Z");
        let mut charges = Charges::default();
        for hour in 0..40 {
            charges = charges.with(Charge {
                amount: Usd::from_dollars(f64::from(hour)),
                at: first + SignedDuration::from_hours(hour.into()),
            });
        }
        assert_eq!(charges.readings.len(), Charges::MOST);
        assert_eq!(charges.with(Charge { amount: Usd::ZERO, at: first }), charges);
    }
}
