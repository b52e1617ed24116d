//! Ok, Warn or Halt: what an observation means under a policy.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::measure::limit::{Limit, Measurement, Source, SpendWindow, Unit};
use crate::measure::spend::{SpendPardon, SpendSeen, SpendSource, month_begins};
use crate::measure::summary::Summary;
use crate::observation::{Gap, Observation};
use crate::policy::{AccountPolicy, Exception};
use crate::resource::Kind;
use crate::vocabulary::ids::Region;
use crate::vocabulary::money::Usd;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Judgement {
    /// Within the limits, as far as could be seen.
    Ok,
    /// Close to a limit, or past the one on purchases.
    Warn,
    /// Past a limit.
    Halt,
}

/// Until when a number's data reaches, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsOf {
    /// Until when.
    pub at: Timestamp,
    /// From where.
    pub source: SpendSource,
}

/// One number held against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What is limited.
    pub limit: Limit,
    /// What was counted; exempt instances are not. Money in millionths of a US dollar.
    pub value: u64,
    /// The part of it that is estimated, where it is money.
    pub estimated: u64,
    /// How much it is at the least, whatever the estimated part comes to. This alone halts.
    pub certain: u64,
    /// The limit, and after a release what stood then on top of it: strictly more halts.
    pub threshold: u64,
    /// What follows from this number alone.
    pub judgement: Judgement,
    /// Whether a region is not seen, or something has not answered yet: the true number may be higher.
    pub lower_bound: bool,
    /// How old it is, where it is not of now.
    pub as_of: Option<AsOf>,
}

/// What an observation means. The worst reading counts; what was not seen stands beside it and never weakens it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The worst of the readings.
    pub judgement: Judgement,
    /// Every limit in force, with its number, where that is known.
    pub readings: Vec<Reading>,
    /// Limits in force whose number is not known at present: billing lags, and may be switched off.
    pub unknown: Vec<Limit>,
    /// What was spent, as far as it is known, limited or not.
    pub spend: SpendSeen,
    /// What was not seen. Any entry means `Unseen`.
    pub gaps: Vec<Gap>,
    /// Whether any region of the account was seen at all.
    pub reached: bool,
    /// Whether some look that the verdict rests on has not answered yet.
    pub unfinished: bool,
    /// Whether a look that the verdict rests on was throttled for as long as it was tried.
    pub throttled: bool,
}

impl Verdict {
    /// Whether some part of the account could not be seen.
    pub fn is_unseen(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Whether we were refused the account as a whole, rather than failing to reach it. Not known before everything has
    /// answered: the first region to answer may be the only one that refuses.
    pub fn is_shut_out(&self) -> bool {
        !self.reached && !self.unfinished && self.gaps.first().is_some_and(|gap| gap.failure.kind.is_refusal())
    }

    /// Whether somebody uses up the account's quota of the calls by which it is watched. What we ask in a sweep is a
    /// hundredth of it, so that it is somebody else.
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
    pub fn is_throttled_blind(&self) -> bool {
        self.throttled && self.is_unseen()
    }

    /// The limit on purchases, where the account is past it.
    pub fn past_purchases(&self) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.calls_for_freeze())
    }

    /// The worst of the readings but for purchases, of which people are told apart.
    pub fn level(&self) -> Judgement {
        let others = self.readings.iter().filter(|reading| !reading.limit.freezes());
        others.map(|reading| reading.judgement).max().unwrap_or(Judgement::Ok)
    }

    /// The readings that made the judgement what it is.
    pub fn causes(&self) -> impl Iterator<Item = &Reading> {
        self.readings.iter().filter(|reading| reading.judgement == self.judgement && self.judgement != Judgement::Ok)
    }

    /// The same in words.
    pub fn why(&self) -> String {
        self.causes().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The grace after a release: the next sweep must neither halt the account again for what was just given back, nor
/// overlook a relapse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace {
    /// Until when.
    pub until: Timestamp,
    /// What each limit on what runs that had tripped stood at when the account was released.
    pub released_at: BTreeMap<Limit, u64>,
}

/// What a release lets pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pardon<'a> {
    /// Of what runs, for some hours.
    pub grace: Option<&'a Grace>,
    /// Of what was spent before it.
    pub spend: Option<&'a SpendPardon>,
}

impl Pardon<'_> {
    fn of_running(&self, limit: Limit) -> u64 {
        self.grace.and_then(|grace| grace.released_at.get(&limit)).copied().unwrap_or(0)
    }
}

