//! Limits from what ran: the highest of each hour, as the guard recorded it.

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::measure::limit::{LIMITS, Limit};
use runawaytrain_core::policy::Limits;
use runawaytrain_core::record::HourPeak;
use runawaytrain_core::vocabulary::ids::AccountId;
use serde::Serialize;

use crate::history::moment;
use crate::rows::{Row, Tone};

/// With less than this nothing is usual yet.
pub const ENOUGH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Of a hundred hours the one that is exceptional: it may be the very thing that the guard is for.
const USUAL: usize = 99;
/// How much more than usual an account may run before it is halted.
const ROOM: f64 = 1.5;
/// Small numbers jump: from one instance to three is no runaway train.
const LEAST_ROOM: u64 = 2;
/// Hours further apart are two occasions.
const APART: SignedDuration = SignedDuration::from_hours(2);

/// What is advised for one account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// 12 digits.
    pub account: AccountId,
    /// What it is called.
    pub name: String,
    /// How far back it is known, in days.
    pub days: f64,
    /// Whether that is long enough to tell what is usual.
    pub is_enough: bool,
    /// One for each limit on what runs.
    pub limits: Vec<LimitAdvice>,
}

/// What is advised for one limit. Money in US dollars.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitAdvice {
    /// Which.
    pub limit: Limit,
    /// What the policy says today.
    pub today: Option<f64>,
    /// Of a hundred hours the highest but one.
    pub usual: f64,
    /// The highest of all.
    pub highest: f64,
    /// When that was.
    pub highest_at: Timestamp,
    /// Room for half as much again as is usual.
    pub advised: f64,
    /// How often today's limit would have been passed.
    pub halts_today: Option<usize>,
    /// How often the advised one would have been.
    pub halts_advised: usize,
}

/// The columns of the table, and whether each holds numbers.
pub const COLUMNS: [(&str, bool); 9] = [
    ("account", false),
    ("days", true),
    ("limit", false),
    ("today", true),
    ("halts", true),
    ("usual", true),
    ("highest", true),
    ("advised", true),
    ("halts then", true),
];

/// Advice from an account's hours; nothing where none is known.
pub fn advise(account: &AccountId, name: &str, hours: &[HourPeak], limits: &Limits) -> Option<Advice> {
    let (first, last) = (hours.first()?, hours.last()?);
    let known = last.hour.duration_since(first.hour) + SignedDuration::from_hours(1);
    let of_running = LIMITS.iter().filter(|row| row.limit.is_of_running());
    Some(Advice {
        account: account.clone(),
        name: name.to_owned(),
        days: known.as_hours() as f64 / 24.0,
        is_enough: known >= ENOUGH,
        limits: of_running.filter_map(|row| limit(row.limit, hours, limits)).collect(),
    })
}

fn limit(limit: Limit, hours: &[HourPeak], limits: &Limits) -> Option<LimitAdvice> {
    let read = |peak: &HourPeak| match limit {
        Limit::Instances => Some(peak.instances),
        Limit::Vcpus => Some(peak.vcpus),
        Limit::Burn => Some(peak.burn.as_micros()),
        Limit::Spend24h | Limit::SpendMonth | Limit::Purchases => None,
    };
    let numbers: Vec<(Timestamp, u64)> = hours.iter().filter_map(|peak| Some((peak.hour, read(peak)?))).collect();
    let (highest_at, highest) = numbers.iter().rev().copied().max_by_key(|(_, number)| *number)?;
    let mut sorted: Vec<u64> = numbers.iter().map(|(_, number)| *number).collect();
    sorted.sort_unstable();
    let usual = sorted.get((sorted.len() * USUAL).div_ceil(100).saturating_sub(1)).copied()?;
    let advised = with_room(limit, usual);
    let today = limits.thresholds.get(&limit).copied();
    Some(LimitAdvice {
        limit,
        today: today.map(|today| in_units(limit, today)),
        usual: in_units(limit, usual),
        highest: in_units(limit, highest),
        highest_at,
        advised: in_units(limit, advised),
        halts_today: today.map(|today| occasions(&numbers, today)),
        halts_advised: occasions(&numbers, advised),
    })
}

/// A limit that leaves room above what is usual: whole things, and whole dollars.
fn with_room(limit: Limit, usual: u64) -> u64 {
    const DOLLAR: u64 = 1_000_000;
    let unit = if is_money(limit) { DOLLAR } else { 1 };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "advice is no sum: it is rounded"
    )]
    let half_again = (usual as f64 * ROOM) as u64;
    half_again.div_ceil(unit).max(usual.div_ceil(unit) + LEAST_ROOM) * unit
}

fn is_money(limit: Limit) -> bool {
    limit.row().unit == runawaytrain_core::measure::limit::Unit::Usd
}

fn in_units(limit: Limit, number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of instances and dollars are far below what a double holds")]
    let number = number as f64;
    if is_money(limit) { number / 1e6 } else { number }
}

