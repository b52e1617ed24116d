//! Who is in the organization, and in which of its units that the policy names.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};

use crate::ports::{Directory, Freshness, Lifecycle, Member, Members};
use crate::trigger::Selection;

/// What Organizations says of its accounts.
#[derive(Debug)]
pub struct Listed {
    /// All of them.
    pub members: Members,
    /// The units of those that have no path, as far as the policy names any; or why they could not be had.
    pub units: Result<BTreeMap<AccountId, Vec<UnitId>>, Failure>,
}

impl Listed {
    /// The units that an account is in, from the outermost to the innermost: by its path, else by what the units were
    /// asked, else by the path that is remembered of it. Or why nobody can tell.
    pub fn units_of(&self, member: &Member, remembered: Option<&str>) -> Result<Vec<UnitId>, Failure> {
        if let Some(path) = &member.path {
            return Ok(UnitId::along(path));
        }
        let asked = self.units.as_ref().map(|units| units.get(&member.account).cloned());
        match (asked, remembered) {
            (Ok(Some(units)), _) => Ok(units),
            (_, Some(path)) => Ok(UnitId::along(path)),
            (Err(failure), None) => Err(failure.clone()),
            (Ok(None), None) => Err(Failure::own(
                "organizations:ListAccountsForParent",
                FailureKind::Unavailable,
                "the account joined since the units could last be asked",
            )),
        }
    }
}

/// The organization's accounts; asked for anew where one was named that is not among them, for it may have joined a
/// minute ago. Where the policy names units, and Organizations does not write where the accounts are, the units are
/// asked as well: nothing more is called for a policy without units.
pub async fn list_members(
    directory: &dyn Directory,
    policy: &Policy,
    selection: &Selection,
) -> Result<Listed, Failure> {
    let mut members = directory.accounts(Freshness::Cached).await?;
    if let Selection::Only(wanted) = selection
        && !wanted.iter().all(|account| members.accounts.iter().any(|member| member.account == *account))
    {
        members = directory.accounts(Freshness::Now).await?;
    }
    let without_path = |member: &&Member| member.path.is_none() && !matches!(member.lifecycle, Lifecycle::Inactive(_));
    let unplaced: BTreeSet<AccountId> =
        members.accounts.iter().filter(without_path).map(|member| member.account.clone()).collect();
    if unplaced.is_empty() || !policy.has_units() {
        return Ok(Listed { members, units: Ok(BTreeMap::new()) });
    }
    let named = policy.document().units.keys().cloned().collect();
    let units = directory.units(&unplaced, &named, members.asked).await;
    Ok(Listed { members, units })
}

/// The units of one account, for whoever asks about it alone; none where the policy names none.
pub async fn units_of(
    directory: &dyn Directory,
    policy: &Policy,
    account: &AccountId,
    remembered: Option<&str>,
) -> Result<Vec<UnitId>, Failure> {
    if !policy.has_units() {
        return Ok(Vec::new());
    }
    let told = match list_members(directory, policy, &Selection::Only([account.clone()].into())).await {
        Ok(listed) => match listed.members.accounts.iter().find(|member| member.account == *account) {
            Some(member) => listed.units_of(member, remembered),
            None => Err(Failure::own(
                "organizations:ListAccounts",
                FailureKind::NotFound,
                "the account is not in the organization",
            )),
        },
        Err(failure) => Err(failure),
    };
    told.or_else(|failure| remembered.map(UnitId::along).ok_or(failure))
}
