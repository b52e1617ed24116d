//! AWS, as an administrator of the payer account reaches it: always in us-east-1, every failure a [`Failure`].
//!
//! The only module of this crate that knows the SDK's types. Each file is one service and answers in plain data.

pub mod billing;
pub mod bucket;
pub mod cost_reports;
pub mod entry;
pub mod function;
pub mod instances;
pub mod login_profile;
pub mod notification;
pub mod organization;
pub mod regions;
pub mod secrets;
pub mod stack_sets;
pub mod stacks;
pub mod state_table;
pub mod trails;

use std::ffi::OsString;
use std::time::Duration;

use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::SharedHttpClient;
use aws_sdk_sts::config::StalledStreamProtectionConfig;
use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use runawaytrain_core::contract::{FUNCTION, HOME_REGION};
use runawaytrain_core::vocabulary::answer;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

/// Attempts of one call, the first among them. A person waits: Organizations throttles soon, and forgives soon.
const ATTEMPTS: u32 = 6;
/// A check that hangs is no help.
const CONNECT: Duration = Duration::from_secs(10);
/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(30);

/// Whom AWS takes us for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account, 12 digits.
    pub account: String,
    /// The ARN of the user, the role's session or the root user.
    pub arn: String,
}

impl Identity {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }
}

/// The payer's account, by the operator's own credentials.
#[derive(Debug, Clone)]
pub struct Cloud {
    shared: SdkConfig,
    profile: Option<String>,
    /// The region that the profile or the environment names. It plays no part, and is only spoken of.
    pub own_region: Option<String>,
}

impl Cloud {
    /// With a profile's credentials, or with those of the environment, as the AWS CLI finds them. Nothing is called
    /// yet.
    pub async fn connect(profile: Option<&str>) -> Self {
        let regions = DefaultRegionChain::builder();
        let regions = match profile {
            Some(name) => regions.profile_name(name),
            None => regions,
        };
        let own_region = regions.build().region().await.map(|region| region.to_string());
        // Pinned: `latest()` would change retries and timeouts with a routine update of the SDK.
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(HOME_REGION))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Ok(name) = AppName::new(FUNCTION) {
            loader = loader.app_name(name);
        }
        if let Some(client) = trusting(std::env::var_os(CA_BUNDLE)) {
            loader = loader.http_client(client);
        }
        if let Some(name) = profile {
            // Named, it wins over keys in the environment, as with the AWS CLI.
            loader = loader
                .profile_name(name)
                .credentials_provider(ProfileFileCredentialsProvider::builder().profile_name(name).build());
        }
        Self { shared: loader.load().await, profile: profile.map(str::to_owned), own_region }
    }

    /// Whether it is not AWS that is asked, but whatever stands in for it.
    pub fn is_emulated(&self) -> bool {
        self.shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some_and(|url| !url.is_empty())
    }

    /// The credentials as the variables that AWS's SDKs and the CDK read.
    pub async fn environment(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let operation = "sts:GetCallerIdentity";
        let none = || Failure::own(operation, FailureKind::Credentials, "none were found");
        let provider = self.shared.credentials_provider().ok_or_else(none)?;
        let found = provider
            .provide_credentials()
            .await
            .map_err(|error| Failure::own(operation, FailureKind::Credentials, innermost(&error)))?;
        let (key, secret) = (found.access_key_id().to_owned(), found.secret_access_key().to_owned());
        let session = found.session_token().map(|token| ("AWS_SESSION_TOKEN", token.to_owned()));
        Ok([("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)].into_iter().chain(session).collect())
    }

    /// Whose credentials these are. It needs no permission.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub async fn identity(&self) -> Result<Identity, Failure> {
        let answer = aws_sdk_sts::Client::new(&self.shared)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| failure("sts:GetCallerIdentity", &error));
        let answer = match (answer, &self.profile) {
            (Err(refused), Some(name)) if refused.kind == FailureKind::Credentials && refused.code.is_none() => {
                let detail = format!("profile {name}: {}", refused.detail);
                return Err(Failure { detail, ..refused });
            }
            (answer, _) => answer?,
        };
        Ok(Identity {
            account: answer.account().unwrap_or_default().to_owned(),
            arn: answer.arn().unwrap_or_default().to_owned(),
        })
    }
}

