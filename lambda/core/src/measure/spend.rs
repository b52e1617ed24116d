//! What was spent: AWS's own estimate of the month, and the hours of the Cost and Usage Reports. Every number has an
//! age.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

mod charged;
mod charges;
mod hours;

pub use charged::{Charged, STALE, SpendSource, month, month_begins};
pub use charges::{Charge, Charges, SETTLING};
pub use hours::{HOURS_BACK, Hours};

use crate::vocabulary::money::Usd;

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
    pub fn purchases(&self, from: Option<Timestamp>, now: Timestamp) -> Option<Charged> {
        self.hours.as_ref()?.purchases(from, now)
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
    pub purchases: Option<Charged>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
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
}
