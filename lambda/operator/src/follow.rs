//! How a halt or a release goes on, while the guard is at it: as the account's record and journal say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;
use tokio::time::{Instant, sleep};

use crate::table::Table;

/// How often is looked: a halt of some accounts takes seconds, one that resists some minutes.
const EVERY: Duration = Duration::from_secs(2);
/// No Lambda runs longer.
const LONGEST: Duration = Duration::from_secs(900);
/// The first thing that an order writes is there by then.
const SOON: Duration = Duration::from_secs(60);

/// The last that is known, in words.
#[derive(Debug, Clone, Default)]
pub struct Latest(Arc<Mutex<String>>);

impl Latest {
    /// In words; nothing before anything is known.
    pub fn said(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn say(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// Follows an account until nobody wants to know any more. What cannot be read for a while is not spoken of: the answer
/// of the guard comes anyway.
pub async fn follow(account: &AccountId, table: &Table, latest: &Latest) {
    loop {
        if let Ok(Some(known)) = table.record(account).await {
            let calls = match &known.record.halt {
                Some(halt) => table.journal(account, &halt.id).await.map(|entries| {
                    let concluded = entries.iter().filter(|entry| entry.concluded.is_some()).count();
                    (concluded, entries.len())
                }),
                None => Ok((0, 0)),
            };
            latest.say(words(&known.record, calls.ok()));
        }
        sleep(EVERY).await;
    }
}

fn words(record: &AccountRecord, calls: Option<(usize, usize)>) -> String {
    let running = record
        .last
        .as_ref()
        .map_or_else(String::new, |last| format!(", {} running", count(last.instances, "instance")));
    let calls = match calls {
        Some((concluded, begun)) if begun > 0 => format!(", {concluded} of {begun} calls answered"),
        _ => String::new(),
    };
    format!("{}{running}{calls}", record.state)
}

/// Where an account stood before an order was given.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// Of its record; 0 where there is none.
    version: u64,
}

impl Before {
    /// Reads it. What cannot be read now is taken for never written: the order is given all the same.
    pub async fn read(account: &AccountId, table: &Table) -> Self {
        let known = table.record(account).await.ok().flatten();
        Self { version: known.map_or(0, |known| known.version) }
    }
}

/// What became of an order whose answer was lost.
#[derive(Debug)]
pub enum Ending {
    /// The account is where the order leaves it.
    Settled(State),
    /// Nothing was written of it: it may never have reached the guard.
    Untouched,
    /// It was not there within the time of a Lambda.
    GoesOn,
    /// It could not be read, at the last.
    Unreadable(Failure),
}

/// Waits until an account is where an order leaves it, by what was written since; or for as long as a Lambda may run.
pub async fn until_settled(
    account: &AccountId,
    table: &Table,
    before: Before,
    is_settled: fn(State) -> bool,
) -> Ending {
    let begun = Instant::now();
    loop {
        let read = table.record(account).await;
        let news = read.as_ref().ok().and_then(Option::as_ref).filter(|known| known.version > before.version);
        match (news, begun.elapsed()) {
            (Some(known), _) if is_settled(known.record.state) && known.lease.is_none() => {
                return Ending::Settled(known.record.state);
            }
            (None, waited) if waited >= SOON && read.is_ok() => return Ending::Untouched,
            (_, waited) if waited >= LONGEST => return read.map_or_else(Ending::Unreadable, |_| Ending::GoesOn),
            (Some(_) | None, _) => sleep(EVERY).await,
        }
    }
}
