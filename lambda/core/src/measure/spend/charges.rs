//! AWS's own estimate of what an account is charged in a month, reading by reading.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::charged::{Charged, DAY, STALE, SpendSource, is_first_day, month};
use crate::vocabulary::money::Usd;

/// AWS books what was used hours later, some of it a day later: what is charged within this time after a release may
/// have been used before it, and was dealt with. Until it has passed, what runs is judged by its number and its price.
/// <https://docs.aws.amazon.com/cur/latest/userguide/what-is-cur.html>
pub const SETTLING: SignedDuration = SignedDuration::from_hours(36);

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
    fn what_is_missing_or_stale_is_unknown_and_never_nothing() {
        let now = at("2026-11-22T07:00:00Z");
        assert_eq!((Charges::default().month(now), Charges::default().day(None, now)), (None, None));
        let old = charges(&[("2026-11-18T00:00:00Z", 10.0), ("2026-11-19T00:00:00Z", 20.0)]);
        assert_eq!((old.month(now), old.day(None, now)), (None, None));
        let one = charges(&[("2026-11-22T00:00:00Z", 10.0)]);
        assert_eq!(one.day(None, now), None, "one reading does not tell what a day cost");
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
