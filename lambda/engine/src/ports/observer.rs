use std::time::Duration;

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

/// How a look goes about what takes calls of its own for each thing, such as the keys of a user. Whoever makes
/// thousands of them, or uses up the account's quota of calls, does not make a look last for minutes.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Things that need not be seen anew while they stay locked as they are: as an earlier look saw them.
    pub settled: Option<&'a Sight>,
    /// How long things are asked about one by one, once they are listed; what is throttled meanwhile is asked again.
    /// What was not come to by then is [`FailureKind::NotBegun`].
    ///
    /// [`FailureKind::NotBegun`]: runawaytrain_core::vocabulary::failure::FailureKind::NotBegun
    pub within: Duration,
    /// Is told what is known already while the look goes on: each time all of it so far. What takes many calls to know
    /// does not keep anybody from being denied by name.
    pub so_far: SoFar<'a>,
}

impl Default for Terms<'_> {
    /// Everything is seen anew, within a minute.
    fn default() -> Self {
        Self { settled: None, within: Duration::from_secs(60), so_far: &|_| {} }
    }
}

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
        self.look_on(account, look, Terms::default()).await
    }

    /// The same, on these terms.
    async fn look_on(&self, account: &AccountId, look: &Look, terms: Terms<'_>) -> Result<Sight, Failure>;
}
