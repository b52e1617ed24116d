//! S3: the bucket of a report that exists already.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, failure};

impl Cloud {
    /// The key that objects of a bucket are encrypted with by default, where it is one of KMS; `aws/s3` where AWS
    /// manages it.
    pub async fn default_kms_key(&self, bucket: &str) -> Result<Option<String>, Failure> {
        // By path: an emulator on this machine has no names of hosts for buckets.
        let is_emulated = self.shared.endpoint_url().is_some();
        let client = Client::from_conf(Builder::from(&self.shared).force_path_style(is_emulated).build());
        let answer = client.get_bucket_encryption().bucket(bucket).send().await;
        let answer = match answer.map_err(|error| failure("s3:GetEncryptionConfiguration", &error)) {
            Ok(answer) => answer,
            Err(refused) if refused.code.as_deref() == Some("ServerSideEncryptionConfigurationNotFoundError") => {
                return Ok(None);
            }
            Err(refused) => return Err(refused),
        };
        let rules = answer.server_side_encryption_configuration().map(|found| found.rules()).unwrap_or_default();
        let by_kms = rules
            .iter()
            .filter_map(|rule| rule.apply_server_side_encryption_by_default())
            .find(|rule| rule.sse_algorithm().as_str().starts_with("aws:kms"));
        Ok(by_kms.map(|rule| rule.kms_master_key_id().unwrap_or("aws/s3").to_owned()))
    }
}
