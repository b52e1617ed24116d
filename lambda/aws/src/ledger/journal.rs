//! The journal of a halt: `HALT#<account>#<halt>` / fence and number. What is written here is checked against the
//! lease's fence.

use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use tokio::sync::oneshot;

use runawaytrain_core::containment::ActionResult;
use runawaytrain_core::contract::{PARTITION_KEY, SORT_KEY};
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::{AccountId, HaltId};
use runawaytrain_engine::ports::{EntryId, JournalEntry, Lease, LedgerError};

use super::commit::incomplete;
use super::record::{FENCE, HOLDER, record_key};
use super::table::{Item, QUERY, Refused, TRANSACT, TRIES_IN_CONTENTION, Table, as_text, key, number, pause, text};
use crate::failure;

const INTENT: &str = "intent";
const ACTION: &str = "action";
const INTENDED: &str = "intended";
const OUTCOME: &str = "outcome";
const RESULT: &str = "result";
const CONCLUDED: &str = "concluded";

/// The most items of a transaction, less the one that checks the fence.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const MOST_AT_ONCE: usize = 99;

/// The journal writes of one account, one transaction after another.
///
/// Every one of them checks the same record, and two such transactions at a time cancel each other. So whoever's turn
/// it is writes for all who wait: the lanes of a halt go on side by side and meet in one call.
#[derive(Default)]
pub(super) struct Scribe {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever writes the account's record or checks it.
    pub(super) turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    fence: u64,
    item: TransactWriteItem,
    done: oneshot::Sender<Result<(), LedgerError>>,
}

impl Scribe {
    /// Writes one item if the lease's fence is still the highest.
    pub(super) async fn write(&self, table: &Table, lease: &Lease, item: TransactWriteItem) -> Result<(), LedgerError> {
        let (done, mut answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { fence: lease.fence, item, done });
        let _turn = self.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Empty) => {}
                // Whoever wrote for us was cancelled: it may have been written or not.
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(failure::own(TRANSACT, FailureKind::Unavailable, "the write was abandoned").into());
                }
            }
            let (fence, batch) = self.next();
            let items: Vec<TransactWriteItem> = batch.iter().map(|waiting| waiting.item.clone()).collect();
            let written = fenced(table, &lease.account, fence, items).await;
            let one_is_bad =
                batch.len() > 1 && matches!(&written, Err(LedgerError::Failed(failure)) if blames_an_item(failure));
            for waiting in batch {
                // One bad item must not take the others with it.
                let answer = if one_is_bad {
                    fenced(table, &lease.account, fence, vec![waiting.item]).await
                } else {
                    written.clone()
                };
                // Whoever waited and was cancelled does not want to know any more.
                let _ = waiting.done.send(answer);
            }
        }
    }

    /// All that wait with the fence of the first, as many as fit.
    fn next(&self) -> (u64, Vec<Waiting>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let fence = waiting.first().map_or(0, |first| first.fence);
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for one in waiting.drain(..) {
            if one.fence == fence && taken.len() < MOST_AT_ONCE { taken.push(one) } else { left.push(one) }
        }
        *waiting = left;
        (fence, taken)
    }
}

/// Whether one item of a transaction may be to blame: it is malformed, or concludes what was never intended. A missing
/// table is nobody's fault.
fn blames_an_item(failure: &Failure) -> bool {
    failure.kind == FailureKind::Invalid || (failure.kind == FailureKind::NotFound && failure.code.is_none())
}

/// Writes items together with a check of the fence.
async fn fenced(
    table: &Table,
    account: &AccountId,
    fence: u64,
    items: Vec<TransactWriteItem>,
) -> Result<(), LedgerError> {
    let check = ConditionCheck::builder()
        .table_name(&table.name)
        .set_key(Some(record_key(account)))
        .condition_expression("#fence = :fence AND attribute_exists(#holder)")
        .expression_attribute_names("#fence", FENCE)
        .expression_attribute_names("#holder", HOLDER)
        .expression_attribute_values(":fence", number(fence))
        .build()
        .map_err(incomplete)?;
    let mut all = Vec::with_capacity(items.len() + 1);
    all.push(TransactWriteItem::builder().condition_check(check).build());
    all.extend(items);
    for attempt in 0..TRIES_IN_CONTENTION {
        match table.transact(all.clone()).await {
            Ok(()) => return Ok(()),
            Err(Refused::Condition(0)) => return Err(LedgerError::LeaseLost),
            Err(Refused::Condition(_)) => {
                return Err(failure::own(
                    TRANSACT,
                    FailureKind::NotFound,
                    "a journal entry to conclude was never intended",
                )
                .into());
            }
            Err(Refused::Contended) => pause(attempt).await,
            Err(Refused::Failed(failure)) => return Err(failure.into()),
        }
    }
    Err(LedgerError::Conflict)
}

