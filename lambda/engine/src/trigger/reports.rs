//! Word that Cost and Usage Reports may have changed: a direct call, which its own schedule sends too, or S3's
//! notification.
//!
//! It only says when to look. What is read is decided by the policy and by the bucket itself.

use percent_encoding::percent_decode_str;
use runawaytrain_core::policy::CostReports;
use runawaytrain_core::vocabulary::text::clean;
use serde::Deserialize;
use serde_json::Value;

use super::refusal::Refusal;
use super::request::{Deployment, Request, Trigger};

/// How a manifest's key ends, of a legacy report and of an export alike.
pub(crate) const MANIFEST: &str = "-Manifest.json";

// Only what is read. https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    event_name: String,
    s3: Place,
}

#[derive(Deserialize)]
struct Place {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

/// Reads the records of a bucket. One that is not of our reports is not of our bucket's configuration either: the event
/// is refused whole.
pub(super) fn read_all(list: &[Value], deployment: &Deployment<'_>) -> Result<Trigger, Refusal> {
    let reports = deployment.reports.ok_or(Refusal::NoReports)?;
    let mut keys = Vec::new();
    for record in list {
        keys.extend(manifest(record, reports)?);
    }
    let request = if keys.is_empty() {
        Request::Nothing("no manifest of a cost report was written: AWS writes it last".to_owned())
    } else {
        Request::Reports(reports.clone())
    };
    Ok(Trigger { source: "s3", request })
}

/// The key of the manifest that was written, if it was one.
fn manifest(record: &Value, reports: &CostReports) -> Result<Option<String>, Refusal> {
    let Notification { event_name, s3 } =
        Notification::deserialize(record).map_err(|error| Refusal::NotANotification(clean(&error.to_string())))?;
    if s3.bucket.name != reports.bucket {
        return Err(Refusal::OtherBucket { found: clean(&s3.bucket.name), expected: reports.bucket.clone() });
    }
    let key = decoded(&s3.object.key)
        .ok_or_else(|| Refusal::NotANotification(format!("the key {:?} is no text", clean(&s3.object.key))))?;
    if !key.starts_with(&reports.prefix) {
        return Err(Refusal::OtherPrefix { found: clean(&key), expected: reports.prefix.clone() });
    }
    Ok((event_name.starts_with("ObjectCreated:") && key.ends_with(MANIFEST)).then_some(key))
}

/// S3 writes keys as a form does: `+` is a space, the rest is percent-encoded.
fn decoded(key: &str) -> Option<String> {
    percent_decode_str(&key.replace('+', " ")).decode_utf8().ok().map(String::from)
}
