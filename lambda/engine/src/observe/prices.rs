//! What an instance costs in an hour: asked of the price list once, kept in the warm function and in the table,
//! estimated where it cannot be had.
//!
//! Each question is a task of its own: whoever waits for it waits for as long as a price is worth, and the answer is
//! there for the next. No lock is held while anything is waited for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use jiff::SignedDuration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::{Price, PriceKey, Prices, estimate};
use runawaytrain_core::measure::vcpus::Vcpus;

use crate::ports::{Clock, KnownPrice, Listed, Ports, PriceBook, PriceList};

/// List prices change a few times a year.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A type that has no price today may have one tomorrow.
const NONE_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// After the price list failed, it is let alone for so long.
const FAILED_GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);
/// So many questions at once: the price list takes ten a second.
/// <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html>
const AT_A_TIME: usize = 4;
/// A price is not worth a late halt: what is not known by then is estimated, however many prices are wanted.
const PATIENCE: Duration = Duration::from_secs(5);

/// The prices that are known.
#[derive(Clone)]
pub struct PriceMemory {
    list: Arc<dyn PriceList>,
    book: Arc<dyn PriceBook>,
    clock: Arc<dyn Clock>,
    questions_at_once: Arc<Semaphore>,
    known: Arc<Mutex<Known>>,
}

/// What is known, and what is being asked.
#[derive(Default)]
struct Known {
    /// What the table has, once somebody asked for it.
    book: Option<Waiting>,
    prices: BTreeMap<PriceKey, Answered>,
    asked: BTreeMap<PriceKey, Waiting>,
    /// How many questions in a row were not answered in time.
    silences: usize,
    /// Until when the list is let alone, after none of the questions under way was answered in time.
    let_alone_until: Option<jiff::Timestamp>,
}

/// Ends when an answer is there, or none is to be had.
type Waiting = Shared<BoxFuture<'static, ()>>;

/// What the price list said.
#[derive(Debug, Clone, Copy)]
enum Answered {
    Said(KnownPrice),
    /// It did not answer then.
    Failed(jiff::Timestamp),
}

impl Answered {
    fn is_good_at(self, now: jiff::Timestamp) -> bool {
        let (since, good_for) = match self {
            Self::Said(known) if known.listed.per_hour.is_some() => (known.asked, GOOD_FOR),
            Self::Said(known) => (known.asked, NONE_GOOD_FOR),
            Self::Failed(at) => (at, FAILED_GOOD_FOR),
        };
        now.duration_since(since) < good_for
    }
}

impl Known {
    fn is_good(&self, key: &PriceKey, now: jiff::Timestamp) -> bool {
        self.prices.get(key).is_some_and(|answered| answered.is_good_at(now))
    }

    /// Takes in whether a question was answered in time.
    fn listened(&mut self, is_answered: bool, now: jiff::Timestamp) {
        self.silences = if is_answered { 0 } else { self.silences + 1 };
        if self.silences >= AT_A_TIME {
            self.silences = 0;
            self.let_alone_until = now.checked_add(FAILED_GOOD_FOR).ok();
        }
    }

    /// Takes in an answer, or that there is none.
    fn take_in(&mut self, key: PriceKey, answered: Answered) {
        self.asked.remove(&key);
        // A price of last week beats none at all; it is asked for again when the list was let alone for a while.
        let keep_old = matches!(answered, Answered::Failed(_))
            && matches!(self.prices.get(&key), Some(Answered::Said(old)) if old.listed.per_hour.is_some());
        if !keep_old {
            self.prices.insert(key, answered);
        }
    }
}

impl PriceMemory {
    /// A memory over the price list and the book of what it said before.
    pub fn new(ports: &Ports) -> Self {
        Self {
            list: Arc::clone(&ports.price_list),
            book: Arc::clone(&ports.price_book),
            clock: Arc::clone(&ports.clock),
            questions_at_once: Arc::new(Semaphore::new(AT_A_TIME)),
            known: Arc::default(),
        }
    }

