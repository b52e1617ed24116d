//! How often something is tried again, and how long is waited before each time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use tokio::time::{Instant, sleep};

use crate::ports::StoreError;

/// Doubling waits. Whoever has luck of its own waits up to a half less, so that those who were refused together do not
/// come back together.
#[derive(Debug, Clone)]
pub struct Patience {
    left: u32,
    wait: Duration,
    longest: Duration,
    luck: u64,
}

impl Patience {
    /// So many retries, the first after so long, none after longer than that.
    pub fn new(retries: u32, first: Duration, longest: Duration) -> Self {
        Self { left: retries, wait: first, longest, luck: 0 }
    }

    /// Whose luck it is: others wait otherwise. Without it the waits are whole.
    #[must_use]
    pub fn of(mut self, whose: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        whose.hash(&mut hasher);
        self.luck = hasher.finish();
        self
    }

    /// How long to wait before the next try; `None` when there is none left.
    #[expect(clippy::should_implement_trait, reason = "nobody walks over waits")]
    pub fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.wait;
        self.wait = (wait * 2).min(self.longest);
        self.luck = self.luck.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(wait.mul_f64(1.0 - (self.luck >> 32) as f64 / f64::from(u32::MAX) / 2.0))
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
    let mut patience = Patience::new(12, Duration::from_millis(250), Duration::from_secs(8)).of(whose);
    loop {
        let failure = match call().await {
            Err(failure) if failure.is_busy() => failure,
            answer => return answer,
        };
        match patience.next().filter(|wait| until.is_none_or(|until| Instant::now() + *wait < until)) {
            Some(wait) => {
                tracing::warn!(error = %failure, "the state table is busy; trying again");
                sleep(wait).await;
            }
            None => return Err(failure),
        }
    }
}
