//! The simulated organization keeps what the adapters keep.
#![cfg(test)]

mod stage;

use runawaytrain_testbed::contract::contract;

#[tokio::test(start_paused = true)]
async fn the_simulated_organization_keeps_the_contract() {
    contract(async |_| stage::SimStage::new(), &[]).await;
}
