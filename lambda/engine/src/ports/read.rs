use async_trait::async_trait;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::{Role, User};
use runawaytrain_core::ids::{AccountId, Region};
use runawaytrain_core::launchers::Launchers;
use runawaytrain_core::observation::Instance;

/// Where an account is in its life, from Organizations' `State`, or its older `Status` where that is all there is.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// In use.
    Active,
    /// Being closed: its instances still run.
    PendingClosure,
    /// Not usable by anybody, us included: suspended, closed or not yet activated. In AWS's words.
    Inactive(String),
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub account: AccountId,
    /// Its name in Organizations. A member may choose it.
    pub name: String,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
}

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Some minutes old is good enough.
    Cached,
    /// Asked now: a thief may have enabled a region since.
    Now,
}

/// How closely users are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDetail {
    /// Lockout, keys, console password.
    Credentials,
    /// All that must be removed before the user can be deleted, too.
    Everything,
}

/// The organization's accounts.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Every account of the organization, all pages, the payer included. Fresh means half a minute old at the most: a
    /// thousand accounts take six seconds of the quota, and a crowd of events about one new account must not ask for
    /// them one by one.
    async fn accounts(&self, freshness: Freshness) -> Result<Vec<Member>, Failure>;
}

/// Looks into accounts and can do nothing else: its session is limited to reading.
#[async_trait]
pub trait Observer: Send + Sync {
    /// The regions that the account has enabled.
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure>;

    /// Every pending or running instance of one region, all pages, those that services manage included.
    async fn instances(&self, account: &AccountId, region: &Region) -> Result<Vec<Instance>, Failure>;

    /// What would launch instances again in one region: Auto Scaling groups, fleets, Spot requests, all pages.
    async fn launchers(&self, account: &AccountId, region: &Region) -> Result<Launchers, Failure>;

    /// Every IAM role, all pages. What failed for one role stands in that role's parts.
    async fn roles(&self, account: &AccountId) -> Result<Vec<Role>, Failure>;

    /// Whether the quarantine policy is attached to the account itself; `None` where no quarantine policy is deployed.
    async fn quarantined(&self, account: &AccountId) -> Result<Option<bool>, Failure>;

    /// Every IAM user, all pages. What failed for one user stands in that user's parts.
    async fn users(&self, account: &AccountId, detail: UserDetail) -> Result<Vec<User>, Failure>;
}