/// Where all of AWS's tools find the certificates that they trust besides the system's own.
pub const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Why the certificates that the environment names cannot be used, where they cannot.
pub fn unusable_certificates() -> Option<String> {
    let bundle = std::env::var_os(CA_BUNDLE).filter(|file| !file.is_empty())?;
    let why = match std::fs::read(&bundle) {
        Err(error) => format!("which cannot be read: {error}"),
        Ok(bytes) => unusable(&bytes)?,
    };
    Some(format!("{CA_BUNDLE} names {}, {why}", bundle.display()))
}

/// Why these are not certificates that can be trusted; nothing where they are. The SDK's client breaks off at the first
/// that is none, and reads them as this does.
fn unusable(bytes: &[u8]) -> Option<String> {
    let found: Vec<CertificateDer<'_>> = match CertificateDer::pem_slice_iter(bytes).collect() {
        Ok(found) => found,
        Err(error) => return Some(format!("which is not a file of certificates in PEM: {error}")),
    };
    if found.is_empty() {
        return Some("which has no certificate in it".to_owned());
    }
    let damaged = found.iter().position(|one| webpki::anchor_from_trusted_cert(one).is_err())?;
    let (number, all) = (damaged + 1, found.len());
    Some(format!("where what is called certificate {number} of {all} is none: it is damaged, or something else"))
}

/// A client that trusts the certificates of a file as well, and goes by the proxy of the environment; nothing where no
/// file is named.
fn trusting(bundle: Option<OsString>) -> Option<SharedHttpClient> {
    let bundle = bundle.filter(|file| !file.is_empty())?;
    let store = TrustStore::empty().with_native_roots(true).with_pem_certificate(std::fs::read(bundle).ok()?);
    let trusted = TlsContext::builder().with_trust_store(store).build().ok()?;
    Some(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_tls_context(trusted.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    }))
}

/// All that the pages of a call bring.
async fn all<T, E>(
    operation: &str,
    pages: PaginationStream<Result<T, SdkError<E, HttpResponse>>>,
) -> Result<Vec<T>, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| failure(operation, &error))
}

/// What a failed call comes to. The operation is written as IAM spells it, such as `organizations:ListRoots`.
fn failure<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let SdkError::ServiceError(answer) = error {
        let (status, said) = (answer.raw().status().as_u16(), answer.err());
        return answer::refused(operation, status, said.code(), said.message());
    }
    // Where none were found, or none could be had, the request was never sent.
    match causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        // The SDK lists all the places where it looked.
        Some(CredentialsError::CredentialsNotLoaded(_)) => {
            Failure::own(operation, FailureKind::Credentials, "none were found")
        }
        Some(error) => Failure::own(operation, FailureKind::Credentials, innermost(error)),
        None => Failure::own(operation, FailureKind::Unavailable, innermost(error)),
    }
}

/// The last two causes say what happened; those before them only where in the SDK.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<String> = causes(error).map(ToString::to_string).collect();
    let last = causes.get(causes.len().saturating_sub(2)..).unwrap_or_default();
    last.join(": ")
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amazon Root CA 3. <https://www.amazontrust.com/repository/>
    const CERTIFICATE: &str = include_str!("../tests/certificates/amazon-root-ca-3.pem");

    #[test]
    fn what_is_no_certificate_is_found_before_the_sdk_breaks_off_at_it() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let (cut, _) = CERTIFICATE.split_at(CERTIFICATE.len() / 2);
        let cases = [
            ("payer: [".to_owned(), "which has no certificate in it"),
            (key.to_owned(), "which has no certificate in it"),
            (cut.to_owned(), "which is not a file of certificates in PEM"),
            (damaged.to_owned(), "where what is called certificate 1 of 1 is none"),
            (format!("{CERTIFICATE}{damaged}"), "where what is called certificate 2 of 2 is none"),
        ];
        for (bundle, sentence) in cases {
            let said = unusable(bundle.as_bytes());
            assert!(said.as_ref().is_some_and(|said| said.starts_with(sentence)), "{said:?}");
        }
        assert_eq!(unusable(CERTIFICATE.as_bytes()), None);
        assert_eq!(unusable(format!("{CERTIFICATE}{CERTIFICATE}").as_bytes()), None);
    }
}
