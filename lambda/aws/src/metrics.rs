//! Metrics, over CloudWatch.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{MetricDatum, StandardUnit};
use aws_smithy_types::DateTime;

use runawaytrain_core::contract::{METRIC_COVERAGE, METRIC_HEARTBEAT, METRIC_NAMESPACE, METRIC_WAITING};
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
        let metric =
            |name, value, unit| MetricDatum::builder().metric_name(name).value(value).unit(unit).timestamp(at).build();
        let coverage = metric(METRIC_COVERAGE, sweep.coverage.percent(), StandardUnit::Percent);
        let waiting = metric(METRIC_WAITING, sweep.waiting as f64, StandardUnit::Count);
        // A sweep that did not reach every account says nothing, so that the alarm on missing data goes off.
        let heartbeat = sweep.complete.then(|| metric(METRIC_HEARTBEAT, 1.0, StandardUnit::Count));
        let data = [coverage, waiting].into_iter().chain(heartbeat).collect();
        let call = self.client.put_metric_data().namespace(METRIC_NAMESPACE).set_metric_data(Some(data));
        call.send().await.map(|_| ()).map_err(|error| failure::of("cloudwatch:PutMetricData", &error))
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::observation::Coverage;

    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn only_a_complete_sweep_is_a_heartbeat() {
        for complete in [true, false] {
            let script = Script::new(|_| (200, "\u{0}".to_owned()));
            let sweep = SweepMetrics {
                at: "2026-11-22T03:00:00Z".parse().unwrap(),
                complete,
                coverage: Coverage { seen: 17, expected: 34 },
                waiting: 2,
            };
            // Whether the answer can be read is not the point: it is a binary one, of an empty map.
            let _ = CloudWatchMetrics::new(&script.config()).emit(sweep).await;
            let asked = script.asked();
            let sent = asked.first().unwrap();
            assert!(
                [METRIC_NAMESPACE, METRIC_COVERAGE, METRIC_WAITING, "Percent"].iter().all(|word| sent.contains(word)),
                "{sent}"
            );
            assert_eq!(sent.contains(METRIC_HEARTBEAT), complete, "{sent}");
        }
    }
}