    /// A price for every one of these: from the list where it has one, else by vCPUs. Never fails, and never waits
    /// long.
    pub async fn of(&self, wanted: BTreeMap<PriceKey, Vcpus>) -> Prices {
        // What has not answered by then is not known.
        let _ = timeout(PATIENCE, self.ask_for(&wanted)).await;
        let known = self.known();
        let priced = |(key, vcpus): (PriceKey, Vcpus)| {
            let price = price(known.prices.get(&key), &key, vcpus);
            (key, price)
        };
        wanted.into_iter().map(priced).collect()
    }

    /// Waits until everything that was not known was answered, one way or the other.
    async fn ask_for(&self, wanted: &BTreeMap<PriceKey, Vcpus>) {
        let book = self.known().book.get_or_insert_with(|| self.read_book()).clone();
        book.await;
        let questions: Vec<Waiting> = {
            let (mut known, now) = (self.known(), self.clock.now());
            // A question that broke is asked again.
            known.asked.retain(|_, asked| asked.peek().is_none());
            let missing = wanted.keys().filter(|key| !known.is_good(key, now)).cloned().collect::<Vec<_>>();
            missing
                .into_iter()
                .map(|key| known.asked.entry(key.clone()).or_insert_with(|| self.ask(key)).clone())
                .collect()
        };
        join_all(questions).await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the table has, once.
    fn read_book(&self) -> Waiting {
        let memory = self.clone();
        waiting(async move {
            let prices = match timeout(PATIENCE / 2, memory.book.prices()).await {
                Ok(Ok(prices)) => prices,
                Ok(Err(failure)) => {
                    tracing::warn!(error = %failure, "the prices kept in the table could not be read; they are asked for anew");
                    return;
                }
                Err(_slow) => {
                    tracing::warn!("the prices kept in the table did not come in time; they are asked for anew");
                    return;
                }
            };
            let mut known = memory.known();
            for (key, price) in prices {
                known.prices.entry(key).or_insert(Answered::Said(price));
            }
        })
    }

    /// Asks for one price.
    fn ask(&self, key: PriceKey) -> Waiting {
        let memory = self.clone();
        waiting(async move {
            let answered = memory.question(&key).await;
            memory.known().take_in(key.clone(), answered);
            let Answered::Said(price) = answered else { return };
            if let Ok(Err(failure)) = timeout(PATIENCE, memory.book.keep(&key, &price)).await {
                tracing::warn!(price = %key, error = %failure, "a price could not be kept; the next cold start asks again");
            }
        })
    }

    async fn question(&self, key: &PriceKey) -> Answered {
        let _permit = self.questions_at_once.acquire().await;
        let now = self.clock.now();
        if self.known().let_alone_until.is_some_and(|until| now < until) {
            // Those in line would only wait in vain.
            return Answered::Failed(now);
        }
        let answer = timeout(PATIENCE, self.list.on_demand(key)).await;
        let now = self.clock.now();
        self.known().listened(answer.is_ok(), now);
        match answer {
            Ok(Ok(listed)) => {
                if listed.per_hour.is_none() {
                    tracing::warn!(price = %key, "the price list has no price; it is estimated by vCPUs");
                }
                Answered::Said(KnownPrice { listed, asked: now })
            }
            Ok(Err(failure)) => {
                tracing::warn!(price = %key, error = %failure, "a price could not be had; it is estimated by vCPUs");
                Answered::Failed(now)
            }
            Err(_slow) => {
                tracing::warn!(price = %key, "the price list did not answer in time; the price is estimated by vCPUs");
                Answered::Failed(now)
            }
        }
    }
}

/// Work that goes on whoever waits for it.
fn waiting(work: impl Future<Output = ()> + Send + 'static) -> Waiting {
    let task = tokio::spawn(work);
    // Where it broke, there is no answer.
    async move { drop(task.await) }.boxed().shared()
}

fn price(known: Option<&Answered>, key: &PriceKey, vcpus: Vcpus) -> Price {
    let listed = match known {
        Some(Answered::Said(KnownPrice { listed, .. })) => *listed,
        Some(Answered::Failed(_)) | None => Listed::default(),
    };
    let price = listed.per_hour.map_or_else(|| estimate(&key.instance_type, vcpus), Price::listed);
    Price { local_disks: LocalDisks::of(&key.instance_type, listed.local_disks), ..price }
}
