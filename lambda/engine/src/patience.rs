//! How often something is tried again, and how long is waited before each time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use tokio::time::{Instant, sleep};

use crate::ports::StoreError;

/// Doubling waits, so many of them or until a time. Whoever has luck of its own waits up to a half less, so that those
/// who were refused together do not come back together.
#[derive(Debug, Clone)]
pub struct Patience {
    left: u32,
    end: Option<Instant>,
    wait: Duration,
    longest: Duration,
    luck: u64,
}

impl Patience {
    /// So many retries, the first after so long, none after longer than that.
    pub fn new(retries: u32, first: Duration, longest: Duration) -> Self {
        Self { left: retries, end: None, wait: first, longest, luck: 0 }
    }

    /// Whose luck it is: others wait otherwise. Without it the waits are whole.
    #[must_use]
    pub fn of(mut self, whose: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        whose.hash(&mut hasher);
        self.luck = hasher.finish();
        self
    }

    /// No wait ends at this time or later.
    #[must_use]
    pub fn until(mut self, end: Option<Instant>) -> Self {
        self.end = end;
        self
    }

    /// How long to wait before the next try; `None` when there is none left.
    #[expect(clippy::should_implement_trait, reason = "nobody walks over waits")]
    pub fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.wait;
        self.wait = (wait * 2).min(self.longest);
        self.luck = self.luck.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let wait = wait.mul_f64(1.0 - (self.luck >> 32) as f64 / f64::from(u32::MAX) / 2.0);
        self.end.is_none_or(|end| Instant::now() + wait < end).then_some(wait)
    }
}

/// The time for what is asked about one by one, such as the keys of every user.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    end: Instant,
}

impl Round {
    /// From now on, so long.
    pub fn of(within: Duration) -> Self {
        Self { end: Instant::now() + within }
    }

    /// Asks, and again while that is throttled. Once the time is over nothing more is asked:
    /// [`FailureKind::NotBegun`].
    pub async fn ask<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        operation: &str,
        whose: &str,
        call: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut patience = Patience::new(u32::MAX, Duration::from_secs(1), Duration::from_secs(4))
            .of((operation, whose))
            .until(Some(self.end));
        if Instant::now() >= self.end {
            return Err(Failure::own(operation, FailureKind::NotBegun, "there was no time left for it in this look"));
        }
        loop {
            match call().await {
                Err(failure) if failure.kind == FailureKind::Throttled => match patience.next() {
                    Some(wait) => sleep(wait).await,
                    None => return Err(failure),
                },
                answer => return answer,
            }
        }
    }
}

/// A failure that may be for others' sake.
pub trait Busy {
    /// Whether the table did not take a call because of others. It will: nothing is wrong with the call, and nobody was
    /// faster.
    fn is_busy(&self) -> bool;
}

impl Busy for Failure {
    fn is_busy(&self) -> bool {
        match self.kind {
            FailureKind::Throttled | FailureKind::Contended => true,
            FailureKind::Credentials
            | FailureKind::Denied
            | FailureKind::QuotaFull
            | FailureKind::NotFound
            | FailureKind::WrongState
            | FailureKind::Unsupported
            | FailureKind::Protected
            | FailureKind::Invalid
            | FailureKind::Unavailable
            | FailureKind::NotBegun
            | FailureKind::Other => false,
        }
    }
}

impl Busy for StoreError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.is_busy(),
            Self::Conflict | Self::LeaseLost => false,
        }
    }
}

/// Calls the table until it is not busy any more: half a minute to a minute in all, and not past a time.
pub(crate) async fn while_busy<T, E: Busy + std::fmt::Display, F: Future<Output = Result<T, E>>>(
    whose: impl Hash,
    until: Option<Instant>,
    call: impl Fn() -> F,
) -> Result<T, E> {
    let mut patience = Patience::new(12, Duration::from_millis(250), Duration::from_secs(8)).of(whose).until(until);
    loop {
        let failure = match call().await {
            Err(failure) if failure.is_busy() => failure,
            answer => return answer,
        };
        match patience.next() {
            Some(wait) => {
                tracing::warn!(error = %failure, "the state table is busy; trying again");
                sleep(wait).await;
            }
            None => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(end: Option<Instant>, whose: &str) -> Vec<Duration> {
        let mut patience = Patience::new(50, Duration::from_secs(1), Duration::from_secs(4)).of(whose).until(end);
        let mut waits = Vec::new();
        while let Some(wait) = patience.next() {
            sleep(wait).await;
            waits.push(wait);
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn a_patience_ends_at_its_time_or_with_its_last_try() {
        let (began, end) = (Instant::now(), Instant::now() + Duration::from_secs(20));
        let spent: Duration = waits(Some(end), "physics").await.into_iter().sum();
        assert!(spent > Duration::from_secs(15) && Instant::now() < end, "{spent:?} since {began:?}");
        assert_eq!(waits(Some(Instant::now()), "physics").await, []);
        assert_eq!(waits(None, "physics").await.len(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_asks_what_is_throttled_again_and_nothing_once_its_time_is_over() {
        let (round, asked) = (Round::of(Duration::from_secs(20)), std::cell::Cell::new(0));
        let throttled = || Failure::own("iam:ListAccessKeys", FailureKind::Throttled, "");
        let third = || {
            asked.set(asked.get() + 1);
            std::future::ready(if asked.get() < 3 { Err(throttled()) } else { Ok(asked.get()) })
        };
        assert_eq!(round.ask("iam:ListAccessKeys", "ann", third).await, Ok(3));
        let never = || std::future::ready(Err::<(), _>(throttled()));
        let kind = async || round.ask("iam:ListAccessKeys", "bob", never).await.map_err(|failure| failure.kind);
        assert_eq!(kind().await, Err(FailureKind::Throttled));
        sleep(Duration::from_secs(20)).await;
        assert_eq!(kind().await, Err(FailureKind::NotBegun));
        let denied = || std::future::ready(Err::<(), _>(Failure::own("iam:ListAccessKeys", FailureKind::Denied, "")));
        let failure = Round::of(Duration::from_secs(20)).ask("iam:ListAccessKeys", "zoe", denied).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Denied, "that does not pass by waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn no_two_wait_alike() {
        assert_ne!(waits(None, "us-east-1").await, waits(None, "us-west-2").await);
    }
}
