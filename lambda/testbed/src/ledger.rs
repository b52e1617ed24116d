//! The state table and the books of money.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::measure::spend;

use runawaytrain_core::message::Notice;
use runawaytrain_core::record::{AccountRecord, HourPeak, State};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{
    Commit, Conclusion, EntryId, Journal, JournalEntry, KnownPrice, Lease, Outbox, OutboxId, OutboxItem, Peaks,
    PriceBook, ReadReport, Records, SlotPool, Slots, SpendBook, SpentHours, States, StoreError, UnreadableRecord,
    VersionedRecord,
};
use tokio::time::Instant;

use crate::book::Book;
use crate::faults::failure;
use crate::quotas::Bucket;

/// The state table in memory: a [`Book`] that can fail, be busy and be garbled, and the books of money.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    book: Book,
    unreadable: BTreeSet<AccountId>,
    prices: BTreeMap<PriceKey, KnownPrice>,
    reports: BTreeMap<String, ReadReport>,
    broken: Option<Failure>,
    slots_broken: Option<Failure>,
    busy: Option<(Instant, FailureKind)>,
    bucket: Option<Bucket>,
    writes: usize,
    reads: usize,
}

impl MemoryLedger {
    /// From now on every call fails so; `None` mends it.
    pub fn break_with(&self, failure: Option<Failure>) {
        self.tables().broken = failure;
    }

    /// From now on an account's record is in a form that nobody knows, or is known again.
    pub fn garble(&self, account: &AccountId, is_unreadable: bool) {
        let mut tables = self.tables();
        if is_unreadable {
            tables.unreadable.insert(account.clone())
        } else {
            tables.unreadable.remove(account)
        };
    }

    /// From now on slots cannot be taken; `None` mends it.
    pub fn break_slots(&self, failure: Option<Failure>) {
        self.tables().slots_broken = failure;
    }

    /// For so long every call is refused for others' sake: `Throttled`, or `Contended`.
    pub fn busy_for(&self, time: Duration, kind: FailureKind) {
        self.tables().busy = Some((Instant::now() + time, kind));
    }

    /// From now on the table takes so many calls at once and so many a second, and throttles the others; `None`: all.
    pub fn takes(&self, calls: Option<(f64, f64)>) {
        self.tables().bucket = calls.map(Bucket::full);
    }

    /// How many writes were taken.
    pub fn writes(&self) -> usize {
        self.tables().writes
    }

    /// How many records of accounts, and how many accounts' hours, were handed out.
    pub fn reads(&self) -> usize {
        self.tables().reads
    }

    /// Hourly peaks of an account.
    pub fn history(&self, account: &AccountId) -> Vec<HourPeak> {
        self.tables().book.peaks(account)
    }

    /// What the Cost and Usage Reports said of an account's hour; they reach until its end.
    pub fn spent(&self, account: &AccountId, hour: Timestamp, amount: Usd) {
        let period = spend::month(hour).strftime("%Y%m").to_string();
        let end = hour.checked_add(SignedDuration::from_hours(1)).expect("an hour later");
        let mut tables = self.tables();
        let new = || ReadReport {
            period: period.clone(),
            edition: "by hand".to_owned(),
            accounts: BTreeMap::new(),
            until: end,
        };
        let report = tables.reports.entry(period.clone()).or_insert_with(new);
        report.until = report.until.max(end);
        *report.accounts.entry(account.clone()).or_default().usage.entry(hour).or_default() += amount;
    }

    /// What they said that an account bought in an hour; they reach until its end.
    pub fn purchases(&self, account: &AccountId, hour: Timestamp, amount: Usd) {
        self.spent(account, hour, Usd::ZERO);
        let mut tables = self.tables();
        let hours = tables.reports.values_mut().filter_map(|report| report.accounts.get_mut(account));
        for hours in hours.filter(|hours| hours.usage.contains_key(&hour)) {
            *hours.purchases.entry(hour).or_default() += amount;
        }
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().expect("not poisoned")
    }

    fn sound(&self) -> Result<std::sync::MutexGuard<'_, Tables>, Failure> {
        let busy = |kind| failure("dynamodb:TransactWriteItems", kind);
        let mut tables = self.tables();
        match (&tables.broken, tables.busy) {
            (Some(failure), _) => return Err(failure.clone()),
            (None, Some((until, kind))) if Instant::now() < until => return Err(busy(kind)),
            (None, _) => {}
        }
        let has_room = tables.bucket.as_mut().is_none_or(|bucket| bucket.take(1.0));
        if has_room { Ok(tables) } else { Err(busy(FailureKind::Throttled)) }
    }
}

#[async_trait]
impl PriceBook for MemoryLedger {
    async fn prices(&self) -> Result<BTreeMap<PriceKey, KnownPrice>, Failure> {
        Ok(self.sound()?.prices.clone())
    }

    async fn keep(&self, key: &PriceKey, price: &KnownPrice) -> Result<(), Failure> {
        self.sound()?.prices.insert(key.clone(), *price);
        Ok(())
    }
}

impl MemoryLedger {
    fn spent_hours(&self, is_wanted: impl Fn(&AccountId) -> bool, since: Timestamp) -> Result<SpentHours, Failure> {
        let mut tables = self.sound()?;
        let mut hours = SpentHours::default();
        for report in tables.reports.values() {
            hours.until = hours.until.max(Some(report.until));
            for (account, spent) in report.accounts.iter().filter(|(account, _)| is_wanted(account)) {
                let known = hours.accounts.entry(account.clone()).or_default();
                let since = |hours: &BTreeMap<Timestamp, Usd>| {
                    hours.range(since..).map(|(hour, amount)| (*hour, *amount)).collect::<Vec<_>>()
                };
                known.usage.extend(since(&spent.usage));
                known.purchases.extend(since(&spent.purchases));
            }
        }
        tables.reads += hours.accounts.len();
        Ok(hours)
    }
}

