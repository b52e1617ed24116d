//! Account Management: which regions there are.

use std::collections::BTreeMap;

use aws_sdk_account::Client;
use aws_sdk_account::types::RegionOptStatus;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

impl Cloud {
    /// Every region that there is, and whether the account has it enabled.
    /// <https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>
    pub async fn regions(&self) -> Result<BTreeMap<String, bool>, Failure> {
        let asked = Client::new(&self.shared).list_regions().into_paginator().send();
        let pages = all("account:ListRegions", asked).await?;
        let enabled = |status: Option<&RegionOptStatus>| {
            matches!(status, Some(RegionOptStatus::Enabled | RegionOptStatus::EnabledByDefault))
        };
        let regions = pages.iter().flat_map(|page| page.regions());
        Ok(regions
            .filter_map(|region| Some((region.region_name()?.to_owned(), enabled(region.region_opt_status()))))
            .collect())
    }
}
