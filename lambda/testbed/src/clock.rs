//! The clock of the simulation.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_engine::ports::Clock;
use tokio::time::Instant;

use crate::time::EPOCH_SECONDS;

/// Wall-clock time that runs with tokio's virtual time, from a fixed moment on.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
    frozen: Mutex<Duration>,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), frozen: Mutex::default() }
    }

    /// Virtual time since the testbed began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The function's sandbox is frozen for so long, as between two invocations: the clock on the wall goes on, and
    /// nothing that the machine counts does.
    pub fn freeze(&self, pause: Duration) {
        *self.frozen.lock().expect("not poisoned") += pause;
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.began.elapsed() + *self.frozen.lock().expect("not poisoned");
        let elapsed = i64::try_from(elapsed.as_millis()).expect("a test runs less than an age");
        Timestamp::from_millisecond(EPOCH_SECONDS * 1000 + elapsed).expect("a moment of this century")
    }
}
