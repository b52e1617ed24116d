//! How long a look that is throttled is tried again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

/// A look that is throttled is tried for so long: whoever uses up an account's quota of calls gets most of it, and never
/// all, for it comes back token by token and anybody may be the next to ask.
const LONGEST: Duration = Duration::from_secs(40);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// The patience of one look. It waits without a permit, so that no other account waits for it.
#[derive(Debug)]
pub(super) struct Patience {
    end: Instant,
    wait: Duration,
    dice: u64,
}

impl Patience {
    /// A patience that leaves at least half of the time until then to what follows. Whose it is spreads the looks of an
    /// account over time: all at once would be throttled all at once.
    pub fn until(until: Option<Instant>, whose: impl Hash) -> Self {
        let now = Instant::now();
        let half = until.map_or(LONGEST, |until| until.saturating_duration_since(now) / 2);
        let mut hasher = DefaultHasher::new();
        whose.hash(&mut hasher);
        Self { end: now + LONGEST.min(half), wait: FIRST_WAIT, dice: hasher.finish() }
    }

    /// How long to wait before the next try, half as long again or half as short; `None` when it is at its end.
    pub fn next(&mut self) -> Option<Duration> {
        let mut hasher = DefaultHasher::new();
        self.dice.hash(&mut hasher);
        self.dice = hasher.finish();
        let wait = self.wait.mul_f64(0.5 + (self.dice % 1_000) as f64 / 1_000.0);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        (Instant::now() + wait < self.end).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(until: Option<Duration>, whose: &str) -> Vec<Duration> {
        let mut patience = Patience::until(until.map(|until| Instant::now() + until), whose);
        let (mut waits, mut left) = (Vec::new(), 100);
        while let Some(wait) = patience.next() {
            // As if it had been waited for.
            patience.end -= wait;
            waits.push(wait);
            left -= 1;
            assert!(left > 0, "it has no end");
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn a_patience_ends_with_half_of_the_time_left() {
        let sum = |until| waits(until, "physics").into_iter().sum::<Duration>();
        assert!((Duration::from_secs(30)..LONGEST).contains(&sum(None)), "{:?}", sum(None));
        assert!(sum(Some(Duration::from_secs(20))) < Duration::from_secs(10));
        assert_eq!(sum(Some(Duration::ZERO)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn no_two_looks_wait_alike() {
        assert_ne!(waits(None, "us-east-1"), waits(None, "us-west-2"));
    }
}
