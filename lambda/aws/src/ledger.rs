//! The memory, over DynamoDB: one table, everything conditional, every read strongly consistent.

mod commit;
mod journal;
mod outbox;
mod peaks;
mod prices;
mod record;
mod slots;
mod spent;
mod table;
#[cfg(test)]
mod tests;
mod waits;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::contract::{RECORDS, SORT_KEY, partitions_of};
use runawaytrain_core::message::Notice;
use runawaytrain_core::record::{HourPeak, State};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_engine::ports::{
    Commit, Conclusion, EntryId, Journal, JournalEntry, Lease, LeaseMove, Outbox, OutboxId, OutboxItem, Peaks, Records,
    SlotPool, Slots, States, StoreError, UnreadableRecord, VersionedRecord,
};

use self::journal::Scribe;
use self::record::{FENCE, HOLDER, Standing, UNTIL, record_key};
use self::table::{GET, Item, QUERY, Table, UPDATE, as_text, moment, number, text};

pub(crate) struct DynamoLedger {
    table: Table,
    scribes: Mutex<HashMap<AccountId, Arc<Scribe>>>,
}

impl DynamoLedger {
    pub(crate) fn new(shared: &SdkConfig, table: &str) -> Self {
        Self { table: Table::new(shared, table), scribes: Mutex::default() }
    }

    fn scribe(&self, account: &AccountId) -> Arc<Scribe> {
        let mut scribes = self.scribes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scribes.entry(account.clone()).or_default())
    }
}

/// So many records are asked for at once by their keys.
const AT_A_TIME: usize = 32;

impl DynamoLedger {
    /// The records of every account, or of those that stand so, in all partitions: those of earlier versions first, for
    /// what has moved by then is found where it went.
    async fn every(&self, state: Option<State>) -> Result<Records, Failure> {
        let earlier = self.items(RECORDS.to_owned(), state).await?;
        let here: Vec<_> = partitions_of(RECORDS).map(|partition| self.items(partition, state)).collect();
        let here = try_join_all(here).await?;
        let mut items: BTreeMap<&str, &Item> = BTreeMap::new();
        let earlier = earlier.iter().filter(|item| !record::is_marker(item));
        items.extend(earlier.chain(here.iter().flatten()).map(|item| (as_text(item, SORT_KEY).unwrap_or("?"), item)));
        Ok(records(QUERY, items.into_values()))
    }

    async fn items(&self, partition: String, state: Option<State>) -> Result<Vec<Item>, Failure> {
        match state {
            Some(state) => self.table.query_where(&partition, record::STATE, &state.to_string()).await,
            None => self.table.query(&partition).await,
        }
    }
}

/// Items as records. One that cannot be read is told apart from one that is not there.
fn records<'a>(operation: &str, items: impl Iterator<Item = &'a Item>) -> Records {
    let mut all = Records::default();
    for item in items {
        match (record::versioned(operation, item), record::account(item)) {
            (Ok(found), _) => {
                all.readable.insert(found.record.account.clone(), found);
            }
            (Err(failure), Some(account)) => {
                all.unreadable.insert(account, UnreadableRecord { state: record::state(item), failure });
            }
            (Err(failure), None) => tracing::error!(%failure, "an item among the records is nobody's"),
        }
    }
    all
}

#[async_trait]
impl States for DynamoLedger {
    async fn load_all(&self) -> Result<Records, Failure> {
        self.every(None).await
    }

    async fn load_some(&self, accounts: &BTreeSet<AccountId>) -> Result<Records, Failure> {
        let standing: Vec<_> = accounts.iter().map(|account| Standing::of(&self.table, account)).collect();
        let found: Vec<Standing> = stream::iter(standing).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(records(GET, found.iter().filter_map(Standing::item)))
    }

    async fn load_in(&self, state: State) -> Result<Records, Failure> {
        self.every(Some(state)).await
    }

    async fn load(&self, account: &AccountId) -> Result<Option<VersionedRecord>, Failure> {
        Standing::of(&self.table, account).await?.read()
    }

    async fn commit(&self, commit: Commit) -> Result<VersionedRecord, StoreError> {
        if matches!(commit.lease, LeaseMove::Hold(_) | LeaseMove::Release(_)) {
            let scribe = self.scribe(&commit.record.account);
            let _turn = scribe.turn.lock().await;
            return commit::write(&self.table, commit).await;
        }
        commit::write(&self.table, commit).await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        let scribe = self.scribe(&lease.account);
        let _turn = scribe.turn.lock().await;
        let mut patience = self.table.patience();
        loop {
            let call = self
                .table
                .client
                .update_item()
                .table_name(&self.table.name)
                .set_key(Some(record_key(&lease.account)))
                .update_expression("SET #until = :until")
                // The holder as well: a lease that was given back has kept its fence, and must not come to life again.
                .condition_expression("#fence = :fence AND #holder = :holder")
                .expression_attribute_names("#until", UNTIL)
                .expression_attribute_names("#fence", FENCE)
                .expression_attribute_names("#holder", HOLDER)
                .expression_attribute_values(":until", moment(until))
                .expression_attribute_values(":fence", number(lease.fence))
                .expression_attribute_values(":holder", text(&lease.holder));
            let Err(error) = call.send().await else { return Ok(()) };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Err(StoreError::LeaseLost),
                _ => self.table.pause(&mut patience, self.table.failure(UPDATE, &error)).await?,
            }
        }
    }

    async fn wait_for(&self, lease: &Lease, who: &str) -> Result<bool, Failure> {
        waits::take(&self.table, lease, who).await
    }
}

#[async_trait]
impl Journal for DynamoLedger {
    async fn intend(&self, lease: &Lease, entry: &JournalEntry) -> Result<(), StoreError> {
        let item = journal::intent(&self.table, &lease.account, entry)?;
        self.scribe(&lease.account).write(&self.table, lease, item).await
    }

    async fn conclude(
        &self,
        lease: &Lease,
        halt: &HaltId,
        id: &EntryId,
        conclusion: &Conclusion,
    ) -> Result<(), StoreError> {
        let item = journal::outcome(&self.table, &lease.account, halt, id, conclusion)?;
        self.scribe(&lease.account).write(&self.table, lease, item).await
    }

    async fn entries(&self, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
        journal::read(&self.table, account, halt).await
    }
}

#[async_trait]
impl Peaks for DynamoLedger {
    async fn peaks(&self, account: &AccountId, since: Timestamp) -> Result<Vec<HourPeak>, Failure> {
        peaks::since(&self.table, account, since).await
    }
}

#[async_trait]
impl Slots for DynamoLedger {
    async fn take(
        &self,
        pool: SlotPool,
        account: &AccountId,
        most: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        slots::take(&self.table, pool, account, most, since, now).await
    }
}

#[async_trait]
impl Outbox for DynamoLedger {
    async fn waiting(&self) -> Result<Vec<OutboxItem>, Failure> {
        outbox::waiting(&self.table).await
    }

    async fn claim(&self, id: &OutboxId, now: Timestamp, until: Timestamp) -> Result<bool, Failure> {
        outbox::claim(&self.table, id, now, until).await
    }

    async fn unclaim(&self, id: &OutboxId) -> Result<(), Failure> {
        outbox::unclaim(&self.table, id).await
    }

    async fn add(&self, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> Result<bool, Failure> {
        outbox::add(&self.table, notice, at, quiet).await
    }

    async fn clear(&self, id: &OutboxId) -> Result<(), Failure> {
        outbox::clear(&self.table, id).await
    }
}
