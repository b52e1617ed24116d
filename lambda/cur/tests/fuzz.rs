//! Fuzzing within the test run: bytes made from the seeds in `fuzz/corpus` by cutting, flipping, repeating and joining,
//! and bytes at random.
//!
//! Whatever comes in, the readers end, do not panic, hold a bounded amount of memory, and answer with sums or a typed
//! error; and the size of the pieces makes no difference. `PROPTEST_CASES=1000000 cargo test -p runawaytrain-cur --test
//! fuzz` is a long run. A failing input is worth a file in the corpus: that is read as it is in every run.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod support;

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;
use runawaytrain_cur::{Manifest, Place, ReportError, Totals};
use support::*;

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(kind);
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.sort();
    assert!(files.len() > 4, "the corpus is missing");
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Flip(Index, u8),
    Repeat(Index, Index, u8),
    Insert(Index, Vec<u8>),
    Join(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let spice = prop_oneof![
        proptest::collection::vec(proptest::sample::select(b",\"\n\r0-eE.\x00\xff{}[]:".to_vec()), 1..6),
        proptest::collection::vec(any::<u8>(), 1..80),
    ];
    prop_oneof![
        1 => any::<Index>().prop_map(Change::Cut),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Change::Flip(at, mask)),
        2 => (any::<Index>(), any::<Index>(), 1..40_u8).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        4 => (any::<Index>(), spice).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => any::<Index>().prop_map(Change::Join),
    ]
}

fn changed(mut bytes: Vec<u8>, corpus: &[Vec<u8>], changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match change {
            Change::Cut(at) => bytes.truncate(place(at)),
            Change::Flip(at, mask) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= mask;
                }
            }
            Change::Repeat(from, to, times) => {
                let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
                let part = bytes[from..to].repeat(usize::from(*times));
                bytes.splice(to..to, part);
            }
            Change::Insert(at, more) => {
                let at = place(at);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Join(which) => bytes.extend_from_slice(&corpus[which.index(corpus.len())]),
        }
        bytes.truncate(64 << 10);
    }
    bytes
}

fn seeded(kind: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let corpus = corpus(kind);
    prop_oneof![
        9 => (any::<Index>(), proptest::collection::vec(change(), 0..8)).prop_map(move |(seed, changes)| changed(corpus[seed.index(corpus.len())].clone(), &corpus, &changes)),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
    ]
}

/// What must be true of every answer.
fn check_report(gzip: &[u8], rows_at_most: usize) -> Result<Totals, ReportError> {
    let answer = read_in_pieces(file("a.csv.gz"), gzip, gzip.len());
    for piece in [1, 61, 4096] {
        // Of two faults, either may be found first: how much damaged gzip gives before its damage shows depends on the
        // pieces.
        assert_eq!(
            read_in_pieces(file("a.csv.gz"), gzip, piece).ok().as_ref(),
            answer.as_ref().ok(),
            "pieces of {piece} make a difference"
        );
    }
    match &answer {
        Ok(totals) => {
            assert!(usize::try_from(totals.rows).unwrap() <= rows_at_most, "more rows than bytes");
            assert!(
                totals.gaps.bad_rows <= totals.rows
                    && totals.gaps.examples.len() <= 8
                    && totals.gaps.unknown_types.len() <= 8
            );
            assert!(totals.accounts.values().all(|account| account.usage.iter().count() <= 31 * 24));
            assert!(serde_json::to_vec(totals).is_ok());
        }
        Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
    }
    answer
}

fn check_manifest(json: &[u8]) {
    let place = Place { bucket: "payer-reports", prefix: "cur/" };
    match Manifest::parse(json, place) {
        Ok(manifest) => {
            let keys = manifest.files().map(|file| file.key).collect::<Vec<_>>();
            let is_read = |key: &String| [".csv.gz", ".parquet"].iter().any(|end| key.ends_with(end));
            assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("cur/") && is_read(key)), "{keys:?}");
            assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
            assert!((1..=31 * 24).contains(&manifest.period.end().since(manifest.period.first())));
        }
        Err(error) => assert!(!error.to_string().contains(['\u{1b}', '\u{202e}']), "{error}"),
    }
}

#[test]
fn the_seeds_are_read() {
    let reports = corpus("report");
    assert!(
        reports.iter().filter(|text| check_report(&gzip(text), text.len()).is_ok()).count() > 3,
        "most seeds are reports"
    );
    corpus("manifest").iter().for_each(|json| check_manifest(json));
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_text_in_gzip_is_a_report_or_a_clear_error(text in seeded("report")) {
        let _ = check_report(&gzip(&text), text.len());
    }

    #[test]
    fn any_bytes_are_a_report_or_a_clear_error(text in seeded("report"), changes in proptest::collection::vec(change(), 1..4)) {
        let bytes = changed(gzip(&text), &[gzip(b"more")], &changes);
        let _ = check_report(&bytes, usize::MAX);
    }

    #[test]
    fn any_bytes_are_a_manifest_or_a_clear_error(json in seeded("manifest")) {
        check_manifest(&json);
    }
}
