//! DynamoDB: the accounts' states in the guard's table.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use runawaytrain_core::contract::{PARTITION_KEY, RECORDS, SORT_KEY, TABLE, partitions_of};
use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

/// Beside every account's record: `lambda/aws/src/ledger/record.rs`.
const STATE: &str = "state";
const NO_TABLE: &str = "ResourceNotFoundException";

impl Cloud {
    /// The state of each account that the guard has a record of, as it is written there; None where there is no table.
    pub async fn states(&self) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let mut states = BTreeMap::new();
        // Those of an earlier version first: of what has moved since, the state is where it went.
        for partition in [RECORDS.to_owned()].into_iter().chain(partitions_of(RECORDS)) {
            let Some(found) = self.states_in(&partition).await? else { return Ok(None) };
            states.extend(found);
        }
        Ok(Some(states))
    }

    async fn states_in(&self, partition: &str) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let asked = Client::new(&self.shared)
            .query()
            .table_name(TABLE)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
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
