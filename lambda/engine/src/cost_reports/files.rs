//! A report's files, several at once, each in bounded memory.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::yield_now;
use tokio::time::sleep;

use runawaytrain_cur::{FileFormat, Hour, Next, ParquetReader, Reader, ReportFile, Totals};

use super::trouble::Trouble;
use crate::deadline::{Deadline, has_come};
use crate::ports::{ReportObject, ReportStore};

/// How many files are read at the same time. One core unpacks what one connection delivers or more; three keep it busy
/// over the pauses.
const AT_ONCE: usize = 3;
/// How often a transfer that broke off is begun anew, for a file can only be read from its start.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// The sums of all files together, each as it was listed; none where one of them cannot be read.
pub(super) async fn read_all(
    store: &dyn ReportStore,
    bucket: &str,
    files: Vec<(ReportFile, &ReportObject)>,
    since: Hour,
    deadline: Deadline,
) -> Result<Totals, Trouble> {
    let mut totals = Totals::default();
    // A row group is held whole.
    let at_once = if files.iter().any(|(file, _)| file.format == FileFormat::Parquet) { 1 } else { AT_ONCE };
    let readings: Vec<_> =
        files.into_iter().map(|(file, object)| read(store, bucket, file, object, since, deadline)).collect();
    let mut read = futures::stream::iter(readings).buffer_unordered(at_once);
    while let Some(file) = read.next().await {
        totals.merge(file?).map_err(Trouble::CountedTwice)?;
    }
    Ok(totals)
}

async fn read(
    store: &dyn ReportStore,
    bucket: &str,
    file: ReportFile,
    object: &ReportObject,
    since: Hour,
    deadline: Deadline,
) -> Result<Totals, Trouble> {
    let mut tries = 1;
    loop {
        let attempt = match file.format {
            FileFormat::GzipCsv => stream(store, bucket, &file, since, deadline).await,
            FileFormat::Parquet => fetch(store, bucket, &file, object, since, deadline).await,
        };
        match attempt {
            Err(Trouble::File { failure, .. }) if failure.kind.is_retryable() && tries < TRIES => {
                tracing::info!(file = file.key, error = %failure, "the transfer of a report's file broke off; it is begun anew");
                sleep(PAUSE * tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Reads a file of CSV as it arrives.
async fn stream(
    store: &dyn ReportStore,
    bucket: &str,
    file: &ReportFile,
    since: Hour,
    deadline: Deadline,
) -> Result<Totals, Trouble> {
    if has_come(deadline.stop_work()) {
        return Err(Trouble::OutOfTime);
    }
    let mut reader = Reader::new(file.clone()).since(since);
    let mut broken = None;
    let mut sink = |bytes: &[u8]| {
        let fed = if has_come(deadline.stop_work()) {
            Err(Trouble::OutOfTime)
        } else {
            reader.feed(bytes).map_err(Trouble::Report)
        };
        match fed {
            Ok(()) => ControlFlow::Continue(()),
            Err(trouble) => {
                broken = Some(trouble);
                ControlFlow::Break(())
            }
        }
    };
    store.stream(bucket, &file.key, &mut sink).await.map_err(|failure| Trouble::of_file(&file.key, failure))?;
    match broken {
        Some(trouble) => Err(trouble),
        None => reader.finish().map_err(Trouble::Report),
    }
}

/// Reads a Parquet file, span by span.
async fn fetch(
    store: &dyn ReportStore,
    bucket: &str,
    file: &ReportFile,
    object: &ReportObject,
    since: Hour,
    deadline: Deadline,
) -> Result<Totals, Trouble> {
    let mut reader = ParquetReader::new(file.clone(), object.size).since(since);
    loop {
        if has_come(deadline.stop_work()) {
            return Err(Trouble::OutOfTime);
        }
        match reader.next() {
            Next::Bytes(span) => {
                let bytes = store.span(bucket, object, span).await;
                reader.take(bytes.map_err(|failure| Trouble::of_file(&file.key, failure))?).map_err(Trouble::Report)?;
            }
            Next::Count => {
                reader.count().map_err(Trouble::Report)?;
                yield_now().await;
            }
            Next::End => return reader.finish().map_err(Trouble::Report),
        }
    }
}
