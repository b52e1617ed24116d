//! Ok, Warn or Halt: what an observation means under a policy.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::failure::FailureKind;
use crate::money::Usd;
use crate::observation::{Gap, Observation};
use crate::policy::AccountPolicy;
use crate::price::{Burn, PriceKey};
use crate::spend::{SpendPardon, SpendSeen, SpendSource};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Judgement {
    /// Within the limits, as far as could be seen.
    Ok,
    /// Close to a limit.
    Warn,
    /// Past a limit.
    Halt,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Pending and running instances.
    Instances,
    /// Their vCPUs.
    Vcpus,
    /// What they cost in an hour.
    Burn,
    /// What was spent in 24 hours.
    Spend24h,
    /// What was charged in the calendar month.
    SpendMonth,
}

impl Limit {
    /// Whether its numbers are millionths of a US dollar, rather than a count of things.
    pub fn is_money(self) -> bool {
        matches!(self, Self::Burn | Self::Spend24h | Self::SpendMonth)
    }
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
}

impl Verdict {
    /// Whether some part of the account could not be seen.
    pub fn is_unseen(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Whether we were refused the account as a whole, rather than failing to reach it.
    pub fn is_shut_out(&self) -> bool {
        !self.reached && self.gaps.first().is_some_and(|gap| gap.failure.kind == FailureKind::Denied)
    }

    /// The readings that made the judgement what it is.
    pub fn causes(&self) -> impl Iterator<Item = &Reading> {
        self.readings.iter().filter(|reading| reading.judgement == self.judgement && self.judgement != Judgement::Ok)
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

/// Judges what has been seen so far. Counts only grow while regions come in, so a Halt can be acted on before the last
/// region answered. Any one limit suffices. In the grace after a release the limits that had tripped are judged by what
/// was added since, all others in full; spend is judged by what was spent since the release.
pub fn judge(policy: &AccountPolicy, observation: &Observation, pardon: &Pardon<'_>, now: Timestamp) -> Verdict {
    let (limits, counted) = (&policy.limits, Counts::of(policy, observation));
    let (mut readings, mut unknown) = (Vec::new(), Vec::new());
    let whole = observation.is_whole();
    let burn = counted.burn;
    let running = [
        (Limit::Instances, counted.instances, 0, limits.instances, whole),
        (Limit::Vcpus, counted.vcpus, 0, limits.vcpus, whole),
        (
            Limit::Burn,
            burn.total().as_micros(),
            burn.estimated.as_micros(),
            limits.burn.map(Usd::as_micros),
            whole && counted.unpriced == 0,
        ),
    ];
    for (limit, value, estimated, threshold, whole) in running {
        let Some(threshold) = threshold else { continue };
        let threshold = threshold.saturating_add(pardon.of_running(limit));
        let judgement = weigh(value, threshold, limits.warn);
        readings.push(Reading { limit, value, estimated, threshold, judgement, lower_bound: !whole, as_of: None });
    }

    let seen = SpendSeen {
        day: observation.spend.day(pardon.spend.map(|pardon| pardon.at), now),
        month: observation.spend.charges.month(now),
    };
    let day = seen.day.map(|day| (day.amount, Usd::ZERO, AsOf { at: day.until, source: day.source }));
    let month = seen.month.and_then(|month| {
        let pardoned = pardon.spend.map_or(Some(Usd::ZERO), |pardon| pardon.of_month(month))?;
        Some((month.amount, pardoned, AsOf { at: month.at, source: SpendSource::Charges }))
    });
    for (limit, threshold, number) in
        [(Limit::Spend24h, limits.spend_24h, day), (Limit::SpendMonth, limits.spend_month, month)]
    {
        let Some(threshold) = threshold else { continue };
        let Some((amount, pardoned, as_of)) = number else {
            unknown.push(limit);
            continue;
        };
        let (value, threshold) = (amount.as_micros(), (threshold + pardoned).as_micros());
        let judgement = weigh(value, threshold, limits.warn);
        readings.push(Reading {
            limit,
            value,
            estimated: 0,
            threshold,
            judgement,
            lower_bound: false,
            as_of: Some(as_of),
        });
    }
    let judgement = readings.iter().map(|reading| reading.judgement).max().unwrap_or(Judgement::Ok);
    Verdict {
        judgement,
        readings,
        unknown,
        spend: seen,
        gaps: observation.gaps(),
        reached: observation.coverage().seen > 0,
    }
}

/// Strictly more than the limit halts; from `warn` × limit on people are warned. Nothing at all is always Ok.
fn weigh(value: u64, threshold: u64, warn: f64) -> Judgement {
    if value > threshold {
        Judgement::Halt
    } else if value > 0 && (value as f64) >= (threshold as f64) * warn {
        Judgement::Warn
    } else {
        Judgement::Ok
    }
}

/// What counts towards the limits, and what is exempt from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instances that count.
    pub instances: u64,
    /// vCPUs of the instances that count.
    pub vcpus: u64,
    /// What the instances that count cost in an hour, as far as their prices are known.
    pub burn: Burn,
    /// Instances that count and whose price has not been asked for yet.
    pub unpriced: u64,
    /// Exempt instances: shown, never counted.
    pub exempt: u64,
}

impl Counts {
    /// Counts the instances seen so far.
    pub fn of(policy: &AccountPolicy, observation: &Observation) -> Self {
        let mut counts = Self::default();
        for (region, instance) in observation.instances() {
            if policy.exempts_instance(&instance.id) {
                counts.exempt += 1;
                continue;
            }
            counts.instances += 1;
            counts.vcpus += u64::from(instance.vcpus.count);
            match observation.prices.get(&PriceKey::of(region, instance)) {
                Some(price) => counts.burn.add(instance, *price),
                None => counts.unpriced += 1,
            }
        }
        counts
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

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instances => "instances",
            Self::Vcpus => "vCPUs",
            Self::Burn => "USD/hour",
            Self::Spend24h => "USD in 24 h",
            Self::SpendMonth => "USD this month",
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.lower_bound { "at least " } else { "" };
        let (value, threshold) = (self.shown(self.value), self.shown(self.threshold));
        write!(f, "{at_least}{value} {} (limit {threshold}", self.limit)?;
        if self.estimated > 0 {
            write!(f, "; {} of it estimated", self.shown(self.estimated))?;
        }
        if let Some(AsOf { at, source }) = self.as_of {
            write!(f, "; {source} until {}", at.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        f.write_str(")")
    }
}

impl Reading {
    fn shown(&self, number: u64) -> String {
        if self.limit.is_money() { Usd::micros(number).to_string() } else { number.to_string() }
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
            threshold: Number,
            judgement: Judgement,
            lower_bound: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            as_of: Option<AsOf>,
        }
        let number =
            |number| if self.limit.is_money() { Number::Money(Usd::micros(number)) } else { Number::Count(number) };
        let estimated = (self.estimated > 0).then(|| Usd::micros(self.estimated));
        let (value, threshold) = (number(self.value), number(self.threshold));
        Written {
            limit: self.limit,
            value,
            estimated,
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
        assert_eq!(weigh(4, 4, 1.0), Judgement::Warn);
        assert_eq!(weigh(5, 4, 1.0), Judgement::Halt);
        assert_eq!(weigh(1, 0, 0.8), Judgement::Halt);
    }

    #[test]
    fn warnings_begin_at_the_share() {
        assert_eq!(weigh(7, 10, 0.8), Judgement::Ok);
        assert_eq!(weigh(8, 10, 0.8), Judgement::Warn);
        assert_eq!(weigh(0, 0, 0.8), Judgement::Ok);
    }
}
