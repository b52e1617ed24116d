//! Cost and Usage Reports over S3, in both emulators; and reports that somebody else's tool made, read whole through
//! the engine.
#![cfg(test)]

mod common;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Clock, ReportStore, SpendBook};
use runawaytrain_engine::sweep::Guard;
use runawaytrain_testbed::Testbed;
use serde_json::json;

use common::{Watch, account, address, keys, ports, scene, settings};

/// An account id, which ministack takes for the caller's; moto takes anything.
const PAYER: &str = "999999999999";

fn store(endpoint: &str) -> Arc<dyn ReportStore> {
    ports(endpoint, PAYER, &settings("runawaytrain", &account(PAYER)), Watch::new()).report_store
}

async fn bucket(endpoint: &str, name: &str) -> Client {
    let client = Client::new(&scene(endpoint, "us-east-1", keys(PAYER, "test")));
    client.create_bucket().bucket(name).send().await.unwrap();
    client
}

async fn put(client: &Client, bucket: &str, key: &str, bytes: Vec<u8>) {
    client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes)).send().await.unwrap();
}

/// What the port promises, on one emulator.
async fn keeps_its_promises(endpoint: &str) {
    const PAGE: usize = 1000;
    let client = bucket(endpoint, "payer-reports").await;
    // One more than S3 gives at once, and some that begin otherwise.
    let one = |number: usize| {
        let client = client.clone();
        async move { put(&client, "payer-reports", &format!("cur/f-{number:04}"), vec![b'x']).await }
    };
    stream::iter(0..=PAGE).map(one).buffer_unordered(16).collect::<Vec<()>>().await;
    put(&client, "payer-reports", "curious", vec![b'x']).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    put(&client, "payer-reports", "data/a b+c=1.csv.gz", bytes.clone()).await;
    put(&client, "payer-reports", "data/empty", Vec::new()).await;

    let store = store(endpoint);
    let listed = store.list("payer-reports", "cur/").await.unwrap();
    assert_eq!(listed.len(), PAGE + 1);
    assert!(listed.is_sorted_by(|one, other| one.key < other.key));
    assert!(listed.iter().all(|object| object.size == 1
        && object.etag.len() == 32
        && object.modified > "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!(store.list("payer-reports", "nothing/").await.unwrap(), []);
    assert_eq!(store.list("payer-reports", "").await.unwrap().len(), PAGE + 4);

    let key = "data/a b+c=1.csv.gz";
    assert!(store.get("payer-reports", key, 3_000_000).await.unwrap() == bytes);
    assert_eq!(store.get("payer-reports", key, 2_999_999).await.unwrap_err().kind, FailureKind::Invalid);
    let (mut taken, mut pieces) = (Vec::new(), 0);
    let mut all = |piece: &[u8]| {
        taken.extend_from_slice(piece);
        pieces += 1;
        ControlFlow::Continue(())
    };
    store.stream("payer-reports", key, &mut all).await.unwrap();
    assert!(taken == bytes && pieces > 1, "{pieces} pieces");
    let mut first = 0;
    let mut enough = |_: &[u8]| {
        first += 1;
        ControlFlow::Break(())
    };
    store.stream("payer-reports", key, &mut enough).await.unwrap();
    assert_eq!(first, 1);
    assert_eq!(store.get("payer-reports", "data/empty", 0).await.unwrap(), b"");

    let listed = store.list("payer-reports", key).await.unwrap().remove(0);
    assert!(store.span("payer-reports", &listed, 0..8).await.unwrap() == bytes[..8]);
    assert!(store.span("payer-reports", &listed, 1_000_000..3_000_000).await.unwrap() == bytes[1_000_000..]);
    assert_eq!(store.span("payer-reports", &listed, 7..7).await.unwrap(), b"");
    let past_the_end = store.span("payer-reports", &listed, 2_999_999..3_000_001).await.unwrap_err();
    assert_eq!(past_the_end.kind, FailureKind::Unavailable, "{past_the_end}");
    put(&client, "payer-reports", key, b"another".to_vec()).await;
    let replaced = store.span("payer-reports", &listed, 0..7).await.unwrap_err();
    assert_eq!((replaced.kind, replaced.code.as_deref()), (FailureKind::Unavailable, Some("PreconditionFailed")));

    let failure = store.get("payer-reports", "data/missing", 1).await.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_deref()), (FailureKind::NotFound, Some("NoSuchKey")));
    for failure in
        [store.list("nobodys-reports", "").await.unwrap_err(), store.get("nobodys-reports", "x", 1).await.unwrap_err()]
    {
        assert_eq!((failure.kind, failure.code.as_deref()), (FailureKind::NotFound, Some("NoSuchBucket")));
        assert!(failure.detail.contains("nobodys-reports"), "{failure}");
    }
}

