//! Metrics, in CloudWatch's embedded metric format: a line of the log from which CloudWatch makes them. No call is
//! made, so none can fail or be throttled, and the sweep's numbers stand in the log too.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use serde_json::{Map, Value, json};

use runawaytrain_core::contract::METRIC_NAMESPACE;
use runawaytrain_engine::ports::{Metrics, SweepMetrics};

/// Writes to the standard output, which is what Lambda makes the log of.
pub(crate) struct EmbeddedMetrics;

impl Metrics for EmbeddedMetrics {
    fn emit(&self, sweep: &SweepMetrics) {
        // Where the log takes no line, there is nowhere to say so; the alarm on the missing heartbeat does.
        let _ = writeln!(std::io::stdout().lock(), "{}", line(sweep));
    }
}

/// One line of the log. Without a dimension, each metric is one of the whole organization.
fn line(sweep: &SweepMetrics) -> Value {
    let values = sweep.values();
    let definitions: Vec<Value> = values.iter().map(|(row, _)| json!({"Name": row.name, "Unit": row.unit})).collect();
    let mut line: Map<String, Value> =
        values.into_iter().map(|(row, value)| (row.name.to_owned(), json!(value))).collect();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": sweep.at.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": METRIC_NAMESPACE, "Dimensions": [[]], "Metrics": definitions}],
        }),
    );
    // As the log's other lines have them, which Lambda sorts by level.
    line.insert("timestamp".to_owned(), json!(sweep.at));
    line.insert("level".to_owned(), json!("INFO"));
    line.insert("message".to_owned(), json!("metrics of a sweep"));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;
    use runawaytrain_core::contract::METRICS;
    use runawaytrain_core::message::report::Totals;
    use runawaytrain_core::observation::Coverage;

    use super::*;

    fn said(complete: bool, seen: usize) -> Value {
        line(&SweepMetrics {
            at: "2026-11-22T03:00:00Z".parse().unwrap(),
            took: SignedDuration::from_secs(9),
            complete,
            coverage: Coverage { seen, expected: 34 },
            totals: Totals { instances: 3, ..Totals::default() },
            halted: 1,
            frozen: 1,
            waiting: 2,
        })
    }

    /// The unit of each metric that CloudWatch makes of the line.
    fn units(line: &Value) -> BTreeMap<&str, &str> {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], METRIC_NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([[]]), "a metric that no alarm and no graph asks for otherwise");
        let definitions = directive["Metrics"].as_array().unwrap();
        definitions.iter().map(|one| (one["Name"].as_str().unwrap(), one["Unit"].as_str().unwrap())).collect()
    }

    #[test]
    fn a_sweep_emits_each_metric_of_the_table() {
        let line = said(true, 17);
        assert_eq!(units(&line).keys().copied().collect::<Vec<_>>(), {
            let mut names = METRICS.map(|row| row.name);
            names.sort_unstable();
            names
        });
        assert_eq!((&units(&line)["Coverage"], &units(&line)["SweepDuration"]), (&"Percent", &"Seconds"));
        assert_eq!((&units(&line)["Burn"], &units(&line)["Instances"]), (&"None", &"Count"));
        // What is defined must have its number beside, or CloudWatch drops the whole line.
        assert!(units(&line).keys().all(|name| line[*name].is_number()), "{line}");
        assert_eq!((&line["Instances"], &line["SweepDuration"]), (&json!(3.0), &json!(9.0)));
        assert_eq!(line["_aws"]["Timestamp"], 1_795_316_400_000_i64);
    }

    #[test]
    fn only_a_complete_sweep_is_a_heartbeat() {
        assert!(!units(&said(false, 17)).contains_key("Heartbeat"));
    }

    #[test]
    fn what_runs_is_not_said_to_be_nothing_where_nothing_could_be_seen() {
        let line = said(false, 0);
        let names: Vec<_> = units(&line).keys().copied().collect();
        assert_eq!(names, ["Coverage", "Frozen", "Halted", "SweepDuration", "Unserved", "WaitingForPeople"]);
        assert!(line.get("Instances").is_none());
    }
}
