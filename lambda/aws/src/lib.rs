//! The engine's ports over the AWS SDK. No other crate knows the SDK's types, and none of them leaves this one.

mod actuator;
mod billing;
mod clients;
#[cfg(test)]
mod clock;
mod config;
mod deny;
mod directory;
mod failure;
mod large_answers;
mod ledger;
mod member_clients;
mod metrics;
mod notifier;
mod observer;
mod policies;
mod prices;
mod reports;
mod resource;
mod retry;
mod sessions;
mod simulator;
mod sweeps;
mod time;
#[cfg(test)]
mod wire;

use std::sync::Arc;

use aws_config::SdkConfig;

use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Clock, Journal, Outbox, Peaks, Ports, PriceBook, Slots, States};

pub use config::{Emulator, Visitor};
pub use policies::Policies;

/// What the ports need to know of the deployment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The organization's id, such as `o-exampleorg`. Part of the ExternalId that members ask for.
    pub organization: String,
    /// The table's name.
    pub table: String,
    /// The name of the default list's topic; an account's own is `<topic>-<account>`, a unit's `<topic>-<unit>`.
    pub snstopic: String,
    /// The account that the topics are in.
    pub accountnumber: AccountId,
    /// The region that the topics are in.
    pub snsregion: String,
    /// Whether the policy has a chat that listens to the default list's topic.
    pub has_chat: bool,
    /// The service control policies that a halt attaches.
    pub policies: Policies,
}

/// The ports of a function: credentials and `AWS_ENDPOINT_URL` come from the environment. Nothing is called yet.
pub fn connect(settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    ports(&config::from_environment(), settings, clock)
}

/// The ports of an emulator, whatever the environment says.
pub fn connect_to(emulator: &Emulator, settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    ports(&config::from_emulator(emulator), settings, clock)
}

/// The ports of an operator of the payer account, who has credentials of their own and looks before anything is
/// deployed. `AWS_ENDPOINT_URL` comes from the environment.
pub fn connect_as(visitor: &Visitor, settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    let entry =
        sessions::Entry { role: visitor.role.clone(), external_id: None, own: Some(settings.accountnumber.clone()) };
    ports_by(&config::from_visitor(visitor), entry, settings, clock)
}

fn ports(shared: &SdkConfig, settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    ports_by(shared, sessions::Entry::responder(&settings.organization), settings, clock)
}

fn ports_by(shared: &SdkConfig, entry: sessions::Entry, settings: &Settings, clock: Arc<dyn Clock>) -> Ports {
    let sessions = Arc::new(sessions::Sessions::new(shared, entry, Arc::clone(&clock)));
    let payer = Arc::new(clients::Payer::of(shared, settings.policies.clone()));
    let organizations = payer.organizations.clone();
    let ledger = Arc::new(ledger::DynamoLedger::new(shared, &settings.table));
    let Settings { snsregion, accountnumber, snstopic, has_chat, .. } = settings;
    let notifier = notifier::SnsNotifier::new(shared, snsregion, accountnumber, snstopic, *has_chat);
    Ports {
        directory: Arc::new(directory::OrganizationsDirectory::new(organizations, Arc::clone(&clock))),
        observer: Arc::new(observer::SdkObserver::new(Arc::clone(&sessions), Arc::clone(&payer), Arc::clone(&clock))),
        simulator: Arc::new(simulator::IamSimulator::new(Arc::clone(&sessions))),
        actuator: Arc::new(actuator::SdkActuator::new(sessions, payer)),
        states: Arc::clone(&ledger) as Arc<dyn States>,
        journal: Arc::clone(&ledger) as Arc<dyn Journal>,
        peaks: Arc::clone(&ledger) as Arc<dyn Peaks>,
        outbox: Arc::clone(&ledger) as Arc<dyn Outbox>,
        slots: Arc::clone(&ledger) as Arc<dyn Slots>,
        notifier: Arc::new(notifier),
        metrics: Arc::new(metrics::EmbeddedMetrics),
        price_list: Arc::new(prices::SdkPriceList::new(shared)),
        price_book: Arc::clone(&ledger) as Arc<dyn PriceBook>,
        billing: Arc::new(billing::CloudWatchBilling::new(shared)),
        spend_book: ledger,
        report_store: Arc::new(reports::S3ReportStore::new(shared)),
        sweep_store: Arc::new(sweeps::S3SweepStore::new(shared)),
        clock,
    }
}
