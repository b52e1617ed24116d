use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};

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
    /// Where it is in the organization: `o-…/r-…/ou-…/…/111111111111/`. Only the payer's administrators can move it.
    /// Nothing where Organizations does not say.
    pub path: Option<String>,
}

/// The organization's accounts, as they were at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Each of them.
    pub accounts: Vec<Member>,
    /// When the list was asked for. While Organizations fails an older list is better than none.
    pub asked: Timestamp,
}

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Some minutes old is good enough.
    Cached,
    /// Asked now: a thief may have enabled a region since.
    Now,
}

/// The organization's accounts.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Every account of the organization, all pages, the payer included. Fresh means half a minute old at the most: a
    /// thousand accounts take six seconds of the quota, and a crowd of events about one new account must not ask for
    /// them one by one.
    async fn accounts(&self, freshness: Freshness) -> Result<Members, Failure>;

    /// In which of the units that are `named` each account is, from the outermost to the innermost, for those of which
    /// the list has no path. It is asked of nobody else: where Organizations writes paths this is never called.
    ///
    /// Every account of `accounts` is in the answer, with no unit where it is in none of them, as it was at `since` or
    /// later: a list and the units that are asked after it tell of a move together. Only while Organizations fails an
    /// older answer is given, for as long as an older list is; an account that it does not know is then missing. A unit
    /// that the organization does not have holds nobody.
    async fn units(
        &self,
        accounts: &BTreeSet<AccountId>,
        named: &BTreeSet<UnitId>,
        since: Timestamp,
    ) -> Result<BTreeMap<AccountId, Vec<UnitId>>, Failure>;
}
