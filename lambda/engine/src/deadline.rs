//! An invocation, its end, and how the work before that is wound up.

use std::time::Duration;

use tokio::time::Instant;

/// No Lambda runs longer than 15 minutes: a remaining time past an hour is an emulator's nonsense, not a deadline.
const LONGEST_CREDIBLE: Duration = Duration::from_secs(3600);

/// Kept free before the end for winding up: what is under way ends, what is left is named and recorded, mails are sent.
const RESERVE: Duration = Duration::from_secs(20);

/// One invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id: holds leases, names the sweep.
    pub id: String,
    /// Its end.
    pub deadline: Deadline,
}

/// When an invocation must have answered. Before that, in this order: nothing new is begun, what is under way is no
/// longer waited for, and an account that has not been wound up by then is abandoned, with its lease running out by
/// itself.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Option<Instant>,
    reserve: Duration,
}

impl Deadline {
    /// No deadline.
    pub fn never() -> Self {
        Self { end: None, reserve: RESERVE }
    }

    /// A deadline this far away. A senseless one is taken for none: zero (already over at the start) or past an hour.
    /// Never less than half of the time is left for work.
    pub fn within(remaining: Duration) -> Self {
        let credible = !remaining.is_zero() && remaining <= LONGEST_CREDIBLE;
        Self { end: credible.then(|| Instant::now() + remaining), reserve: RESERVE.min(remaining / 2) }
    }

    /// From when on nothing new is begun.
    pub fn stop_work(self) -> Option<Instant> {
        Some(self.end? - self.reserve)
    }

    /// From when on what is under way is no longer waited for.
    pub fn cut_off(self) -> Option<Instant> {
        Some(self.end? - self.reserve / 2)
    }

    /// From when on an account that is not wound up is abandoned.
    pub fn abandon(self) -> Option<Instant> {
        Some(self.end? - self.reserve / 4)
    }
}

/// Waits no longer than until a time; `None` when it has come.
pub(crate) async fn in_time<T>(until: Option<Instant>, what: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => tokio::time::timeout_at(until, what).await.ok(),
        None => Some(what.await),
    }
}

/// Whether a time has come; never, where there is none.
pub(crate) fn has_come(time: Option<Instant>) -> bool {
    time.is_some_and(|time| Instant::now() >= time)
}
