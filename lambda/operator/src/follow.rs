//! How a halt or a release goes on, while the guard is at it: as the account's record and journal say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;
use runawaytrain_engine::ports::{Journal, States};

/// How often is looked: a halt of some accounts takes seconds, one that resists some minutes.
const EVERY: Duration = Duration::from_secs(2);
/// No Lambda runs longer.
pub const LONGEST: Duration = Duration::from_secs(900);

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
pub async fn follow(account: &AccountId, states: &dyn States, journal: &dyn Journal, latest: &Latest) {
    loop {
        if let Ok(Some(known)) = states.load(account).await {
            let calls = match &known.record.halt {
                Some(halt) => journal.entries(account, &halt.id).await.map(|entries| {
                    let concluded = entries.iter().filter(|entry| entry.concluded.is_some()).count();
                    (concluded, entries.len())
                }),
                None => Ok((0, 0)),
            };
            latest.say(words(&known.record, calls.ok()));
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn words(record: &AccountRecord, calls: Option<(usize, usize)>) -> String {
    let running = record
        .last
        .as_ref()
        .map_or_else(String::new, |last| format!(", {} running", count(last.instances, "instance")));
    let calls = match calls {
        Some((concluded, begun)) if begun > 0 => format!(", {concluded} of {begun} calls done"),
        _ => String::new(),
    };
    format!("{}{running}{calls}", record.state)
}

/// Waits until an account is where an order leaves it, or for as long as a Lambda may run. Where it is then.
pub async fn until_settled(account: &AccountId, states: &dyn States, is_settled: fn(State) -> bool) -> Option<State> {
    let settled = async {
        loop {
            match states.load(account).await {
                Ok(Some(known)) if is_settled(known.record.state) => return known.record.state,
                _ => tokio::time::sleep(EVERY).await,
            }
        }
    };
    tokio::time::timeout(LONGEST, settled).await.ok()
}
