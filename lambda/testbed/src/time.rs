//! Moments of the simulation, and how long AWS takes to agree with itself.

use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use tokio::time::Instant;

/// 2026-11-22T03:00:00Z: a Sunday night.
pub(crate) const EPOCH_SECONDS: i64 = 1_795_316_400;

/// A moment so many seconds after the testbed's beginning.
pub(crate) fn since_epoch(seconds: i64) -> Timestamp {
    Timestamp::from_second(EPOCH_SECONDS).expect("a moment of this century") + SignedDuration::from_secs(seconds)
}

/// A moment so long ago.
pub(crate) fn ago(now: Timestamp, age: Duration) -> Timestamp {
    now.checked_sub(age).expect("a moment of this age")
}

/// Before when a session must have been issued to be denied by what is written now and reaches so far ahead. Tokens are
/// dated by the second, so the second that has begun is covered to its end.
pub(crate) fn session_limit(now: Timestamp, ahead: SignedDuration) -> Timestamp {
    let whole_second = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    (now + ahead).round(whole_second).expect("a moment of this century")
}

/// How long IAM and Organizations take to agree with themselves: what was written is read back at once, but bites only
/// after this.
pub const CONSISTENCY: Duration = Duration::from_secs(4);

/// A value that bites some seconds after it was written.
#[derive(Debug, Clone)]
pub struct Lagged<T> {
    written: T,
    before: T,
    bites: Option<Instant>,
}

impl<T: Clone> Lagged<T> {
    /// A value that has been in force for ever.
    pub fn new(value: T) -> Self {
        Self { written: value.clone(), before: value, bites: None }
    }

    /// What was written last, as a reader sees it.
    pub fn written(&self) -> &T {
        &self.written
    }

    /// What bites at this moment.
    pub fn in_force(&self) -> &T {
        if self.bites.is_none_or(|bites| Instant::now() >= bites) { &self.written } else { &self.before }
    }

    /// Writes a value and gives what was written before.
    pub fn write(&mut self, value: T) -> T {
        self.before = self.in_force().clone();
        self.bites = Some(Instant::now() + CONSISTENCY);
        std::mem::replace(&mut self.written, value)
    }
}
