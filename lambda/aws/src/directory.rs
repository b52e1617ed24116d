//! The organization's accounts, over AWS Organizations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_engine::ports::{Clock, Directory, Freshness, Lifecycle, Member, Members};

use crate::failure;
use crate::time::is_younger;

const LIST_ACCOUNTS: &str = "organizations:ListAccounts";
const LIST_ACCOUNTS_FOR_PARENT: &str = "organizations:ListAccountsForParent";
const LIST_UNITS_FOR_PARENT: &str = "organizations:ListOrganizationalUnitsForParent";
/// Of a unit that the organization does not have.
const NO_PARENT: &str = "ParentNotFoundException";
/// The most that Organizations gives at a time.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOrganizationalUnitsForParent.html>
const PAGE: i32 = 20;
/// Units that are asked at the same time, two calls each: Organizations takes some eight a second of each.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const UNITS_AT_ONCE: usize = 4;
/// How long a list is good: a thousand accounts take six seconds of ListAccounts' quota. Shorter than the default tick,
/// so that an account that left or was suspended is not taken for one that shut us out.
const FRESH: SignedDuration = SignedDuration::from_mins(4);
/// How old a fresh list may be: a crowd of events about one new account asks once.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(30);
/// How long an old list is better than none while Organizations fails: to sweep all but the newest accounts beats
/// sweeping none.
const USABLE: SignedDuration = SignedDuration::from_hours(1);

pub(crate) struct OrganizationsDirectory {
    client: aws_sdk_organizations::Client,
    clock: Arc<dyn Clock>,
    /// The last list.
    known: Mutex<Option<Members>>,
    /// The last answer about units.
    units: Mutex<Option<KnownUnits>>,
}

/// In which units accounts were found.
struct KnownUnits {
    asked: Timestamp,
    by_account: BTreeMap<AccountId, Vec<UnitId>>,
}

/// What is right inside of a unit.
struct Content {
    unit: UnitId,
    units: Vec<UnitId>,
    accounts: Vec<AccountId>,
}

impl OrganizationsDirectory {
    pub(crate) fn new(client: aws_sdk_organizations::Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, known: Mutex::default(), units: Mutex::default() }
    }

    async fn list(&self) -> Result<Vec<Member>, Failure> {
        let mut members = Vec::new();
        let mut pages = self.client.list_accounts().max_results(PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(LIST_ACCOUNTS, &error))?;
            for account in page.accounts() {
                members.push(member(account)?);
            }
        }
        Ok(members)
    }

    /// The units that are named, and those inside of them, level by level, each once. To ask every account for its
    /// parents (`ListParents`) would take a call an account and one more for each level above it; a unit has dozens of
    /// accounts, and units that the policy does not name are not asked.
    async fn ask(
        &self,
        accounts: &BTreeSet<AccountId>,
        named: &BTreeSet<UnitId>,
    ) -> Result<BTreeMap<AccountId, Vec<UnitId>>, Failure> {
        let mut around: BTreeMap<UnitId, UnitId> = BTreeMap::new();
        let mut holder: BTreeMap<AccountId, UnitId> = BTreeMap::new();
        let mut seen: BTreeSet<UnitId> = named.clone();
        let mut level: Vec<UnitId> = named.iter().cloned().collect();
        while !level.is_empty() {
            let contents: Vec<Content> = stream::iter(level)
                .map(|unit| self.content(unit))
                .buffer_unordered(UNITS_AT_ONCE)
                .try_collect()
                .await?;
            level = Vec::new();
            for Content { unit, units, accounts } in contents {
                holder.extend(accounts.into_iter().map(|account| (account, unit.clone())));
                for inner in units {
                    around.insert(inner.clone(), unit.clone());
                    if seen.insert(inner.clone()) {
                        level.push(inner);
                    }
                }
            }
        }
        let way = |account: &AccountId| {
            let mut way: Vec<UnitId> = std::iter::successors(holder.get(account), |unit| around.get(*unit))
                // A unit that was moved meanwhile may seem to be around itself.
                .take(around.len() + 1)
                .cloned()
                .collect();
            way.retain(|unit| named.contains(unit));
            way.reverse();
            way
        };
        Ok(accounts.iter().map(|account| (account.clone(), way(account))).collect())
    }

    async fn content(&self, unit: UnitId) -> Result<Content, Failure> {
        let read = tokio::try_join!(self.units_in(&unit), self.accounts_in(&unit));
        match read {
            Ok((units, accounts)) => Ok(Content { unit, units, accounts }),
            Err(failure) if failure.code.as_deref() == Some(NO_PARENT) => {
                tracing::warn!(unit = %unit, "the policy names a unit that the organization does not have");
                Ok(Content { unit, units: Vec::new(), accounts: Vec::new() })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn units_in(&self, unit: &UnitId) -> Result<Vec<UnitId>, Failure> {
        let asked = self.client.list_organizational_units_for_parent().parent_id(unit.as_str()).max_results(PAGE);
        let (mut units, mut pages) = (Vec::new(), asked.into_paginator().send());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(LIST_UNITS_FOR_PARENT, &error))?;
            for found in page.organizational_units() {
                let id = UnitId::parse(found.id().unwrap_or_default());
                units.push(id.map_err(|error| unreadable(LIST_UNITS_FOR_PARENT, &error))?);
            }
        }
        Ok(units)
    }

    async fn accounts_in(&self, unit: &UnitId) -> Result<Vec<AccountId>, Failure> {
        let asked = self.client.list_accounts_for_parent().parent_id(unit.as_str()).max_results(PAGE);
        let (mut accounts, mut pages) = (Vec::new(), asked.into_paginator().send());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(LIST_ACCOUNTS_FOR_PARENT, &error))?;
            for found in page.accounts() {
                let id = AccountId::parse(found.id().unwrap_or_default());
                accounts.push(id.map_err(|error| unreadable(LIST_ACCOUNTS_FOR_PARENT, &error))?);
            }
        }
        Ok(accounts)
    }
}

