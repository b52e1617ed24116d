//! What Step Functions writes of the workers of a Distributed Map: a manifest, and files of what came of each.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>

use std::collections::BTreeMap;

use serde::Deserialize;

use runawaytrain_core::message::report::{BatchReport, Workers};
use runawaytrain_core::vocabulary::text::clean;

/// The files of a Map Run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Manifest {
    result_files: ResultFiles,
}

/// By what became of the workers in them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct ResultFiles {
    #[serde(default)]
    succeeded: Vec<ResultFile>,
    #[serde(default)]
    failed: Vec<ResultFile>,
    #[serde(default)]
    pending: Vec<ResultFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultFile {
    key: String,
}

impl Manifest {
    /// The keys of all files.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let ResultFiles { succeeded, failed, pending } = &self.result_files;
        [succeeded, failed, pending].into_iter().flatten().map(|file| file.key.as_str())
    }
}

/// One worker, as a file has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Execution {
    #[serde(default)]
    status: String,
    /// What it answered: JSON in a string.
    output: Option<String>,
    error: Option<String>,
}

/// What the function answers a worker's state, as far as it is read here.
#[derive(Debug, Deserialize)]
struct WorkerAnswer {
    #[serde(rename = "statusCode")]
    status: u16,
    body: String,
    report: Option<BatchReport>,
}

/// What came of all workers.
#[derive(Debug, Default)]
pub(super) struct MapResults {
    /// What those found that answered.
    pub batches: Vec<BatchReport>,
    /// How many there were.
    pub workers: Workers,
    /// Why the others did not, with how often.
    pub reasons: BTreeMap<String, usize>,
}

impl MapResults {
    /// Takes in a worker.
    pub fn add(&mut self, execution: Execution) {
        match execution.answer() {
            Ok(batch) => {
                self.workers.answered += 1;
                self.batches.push(batch);
            }
            Err(why) => {
                self.workers.failed += 1;
                *self.reasons.entry(why).or_default() += 1;
            }
        }
    }

    /// The reason that is met most, as a sentence has it.
    pub fn main_reason(&self) -> Option<&str> {
        self.reasons.iter().max_by_key(|(_, number)| **number).map(|(why, _)| why.as_str())
    }
}

impl Execution {
    fn answer(self) -> Result<BatchReport, String> {
        let failed = || {
            let status = if self.status.is_empty() { "no status" } else { &self.status };
            clean(self.error.as_deref().unwrap_or(status))
        };
        if self.status != "SUCCEEDED" {
            return Err(failed());
        }
        let output = self.output.as_deref().ok_or("it answered nothing")?;
        let answer: WorkerAnswer =
            serde_json::from_str(output).map_err(|error| format!("its answer cannot be read: {error}"))?;
        match answer.report {
            Some(report) if answer.status == 200 => Ok(report),
            _ => Err(clean(&answer.body)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add(execution: serde_json::Value) -> MapResults {
        let mut results = MapResults::default();
        results.add(serde_json::from_value(execution).unwrap());
        results
    }

    #[test]
    fn a_manifest_names_all_files_and_may_lack_a_kind() {
        let manifest: Manifest = serde_json::from_value(json!({
            "DestinationBucket": "b",
            "MapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:runawaytrain-sweep/Workers:1",
            "ResultFiles": {
                "FAILED": [{ "Key": "f", "Size": 1 }],
                "SUCCEEDED": [{ "Key": "s0", "Size": 2 }, { "Key": "s1", "Size": 2 }],
            },
        }))
        .unwrap();
        assert_eq!(manifest.keys().collect::<Vec<_>>(), ["s0", "s1", "f"]);
    }

    #[test]
    fn whoever_answered_no_report_has_failed_and_says_why() {
        for (execution, why) in [
            (json!({ "Status": "FAILED", "Error": "States.Timeout" }), "States.Timeout"),
            (json!({ "Status": "TIMED_OUT" }), "TIMED_OUT"),
            (json!({ "Name": "x" }), "no status"),
            (json!({ "Status": "SUCCEEDED" }), "it answered nothing"),
            (json!({ "Status": "SUCCEEDED", "Output": "{\"statusCode\":200,\"body\":\"voided\"}" }), "voided"),
            (json!({ "Status": "SUCCEEDED", "Output": "[]" }), "its answer cannot be read"),
        ] {
            let results = add(execution);
            assert_eq!((results.workers.failed, results.batches.len()), (1, 0));
            assert!(results.main_reason().unwrap().contains(why), "{results:?}");
        }
    }
}
