//! The ledger in memory keeps what the one in DynamoDB keeps.

use runawaytrain_testbed::MemoryLedger;
use runawaytrain_testbed::contract::ledger::ledger_contract;

#[tokio::test]
async fn the_ledger_in_memory_keeps_the_contract() {
    ledger_contract(&MemoryLedger::default()).await;
}
