//! The peak of each hour, kept for advice on limits.

use jiff::{Timestamp, ToSpan, Unit};
use serde::{Deserialize, Serialize};

use crate::measure::summary::Summary;
use crate::vocabulary::money::Usd;

/// How long hourly peaks are kept: a year and a bit, so that a month can be held against the same month of last year.
pub const HISTORY_DAYS: i64 = 400;

/// The highest numbers of one account in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourPeak {
    /// The hour's beginning, UTC.
    pub hour: Timestamp,
    /// The most instances that counted at one time.
    pub instances: u64,
    /// The most vCPUs at one time.
    pub vcpus: u64,
    /// The most US dollars an hour at one time.
    #[serde(default)]
    pub burn: Usd,
}

impl HourPeak {
    /// The peak after one more observation; a new hour starts afresh.
    pub fn after(previous: Option<&Self>, summary: &Summary, now: Timestamp) -> Self {
        let hour = beginning_of_hour(now);
        let before = previous.filter(|peak| peak.hour == hour);
        let (instances, vcpus, burn) = before.map_or((0, 0, Usd::ZERO), |peak| (peak.instances, peak.vcpus, peak.burn));
        Self {
            hour,
            instances: instances.max(summary.instances),
            vcpus: vcpus.max(summary.vcpus),
            burn: burn.max(summary.burn.total()),
        }
    }

    /// Whether it is that of the hour that is now.
    pub fn is_of_now(&self, now: Timestamp) -> bool {
        self.hour == beginning_of_hour(now)
    }

    /// When DynamoDB may forget it, in seconds since 1970.
    pub fn expires(&self) -> i64 {
        self.hour.checked_add((HISTORY_DAYS * 24).hours()).unwrap_or(Timestamp::MAX).as_second()
    }
}

fn beginning_of_hour(now: Timestamp) -> Timestamp {
    now.round(jiff::TimestampRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn summary(instances: u64) -> Summary {
        Summary { instances, vcpus: instances * 2, ..Summary::default() }
    }

    #[test]
    fn a_peak_is_the_most_of_its_hour_and_the_next_hour_starts_afresh() {
        let first = HourPeak::after(None, &summary(3), at("2026-11-22T03:10:00Z"));
        let second = HourPeak::after(Some(&first), &summary(9), at("2026-11-22T03:59:59Z"));
        let third = HourPeak::after(Some(&second), &summary(1), at("2026-11-22T03:59:59.9Z"));
        assert_eq!((third.hour, third.instances, third.vcpus), (at("2026-11-22T03:00:00Z"), 9, 18));
        let next = HourPeak::after(Some(&third), &summary(1), at("2026-11-22T04:00:00Z"));
        assert_eq!((next.hour, next.instances), (at("2026-11-22T04:00:00Z"), 1));
    }

    #[test]
    fn a_peak_is_kept_for_400_days() {
        let peak = HourPeak::after(None, &summary(1), at("2026-01-01T00:30:00Z"));
        assert_eq!(peak.expires() - at("2026-01-01T00:00:00Z").as_second(), 400 * 86_400);
    }
}
