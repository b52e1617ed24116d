//! The guard before it is deployed: the same engine on the operator's own credentials, which remembers nothing, sends
//! nothing and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_aws::{Policies, Settings, Visitor};
use runawaytrain_core::contract::{HOME_REGION, TABLE, TOPIC};
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::message::{Chat, Notice};
use runawaytrain_core::plan::permissions::Question;
use runawaytrain_core::policy::{AccountPolicy, NotifyList, Policy};
use runawaytrain_core::record::{HourPeak, State};
use runawaytrain_core::resource::{Action, Sight};
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId, Region};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::members::units_of;
use runawaytrain_engine::ports::{
    Actuator, Billing, Clock, Commit, Conclusion, Directory, EntryId, Freshness, Journal, JournalEntry, KnownPrice,
    Lease, Look, Metrics, Notifier, Observer, Outbox, OutboxId, OutboxItem, Peaks, Performed, Ports, PriceBook,
    PriceList, ReadReport, Records, ReportStore, Simulator, SlotPool, Slots, SpendBook, SpentHours, States, StoreError,
    SweepMetrics, SweepStore, Terms, VersionedRecord,
};
use runawaytrain_engine::sweep::Guard;
use serde_json::Value;

use crate::progress::Looks;
use crate::table::Table;

/// What looks into accounts and at money. Nothing in it can act, write or send.
#[derive(Clone)]
pub struct Eyes {
    directory: Arc<dyn Directory>,
    observer: Arc<dyn Observer>,
    price_list: Arc<dyn PriceList>,
    billing: Arc<dyn Billing>,
    report_store: Arc<dyn ReportStore>,
    clock: Arc<dyn Clock>,
}

impl Eyes {
    /// Those of these ports.
    pub fn of(ports: &Ports) -> Self {
        Self {
            directory: Arc::clone(&ports.directory),
            observer: Arc::clone(&ports.observer),
            price_list: Arc::clone(&ports.price_list),
            billing: Arc::clone(&ports.billing),
            report_store: Arc::clone(&ports.report_store),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// What the policy means for an account, wherever in the organization it is; of one whose units nobody can tell,
    /// what the policy says then. `remembered` is where it was.
    pub async fn policy_for(&self, policy: &Policy, account: &AccountId, remembered: Option<&str>) -> AccountPolicy {
        let units = units_of(&*self.directory, policy, account, remembered).await;
        policy.for_account(account, units.as_deref().ok())
    }
}

/// What looks, and what reads the table of whatever is deployed, by the operator's own credentials. Of the ports that
/// these give no other leaves this function: with the operator's rights an actuator could change any account.
pub fn connect(visitor: &Visitor, policy: &Policy) -> (Eyes, Table) {
    let settings = Settings {
        organization: policy.organization_id().to_owned(),
        table: TABLE.to_owned(),
        snstopic: TOPIC.to_owned(),
        accountnumber: policy.payer().clone(),
        snsregion: HOME_REGION.to_owned(),
        has_chat: policy.has_chat(),
        policies: Policies { quarantine: None, models: None, lockdown: None },
    };
    let ports = runawaytrain_aws::connect_as(visitor, &settings, Arc::new(WallClock));
    (Eyes::of(&ports), Table::of(&ports))
}

/// What a drill would say, were the guard deployed with this policy. It is asked with the event that it would be asked
/// with.
pub async fn drill(eyes: &Eyes, policy: Policy, event: &Value, looks: &Looks) -> Value {
    let blank = Arc::new(Blank);
    let eyes = eyes.clone();
    let ports = Ports {
        directory: eyes.directory,
        observer: Arc::new(Counted { inner: eyes.observer, looks: looks.clone() }),
        price_list: eyes.price_list,
        billing: eyes.billing,
        report_store: eyes.report_store,
        clock: eyes.clock,
        actuator: Arc::clone(&blank) as Arc<dyn Actuator>,
        simulator: Arc::clone(&blank) as Arc<dyn Simulator>,
        states: Arc::clone(&blank) as Arc<dyn States>,
        journal: Arc::clone(&blank) as Arc<dyn Journal>,
        peaks: Arc::clone(&blank) as Arc<dyn Peaks>,
        outbox: Arc::clone(&blank) as Arc<dyn Outbox>,
        slots: Arc::clone(&blank) as Arc<dyn Slots>,
        notifier: Arc::clone(&blank) as Arc<dyn Notifier>,
        metrics: Arc::clone(&blank) as Arc<dyn Metrics>,
        price_book: Arc::clone(&blank) as Arc<dyn PriceBook>,
        sweep_store: Arc::clone(&blank) as Arc<dyn SweepStore>,
        spend_book: blank,
    };
    let guard = Guard::new(&ports, policy, Mode::Drill);
    let invocation = Invocation { id: "check".to_owned(), deadline: Deadline::never() };
    let answer = guard.answer(event, &invocation).await;
    let mut said = serde_json::to_value(answer).unwrap_or_default();
    // Nobody asked what a role may do that is not there yet.
    let accounts = said.pointer_mut("/report/accounts").and_then(Value::as_array_mut);
    accounts
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .for_each(|account| _ = account.remove("permissions"));
    said
}

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Tells how far the looks have come.
struct Counted {
    inner: Arc<dyn Observer>,
    looks: Looks,
}

#[async_trait]
impl Observer for Counted {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        let regions = self.inner.regions(account, freshness).await;
        self.looks.expects(account, regions.as_ref().map_or(0, Vec::len));
        regions
    }

    async fn every_region(&self, account: &AccountId) -> Result<Vec<Region>, Failure> {
        self.inner.every_region(account).await
    }

    async fn look_on(&self, account: &AccountId, look: &Look, terms: Terms<'_>) -> Result<Sight, Failure> {
        let seen = self.inner.look_on(account, look, terms).await;
        if let Some(region) = &look.region {
            self.looks.saw(account, region);
        }
        seen
    }
}

/// A book with nothing in it, in which nothing can be written.
struct Blank;

fn not_deployed(what: &str) -> Failure {
    Failure::own(what, FailureKind::NotFound, "the guard is not deployed")
}

#[async_trait]
impl States for Blank {
    async fn load_all(&self) -> Result<Records, Failure> {
        Ok(Records::default())
    }