/// The item that says what is about to be done.
pub(super) fn intent(table: &Table, account: &AccountId, entry: &JournalEntry) -> Result<TransactWriteItem, Failure> {
    let mut item = entry_key(account, &entry.halt, &entry.id);
    item.extend([
        (INTENT.to_owned(), text(entry.action.to_string())),
        (ACTION.to_owned(), serde_dynamo::to_attribute_value(&entry.action).map_err(unwritable)?),
        (INTENDED.to_owned(), text(entry.intended.to_string())),
    ]);
    if let Some((at, result)) = &entry.concluded {
        item.extend(conclusion(*at, result)?.map(|(_, attribute, value)| (attribute.to_owned(), value)));
    }
    let put = Put::builder().table_name(&table.name).set_item(Some(item)).build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The update that says what came of it.
pub(super) fn outcome(
    table: &Table,
    account: &AccountId,
    halt: &HaltId,
    id: &EntryId,
    at: Timestamp,
    result: &ActionResult,
) -> Result<TransactWriteItem, Failure> {
    let mut update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(entry_key(account, halt, id)))
        .update_expression("SET #outcome = :outcome, #result = :result, #concluded = :concluded")
        .condition_expression("attribute_exists(#pk)")
        .expression_attribute_names("#pk", PARTITION_KEY);
    for (placeholder, attribute, value) in conclusion(at, result)? {
        update = update
            .expression_attribute_names(format!("#{placeholder}"), attribute)
            .expression_attribute_values(format!(":{placeholder}"), value);
    }
    Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
}

fn conclusion(
    at: Timestamp,
    result: &ActionResult,
) -> Result<[(&'static str, &'static str, aws_sdk_dynamodb::types::AttributeValue); 3], Failure> {
    Ok([
        ("outcome", OUTCOME, text(result.to_string())),
        ("result", RESULT, serde_dynamo::to_attribute_value(result).map_err(unwritable)?),
        ("concluded", CONCLUDED, text(at.to_string())),
    ])
}

/// The journal of a halt, in order. An entry that cannot be read fails the whole: a release must not undo half of a
/// halt and call it done.
pub(super) async fn read(table: &Table, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
    table.query(&partition(account, halt)).await?.iter().map(|item| entry(halt, item)).collect()
}

fn entry(halt: &HaltId, item: &Item) -> Result<JournalEntry, Failure> {
    let broken = || {
        let detail = format!("entry {} of halt {halt} cannot be read", as_text(item, SORT_KEY).unwrap_or("?"));
        failure::own(QUERY, FailureKind::Other, detail)
    };
    let (fence, number) = as_text(item, SORT_KEY).and_then(|sort| sort.split_once('#')).ok_or_else(broken)?;
    let concluded = match (item.get(RESULT), as_text(item, CONCLUDED)) {
        (Some(result), Some(at)) => Some((
            at.parse().map_err(|_| broken())?,
            serde_dynamo::from_attribute_value(result.clone()).map_err(|_| broken())?,
        )),
        _ => None,
    };
    Ok(JournalEntry {
        id: EntryId { fence: fence.parse().map_err(|_| broken())?, number: number.parse().map_err(|_| broken())? },
        halt: halt.clone(),
        action: serde_dynamo::from_attribute_value(item.get(ACTION).cloned().ok_or_else(broken)?)
            .map_err(|_| broken())?,
        intended: as_text(item, INTENDED).and_then(|at| at.parse().ok()).ok_or_else(broken)?,
        concluded,
    })
}

fn entry_key(account: &AccountId, halt: &HaltId, id: &EntryId) -> Item {
    key(partition(account, halt), id.to_string())
}

fn partition(account: &AccountId, halt: &HaltId) -> String {
    format!("HALT#{account}#{halt}")
}

fn unwritable(error: serde_dynamo::Error) -> Failure {
    failure::own(TRANSACT, FailureKind::Invalid, error.to_string())
}
