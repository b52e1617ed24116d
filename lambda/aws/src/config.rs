//! One configuration for every client: one HTTP client, one set of timeouts, one place that reads the environment.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};

use runawaytrain_core::contract::{FUNCTION, HOME_REGION};

/// Attempts of one call, the first among them. More would only queue up behind the same throttle.
const ATTEMPTS: u32 = 3;
/// A region that does not even take a connection by then is not worth the sweep's time.
const CONNECT: Duration = Duration::from_secs(3);
/// One attempt: the slowest page, were it of a thousand instances, takes 2 to 3 seconds; one that waits behind large
/// answers of others a few more.
const ATTEMPT: Duration = Duration::from_secs(10);
/// All attempts and the waits between them: one hanging region must not hold up the second pass of a halt.
const OPERATION: Duration = Duration::from_secs(25);

/// Where to call and as whom, when it is not the environment that says so: an emulator, in the adapters' tests.
#[derive(Debug, Clone)]
pub struct Emulator {
    /// Its address, such as `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// The access key that calls. To ministack a 12-digit one *is* the account.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// Somebody with credentials of the payer account, who enters every other account by a role that is there already.
#[derive(Clone)]
pub struct Visitor {
    /// The access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The token of a session, where it is one.
    pub session_token: Option<String>,
    /// The role's name, such as `OrganizationAccountAccessRole`.
    pub role: String,
}

/// The environment's configuration: the credentials that Lambda sets, and `AWS_ENDPOINT_URL` where somebody set it.
///
/// It is put together by hand. The SDK's own loader looks for profiles, container and instance roles too, which a
/// function never has.
pub(crate) fn from_environment() -> SdkConfig {
    shared(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()), endpoint())
}

/// A visitor's configuration.
pub(crate) fn from_visitor(visitor: &Visitor) -> SdkConfig {
    let Visitor { access_key_id, secret_access_key, session_token, .. } = visitor;
    let credentials = Credentials::new(access_key_id, secret_access_key, session_token.clone(), None, "visitor");
    trusting(SharedCredentialsProvider::new(credentials), endpoint(), trusted())
}

/// The certificates of `AWS_CA_BUNDLE`, as all of AWS's tools take them; the system's own where it is not set, or
/// cannot be read.
fn trusted() -> Option<TlsContext> {
    let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty())?;
    let store = TrustStore::empty().with_native_roots(true).with_pem_certificate(std::fs::read(bundle).ok()?);
    TlsContext::builder().with_trust_store(store).build().ok()
}

fn endpoint() -> Option<String> {
    std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty())
}

/// An emulator's configuration.
pub(crate) fn from_emulator(emulator: &Emulator) -> SdkConfig {
    let credentials = Credentials::new(&emulator.access_key_id, &emulator.secret_access_key, None, None, "emulator");
    shared(SharedCredentialsProvider::new(credentials), Some(emulator.endpoint.clone()))
}

pub(crate) fn shared(credentials: SharedCredentialsProvider, endpoint: Option<String>) -> SdkConfig {
    trusting(credentials, endpoint, None)
}

/// The same, with the certificates that are trusted besides the system's own.
fn trusting(
    credentials: SharedCredentialsProvider,
    endpoint: Option<String>,
    trusted: Option<TlsContext>,
) -> SdkConfig {
    // Given explicitly, or every client would make one of its own, with a connection pool of its own.
    let http = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        if let Some(trusted) = &trusted {
            connector.set_tls_context(trusted.clone());
        }
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    });
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut config = SdkConfig::builder()
        // Pinned: `latest()` would change retries and timeouts with a routine update of the SDK.
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(HOME_REGION))
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::lazy().build())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        // Answers are small, and the attempt's timeout covers their bodies as well.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    // CloudTrail shows it in `userAgent` beside each call of ours, in every account; the recorder of the tests tells us
    // from others by it.
    config.set_app_name(AppName::new(FUNCTION).ok());
    config.set_endpoint_url(endpoint);
    config.build()
}

/// The same configuration under the credentials of an assumed role.
pub(crate) fn under(shared: &SdkConfig, credentials: Credentials) -> SdkConfig {
    shared
        .clone()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // The credentials are in memory already, and the shared cache would remember every session for ever.
        .identity_cache(IdentityCache::no_cache())
        .build()
}

#[cfg(test)]
mod tests {
    use crate::wire::Script;

    #[tokio::test]
    async fn every_call_says_whose_it_is() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        aws_sdk_iam::Client::new(&script.config()).delete_user().user_name("mallory").send().await.unwrap();
        assert!(script.agents()[0].contains("app/runawaytrain"), "{:?}", script.agents());
    }
}
