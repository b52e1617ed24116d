//! Which accounts a request is about, and how far the machine may go in each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::decision::Place;
use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::record::{AccountRecord, denied_by_the_organization};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, Region, UnitId};
use runawaytrain_core::vocabulary::mode::{Mode, least};

use crate::members::Listed;
use crate::ports::{Lifecycle, Member, Members, RememberedAccount};
use crate::trigger::Selection;

/// One account to be looked at.
#[derive(Debug, Clone)]
pub struct ScopedAccount {
    /// What the policy says about it.
    pub policy: AccountPolicy,
    /// Its name: the policy's, else the organization's.
    pub name: String,
    /// The least of what the event, the environment, the policy and the account's own entry allow.
    pub mode: Mode,
    /// Where it is in the organization; nothing where Organizations does not answer.
    pub place: Option<Place>,
    /// The units that it is in, from the outermost to the innermost; none where nobody can tell.
    pub units: Vec<UnitId>,
    /// Why nobody can tell in which of the policy's units it is, where the policy has units: it is judged as mildly as
    /// it may have to be.
    pub units_unknown: Option<Failure>,
}

/// Why an account that was asked for is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnservedReason {
    /// It is not in the organization.
    NotAMember,
    /// Nobody can enter it: it is suspended, closed or not yet activated.
    Inactive,
    /// The organization's list could not be had, and the account is not known from before: whether it is a member is
    /// not known.
    Unlisted,
}

/// An account that was asked for and is not looked at.
#[derive(Debug)]
pub struct Unserved {
    /// Why.
    pub reason: UnservedReason,
    /// The same in words.
    pub report: AccountReport,
}

/// Who is looked at, and who is not.
#[derive(Debug, Default)]
pub struct Scope {
    /// Accounts to be looked at.
    pub accounts: Vec<ScopedAccount>,
    /// Every account of the organization, asked for or not.
    pub members: BTreeSet<AccountId>,
    /// Accounts that were asked for and are not served, each with its reason.
    pub unserved: Vec<Unserved>,
    /// Why the organization's list could not be had; the scope then rests on the accounts that were swept before.
    pub stale: Option<Failure>,
}

impl Scope {
    /// Which regions the organization denies, by what befell its accounts so far.
    pub fn denied_by<'a>(
        &self,
        records: impl Iterator<Item = &'a AccountRecord>,
        payer: &AccountId,
    ) -> BTreeSet<Region> {
        denied_by_the_organization(records.filter(|record| self.members.contains(&record.account)), payer)
    }

    /// Takes in which regions the organization denies.
    pub fn deny_regions(&mut self, mut denied: BTreeSet<Region>) {
        let Some(any) = self.accounts.first() else { return };
        denied.retain(|region| !any.policy.closed_regions.contains(region));
        for scoped in &mut self.accounts {
            scoped.policy.denied_regions.clone_from(&denied);
        }
    }
}

/// Who is looked at, of the accounts that [`list_members`](crate::members::list_members) brought. When Organizations
/// does not answer, the accounts of earlier sweeps are watched on, by the names that they had then and in the units
/// that they were in: a guard must not go blind because a list is missing.
pub fn scope(
    listed: Result<Listed, Failure>,
    policy: &Policy,
    selection: &Selection,
    ceiling: Mode,
    known: impl Iterator<Item = RememberedAccount>,
) -> Scope {
    match listed {
        Ok(listed) => {
            let paths = known.filter_map(|known| Some((known.account, known.path?))).collect();
            from_members(listed, true, &paths, policy, selection, ceiling)
        }
        Err(failure) => {
            tracing::error!(error = %failure, "the organization's accounts could not be listed; sweeping the accounts known from before");
            let payer = RememberedAccount { account: policy.payer().clone(), name: None, path: None };
            let mut remembered = BTreeMap::from([(payer.account.clone(), payer)]);
            remembered.extend(known.map(|known| (known.account.clone(), known)));
            let member = |known: RememberedAccount| Member {
                account: known.account,
                name: known.name.unwrap_or_default(),
                lifecycle: Lifecycle::Active,
                path: known.path,
            };
            let accounts = remembered.into_values().map(member).collect();
            let members = Members { accounts, asked: Timestamp::UNIX_EPOCH };
            let listed = Listed { members, units: Err(failure.clone()) };
            let mut scope = from_members(listed, false, &BTreeMap::new(), policy, selection, ceiling);
            for unserved in &mut scope.unserved {
                let account = unserved.report.account.clone();
                let why = format!(
                    "account {account} is not known from before, and the accounts of the organization could not be \
                     listed: {failure}"
                );
                *unserved =
                    Unserved { reason: UnservedReason::Unlisted, report: AccountReport::unserved(account, "", why) };
            }
            Scope { stale: Some(failure), ..scope }
        }
    }
}

/// `is_told` is whether the list is Organizations'; `paths` is where accounts were when our role last worked in them.
fn from_members(
    listed: Listed,
    is_told: bool,
    paths: &BTreeMap<AccountId, String>,
    policy: &Policy,
    selection: &Selection,
    ceiling: Mode,
) -> Scope {
    let mut scope = Scope::default();
    let members: BTreeMap<AccountId, Member> =
        listed.members.accounts.iter().map(|member| (member.account.clone(), member.clone())).collect();
    scope.members = members.keys().cloned().collect();
    if let Selection::Only(wanted) = selection {
        for account in wanted.iter().filter(|account| !members.contains_key(*account)) {
            let why = format!("account {account} is not in the organization {}", policy.organization_id());
            scope.unserved.push(Unserved {
                reason: UnservedReason::NotAMember,
                report: AccountReport::unserved(account.clone(), "", why),
            });
        }
    }
    for (account, member) in members {
        let asked_for = match selection {
            Selection::All => true,
            Selection::Only(wanted) => wanted.contains(&account),
        };
        if !asked_for {
            continue;
        }
        let units = listed.units_of(&member, paths.get(&account).map(String::as_str));
        let units_unknown = units.as_ref().err().filter(|_| policy.has_units()).cloned();
        let mut policy = policy.for_account(&account, units.as_deref().ok());
        // What the mails call it as well.
        policy.name = policy.name.or_else(|| Some(member.name).filter(|name| !name.is_empty()));
        let name = policy.name.clone().unwrap_or_else(|| account.to_string());
        if let Lifecycle::Inactive(state) = member.lifecycle {
            // Nobody, we included, can enter it: no error in a sweep of all, but an answer to whoever asked for it by
            // id.
            if matches!(selection, Selection::Only(_)) {
                let why = format!("account {account} is {state} in the organization: nobody can enter it");
                scope.unserved.push(Unserved {
                    reason: UnservedReason::Inactive,
                    report: AccountReport::unserved(account, &name, why),
                });
            }
            continue;
        }
        let mode = least([ceiling, policy.mode]);
        let place = is_told.then_some(Place { path: member.path, asked: listed.members.asked });
        let units = units.unwrap_or_default();
        scope.accounts.push(ScopedAccount { policy, name, mode, place, units, units_unknown });
    }
    let unknown = scope.accounts.iter().filter_map(|scoped| scoped.units_unknown.as_ref());
    if let Some(failure) = unknown.clone().next() {
        let accounts = unknown.count();
        tracing::error!(accounts, error = %failure, "nobody can tell in which units accounts are; they are judged as mildly as they may have to be");
    }
    scope
}