/// How often a limit was passed: hours in a row are one occasion, for the first of them would have halted the account.
fn occasions(numbers: &[(Timestamp, u64)], limit: u64) -> usize {
    let over = numbers.iter().filter(|(_, number)| *number > limit).map(|(hour, _)| *hour);
    let mut last: Option<Timestamp> = None;
    let mut count = 0;
    for hour in over {
        if last.is_none_or(|last| hour.duration_since(last) >= APART) {
            count += 1;
        }
        last = Some(hour);
    }
    count
}

impl Advice {
    /// How many halts today's limits would have caused, by the limit that would have caused most.
    pub fn halts_today(&self) -> usize {
        self.limits.iter().filter_map(|limit| limit.halts_today).max().unwrap_or(0)
    }

    /// As rows of the table: the name stands in the first.
    pub fn rows(&self) -> Vec<Row> {
        let row = |(number, limit): (usize, &LimitAdvice)| {
            let first = |text: String| if number == 0 { text } else { String::new() };
            let show =
                |number: f64| if is_money(limit.limit) { format!("{number:.2}") } else { format!("{number:.0}") };
            let halts = limit.halts_today.map_or_else(String::new, |halts| halts.to_string());
            let tone = match limit.halts_today {
                Some(0) => Tone::Good,
                Some(_) => Tone::Bad,
                None => Tone::Warn,
            };
            Row::of([
                first(self.name.clone()),
                first(format!("{:.1}", self.days)),
                limit.limit.to_string(),
                limit.today.map_or_else(|| "none".to_owned(), show),
                halts,
                show(limit.usual),
                format!("{} at {}", show(limit.highest), moment(limit.highest_at)),
                show(limit.advised),
                limit.halts_advised.to_string(),
            ])
            .toned(4, tone)
        };
        self.limits.iter().enumerate().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::money::Usd;

    use super::*;

    const FIRST: &str = "2026-11-01T00:00:00Z";

    /// An hour after the other; what ran at the most in each.
    fn hours(instances: &[u64]) -> Vec<HourPeak> {
        let first: Timestamp = FIRST.parse().unwrap();
        let hour = |(number, instances): (usize, &u64)| HourPeak {
            hour: first + SignedDuration::from_hours(i64::try_from(number).unwrap()),
            instances: *instances,
            vcpus: instances * 4,
            burn: Usd::from_dollars(*instances as f64 * 0.4),
        };
        instances.iter().enumerate().map(hour).collect()
    }

    fn limits(instances: u64) -> Limits {
        Limits { thresholds: [(Limit::Instances, instances)].into(), warn: 0.8 }
    }

    fn advised(hours: &[HourPeak], today: u64) -> Advice {
        advise(&AccountId::parse("111111111111").unwrap(), "physics", hours, &limits(today)).unwrap()
    }

    #[test]
    fn a_rare_peak_is_not_taken_for_usual_and_hours_in_a_row_are_one_halt() {
        // Two weeks of ten instances, a night of 200.
        let mut known = vec![10; 14 * 24];
        known[100..103].fill(200);
        let advice = advised(&hours(&known), 20);
        let instances = &advice.limits[0];
        assert_eq!((instances.usual, instances.highest, instances.advised), (10.0, 200.0, 15.0));
        assert_eq!((instances.halts_today, instances.halts_advised), (Some(1), 1));
        assert_eq!(instances.highest_at.to_string(), "2026-11-05T04:00:00Z");
        assert!(advice.is_enough);
        let [_, vcpus, burn] = &advice.limits[..] else { panic!("{advice:?}") };
        assert_eq!((vcpus.today, vcpus.halts_today, vcpus.advised), (None, None, 60.0));
        assert_eq!((burn.usual, burn.advised), (4.0, 6.0), "whole dollars");
    }

    #[test]
    fn a_limit_that_is_too_low_for_what_is_usual_would_have_halted_again_and_again() {
        // A lab that runs by day, with a limit below that.
        let day: Vec<u64> = (0..24).map(|hour| if (9..17).contains(&hour) { 30 } else { 2 }).collect();
        let advice = advised(&hours(&day.repeat(10)), 20);
        assert_eq!((advice.limits[0].halts_today, advice.limits[0].halts_advised), (Some(10), 0));
        assert_eq!(advice.halts_today(), 10);
    }

    #[test]
    fn less_than_a_week_is_said_and_nothing_known_is_no_advice() {
        let advice = advised(&hours(&[0; 24]), 4);
        assert!(!advice.is_enough);
        assert_eq!((advice.days, advice.limits[0].advised), (1.0, 2.0), "nothing ran, and two may");
        assert_eq!(advise(&AccountId::parse("111111111111").unwrap(), "x", &[], &limits(1)), None);
    }

    #[test]
    fn hours_that_nobody_saw_part_two_occasions() {
        let mut known = hours(&[9, 9, 1, 9]);
        assert_eq!(advised(&known, 4).limits[0].halts_today, Some(2));
        known.remove(2);
        assert_eq!(advised(&known, 4).limits[0].halts_today, Some(2), "two hours apart, whatever was between");
    }
}
