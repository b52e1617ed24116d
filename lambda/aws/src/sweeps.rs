//! The bucket that a distributed sweep goes through, over S3.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::SweepStore;

use crate::failure;
use crate::retry::ConnectionLost;

const PUT: &str = "s3:PutObject";
const GET: &str = "s3:GetObject";

pub(crate) struct S3SweepStore {
    client: Client,
}

impl S3SweepStore {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let settings = aws_sdk_s3::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self { client: Client::from_conf(settings) }
    }
}

#[async_trait]
impl SweepStore for S3SweepStore {
    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let call = self.client.put_object().bucket(bucket).key(key).content_type("application/json");
        let written = call.body(ByteStream::from(bytes)).send().await;
        written.map(|_| ()).map_err(|error| refused(PUT, bucket, &error))
    }

    async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>, Failure> {
        let answer = self.client.get_object().bucket(bucket).key(key).send().await;
        let mut object = answer.map_err(|error| refused(GET, bucket, &error))?;
        let broken_off = |why: String| Failure::own(GET, FailureKind::Unavailable, format!("{key} broke off: {why}"));
        let mut taken = Vec::new();
        while let Some(piece) = object.body.try_next().await.map_err(|error| broken_off(error.to_string()))? {
            if (taken.len() + piece.len()) as u64 > most {
                let detail = format!("{key} is larger than {most} bytes, which nothing of its kind is");
                return Err(Failure::own(GET, FailureKind::Invalid, detail));
            }
            taken.extend_from_slice(&piece);
        }
        let length = object.content_length.and_then(|length| usize::try_from(length).ok());
        match length.filter(|length| taken.len() < *length) {
            Some(length) => Err(broken_off(format!("{} of {length} bytes came", taken.len()))),
            None => Ok(taken),
        }
    }
}

fn refused<E>(operation: &str, bucket: &str, error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut failure = failure::of(operation, error);
    if failure.code.as_deref() == Some("NoSuchBucket") {
        failure.kind = FailureKind::NotFound;
        failure.detail = format!("there is no bucket {bucket}: was RunawayTrain deployed since the policy has scale?");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    fn store(status: u16, body: &str) -> S3SweepStore {
        let body = body.to_owned();
        S3SweepStore::new(&Script::new(move |_| (status, body.clone())).config())
    }

    #[tokio::test]
    async fn what_is_handed_on_comes_whole_or_not_at_all() {
        let store = store(200, "[\"111111111111\"]");
        store.put("runawaytrain-sweeps-1", "sweeps/a/accounts.json", b"[]".to_vec()).await.unwrap();
        let read = async |most| store.get("runawaytrain-sweeps-1", "sweeps/a/accounts.json", most).await;
        assert_eq!(read(16).await.unwrap(), b"[\"111111111111\"]");
        let too_long = read(15).await.unwrap_err();
        assert_eq!(too_long.kind, FailureKind::Invalid);
        assert!(too_long.detail.contains("sweeps/a/accounts.json is larger than 15 bytes"), "{too_long}");
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_named_with_what_deploys_it() {
        let store = store(404, "<Error><Code>NoSuchBucket</Code><Message>whatever</Message></Error>");
        let missing = store.put("runawaytrain-sweeps-1", "sweeps/a/accounts.json", Vec::new()).await.unwrap_err();
        assert_eq!(missing.kind, FailureKind::NotFound);
        assert!(missing.detail.contains("no bucket runawaytrain-sweeps-1"), "{missing}");
    }
}