#[async_trait]
impl SpendBook for MemoryLedger {
    async fn hours(&self, since: Timestamp) -> Result<SpentHours, Failure> {
        self.spent_hours(|_| true, since)
    }

    async fn hours_of(&self, accounts: &BTreeSet<AccountId>, since: Timestamp) -> Result<SpentHours, Failure> {
        self.spent_hours(|account| accounts.contains(account), since)
    }

    async fn store(&self, report: &ReadReport) -> Result<(), Failure> {
        self.sound()?.reports.insert(report.period.clone(), report.clone());
        Ok(())
    }

    async fn editions(&self) -> Result<BTreeMap<String, String>, Failure> {
        Ok(self.sound()?.reports.iter().map(|(period, report)| (period.clone(), report.edition.clone())).collect())
    }
}

impl MemoryLedger {
    /// The records for which this holds.
    fn records(&self, is_wanted: impl Fn(&AccountRecord) -> bool) -> Result<Records, Failure> {
        let mut tables = self.sound()?;
        let mut records = Records::default();
        let wanted = tables.book.records().filter(|(_, stored)| is_wanted(&stored.record));
        for (account, stored) in wanted {
            if tables.unreadable.contains(account) {
                let unreadable = UnreadableRecord { state: Some(stored.record.state), failure: garbled(account) };
                records.unreadable.insert(account.clone(), unreadable);
            } else {
                records.readable.insert(account.clone(), stored.clone());
            }
        }
        tables.reads += records.readable.len() + records.unreadable.len();
        Ok(records)
    }
}

fn garbled(account: &AccountId) -> Failure {
    let detail = format!("the record of account {account} cannot be read: it is garbled");
    Failure::own("dynamodb:Query", FailureKind::Other, detail)
}

#[async_trait]
impl States for MemoryLedger {
    async fn load_all(&self) -> Result<Records, Failure> {
        self.records(|_| true)
    }

    async fn load_some(&self, accounts: &BTreeSet<AccountId>) -> Result<Records, Failure> {
        self.records(|record| accounts.contains(&record.account))
    }

    async fn load_in(&self, state: State) -> Result<Records, Failure> {
        self.records(|record| record.state == state)
    }

    async fn load(&self, account: &AccountId) -> Result<Option<VersionedRecord>, Failure> {
        let mut tables = self.sound()?;
        tables.reads += usize::from(tables.book.load(account).is_some());
        if tables.unreadable.contains(account) {
            return Err(garbled(account));
        }
        Ok(tables.book.load(account).cloned())
    }

    async fn commit(&self, commit: Commit) -> Result<VersionedRecord, StoreError> {
        let mut tables = self.sound()?;
        let account = &commit.record.account;
        assert!(!tables.unreadable.contains(account), "a record that cannot be read is written over");
        let stored = tables.book.commit(commit)?;
        tables.writes += 1;
        Ok(stored)
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        self.sound()?.book.renew(lease, until)
    }

    async fn wait_for(&self, lease: &Lease, who: &str) -> Result<bool, Failure> {
        Ok(self.sound()?.book.wait_for(lease, who))
    }
}

#[async_trait]
impl Journal for MemoryLedger {
    async fn intend(&self, lease: &Lease, entry: &JournalEntry) -> Result<(), StoreError> {
        let mut tables = self.sound()?;
        tables.book.intend(lease, entry)?;
        tables.writes += 1;
        Ok(())
    }

    async fn conclude(
        &self,
        lease: &Lease,
        halt: &HaltId,
        id: &EntryId,
        conclusion: &Conclusion,
    ) -> Result<(), StoreError> {
        let mut tables = self.sound()?;
        tables.book.conclude(lease, halt, id, conclusion)?;
        tables.writes += 1;
        Ok(())
    }

    async fn entries(&self, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
        Ok(self.sound()?.book.entries(account, halt))
    }
}

#[async_trait]
impl Slots for MemoryLedger {
    async fn take(
        &self,
        pool: SlotPool,
        account: &AccountId,
        most: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let mut tables = self.sound()?;
        if let Some(failure) = &tables.slots_broken {
            return Err(failure.clone());
        }
        Ok(tables.book.take(pool, account, most, since, now))
    }
}

#[async_trait]
impl Outbox for MemoryLedger {
    async fn waiting(&self) -> Result<Vec<OutboxItem>, Failure> {
        Ok(self.sound()?.book.waiting())
    }

    async fn claim(&self, id: &OutboxId, now: Timestamp, until: Timestamp) -> Result<bool, Failure> {
        Ok(self.sound()?.book.claim(id, now, until))
    }

    async fn unclaim(&self, id: &OutboxId) -> Result<(), Failure> {
        self.sound()?.book.unclaim(id);
        Ok(())
    }

    async fn add(&self, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> Result<bool, Failure> {
        Ok(self.sound()?.book.add(notice, at, quiet))
    }

    async fn clear(&self, id: &OutboxId) -> Result<(), Failure> {
        self.sound()?.book.clear(id);
        Ok(())
    }
}

#[async_trait]
impl Peaks for MemoryLedger {
    async fn peaks(&self, account: &AccountId, since: Timestamp) -> Result<Vec<HourPeak>, Failure> {
        Ok(self.history(account).into_iter().filter(|peak| peak.hour >= since).collect())
    }
}
