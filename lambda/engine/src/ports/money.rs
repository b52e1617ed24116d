use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::PriceKey;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;

/// AWS's price list.
#[async_trait]
pub trait PriceList: Send + Sync {
    /// The On-Demand price of an hour, and what the list says of the type besides.
    async fn on_demand(&self, key: &PriceKey) -> Result<Listed, Failure>;
}

/// What the price list says of a type where it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// In an hour; `None` where it has no price.
    pub per_hour: Option<Usd>,
    /// Whether the type has local disks.
    pub local_disks: LocalDisks,
}

/// What the price list said, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPrice {
    /// What it said.
    pub listed: Listed,
    /// When it was asked.
    pub asked: Timestamp,
}

/// Prices that were asked for before, kept for the next cold start.
#[async_trait]
pub trait PriceBook: Send + Sync {
    /// All of them, all pages.
    async fn prices(&self) -> Result<BTreeMap<PriceKey, KnownPrice>, Failure>;

    /// Keeps one.
    async fn keep(&self, key: &PriceKey, price: &KnownPrice) -> Result<(), Failure>;
}

/// What AWS estimates that each account is charged.
#[async_trait]
pub trait Billing: Send + Sync {
    /// The newest estimate of each account, as the payer sees it: month to date. An account without one is left out:
    /// its charges are not known, which is not nothing.
    async fn charges(&self, accounts: &[AccountId], now: Timestamp) -> Result<BTreeMap<AccountId, Charge>, Failure>;
}

/// What the Cost and Usage Reports said of an account, by the hours' beginnings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountHours {
    /// What was used.
    pub usage: BTreeMap<Timestamp, Usd>,
    /// What was bought: see [`Hours::purchases`](runawaytrain_core::measure::spend::Hours::purchases).
    pub purchases: BTreeMap<Timestamp, Usd>,
}

/// What the Cost and Usage Reports said, by account and hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpentHours {
    /// Each account's hours.
    pub accounts: BTreeMap<AccountId, AccountHours>,
    /// Until when the reports reach; `None` where no report was ever read.
    pub until: Option<Timestamp>,
}

/// One billing period of the reports, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// The billing period, such as `20261101-20261201`.
    pub period: String,
    /// Which edition of it: another one has another name.
    pub edition: String,
    /// Each account's hours.
    pub accounts: BTreeMap<AccountId, AccountHours>,
    /// Until when it reaches.
    pub until: Timestamp,
}

/// The hourly spend that was read from the reports.
#[async_trait]
pub trait SpendBook: Send + Sync {
    /// Every account's hours since a time, all pages; a few hours more may be given.
    async fn hours(&self, since: Timestamp) -> Result<SpentHours, Failure>;

    /// The same of the accounts from one id to another, both included.
    async fn hours_of(&self, range: &RangeInclusive<AccountId>, since: Timestamp) -> Result<SpentHours, Failure>;

    /// Puts an edition in the place of what was known of its billing period: hours that are not in it any more are
    /// forgotten. Written in parts; its edition becomes known last, so that one that was cut off is read again.
    async fn store(&self, report: &ReadReport) -> Result<(), Failure>;

    /// The edition of each billing period that was read.
    async fn editions(&self) -> Result<BTreeMap<String, String>, Failure>;
}
