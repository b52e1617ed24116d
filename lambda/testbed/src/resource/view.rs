//! What the looks of all kinds have in common.

use std::future::Future;
use std::time::Duration;

use runawaytrain_core::vocabulary::failure::Failure;

/// One kind's things in one place of an account, which goes on living while they are looked at. Each call takes its
/// time and may fail, and whoever reacts to our looks acts right after it.
pub(crate) trait View<T>: Sync {
    /// Every page of a list, or why one of them could not be read.
    fn list<K: Ord + Send, S: Send>(
        &self,
        operation: &'static str,
        size: usize,
        all: impl Fn(&T) -> Vec<(K, S)> + Send + Sync,
    ) -> impl Future<Output = Result<Vec<S>, Failure>> + Send {
        self.pages(operation, size, all, &[], |_| {})
    }

    /// The same; whatever was read so far is told with every page, and a page that is throttled is asked for again
    /// after each of these waits.
    fn pages<K: Ord + Send, S: Send>(
        &self,
        operation: &'static str,
        size: usize,
        all: impl Fn(&T) -> Vec<(K, S)> + Send + Sync,
        waits: &[Duration],
        so_far: impl Fn(&[S]) + Send + Sync,
    ) -> impl Future<Output = Result<Vec<S>, Failure>> + Send;

    /// Makes a call.
    fn ask(&self, operation: &'static str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What a call that was made shows; `None` where nothing is.
    fn show<S>(&self, operation: &'static str, read: impl FnOnce(&T) -> S) -> Option<S>;
}
