//! The brake's slots: one item, `BRAKE` / `slots`, that maps each account to when it took its slot; and another,
//! `BRAKE` / `purchases`, of the freezes for purchases.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use runawaytrain_core::contract::PARTITION_KEY;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::SlotPool;

use super::table::{Item, PUT, Table, key, moment, number};

const PARTITION: &str = "BRAKE";
/// A map of account to milliseconds since 1970.
const TAKEN: &str = "taken";
/// Grows by one with every write: what was read must still stand when it is written.
const VERSION: &str = "version";

/// So many slots are counted at most, however many the policy allows in an hour: all of them are one item, which holds
/// 400 KB. <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub(super) const MOST: u32 = 10_000;
fn sort(pool: SlotPool) -> &'static str {
    match pool {
        SlotPool::Halts => "slots",
        SlotPool::Purchases => "purchases",
    }
}

pub(super) async fn take(
    table: &Table,
    pool: SlotPool,
    account: &AccountId,
    most: u32,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, Failure> {
    let mut patience = table.patience();
    loop {
        let item = table.get(key(PARTITION, sort(pool))).await?.unwrap_or_default();
        let version = item.get(VERSION).and_then(integer).unwrap_or(0);
        let mut taken = taken_since(&item, since);
        if taken.contains_key(account.as_str()) {
            return Ok(true);
        }
        if taken.len() >= most.min(MOST) as usize {
            return Ok(false);
        }
        taken.insert(account.as_str().to_owned(), moment(now));
        let mut next = key(PARTITION, sort(pool));
        next.insert(TAKEN.to_owned(), AttributeValue::M(taken));
        next.insert(VERSION.to_owned(), number(version.saturating_add(1)));
        let call = table
            .client
            .put_item()
            .table_name(&table.name)
            .set_item(Some(next))
            .condition_expression("attribute_not_exists(#pk) OR #version = :version")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", number(version));
        let Err(error) = call.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                let detail = "too many invocations take slots of the brake at once";
                table.pause(&mut patience, Failure::own(PUT, FailureKind::Contended, detail)).await?
            }
            _ => table.pause(&mut patience, table.failure(PUT, &error)).await?,
        }
    }
}

fn taken_since(item: &Item, since: Timestamp) -> HashMap<String, AttributeValue> {
    let taken = item.get(TAKEN).and_then(|taken| taken.as_m().ok()).cloned().unwrap_or_default();
    let since = since.as_millisecond();
    taken.into_iter().filter(|(_, at)| at.as_n().is_ok_and(|at| at.parse::<i64>().is_ok_and(|at| at > since))).collect()
}

fn integer(value: &AttributeValue) -> Option<u64> {
    value.as_n().ok()?.parse().ok()
}
