//! What things cost, and what accounts are charged.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Billing, PriceList};

use super::World;

/// On-Demand, Linux, us-east-1, in millionths of a dollar; all other types are not on the list.
const LIST: [(&str, u64); 6] = [
    ("t2.micro", 11_600),
    ("t3.micro", 10_400),
    ("m5.large", 96_000),
    ("c5.4xlarge", 680_000),
    ("p3.2xlarge", 3_060_000),
    ("p5.48xlarge", 98_320_000),
];

#[async_trait]
impl PriceList for World {
    async fn on_demand(&self, key: &PriceKey) -> Result<Option<Usd>, Failure> {
        self.pass("pricing:GetProducts", None, None).await?;
        Ok(LIST
            .iter()
            .find(|(instance_type, _)| *instance_type == key.instance_type)
            .map(|(_, micros)| Usd::micros(*micros)))
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
