//! A sweep of many workers: what each of its steps answers. Step Functions carries no more than 256 KiB from one state
//! to the next, so that it is counts and ids; what else was found of an account is in the log.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::totals::Totals;
use crate::observation::Coverage;
use crate::vocabulary::ids::AccountId;

/// Where the accounts are that the workers sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListReport {
    /// The execution's name.
    pub sweep: String,
    /// How many accounts there are; none where nothing is to be swept.
    pub accounts: usize,
    /// The bucket.
    pub bucket: String,
    /// The key of a list of their ids.
    pub key: String,
    /// What the keys of the workers' answers begin with, without the slash at its end.
    pub results: String,
}

/// What a worker found in its batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    /// The accounts of which it knows what became of them.
    pub accounts: Vec<AccountId>,
    /// Those of them that it did not serve.
    pub unserved: Vec<AccountId>,
    /// What it counted.
    #[serde(flatten)]
    pub counts: BatchCounts,
}

/// What is added up over batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCounts {
    /// Whether every account was reached before the deadline, and its record is known.
    pub complete: bool,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
    /// Sums over all accounts.
    pub totals: Totals,
    /// Accounts whose halt stands, or is being proven.
    pub halted: usize,
    /// Accounts that are frozen.
    pub frozen: usize,
    /// Who let us in.
    pub entry: Entry,
}

impl Default for BatchCounts {
    /// Of no account.
    fn default() -> Self {
        Self {
            complete: true,
            coverage: Coverage::default(),
            totals: Totals::default(),
            halted: 0,
            frozen: 0,
            entry: Entry::default(),
        }
    }
}

impl AddAssign for BatchCounts {
    fn add_assign(&mut self, other: Self) {
        self.complete &= other.complete;
        self.coverage += other.coverage;
        self.totals += other.totals;
        self.halted += other.halted;
        self.frozen += other.frozen;
        self.entry += other.entry;
    }
}

/// How many accounts could be entered, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Accounts that were to be looked at.
    pub looked_at: usize,
    /// Those of them that were entered.
    pub entered: usize,
    /// Those of them that ever let us in.
    pub known: usize,
    /// Those of these that were entered.
    pub known_entered: usize,
}

impl Entry {
    /// Whether a sweep could enter what it is to guard: something at all, and at least half of the accounts that it
    /// looked at and that ever let it in. Otherwise there is no heartbeat, so that its alarm says so; accounts that are
    /// not enrolled yet are no reason.
    pub fn is_guarding(self) -> bool {
        (self.looked_at == 0 || self.entered > 0) && self.known_entered * 2 >= self.known
    }
}

impl AddAssign for Entry {
    fn add_assign(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.entered += other.entered;
        self.known += other.known;
        self.known_entered += other.known_entered;
    }
}

/// How many workers there were in a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Workers {
    /// Those that answered.
    pub answered: usize,
    /// Those that failed, ran out of time or answered nothing that can be read.
    pub failed: usize,
}
