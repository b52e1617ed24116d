//! A wrong limit must not stop a university: past so many halts in an hour, accounts are frozen instead, and people are
//! mailed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use runawaytrain_core::record::{FreezeReason, State};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;

use crate::ports::{Clock, SlotPool, Slots, States};

/// Slots are counted over this time.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Where slots run short, the first who asks waits so long for the others, so that the slots go to those that burn the
/// most.
const SETTLE: Duration = Duration::from_secs(2);

/// What an account burns: US dollars an hour, and its vCPUs where prices are not known yet.
pub type Burns = (Usd, u64);

/// The brake of one sweep. The slots themselves are in the table, for all invocations; here is only who gets them
/// first.
///
/// Half of them go at once to whoever asks: a thief's account does not wait for others that may never come. The other
/// half goes to those who burn the most.
pub struct Brake {
    slots: Arc<dyn Slots>,
    clock: Arc<dyn Clock>,
    most: u32,
    may_run_short: bool,
    /// Latched, it lets nobody pass: an account waits, frozen, for people, and until they have decided what the brake is
    /// held for, no more are halted.
    frozen: Arc<Frozen>,
    queue: Mutex<Queue>,
    turn: watch::Sender<u64>,
    /// The table's one item of slots is written by one at a time: whoever lost every race would not be halted.
    write: tokio::sync::Mutex<()>,
}

/// Why accounts of the organization are frozen, one reason an account. A sweep of all accounts has read it; one of some
/// asks for it when something depends on it, which is seldom.
pub struct Frozen {
    states: Arc<dyn States>,
    /// Whose freezes count: what an account did that has left the organization is nobody's concern any more. `None`
    /// where Organizations does not say who is in it.
    members: Option<BTreeSet<AccountId>>,
    reasons: OnceCell<Vec<FreezeReason>>,
}

impl Frozen {
    /// For these reasons, which are all that count.
    pub fn known(states: Arc<dyn States>, reasons: impl IntoIterator<Item = FreezeReason>) -> Self {
        Self { states, members: None, reasons: OnceCell::new_with(Some(reasons.into_iter().collect())) }
    }

    /// As the table says when it is asked.
    pub fn unknown(states: Arc<dyn States>, members: Option<BTreeSet<AccountId>>) -> Self {
        Self { states, members, reasons: OnceCell::new() }
    }

    /// How many are frozen for a reason.
    pub async fn number(&self, reason: FreezeReason) -> Result<usize, Failure> {
        let reasons = self.reasons.get_or_try_init(|| self.read()).await?;
        Ok(reasons.iter().filter(|known| **known == reason).count())
    }

    async fn read(&self) -> Result<Vec<FreezeReason>, Failure> {
        let mut records = self.states.load_in(State::Frozen).await?.readable;
        if let Some(members) = &self.members {
            records.retain(|account, _| members.contains(account));
        }
        Ok(records.values().filter_map(|known| known.record.freeze()).collect())
    }
}

/// How many accounts may be frozen for purchases beside those that wait for people already: a limit that is written
/// wrong must not freeze a university. It takes no slot of the brake.
pub struct Allowance {
    most: u32,
    counted: Counted,
    frozen: Arc<Frozen>,
}

/// Where those are counted that were taken.
enum Counted {
    /// In this sweep, which is the only one.
    Here(AtomicU32),
    /// In the table, by all workers of a sweep that began at a time.
    Together { slots: Arc<dyn Slots>, clock: Arc<dyn Clock>, began: Timestamp },
}

impl Allowance {
    /// As many at once as halts in an hour, those that wait already among them.
    pub fn new(halts_per_hour: u32, frozen: Arc<Frozen>) -> Self {
        Self { most: halts_per_hour, counted: Counted::Here(AtomicU32::new(0)), frozen }
    }

    /// The same for all workers of a sweep together, which began at a time.
    #[must_use]
    pub fn among_workers(self, slots: Arc<dyn Slots>, clock: Arc<dyn Clock>, began: Timestamp) -> Self {
        Self { counted: Counted::Together { slots, clock, began }, ..self }
    }

    /// Takes one for an account, if any is left.
    pub async fn take(&self, account: &AccountId) -> Result<bool, Failure> {
        let waiting = self.frozen.number(FreezeReason::Purchases).await?;
        let free = self.most.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
        match &self.counted {
            Counted::Here(taken) => {
                let next = |taken: u32| (taken < free).then_some(taken + 1);
                Ok(taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok())
            }
            Counted::Together { slots, clock, began } => {
                slots.take(SlotPool::Purchases, account, free, *began, clock.now()).await
            }
        }
    }
}

#[derive(Default)]
struct Queue {
    /// How many went at once.
    at_once: u32,
    first_asked: Option<Instant>,
    /// Who waits, by what it burns: the last is served first.
    waiting: BTreeSet<(Burns, AccountId)>,
}

impl Brake {
    /// A brake for a sweep of so many accounts.
    pub fn new(
        slots: Arc<dyn Slots>,
        clock: Arc<dyn Clock>,
        halts_per_hour: u32,
        accounts: usize,
        frozen: Arc<Frozen>,
    ) -> Self {
        Self {
            slots,
            clock,
            most: halts_per_hour,
            may_run_short: accounts > halts_per_hour as usize,
            frozen,
            queue: Mutex::default(),
            turn: watch::Sender::new(0),
            write: tokio::sync::Mutex::default(),
        }
    }

    /// Whether there may be more who ask than there are slots, so that it matters who burns the most.
    pub fn may_run_short(&self) -> bool {
        self.may_run_short
    }

    /// Asks to halt an account that burns so much. True when it may be halted; false when the brake holds.
    pub async fn ask(&self, account: &AccountId, burns: Burns) -> Result<bool, Failure> {
        if self.frozen.number(FreezeReason::Brake).await? > 0 {
            return Ok(false);
        }
        let waits = self.may_run_short && !self.goes_at_once();
        if waits {
            self.wait_for_turn(account, burns).await;
        }
        let now = self.clock.now();
        let since = now.checked_sub(WINDOW).unwrap_or(now);
        let answer = {
            let _turn = self.write.lock().await;
            self.slots.take(SlotPool::Halts, account, self.most, since, now).await
        };
        if waits {
            self.with_queue(|queue| queue.waiting.remove(&(burns, account.clone())));
            self.turn.send_modify(|turn| *turn += 1);
        }
        answer
    }

    fn goes_at_once(&self) -> bool {
        self.with_queue(|queue| {
            let goes = queue.at_once < self.most / 2;
            queue.at_once += u32::from(goes);
            goes
        })
    }

    /// Waits until nobody who burns more is waiting. Bounded: whoever is served slowly does not hold up the others for
    /// ever.
    async fn wait_for_turn(&self, account: &AccountId, burns: Burns) {
        let me = (burns, account.clone());
        let settled = self.with_queue(|queue| {
            queue.waiting.insert(me.clone());
            *queue.first_asked.get_or_insert_with(Instant::now) + SETTLE
        });
        sleep_until(settled).await;
        let patience = Instant::now() + SETTLE;
        let mut turn = self.turn.subscribe();
        while !self.with_queue(|queue| queue.waiting.last() == Some(&me)) {
            if timeout_at(patience, turn.changed()).await.is_err() {
                return;
            }
        }
    }

    fn with_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
