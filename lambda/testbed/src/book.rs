//! What the state table holds and on which conditions it is written. It never fails and asks no clock, so that a model
//! can drive it from any state into any other.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::message::Notice;
use runawaytrain_core::record::HourPeak;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_engine::ports::{
    Commit, Conclusion, EntryId, JournalEntry, Lease, LeaseMove, OutboxId, OutboxItem, SlotPool, StoreError,
    VersionedRecord,
};

/// The records, the journals, the outbox and the slots, with the conditions of the real table. Each method is one
/// atomic read or write, with the meaning of the port's method of that name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    records: BTreeMap<AccountId, (VersionedRecord, u64)>,
    told: BTreeMap<(AccountId, &'static str), Timestamp>,
    journal: BTreeMap<(AccountId, HaltId), BTreeMap<EntryId, JournalEntry>>,
    outbox: BTreeMap<OutboxId, (OutboxItem, Option<Timestamp>)>,
    history: BTreeMap<(AccountId, Timestamp), HourPeak>,
    slots: BTreeMap<(SlotPool, AccountId), Timestamp>,
    /// The highest fence whose end somebody waits for, and who.
    waits: BTreeMap<AccountId, (u64, String)>,
}

impl Book {
    /// Every account's record.
    pub fn records(&self) -> impl Iterator<Item = (&AccountId, &VersionedRecord)> {
        self.records.iter().map(|(account, (stored, _))| (account, stored))
    }

    /// As [`States::load`](runawaytrain_engine::ports::States::load).
    pub fn load(&self, account: &AccountId) -> Option<&VersionedRecord> {
        self.records.get(account).map(|(stored, _)| stored)
    }

    /// As [`States::commit`](runawaytrain_engine::ports::States::commit).
    pub fn commit(&mut self, commit: Commit) -> Result<VersionedRecord, StoreError> {
        let account = commit.record.account.clone();
        let before = self.load(&account).cloned();
        let version = before.as_ref().map_or(0, |stored| stored.version);
        let mut fence = self.fence(&account);
        let standing = before.and_then(|stored| stored.lease);
        let lease = match commit.lease {
            LeaseMove::None { expected } if expected != version => return Err(StoreError::Conflict),
            LeaseMove::None { .. } => standing,
            LeaseMove::Acquire { expected, holder, now, until } => {
                if expected != version || standing.is_some_and(|lease| lease.until > now) {
                    return Err(StoreError::Conflict);
                }
                fence += 1;
                Some(Lease { account: account.clone(), holder, fence, until })
            }
            LeaseMove::Hold(lease) => {
                self.holds(&lease)?;
                standing
            }
            LeaseMove::Release(lease) => {
                self.holds(&lease)?;
                None
            }
        };
        let stored = VersionedRecord { record: commit.record, version: version + 1, lease };
        self.records.insert(account.clone(), (stored.clone(), fence));
        for notice in commit.notices {
            self.put_out(notice, commit.at);
        }
        if let Some(peak) = commit.peak {
            self.history.insert((account, peak.hour), peak);
        }
        Ok(stored)
    }

    /// As [`States::renew`](runawaytrain_engine::ports::States::renew).
    pub fn renew(&mut self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        self.holds(lease)?;
        if let Some(held) = self.records.get_mut(&lease.account).and_then(|(stored, _)| stored.lease.as_mut()) {
            held.until = until;
        }
        Ok(())
    }

    /// As [`States::wait_for`](runawaytrain_engine::ports::States::wait_for).
    pub fn wait_for(&mut self, lease: &Lease, who: &str) -> bool {
        let place = (lease.fence, who.to_owned());
        match self.waits.get(&lease.account) {
            Some(taken) if taken.0 >= lease.fence => *taken == place,
            Some(_) | None => {
                self.waits.insert(lease.account.clone(), place);
                true
            }
        }
    }

    /// As [`Journal::intend`](runawaytrain_engine::ports::Journal::intend).
    pub fn intend(&mut self, lease: &Lease, entry: &JournalEntry) -> Result<(), StoreError> {
        self.holds(lease)?;
        let replaced = self
            .journal
            .entry((lease.account.clone(), entry.halt.clone()))
            .or_default()
            .insert(entry.id.clone(), entry.clone());
        assert!(replaced.is_none(), "the journal entry {} was written twice", entry.id);
        Ok(())
    }

