//! What a sweep adds up to.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::vocabulary::money::Usd;

/// Sums over all accounts of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Accounts in scope.
    pub accounts: usize,
    /// Accounts judged Ok.
    pub ok: usize,
    /// Accounts judged Warn.
    pub warn: usize,
    /// Accounts judged Halt, or standing halted.
    pub halt: usize,
    /// Accounts that could not be seen whole. They are also counted by their judgement, unless they could not be
    /// entered at all.
    pub unseen: usize,
    /// Accounts that were not served: refused, or not reached before the deadline.
    pub unserved: usize,
    /// Instances that count.
    pub instances: u64,
    /// Their vCPUs.
    pub vcpus: u64,
    /// What they cost in an hour, in US dollars.
    pub burn: Usd,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.accounts += other.accounts;
        self.ok += other.ok;
        self.warn += other.warn;
        self.halt += other.halt;
        self.unseen += other.unseen;
        self.unserved += other.unserved;
        self.instances += other.instances;
        self.vcpus += other.vcpus;
        self.burn += other.burn;
    }
}
