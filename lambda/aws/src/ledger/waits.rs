//! Who waits for the end of a lease: `WAIT` / account, with the highest fence that anybody waits for, and who. It is an
//! item of its own, so that a burst of launches does not contend with the holder's writes.

use aws_sdk_dynamodb::operation::put_item::PutItemError;

use runawaytrain_core::contract::PARTITION_KEY;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_engine::ports::Lease;

use super::record::{FENCE, HOLDER};
use super::table::{PUT, Table, key, number, text};

const PARTITION: &str = "WAIT";

pub(super) async fn take(table: &Table, lease: &Lease, who: &str) -> Result<bool, Failure> {
    let mut patience = table.patience();
    loop {
        let mut item = key(PARTITION, lease.account.as_str());
        item.insert(FENCE.to_owned(), number(lease.fence));
        item.insert(HOLDER.to_owned(), text(who));
        let call = table
            .client
            .put_item()
            .table_name(&table.name)
            .set_item(Some(item))
            // A try whose answer was lost may have taken the place for us.
            .condition_expression(
                "attribute_not_exists(#pk) OR #fence < :fence OR (#fence = :fence AND #holder = :who)",
            )
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":who", text(who));
        let Err(error) = call.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => return Ok(false),
            _ => table.pause(&mut patience, table.failure(PUT, &error)).await?,
        }
    }
}
