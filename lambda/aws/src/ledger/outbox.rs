//! Mails that wait for SNS: `OUTBOX#<last digit of the account's id>` / time, account and kind, so that the oldest come
//! first. What befalls all accounts of an organization at once is as many mails as accounts, each put in, claimed and
//! removed before one that tells of all of them is sent: more than one partition key takes.
//!
//! Earlier versions keep all of them under `OUTBOX` alone: what waits there goes out from there.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::contract::{PARTITION_KEY, SORT_KEY, partition_of, partitions_of};
use runawaytrain_core::message::{Notice, NoticeKind};
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_engine::ports::{OutboxId, OutboxItem};

use super::table::{Item, Refused, Table, UPDATE, as_number, as_text, incomplete, key, moment, number, sortable, text};

const OUTBOX: &str = "OUTBOX";
/// Between the partition and the sort key in an id: neither has it.
const BETWEEN: char = ' ';
const LIST: &str = "list";
/// The value of `list` for the default list; an account's own list is the account's id.
const DEFAULT_LIST: &str = "default";
const SUBJECT: &str = "subject";
const BODY: &str = "body";
/// What a chat shows of it, as JSON.
const CHAT: &str = "chat";
const ACCOUNT: &str = "account";
const KIND: &str = "kind";
const WHO: &str = "who";
const WHAT: &str = "what";
/// How often SNS did not take it.
const TRIES: &str = "tries";
/// When a mail that comes with no record was last put in: `TOLD` / account and kind.
const TOLD: &str = "TOLD";
/// Milliseconds since 1970.
const TOLD_AT: &str = "at";
/// Milliseconds since 1970.
const CLAIMED_UNTIL: &str = "claimedUntil";

/// Mails as items, each with a key of its own.
fn items(notices: &[Notice], at: Timestamp) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::with_capacity(notices.len());
    for notice in notices {
        let mut sort = format!("{}#{}#{}", sortable(at), notice.account, notice.kind.name());
        // Two of a kind in one write are not expected; were they to share a key, neither the mails nor the record would
        // ever be written.
        while items.iter().any(|item| as_text(item, SORT_KEY) == Some(&sort)) {
            sort.push_str("#again");
        }
        let list = match &notice.list {
            NotifyList::Default => DEFAULT_LIST,
            NotifyList::Unit(unit) => unit.as_str(),
            NotifyList::Own(account) => account.as_str(),
        };
        let mut item = key(partition_of(OUTBOX, notice.account.as_str()), sort);
        // Texts in lists: there is nothing in them that JSON could not hold.
        let chat = serde_json::to_string(&notice.chat).unwrap_or_default();
        let attributes = [
            (LIST, list),
            (SUBJECT, &notice.subject),
            (BODY, &notice.body),
            (CHAT, &chat),
            (ACCOUNT, notice.account.as_str()),
            (KIND, notice.kind.name()),
            (WHO, &notice.who),
            (WHAT, &notice.what),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), text(value))));
        items.push(item);
    }
    items
}

/// Every mail that waits, oldest first. One that cannot be read is left where it is: it must not keep the others from
/// going out.
pub(super) async fn waiting(table: &Table) -> Result<Vec<OutboxItem>, Failure> {
    let partitions: Vec<String> = [OUTBOX.to_owned()].into_iter().chain(partitions_of(OUTBOX)).collect();
    let queries: Vec<_> = partitions.iter().map(|partition| table.query(partition)).collect();
    let found = try_join_all(queries).await?;
    let mut items: Vec<&Item> = found.iter().flatten().collect();
    items.sort_by_key(|item| as_text(item, SORT_KEY));
    let readable = items.into_iter().filter_map(|item| {
        let waiting = read(item);
        if waiting.is_none() {
            tracing::error!(key = as_text(item, SORT_KEY).unwrap_or("?"), "a mail in the outbox cannot be read");
        }
        waiting
    });
    Ok(readable.collect())
}

