//! The clients that call in member accounts: one a service and region, for all accounts. Whose call it is, is told by
//! the session around it.
//!
//! A client of its own for each account and region would be some 20 KB and take longer to make than the few calls that
//! a quiet sweep makes with it: 1,000 accounts in 17 regions would fill the function's memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_config::{Region as SdkRegion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::config::IdentityCache;
use aws_sdk_sts::config::retry::RetryPartition;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_types::config_bag::ConfigBag;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

use crate::large_answers::LargeAnswers;
use crate::retry::ConnectionLost;

tokio::task_local! {
    /// Whose call it is that this task makes.
    static CALLER: Caller;
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Reading, and nothing else whatever the role allows.
    Look,
    /// All that the role allows.
    Act,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The account that is called in.
    pub(crate) account: AccountId,
    /// What for.
    pub(crate) purpose: Purpose,
    /// With which credentials.
    pub(crate) credentials: SharedCredentialsProvider,
}

impl Caller {
    /// Makes every call of a task this caller's. What the task spawns is not among them.
    pub(crate) async fn calls<T>(&self, calls: impl Future<Output = T>) -> T {
        CALLER.scope(self.clone(), calls).await
    }

    /// One throttled account must not use up the others' retries. Quotas are per account and region, and what acts has
    /// a budget for each; what looks has one an account, since a few calls a sweep need no more.
    fn budget(&self, service: &str, region: &str) -> RetryPartition {
        RetryPartition::new(match self.purpose {
            Purpose::Look => format!("look-{}", self.account),
            Purpose::Act => format!("{service}-{region}-{}", self.account),
        })
    }
}

/// One client a service and region, made when first asked for.
pub(crate) struct MemberClients {
    config: SdkConfig,
    ec2: Mutex<HashMap<Region, aws_sdk_ec2::Client>>,
    autoscaling: Mutex<HashMap<Region, aws_sdk_autoscaling::Client>>,
    iam: Mutex<Option<aws_sdk_iam::Client>>,
}

impl MemberClients {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let mut config = shared.clone().into_builder();
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(CallersCredentials)));
        // A cache would keep the first caller's for all.
        config.set_identity_cache(Some(IdentityCache::no_cache()));
        if let Some(http) = shared.http_client() {
            config.set_http_client(Some(LargeAnswers::new().bound(http)));
        }
        Self { config: config.build(), ec2: Mutex::default(), autoscaling: Mutex::default(), iam: Mutex::default() }
    }

    /// The EC2 client of a region. Cheap: clients are shared, not copied.
    pub(crate) fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        let make = || {
            let settings = aws_sdk_ec2::config::Builder::from(&self.config)
                .retry_classifier(ConnectionLost)
                .interceptor(CallersBudget::of("ec2", region))
                .region(SdkRegion::new(region.as_str().to_owned()));
            aws_sdk_ec2::Client::from_conf(settings.build())
        };
        let mut clients = self.ec2.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(region.clone()).or_insert_with(make).clone()
    }

    /// The Auto Scaling client of a region.
    pub(crate) fn autoscaling(&self, region: &Region) -> aws_sdk_autoscaling::Client {
        let make = || {
            let settings = aws_sdk_autoscaling::config::Builder::from(&self.config)
                .retry_classifier(ConnectionLost)
                .interceptor(CallersBudget::of("autoscaling", region))
                .region(SdkRegion::new(region.as_str().to_owned()));
            aws_sdk_autoscaling::Client::from_conf(settings.build())
        };
        let mut clients = self.autoscaling.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(region.clone()).or_insert_with(make).clone()
    }

    /// The IAM client.
    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        let make = || {
            let settings = aws_sdk_iam::config::Builder::from(&self.config)
                .retry_classifier(ConnectionLost)
                .interceptor(CallersBudget::of("iam", &Region::new(HOME_REGION)));
            aws_sdk_iam::Client::from_conf(settings.build())
        };
        self.iam.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(make).clone()
    }
}

/// The credentials of the caller around a call. Without one the call fails before anything is sent: the function's own
/// credentials are the payer's, and no account's but its own.
#[derive(Debug)]
struct CallersCredentials;

