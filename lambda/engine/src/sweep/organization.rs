//! What the first step of a distributed sweep finds out once, and all of its workers rest on: who is in the organization
//! and where, and what holds for all of it. To ask for it in each worker would take Organizations' and DynamoDB's quotas
//! many times.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use runawaytrain_core::decision::Place;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, Region, UnitId};
use runawaytrain_core::vocabulary::mode::{Mode, least};

use super::circumstances::Circumstances;
use crate::scope::{Scope, ScopedAccount, Unserved, UnservedReason};

/// The organization as a distributed sweep found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Organization {
    /// When the sweep began.
    pub started: Timestamp,
    /// Why the organization's accounts could not be listed, where they could not.
    pub unlisted: Option<String>,
    /// Regions that the organization denies, by what befell its accounts so far.
    pub denied_regions: BTreeSet<Region>,
    /// What holds for all of it.
    pub circumstances: Circumstances,
    /// Every account of it, those among them that nobody can enter.
    pub members: BTreeSet<AccountId>,
    /// Every account to be swept.
    pub accounts: BTreeMap<AccountId, ListedAccount>,
}

/// One account of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ListedAccount {
    /// What it is called.
    name: String,
    /// Where it is, where Organizations says so.
    place: Option<Place>,
    /// The units that it is in, where the policy has any; or why nobody can tell.
    units: Result<Vec<UnitId>, Failure>,
    /// What it is charged, where that is known.
    charge: Option<Charge>,
}

impl Organization {
    /// What a scope of all accounts says, and what they are charged.
    pub fn of(
        scope: &Scope,
        circumstances: Circumstances,
        charges: &BTreeMap<AccountId, Charge>,
        started: Timestamp,
    ) -> Self {
        let listed = |scoped: &ScopedAccount| ListedAccount {
            name: scoped.name.clone(),
            place: scoped.place.clone(),
            units: scoped.units_unknown.clone().map_or_else(|| Ok(scoped.units.clone()), Err),
            charge: charges.get(&scoped.policy.account).copied(),
        };
        Self {
            started,
            unlisted: scope.stale.as_ref().map(ToString::to_string),
            denied_regions: scope.accounts.first().map(|any| any.policy.denied_regions.clone()).unwrap_or_default(),
            circumstances,
            members: scope.members.clone(),
            accounts: scope.accounts.iter().map(|scoped| (scoped.policy.account.clone(), listed(scoped))).collect(),
        }
    }

    /// Whether it is known of every account in which units it is.
    pub fn knows_units(&self) -> bool {
        self.accounts.values().all(|listed| listed.units.is_ok())
    }

    /// What these accounts are charged.
    pub fn charges(&self, accounts: &BTreeSet<AccountId>) -> BTreeMap<AccountId, Charge> {
        let charge = |account: &AccountId| Some((account.clone(), self.accounts.get(account)?.charge?));
        accounts.iter().filter_map(charge).collect()
    }

    /// A worker's scope: these accounts, by what the policy says of each now.
    pub fn scope(&self, policy: &Policy, wanted: BTreeSet<AccountId>, ceiling: Mode) -> Scope {
        let mut scope = Scope { members: self.members.clone(), ..Scope::default() };
        for account in wanted {
            let Some(listed) = self.accounts.get(&account) else {
                let why = format!("account {account} is not in the list of this sweep");
                let report = AccountReport::unserved(account, "", why);
                scope.unserved.push(Unserved { reason: UnservedReason::NotAMember, report });
                continue;
            };
            scope.accounts.push(listed.scoped(policy, &account, &self.denied_regions, ceiling));
        }
        scope
    }
}

impl ListedAccount {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn scoped(&self, policy: &Policy, account: &AccountId, denied: &BTreeSet<Region>, ceiling: Mode) -> ScopedAccount {
        let mut policy = policy.for_account(account, self.units.as_deref().ok());
        policy.name = policy.name.or_else(|| Some(self.name.clone()).filter(|name| name != account.as_str()));
        policy.denied_regions.clone_from(denied);
        ScopedAccount {
            name: self.name.clone(),
            mode: least([ceiling, policy.mode]),
            place: self.place.clone(),
            units: self.units.clone().unwrap_or_default(),
            units_unknown: self.units.as_ref().err().cloned(),
            policy,
        }
    }
}
