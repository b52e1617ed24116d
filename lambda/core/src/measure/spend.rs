//! What was spent: AWS's own estimate of the month, and the hours of the Cost and Usage Reports. Every number has an
//! age.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

use crate::vocabulary::money::Usd;

/// A reading that is older than this says nothing about the present: billing metrics come several times a day, reports
/// daily at least.
/// <https://docs.aws.amazon.com/cur/latest/userguide/what-is-cur.html>
pub const STALE: SignedDuration = SignedDuration::from_hours(48);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// AWS books what was used hours later, some of it a day later: what is charged within this time after a release may
/// have been used before it, and was dealt with. Until it has passed, what runs is judged by its number and its price.
/// <https://docs.aws.amazon.com/cur/latest/userguide/what-is-cur.html>
pub const SETTLING: SignedDuration = SignedDuration::from_hours(36);

/// The newest hours of a report are incomplete: some services come hours after the others. So the highest day of those
/// that end within this time before the end of the data is the day that counts.
const LATE: SignedDuration = SignedDuration::from_hours(12);

/// For so long before the end of the data a purchase counts: its line may come a day after it.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// How far back any hour of the reports matters: purchases before the oldest data that is not stale.
pub const HOURS_BACK: SignedDuration = SignedDuration::from_hours(48 + 48);

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
    /// So many readings are kept: the two days that a day is judged by, at ten a day and more than AWS gives.
    const MOST: usize = 24;

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
        let (of, last) = self.by_month().last()?;
        (of == month(now) && now.duration_since(last.at) <= STALE).then_some(last)
    }

    /// What was charged for certain in the day before the newest reading: by how much the month's charges grew between
    /// two readings that are at most a day apart, for what was charged in longer was not spent in a day. What a release
    /// at `from` may have left to be booked is not in it. Nothing where fewer than two readings tell.
    ///
    /// A fall within a month is a recalculation, never a credit and never a new month. AWS may give it back: what it
    /// took back in the day before the first of the two counts as charged by then.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        let last = self.readings.last().filter(|last| now.duration_since(last.at) <= STALE)?;
        let day_before = last.at.checked_sub(DAY).ok()?;
        let settled = from.and_then(|from| from.checked_add(SETTLING).ok()).unwrap_or(Timestamp::MIN);
        let begin = day_before.max(settled);
        let readings: Vec<(Date, Charge)> = self.by_month().collect();
        let index = readings.iter().position(|(_, reading)| reading.at >= begin && reading.at < last.at)?;
        let (before, after) = readings.split_at_checked(index + 1)?;
        let (of, first) = *before.last()?;
        let mut month = Growth { of, base: first.amount + taken_back(before, first.at), highest: Usd::ZERO };
        let mut amount = Usd::ZERO;
        for (of, reading) in after {
            if *of != month.of {
                amount += month.grown();
                // All of a month was charged since it began; later than in its first day that is longer than a day ago.
                let base = if is_first_day(reading.at) { Usd::ZERO } else { reading.amount };
                month = Growth { of: *of, base, highest: Usd::ZERO };
            }
            month.highest = month.highest.max(reading.amount);
        }
        amount += month.grown();
        Some(Charged { amount, from: first.at, until: last.at, source: SpendSource::Charges })
    }

    /// Each reading with the month that it is of. In the first day of a month AWS may still show the month before, so
    /// that a number is of the new one only where it is less than half of the old.
    fn by_month(&self) -> impl Iterator<Item = (Date, Charge)> {
        let mut so_far: Option<(Date, Usd)> = None;
        self.readings.iter().map(move |reading| {
            let may_be_old = |highest: Usd| is_first_day(reading.at) && reading.amount.times(2) >= highest;
            let (of, highest) = match so_far {
                Some((known, highest)) if known == month(reading.at) || may_be_old(highest) => (known, highest),
                _ => (month(reading.at), Usd::ZERO),
            };
            so_far = Some((of, highest.max(reading.amount)));
            (of, *reading)
        })
    }
}

/// How a month's charges grew.
struct Growth {
    of: Date,
    base: Usd,
    highest: Usd,
}

impl Growth {
    fn grown(&self) -> Usd {
        self.highest.less(self.base)
    }
}

