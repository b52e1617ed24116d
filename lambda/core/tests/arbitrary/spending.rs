//! Random accounts that spend, hour by hour, and what AWS says of it: late, taken back and given again, over the turn
//! of a month, with holes in it, and around a release.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::measure::spend::{Charge, Hours, month};
use runawaytrain_core::vocabulary::money::Usd;

/// How long an account is watched.
pub const HOURS: usize = 14 * 24;
const DAY: usize = 24;
/// The most hours between two numbers of AWS.
const MOST_APART: usize = 9;

/// An account that never spends more than its limit in 24 hours, but for what a thief spent before a release.
#[derive(Debug, Clone)]
pub struct Spending {
    /// Its first hour.
    pub start: Timestamp,
    /// The most that it spends in 24 hours.
    pub limit: Usd,
    /// When somebody releases it, if somebody does.
    pub released: Option<usize>,
    /// The month of each hour, and what is spent in it in millionths of a dollar.
    by_hour: Vec<(Date, u64)>,
    /// How many hours AWS needs to book what was used.
    lag: usize,
    /// After how many hours AWS says what the month stands at, again and again.
    intervals: Vec<usize>,
    /// What AWS takes back of a month, and until when.
    falls: Vec<Fall>,
    /// When nobody looks.
    silent: Range<usize>,
    /// What a thief spent before the release, and how many hours after it AWS books it.
    late: Vec<(usize, u64)>,
}

#[derive(Debug, Clone)]
struct Fall {
    begins: usize,
    ends: usize,
    /// Of a thousand parts of the month so far.
    share: u64,
}

pub fn spending() -> impl Strategy<Value = Spending> {
    let burst = (0..HOURS, 1usize..8, 0u64..300);
    let curve = (prop::collection::vec(0u64..10, DAY), prop::collection::vec(burst, 0..20), 500u64..=1000);
    let fall = |ends: BoxedStrategy<usize>| {
        (0..HOURS, ends, 0u64..240).prop_map(|(begins, hours, share)| Fall { begins, ends: begins + hours, share })
    };
    let falls = (
        prop::option::of(fall((1usize..DAY).boxed())),
        // A credit that stays until the month's end.
        prop::option::weighted(0.3, fall(Just(HOURS).boxed())),
    );
    let said = (0usize..12, prop::collection::vec(3..=MOST_APART, HOURS / 3), falls);
    let silent = prop_oneof![Just(0..0), (0..HOURS, 1usize..80).prop_map(|(begins, hours)| begins..begins + hours)];
    let late = prop::collection::vec((0usize..36, 1u64..50_000_000_000), 0..3);
    let released = prop::option::of((DAY..HOURS - 60, late));
    (0i64..13, 1_000_000u64..1_000_000_000, curve, said, silent, released).prop_map(
        |(days, limit, (pattern, bursts, share), (lag, intervals, (dip, credit)), silent, released)| {
            let mut by_hour: Vec<u64> = pattern.iter().copied().cycle().take(HOURS).collect();
            for (begins, hours, weight) in bursts {
                by_hour.iter_mut().skip(begins).take(hours).for_each(|hour| *hour += weight);
            }
            // Of what AWS takes back and gives again, as much as was used between two of its numbers cannot be told
            // from what is used: so far an account has to keep from its limit.
            let window = if dip.is_some() { DAY + MOST_APART } else { DAY };
            let most = by_hour.windows(window).map(|day| day.iter().sum()).max().unwrap_or(0).max(1);
            by_hour.iter_mut().for_each(|hour| *hour = *hour * limit / most * share / 1000);
            let (released, late) = released.unzip();
            // A number that is too low when it is first seen cannot be told from a right one, nor can one that is
            // lowered and raised at once.
            let is_seen = |fall: &Fall| {
                let is_settled = |at: usize| fall.begins < at || fall.begins > at + 36 + MOST_APART;
                fall.begins > DAY
                    && (fall.ends < silent.start || fall.begins > silent.end + DAY)
                    && released.is_none_or(is_settled)
            };
            let falls = dip.into_iter().filter(is_seen).chain(credit).collect();
            let start = "2026-11-18T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days);
            let by_hour = by_hour.into_iter().map(|micros| (month(start), micros)).collect();
            let spending = Spending {
                start,
                limit: Usd::micros(limit),
                released,
                by_hour,
                lag,
                intervals,
                falls,
                silent,
                late: late.unwrap_or_default(),
            };
            spending.since(start)
        },
    )
}

