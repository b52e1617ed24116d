//! The bucket of the Cost and Usage Reports, over S3. Reading only.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::Object;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::{ReportObject, ReportStore, Sink};

use crate::failure;
use crate::retry::ConnectionLost;
use crate::time::timestamp;

const LIST: &str = "s3:ListBucket";
const GET: &str = "s3:GetObject";
/// A transfer that stands still for so long is given up. The timeouts of a call end with its headers.
const STANDSTILL: Duration = Duration::from_secs(20);

pub(crate) struct S3ReportStore {
    client: Client,
}

impl S3ReportStore {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let protection =
            StalledStreamProtectionConfig::enabled().upload_enabled(false).grace_period(STANDSTILL).build();
        let settings = aws_sdk_s3::config::Builder::from(shared)
            .retry_classifier(ConnectionLost)
            .stalled_stream_protection(protection)
            .build();
        Self { client: Client::from_conf(settings) }
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<GetObjectOutput, Failure> {
        self.client.get_object().bucket(bucket).key(key).send().await.map_err(|error| refused(GET, bucket, &error))
    }
}

#[async_trait]
impl ReportStore for S3ReportStore {
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ReportObject>, Failure> {
        let mut pages = self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused(LIST, bucket, &error))?;
            for object in page.contents.unwrap_or_default() {
                objects.push(listed(object).ok_or_else(|| {
                    Failure::own(LIST, FailureKind::Unavailable, "S3 listed an object without its key, ETag or time")
                })?);
            }
        }
        Ok(objects)
    }

    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure> {
        let mut taken = Vec::new();
        let mut too_long = false;
        self.stream(bucket, key, &mut |piece| {
            too_long = (taken.len() + piece.len()) as u64 > most;
            if too_long {
                return std::ops::ControlFlow::Break(());
            }
            taken.extend_from_slice(piece);
            std::ops::ControlFlow::Continue(())
        })
        .await?;
        if too_long {
            Err(Failure::own(
                GET,
                FailureKind::Invalid,
                format!("{key} is larger than {most} bytes, which nothing of its kind is"),
            ))
        } else {
            Ok(taken)
        }
    }

    async fn stream(&self, bucket: &str, key: &str, sink: &mut Sink<'_>) -> Result<(), Failure> {
        let mut object = self.open(bucket, key).await?;
        let length = object.content_length.and_then(|length| u64::try_from(length).ok());
        let mut taken = 0_u64;
        while let Some(piece) = object.body.try_next().await.map_err(broken_off)? {
            taken += piece.len() as u64;
            if sink(&piece).is_break() {
                return Ok(());
            }
        }
        match length {
            Some(length) if taken < length => Err(Failure::own(
                GET,
                FailureKind::Unavailable,
                format!("the transfer broke off after {taken} of {length} bytes"),
            )),
            _ => Ok(()),
        }
    }

    async fn span(&self, bucket: &str, object: &ReportObject, span: Range<u64>) -> Result<Vec<u8>, Failure> {
        let wanted = span.end.saturating_sub(span.start);
        // AWS takes no range of nothing.
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(&object.key)
            .range(format!("bytes={}-{}", span.start, span.end - 1))
            .if_match(format!("\"{}\"", object.etag))
            .send()
            .await
            .map_err(|error| refused(GET, bucket, &error))?;
        let bytes = answer.body.collect().await.map_err(broken_off)?.to_vec();
        if bytes.len() as u64 == wanted {
            Ok(bytes)
        } else {
            let said = format!("S3 sent {} bytes of {} where {wanted} were asked for", bytes.len(), object.key);
            Err(Failure::own(GET, FailureKind::Unavailable, said))
        }
    }
}

fn broken_off(error: impl std::fmt::Display) -> Failure {
    Failure::own(GET, FailureKind::Unavailable, format!("the transfer broke off: {error}"))
}

fn listed(object: Object) -> Option<ReportObject> {
    let (key, etag, modified) = (object.key?, object.e_tag?, timestamp(&object.last_modified?)?);
    Some(ReportObject {
        key,
        etag: etag.trim_matches('"').to_owned(),
        size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        modified,
    })
}

/// What a refusal of S3 comes to, with what to do about those that only a person can mend.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn refused<E>(operation: &str, bucket: &str, error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let told_region =
        error.raw_response().and_then(|answer| answer.headers().get("x-amz-bucket-region")).map(str::to_owned);
    let mut failure = failure::of(operation, error);
    let (kind, detail) = match failure.code.as_deref() {
        Some("NoSuchBucket") => (
            FailureKind::NotFound,
            format!(
                "there is no bucket {bucket}: is cur.bucket of the policy right, and is RunawayTrainCostReports \
                 deployed?"
            ),
        ),
        Some("NoSuchKey") => {
            (FailureKind::NotFound, "there is no such object; it may have been replaced meanwhile".to_owned())
        }
        Some("PreconditionFailed") => (
            FailureKind::Unavailable,
            "the object was replaced while it was read; the next invocation reads the new one".to_owned(),
        ),
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let place =
                told_region.map_or_else(|| "another region".to_owned(), |region| format!("the region {region}"));
            (
                FailureKind::Unsupported,
                format!(
                    "the bucket {bucket} is in {place}; cost reports are read in {HOME_REGION}. Have the report \
                     delivered to a bucket there"
                ),
            )
        }
        Some("InvalidObjectState") => (
            FailureKind::Unsupported,
            format!("the object is archived: take the storage classes of archives out of the lifecycle of {bucket}"),
        ),
        _ => return failure,
    };
    failure.kind = kind;
    failure.detail = detail;
    failure
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answer(status: u16, code: &str, region: Option<&'static str>) -> Failure {
        let mut raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        if let Some(region) = region {
            raw.headers_mut().insert("x-amz-bucket-region", region);
        }
        let error = GetObjectError::generic(ErrorMetadata::builder().code(code).message("whatever").build());
        refused(GET, "payer-reports", &SdkError::service_error(error, raw))
    }

    #[test]
    fn a_bucket_elsewhere_is_named_with_its_region() {
        let told = answer(301, "PermanentRedirect", Some("eu-west-1"));
        assert_eq!(told.kind, FailureKind::Unsupported);
        assert!(told.detail.contains("payer-reports is in the region eu-west-1"), "{told}");
        assert!(answer(400, "AuthorizationHeaderMalformed", None).detail.contains("in another region"));
    }

    #[test]
    fn what_is_not_there_and_what_is_not_allowed_are_told_apart() {
        assert_eq!(answer(404, "NoSuchBucket", None).kind, FailureKind::NotFound);
        assert_eq!(answer(404, "NoSuchKey", None).kind, FailureKind::NotFound);
        assert!(answer(412, "PreconditionFailed", None).detail.contains("was replaced"));
        assert_eq!(answer(403, "AccessDenied", None).kind, FailureKind::Denied);
        assert_eq!(answer(503, "SlowDown", None).kind, FailureKind::Throttled);
    }

    #[test]
    fn a_listed_object_loses_the_quotes_of_its_etag_and_nothing_else() {
        let object = Object::builder()
            .key("cur/a b")
            .e_tag("\"abc-2\"")
            .size(7)
            .last_modified(aws_smithy_types::DateTime::from_secs(1_795_316_400))
            .build();
        let found = listed(object).unwrap();
        assert_eq!(
            (found.key.as_str(), found.etag.as_str(), found.size, found.modified.to_string()),
            ("cur/a b", "abc-2", 7, "2026-11-22T03:00:00Z".to_owned())
        );
        assert_eq!(listed(Object::builder().key("cur/x").build()), None);
    }
}
