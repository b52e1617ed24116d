//! STS: other accounts, entered by a role that is there already.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::IdentityCache;

use runawaytrain_core::contract::FUNCTION;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;

use super::{Cloud, failure};

const OPERATION: &str = "sts:AssumeRole";
/// An hour: the most of a role that is entered from a role.
const SECONDS: i32 = 3600;

impl Cloud {
    /// The same in another account, by a role of that name in it.
    pub async fn enter(&self, account: &AccountId, role: &str) -> Result<Self, Failure> {
        let answer = aws_sdk_sts::Client::new(&self.shared)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/{role}"))
            .role_session_name(FUNCTION)
            .duration_seconds(SECONDS)
            .send()
            .await
            .map_err(|error| failure(OPERATION, &error))?;
        let none = || Failure::own(OPERATION, FailureKind::Other, "the answer holds no credentials");
        let given = answer.credentials().ok_or_else(none)?;
        let token = Some(given.session_token().to_owned());
        let credentials =
            Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "OrganizationRole");
        let shared = self
            .shared
            .clone()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // They are in memory already, and the shared cache has the payer's.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Ok(Self { shared, profile: None, own_region: None })
    }
}