impl Summary {
    /// Sums up what was seen so far.
    pub fn of(policy: &AccountPolicy, observation: &Observation) -> Self {
        let mut summary = Self { lower_bound: !observation.is_whole(), ..Self::default() };
        for place in observation.seals().into_keys() {
            summary.take_in(&Self::of_place(policy, observation, place));
        }
        summary
    }

    /// Sums up what was seen in one place.
    pub(crate) fn of_place(policy: &AccountPolicy, observation: &Observation, region: Option<&Region>) -> Self {
        let mut summary = Self::default();
        Kind::ALL.iter().for_each(|kind| kind.count(policy, observation, region, &mut summary));
        summary
    }
}

/// Judges what has been seen so far. Counts only grow while regions come in, so a Halt can be acted on before the last
/// region answered. Any one limit suffices. In the grace after a release the limits that had tripped are judged by what
/// was added since, all others in full; spend is judged by what was spent since the release. An exception raises the
/// limits that it names for what runs before its end, and for what is summed over since before it.
pub fn judge(
    policy: &AccountPolicy,
    exception: Option<&Exception>,
    observation: &Observation,
    pardon: &Pardon<'_>,
    now: Timestamp,
) -> Verdict {
    judge_sum(policy, exception, observation, &Summary::of(policy, observation), pardon, now)
}

/// The same, where it is summed up already.
pub(crate) fn judge_sum(
    policy: &AccountPolicy,
    exception: Option<&Exception>,
    observation: &Observation,
    summary: &Summary,
    pardon: &Pardon<'_>,
    now: Timestamp,
) -> Verdict {
    let spend = SpendSeen {
        day: observation.spend.day(pardon.spend.map(|pardon| pardon.at), now),
        month: observation.spend.charges.month(now),
        purchases: observation.spend.purchases(pardon.spend.map(SpendPardon::purchases_from), now),
    };
    let (mut readings, mut unknown) = (Vec::new(), Vec::new());
    for (limit, threshold) in &policy.limits.thresholds {
        match number(*limit, summary, &spend, pardon) {
            Some(number) => {
                let since = number.since.unwrap_or(now);
                let raised = exception.and_then(|exception| exception.raises(*limit, since)).unwrap_or_default();
                // What is pardoned and what is allowed do not add up.
                let threshold = raised.saturating_sub(number.pardoned).max(*threshold);
                readings.push(number.held_against(*limit, threshold, policy.limits.warn));
            }
            None => unknown.push(*limit),
        }
    }
    Verdict {
        judgement: readings.iter().map(|reading| reading.judgement).max().unwrap_or(Judgement::Ok),
        readings,
        unknown,
        spend,
        gaps: observation.gaps(),
        reached: observation.coverage().seen > 0,
        unfinished: observation.is_unfinished(),
        throttled: observation.is_throttled(),
    }
}

/// What a limit is about, as far as it is known, and what of it is pardoned.
struct Number {
    value: u64,
    estimated: u64,
    certain: u64,
    pardoned: u64,
    lower_bound: bool,
    as_of: Option<AsOf>,
    /// From when on it was spent, where it is a sum over a time.
    since: Option<Timestamp>,
}

/// One limit's number; `None` where it is not known.
fn number(limit: Limit, summary: &Summary, spend: &SpendSeen, pardon: &Pardon<'_>) -> Option<Number> {
    let spent = |amount: Usd, pardoned: Usd, since, as_of| Number {
        value: amount.as_micros(),
        estimated: 0,
        certain: amount.as_micros(),
        pardoned: pardoned.as_micros(),
        lower_bound: false,
        as_of: Some(as_of),
        since: Some(since),
    };
    Some(match limit.row().source {
        Source::Running(measure) => {
            let Measurement { value, estimated, certain, incomplete } = measure(summary);
            let pardoned = pardon.of_running(limit);
            Number { value, estimated, certain, pardoned, lower_bound: incomplete, as_of: None, since: None }
        }
        Source::Spend(SpendWindow::Day) => {
            let day = spend.day?;
            spent(day.amount, Usd::ZERO, day.from, AsOf { at: day.until, source: day.source })
        }
        Source::Spend(SpendWindow::Month) => {
            let month = spend.month?;
            let pardoned = pardon.spend.map_or(Some(Usd::ZERO), |pardon| pardon.of_month(month))?;
            spent(month.amount, pardoned, month_begins(month.at), AsOf { at: month.at, source: SpendSource::Charges })
        }
        Source::Purchases => {
            let purchases = spend.purchases?;
            spent(purchases.amount, Usd::ZERO, purchases.from, AsOf { at: purchases.until, source: purchases.source })
        }
    })
}

