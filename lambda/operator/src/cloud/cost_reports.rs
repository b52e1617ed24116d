//! The definitions of Cost and Usage Reports.

use aws_sdk_costandusagereport::Client;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

/// What a report is made like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportDefinition {
    /// Its name.
    pub name: String,
    /// The bucket that it is delivered to.
    pub bucket: String,
    /// What its keys begin with.
    pub prefix: String,
    /// The bucket's region.
    pub region: String,
    /// `HOURLY`, `DAILY` or `MONTHLY`.
    pub time_unit: String,
    /// `textORcsv` or `Parquet`.
    pub format: String,
    /// `GZIP`, `ZIP` or `Parquet`.
    pub compression: String,
    /// What came of the last delivery: `SUCCESS`, `ERROR_PERMISSIONS`, `ERROR_NO_BUCKET`; empty before the first.
    pub last_status: String,
}

impl Cloud {
    /// The payer's reports. The older kind only: Data Exports has an API of its own.
    /// <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_cur_DescribeReportDefinitions.html>
    pub async fn report_definitions(&self) -> Result<Vec<ReportDefinition>, Failure> {
        let asked = Client::new(&self.shared).describe_report_definitions().into_paginator().send();
        let pages = all("cur:DescribeReportDefinitions", asked).await?;
        Ok(pages
            .iter()
            .flat_map(|page| page.report_definitions())
            .map(|one| ReportDefinition {
                name: one.report_name().to_owned(),
                bucket: one.s3_bucket().to_owned(),
                prefix: one.s3_prefix().to_owned(),
                region: one.s3_region().as_str().to_owned(),
                time_unit: one.time_unit().as_str().to_owned(),
                format: one.format().as_str().to_owned(),
                compression: one.compression().as_str().to_owned(),
                last_status: one
                    .report_status()
                    .and_then(|status| status.last_status())
                    .map(|status| status.as_str().to_owned())
                    .unwrap_or_default(),
            })
            .collect())
    }
}