    async fn load_some(&self, _: &BTreeSet<AccountId>) -> Result<Records, Failure> {
        Ok(Records::default())
    }

    async fn load_in(&self, _: State) -> Result<Records, Failure> {
        Ok(Records::default())
    }

    async fn load(&self, _: &AccountId) -> Result<Option<VersionedRecord>, Failure> {
        Ok(None)
    }

    async fn commit(&self, _: Commit) -> Result<VersionedRecord, StoreError> {
        Err(not_deployed("dynamodb:TransactWriteItems").into())
    }

    async fn renew(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::LeaseLost)
    }

    async fn wait_for(&self, _: &Lease, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }
}

#[async_trait]
impl Journal for Blank {
    async fn intend(&self, _: &Lease, _: &JournalEntry) -> Result<(), StoreError> {
        Err(StoreError::LeaseLost)
    }

    async fn conclude(&self, _: &Lease, _: &HaltId, _: &EntryId, _: &Conclusion) -> Result<(), StoreError> {
        Err(StoreError::LeaseLost)
    }

    async fn entries(&self, _: &AccountId, _: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Outbox for Blank {
    async fn waiting(&self) -> Result<Vec<OutboxItem>, Failure> {
        Ok(Vec::new())
    }

    async fn claim(&self, _: &OutboxId, _: Timestamp, _: Timestamp) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn unclaim(&self, _: &OutboxId) -> Result<(), Failure> {
        Ok(())
    }

    async fn add(&self, _: &Notice, _: Timestamp, _: SignedDuration) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn clear(&self, _: &OutboxId) -> Result<(), Failure> {
        Ok(())
    }
}

#[async_trait]
impl Peaks for Blank {
    async fn peaks(&self, _: &AccountId, _: Timestamp) -> Result<Vec<HourPeak>, Failure> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Slots for Blank {
    async fn take(&self, _: SlotPool, _: &AccountId, _: u32, _: Timestamp, _: Timestamp) -> Result<bool, Failure> {
        Ok(false)
    }
}

#[async_trait]
impl PriceBook for Blank {
    async fn prices(&self) -> Result<BTreeMap<PriceKey, KnownPrice>, Failure> {
        Ok(BTreeMap::new())
    }

    async fn keep(&self, _: &PriceKey, _: &KnownPrice) -> Result<(), Failure> {
        Ok(())
    }
}

#[async_trait]
impl SpendBook for Blank {
    async fn hours(&self, _: Timestamp) -> Result<SpentHours, Failure> {
        Ok(SpentHours::default())
    }

    async fn hours_of(&self, _: &BTreeSet<AccountId>, _: Timestamp) -> Result<SpentHours, Failure> {
        Ok(SpentHours::default())
    }

    async fn store(&self, _: &ReadReport) -> Result<(), Failure> {
        Err(not_deployed("dynamodb:BatchWriteItem"))
    }

    async fn editions(&self) -> Result<BTreeMap<String, String>, Failure> {
        Ok(BTreeMap::new())
    }
}

#[async_trait]
impl SweepStore for Blank {
    async fn put(&self, _: &str, _: &str, _: Vec<u8>) -> Result<(), Failure> {
        Err(not_deployed("s3:PutObject"))
    }

    async fn get(&self, _: &str, _: &str, _: u64) -> Result<Vec<u8>, Failure> {
        Err(not_deployed("s3:GetObject"))
    }
}

#[async_trait]
impl Simulator for Blank {
    async fn simulate(&self, _: &AccountId, _: &Question) -> Result<BTreeMap<&'static str, DeniedBy>, Failure> {
        Err(not_deployed("iam:SimulatePrincipalPolicy"))
    }
}

#[async_trait]
impl Actuator for Blank {
    async fn prepare(&self, _: &AccountId) {}

    async fn perform(&self, _: &AccountId, action: &Action, _: Timestamp) -> Result<Performed, Failure> {
        use runawaytrain_core::resource::Act as _;
        Err(not_deployed(action.operation()))
    }
}

#[async_trait]
impl Notifier for Blank {
    async fn send(&self, _: &NotifyList, _: &str, _: &str, _: &Chat) -> Result<(), Failure> {
        Err(not_deployed("sns:Publish"))
    }
}

impl Metrics for Blank {
    fn emit(&self, _: &SweepMetrics) {}
}
