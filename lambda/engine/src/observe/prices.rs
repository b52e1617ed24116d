//! What an instance costs in an hour: asked of the price list once, kept in the warm function and in the table,
//! estimated where it cannot be had.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use tokio::sync::Mutex;
use tokio::time::timeout;

use runawaytrain_core::measure::price::{Price, PriceKey, Prices, estimate};
use runawaytrain_core::measure::vcpus::Vcpus;

use crate::ports::{Clock, KnownPrice, Ports, PriceBook, PriceList};

/// List prices change a few times a year.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A type that has no price today may have one tomorrow.
const NONE_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// After the price list failed, it is let alone for so long.
const FAILED_GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);
/// So many questions at once: the price list takes ten a second.
/// <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html>
const AT_A_TIME: usize = 4;
/// A price is not worth a late halt: past this it is estimated.
const PATIENCE: Duration = Duration::from_secs(5);

/// The prices that are known.
#[derive(Clone)]
pub struct PriceMemory {
    list: Arc<dyn PriceList>,
    book: Arc<dyn PriceBook>,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Option<BTreeMap<PriceKey, Answered>>>>,
}

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
            Self::Said(known) if known.per_hour.is_some() => (known.asked, GOOD_FOR),
            Self::Said(known) => (known.asked, NONE_GOOD_FOR),
            Self::Failed(at) => (at, FAILED_GOOD_FOR),
        };
        now.duration_since(since) < good_for
    }
}

impl PriceMemory {
    /// A memory over the price list and the book of what it said before.
    pub fn new(ports: &Ports) -> Self {
        Self {
            list: Arc::clone(&ports.price_list),
            book: Arc::clone(&ports.price_book),
            clock: Arc::clone(&ports.clock),
            known: Arc::default(),
        }
    }

    /// A price for every one of these: from the list where it has one, else by vCPUs. Never fails, and never waits
    /// long.
    pub async fn of(&self, wanted: BTreeMap<PriceKey, Vcpus>) -> Prices {
        let mut memory = self.known.lock().await;
        let known = match &mut *memory {
            Some(known) => known,
            empty => empty.insert(self.remembered().await),
        };
        let now = self.clock.now();
        let missing: Vec<PriceKey> = wanted
            .keys()
            .filter(|key| !known.get(*key).is_some_and(|answered| answered.is_good_at(now)))
            .cloned()
            .collect();
        let answers: Vec<(PriceKey, Answered)> =
            stream::iter(missing).map(|key| self.ask(key)).buffer_unordered(AT_A_TIME).collect().await;
        for (key, answered) in answers {
            // A price of last week beats none at all.
            let keep_old = matches!(answered, Answered::Failed(_))
                && matches!(known.get(&key), Some(Answered::Said(old)) if old.per_hour.is_some());
            if !keep_old {
                known.insert(key, answered);
            }
        }
        let priced = |(key, vcpus): (PriceKey, Vcpus)| {
            let price = price(known.get(&key), &key, vcpus);
            (key, price)
        };
        wanted.into_iter().map(priced).collect()
    }

    async fn remembered(&self) -> BTreeMap<PriceKey, Answered> {
        match self.book.prices().await {
            Ok(prices) => prices.into_iter().map(|(key, known)| (key, Answered::Said(known))).collect(),
            Err(failure) => {
                tracing::warn!(error = %failure, "the prices kept in the table could not be read; they are asked for anew");
                BTreeMap::new()
            }
        }
    }

    async fn ask(&self, key: PriceKey) -> (PriceKey, Answered) {
        let now = self.clock.now();
        let answered = match timeout(PATIENCE, self.list.on_demand(&key)).await {
            Ok(Ok(per_hour)) => {
                let known = KnownPrice { per_hour, asked: now };
                if per_hour.is_none() {
                    tracing::warn!(price = %key, "the price list has no price; it is estimated by vCPUs");
                }
                if let Err(failure) = self.book.keep(&key, &known).await {
                    tracing::warn!(price = %key, error = %failure, "a price could not be kept; the next cold start asks again");
                }
                Answered::Said(known)
            }
            Ok(Err(failure)) => {
                tracing::warn!(price = %key, error = %failure, "a price could not be had; it is estimated by vCPUs");
                Answered::Failed(now)
            }
            Err(_slow) => {
                tracing::warn!(price = %key, "the price list did not answer in time; the price is estimated by vCPUs");
                Answered::Failed(now)
            }
        };
        (key, answered)
    }
}

fn price(known: Option<&Answered>, key: &PriceKey, vcpus: Vcpus) -> Price {
    match known {
        Some(Answered::Said(KnownPrice { per_hour: Some(per_hour), .. })) => Price::listed(*per_hour),
        _ => estimate(&key.instance_type, vcpus),
    }
}
