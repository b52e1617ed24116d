//! What an account spent and bought hour by hour, from the Cost and Usage Reports.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::charged::{Charged, DAY, STALE, SpendSource};
use crate::vocabulary::money::Usd;

/// The newest hours of a report are incomplete: some services come hours after the others. So the highest day of those
/// that end within this time before the end of the data is the day that counts.
const LATE: SignedDuration = SignedDuration::from_hours(12);

/// For so long before the end of the data a purchase counts: its line may come a day after it.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// How far back any hour of the reports matters: purchases before the oldest data that is not stale.
pub const HOURS_BACK: SignedDuration = SignedDuration::from_secs(STALE.as_secs() + RECENT.as_secs());

/// What an account spent hour by hour, from Cost and Usage Reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// What was used in each hour, by the hour's beginning. Credits, refunds and taxes are not in it.
    pub by_hour: BTreeMap<Timestamp, Usd>,
    /// What was paid at once in each hour: upfront fees of commitments, subscriptions. It is in no other number here.
    pub purchases: BTreeMap<Timestamp, Usd>,
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
    pub fn purchases(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        let begin = self.until.checked_sub(RECENT).ok().filter(|_| now.duration_since(self.until) <= STALE)?;
        let from = from.map_or(begin, |from| from.max(begin));
        let amount = self.purchases.range(from..).map(|(_, amount)| *amount).sum();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn stale_reports_are_unknown_and_fresh_ones_without_the_account_say_that_it_spent_nothing() {
        let now = at("2026-11-22T07:00:00Z");
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
}