impl Spending {
    /// The same account at another time: months turn elsewhere.
    #[must_use]
    pub fn since(mut self, start: Timestamp) -> Self {
        self.start = start;
        let months: Vec<Date> = (0..HOURS).map(|hour| month(self.at(hour))).collect();
        self.by_hour.iter_mut().zip(months).for_each(|((of, _), month)| *of = month);
        self
    }

    /// The beginning of an hour.
    pub fn at(&self, hour: usize) -> Timestamp {
        self.start + SignedDuration::from_hours(i64::try_from(hour).unwrap())
    }

    /// The hours in which AWS says something and somebody looks.
    pub fn looks(&self) -> Vec<usize> {
        let sums = self.intervals.iter().scan(0, |hour, interval| {
            *hour += interval;
            Some(*hour)
        });
        sums.take_while(|hour| *hour < HOURS).filter(|hour| !self.silent.contains(hour)).collect()
    }

    /// What AWS says in an hour.
    pub fn charge(&self, hour: usize) -> Charge {
        let whole = self.month(hour);
        let of_month = |other: usize| month(self.booked(other)) == month(self.booked(hour));
        let taken = self.falls.iter().filter(|fall| (fall.begins..fall.ends).contains(&hour) && of_month(fall.begins));
        let taken: u64 = taken.map(|fall| self.month(fall.begins) * fall.share / 1000).sum();
        Charge { amount: Usd::micros(whole.saturating_sub(taken)), at: self.at(hour) }
    }

    /// Until when all is booked that AWS says in an hour.
    fn booked(&self, hour: usize) -> Timestamp {
        self.at(hour) - SignedDuration::from_hours(i64::try_from(self.lag).unwrap())
    }

    /// The month so far, as it truly is, as of what is booked.
    fn month(&self, hour: usize) -> u64 {
        let shown = month(self.booked(hour));
        let booked = hour.saturating_sub(self.lag);
        let used = self.by_hour.iter().take(booked).filter(|(month, _)| *month == shown);
        let late = self.released.into_iter().flat_map(|released| {
            let is_there =
                move |(after, _): &&(usize, u64)| hour >= released + after && month(self.at(released)) == shown;
            self.late.iter().filter(is_there).map(|(_, micros)| *micros)
        });
        used.map(|(_, micros)| *micros).sum::<u64>() + late.sum::<u64>()
    }

    /// The hours as a report has them, of which the newest lack a part; a thief's are where they were used.
    pub fn hours(&self, hour: usize) -> Hours {
        let reaches = hour.saturating_sub(self.lag);
        let so_far = |of: usize, micros: u64| if reaches - of <= 3 { micros / 3 } else { micros };
        let mut by_hour: BTreeMap<_, _> =
            (0..reaches).map(|of| (self.at(of), Usd::micros(so_far(of, self.by_hour[of].1)))).collect();
        for (released, (back, (_, micros))) in
            self.released.into_iter().flat_map(|at| self.late.iter().enumerate().map(move |late| (at, late)))
        {
            if released > back && released - 1 - back < reaches {
                *by_hour.entry(self.at(released - 1 - back)).or_default() += Usd::micros(*micros);
            }
        }
        Hours { by_hour, until: self.at(reaches), ..Hours::default() }
    }

    /// The same account, in which a thief spends so many times its limit a day from an hour on. Until then and from
    /// then on AWS takes nothing back, somebody looks, and nothing is released.
    #[must_use]
    pub fn with_train(mut self, from: usize, times: f64) -> Self {
        let an_hour = (self.limit.as_micros() as f64 * times / DAY as f64).ceil() as u64;
        self.by_hour.iter_mut().skip(from).for_each(|(_, hour)| *hour += an_hour);
        (self.released, self.silent, self.late) = (None, 0..0, Vec::new());
        self.falls.clear();
        self.intervals.iter_mut().for_each(|interval| *interval = (*interval).min(6));
        self
    }

    /// How many hours pass until what is used is shown.
    pub fn delay(&self) -> usize {
        self.lag + 6
    }
}
