//! CloudWatch: what AWS publishes of charges.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::DimensionFilter;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

const LINKED_ACCOUNT: &str = "LinkedAccount";

impl Cloud {
    /// The accounts whose charges have a metric of their own. ListMetrics forgets what had no data for two weeks.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>
    pub async fn accounts_with_charges(&self) -> Result<BTreeSet<String>, Failure> {
        let operation = "cloudwatch:ListMetrics";
        let linked = DimensionFilter::builder().name(LINKED_ACCOUNT).build();
        let asked = Client::new(&self.shared)
            .list_metrics()
            .namespace("AWS/Billing")
            .metric_name("EstimatedCharges")
            .dimensions(linked)
            .into_paginator()
            .send();
        let pages = all(operation, asked).await?;
        let metrics = pages.iter().flat_map(|page| page.metrics());
        let dimensions = metrics.flat_map(|metric| metric.dimensions());
        Ok(dimensions
            .filter(|dimension| dimension.name() == Some(LINKED_ACCOUNT))
            .filter_map(|dimension| dimension.value().map(str::to_owned))
            .collect())
    }

    /// The names of the dimensions that an account's own charges are published with: one set of names a metric.
    pub async fn dimensions_of_charges(&self) -> Result<BTreeSet<BTreeSet<String>>, Failure> {
        let asked = Client::new(&self.shared)
            .list_metrics()
            .namespace("AWS/Billing")
            .metric_name("EstimatedCharges")
            .into_paginator()
            .send();
        let pages = all("cloudwatch:ListMetrics", asked).await?;
        let names = |metric: &aws_sdk_cloudwatch::types::Metric| {
            metric.dimensions().iter().filter_map(|dimension| dimension.name().map(str::to_owned)).collect()
        };
        Ok(pages.iter().flat_map(|page| page.metrics()).map(names).collect())
    }
}
