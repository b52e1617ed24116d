//! What accounts spent: AWS's estimates, asked for once an hour, and the hours of the Cost and Usage Reports. A second
//! opinion: it never holds up a sweep, and what is not known is unknown, not nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;

use runawaytrain_core::measure::spend::{Charge, HOURS_BACK, Hours};
use runawaytrain_core::vocabulary::ids::AccountId;

use crate::ports::{AccountHours, Billing, Clock, Freshness, Ports, SpendBook, SpentHours};

/// Billing metrics come several times a day, and a question costs by the account: once an hour.
/// <https://aws.amazon.com/cloudwatch/pricing/>
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);
/// After a failure it is asked again sooner, but not at every sweep.
const FAILED_GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Reports are read into the table a few times a day; the table is asked this often.
const HOURS_GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Spend is not worth a late halt.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was learnt of all accounts' spend, for one sweep.
#[derive(Debug, Default)]
pub struct Spending {
    charges: BTreeMap<AccountId, Charge>,
    hours: SpentHours,
}

impl Spending {
    /// The newest estimate of an account's charges.
    pub fn charge(&self, account: &AccountId) -> Option<Charge> {
        self.charges.get(account).copied()
    }

    /// An account's hours, where there are reports at all.
    pub fn hours(&self, account: &AccountId) -> Option<Hours> {
        let until = self.hours.until?;
        let AccountHours { usage, purchases } = self.hours.accounts.get(account).cloned().unwrap_or_default();
        Some(Hours { by_hour: usage, purchases, until })
    }
}

/// All accounts' spend, once it is there: every account of a sweep waits for the same answer.
pub type SharedSpend = Shared<BoxFuture<'static, Arc<Spending>>>;

/// What is remembered of spend between two invocations.
#[derive(Clone)]
pub struct SpendMemory {
    billing: Arc<dyn Billing>,
    book: Arc<dyn SpendBook>,
    clock: Arc<dyn Clock>,
    charges: Arc<Mutex<BTreeMap<AccountId, KnownCharge>>>,
    /// What was read last, and until when that is good enough.
    hours: Arc<Mutex<Option<(Timestamp, SpentHours)>>>,
}

/// What was asked of an account's charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCharge {
    good_until: Timestamp,
    charge: Option<Charge>,
}

impl SpendMemory {
    /// A memory over billing and the reports' hours.
    pub fn new(ports: &Ports) -> Self {
        Self {
            billing: Arc::clone(&ports.billing),
            book: Arc::clone(&ports.spend_book),
            clock: Arc::clone(&ports.clock),
            charges: Arc::default(),
            hours: Arc::default(),
        }
    }

    /// Begins to ask for the spend of these accounts: `are_all` of the organization, or some of which alone the hours are
    /// read.
    pub fn of(&self, accounts: Vec<AccountId>, are_all: bool, freshness: Freshness) -> SharedSpend {
        let memory = self.clone();
        let asked = async move {
            let whose: BTreeSet<AccountId> = accounts.iter().cloned().collect();
            let hours = async { if are_all { memory.hours().await } else { memory.hours_of(&whose).await } };
            let (charges, hours) = tokio::join!(memory.charges(accounts, freshness), hours);
            Arc::new(Spending { charges, hours })
        };
        asked.boxed().shared()
    }

    /// The same for a worker, which is one of many: their charges were asked for all accounts at once, and of the
    /// reports' hours it reads its own accounts' alone.
    pub fn of_batch(&self, charges: BTreeMap<AccountId, Charge>, accounts: BTreeSet<AccountId>) -> SharedSpend {
        let memory = self.clone();
        let asked = async move {
            let hours = memory.hours_of(&accounts).await;
            Arc::new(Spending { charges, hours })
        };
        asked.boxed().shared()
    }

    /// The charges of these accounts, where `recalled` is what another function asked for: what is good of it is not
    /// asked for again. With what is known now, for the next one.
    pub async fn charges_after(
        &self,
        recalled: BTreeMap<AccountId, KnownCharge>,
        accounts: Vec<AccountId>,
    ) -> (BTreeMap<AccountId, Charge>, BTreeMap<AccountId, KnownCharge>) {
        let newer = |charge: &KnownCharge, known: Option<&KnownCharge>| {
            known.is_none_or(|known| known.good_until < charge.good_until)
        };
        {
            let mut known = self.charges.lock().await;
            let better = recalled.into_iter().filter(|(account, charge)| newer(charge, known.get(account)));
            let better: Vec<_> = better.collect();
            known.extend(better);
        }
        let charges = self.charges(accounts, Freshness::Cached).await;
        (charges, self.charges.lock().await.clone())
    }

