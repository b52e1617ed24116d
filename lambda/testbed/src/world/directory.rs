//! Listing the organization's accounts.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_engine::ports::{Clock, Directory, Freshness, Member, Members};

use super::{ACCOUNTS_A_PAGE, World};
use crate::account::SimAccount;
use crate::pages::Pages;

/// How long the adapter remembers the organization's accounts.
const ACCOUNTS_FRESH: SignedDuration = SignedDuration::from_mins(4);
/// How old a fresh list may be.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(30);
/// How long it takes an old list for better than none while Organizations fails.
const USABLE: SignedDuration = SignedDuration::from_hours(1);

#[async_trait]
impl Directory for World {
    async fn accounts(&self, freshness: Freshness) -> Result<Members, Failure> {
        let good_for = match freshness {
            Freshness::Now => JUST_NOW,
            Freshness::Cached => ACCOUNTS_FRESH,
        };
        let (remembered, asked) = (self.lock().members.clone(), self.clock.now());
        let younger = |than| remembered.clone().filter(|members| asked.duration_since(members.asked) < than);
        if let Some(members) = younger(good_for) {
            return Ok(members);
        }
        match self.list().await {
            Ok(accounts) => {
                let members = Members { accounts, asked };
                self.lock().members = Some(members.clone());
                Ok(members)
            }
            Err(failure) => younger(USABLE).ok_or(failure),
        }
    }

    async fn units(
        &self,
        accounts: &BTreeSet<AccountId>,
        named: &BTreeSet<UnitId>,
        since: Timestamp,
    ) -> Result<BTreeMap<AccountId, Vec<UnitId>>, Failure> {
        let (remembered, now) = (self.lock().units.clone(), self.clock.now());
        let knows_all = |units: &BTreeMap<_, _>| accounts.iter().all(|account| units.contains_key(account));
        if let Some((asked, units)) = &remembered
            && *asked >= since
            && knows_all(units)
        {
            return Ok(units.clone());
        }
        match self.members_of(accounts, named).await {
            Ok(units) => {
                self.lock().units = Some((now, units.clone()));
                Ok(units)
            }
            Err(failure) => match remembered {
                Some((asked, units)) if now.duration_since(asked) < USABLE => Ok(units),
                _ => Err(failure),
            },
        }
    }
}

impl World {
    async fn list(&self) -> Result<Vec<Member>, Failure> {
        let has_no_paths = self.lock().has_no_paths;
        let member = |(account, known): (&AccountId, &SimAccount)| Member {
            account: account.clone(),
            name: known.name.clone(),
            lifecycle: known.lifecycle.clone(),
            path: Some(format!("o-exampleorg1/r-root/{}/{account}/", known.unit)).filter(|_| !has_no_paths),
        };
        let (mut found, mut pages) = (Vec::new(), Pages::new(ACCOUNTS_A_PAGE));
        loop {
            self.pass("organizations:ListAccounts", None, None).await?;
            let all = self.lock().accounts.iter().map(|each| (each.0.clone(), member(each))).collect();
            let (page, more) = pages.next(all);
            found.extend(page);
            if !more {
                return Ok(found);
            }
        }
    }

    /// Asks each of the units, and each of those inside of them, for its units and its accounts.
    async fn members_of(
        &self,
        accounts: &BTreeSet<AccountId>,
        named: &BTreeSet<UnitId>,
    ) -> Result<BTreeMap<AccountId, Vec<UnitId>>, Failure> {
        let of = |world: &Self| -> BTreeMap<AccountId, Vec<UnitId>> {
            let inner = world.lock();
            inner.accounts.iter().map(|(account, known)| (account.clone(), UnitId::along(&known.unit))).collect()
        };
        let inside =
            of(self).into_values().flat_map(|units| units.into_iter().skip_while(|unit| !named.contains(unit)));
        let asked: BTreeSet<UnitId> = named.iter().cloned().chain(inside).collect();
        let mut found: BTreeMap<AccountId, Vec<UnitId>> =
            accounts.iter().map(|account| (account.clone(), Vec::new())).collect();
        for unit in &asked {
            self.pass("organizations:ListOrganizationalUnitsForParent", None, None).await?;
            let mut pages = Pages::new(ACCOUNTS_A_PAGE);
            loop {
                self.pass("organizations:ListAccountsForParent", None, None).await?;
                let held = of(self).into_iter().filter(|(_, units)| units.last() == Some(unit));
                let (page, more) =
                    pages.next(held.map(|(account, units)| (account.clone(), (account, units))).collect());
                for (account, units) in page {
                    if let Some(known) = found.get_mut(&account) {
                        *known = units.into_iter().filter(|unit| named.contains(unit)).collect();
                    }
                }
                if !more {
                    break;
                }
            }
        }
        Ok(found)
    }
}
