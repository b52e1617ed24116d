use std::ops::{ControlFlow, Range};

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::vocabulary::failure::Failure;

/// An object of a bucket, as a list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportObject {
    /// Its key.
    pub key: String,
    /// What S3 calls its contents, without the quotes.
    pub etag: String,
    /// In bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

/// Takes an object's bytes as they arrive, and says whether it wants more.
pub type Sink<'a> = dyn FnMut(&[u8]) -> ControlFlow<()> + Send + 'a;

/// The bucket that AWS delivers Cost and Usage Reports to. It can only be read.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// Every object whose key begins so, all pages, by key.
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ReportObject>, Failure>;

    /// A whole object of at most so many bytes; a larger one is a failure and not cut off.
    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure>;

    /// An object of any size, piece by piece, until its end or until the sink breaks off. An object that ends before
    /// the size that S3 gave is a failure; the sink may have taken bytes by then.
    async fn stream(&self, bucket: &str, key: &str, sink: &mut Sink<'_>) -> Result<(), Failure>;

    /// Exactly these bytes of an object, as it was when it was listed. One that was replaced since is a failure, and so
    /// is an answer of fewer bytes.
    async fn span(&self, bucket: &str, object: &ReportObject, span: Range<u64>) -> Result<Vec<u8>, Failure>;
}
