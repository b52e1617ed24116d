//! The ledger and the books in memory keep what those in DynamoDB keep.
#![cfg(test)]

use runawaytrain_testbed::contract::books::{price_book_contract, spend_book_contract};
use runawaytrain_testbed::contract::ledger::ledger_contract;
use runawaytrain_testbed::{MemoryLedger, Testbed};

#[tokio::test]
async fn the_ledger_in_memory_keeps_the_contract() {
    ledger_contract(&Testbed::new().ports()).await;
}

#[tokio::test]
async fn the_books_in_memory_keep_the_contract() {
    price_book_contract(&MemoryLedger::default()).await;
    spend_book_contract(&MemoryLedger::default()).await;
}
