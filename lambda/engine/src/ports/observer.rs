use async_trait::async_trait;

use runawaytrain_core::resource::{Depth, Kind, Sight};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

use super::directory::Freshness;

/// One look into an account: at what, where, how closely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Look {
    /// At what.
    pub kind: Kind,
    /// Where, for a kind that is looked at by region.
    pub region: Option<Region>,
    /// How closely.
    pub depth: Depth,
}

impl Look {
    /// A look of the usual depth.
    pub fn at(kind: Kind, region: Option<&Region>) -> Self {
        Self { kind, region: region.cloned(), depth: Depth::Usual }
    }
}

/// Takes what a look knows while it goes on.
pub type SoFar<'a> = &'a (dyn Fn(Sight) + Send + Sync);

/// Looks into accounts and can do nothing else: its session is limited to reading.
#[async_trait]
pub trait Observer: Send + Sync {
    /// The regions that the account has enabled.
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure>;

    /// Every region that there is, enabled or not, as this account is told. Some hours old is good enough: AWS opens a
    /// few a year.
    async fn every_region(&self, account: &AccountId) -> Result<Vec<Region>, Failure>;

    /// Everything of one kind in one place, all pages. What failed for one thing, such as the keys of one user, stands
    /// in that thing's parts.
    async fn look(&self, account: &AccountId, look: &Look) -> Result<Sight, Failure> {
        self.follow(account, look, &|_| {}).await
    }

    /// The same, which tells what is known already while it goes on: each time all of it so far. What takes many calls
    /// to know, such as the keys of every user, does not keep anybody from being denied by name.
    async fn follow(&self, account: &AccountId, look: &Look, so_far: SoFar<'_>) -> Result<Sight, Failure>;
}
