use async_trait::async_trait;

use runawaytrain_core::vocabulary::failure::Failure;

/// The bucket that a distributed sweep goes through: what its steps hand to each other.
#[async_trait]
pub trait SweepStore: Send + Sync {
    /// Writes a whole object, in the place of what was there before.
    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Failure>;

    /// A whole object of at most so many bytes; a larger one is a failure and not cut off.
    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure>;
}