/// By how much AWS lowered the month of the last of these readings in the day before it.
fn taken_back(readings: &[(Date, Charge)], until: Timestamp) -> Usd {
    let pairs = readings.iter().zip(readings.iter().skip(1));
    let of_the_day = pairs.filter(|((one, _), (other, later))| {
        one == other && readings.last().is_some_and(|(last, _)| last == one) && until.duration_since(later.at) < DAY
    });
    of_the_day.map(|((_, earlier), (_, later))| earlier.amount.less(later.amount)).sum()
}

/// What an account spent hour by hour, from Cost and Usage Reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// What was used in each hour, by the hour's beginning. Credits, refunds and taxes are not in it.
    pub by_hour: BTreeMap<Timestamp, Usd>,
    /// What was paid at once in each hour: upfront fees of commitments, subscriptions. It is in no other number.
    pub bought: BTreeMap<Timestamp, Usd>,
    /// Until when the reports reach, whichever account: an account without usage has no hours, and that is its spend.
    pub until: Timestamp,
}

impl Hours {
    /// What was spent in the highest 24 hours of those that end within the last half day of the data, and not before
    /// `from`. Nothing where the data is stale.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        if now.duration_since(self.until) > STALE {
            return None;
        }
        let hours = (0..=LATE.as_hours()).map(SignedDuration::from_hours);
        let ends = hours.filter_map(|ago| self.until.checked_sub(ago).ok());
        let days = ends.filter_map(|end| self.day_until(end, from));
        // Of those that are alike, the newest.
        days.reduce(|highest, day| if day.amount > highest.amount { day } else { highest })
    }

    /// What was bought in the two days before the end of the data, and since: fees are booked late. Not what was bought
    /// before `from`. Nothing where the data is stale.
    pub fn bought(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        let begin = self.until.checked_sub(RECENT).ok().filter(|_| now.duration_since(self.until) <= STALE)?;
        let from = from.map_or(begin, |from| from.max(begin));
        let amount = self.bought.range(from..).map(|(_, amount)| *amount).sum();
        Some(Charged { amount, from, until: self.until, source: SpendSource::Reports })
    }

    /// What was spent in the 24 hours before the end of the data, as far as it is known.
    pub fn newest_day(&self) -> Option<Charged> {
        self.day_until(self.until, None)
    }

    /// What was spent in the 24 hours before `end`, and not before `from`; nothing where that is later.
    fn day_until(&self, end: Timestamp, from: Option<Timestamp>) -> Option<Charged> {
        let day_before = end.checked_sub(DAY).ok()?;
        let from = from.filter(|from| *from > day_before).unwrap_or(day_before);
        if from >= end {
            return None;
        }
        let hours = self.by_hour.iter().filter(|(hour, _)| **hour >= from && **hour < end);
        let amount = hours.map(|(_, amount)| *amount).sum();
        Some(Charged { amount, from, until: end, source: SpendSource::Reports })
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
    /// the end of the last halt: what was spent before it was dealt with.
    pub fn day(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        self.hours.as_ref().and_then(|hours| hours.day(from, now)).or_else(|| self.charges.day(from, now))
    }

    /// What was bought lately and not before `from`, where there are reports: the estimate does not tell it from usage.
    pub fn bought(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        self.hours.as_ref()?.bought(from, now)
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
    /// Lately, of what is paid at once: commitments and subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bought: Option<Charged>,
}

/// What an account spent before it was released was dealt with: the month's charges count from where they stood once
/// that was booked, and the day's hours from the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendPardon {
    /// When it was released.
    pub at: Timestamp,
    /// The highest that the month stood at until what was spent before was booked; the first reading after it, where
    /// none was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Charge>,
    /// Until when the reports were known: what they said by then was seen by whoever released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<Timestamp>,
}