    /// As [`Journal::conclude`](runawaytrain_engine::ports::Journal::conclude).
    pub fn conclude(
        &mut self,
        lease: &Lease,
        halt: &HaltId,
        id: &EntryId,
        conclusion: &Conclusion,
    ) -> Result<(), StoreError> {
        self.holds(lease)?;
        let entry =
            self.journal.get_mut(&(lease.account.clone(), halt.clone())).and_then(|journal| journal.get_mut(id));
        let entry = entry.expect("an outcome follows its intent");
        entry.concluded = Some((conclusion.at, conclusion.result.clone()));
        entry.attempts = conclusion.attempts;
        Ok(())
    }

    /// As [`Journal::entries`](runawaytrain_engine::ports::Journal::entries).
    pub fn entries(&self, account: &AccountId, halt: &HaltId) -> Vec<JournalEntry> {
        let journal = self.journal.get(&(account.clone(), halt.clone()));
        journal.map(|journal| journal.values().cloned().collect()).unwrap_or_default()
    }

    /// As [`Slots::take`](runawaytrain_engine::ports::Slots::take).
    pub fn take(&mut self, pool: SlotPool, account: &AccountId, most: u32, since: Timestamp, now: Timestamp) -> bool {
        self.slots.retain(|(other, _), taken| *other != pool || *taken > since);
        let slot = (pool, account.clone());
        if !self.slots.contains_key(&slot) && self.taken(pool).count() >= most as usize {
            return false;
        }
        self.slots.entry(slot).or_insert(now);
        true
    }

    /// The accounts that have a slot of the brake.
    pub fn slots(&self) -> impl Iterator<Item = &AccountId> {
        self.taken(SlotPool::Halts)
    }

    fn taken(&self, pool: SlotPool) -> impl Iterator<Item = &AccountId> {
        self.slots.keys().filter(move |(other, _)| *other == pool).map(|(_, account)| account)
    }

    /// As [`Outbox::waiting`](runawaytrain_engine::ports::Outbox::waiting).
    pub fn waiting(&self) -> Vec<OutboxItem> {
        self.outbox.values().map(|(item, _)| item.clone()).collect()
    }

    /// As [`Outbox::claim`](runawaytrain_engine::ports::Outbox::claim).
    pub fn claim(&mut self, id: &OutboxId, now: Timestamp, until: Timestamp) -> bool {
        match self.outbox.get_mut(id) {
            Some((_, claimed)) if claimed.is_none_or(|claimed| claimed <= now) => {
                *claimed = Some(until);
                true
            }
            _ => false,
        }
    }

    /// As [`Outbox::unclaim`](runawaytrain_engine::ports::Outbox::unclaim).
    pub fn unclaim(&mut self, id: &OutboxId) {
        if let Some((item, claimed)) = self.outbox.get_mut(id) {
            *claimed = None;
            item.tries += 1;
        }
    }

    /// As [`Outbox::add`](runawaytrain_engine::ports::Outbox::add).
    pub fn add(&mut self, notice: &Notice, at: Timestamp, quiet: SignedDuration) -> bool {
        let about = (notice.account.clone(), notice.kind.name());
        if self.told.get(&about).is_some_and(|told| at.duration_since(*told) < quiet) {
            return false;
        }
        self.told.insert(about, at);
        self.put_out(notice.clone(), at);
        true
    }

    /// As [`Outbox::clear`](runawaytrain_engine::ports::Outbox::clear).
    pub fn clear(&mut self, id: &OutboxId) {
        self.outbox.remove(id);
    }

    /// Hourly peaks of an account, the oldest first.
    pub fn peaks(&self, account: &AccountId) -> Vec<HourPeak> {
        self.history.iter().filter(|((whose, _), _)| whose == account).map(|(_, peak)| peak.clone()).collect()
    }

    fn fence(&self, account: &AccountId) -> u64 {
        self.records.get(account).map_or(0, |(_, fence)| *fence)
    }

    fn put_out(&mut self, notice: Notice, at: Timestamp) {
        let mut id = OutboxId(format!("{at:.9}#{}#{:?}", notice.account, notice.kind));
        // The same mail to two lists.
        while self.outbox.contains_key(&id) {
            id.0.push_str("#again");
        }
        self.outbox.insert(id.clone(), (OutboxItem { id, notice, tries: 0 }, None));
    }

    fn holds(&self, lease: &Lease) -> Result<(), StoreError> {
        let held = self.load(&lease.account).and_then(|stored| stored.lease.as_ref());
        if held.is_some_and(|held| held.fence == lease.fence) { Ok(()) } else { Err(StoreError::LeaseLost) }
    }
}
