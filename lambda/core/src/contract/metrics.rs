//! The table of metrics: what each sweep of the whole organization says of itself. Sums only: a dimension for each
//! account would cost more than the function.
//!
//! A metric is added here; the function emits and the dashboard shows what this table has.

use serde::Serialize;

/// The namespace of our metrics.
pub const METRIC_NAMESPACE: &str = "RunawayTrain";

/// The message of a log line that says how a sweep found one account: what the dashboard shows by account.
pub const ACCOUNT_LINE: &str = "account swept";

/// What is measured of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Whether the guard is on.
    Heartbeat,
    /// How much of the organization is seen.
    Coverage,
    /// What runs.
    Instances,
    /// Its size.
    Vcpus,
    /// Its cost.
    Burn,
    /// Accounts whose halt stands.
    Halted,
    /// Accounts that are frozen.
    Frozen,
    /// Accounts that wait for people.
    Waiting,
    /// Accounts that were not served.
    Unserved,
    /// How long it took.
    Duration,
}

/// A metric's unit, as CloudWatch spells it.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MetricUnit {
    /// A whole number of things.
    Count,
    /// Of a hundred.
    Percent,
    /// Time.
    Seconds,
    /// CloudWatch has no unit for money.
    None,
}

/// Which of a period's values is worth showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Statistic {
    /// Of what is counted.
    Sum,
    /// The worst of what should be high: one blind sweep must not drown in the average.
    Minimum,
    /// The worst of what should be low.
    Maximum,
}

/// One metric, described.
#[derive(Debug, Serialize)]
pub struct MetricRow {
    /// Which.
    #[serde(rename = "key")]
    pub metric: Metric,
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// Its unit.
    pub unit: MetricUnit,
    /// Which of a period's values is shown.
    pub statistic: Statistic,
    /// What it means, as the dashboard's title.
    pub meaning: &'static str,
}

/// Every metric, in the order in which the dashboard shows them.
pub const METRICS: [MetricRow; 10] = [
    row(Metric::Heartbeat, "Heartbeat", MetricUnit::Count, Statistic::Sum, "Complete sweeps"),
    row(
        Metric::Coverage,
        "Coverage",
        MetricUnit::Percent,
        Statistic::Minimum,
        "Accounts × regions that were seen, in percent",
    ),
    row(Metric::Instances, "Instances", MetricUnit::Count, Statistic::Maximum, "Instances that run"),
    row(Metric::Vcpus, "Vcpus", MetricUnit::Count, Statistic::Maximum, "vCPUs of the instances that run"),
    row(Metric::Burn, "Burn", MetricUnit::None, Statistic::Maximum, "What runs costs, in USD an hour"),
    row(Metric::Halted, "Halted", MetricUnit::Count, Statistic::Maximum, "Accounts that are halted, or being halted"),
    row(Metric::Frozen, "Frozen", MetricUnit::Count, Statistic::Maximum, "Accounts that are frozen"),
    row(
        Metric::Waiting,
        "WaitingForPeople",
        MetricUnit::Count,
        Statistic::Maximum,
        "Accounts that the brake froze, and that wait for people",
    ),
    row(
        Metric::Unserved,
        "Unserved",
        MetricUnit::Count,
        Statistic::Maximum,
        "Accounts that a sweep did not reach or could not record",
    ),
    row(Metric::Duration, "SweepDuration", MetricUnit::Seconds, Statistic::Maximum, "Duration of a sweep, in seconds"),
];

const fn row(
    metric: Metric,
    name: &'static str,
    unit: MetricUnit,
    statistic: Statistic,
    meaning: &'static str,
) -> MetricRow {
    MetricRow { metric, name, unit, statistic, meaning }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_is_in_the_table_once_under_a_name_of_its_own() {
        let metrics: BTreeSet<Metric> = METRICS.iter().map(|row| row.metric).collect();
        let names: BTreeSet<&str> = METRICS.iter().map(|row| row.name).collect();
        assert_eq!((metrics.len(), names.len()), (METRICS.len(), METRICS.len()));
        assert_eq!(METRICS.len(), Metric::Duration as usize + 1);
    }
}