impl SpendPardon {
    /// From when on purchases count: where no reports were known, from the hour of the release.
    pub fn purchases_from(&self) -> Timestamp {
        let hour = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc);
        self.reports.unwrap_or_else(|| self.at.round(hour).unwrap_or(self.at))
    }

    /// Takes in a reading of the month: what is charged soon after the release may be of before it.
    pub fn take_in(&mut self, reading: Charge) {
        let is_higher = self.month.is_none_or(|known| reading.amount > known.amount);
        let is_pardoned = self.month.is_none() || self.is_settling(reading);
        if month(self.at) == month(reading.at) && is_pardoned && is_higher {
            self.month = Some(reading);
        }
    }

    /// What the month's charges may be more than their limit: what they came to before the release. Nothing in another
    /// month. `None` where it is not known yet, so that nothing can be said.
    pub fn of_month(&self, reading: Charge) -> Option<Usd> {
        if month(self.at) != month(reading.at) {
            return Some(Usd::ZERO);
        }
        self.month.filter(|_| !self.is_settling(reading)).map(|base| base.amount)
    }

    fn is_settling(&self, reading: Charge) -> bool {
        reading.at.duration_since(self.at) < SETTLING
    }
}

/// The first day of the month that a moment is in, by UTC, as AWS bills.
pub fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// Whether a moment is in the first day of its month, by UTC.
fn is_first_day(at: Timestamp) -> bool {
    at.to_zoned(TimeZone::UTC).date().day() == 1
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
        let hours = Hours { until: at("2026-11-19T00:00:00Z"), ..Hours::default() };
        assert_eq!(hours.day(None, now), None);
        let quiet = Hours { until: at("2026-11-22T00:00:00Z"), ..Hours::default() };
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
            ("2026-11-20T14:00:00Z", 100.0),
            ("2026-11-21T04:00:00Z", 10.0),
            ("2026-11-21T23:00:00Z", 5.0),
            ("2026-11-22T02:00:00Z", 1.0),
        ] {
            by_hour.insert(at(hour), Usd::from_dollars(dollars));
        }
        let hours = Hours { by_hour, until: at("2026-11-22T03:00:00Z"), ..Hours::default() };
        let now = at("2026-11-22T11:00:00Z");
        assert_eq!(hours.day(None, now).unwrap().amount, Usd::from_dollars(16.0));
        let since = hours.day(Some(at("2026-11-21T23:00:00Z")), now).unwrap();
        assert_eq!((since.amount, since.from), (Usd::from_dollars(6.0), at("2026-11-21T23:00:00Z")));
    }

    #[test]
    fn a_fall_within_a_month_is_a_recalculation_and_no_new_month() {
        let now = at("2026-11-22T19:00:00Z");
        let dip = [
            ("2026-11-22T00:00:00Z", 4000.0),
            ("2026-11-22T06:00:00Z", 3999.98),
            ("2026-11-22T12:00:00Z", 3500.0),
            ("2026-11-22T18:00:00Z", 4003.0),
        ];
        let amounts = |number: usize| charges(&dip[..number]).day(None, now).map(|day| day.amount);
        assert_eq!([amounts(2), amounts(3)], [Some(Usd::ZERO); 2]);
        assert_eq!(amounts(4), Some(Usd::from_dollars(3.0)), "what was taken back and comes again was not spent again");
    }

    #[test]
    fn the_month_before_may_still_be_shown_in_the_first_day_of_a_month() {
        let late = charges(&[
            ("2026-11-30T22:00:00Z", 3995.0),
            ("2026-12-01T02:00:00Z", 4000.0),
            ("2026-12-01T06:00:00Z", 3999.0),
        ]);
        let now = at("2026-12-01T13:00:00Z");
        assert_eq!(late.day(None, now).unwrap().amount, Usd::from_dollars(5.0));
        assert_eq!(late.month(now), None, "November's total is not December's");
        let turned = late.with(Charge { amount: Usd::from_dollars(40.0), at: at("2026-12-01T12:00:00Z") });
        assert_eq!(turned.day(None, now).unwrap().amount, Usd::from_dollars(45.0));
        assert_eq!(turned.month(now).unwrap().amount, Usd::from_dollars(40.0));
        // A day later it is the new month's in any case, and how much of it is of the last day is not known.
        let train = charges(&[("2026-12-01T03:00:00Z", 100.0), ("2026-12-02T02:00:00Z", 90.0)]);
        assert_eq!(train.month(at("2026-12-02T03:00:00Z")).unwrap().amount, Usd::from_dollars(90.0));
    }

    #[test]
    fn what_was_charged_in_more_than_a_day_is_not_judged_as_a_days() {
        let weekend = charges(&[("2026-11-20T18:00:00Z", 1000.0), ("2026-11-23T12:00:00Z", 1260.0)]);
        let now = at("2026-11-23T17:00:00Z");
        assert_eq!(weekend.day(None, now), None);
        let later = weekend.with(Charge { amount: Usd::from_dollars(1280.0), at: at("2026-11-23T16:00:00Z") });
        let day = later.day(None, now).unwrap();
        assert_eq!((day.amount, day.from), (Usd::from_dollars(20.0), at("2026-11-23T12:00:00Z")));
    }

    #[test]
    fn the_highest_day_counts_of_those_that_end_in_the_last_half_day_of_a_report() {
        let now = at("2026-11-22T12:00:00Z");
        // A hundred an hour, of which the newest three hours lack a part so far.
        let hour = |ago: i64| at("2026-11-22T00:00:00Z") - SignedDuration::from_hours(ago);
        let mut by_hour: BTreeMap<_, _> = (1..=40).map(|ago| (hour(ago), Usd::from_dollars(100.0))).collect();
        by_hour.extend((1..=3).map(|ago| (hour(ago), Usd::from_dollars(10.0))));
        let hours = Hours { by_hour, until: hour(0), ..Hours::default() };
        let day = hours.day(None, now).unwrap();
        assert_eq!((day.amount, day.until), (Usd::from_dollars(2400.0), hour(3)));
        assert_eq!(hours.newest_day().unwrap().amount, Usd::from_dollars(2130.0));
        let since = hours.day(Some(hour(5)), now).unwrap();
        assert_eq!((since.amount, since.until), (Usd::from_dollars(230.0), hour(0)), "what came after a release");
        assert_eq!(hours.day(Some(hour(-1)), now), None, "nothing is known of the time since");
    }

    #[test]
    fn what_is_charged_soon_after_a_release_is_not_held_against_the_account() {
        let released = at("2026-11-20T12:00:00Z");
        // What the halt was for is booked half a day after it.
        let mut booked = charges(&[("2026-11-20T06:00:00Z", 100.0), ("2026-11-20T18:00:00Z", 130.0)]);
        booked = booked.with(Charge { amount: Usd::from_dollars(20_130.0), at: at("2026-11-21T00:00:00Z") });
        assert_eq!(booked.day(Some(released), at("2026-11-21T01:00:00Z")), None);
        for (when, dollars) in [("2026-11-21T20:00:00Z", 20_140.0), ("2026-11-22T00:00:00Z", 20_150.0)] {
            booked = booked.with(Charge { amount: Usd::from_dollars(dollars), at: at(when) });
        }
        assert_eq!(booked.day(Some(released), at("2026-11-22T01:00:00Z")), None, "one reading since says nothing");
        booked = booked.with(Charge { amount: Usd::from_dollars(20_175.0), at: at("2026-11-22T04:00:00Z") });
        let day = booked.day(Some(released), at("2026-11-22T05:00:00Z")).unwrap();
        assert_eq!((day.amount, day.from), (Usd::from_dollars(25.0), at("2026-11-22T00:00:00Z")));
    }

    #[test]
    fn the_month_is_judged_from_where_it_stood_once_all_before_a_release_was_booked() {
        let reading = |when, dollars| Charge { amount: Usd::from_dollars(dollars), at: at(when) };
        let mut pardon = SpendPardon {
            at: at("2026-11-21T07:00:00Z"),
            month: Some(reading("2026-11-21T06:00:00Z", 130.0)),
            reports: None,
        };
        let booked = reading("2026-11-21T19:00:00Z", 20_130.0);
        assert_eq!(pardon.of_month(booked), None);
        pardon.take_in(booked);
        pardon.take_in(reading("2026-11-22T12:00:00Z", 20_100.0));
        pardon.take_in(reading("2026-11-22T20:00:00Z", 21_000.0));
        let day_after = reading("2026-11-23T06:00:00Z", 21_190.0);
        assert_eq!(pardon.of_month(day_after), Some(Usd::from_dollars(20_130.0)), "the highest until it was settled");
        assert_eq!(pardon.of_month(reading("2026-12-01T06:00:00Z", 10.0)), Some(Usd::ZERO));
        let mut unknown = SpendPardon { month: None, ..pardon };
        assert_eq!(unknown.of_month(day_after), None);
        unknown.take_in(day_after);
        assert_eq!(unknown.of_month(day_after), Some(day_after.amount));
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
