//! A thief in an account: a strategy, the credentials it stole or made, and nothing else.
//!
//! It acts only through a credential that still opens something at that moment, and only where no policy in force
//! denies it; what it makes it may use at once. It is worse than most real ones: it is never throttled, never waits for
//! a region to be enabled, and may read our mind (see [`Cadence::AfterReads`]). The same seed makes the same thief.

mod deeds;
mod grip;
mod strategy;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use runawaytrain_core::vocabulary::ids::AccountId;
use tokio::task::JoinHandle;

use crate::account::SimAccount;
use crate::world::World;

use grip::Hand;
pub use grip::Principal;
pub use strategy::Strategy;

/// When a thief acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cadence {
    /// So often, up to a quarter earlier or later.
    Every(Duration),
    /// In the same instant after each of our looks whose operation begins so: what it makes is never in the observation
    /// that we act on.
    AfterReads(String),
}

/// What a thief wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// What it does whenever it acts, in this order.
    pub strategies: Vec<Strategy>,
    /// The credentials that it begins with.
    pub stolen: Vec<Principal>,
    /// When it acts.
    pub cadence: Cadence,
    /// How long it waits before its first deed.
    pub patience: Duration,
    /// Its luck.
    pub seed: u64,
}

/// A thief at large. It gives up when this is dropped.
pub struct Thief {
    account: AccountId,
    hand: Arc<Mutex<Hand>>,
    task: Option<JoinHandle<()>>,
}

impl Thief {
    /// Lets a thief loose in an account. Needs a tokio runtime.
    pub fn loose(world: &Arc<World>, account: &AccountId, intent: Intent) -> Self {
        let hand = Arc::new(Mutex::new(Hand::new(intent.stolen, intent.seed)));
        world.with(account, |known| locked(&hand).take_sessions(known));
        let mut thief = Self { account: account.clone(), hand: Arc::clone(&hand), task: None };
        let (strategies, account) = (intent.strategies, account.clone());
        match intent.cadence {
            Cadence::Every(pause) => {
                let world = Arc::clone(world);
                thief.task = Some(tokio::spawn(async move {
                    tokio::time::sleep(intent.patience).await;
                    loop {
                        world.with(&account, |known| strategy::follow(&strategies, &mut locked(&hand), known));
                        let pause = locked(&hand).dice.about(pause);
                        tokio::time::sleep(pause).await;
                    }
                }));
            }
            Cadence::AfterReads(beginning) => {
                let from = tokio::time::Instant::now() + intent.patience;
                world.after_reads(move |operation, whose, known| {
                    if *whose == account && operation.starts_with(&beginning) && tokio::time::Instant::now() >= from {
                        strategy::follow(&strategies, &mut locked(&hand), known);
                    }
                });
            }
        }
        thief
    }

    /// Whose account it is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What still opens something for it at this moment.
    pub fn usable(&self, known: &SimAccount) -> Vec<Principal> {
        locked(&self.hand).usable(known)
    }

    /// How often it got its way.
    pub fn deeds(&self) -> u32 {
        locked(&self.hand).deeds
    }

    /// How often it wanted something and nothing that it holds could do it.
    pub fn refusals(&self) -> u32 {
        locked(&self.hand).refusals
    }
}

impl Drop for Thief {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn locked(hand: &Mutex<Hand>) -> MutexGuard<'_, Hand> {
    hand.lock().expect("not poisoned")
}
