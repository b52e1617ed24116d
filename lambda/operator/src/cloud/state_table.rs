//! DynamoDB: the accounts' states in the guard's table.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use runawaytrain_core::contract::{PARTITION_KEY, SORT_KEY, TABLE};
use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

/// Every account's record is in this partition, its state beside it: `lambda/aws/src/ledger/record.rs`.
const RECORDS: &str = "ACCOUNT";
const STATE: &str = "state";
const NO_TABLE: &str = "ResourceNotFoundException";

impl Cloud {
    /// The state of each account that the guard has a record of, as it is written there; None where there is no table.
    pub async fn states(&self) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let asked = Client::new(&self.shared)
            .query()
            .table_name(TABLE)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(RECORDS.to_owned()))
            .into_paginator()
            .items()
            .send();
        let found = all("dynamodb:Query", asked).await;
        let found = match found {
            Ok(found) => found,
            Err(refused) if refused.code.as_deref() == Some(NO_TABLE) => return Ok(None),
            Err(refused) => return Err(refused),
        };
        let text = |item: &std::collections::HashMap<String, AttributeValue>, key: &str| {
            item.get(key).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
        };
        Ok(Some(found.iter().map(|item| (text(item, SORT_KEY), text(item, STATE))).collect()))
    }
}