fn unreadable(operation: &str, error: &dyn std::error::Error) -> Failure {
    Failure::own(operation, FailureKind::Other, error.to_string())
}

#[async_trait]
impl Directory for OrganizationsDirectory {
    async fn accounts(&self, freshness: Freshness) -> Result<Members, Failure> {
        let good_for = if freshness == Freshness::Now { JUST_NOW } else { FRESH };
        let mut known = self.known.lock().await;
        // Whoever waited for another's list must find it young.
        let now = self.clock.now();
        let younger = |than| known.as_ref().filter(|known| is_younger(known.asked, now, than));
        let age_seconds = |known: &Members| now.duration_since(known.asked).as_secs();
        if let Some(members) = younger(good_for) {
            tracing::trace!(age_seconds = age_seconds(members), "the account list is fresh enough");
            return Ok(members.clone());
        }
        match self.list().await {
            Ok(accounts) => {
                let members = Members { accounts, asked: now };
                *known = Some(members.clone());
                Ok(members)
            }
            Err(failure) => match younger(USABLE) {
                Some(members) => {
                    let age_seconds = age_seconds(members);
                    tracing::warn!(%failure, age_seconds, "the accounts could not be listed; an older list is used");
                    Ok(members.clone())
                }
                None => Err(failure),
            },
        }
    }

    async fn units(
        &self,
        accounts: &BTreeSet<AccountId>,
        named: &BTreeSet<UnitId>,
        since: Timestamp,
    ) -> Result<BTreeMap<AccountId, Vec<UnitId>>, Failure> {
        // Whoever waited for another's answer must find it.
        let mut known = self.units.lock().await;
        let now = self.clock.now();
        let knows_all = |known: &KnownUnits| accounts.iter().all(|account| known.by_account.contains_key(account));
        if let Some(known) = known.as_ref().filter(|known| known.asked >= since && knows_all(known)) {
            return Ok(known.by_account.clone());
        }
        match self.ask(accounts, named).await {
            Ok(by_account) => {
                *known = Some(KnownUnits { asked: now, by_account: by_account.clone() });
                Ok(by_account)
            }
            Err(failure) => match known.as_ref().filter(|known| is_younger(known.asked, now, USABLE)) {
                Some(known) => {
                    let age_seconds = now.duration_since(known.asked).as_secs();
                    tracing::warn!(%failure, age_seconds, "the units could not be asked; an older answer is used");
                    Ok(known.by_account.clone())
                }
                None => Err(failure),
            },
        }
    }
}

