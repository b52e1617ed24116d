//! What things cost, and what accounts are charged.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Billing, Listed, PriceList};

use super::World;

/// On-Demand, Linux, us-east-1, in millionths of a dollar, and the storage; all other types are not on the list.
const LIST: [(&str, u64, &str); 7] = [
    ("t2.micro", 11_600, "EBS only"),
    ("t3.micro", 10_400, "EBS only"),
    ("m5.large", 96_000, "EBS only"),
    ("c5.4xlarge", 680_000, "EBS only"),
    ("p3.2xlarge", 3_060_000, "EBS only"),
    ("i4i.large", 172_000, "1 x 468 NVMe SSD"),
    ("p5.48xlarge", 98_320_000, "8 x 3840 GB NVMe SSD"),
];

#[async_trait]
impl PriceList for World {
    async fn on_demand(&self, key: &PriceKey) -> Result<Listed, Failure> {
        self.pass("pricing:GetProducts", None, None).await?;
        let known = LIST.iter().find(|(instance_type, ..)| *instance_type == key.instance_type);
        Ok(known.map_or_else(Listed::default, |(_, micros, storage)| Listed {
            per_hour: Some(Usd::micros(*micros)),
            local_disks: LocalDisks::of_storage(Some(storage)),
        }))
    }
}

#[async_trait]
impl Billing for World {
    async fn charges(&self, accounts: &[AccountId], _: Timestamp) -> Result<BTreeMap<AccountId, Charge>, Failure> {
        self.pass("cloudwatch:GetMetricData", None, None).await?;
        let inner = self.lock();
        Ok(accounts
            .iter()
            .filter_map(|account| Some((account.clone(), inner.accounts.get(account)?.charge?)))
            .collect())
    }
}
