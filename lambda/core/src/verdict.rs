//! Ok, Warn or Halt: what an observation means under a policy.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::observation::{Gap, Observation};
use crate::policy::AccountPolicy;

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
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Pending and running instances.
    Instances,
    /// Their vCPUs.
    Vcpus,
}

/// One number held against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// What is limited.
    pub limit: Limit,
    /// What was counted; exempt instances are not.
    pub value: u64,
    /// The limit, and in the grace after a release what ran then on top of it: strictly more halts.
    pub threshold: u64,
    /// What follows from this number alone.
    pub judgement: Judgement,
    /// Whether a region is not seen, or has not answered yet: the true number may be higher.
    pub lower_bound: bool,
}

/// What an observation means. The worst reading counts; what was not seen stands beside it and never weakens it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The worst of the readings.
    pub judgement: Judgement,
    /// Every limit in force, with its number.
    pub readings: Vec<Reading>,
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

/// The grace after a release: the next sweep must neither halt the account again for what was just given back, nor overlook a relapse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace {
    /// Until when.
    pub until: Timestamp,
    /// What each limit that had tripped stood at when the account was released.
    pub released_at: BTreeMap<Limit, u64>,
}

impl Grace {
    fn allowance(&self, limit: Limit) -> u64 {
        self.released_at.get(&limit).copied().unwrap_or(0)
    }
}

/// Judges what has been seen so far. Counts only grow while regions come in, so a Halt can be acted on before the last region answered.
/// In the grace after a release the limits that had tripped are judged by what was added since; all others in full.
pub fn judge(policy: &AccountPolicy, observation: &Observation, grace: Option<&Grace>) -> Verdict {
    let gaps = observation.gaps();
    let counted = Counts::of(policy, observation);
    let limits = [(Limit::Instances, counted.instances, policy.limits.instances), (Limit::Vcpus, counted.vcpus, policy.limits.vcpus)];
    let readings: Vec<Reading> = limits
        .into_iter()
        .filter_map(|(limit, value, threshold)| {
            let threshold = threshold?.saturating_add(grace.map_or(0, |grace| grace.allowance(limit)));
            let judgement = weigh(value, threshold, policy.limits.warn);
            Some(Reading { limit, value, threshold, judgement, lower_bound: !observation.is_whole() })
        })
        .collect();
    let judgement = readings.iter().map(|reading| reading.judgement).max().unwrap_or(Judgement::Ok);
    Verdict { judgement, readings, gaps, reached: observation.coverage().seen > 0 }
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
    /// Exempt instances: shown, never counted.
    pub exempt: u64,
}

impl Counts {
    /// Counts the instances seen so far.
    pub fn of(policy: &AccountPolicy, observation: &Observation) -> Self {
        let mut counts = Self::default();
        for (_, instance) in observation.instances() {
            if policy.exempts_instance(&instance.id) {
                counts.exempt += 1;
            } else {
                counts.instances += 1;
                counts.vcpus += u64::from(instance.vcpus.count);
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
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.lower_bound { "at least " } else { "" };
        write!(f, "{at_least}{} {} (limit {})", self.value, self.limit, self.threshold)
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
