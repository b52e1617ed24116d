//! One atomic write: a record, its mails and its hour, or nothing of it.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::Timestamp;

use runawaytrain_core::contract::PARTITION_KEY;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Commit, Lease, LeaseMove, StoreError, VersionedRecord};

use super::record::{self, FENCE, HOLDER, MOVED_TO, RECORD, STATE, Standing, UNTIL, VERSION, earlier_key, record_key};
use super::table::{Item, Refused, TRANSACT, Table, UPDATE, as_number, incomplete, moment, number, text};
use super::write::Write;
use super::{outbox, peaks};

/// Writes it. A record alone is one plain update; with mails or an hour it is a transaction, and so is the first write
/// of a record in its partition, which leaves a marker where earlier versions look.
pub(super) async fn write(table: &Table, commit: Commit) -> Result<VersionedRecord, StoreError> {
    let is_first = matches!(&commit.lease, LeaseMove::None { expected: 0 } | LeaseMove::Acquire { expected: 0, .. });
    if commit.notices.is_empty()
        && commit.peak.is_none()
        && !is_first
        && let Some(stored) = alone(table, &commit).await?
    {
        return Ok(stored);
    }
    together(table, &commit).await
}

/// Updates a record that is in its partition; `None` where there is none.
async fn alone(table: &Table, commit: &Commit) -> Result<Option<VersionedRecord>, StoreError> {
    let write = Write::of(commit)?;
    let mut patience = table.patience();
    loop {
        let call = table
            .client
            .update_item()
            .table_name(&table.name)
            .set_key(Some(record_key(&commit.record.account)))
            .update_expression(&write.update)
            .condition_expression(&write.condition)
            .set_expression_attribute_names(Some(write.names.clone()))
            .set_expression_attribute_values(Some(write.values.clone()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match call.send().await {
            Ok(answer) => return Ok(Some(record::versioned(UPDATE, &answer.attributes.unwrap_or_default())?)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                let Some(found) = refusal.item().filter(|found| !found.is_empty()) else { return Ok(None) };
                return written_before(commit, found).map(Some).ok_or(lost(&commit.lease));
            }
            _ => table.pause(&mut patience, table.failure(UPDATE, &error)).await?,
        }
    }
}

/// An attempt that was written but not answered is repeated by the SDK, and the repetition is refused: what stands
/// there then is our own. Without this a halt would not know that it holds the lease, and wait until it expires.
fn written_before(commit: &Commit, found: &Item) -> Option<VersionedRecord> {
    let fence = as_number::<u64>(found, FENCE);
    let found = record::versioned(UPDATE, found).ok()?;
    let ours = match &commit.lease {
        LeaseMove::None { expected } => found.version == expected + 1,
        LeaseMove::Acquire { expected, holder, until, .. } => {
            let lease = found.lease.as_ref()?;
            found.version == expected + 1 && lease.holder == *holder && lease.until == in_milliseconds(*until)
        }
        LeaseMove::Release(lease) => found.lease.is_none() && fence == Some(lease.fence),
        // Repeated, it is simply written again.
        LeaseMove::Hold(_) => false,
    };
    (ours && found.record == commit.record).then_some(found)
}

async fn together(table: &Table, commit: &Commit) -> Result<VersionedRecord, StoreError> {
    let mut patience = table.patience();
    loop {
        // A transaction does not answer what it wrote, so what it rests on is read first and made its condition.
        let standing = Standing::of(table, &commit.record.account).await?;
        let number_of = |attribute| standing.item().and_then(|item| as_number::<u64>(item, attribute)).unwrap_or(0);
        let (version, fence) = (number_of(VERSION), number_of(FENCE));
        let lease = standing.read()?.and_then(|before| before.lease);
        let holds = match &commit.lease {
            LeaseMove::None { expected } => version == *expected,
            LeaseMove::Acquire { expected, now, .. } => {
                version == *expected && lease.as_ref().is_none_or(|lease| lease.until <= *now)
            }
            LeaseMove::Hold(ours) | LeaseMove::Release(ours) => {
                lease.as_ref().is_some_and(|lease| lease.fence == ours.fence)
            }
        };
        if !holds {
            return Err(lost(&commit.lease));
        }
        let of_record = of_record(table, commit, &standing, version, fence)?;
        let conditions = of_record.len();
        match table.transact(with_company(table, commit, of_record)?).await {
            Ok(()) => {
                let lease = after(&commit.record.account, &commit.lease, lease, fence);
                return Ok(VersionedRecord { record: commit.record.clone(), version: version + 1, lease });
            }
            // A holder's write that met a sweep's is tried again; whether it still holds is read anew.
            Err(Refused::Condition(index))
                if index < conditions && matches!(commit.lease, LeaseMove::Hold(_) | LeaseMove::Release(_)) =>
            {
                let detail = "a sweep writes the account's record";
                table.pause(&mut patience, Failure::own(TRANSACT, FailureKind::Contended, detail)).await?
            }
            Err(Refused::Condition(index)) if index < conditions => return Err(lost(&commit.lease)),
            Err(Refused::Condition(_)) => {
                return Err(Failure::own(
                    TRANSACT,
                    FailureKind::Contended,
                    "a mail of that time, account and kind is in the outbox already",
                )
                .into());
            }
            Err(Refused::Failed(failure)) => table.pause(&mut patience, failure).await?,
        }
    }
}

/// The record itself: an update where it stands, or the move into its partition.
fn of_record(
    table: &Table,
    commit: &Commit,
    standing: &Standing,
    version: u64,
    fence: u64,
) -> Result<Vec<TransactWriteItem>, Failure> {
    let account = &commit.record.account;
    let update = |key: Item| -> Result<TransactWriteItem, Failure> {
        let write = Write::of(commit)?.at_version(version);
        let update = Update::builder()
            .table_name(&table.name)
            .set_key(Some(key))
            .update_expression(write.update)
            .condition_expression(write.condition)
            .set_expression_attribute_names(Some(write.names))
            .set_expression_attribute_values(Some(write.values));
        Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
    };
    match standing {
        Standing::Here(_) => Ok(vec![update(record_key(account))?]),
        Standing::Nowhere => {
            let marker = Put::builder()
                .table_name(&table.name)
                .set_item(Some(record::marker(account)))
                .condition_expression("attribute_not_exists(#pk) OR attribute_exists(#moved)")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_names("#moved", MOVED_TO);
            Ok(vec![update(record_key(account))?, put(marker)?])
        }
        // An invocation of an earlier version contains it, and looks for its lease here.
        Standing::Earlier(before)
            if before.contains_key(HOLDER) && !matches!(commit.lease, LeaseMove::Acquire { .. }) =>
        {
            Ok(vec![update(earlier_key(account))?])
        }
        Standing::Earlier(before) => moved(table, commit, before, version, fence),
    }
}

/// The record in its partition, and a marker in its place; if nobody has written it since, nor prolonged a lease on it.
fn moved(
    table: &Table,
    commit: &Commit,
    before: &Item,
    version: u64,
    fence: u64,
) -> Result<Vec<TransactWriteItem>, Failure> {
    let account = &commit.record.account;
    let mut item = before.clone();
    item.extend(record_key(account));
    item.extend([
        (RECORD.to_owned(), record::written(&commit.record)?),
        (STATE.to_owned(), text(commit.record.state.to_string())),
        (VERSION.to_owned(), number(version + 1)),
    ]);
    let marker = Put::builder()
        .table_name(&table.name)
        .set_item(Some(record::marker(account)))
        .expression_attribute_names("#version", VERSION)
        .expression_attribute_names("#until", UNTIL)
        .expression_attribute_values(":version", number(version));
    let marker = match &commit.lease {
        LeaseMove::Acquire { holder, now, until, .. } => {
            item.extend([
                (FENCE.to_owned(), number(fence + 1)),
                (HOLDER.to_owned(), text(holder)),
                (UNTIL.to_owned(), moment(*until)),
            ]);
            marker
                .condition_expression("#version = :version AND (attribute_not_exists(#until) OR #until <= :now)")
                .expression_attribute_values(":now", moment(*now))
        }
        LeaseMove::None { .. } | LeaseMove::Hold(_) | LeaseMove::Release(_) => {
            marker.condition_expression("#version = :version AND attribute_not_exists(#until)")
        }
    };
    let here = Put::builder()
        .table_name(&table.name)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#pk)")
        .expression_attribute_names("#pk", PARTITION_KEY);
    Ok(vec![put(here)?, put(marker)?])
}

fn put(put: PutBuilder) -> Result<TransactWriteItem, Failure> {
    Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
}

/// With its mails and its hour.
fn with_company(
    table: &Table,
    commit: &Commit,
    of_record: Vec<TransactWriteItem>,
) -> Result<Vec<TransactWriteItem>, Failure> {
    let mut items = of_record;
    items.extend(outbox::puts(table, &commit.notices, commit.at)?);
    if let Some(peak) = &commit.peak {
        let item = peaks::item(&commit.record.account, peak);
        items.push(put(Put::builder().table_name(&table.name).set_item(Some(item)))?);
    }
    Ok(items)
}

/// What a broken condition means for this kind of write.
fn lost(lease: &LeaseMove) -> StoreError {
    match lease {
        LeaseMove::None { .. } | LeaseMove::Acquire { .. } => StoreError::Conflict,
        LeaseMove::Hold(_) | LeaseMove::Release(_) => StoreError::LeaseLost,
    }
}

/// The lease that stands after a write.
fn after(account: &AccountId, lease: &LeaseMove, before: Option<Lease>, fence: u64) -> Option<Lease> {
    match lease {
        LeaseMove::None { .. } | LeaseMove::Hold(_) => before,
        LeaseMove::Acquire { holder, until, .. } => Some(Lease {
            account: account.clone(),
            holder: holder.clone(),
            fence: fence + 1,
            until: in_milliseconds(*until),
        }),
        LeaseMove::Release(_) => None,
    }
}

/// A moment as it is when it comes back from the table.
fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::money::Usd;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::Script;
    use runawaytrain_core::record::HourPeak;

    fn commit(lease: LeaseMove, peak: bool) -> Commit {
        let at: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let account = AccountId::parse("111111111111").unwrap();
        let record = runawaytrain_core::record::AccountRecord::new(account, at);
        Commit {
            record,
            lease,
            notices: Vec::new(),
            peak: peak.then_some(HourPeak { hour: at, instances: 1, vcpus: 1, burn: Usd::micros(98_330_400) }),
            at,
        }
    }

    fn acquire(expected: u64) -> LeaseMove {
        let now: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        LeaseMove::Acquire { expected, holder: "us".to_owned(), now, until: now + jiff::SignedDuration::from_secs(60) }
    }

    async fn written(script: &Script, commit: Commit) -> Result<VersionedRecord, StoreError> {
        write(&Table::new(&script.config(), "runawaytrain"), commit).await
    }

    /// Refuses the write and shows it as what stands there: what a repetition meets whose first attempt was written.
    fn repeated(asked: &str, holder: &Value) -> (u16, String) {
        let asked: Value = serde_json::from_str(asked).unwrap();
        let values = &asked["ExpressionAttributeValues"];
        let item = json!({
            "record": values[":record"], "version": { "N": "8" }, "fence": { "N": "3" }, "holder": holder,
            "until": values[":until"],
        });
        let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        (400, json!({ "__type": kind, "message": "The conditional request failed", "Item": item }).to_string())
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_is_known_for_our_own() {
        let script = Script::new(|asked| repeated(asked, &json!({ "S": "us" })));
        let stored = written(&script, commit(acquire(7), false)).await.unwrap();
        assert_eq!((stored.version, stored.lease.map(|lease| lease.fence)), (8, Some(3)));
        assert_eq!(script.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_write_of_somebody_else_is_not() {
        let theirs = Script::new(|asked| repeated(asked, &json!({ "S": "them" })));
        assert_eq!(written(&theirs, commit(acquire(7), false)).await, Err(StoreError::Conflict));
        let newer = Script::new(|asked| repeated(asked, &json!({ "S": "us" })));
        assert_eq!(written(&newer, commit(acquire(6), false)).await, Err(StoreError::Conflict));
    }

    fn cancelled(code: &'static str) -> impl Fn(&str) -> (u16, String) {
        move |asked| {
            if !asked.contains("TransactItems") {
                return (200, "{}".to_owned());
            }
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            let reasons = json!([{ "Code": "None" }, { "Code": code }]);
            (400, json!({ "__type": kind, "message": "cancelled", "CancellationReasons": reasons }).to_string())
        }
    }

    /// Nobody was faster, and nothing is wrong with the write: whoever wrote it may do so again.
    #[tokio::test(start_paused = true)]
    async fn a_busy_table_is_tried_again_and_then_called_busy() {
        for (code, kind) in [
            ("TransactionConflict", FailureKind::Contended),
            ("ThrottlingError", FailureKind::Throttled),
            ("ProvisionedThroughputExceeded", FailureKind::Throttled),
        ] {
            let script = Script::new(move |asked| cancelled(code)(asked));
            match written(&script, commit(LeaseMove::None { expected: 0 }, true)).await {
                Err(StoreError::Failed(failure)) => assert_eq!(failure.kind, kind, "{failure}"),
                other => panic!("{other:?}"),
            }
            assert_eq!(script.asked().iter().filter(|asked| asked.contains("TransactItems")).count(), 8, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_is_busy_for_a_moment_loses_nothing() {
        let refusals = std::sync::atomic::AtomicU32::new(3);
        let script = Script::new(move |asked| {
            let is_write = asked.contains("TransactItems");
            let left = &refusals;
            if is_write
                && left
                    .fetch_update(std::sync::atomic::Ordering::Relaxed, std::sync::atomic::Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok()
            {
                return cancelled("ThrottlingError")(asked);
            }
            (200, "{}".to_owned())
        });
        let stored = written(&script, commit(LeaseMove::None { expected: 0 }, true)).await.unwrap();
        assert_eq!(stored.version, 1);
    }

    #[tokio::test]
    async fn other_reasons_are_failures_that_name_them() {
        let script = Script::new(|asked| cancelled("ItemCollectionSizeLimitExceeded")(asked));
        match written(&script, commit(LeaseMove::None { expected: 0 }, true)).await {
            Err(StoreError::Failed(failure)) => {
                assert!(failure.to_string().contains("ItemCollectionSizeLimitExceeded"), "{failure}")
            }
            other => panic!("{other:?}"),
        }
    }
}
