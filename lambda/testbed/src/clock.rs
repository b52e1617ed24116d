//! The clock of the simulation.

use jiff::Timestamp;
use runawaytrain_engine::ports::Clock;
use tokio::time::Instant;

use crate::time::EPOCH_SECONDS;

/// Wall-clock time that runs with tokio's virtual time, from a fixed moment on.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// Virtual time since the testbed began.
    pub fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.began.elapsed().as_millis()).expect("a test runs less than an age");
        Timestamp::from_millisecond(EPOCH_SECONDS * 1000 + elapsed).expect("a moment of this century")
    }
}