    /// A report was read: the next sweep asks for the hours anew, and falls back on the old ones where it gets no
    /// answer.
    pub async fn invalidate_hours(&self) {
        if let Some((good_until, _)) = self.hours.lock().await.as_mut() {
            *good_until = self.clock.now();
        }
    }

    async fn charges(&self, accounts: Vec<AccountId>, freshness: Freshness) -> BTreeMap<AccountId, Charge> {
        let mut known = self.charges.lock().await;
        let now = self.clock.now();
        let is_good = |account: &AccountId| {
            freshness == Freshness::Cached && known.get(account).is_some_and(|asked| now < asked.good_until)
        };
        let missing: Vec<AccountId> = accounts.iter().filter(|account| !is_good(account)).cloned().collect();
        if !missing.is_empty() {
            let answer = timeout(PATIENCE, self.billing.charges(&missing, self.clock.now())).await;
            let (mut charges, good_for) = match answer {
                Ok(Ok(charges)) => (charges, GOOD_FOR),
                Ok(Err(failure)) => {
                    tracing::warn!(accounts = missing.len(), error = %failure, "the estimated charges could not be read; they are unknown, or as they were");
                    (BTreeMap::new(), FAILED_GOOD_FOR)
                }
                Err(_slow) => {
                    tracing::warn!(
                        accounts = missing.len(),
                        "the estimated charges did not come in time; they are unknown, or as they were"
                    );
                    (BTreeMap::new(), FAILED_GOOD_FOR)
                }
            };
            for account in missing {
                // What was known before ages by itself: each reading says of when it is.
                let charge = charges.remove(&account).or_else(|| known.get(&account).and_then(|asked| asked.charge));
                known.insert(account, KnownCharge { good_until: self.clock.after(good_for), charge });
            }
        }
        let known = |account: AccountId| {
            let charge = known.get(&account)?.charge?;
            Some((account, charge))
        };
        accounts.into_iter().filter_map(known).collect()
    }

    /// The hours of some accounts: as a sweep of all has read them lately, or read for them alone.
    async fn hours_of(&self, accounts: &BTreeSet<AccountId>) -> SpentHours {
        let known = self.hours.lock().await;
        let remembered = || {
            let (_, hours) = known.as_ref()?;
            let theirs =
                accounts.iter().filter_map(|account| Some((account.clone(), hours.accounts.get(account)?.clone())));
            Some(SpentHours { accounts: theirs.collect(), until: hours.until })
        };
        let is_good = known.as_ref().is_some_and(|(good_until, _)| self.clock.now() < *good_until);
        if is_good {
            return remembered().unwrap_or_default();
        }
        match timeout(PATIENCE, self.book.hours_of(accounts, self.since())).await {
            Ok(Ok(hours)) => hours,
            Ok(Err(failure)) => {
                tracing::warn!(error = %failure, "the spend of the reports could not be read from the table; it is as it was, or unknown");
                remembered().unwrap_or_default()
            }
            Err(_slow) => remembered().unwrap_or_default(),
        }
    }

    /// From when on hours matter.
    fn since(&self) -> Timestamp {
        self.clock.now().checked_sub(HOURS_BACK).unwrap_or(Timestamp::MIN)
    }

    async fn hours(&self) -> SpentHours {
        let mut known = self.hours.lock().await;
        if let Some((_, hours)) = known.as_ref().filter(|(good_until, _)| self.clock.now() < *good_until) {
            return hours.clone();
        }
        match timeout(PATIENCE, self.book.hours(self.since())).await {
            Ok(Ok(hours)) => {
                *known = Some((self.clock.after(HOURS_GOOD_FOR), hours.clone()));
                hours
            }
            Ok(Err(failure)) => {
                tracing::warn!(error = %failure, "the spend of the reports could not be read from the table; it is as it was, or unknown");
                known.as_ref().map(|(_, hours)| hours.clone()).unwrap_or_default()
            }
            Err(_slow) => known.as_ref().map(|(_, hours)| hours.clone()).unwrap_or_default(),
        }
    }
}
