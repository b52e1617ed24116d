//! The table: its keys, its attributes, and the few ways in which it is called.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::{Timestamp, ToSpan};

use runawaytrain_core::contract::{HOME_REGION, PARTITION_KEY, SORT_KEY};
use runawaytrain_core::record::HISTORY_DAYS;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::patience::{Busy, Patience};

use crate::failure;
use crate::retry::ConnectionLost;

pub(super) const TRANSACT: &str = "dynamodb:TransactWriteItems";
pub(super) const UPDATE: &str = "dynamodb:UpdateItem";
pub(super) const QUERY: &str = "dynamodb:Query";
pub(super) const GET: &str = "dynamodb:GetItem";
pub(super) const PUT: &str = "dynamodb:PutItem";
pub(super) const DELETE: &str = "dynamodb:DeleteItem";

/// How often a write is tried again that met another one under way, or a table that is busy: two seconds and a half in
/// all, at most.
const RETRIES_IN_CONTENTION: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1280);

pub(super) type Item = HashMap<String, AttributeValue>;

/// Why a transaction was not written.
pub(super) enum Refused {
    /// The condition of this item, counted from 0, did not hold.
    Condition(usize),
    /// The call failed, perhaps only because of others: [`Table::pause`].
    Failed(Failure),
}

/// The table of the ledger.
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    /// Other processes draw other lots.
    luck: RandomState,
    drawn: AtomicU64,
}

impl Table {
    pub(super) fn new(shared: &SdkConfig, name: &str) -> Self {
        let settings = aws_sdk_dynamodb::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self {
            client: Client::from_conf(settings),
            name: name.to_owned(),
            luck: RandomState::new(),
            drawn: AtomicU64::new(0),
        }
    }

    /// The pauses of one write.
    pub(super) fn patience(&self) -> Patience {
        let lot = self.luck.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed));
        Patience::new(RETRIES_IN_CONTENTION, FIRST_PAUSE, LONGEST_PAUSE).of(lot)
    }

    /// Waits before a write is tried again that others hindered; the failure where it was not that, or once is enough.
    pub(super) async fn pause(&self, patience: &mut Patience, failure: Failure) -> Result<(), Failure> {
        match patience.next().filter(|_| failure.is_busy()) {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            None => Err(failure),
        }
    }

    /// What a failed call comes to. A missing table is named: DynamoDB only says that *a* resource was not found.
    pub(super) fn failure<E>(&self, operation: &str, error: &SdkError<E>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut failure = failure::of(operation, error);
        if failure.code.as_deref() == Some("ResourceNotFoundException") {
            failure.detail = format!("there is no table {} in {HOME_REGION}", self.name);
        }
        failure
    }

    /// One item, strongly consistent.
    pub(super) async fn get(&self, key: Item) -> Result<Option<Item>, Failure> {
        let call = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        call.send().await.map(|answer| answer.item).map_err(|error| self.failure(GET, &error))
    }

    /// Writes one item, whatever was there before.
    pub(super) async fn put(&self, item: Item) -> Result<(), Failure> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        call.send().await.map(|_| ()).map_err(|error| self.failure(PUT, &error))
    }

    /// Removes one item, if it is there.
    pub(super) async fn delete(&self, key: Item) -> Result<(), Failure> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        call.send().await.map(|_| ()).map_err(|error| self.failure(DELETE, &error))
    }

    /// Every item of a partition in the order of the sort key, all pages, strongly consistent.
    pub(super) async fn query(&self, partition: &str) -> Result<Vec<Item>, Failure> {
        let call = self.client.query().key_condition_expression("#pk = :pk");
        self.pages(
            call.expression_attribute_names("#pk", PARTITION_KEY).expression_attribute_values(":pk", text(partition)),
        )
        .await
    }

    /// The same from a sort key on.
    pub(super) async fn query_from(&self, partition: &str, sort: &str) -> Result<Vec<Item>, Failure> {
        let call = self.client.query().key_condition_expression("#pk = :pk AND #sk >= :sk");
        let call =
            call.expression_attribute_names("#pk", PARTITION_KEY).expression_attribute_values(":pk", text(partition));
        self.pages(call.expression_attribute_names("#sk", SORT_KEY).expression_attribute_values(":sk", text(sort)))
            .await
    }

    /// The same between two sort keys, both included.
    pub(super) async fn query_between(&self, partition: &str, first: &str, last: &str) -> Result<Vec<Item>, Failure> {
        let call = self.client.query().key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last");
        let call =
            call.expression_attribute_names("#pk", PARTITION_KEY).expression_attribute_values(":pk", text(partition));
        let call = call.expression_attribute_names("#sk", SORT_KEY).expression_attribute_values(":first", text(first));
        self.pages(call.expression_attribute_values(":last", text(last))).await
    }

    async fn pages(&self, call: QueryFluentBuilder) -> Result<Vec<Item>, Failure> {
        let mut pages = call.table_name(&self.name).consistent_read(true).into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.map_err(|error| self.failure(QUERY, &error))?.items.unwrap_or_default());
        }
        Ok(items)
    }

    /// Writes all of it or nothing. The SDK sends a token along, so that an attempt which was written but not answered
    /// is not written twice.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Refused> {
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn refused(&self, error: &SdkError<TransactWriteItemsError>) -> Refused {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Refused::Failed(self.failure(TRANSACT, error));
        };
        let codes = || cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or_default());
        if let Some(index) = codes().position(|code| code == "ConditionalCheckFailed") {
            return Refused::Condition(index);
        }
        let mut failure = self.failure(TRANSACT, error);
        let told: Vec<&str> = codes().filter(|code| !matches!(*code, "" | "None")).collect();
        failure.kind = cancelled_for(&told);
        failure.detail = format!("cancelled for {}: {}", told.join(", "), failure.detail);
        Refused::Failed(failure)
    }
}