impl Number {
    fn held_against(self, limit: Limit, threshold: u64, warn: f64) -> Reading {
        let Self { value, estimated, certain, pardoned, lower_bound, as_of, since: _ } = self;
        let (new, certainly_new) = (value.saturating_sub(pardoned), certain.saturating_sub(pardoned));
        let judgement = match limit.freezes() {
            false => weigh(new, certainly_new, threshold, warn),
            true if certainly_new > threshold => Judgement::Warn,
            true => Judgement::Ok,
        };
        let threshold = threshold.saturating_add(pardoned);
        Reading { limit, value, estimated, certain, threshold, judgement, lower_bound, as_of }
    }
}

/// Strictly more than the limit halts, where so much is certain; from `warn` × limit on people are warned, of what may
/// be as well. Nothing at all is always Ok.
fn weigh(value: u64, certain: u64, limit: u64, warn: f64) -> Judgement {
    if certain > limit {
        Judgement::Halt
    } else if value > 0 && (value as f64) >= (limit as f64) * warn {
        Judgement::Warn
    } else {
        Judgement::Ok
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "Ok",
            Self::Warn => "Warn",
            Self::Halt => "Halt",
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.lower_bound { "at least " } else { "" };
        write!(f, "{at_least}{} (limit {}", self.limit.amount(self.value), self.limit.show(self.threshold))?;
        if self.estimated > 0 {
            write!(f, "; {} of it estimated", self.limit.show(self.estimated))?;
        }
        if self.certain < self.value {
            write!(f, ", {} for certain", self.limit.show(self.certain))?;
        }
        if let Some(AsOf { at, source }) = self.as_of {
            write!(f, "; {source} until {}", at.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        f.write_str(")")
    }
}

impl Reading {
    /// Whether it is past a limit that freezes and does not halt.
    pub fn calls_for_freeze(&self) -> bool {
        self.limit.freezes() && self.certain > self.threshold
    }

    /// Whether it would be past its limit, if it were as much as it may be at the most, and is not for certain.
    pub fn may_be_past(&self) -> bool {
        self.value > self.threshold && self.certain <= self.threshold
    }
}

/// Counts as whole numbers, money as dollars.
impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Number {
            Count(u64),
            Money(Usd),
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            limit: Limit,
            value: Number,
            #[serde(skip_serializing_if = "Option::is_none")]
            estimated: Option<Usd>,
            #[serde(skip_serializing_if = "Option::is_none")]
            certain: Option<Usd>,
            threshold: Number,
            judgement: Judgement,
            lower_bound: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            as_of: Option<AsOf>,
        }
        let number = |number| {
            if self.limit.row().unit == Unit::Usd { Number::Money(Usd::micros(number)) } else { Number::Count(number) }
        };
        let estimated = (self.estimated > 0).then(|| Usd::micros(self.estimated));
        let certain = (self.estimated > 0).then(|| Usd::micros(self.certain));
        let (value, threshold) = (number(self.value), number(self.threshold));
        Written {
            limit: self.limit,
            value,
            estimated,
            certain,
            threshold,
            judgement: self.judgement,
            lower_bound: self.lower_bound,
            as_of: self.as_of,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strictly_more_than_the_limit_halts() {
        assert_eq!(weigh(4, 4, 4, 1.0), Judgement::Warn);
        assert_eq!(weigh(5, 5, 4, 1.0), Judgement::Halt);
        assert_eq!(weigh(1, 1, 0, 0.8), Judgement::Halt);
    }

    #[test]
    fn what_is_past_a_limit_only_if_the_estimate_holds_warns_and_does_not_halt() {
        assert_eq!(weigh(500, 4, 4, 0.8), Judgement::Warn);
        assert_eq!(weigh(500, 5, 4, 0.8), Judgement::Halt);
        assert_eq!(weigh(3, 0, 4, 0.8), Judgement::Ok);
    }

    #[test]
    fn warnings_begin_at_the_share() {
        assert_eq!(weigh(7, 7, 10, 0.8), Judgement::Ok);
        assert_eq!(weigh(8, 8, 10, 0.8), Judgement::Warn);
        assert_eq!(weigh(0, 0, 0, 0.8), Judgement::Ok);
    }
}
