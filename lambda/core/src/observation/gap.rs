//! What could not be seen, and how much of what there is was.

use serde::{Deserialize, Serialize};

use crate::vocabulary::failure::{Failure, FailureKind};
use crate::vocabulary::ids::Region;
use crate::vocabulary::text::count;

/// A place that could not be seen, and why. What is counted beside a gap is a lower bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The region's code, `account` for the whole account, or `users` and the like.
    pub at: String,
    /// Why.
    pub failure: Failure,
}

impl Gap {
    /// A region that was disabled while something ran in it.
    pub(super) fn disabled(region: &Region, running: u64) -> Self {
        let running = count(running, "instance");
        let why = format!("the region is disabled, and {running} ran there when it was last seen");
        // It stays so until somebody enables the region again: to ask at once would not help.
        Self { at: region.to_string(), failure: Failure::own("the look", FailureKind::NotFound, why) }
    }

    /// Whether another look would say the same, however often it is made: we are refused, or there is no way to look.
    pub fn is_lasting(&self) -> bool {
        self.failure.kind.is_lasting()
    }
}

/// How many account-regions were seen of how many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Account-regions that answered.
    pub seen: usize,
    /// Account-regions that there are; an account that cannot be entered counts as one.
    pub expected: usize,
}

impl Coverage {
    /// Whether every region answered.
    pub fn is_full(self) -> bool {
        self.seen == self.expected && self.expected > 0
    }

    /// In percent, 0 where nothing was expected.
    pub fn percent(self) -> f64 {
        if self.expected == 0 {
            return 0.0;
        }
        // Counts of account-regions stay far below 2^52.
        (self.seen as f64) * 100.0 / (self.expected as f64)
    }
}

impl std::ops::AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.seen += other.seen;
        self.expected += other.expected;
    }
}