/// A request that lacks a part that it must have.
pub(super) fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> Failure {
    Failure::own(TRANSACT, FailureKind::Invalid, error.to_string())
}

/// What a cancelled transaction comes to. Its own code says nothing; those of its items do.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
fn cancelled_for(codes: &[&str]) -> FailureKind {
    let is_one = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(code));
    if is_one(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
        FailureKind::Invalid
    } else if is_one(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
        FailureKind::Throttled
    } else {
        // A conflict with another transaction, an index that is being made, or what is not known here.
        FailureKind::Contended
    }
}

/// The key of an item.
pub(super) fn key(partition: impl Into<String>, sort: impl Into<String>) -> Item {
    HashMap::from([(PARTITION_KEY.to_owned(), text(partition)), (SORT_KEY.to_owned(), text(sort))])
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A moment as a number that DynamoDB can compare: milliseconds since 1970.
pub(super) fn moment(time: Timestamp) -> AttributeValue {
    number(time.as_millisecond())
}

/// When DynamoDB may forget what is of this time, in seconds since 1970: with the hourly peaks.
pub(super) fn expires(time: Timestamp) -> AttributeValue {
    number(time.checked_add((HISTORY_DAYS * 24).hours()).unwrap_or(Timestamp::MAX).as_second())
}

/// A moment that sorts as text: always nine decimals.
pub(super) fn sortable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

pub(super) fn as_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

pub(super) fn as_number<T: std::str::FromStr>(item: &Item, attribute: &str) -> Option<T> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let times = [
            "2026-11-22T03:00:00Z",
            "2026-11-22T03:00:00.000000001Z",
            "2026-11-22T03:00:00.9Z",
            "2026-11-22T03:00:01Z",
        ];
        let sorted: Vec<String> = times.iter().map(|time| sortable(time.parse().unwrap())).collect();
        assert!(
            sorted.is_sorted() && sorted.iter().all(|time| time.len() == "2026-11-22T03:00:00.000000000Z".len()),
            "{sorted:?}"
        );
    }
}
