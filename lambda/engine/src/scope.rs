//! Which accounts a request is about, and how far the machine may go in each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::decision::Place;
use runawaytrain_core::message::report::AccountReport;
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::record::{AccountRecord, denied_by_the_organization};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::{Mode, least};

use crate::ports::{Directory, Freshness, Lifecycle, Member, Members};
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
    /// Takes in which regions the organization denies, by what befell its accounts so far.
    pub fn deny_regions<'a>(&mut self, records: impl Iterator<Item = &'a AccountRecord>, payer: &AccountId) {
        let Some(any) = self.accounts.first() else { return };
        let members = records.filter(|record| self.members.contains(&record.account));
        let mut denied = denied_by_the_organization(members, payer);
        denied.retain(|region| !any.policy.closed_regions.contains(region));
        for scoped in &mut self.accounts {
            scoped.policy.denied_regions.clone_from(&denied);
        }
    }
}

/// Who is looked at, of the accounts that [`list_members`] brought. When Organizations does not answer, the accounts of
/// earlier sweeps are watched on, by the names that they had then: a guard must not go blind because a list is missing.
pub fn scope(
    listed: Result<Members, Failure>,
    policy: &Policy,
    selection: &Selection,
    ceiling: Mode,
    known: impl Iterator<Item = (AccountId, Option<String>)>,
) -> Scope {
    match listed {
        Ok(Members { accounts, asked }) => from_members(accounts, Some(asked), policy, selection, ceiling),
        Err(failure) => {
            tracing::error!(error = %failure, "the organization's accounts could not be listed; sweeping the accounts known from before");
            let mut names = BTreeMap::from([(policy.payer().clone(), None)]);
            names.extend(known);
            let member = |(account, name): (AccountId, Option<String>)| Member {
                account,
                name: name.unwrap_or_default(),
                lifecycle: Lifecycle::Active,
                path: None,
            };
            let members = names.into_iter().map(member).collect();
            let mut scope = from_members(members, None, policy, selection, ceiling);
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

/// The organization's accounts; asked for anew where one was named that is not among them, for it may have joined a
/// minute ago.
pub async fn list_members(directory: &dyn Directory, selection: &Selection) -> Result<Members, Failure> {
    let members = directory.accounts(Freshness::Cached).await?;
    match selection {
        Selection::Only(wanted)
            if !wanted.iter().all(|account| members.accounts.iter().any(|member| member.account == *account)) =>
        {
            directory.accounts(Freshness::Now).await
        }
        _ => Ok(members),
    }
}

/// `asked` is when Organizations was asked for the list, where it is Organizations' at all.
fn from_members(
    members: Vec<Member>,
    asked: Option<Timestamp>,
    policy: &Policy,
    selection: &Selection,
    ceiling: Mode,
) -> Scope {
    let mut scope = Scope::default();
    let members: BTreeMap<AccountId, Member> =
        members.into_iter().map(|member| (member.account.clone(), member)).collect();
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
        let mut policy = policy.for_account(&account);
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
        let place = asked.map(|asked| Place { path: member.path, asked });
        scope.accounts.push(ScopedAccount { policy, name, mode, place });
    }
    scope
}
