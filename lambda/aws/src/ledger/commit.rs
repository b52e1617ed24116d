//! One atomic write: a record, its mails and its hour, or nothing of it.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::Timestamp;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Commit, Lease, LeaseMove, StoreError, VersionedRecord};

use super::record::{self, FENCE, VERSION, record_key};
use super::table::{GET, Item, Refused, TRANSACT, Table, UPDATE, as_number, incomplete};
use super::write::Write;
use super::{outbox, peaks};

/// Writes it. A record alone is one plain update; with mails or an hour it is a transaction.
pub(super) async fn write(table: &Table, commit: Commit) -> Result<VersionedRecord, StoreError> {
    if commit.notices.is_empty() && commit.peak.is_none() {
        alone(table, &commit).await
    } else {
        together(table, &commit).await
    }
}

async fn alone(table: &Table, commit: &Commit) -> Result<VersionedRecord, StoreError> {
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
            Ok(answer) => return Ok(record::versioned(UPDATE, &answer.attributes.unwrap_or_default())?),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                return written_before(commit, refusal.item()).ok_or(lost(&commit.lease));
            }
            _ => table.pause(&mut patience, table.failure(UPDATE, &error)).await?,
        }
    }
}

/// An attempt that was written but not answered is repeated by the SDK, and the repetition is refused: what stands
/// there then is our own. Without this a halt would not know that it holds the lease, and wait until it expires.
fn written_before(commit: &Commit, found: Option<&Item>) -> Option<VersionedRecord> {
    let fence = as_number::<u64>(found?, FENCE);
    let found = record::versioned(UPDATE, found?).ok()?;
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
        let before = table.get(record_key(&commit.record.account)).await?.unwrap_or_default();
        let version = as_number(&before, VERSION).unwrap_or(0);
        let fence = as_number(&before, FENCE).unwrap_or(0);
        let lease = if before.is_empty() { None } else { record::versioned(GET, &before)?.lease };
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
        match table.transact(items(table, commit, version)?).await {
            Ok(()) => {
                let lease = after(&commit.record.account, &commit.lease, lease, fence);
                return Ok(VersionedRecord { record: commit.record.clone(), version: version + 1, lease });
            }
            // A holder's write that met a sweep's is tried again; whether it still holds is read anew.
            Err(Refused::Condition(0)) if matches!(commit.lease, LeaseMove::Hold(_) | LeaseMove::Release(_)) => {
                let detail = "a sweep writes the account's record";
                table.pause(&mut patience, Failure::own(TRANSACT, FailureKind::Contended, detail)).await?
            }
            Err(Refused::Condition(0)) => return Err(lost(&commit.lease)),
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

fn items(table: &Table, commit: &Commit, version: u64) -> Result<Vec<TransactWriteItem>, Failure> {
    let write = Write::of(commit)?.at_version(version);
    let update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(record_key(&commit.record.account)))
        .update_expression(write.update)
        .condition_expression(write.condition)
        .set_expression_attribute_names(Some(write.names))
        .set_expression_attribute_values(Some(write.values))
        .build()
        .map_err(incomplete)?;
    let mut items = vec![TransactWriteItem::builder().update(update).build()];
    items.extend(outbox::puts(table, &commit.notices, commit.at)?);
    if let Some(peak) = &commit.peak {
        let put = Put::builder()
            .table_name(&table.name)
            .set_item(Some(peaks::item(&commit.record.account, peak)))
            .build()
            .map_err(incomplete)?;
        items.push(TransactWriteItem::builder().put(put).build());
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
