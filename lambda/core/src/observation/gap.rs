//! What could not be seen, and how much of what there is was.

use serde::{Deserialize, Serialize};

use crate::vocabulary::failure::Failure;

/// A place that could not be seen, and why. What is counted beside a gap is a lower bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The region's code, `account` for the whole account, or `users` and the like.
    pub at: String,
    /// Why.
    pub failure: Failure,
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