fn member(account: &Account) -> Result<Member, Failure> {
    let id = account.id().unwrap_or_default();
    let id = AccountId::parse(id).map_err(|error| unreadable(LIST_ACCOUNTS, &error))?;
    Ok(Member {
        account: id,
        name: account.name().unwrap_or_default().to_owned(),
        lifecycle: lifecycle(account),
        // An account is in one place today; the model allows for several.
        path: (!account.paths().is_empty()).then(|| account.paths().join(" ")),
    })
}

/// `Status` gave way to `State` in 2025; where only the old one is answered, it tells enough.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>
fn lifecycle(account: &Account) -> Lifecycle {
    match (account.state(), account.status()) {
        (Some(AccountState::Active), _) | (None, Some(AccountStatus::Active)) => Lifecycle::Active,
        (Some(AccountState::PendingClosure), _) | (None, Some(AccountStatus::PendingClosure)) => {
            Lifecycle::PendingClosure
        }
        (Some(state), _) => Lifecycle::Inactive(state.as_str().to_owned()),
        (None, Some(status)) => Lifecycle::Inactive(status.as_str().to_owned()),
        // Neither was answered: looked at rather than skipped, for a thief's account must not hide in a gap of the
        // list.
        (None, None) => Lifecycle::Active,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock::ManualClock;
    use crate::wire::Script;

    #[test]
    fn the_state_comes_first_and_the_status_stands_in() {
        let account = Account::builder;
        assert_eq!(
            lifecycle(&account().state(AccountState::Suspended).status(AccountStatus::Active).build()),
            Lifecycle::Inactive("SUSPENDED".to_owned())
        );
        assert_eq!(lifecycle(&account().status(AccountStatus::Active).build()), Lifecycle::Active);
        assert_eq!(lifecycle(&account().state(AccountState::PendingClosure).build()), Lifecycle::PendingClosure);
        assert_eq!(lifecycle(&account().build()), Lifecycle::Active);
    }

    #[tokio::test]
    async fn the_age_of_a_list_of_accounts_is_the_clocks() {
        let fails = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&fails);
        let script = Script::new(move |_| {
            if is_broken.load(Ordering::Relaxed) {
                return (400, r#"{"__type":"AccessDeniedException"}"#.to_owned());
            }
            (200, r#"{"Accounts":[{"Id":"111111111111","Name":"lab","State":"ACTIVE"}]}"#.to_owned())
        });
        let clock = ManualClock::at("2026-11-22T03:00:00Z");
        let client = aws_sdk_organizations::Client::new(&script.config());
        let directory = OrganizationsDirectory::new(client, Arc::clone(&clock) as Arc<dyn Clock>);
        let asked = async |freshness| {
            let answer = directory.accounts(freshness).await;
            (answer.map(|members| members.accounts.len()).map_err(|failure| failure.kind), script.asked().len())
        };
        assert_eq!(asked(Freshness::Cached).await, (Ok(1), 1));
        clock.set("2026-11-22T03:00:29Z");
        assert_eq!(asked(Freshness::Now).await, (Ok(1), 1), "a crowd of events asks once");
        clock.set("2026-11-22T03:03:59Z");
        assert_eq!(asked(Freshness::Cached).await, (Ok(1), 1), "it is young");
        assert_eq!(asked(Freshness::Now).await, (Ok(1), 2));
        clock.set("2026-11-22T03:07:59Z");
        assert_eq!(asked(Freshness::Cached).await, (Ok(1), 3), "it is old, though no time passed for the machine");
        clock.set("2026-11-22T03:00:00Z");
        assert_eq!(asked(Freshness::Cached).await, (Ok(1), 4), "what is of the future is old");
        fails.store(true, Ordering::Relaxed);
        clock.set("2026-11-22T03:59:59Z");
        assert_eq!(asked(Freshness::Cached).await, (Ok(1), 5), "an older list beats none");
        clock.set("2026-11-22T04:00:00Z");
        assert_eq!(asked(Freshness::Cached).await, (Err(FailureKind::Denied), 6), "but not for ever");
    }

    #[tokio::test]
    async fn units_are_asked_once_a_list_and_an_older_answer_beats_none() {
        let fails = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&fails);
        // One answer for both questions about a unit; its first page is empty.
        let script = Script::new(move |asked| {
            let is_about = |word: &str| asked.contains(word);
            let content = |unit: &str, account: &str| {
                (200, format!(r#"{{"OrganizationalUnits":[{unit}],"Accounts":[{{"Id":"{account}"}}]}}"#))
            };
            match () {
                () if is_broken.load(Ordering::Relaxed) => (400, r#"{"__type":"AccessDeniedException"}"#.to_owned()),
                () if is_about("ou-exam-nowhere0") => (400, r#"{"__type":"ParentNotFoundException"}"#.to_owned()),
                () if is_about("ou-exam-lasers01") => content("", "222222222222"),
                () if is_about("ou-exam-between0") => content(r#"{"Id":"ou-exam-lasers01"}"#, "333333333333"),
                () if is_about("NextToken") => content(r#"{"Id":"ou-exam-between0"}"#, "111111111111"),
                () => (200, r#"{"OrganizationalUnits":[],"Accounts":[],"NextToken":"more"}"#.to_owned()),
            }
        });
        let clock = ManualClock::at("2026-11-22T03:00:00Z");
        let client = aws_sdk_organizations::Client::new(&script.config());
        let directory = OrganizationsDirectory::new(client, Arc::clone(&clock) as Arc<dyn Clock>);
        let unit = |id: &str| UnitId::parse(id).unwrap();
        let named = ["ou-exam-campus01", "ou-exam-lasers01", "ou-exam-nowhere0"].map(unit).into();
        let ids = ["111111111111", "222222222222", "333333333333", "444444444444"];
        let accounts: BTreeSet<AccountId> = ids.map(|id| AccountId::parse(id).unwrap()).into();
        let ways = async |accounts: &BTreeSet<AccountId>, since: &str| {
            let answer = directory.units(accounts, &named, since.parse().unwrap()).await;
            let depths = answer.map(|ways| ways.into_values().collect::<Vec<_>>());
            (depths.map_err(|failure| failure.kind), script.asked().len())
        };
        let campus = vec![unit("ou-exam-campus01")];
        let lasers = vec![unit("ou-exam-campus01"), unit("ou-exam-lasers01")];
        let known = Ok(vec![campus.clone(), lasers, campus, Vec::new()]);
        // Two calls a unit, each unit once, and a second page of both.
        let (first, calls) = ways(&accounts, "2026-11-22T03:00:00Z").await;
        assert_eq!((&first, (9..=10).contains(&calls)), (&known, true), "{calls}");
        assert_eq!(ways(&accounts, "2026-11-22T03:00:00Z").await, (known.clone(), calls), "it is as young as the list");
        clock.set("2026-11-22T03:04:00Z");
        let (again, more) = ways(&accounts, "2026-11-22T03:04:00Z").await;
        assert!(again == known && more > calls, "a list that was read anew wants new units");
        fails.store(true, Ordering::Relaxed);
        clock.set("2026-11-22T04:03:59Z");
        let joined = accounts.iter().cloned().chain([AccountId::parse("555555555555").unwrap()]).collect();
        assert_eq!(ways(&joined, "2026-11-22T04:03:59Z").await.0, known, "an older answer beats none");
        clock.set("2026-11-22T04:04:00Z");
        assert_eq!(ways(&accounts, "2026-11-22T04:04:00Z").await.0, Err(FailureKind::Denied), "but not for ever");
    }
}
