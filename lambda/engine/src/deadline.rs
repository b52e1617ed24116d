//! The invocation's end.

use std::time::Duration;

use tokio::time::Instant;

/// No Lambda runs longer than 15 minutes: a remaining time past an hour is an emulator's nonsense, not a deadline.
const LONGEST_CREDIBLE: Duration = Duration::from_secs(3600);

/// Kept free before the end for naming what is not finished, sending mails and answering. What is aborted keeps its lease until it runs out.
const RESERVE: Duration = Duration::from_secs(20);

/// When an invocation must have answered.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Option<Instant>,
}

impl Deadline {
    /// No deadline.
    pub fn never() -> Self {
        Self { end: None }
    }

    /// A deadline this far away. A senseless one is taken for none: zero (already over at the start) or past an hour.
    pub fn within(remaining: Duration) -> Self {
        let credible = !remaining.is_zero() && remaining <= LONGEST_CREDIBLE;
        Self { end: credible.then(|| Instant::now() + remaining) }
    }

    /// When work must stop so that there is time to write down the rest: never less than half of what remains is left for work.
    pub fn stop_work(self) -> Option<Instant> {
        let end = self.end?;
        let remaining = end.saturating_duration_since(Instant::now());
        Some(end - RESERVE.min(remaining / 2))
    }
}