impl ProvideCredentials for CallersCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match CALLER.try_with(|caller| caller.credentials.clone()) {
            Ok(credentials) => future::ProvideCredentials::new(async move { credentials.provide_credentials().await }),
            Err(_) => future::ProvideCredentials::ready(Err(CredentialsError::invalid_configuration(
                "a call in a member account without the session that it is made with",
            ))),
        }
    }
}

/// Has each call use the retries of its caller's budget.
#[derive(Debug)]
struct CallersBudget {
    service: &'static str,
    region: Region,
}

impl CallersBudget {
    fn of(service: &'static str, region: &Region) -> Self {
        Self { service, region: region.clone() }
    }
}

impl Intercept for CallersBudget {
    fn name(&self) -> &'static str {
        "the caller's budget of retries"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Without a caller the call fails for want of credentials.
        if let Ok(budget) = CALLER.try_with(|caller| caller.budget(self.service, self.region.as_str())) {
            settings.interceptor_state().store_put(budget);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::Credentials;
    use futures::future::join_all;

    use super::*;
    use crate::wire::Script;

    fn caller(number: usize, purpose: Purpose) -> Caller {
        let key = Credentials::new(format!("ASIA{number:012}"), "secret", None, None, "test");
        Caller {
            account: AccountId::parse(&format!("{number:012}")).unwrap(),
            purpose,
            credentials: SharedCredentialsProvider::new(key),
        }
    }

    #[tokio::test]
    async fn each_call_is_signed_by_the_session_around_it_whatever_others_call_meanwhile() {
        let script = Script::new(|_| (200, "<DescribeInstancesResponse/>".to_owned()));
        let clients = MemberClients::new(&script.config());
        let regions = ["us-east-1", "eu-west-1"].map(Region::new);
        let calls = (1..=20).flat_map(|number| regions.iter().map(move |region| (number, region)));
        join_all(calls.map(|(number, region)| {
            let client = clients.ec2(region);
            async move {
                let caller = caller(number, Purpose::Look);
                let call = client.describe_instances().instance_ids(format!("i-{number:012}"));
                caller.calls(call.send()).await.unwrap();
            }
        }))
        .await;
        let (asked, signers) = (script.asked(), script.signers());
        assert_eq!(asked.len(), 40);
        for (body, signer) in asked.iter().zip(signers) {
            let number = signer.strip_prefix("ASIA").unwrap();
            assert!(body.contains(&format!("i-{number}")), "{signer} asked {body}");
        }
    }

    #[tokio::test]
    async fn without_a_session_nothing_is_sent() {
        let script = Script::new(|_| (200, "<DescribeInstancesResponse/>".to_owned()));
        let clients = MemberClients::new(&script.config());
        clients.iam().list_users().send().await.unwrap_err();
        clients.ec2(&Region::new(HOME_REGION)).describe_instances().send().await.unwrap_err();
        let outside = clients.autoscaling(&Region::new(HOME_REGION)).describe_auto_scaling_groups().send();
        let spawned = async { tokio::spawn(outside).await.unwrap() };
        caller(1, Purpose::Act).calls(spawned).await.unwrap_err();
        assert!(script.asked().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_throttled_account_uses_up_no_retries_of_another() {
        let sent = Arc::new(AtomicUsize::new(0));
        let script = Script::new({
            let sent = Arc::clone(&sent);
            move |_| {
                sent.fetch_add(1, Ordering::Relaxed);
                let error = "<Error><Code>RequestLimitExceeded</Code><Message/></Error>";
                (503, format!("<Response><Errors>{error}</Errors><RequestID/></Response>"))
            }
        });
        let clients = MemberClients::new(&script.config());
        let attempts = async |caller: &Caller| {
            let before = sent.load(Ordering::Relaxed);
            let call = clients.ec2(&Region::new(HOME_REGION)).describe_instances().send();
            caller.calls(call).await.unwrap_err();
            sent.load(Ordering::Relaxed) - before
        };
        for purpose in [Purpose::Look, Purpose::Act] {
            let (throttled, other) = (caller(7, purpose), caller(8, purpose));
            let full = attempts(&throttled).await;
            assert!(full > 1, "it is tried again at first");
            for _ in 0..500 {
                attempts(&throttled).await;
            }
            assert_eq!(attempts(&throttled).await, 1, "its budget is used up");
            assert_eq!(attempts(&other).await, full, "the other's is not");
        }
    }
}
