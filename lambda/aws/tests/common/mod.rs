//! What the adapters' tests share: where the emulators are, and clients to set a scene with.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_aws::{Emulator, Policies, Settings, connect_to};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Clock, Ports};

pub const ORGANIZATION: &str = "o-exampleorg";

/// The address of an emulator that somebody else started.
pub fn address(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: it takes an emulator's address; `scripts/test adapters` starts them")
    })
}

pub fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// The machine's clock, as far ahead of it as a test likes.
pub struct Watch(pub Mutex<SignedDuration>);

impl Watch {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(SignedDuration::ZERO)))
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millisecond(since_1970.as_millis().try_into().unwrap()).unwrap() + *self.0.lock().unwrap()
    }
}

pub fn settings(table: &str, payer: &AccountId) -> Settings {
    Settings {
        organization: ORGANIZATION.to_owned(),
        table: table.to_owned(),
        snstopic: "runawaytrain".to_owned(),
        accountnumber: payer.clone(),
        snsregion: "us-east-1".to_owned(),
        has_chat: false,
        policies: Policies::default(),
    }
}

/// The ports as the function has them, with an access key of this name.
pub fn ports(endpoint: &str, key: &str, settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    connect_to(
        &Emulator {
            endpoint: endpoint.to_owned(),
            access_key_id: key.to_owned(),
            secret_access_key: "test".to_owned(),
        },
        settings,
        clock,
    )
}

/// A configuration to set a scene with, as whoever holds these credentials.
pub fn scene(endpoint: &str, region: &str, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(SdkRegion::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

pub fn keys(id: &str, secret: &str) -> Credentials {
    Credentials::new(id, secret, None, None, "scene")
}
