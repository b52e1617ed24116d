use jiff::Timestamp;

/// Wall-clock time. Only what is written down or compared across invocations asks for it; waiting is tokio's business.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