#[tokio::test]
#[ignore = "needs moto"]
async fn moto_keeps_the_promises_of_the_report_store() {
    keeps_its_promises(&address("RUNAWAYTRAIN_MOTO")).await;
}

#[tokio::test]
#[ignore = "needs ministack"]
async fn ministack_keeps_the_promises_of_the_report_store() {
    keeps_its_promises(&address("RUNAWAYTRAIN_MINISTACK")).await;
}

#[tokio::test]
#[ignore = "needs ministack, which checks who calls"]
async fn a_key_that_nobody_knows_is_our_own_fault_and_no_refusal() {
    let endpoint = address("RUNAWAYTRAIN_MINISTACK");
    let failure = ports(&endpoint, "AKIANOBODY", &settings("runawaytrain", &account(PAYER)), Watch::new())
        .report_store
        .list("any", "")
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials, "{failure}");
}

/// A clock that stands still.
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// `scripts/test cur` has koku-nise make the reports and holds what this writes down against DuckDB.
#[tokio::test]
#[ignore = "needs RUNAWAYTRAIN_S3, RUNAWAYTRAIN_REPORTS and RUNAWAYTRAIN_SUMS: scripts/test cur"]
async fn reports_of_another_tool_are_read_through_s3_by_the_engine() {
    let endpoint = address("RUNAWAYTRAIN_S3");
    let (reports, sums) = (PathBuf::from(address("RUNAWAYTRAIN_REPORTS")), PathBuf::from(address("RUNAWAYTRAIN_SUMS")));
    let client = bucket(&endpoint, "payer-reports").await;
    let mut found = Vec::new();
    files(&reports, &mut found);
    for file in &found {
        let key = file.strip_prefix(&reports).unwrap().to_str().unwrap();
        put(&client, "payer-reports", key, std::fs::read(file).unwrap()).await;
    }
    for report in ["hourly", "daily", "columns"] {
        let testbed = Testbed::new();
        let mut ports = testbed.ports();
        ports.report_store = store(&endpoint);
        // Everything that koku-nise was asked for lies within the hours that are kept, over the turn of the month.
        ports.clock = Arc::new(Stopped("2026-11-03T00:00:00Z".parse().unwrap()));
        let policy = json!({
            "payer": PAYER,
            "organization": { "id": "o-exampleorg1" },
            "cur": { "bucket": "payer-reports", "prefix": format!("cur/{report}") },
            "defaults": { "limits": { "instances": 4, "spend24h": 100 }, "notify": ["cloud@example.edu"] },
        });
        let guard = Guard::new(&ports, Policy::from_json(&policy.to_string()).unwrap(), Mode::Proceed);
        let answer = guard
            .handle(
                &json!({ "action": "reports" }),
                &Invocation { id: "reports".to_owned(), deadline: Deadline::never() },
            )
            .await;
        println!("{}", answer.body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let hours = testbed.ledger.hours(Timestamp::MIN).await.unwrap();
        let lines = hours.accounts.iter().flat_map(|(account, hours)| {
            hours.usage.iter().map(move |(hour, amount)| format!("{account},{hour},{}\n", amount.as_micros()))
        });
        std::fs::write(sums.join(format!("{report}.csv")), lines.collect::<String>()).unwrap();
        assert_eq!(testbed.ledger.editions().await.unwrap().len(), 2, "both months");
    }
}
