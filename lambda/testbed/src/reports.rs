//! S3, with the Cost and Usage Reports in it, and what a distributed sweep hands on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::{Clock, ReportObject, ReportStore, Sink, SweepStore};
use tokio::time::sleep;

use crate::clock::SimClock;
use crate::faults::{Fault, failure};

/// Objects a page of a list; S3 has 1,000.
pub const OBJECTS_A_PAGE: usize = 3;
/// Bytes that arrive together.
const PIECE: usize = 1024;
/// How long that takes.
const A_PIECE_TAKES: Duration = Duration::from_millis(1);

/// A bucket in memory, with S3's refusals: it lists page by page, hands objects over piece by piece, and breaks off
/// where it is told to.
#[derive(Debug)]
pub struct MemoryReports {
    clock: Arc<SimClock>,
    shelf: Mutex<Shelf>,
    open: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shelf {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    faults: Vec<Fault>,
    /// Keys whose transfer breaks off after so many bytes, so many times.
    cuts: BTreeMap<String, (usize, u32)>,
    read: Vec<String>,
    most_open: usize,
    writes: u64,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Arc<Vec<u8>>,
    etag: String,
    modified: Timestamp,
}

impl MemoryReports {
    pub(crate) fn new(clock: Arc<SimClock>) -> Self {
        Self { clock, shelf: Mutex::default(), open: AtomicUsize::new(0) }
    }

    /// Writes an object, now.
    pub fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        let modified = self.clock.now();
        let mut shelf = self.shelf();
        shelf.writes += 1;
        let etag = format!("etag-{}", shelf.writes);
        shelf
            .buckets
            .entry(bucket.to_owned())
            .or_default()
            .insert(key.to_owned(), Object { bytes: Arc::new(bytes), etag, modified });
    }

    /// Removes an object.
    pub fn remove(&self, bucket: &str, key: &str) {
        let removed = self.shelf().buckets.get_mut(bucket).and_then(|objects| objects.remove(key));
        assert!(removed.is_some(), "there was no {key}");
    }

    /// From now on calls meet this fault; its operation is `s3:ListBucket`, `s3:GetObject` or `s3:PutObject`.
    pub fn fault(&self, fault: Fault) {
        self.shelf().faults.push(fault);
    }

    /// The transfer of a key breaks off after so many bytes, the next few times.
    pub fn cut(&self, key: &str, after: usize, times: u32) {
        self.shelf().cuts.insert(key.to_owned(), (after, times));
    }

    /// The keys of all objects that were asked for, in order.
    pub fn read(&self) -> Vec<String> {
        self.shelf().read.clone()
    }

    /// How many transfers there were at the same time, at the most.
    pub fn most_open(&self) -> usize {
        self.shelf().most_open
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().expect("not poisoned")
    }

    fn pass(&self, operation: &str) -> Result<(), Failure> {
        let mut shelf = self.shelf();
        match shelf
            .faults
            .iter_mut()
            .find_map(|fault| fault.meets(operation, None, None).then(|| fault.failure.clone()))
        {
            Some(met) => Err(met.unwrap_or_else(|| failure(operation, FailureKind::Unavailable))),
            None => Ok(()),
        }
    }

    fn object(&self, bucket: &str, key: &str) -> Result<Object, Failure> {
        self.pass("s3:GetObject")?;
        let mut shelf = self.shelf();
        shelf.read.push(key.to_owned());
        let found =
            shelf.buckets.get(bucket).ok_or("NoSuchBucket").and_then(|objects| objects.get(key).ok_or("NoSuchKey"));
        found
            .cloned()
            .map_err(|code| Failure { code: Some(code.to_owned()), ..failure("s3:GetObject", FailureKind::NotFound) })
    }
}

#[async_trait]
impl ReportStore for MemoryReports {
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ReportObject>, Failure> {
        let mut found = Vec::new();
        loop {
            self.pass("s3:ListBucket")?;
            sleep(A_PIECE_TAKES).await;
            let shelf = self.shelf();
            let no_bucket =
                || Failure { code: Some("NoSuchBucket".to_owned()), ..failure("s3:ListBucket", FailureKind::NotFound) };
            let objects = shelf.buckets.get(bucket).ok_or_else(no_bucket)?;
            let page: Vec<ReportObject> = objects
                .iter()
                .filter(|(key, _)| {
                    key.starts_with(prefix) && found.last().is_none_or(|last: &ReportObject| **key > last.key)
                })
                .take(OBJECTS_A_PAGE)
                .map(|(key, object)| ReportObject {
                    key: key.clone(),
                    etag: object.etag.clone(),
                    size: object.bytes.len() as u64,
                    modified: object.modified,
                })
                .collect();
            let last = page.len() < OBJECTS_A_PAGE;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }

    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure> {
        let object = self.object(bucket, key)?;
        sleep(A_PIECE_TAKES).await;
        if object.bytes.len() as u64 > most {
            Err(failure("s3:GetObject", FailureKind::Invalid))
        } else {
            Ok(object.bytes.to_vec())
        }
    }

    async fn stream(&self, bucket: &str, key: &str, sink: &mut Sink<'_>) -> Result<(), Failure> {
        let object = self.object(bucket, key)?;
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        let cut = {
            let mut shelf = self.shelf();
            shelf.most_open = shelf.most_open.max(open);
            shelf.cuts.get_mut(key).filter(|(_, times)| *times > 0).map(|(after, times)| {
                *times -= 1;
                *after
            })
        };
        let mut outcome = Ok(());
        for piece in object.bytes.get(..cut.unwrap_or(object.bytes.len())).unwrap_or_default().chunks(PIECE) {
            sleep(A_PIECE_TAKES).await;
            if sink(piece).is_break() {
                break;
            }
        }
        if cut.is_some() {
            outcome = Err(failure("s3:GetObject", FailureKind::Unavailable));
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    async fn span(&self, bucket: &str, object: &ReportObject, span: Range<u64>) -> Result<Vec<u8>, Failure> {
        let found = self.object(bucket, &object.key)?;
        sleep(A_PIECE_TAKES).await;
        if found.etag != object.etag {
            let replaced = failure("s3:GetObject", FailureKind::Unavailable);
            return Err(Failure { code: Some("PreconditionFailed".to_owned()), ..replaced });
        }
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = found.bytes.get(place(span.start)..place(span.end));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| failure("s3:GetObject", FailureKind::Unavailable))
    }
}

#[async_trait]
impl SweepStore for MemoryReports {
    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        self.pass("s3:PutObject")?;
        sleep(A_PIECE_TAKES).await;
        Self::put(self, bucket, key, bytes);
        Ok(())
    }

    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure> {
        ReportStore::get(self, bucket, key, most).await
    }
}
