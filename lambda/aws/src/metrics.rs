//! Metrics, over CloudWatch.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{MetricDatum, StandardUnit};
use aws_smithy_types::DateTime;

use runawaytrain_core::contract::{METRIC_NAMESPACE, MetricUnit};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_engine::ports::{Metrics, SweepMetrics};

use crate::failure;
use crate::retry::ConnectionLost;

pub(crate) struct CloudWatchMetrics {
    client: aws_sdk_cloudwatch::Client,
}

impl CloudWatchMetrics {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let settings = aws_sdk_cloudwatch::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self { client: aws_sdk_cloudwatch::Client::from_conf(settings) }
    }
}

#[async_trait]
impl Metrics for CloudWatchMetrics {
    async fn emit(&self, sweep: SweepMetrics) -> Result<(), Failure> {
        let at = DateTime::from_millis(sweep.at.as_millisecond());
        let datum = |name, value, unit| {
            MetricDatum::builder().metric_name(name).value(value).unit(spelled(unit)).timestamp(at).build()
        };
        let data = sweep.values().into_iter().map(|(row, value)| datum(row.name, value, row.unit)).collect();
        let call = self.client.put_metric_data().namespace(METRIC_NAMESPACE).set_metric_data(Some(data));
        call.send().await.map(|_| ()).map_err(|error| failure::of("cloudwatch:PutMetricData", &error))
    }
}

fn spelled(unit: MetricUnit) -> StandardUnit {
    match unit {
        MetricUnit::Count => StandardUnit::Count,
        MetricUnit::Percent => StandardUnit::Percent,
        MetricUnit::Seconds => StandardUnit::Seconds,
        MetricUnit::None => StandardUnit::None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use runawaytrain_core::contract::METRICS;
    use runawaytrain_core::message::report::Totals;
    use runawaytrain_core::observation::Coverage;

    use super::*;
    use crate::wire::Script;

    async fn sent(complete: bool, seen: usize) -> String {
        let script = Script::new(|_| (200, "\u{0}".to_owned()));
        let sweep = SweepMetrics {
            at: "2026-11-22T03:00:00Z".parse().unwrap(),
            took: SignedDuration::from_secs(9),
            complete,
            coverage: Coverage { seen, expected: 34 },
            totals: Totals { instances: 3, ..Totals::default() },
            halted: 1,
            frozen: 1,
            waiting: 2,
        };
        // Whether the answer can be read is not the point: it is a binary one, of an empty map.
        let _ = CloudWatchMetrics::new(&script.config()).emit(sweep).await;
        script.asked().first().unwrap().clone()
    }

    fn names(sent: &str) -> Vec<&'static str> {
        METRICS.iter().map(|row| row.name).filter(|name| sent.contains(name)).collect()
    }

    #[tokio::test]
    async fn a_sweep_emits_each_metric_of_the_table() {
        let sent = sent(true, 17).await;
        assert_eq!(names(&sent), METRICS.map(|row| row.name));
        assert!([METRIC_NAMESPACE, "Percent", "Seconds", "Count"].iter().all(|word| sent.contains(word)), "{sent}");
    }

    #[tokio::test]
    async fn only_a_complete_sweep_is_a_heartbeat() {
        assert!(!names(&sent(false, 17).await).contains(&"Heartbeat"));
    }

    #[tokio::test]
    async fn what_runs_is_not_said_to_be_nothing_where_nothing_could_be_seen() {
        let sent = sent(false, 0).await;
        assert_eq!(names(&sent), ["Coverage", "Halted", "Frozen", "WaitingForPeople", "Unserved", "SweepDuration"]);
    }
}