/// Puts in a mail that comes with no record, unless one of its kind about its account was put in a while ago.
pub(super) async fn add(table: &Table, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> Result<bool, Failure> {
    let mut told = key(TOLD, format!("{}#{}", notice.account, notice.kind.name()));
    told.insert(TOLD_AT.to_owned(), moment(at));
    let since = at.checked_sub(quiet).unwrap_or(Timestamp::MIN);
    let told = Put::builder()
        .table_name(&table.name)
        .set_item(Some(told))
        .condition_expression("attribute_not_exists(#at) OR #at <= :since")
        .expression_attribute_names("#at", TOLD_AT)
        .expression_attribute_values(":since", moment(since))
        .build()
        .map_err(incomplete)?;
    let mut writes = vec![TransactWriteItem::builder().put(told).build()];
    writes.extend(puts(table, std::slice::from_ref(notice), at)?);
    let mut patience = table.patience();
    loop {
        match table.transact(writes.clone()).await {
            Ok(()) => return Ok(true),
            // Told a while ago; or the very mail of that moment is in.
            Err(Refused::Condition(_)) => return Ok(false),
            Err(Refused::Failed(failure)) => table.pause(&mut patience, failure).await?,
        }
    }
}

/// The same mails as parts of a transaction.
pub(super) fn puts(table: &Table, notices: &[Notice], at: Timestamp) -> Result<Vec<TransactWriteItem>, Failure> {
    let put = |item: Item| {
        let put = Put::builder().table_name(&table.name).set_item(Some(item));
        let put =
            put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PARTITION_KEY);
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
    };
    items(notices, at).into_iter().map(put).collect()
}

fn read(item: &Item) -> Option<OutboxItem> {
    let list = match as_text(item, LIST)? {
        DEFAULT_LIST => NotifyList::Default,
        own => match UnitId::parse(own) {
            Ok(unit) => NotifyList::Unit(unit),
            Err(_) => NotifyList::Own(AccountId::parse(own).ok()?),
        },
    };
    let account = AccountId::parse(as_text(item, ACCOUNT)?).ok()?;
    let notice = Notice {
        kind: NoticeKind::ALL.into_iter().find(|known| as_text(item, KIND) == Some(known.name()))?,
        list,
        subject: as_text(item, SUBJECT)?.to_owned(),
        body: as_text(item, BODY)?.to_owned(),
        // A mail that was written before these were.
        chat: as_text(item, CHAT).and_then(|chat| serde_json::from_str(chat).ok()).unwrap_or_default(),
        who: as_text(item, WHO).unwrap_or(account.as_str()).to_owned(),
        what: as_text(item, WHAT).or(as_text(item, SUBJECT))?.to_owned(),
        account,
    };
    let tries = as_number(item, TRIES).unwrap_or(0);
    let id = format!("{}{BETWEEN}{}", as_text(item, PARTITION_KEY)?, as_text(item, SORT_KEY)?);
    Some(OutboxItem { id: OutboxId(id), notice, tries })
}

fn key_of(id: &OutboxId) -> Item {
    let (partition, sort) = id.0.split_once(BETWEEN).unwrap_or((OUTBOX, id.0.as_str()));
    key(partition, sort)
}

pub(super) async fn claim(table: &Table, id: &OutboxId, now: Timestamp, until: Timestamp) -> Result<bool, Failure> {
    let mut patience = table.patience();
    loop {
        let call = table
            .client
            .update_item()
            .table_name(&table.name)
            .set_key(Some(key_of(id)))
            .update_expression("SET #claimed = :until")
            .condition_expression("attribute_exists(#pk) AND (attribute_not_exists(#claimed) OR #claimed <= :now)")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#claimed", CLAIMED_UNTIL)
            .expression_attribute_values(":until", moment(until))
            .expression_attribute_values(":now", moment(now));
        let Err(error) = call.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Ok(false),
            _ => table.pause(&mut patience, table.failure(UPDATE, &error)).await?,
        }
    }
}

pub(super) async fn unclaim(table: &Table, id: &OutboxId) -> Result<(), Failure> {
    let call = table
        .client
        .update_item()
        .table_name(&table.name)
        .set_key(Some(key_of(id)))
        .update_expression("REMOVE #claimed ADD #tries :one")
        // Without this an update would make a mail anew that another invocation has just sent and cleared.
        .condition_expression("attribute_exists(#pk)")
        .expression_attribute_names("#pk", PARTITION_KEY)
        .expression_attribute_names("#claimed", CLAIMED_UNTIL)
        .expression_attribute_names("#tries", TRIES)
        .expression_attribute_values(":one", number(1));
    let Err(error) = call.send().await else { return Ok(()) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
        _ => Err(table.failure(UPDATE, &error)),
    }
}

pub(super) async fn clear(table: &Table, id: &OutboxId) -> Result<(), Failure> {
    table.delete(key_of(id)).await
}
