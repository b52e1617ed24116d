//! How far a command has come: what a look over many accounts and regions has seen, and what an interruption has to
//! say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_core::vocabulary::text::count;
use tokio::sync::Notify;

/// Counts looks; the same for all that have a copy of it.
#[derive(Debug, Clone, Default)]
pub struct Looks(Arc<Mutex<BTreeMap<AccountId, Regions>>>);

#[derive(Debug, Default)]
struct Regions {
    expected: usize,
    seen: BTreeSet<Region>,
}

impl Looks {
    /// So many regions of an account will be looked at.
    pub fn expects(&self, account: &AccountId, regions: usize) {
        self.change(account, |of| of.expected = of.expected.max(regions));
    }

    /// Something of a region was looked at.
    pub fn saw(&self, account: &AccountId, region: &Region) {
        self.change(account, |of| _ = of.seen.insert(region.clone()));
    }

    fn change(&self, account: &AccountId, change: impl FnOnce(&mut Regions)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(account.clone()).or_default());
    }

    /// `12 accounts, 87 of 204 regions`; nothing before the first.
    pub fn so_far(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return String::new();
        }
        let (expected, seen) =
            all.values().fold((0, 0), |(expected, seen), of| (expected + of.expected, seen + of.seen.len()));
        format!("{}, {seen} of {expected} regions", count(all.len() as u64, "account"))
    }
}

/// What an interruption has to say: whether AWS may be at work already. And whether whoever works ends by itself.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    begun: Arc<Mutex<String>>,
    interruption: Arc<Interruption>,
}

#[derive(Debug, Default)]
struct Interruption {
    is_minded: AtomicBool,
    said: Notify,
}

impl Progress {
    /// What whoever calls this has begun already.
    pub fn new(begun: &str) -> Self {
        Self { begun: Arc::new(Mutex::new(begun.to_owned())), interruption: Arc::default() }
    }

    /// From now on this is what an interruption has to say.
    pub fn has_begun(&self, what: &str) {
        if let Ok(mut begun) = self.begun.lock() {
            what.clone_into(&mut begun);
        }
    }

    /// What stays of it.
    pub fn so_far(&self) -> String {
        self.begun.lock().map(|begun| begun.clone()).unwrap_or_default()
    }

    /// From now on whoever works has something to clear away, and does so when it is interrupted.
    pub fn minds_interruption(&self) {
        self.interruption.is_minded.store(true, Ordering::Release);
    }

    /// Tells whoever works of an interruption. Whether it is to be waited for: it is once, and who interrupts a second
    /// time does not want to wait.
    pub fn interrupt(&self) -> bool {
        let is_minded = self.interruption.is_minded.swap(false, Ordering::AcqRel);
        if is_minded {
            self.interruption.said.notify_one();
        }
        is_minded
    }

    /// Ends when somebody interrupts; also where that was before it was asked.
    pub async fn interrupted(&self) {
        self.interruption.said.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interruption_is_minded_once_and_not_before_there_is_something_to_clear_away() {
        let progress = Progress::new("nothing was changed");
        assert!(!progress.interrupt(), "nothing is begun");
        progress.minds_interruption();
        assert!(progress.clone().interrupt());
        progress.interrupted().await;
        assert!(!progress.interrupt(), "the second time nobody waits");
    }

    #[test]
    fn what_was_seen_is_told_of_what_is_expected() {
        let (looks, region) = (Looks::default(), |name: &str| Region::new(name));
        assert_eq!(looks.so_far(), "");
        for (account, regions) in [("111111111111", 2), ("222222222222", 17)] {
            let account = AccountId::parse(account).unwrap();
            looks.expects(&account, regions);
            // Several kinds are looked at in a region.
            looks.saw(&account, &region("us-east-1"));
            looks.clone().saw(&account, &region("us-east-1"));
        }
        assert_eq!(looks.so_far(), "2 accounts, 2 of 19 regions");
    }
}
