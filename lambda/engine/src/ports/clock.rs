use jiff::{SignedDuration, Timestamp};

/// Wall-clock time. Only what is written down or compared across invocations asks for it; waiting is tokio's business.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// So long after now.
    fn after(&self, by: SignedDuration) -> Timestamp {
        self.now().checked_add(by).unwrap_or(Timestamp::MAX)
    }
}
