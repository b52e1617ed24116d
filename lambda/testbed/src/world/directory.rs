//! Listing the organization's accounts.

use async_trait::async_trait;
use jiff::SignedDuration;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
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
}

impl World {
    async fn list(&self) -> Result<Vec<Member>, Failure> {
        let member = |(account, known): (&AccountId, &SimAccount)| Member {
            account: account.clone(),
            name: known.name.clone(),
            lifecycle: known.lifecycle.clone(),
            path: Some(format!("o-exampleorg1/r-root/{}/{account}/", known.unit)),
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
}
